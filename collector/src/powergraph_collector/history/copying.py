"""Moving history from one engine to another: what the target has already is left out, so it can be repeated."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Final, Protocol

from powergraph_collector.days import FIRST_MS, LAST_MS, utc_span_of
from powergraph_collector.model import Event, Sample

from .documents import sample_document
from .engine import HistoryAwayError, ReadableHistory
from .merging import add_in_order
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


class Target(Protocol):
    """Where history is copied to."""

    def add(self, bmc: str, day: str, samples: Sequence[Sample]) -> int:
        """Add those samples of a UTC day that are not there yet; returns how many. Raises OSError."""
        ...

    def add_events(self, bmc: str, events: Sequence[Event]) -> int:
        """Add those events, and ends of events, that are not there yet; returns how many. Raises OSError."""
        ...

    def finish(self) -> None:
        """Make sure that all is there. Raises OSError."""
        ...


class StoreTarget:
    """A store of the embedded engine."""

    def __init__(self, history: TinyDbHistory) -> None:
        self._history = history

    def add(self, bmc: str, day: str, samples: Sequence[Sample]) -> int:
        """Put what is missing where its times are."""
        missing = without(samples, self._history.read(bmc, *utc_span_of(day)))
        try:
            add_in_order(self._history.db, f"{bmc}/{day}", [sample_document(sample) for sample in missing])
        except OSError as error:
            raise _not_everything(f"{bmc}/{day}: {error.strerror or error}") from error
        return len(missing)

    def add_events(self, bmc: str, events: Sequence[Event]) -> int:
        """Append those that are not there, and the ends of those that last there."""
        there = {event.key: event for event in self._history.read_events(bmc, FIRST_MS, LAST_MS)}
        missing = [event for event in events if _tells_more(event, there.get(event.key))]
        if missing and (trouble := self._history.append((), missing).error):
            raise _not_everything(trouble)
        return len(missing)

    def finish(self) -> None:
        """Put days that are over into columns."""
        while self._history.tidy():
            pass


def _tells_more(event: Event, known: Event | None) -> bool:
    return known is None or (known.end_ms is None and event.end_ms is not None)


def _not_everything(reason: str) -> OSError:
    return OSError(f"not everything was copied: {reason}; once that is mended, copy again")


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
        there = self._reader.placed(bmc, *utc_span_of(day))
        missing = without(samples, (each.sample for each in there))
        if missing:
            placed = _marked(_placed(missing, there, self._groups.get(bmc, "")))
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
        exported = self._server.export(selector((*SAMPLE_METRICS, DAY_BEGUN), [bmc]), *utc_span_of(day))
        present = {point for series in exported for point, _ in points_of(series)}
        return [each for each in placed if any(point not in present for point, _ in points(each))]


def _placed(samples: Sequence[Sample], there: Sequence[Placed], group: str) -> list[Placed]:
    """Samples of one day among those that are there, by their times, so that the last ones there stay the last.

    A lap has one sample of a time: another one goes into an earlier lap.
    """
    times_ms = [each.sample.at_ms for each in there]
    if there and max(sample.at_ms for sample in samples) < min(times_ms):
        placed = _placed_after(None, samples, group)
        shift = there[0].lap - 1 - placed[-1].lap
        return [replace(each, lap=each.lap + shift) for each in placed]
    until_ms = list(accumulate(times_ms, max))
    end_ms = until_ms[-1] if there else FIRST_MS
    taken = {(each.lap, each.sample.at_ms) for each in there}
    late: list[Placed] = []
    for sample in (each for each in samples if each.at_ms < end_ms):
        lap = there[bisect_right(until_ms, sample.at_ms)].lap
        while (lap, sample.at_ms) in taken:
            lap -= 1
        taken.add((lap, sample.at_ms))
        late.append(Placed(sample, lap, group=group))
    after = there[-1] if there else None
    return late + _placed_after(after, [each for each in samples if each.at_ms >= end_ms], group)


def _placed_after(after: Placed | None, samples: Sequence[Sample], group: str) -> list[Placed]:
    placed: list[Placed] = []
    for sample in samples:
        after = place(sample, after, group)
        placed.append(after)
    return placed


def _marked(placed: Sequence[Placed]) -> list[Placed]:
    """With a mark at the first one of each lap, by which others learn that samples were added."""
    firsts = {each.lap: number for number, each in reversed(list(enumerate(placed)))}
    return [replace(each, opens=each.opens or number == firsts[each.lap]) for number, each in enumerate(placed)]


def without(wanted: Iterable[Sample], present: Iterable[Sample]) -> list[Sample]:
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
        samples = list(source.read(bmc, *utc_span_of(day)))
        yield len(samples), target.add(bmc, day, samples)


def copy_events(source: ReadableHistory, target: Target) -> int:
    """Copy all events; returns how many were missing."""
    return sum(target.add_events(bmc, source.read_events(bmc, FIRST_MS, LAST_MS)) for bmc in source.bmcs())
