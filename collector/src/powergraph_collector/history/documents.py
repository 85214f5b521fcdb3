"""Samples and events as TinyDB documents, with names that a person can query."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice, repeat
from operator import itemgetter
from typing import Any, Final

from powergraph_collector.doubts import doubt_names, doubt_of
from powergraph_collector.model import Doubt, Event, EventKind, Sample, Source, Statistics

_SOURCES = {source.value: source for source in Source}
STATISTICS = ("min_w", "max_w", "average_w", "period_ms", "bmc_time_s")
_PLAIN: Final = ("at_ms", "power_w", "source")
_AT_ONCE: Final = 128
_as_sample: Final = partial(tuple.__new__, Sample)
_as_statistics: Final = partial(tuple.__new__, Statistics)


def sample_document(sample: Sample) -> dict[str, Any]:
    """A sample's document; the table says whose it is."""
    document: dict[str, Any] = {"at_ms": sample.at_ms, "power_w": sample.power_w, "source": sample.source.value}
    if sample.doubt:
        document["doubt"] = doubt_names(sample.doubt)
    if sample.statistics is not None:
        document.update((name, getattr(sample.statistics, name)) for name in STATISTICS)
    return document


def sample_of(bmc: str, document: Mapping[str, Any]) -> Sample:
    """The inverse of sample_document. Raises KeyError, ValueError, TypeError where the document is none of ours."""
    doubt = document.get("doubt")
    return Sample(
        bmc,
        whole(document["at_ms"]),
        whole(document["power_w"]),
        _SOURCES[document["source"]],
        doubt_of(doubt) if doubt else Doubt.NONE,
        Statistics(
            whole(document["min_w"]),
            whole(document["max_w"]),
            whole(document["average_w"]),
            whole(document["period_ms"]),
            whole(document["bmc_time_s"]),
        )
        if "period_ms" in document
        else None,
    )


def whole(value: Any) -> int:
    """A value that is a whole number, or the text of one. Raises ValueError, TypeError, OverflowError for another."""
    number = int(value)
    if isinstance(value, bool) or (isinstance(value, float) and number != value):
        raise ValueError(f"{value} is no whole number")
    return number


def samples_of(bmc: str, documents: Iterable[Mapping[str, Any]]) -> list[Sample]:
    """The samples among the documents of a table, into which anybody may put others: those are passed over."""
    samples: list[Sample] = []
    following = iter(documents)
    while some := list(islice(following, _AT_ONCE)):
        samples += _samples_alike(bmc, some) or _samples_one_by_one(bmc, some)
    return samples


def _samples_alike(bmc: str, documents: Sequence[Mapping[str, Any]]) -> Iterable[Sample]:
    """Samples of documents that have the same keys, no doubt, and whole numbers, as most do; none where one differs.

    It takes half the time that `sample_of` takes for each.
    """
    statistics = STATISTICS if len(documents[0]) > len(_PLAIN) else ()
    keys = (*_PLAIN, *statistics)
    if sum(map(len, documents)) != len(keys) * len(documents):
        return ()
    try:
        at_ms, power_w, sources, *of_bmc = zip(*map(itemgetter(*keys), documents), strict=True)
        known = list(map(_SOURCES.__getitem__, sources))
    except (KeyError, TypeError):
        return ()
    if any(set(map(type, numbers)) != {int} for numbers in (at_ms, power_w, *of_bmc)):
        return ()
    told = map(_as_statistics, zip(*of_bmc, strict=True)) if of_bmc else repeat(None)
    return map(_as_sample, zip(repeat(bmc), at_ms, power_w, known, repeat(Doubt.NONE), told))


def _samples_one_by_one(bmc: str, documents: Iterable[Mapping[str, Any]]) -> Iterator[Sample]:
    for document in documents:
        try:
            yield sample_of(bmc, document)
        except (KeyError, ValueError, TypeError, OverflowError):
            continue


def event_document(event: Event) -> dict[str, Any]:
    """An event's document; empty fields are left out."""
    fields = {
        "kind": event.kind.value,
        "begin_ms": event.begin_ms,
        "end_ms": event.end_ms,
        "reason": event.reason or None,
        "detail": event.detail or None,
        "value": event.value,
    }
    return {name: value for name, value in fields.items() if value is not None}


def event_of(bmc: str, document: Mapping[str, Any]) -> Event:
    """The inverse of event_document. Raises KeyError, ValueError, TypeError where the document is none of ours."""
    end_ms = document.get("end_ms")
    return Event(
        bmc,
        EventKind(document["kind"]),
        int(document["begin_ms"]),
        None if end_ms is None else int(end_ms),
        str(document.get("reason", "")),
        str(document.get("detail", "")),
        document.get("value"),
    )
