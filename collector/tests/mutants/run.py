"""Applies known faults one by one to copies of the collector; each must make the tests fail that its patch names.

Every `NN-name.patch` begins with a sentence that says what is broken, and a line `tests: …` with what pytest is to run.
Exit code 1 if a fault goes unnoticed or a patch no longer applies, with the tests passing beforehand. Arguments name
the patches to try, by a part of their names; none means all.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parent
COLLECTOR: Final = HERE.parents[1]
LEFT_OUT: Final = shutil.ignore_patterns(
    "__pycache__", ".*_cache", ".hypothesis", "page", "deploy", "mutants", "benchmarks"
)
WORKERS: Final = 2
TIME_LIMIT_S: Final = 180.0  # of one mutant's tests
TESTS_FAILED: Final = 1  # pytest's exit code; others mean that it could not run them


@dataclass(frozen=True)
class Mutant:
    """One patch: its name, what it breaks, and the tests that must notice."""

    path: Path
    fault: str
    tests: tuple[str, ...]


@dataclass(frozen=True)
class Verdict:
    """Whether the fault was noticed, in words."""

    noticed: bool
    words: str


def main(parts: Sequence[str]) -> int:
    """Try the mutants and print a line for each; returns the exit code."""
    paths = sorted(path for path in HERE.glob("*.patch") if not parts or any(part in path.name for part in parts))
    mutants = [parsed(path) for path in paths]
    if not mutants:
        print(f"no patch in {HERE} is called like that", file=sys.stderr)
        return 1
    tests = sorted({test for mutant in mutants for test in mutant.tests})
    print(f"{len(mutants)} mutants; first, their tests as they are: ", end="", flush=True)
    with tempfile.TemporaryDirectory(prefix="powergraph-") as folder:
        passing = run_tests(copied(Path(folder)), tests, f"-n{WORKERS}", limit_s=None)
    if passing.returncode:
        print(f"they do not pass\n{passing.stdout}")
        return 1
    print("they pass")
    began = time.monotonic()
    survivors = 0
    with ThreadPoolExecutor(WORKERS) as pool:
        for number, (mutant, verdict) in enumerate(zip(mutants, pool.map(tried, mutants), strict=True), start=1):
            survivors += not verdict.noticed
            mark = "noticed" if verdict.noticed else "SURVIVED"
            print(f"{number:3}/{len(mutants)}  {mark:8}  {mutant.path.stem}: {mutant.fault}{verdict.words}", flush=True)
    print(f"{len(mutants) - survivors} of {len(mutants)} noticed, {time.monotonic() - began:.0f} s")
    return 1 if survivors else 0


def parsed(path: Path) -> Mutant:
    """The header of a patch."""
    fault, _, rest = path.read_text().partition("\n")
    tests = next((line for line in rest.splitlines() if line.startswith("tests: ")), "")
    return Mutant(path, fault, tuple(shlex.split(tests.removeprefix("tests: "))))


def copied(folder: Path) -> Path:
    """A copy of the collector, which nobody else uses."""
    copy = folder / "collector"
    shutil.copytree(COLLECTOR, copy, ignore=LEFT_OUT)
    return copy


def tried(mutant: Mutant) -> Verdict:
    """Break a copy and run the tests there."""
    if not mutant.tests:
        return Verdict(False, " (its patch names no tests)")
    with tempfile.TemporaryDirectory(prefix="powergraph-") as folder:
        copy = copied(Path(folder))
        # A checkout around the folder of temporary files would make git ignore the copy.
        environment = {**os.environ, "GIT_CEILING_DIRECTORIES": folder}
        applied = subprocess.run(
            ["git", "apply", mutant.path], cwd=copy, env=environment, capture_output=True, text=True, check=False
        )
        if applied.returncode:
            return Verdict(False, f" (its patch no longer applies: {applied.stderr.strip()})")
        try:
            done = run_tests(copy, mutant.tests, "-x")
        except subprocess.TimeoutExpired:
            return Verdict(True, " (the tests never end)")
    if done.returncode in {0, TESTS_FAILED}:
        return Verdict(done.returncode == TESTS_FAILED, "")
    return Verdict(False, f" (pytest could not run: {done.stdout.strip()[-300:]})")


def run_tests(
    copy: Path, tests: Sequence[str], *options: str, limit_s: float | None = TIME_LIMIT_S
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options, *tests],
        cwd=copy,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=limit_s,
        check=False,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
