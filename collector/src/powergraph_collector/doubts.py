"""What speaks against samples that were kept all the same: names for files and labels, words for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from powergraph_collector.model import Doubt, Event, EventKind

_WORDS: Final[Mapping[Doubt, str]] = {
    Doubt.INACTIVE: "the BMC says that it does not measure",
    Doubt.PARTIAL: "a supply has no reading, and is not in the sum",
    Doubt.JUMP: "more than twice the maximum that the BMC itself has seen",
    Doubt.AVERAGED: "the BMC's mean over an interval, not the power of the moment",
}


def doubt_names(doubt: Doubt) -> list[str]:
    """Flags as the lower-case names that the store and the published files use."""
    return [str(flag.name).lower() for flag in Doubt if flag in doubt]


def doubt_of(names: Iterable[Any]) -> Doubt:
    """The inverse of doubt_names; names that we do not know are left out."""
    doubt = Doubt.NONE
    for name in names:
        doubt |= Doubt.__members__.get(str(name).upper(), Doubt.NONE)
    return doubt


def doubt_within(events: Iterable[Event], from_ms: int, to_ms: int) -> Doubt:
    """What the events of a BMC say against its samples in [from_ms, to_ms)."""
    doubt = Doubt.NONE
    for event in events:
        end_ms = to_ms if event.end_ms is None else event.end_ms
        if event.kind is EventKind.DOUBT and event.begin_ms < to_ms and from_ms < end_ms:
            doubt |= doubt_of(event.reason.split())
    return doubt


def doubt_words(doubt: Doubt) -> str:
    """A clause for people, empty where nothing is to be doubted."""
    return "; ".join(_WORDS[flag] for flag in Doubt if flag in doubt)


def words_of_names(names: Iterable[str]) -> str:
    """The same of published names, among which those of a newer collector stand as they are."""
    return "; ".join(doubt_words(doubt_of([name])) or f"marked {name!r}" for name in names)
