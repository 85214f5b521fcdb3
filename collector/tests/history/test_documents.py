"""Documents become samples many at a time as they do one by one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.history.test_tinydb_engine import SAMPLES

from powergraph_collector.history.documents import STATISTICS, sample_document, sample_of, samples_of
from powergraph_collector.model import Sample, Source, Statistics

ODD = st.sampled_from([None, True, 1.5, "7", "x", float("inf"), [], ["inactive"], {}, 2**70, "dcmi", -1])
KEYS = st.sampled_from(
    ["at_ms", "power_w", "source", "doubt", "min_w", "max_w", "average_w", "period_ms", "bmc_time_s", "note"]
)
ODD_ONES = st.dictionaries(st.integers(0, 7), st.tuples(KEYS, ODD | st.just("left out")), max_size=2)


def one_by_one(found: list[dict[str, Any]]) -> Iterator[Sample]:
    for document in found:
        try:
            yield sample_of("node01", document)
        except (KeyError, ValueError, TypeError, OverflowError):
            continue


def changed(document: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
    others = {each: former for each, former in document.items() if each != key}
    return others if value == "left out" else {**others, key: value}


@given(sample=SAMPLES, others=st.lists(SAMPLES, max_size=3), odd=ODD_ONES, times=st.integers(1, 30))
@settings(max_examples=300)
def test_many_documents_give_the_samples_that_each_gives(
    sample: Sample, others: list[Sample], odd: dict[int, tuple[str, Any]], times: int
) -> None:
    alike = [sample._replace(at_ms=sample.at_ms + number) for number in range(8)]
    found = [sample_document(each) for each in (*alike, *others)]
    for number, (key, value) in odd.items():
        found[number] = changed(found[number], key, value)
    assert repr(samples_of("node01", found * times)) == repr(list(one_by_one(found * times)))


@pytest.mark.parametrize("key", ["at_ms", "power_w", *STATISTICS])
@pytest.mark.parametrize("value", ["7", 1.5, True])
def test_a_number_of_another_kind_is_taken_as_by_itself_wherever_it_stands(key: str, value: Any) -> None:
    samples = [
        Sample("node01", 1_000 * number, 400, Source.DCMI, statistics=Statistics(180, 620, 400, 1_000, number))
        for number in range(200)
    ]
    found = [sample_document(each) for each in samples]
    found[150] = changed(found[150], key, value)
    assert repr(samples_of("node01", found)) == repr(list(one_by_one(found)))


@pytest.mark.parametrize("key", ["power_w", *STATISTICS])
def test_what_is_no_whole_number_is_never_taken_for_one(key: str) -> None:
    document = sample_document(Sample("node01", 1_000, 400, statistics=Statistics(180, 620, 400, 1_000, 5)))
    assert sample_of("node01", {**document, key: 400.0}) == sample_of("node01", {**document, key: 400})
    for value in (400.7, True, float("nan")):
        with pytest.raises(ValueError, match=r"whole|NaN"):
            sample_of("node01", {**document, key: value})


@given(found=st.lists(SAMPLES, min_size=1, max_size=8))
def test_samples_come_as_samples(found: list[Sample]) -> None:
    again = samples_of("node01", map(sample_document, found))
    assert again == found
    assert all(type(sample) is Sample and hash(sample) == hash(sample._replace()) for sample in again)
