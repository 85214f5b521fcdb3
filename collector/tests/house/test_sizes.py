"""The list of what is too large falls, and never rises."""

from pathlib import Path

import pytest
import sizes

needs_biome = pytest.mark.skipif(
    not sizes.BIOME.exists(), reason="NOT TESTED: Biome measures scripts, which npm install brings"
)
MODULE, FUNCTION = "collector/src/x.py", "collector/src/x.py::Reader.read"


@pytest.mark.parametrize(
    ("found", "listed", "words"),
    [
        ({MODULE: 301}, {}, "has 301 lines, more than 300"),
        ({FUNCTION: 41}, {}, "has 41 lines, more than 40"),
        ({MODULE: 402}, {MODULE: 401}, "has grown from 401 to 402"),
        ({MODULE: 400}, {MODULE: 401}, "lower the figure"),
        ({}, {MODULE: 401}, "remove it from the list"),
    ],
)
def test_what_is_new_has_grown_or_could_grow_again_is_named(
    found: sizes.Sizes, listed: sizes.Sizes, words: str
) -> None:
    (said,) = sizes.complaints(found, listed)
    assert words in said


def test_what_is_as_listed_is_no_matter() -> None:
    assert list(sizes.complaints({MODULE: 401, FUNCTION: 50}, {MODULE: 401, FUNCTION: 50})) == []


def test_writing_the_list_lowers_and_removes_and_never_adds_or_raises() -> None:
    found = {"fallen": 301, "grown": 500, "new": 600}
    assert sizes.lowered(found, {"fallen": 400, "grown": 400, "gone": 400}) == {"fallen": 301, "grown": 400}


def test_the_list_is_read_as_it_was_written() -> None:
    listed = {FUNCTION: 50, MODULE: 401, "files/frontend/scripts/x.js::it begins so": 41}
    assert sizes.read(sizes.written(listed)) == listed


def repository(folder: Path, python: str, script: str) -> Path:
    for path, text in (("collector/src/package/x.py", python), ("files/frontend/scripts/views/x.js", script)):
        (folder / path).parent.mkdir(parents=True)
        (folder / path).write_text(text)
    return folder


@needs_biome
def test_functions_of_python_are_measured_from_def_to_their_last_line(tmp_path: Path) -> None:
    body = "        pass\n" * 39
    read = f"    @decorated(\n        1,\n    )\n    def read(self):\n{body}"
    classes = f"class Reader:\n{read}\n    async def long(self):\n{body}{body}"
    found = sizes.too_large(repository(tmp_path, classes, ""))
    assert found == {"collector/src/package/x.py::Reader.long": 79}


@needs_biome
def test_functions_of_scripts_are_measured_whatever_their_form(tmp_path: Path) -> None:
    body = "  draw();\n" * 40
    script = "".join(
        f"{head} {{\n{body}}}{tail}\n"
        for head, tail in (
            ("export async function exported()", ""),
            ("const arrow = () =>", ";"),
            ("class View { async #load()", "}"),
            ("begin((site) =>", ");"),
        )
    )
    found = sizes.too_large(repository(tmp_path, "", f"const short = () => {{\n}};\n{script}"))
    path = "files/frontend/scripts/views/x.js"
    names = ["exported", "arrow", "#load", "begin((site) => {"]
    assert found == {f"{path}::{name}": 42 for name in names}


@needs_biome
def test_modules_are_measured(tmp_path: Path) -> None:
    found = sizes.too_large(repository(tmp_path, "\n" * 301, "\n" * 300))
    assert found == {"collector/src/package/x.py": 301}


@needs_biome
def test_a_script_that_cannot_be_read_is_not_taken_for_a_short_one(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="does not understand"):
        sizes.too_large(repository(tmp_path, "", "function {"))
