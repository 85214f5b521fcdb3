"""Documents become samples many at a time as they do one by one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.history.test_tinydb_engine import SAMPLES

from powergraph_collector.history.documents import sample_document, sample_of, samples_of
from powergraph_collector.model import Sample

ODD = st.sampled_from([None, True, 1.5, "7", "x", float("inf"), [], {}, 2**70, "dcmi", -1])
KEYS = st.sampled_from(["at_ms", "power_w", "source", "doubt", "period_ms", "bmc_time_s", "note"])


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """Mostly a sample's, at times with something odd in it, or without something."""
    document = sample_document(draw(SAMPLES))
    for key in draw(st.lists(KEYS, max_size=2)) if draw(st.integers(0, 9)) == 0 else []:
        document[key] = draw(ODD)
    if draw(st.integers(0, 19)) == 0:
        document.pop(draw(KEYS), None)
    return document


def one_by_one(found: list[dict[str, Any]]) -> Iterator[Sample]:
    for document in found:
        try:
            yield sample_of("node01", document)
        except (KeyError, ValueError, TypeError, OverflowError):
            continue


@given(found=st.lists(documents(), max_size=8), times=st.integers(1, 40))
@settings(max_examples=500)
def test_many_documents_give_the_samples_that_each_gives(found: list[dict[str, Any]], times: int) -> None:
    assert repr(samples_of("node01", found * times)) == repr(list(one_by_one(found * times)))


@given(found=st.lists(SAMPLES, min_size=1, max_size=8))
def test_samples_come_as_samples(found: list[Sample]) -> None:
    again = samples_of("node01", map(sample_document, found))
    assert again == found
    assert all(type(sample) is Sample and hash(sample) == hash(sample._replace()) for sample in again)
