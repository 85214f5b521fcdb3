"""Doubts have names in files, and words for people; what a newer collector doubts is not lost."""

from __future__ import annotations

from powergraph_collector.doubts import doubt_names, doubt_of, doubt_words, words_of_names
from powergraph_collector.model import Doubt


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
