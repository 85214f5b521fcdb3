"""What the fuzzer found stays mended, and so many new inputs each time; `run.py` is the long run."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fuzz.targets import TARGETS, fuzz_any

CORPUS = sorted(Path(__file__).with_name("corpus").iterdir())
EXAMPLES = int(os.environ.get("POWERGRAPH_FUZZ_EXAMPLES", "1000"))


def test_no_input_of_the_corpus_breaks_a_promise() -> None:
    assert len(CORPUS) >= 12
    for path in CORPUS:
        try:
            fuzz_any(path.read_bytes())
        except Exception as error:
            error.add_note(f"input: {path}")
            raise


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: str(target.__name__))
def test_no_input_breaks_a_promise(target: Callable[[bytes], None]) -> None:
    number = TARGETS.index(target)

    @settings(max_examples=EXAMPLES)
    @given(st.binary(max_size=1000))
    def holds(data: bytes) -> None:
        fuzz_any(bytes((number,)) + data)

    holds()
