"""Modules and functions are short; those that are not stand in large.txt with their lines, a list that only falls.

What is too large and not in the list fails, and so does what is in the list and has grown. What has shrunk fails as
well, until `--write` has lowered its figure: else it could grow again unnoticed. `--write` never adds or raises a
line; whoever moves a large module renames its lines by hand.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).parents[3]
PYTHON: Final = "collector/src"
SCRIPTS: Final = "files/frontend/scripts"
BIOME: Final = REPOSITORY / "node_modules/.bin/biome"
LIST: Final = Path(__file__).with_name("large.txt")
HOW: Final = ".venv/bin/python collector/tests/house/sizes.py --write"
MODULE_LINES: Final = 300
FUNCTION_LINES: Final = 40

# Biome tells where the functions of scripts begin and end, except getters and setters. How many lines are too many is
# not left to it, since it counts only lines with code.
BIOME_RULE: Final = "noExcessiveLinesPerFunction"
BIOME_SETTINGS: Final = {
    "linter": {
        "rules": {"preset": "none", "complexity": {BIOME_RULE: {"level": "error", "options": {"maxLines": 1}}}},
    },
}
NAME_IN_SCRIPT: Final = re.compile(
    r"(?:(?:export |default |async |static )*function\*? (?P<function>\w+)"
    r"|(?:async |static |\*)*(?P<method>#?\w+)\()"
)
ASSIGNED: Final = re.compile(r"(\w+)\s*[=:]\s*$")

# What is measured: a module by its path, a function as path::name.
Sizes = dict[str, int]


def python_functions(text: str) -> Iterator[tuple[str, int]]:
    """The functions of a module, named with their classes and outer functions; decorators are no lines of theirs."""

    def inside(node: ast.AST, names: tuple[str, ...]) -> Iterator[tuple[str, int]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                named = (*names, child.name)
                if not isinstance(child, ast.ClassDef):
                    yield ".".join(named), (child.end_lineno or child.lineno) - child.lineno + 1
                yield from inside(child, named)
            else:
                yield from inside(child, names)

    yield from inside(ast.parse(text), ())


def name_in_script(line: str, column: int) -> str:
    """What the function is called that begins in this line, at this column from 1; without a name, its beginning."""
    before, text = line[: column - 1], line[column - 1 :]
    assigned = ASSIGNED.search(before)
    if assigned:
        return assigned[1]
    found = NAME_IN_SCRIPT.match(text)
    name = found and (found["function"] or found["method"])
    return name if name and name not in {"function", "async"} else line.strip()[:40]


def script_functions(folder: Path) -> Iterator[tuple[Path, str, int]]:
    """Every function of more than one line in the scripts below a folder: its file, name and lines."""
    with tempfile.TemporaryDirectory(prefix="powergraph-sizes-") as settings:
        (Path(settings) / "biome.json").write_text(json.dumps(BIOME_SETTINGS))
        told = subprocess.run(
            [BIOME, "lint", "--reporter=json", "--max-diagnostics=none", f"--config-path={settings}", "."],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,  # it finds what it is asked for, which it calls an error
        )
    lines: dict[str, list[str]] = {}
    for found in json.loads(told.stdout)["diagnostics"]:
        if BIOME_RULE not in found["category"]:
            raise SystemExit(f"Biome does not understand the scripts: {found['message']}")
        place = found["location"]
        path, begin, end = place["path"], place["start"], place["end"]
        if path not in lines:
            lines[path] = (folder / path).read_text().splitlines()
        name = name_in_script(lines[path][begin["line"] - 1], begin["column"])
        yield folder / path, name, end["line"] - begin["line"] + 1


def too_large(repository: Path = REPOSITORY) -> Sizes:
    """All that is over the limits; of several functions of one name in a module, the largest."""
    sizes: Sizes = {}

    def note(name: str, lines: int, most: int) -> None:
        if lines > most:
            sizes[name] = max(lines, sizes.get(name, 0))

    modules = [*(repository / PYTHON).rglob("*.py"), *(repository / SCRIPTS).rglob("*.js")]
    for path in modules:
        text, name = path.read_text(), str(path.relative_to(repository))
        note(name, len(text.splitlines()), MODULE_LINES)
        if path.suffix == ".py":
            for function, lines in python_functions(text):
                note(f"{name}::{function}", lines, FUNCTION_LINES)
    for path, function, lines in script_functions(repository / SCRIPTS):
        note(f"{path.relative_to(repository)}::{function}", lines, FUNCTION_LINES)
    return sizes


def complaints(found: Mapping[str, int], listed: Mapping[str, int]) -> Iterator[str]:
    """What keeps the list from being the truth, and from falling."""
    for name in sorted(found.keys() | listed.keys()):
        lines, known = found.get(name), listed.get(name)
        most = FUNCTION_LINES if "::" in name else MODULE_LINES
        if known is None:
            yield f"{name} has {lines} lines, more than {most}: make it shorter"
        elif lines is None:
            yield f"{name} is gone or has no more than {most} lines: remove it from the list, by {HOW}"
        elif lines > known:
            yield f"{name} has grown from {known} to {lines} lines: make it shorter"
        elif lines < known:
            yield f"{name} has shrunk from {known} to {lines} lines: lower the figure, by {HOW}"


def lowered(found: Mapping[str, int], listed: Mapping[str, int]) -> Sizes:
    """The list with what has fallen since, and nothing that has risen."""
    return {name: min(known, found[name]) for name, known in listed.items() if name in found}


def read(text: str) -> Sizes:
    """Take the list apart: in each line a number of lines, a blank, and what has them."""
    return {name: int(lines) for lines, name in (line.split(" ", 1) for line in text.splitlines())}


def written(sizes: Mapping[str, int]) -> str:
    """Put the list together, in the order of names, so that branches that shorten different modules merge."""
    return "".join(f"{lines} {name}\n" for name, lines in sorted(sizes.items()))


def main(arguments: list[str]) -> int:
    """Compare what is there with the list, which `--write` lowers first."""
    found, listed = too_large(), read(LIST.read_text())
    if arguments == ["--write"]:
        listed = lowered(found, listed)
        LIST.write_text(written(listed))
    elif arguments:
        raise SystemExit("usage: sizes.py [--write]")
    wrong = list(complaints(found, listed))
    sys.stderr.writelines(f"{each}\n" for each in wrong)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
