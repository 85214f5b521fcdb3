"""Moving history from one engine to another: what the target has already is left out, so it can be repeated."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Final, Protocol, TypeVar
from zoneinfo import ZoneInfo

from powergraph_collector.days import FIRST_MS, LAST_MS, span_of
from powergraph_collector.model import Event, Sample

from .engine import HistoryAwayError, ReadableHistory
from .tinydb_engine import TinyDbHistory
from .victoriametrics import VictoriaMetricsReader
from .victoriametrics_http import Server
from .victoriametrics_series import (
    DAY_BEGUN,
    SAMPLE_METRICS,
    Placed,
    import_lines,
    place,
    points,
    points_of,
    selector,
)

SETTLED_S: Final = 6.0  # after which a server shows what it took
MOST_WAITS: Final = 10
_UTC: Final = ZoneInfo("UTC")
T = TypeVar("T", Sample, Event)


class Target(Protocol):
    """Where history is copied to."""

    def add(self, bmc: str, day: str, samples: Sequence[Sample]) -> int:
        """Add those samples of a UTC day that are not there yet; returns how many. Raises OSError."""
        ...

    def add_events(self, bmc: str, events: Sequence[Event]) -> int:
        """Add those events that are not there yet; returns how many. Raises OSError."""
        ...

    def finish(self) -> None:
        """Make sure that all is there. Raises OSError."""
        ...


class StoreTarget:
    """A store of the embedded engine."""

    def __init__(self, history: TinyDbHistory) -> None:
        self._history = history

    def add(self, bmc: str, day: str, samples: Sequence[Sample]) -> int:
        """Append what is missing."""
        missing = without(samples, self._history.read(bmc, *_span(day)))
        self._append(missing, ())
        return len(missing)

    def add_events(self, bmc: str, events: Sequence[Event]) -> int:
        """Append what is missing."""
        missing = without(events, self._history.read_events(bmc, FIRST_MS, LAST_MS))
        self._append((), missing)
        return len(missing)

    def _append(self, samples: Sequence[Sample], events: Sequence[Event]) -> None:
        if samples or events:
            outcome = self._history.append(samples, events)
            if outcome.error:
                raise OSError(f"not everything was copied: {outcome.error}; once that is mended, copy again")

    def finish(self) -> None:
        """Put days that are over into columns."""
        while self._history.tidy():
            pass


class ServerTarget:
    """A VictoriaMetrics; events go to a store, if there is one. `wait` sleeps, by default in real time."""

    def __init__(
        self,
        server: Server,
        groups: Mapping[str, str],
        events: StoreTarget | None,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self._server = server
        self._reader = VictoriaMetricsReader(server)
        self._groups = groups
        self._events = events
        self._wait = wait
        self._sent: dict[tuple[str, str], list[Placed]] = {}
        wait(SETTLED_S)  # an earlier run may just have ended

    def add(self, bmc: str, day: str, samples: Sequence[Sample]) -> int:
        """Send what is missing."""
        there = self._reader.placed(bmc, *_span(day))
        missing = without(samples, (each.sample for each in there))
        if missing:
            placed = _placed(missing, there, self._groups.get(bmc, ""))
            self._server.insert(import_lines(placed))
            self._sent[bmc, day] = placed
        return len(missing)

    def add_events(self, bmc: str, events: Sequence[Event]) -> int:
        """Append to the store."""
        return 0 if self._events is None else self._events.add_events(bmc, events)

    def finish(self) -> None:
        """Wait until the server gives back what it took. Raises HistoryAwayError if it does not."""
        for _ in range(MOST_WAITS):
            if not self._sent:
                return
            self._wait(SETTLED_S)
            self._sent = {at: lost for at, placed in self._sent.items() if (lost := self._lost(*at, placed))}
        count = sum(len(placed) for placed in self._sent.values())
        bmc, day = min(self._sent, key=lambda at: at[::-1])
        raise HistoryAwayError(
            f"VictoriaMetrics took {count} samples and does not give them back, those of {bmc} on {day} first: look at "
            "its retention (-retentionPeriod) and its deduplication, and copy again"
        )

    def _lost(self, bmc: str, day: str, placed: Sequence[Placed]) -> list[Placed]:
        exported = self._server.export(selector((*SAMPLE_METRICS, DAY_BEGUN), [bmc]), *_span(day))
        present = {point for series in exported for point, _ in points_of(series)}
        return [each for each in placed if any(point not in present for point, _ in points(each))]


def _placed(samples: Sequence[Sample], there: Sequence[Placed], group: str) -> list[Placed]:
    """Samples of one day after those that are there; before them, if they are all older. The first one is marked."""
    is_before = bool(there) and max(sample.at_ms for sample in samples) < min(each.sample.at_ms for each in there)
    placed: list[Placed] = []
    after = there[-1] if there and not is_before else None
    for sample in samples:
        after = place(sample, after, group)
        placed.append(after)
    placed[0] = replace(placed[0], opens=True)
    if not is_before:
        return placed
    shift = there[0].lap - 1 - placed[-1].lap
    return [replace(each, lap=each.lap + shift) for each in placed]


def without(wanted: Iterable[T], present: Iterable[T]) -> list[T]:
    """What of wanted is not present, twins counted, in order."""
    left = Counter(present)
    missing = []
    for each in wanted:
        if left[each] > 0:
            left[each] -= 1
        else:
            missing.append(each)
    return missing


def days_of(source: ReadableHistory) -> list[tuple[str, str]]:
    """What there is to copy: BMCs and UTC days."""
    return [(bmc, day) for bmc in source.bmcs() for day in source.utc_days(bmc)]


def copied(source: ReadableHistory, target: Target, days: Iterable[tuple[str, str]]) -> Iterator[tuple[int, int]]:
    """Copy day by day; gives for each how many samples it has, and how many of them were missing. Raises OSError."""
    for bmc, day in days:
        samples = list(source.read(bmc, *_span(day)))
        yield len(samples), target.add(bmc, day, samples)


def copy_events(source: ReadableHistory, target: Target) -> int:
    """Copy all events; returns how many were missing."""
    return sum(target.add_events(bmc, source.read_events(bmc, FIRST_MS, LAST_MS)) for bmc in source.bmcs())


def _span(day: str) -> tuple[int, int]:
    return span_of(date.fromisoformat(day), _UTC)
