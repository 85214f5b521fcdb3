"""Doubts have names in files, and words for people; what a newer collector doubts is not lost."""

from __future__ import annotations

import pytest

from powergraph_collector.doubts import doubt_names, doubt_of, doubt_within, doubt_words, words_of_names
from powergraph_collector.figures import figures
from powergraph_collector.measuring import Context, Rows, measure
from powergraph_collector.model import Doubt, Event, EventKind, Sample
from powergraph_collector.rollups import Row


def test_every_doubt_has_a_name_and_words_of_its_own() -> None:
    words = [doubt_words(flag) for flag in Doubt]
    assert len(set(words)) == len(Doubt)
    assert "" not in words
    assert [doubt_of(doubt_names(flag)) for flag in Doubt] == list(Doubt)


def test_several_doubts_are_told_together() -> None:
    both = Doubt.INACTIVE | Doubt.AVERAGED
    assert doubt_words(both) == f"{doubt_words(Doubt.INACTIVE)}; {doubt_words(Doubt.AVERAGED)}"
    assert doubt_words(Doubt.NONE) == ""


def test_a_doubt_of_a_newer_collector_stands_as_it_is() -> None:
    assert words_of_names(["partial", "strange\x1b"]) == f"{doubt_words(Doubt.PARTIAL)}; marked 'strange\\x1b'"
    assert words_of_names([]) == ""


@pytest.mark.parametrize(
    ("span", "doubt"),
    [
        ((0, 1_000), Doubt.NONE),
        ((0, 1_001), Doubt.JUMP),
        ((1_999, 2_000), Doubt.JUMP),
        ((2_000, 3_000), Doubt.NONE),
        ((0, 4_000), Doubt.JUMP | Doubt.INACTIVE | Doubt.PARTIAL),
        ((90_000, 90_001), Doubt.INACTIVE | Doubt.PARTIAL),
    ],
)
def test_a_span_is_in_doubt_for_what_any_sample_of_it_is(span: tuple[int, int], doubt: Doubt) -> None:
    events = [
        Event("a", EventKind.DOUBT, 1_000, 2_000, "jump"),
        Event("a", EventKind.DOUBT, 3_000, None, "inactive partial strange"),
        Event("a", EventKind.OUTAGE, 0, None, "busy"),
    ]
    assert doubt_within(events, *span) == doubt


def test_a_doubtful_sample_counts_and_its_span_says_so() -> None:
    samples = [Sample("a", at_ms, 100) for at_ms in range(0, 60_000, 10_000)]
    samples[3] = samples[3]._replace(doubt=Doubt.JUMP, power_w=900)
    found = figures(samples, 10_000, [], (0, 50_000))
    assert (found.doubt, found.energy.max_w, found.energy.energy_ms_w) == (Doubt.JUMP, 900, 40_000 * 100 + 10_000 * 900)
    assert figures(samples, 10_000, [], (0, 30_000)).doubt is Doubt.NONE
    assert figures(samples, 10_000, [], (35_000, 36_000)).doubt is Doubt.JUMP  # it holds into the span


class Published:
    """What a site has of a BMC: no sample there says what is to be doubted of it, but events do."""

    is_far = True

    def context(self, from_ms: int, to_ms: int) -> Context:
        return Context(10_000, [Event("a", EventKind.DOUBT, 20_000, 30_000, "partial")])

    def has_samples(self, from_ms: int, to_ms: int) -> bool:
        return True

    def samples(self, from_ms: int, to_ms: int) -> list[Sample]:
        return [Sample("a", at_ms, 100) for at_ms in range(0, 60_000, 10_000)]

    def rows(self, from_ms: int, to_ms: int) -> Rows:
        return Rows(list[Row]())


def test_the_figures_of_a_site_are_in_doubt_by_its_events() -> None:
    assert measure(Published(), 0, 50_000).doubt is Doubt.PARTIAL
    assert measure(Published(), 30_000, 50_000).doubt is Doubt.NONE
