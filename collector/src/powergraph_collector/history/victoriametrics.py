"""The history of rooms that outgrow the embedded store: samples in VictoriaMetrics, events in a store beside it.

`append` acknowledges a sample when the spool's sync has returned; the forwarding thread brings it to the server. Reads
give what the server has together with what the spool still holds, so that nothing that is acknowledged is missing.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Final, Protocol

from powergraph_collector.days import LAST_MS, utc_day, utc_span_of
from powergraph_collector.model import Event, Sample

from . import engine, spool
from .contents import Contents
from .engine import Acknowledged, HistoryAwayError
from .spool import Spool
from .tinydb_engine import TinyDbHistory
from .victoriametrics_forwarding import Forwarder, Pace
from .victoriametrics_http import Access, Server
from .victoriametrics_series import DAY_BEGUN, SAMPLE_METRICS, Key, Placed, points_of, samples_of, selector

_SHORTEST_LOOK_MS: Final = 600_000
_LOOK_MS_A_SAMPLE: Final = 12_000  # a little more than the default interval
_LOOK_GROWS: Final = 6
_ASK_AGAIN_S: Final = 10.0


class Unconfirmed(Protocol):
    """What may not be seen on the server yet."""

    def samples_of(self, bmc: str) -> Sequence[Placed]:
        """Samples of a BMC."""
        ...

    def bmcs(self) -> Sequence[str]:
        """BMCs with such samples."""
        ...


class SpoolOfOthers:
    """What a spool that another process writes holds, as it was found."""

    def __init__(self, folder: Path) -> None:
        self._found = spool.unconfirmed(folder)

    def samples_of(self, bmc: str) -> Sequence[Placed]:
        """Samples of a BMC."""
        return self._found.get(bmc, ())

    def bmcs(self) -> Sequence[str]:
        """BMCs with such samples."""
        return list(self._found)


class VictoriaMetricsReader:
    """A ReadableHistory by URL. All raise HistoryAwayError while the server cannot be asked.

    `unconfirmed` is looked at before the server, as what is there may be on its way. `events` holds the events.
    """

    def __init__(
        self,
        server: Server,
        unconfirmed: Unconfirmed | None = None,
        events: TinyDbHistory | None = None,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._server = server
        self._unconfirmed = unconfirmed
        self._events = events
        self._now_ms = now_ms

    def read(self, bmc: str, from_ms: int, to_ms: int) -> Iterator[Sample]:
        """Samples of a span: UTC day by UTC day, in each as they were kept."""
        if to_ms <= from_ms:
            return
        first, last = utc_day(from_ms), utc_day(to_ms - 1)
        days = [first] if first == last else [day for day in self.utc_days(bmc) if first <= day <= last]
        for day in days:
            begin_ms, end_ms = utc_span_of(day)
            yield from (each.sample for each in self.placed(bmc, max(begin_ms, from_ms), min(end_ms, to_ms)))

    def placed(self, bmc: str, from_ms: int, to_ms: int) -> list[Placed]:
        """Samples of a span with their places, in the order of keeping."""
        found = {
            (each.key, each.sample.at_ms): each
            for each in self._on_the_way(bmc)
            if from_ms <= each.sample.at_ms < to_ms
        }
        exported = self._server.export(selector(SAMPLE_METRICS, [bmc]), from_ms, to_ms)
        for each in samples_of(point for series in exported for point in points_of(series)):
            if each.sample.bmc == bmc and from_ms <= each.sample.at_ms < to_ms:
                found.setdefault((each.key, each.sample.at_ms), each)
        return sorted(found.values(), key=lambda each: each.order)

    def _on_the_way(self, bmc: str) -> Sequence[Placed]:
        return () if self._unconfirmed is None else self._unconfirmed.samples_of(bmc)

    def read_events(self, bmc: str, from_ms: int, to_ms: int) -> list[Event]:
        """Events that touch a span; VictoriaMetrics itself has none."""
        return [] if self._events is None else self._events.read_events(bmc, from_ms, to_ms)

    @property
    def damage(self) -> Mapping[str, Contents]:
        """What is damaged of the events' tables that were read."""
        return {} if self._events is None else self._events.damage

    def last(self, bmc: str, count: int) -> list[Sample]:
        """The last count samples, oldest first."""
        return [each.sample for each in self.last_placed(bmc, count)]

    def last_placed(self, bmc: str, count: int) -> list[Placed]:
        """The last count samples with their places."""
        found: list[Placed] = []
        laps = self.laps(bmc)
        for day in sorted(laps, reverse=True):
            if len(found) >= count:
                break
            found[:0] = self._end_of_day(bmc, day, count - len(found), is_ascending=len(laps[day]) == 1)
        return found

    def _end_of_day(self, bmc: str, day: str, count: int, *, is_ascending: bool) -> list[Placed]:
        """The last samples of a day; where the clock never went back in it, not all of the day is read for them."""
        begin_ms, end_ms = utc_span_of(day)
        look_ms = max(_SHORTEST_LOOK_MS, count * _LOOK_MS_A_SAMPLE) if is_ascending else end_ms - begin_ms
        while True:
            from_ms = max(begin_ms, min(end_ms, self._now_ms()) - look_ms)
            placed = self.placed(bmc, from_ms, end_ms)
            if len(placed) >= count or from_ms == begin_ms:
                return placed[-count:]
            look_ms *= _LOOK_GROWS

    def bmcs(self) -> list[str]:
        """Names of the BMCs with samples or events."""
        on_the_way = () if self._unconfirmed is None else self._unconfirmed.bmcs()
        events = () if self._events is None else self._events.bmcs()
        found = {key.bmc for key, _ in self._begun()}
        return sorted({*found, *on_the_way, *events})

    def utc_days(self, bmc: str) -> list[str]:
        """UTC days with samples."""
        return sorted(self.laps(bmc))

    def stamps(self, bmc: str) -> dict[str, str]:
        """By UTC day with samples, what changes whenever more of them come to it, or its events change. Raises OSError.

        The beginnings of a day are enough, with how much of it is on its way: what is added later has one of its own,
        and what the service appends it tells of.
        """
        on_the_way = Counter(utc_day(each.sample.at_ms) for each in self._on_the_way(bmc))
        begun: dict[str, set[tuple[int, int]]] = {day: set() for day in on_the_way}
        for key, at_ms in self._begun([bmc]):
            if key.bmc == bmc:
                begun.setdefault(utc_day(at_ms), set()).add((key.lap, at_ms))
        of_events = {} if self._events is None else self._events.event_stamps(bmc)
        return {day: f"{_digest(begun[day])},{on_the_way[day] or ''},{of_events.get(day, '')}" for day in sorted(begun)}

    def laps(self, bmc: str) -> dict[str, set[int]]:
        """UTC days with samples, and the laps that they are of."""
        found: dict[str, set[int]] = {}
        for each in self._on_the_way(bmc):
            found.setdefault(utc_day(each.sample.at_ms), set()).add(each.lap)
        for key, at_ms in self._begun([bmc]):
            if key.bmc == bmc:
                found.setdefault(utc_day(at_ms), set()).add(key.lap)
        return found

    def _begun(self, bmcs: Sequence[str] = ()) -> Iterator[tuple[Key, int]]:
        """The laps that begin days of BMCs, or of all, and when."""
        for series in self._server.export(selector([DAY_BEGUN], bmcs), 0, LAST_MS):
            yield from ((key, at_ms) for (metric, key, at_ms), _ in points_of(series) if metric == DAY_BEGUN)


class VictoriaMetricsHistory:
    """The history of a service, which writes; `groups` are the groups of the BMCs, and may be replaced.

    `store` is the path of the store that holds the events; the spool is beside it. Raises history.storage.StoreError
    where one of them cannot be used.
    """

    def __init__(
        self,
        access: Access,
        store: Path,
        complain: Callable[[str], None],
        *,
        spool_bytes: int,
        groups: Mapping[str, str] | None = None,
        pace: Pace | None = None,
    ) -> None:
        self.groups = groups or {}
        self._away_until_s = 0.0
        self._server = Server(access)
        self._events = TinyDbHistory(store)
        try:
            self.spooled = Spool(spool_folder(store), spool_bytes)
        except BaseException:
            self._events.close()
            raise
        self._reader = VictoriaMetricsReader(self._server, self.spooled, self._events)
        self.forwarder = Forwarder(self.spooled, self._server, complain, pace or Pace())
        self.forwarder.start()

    def reader(self) -> VictoriaMetricsReader:
        """A reader beside this writer, in the same process, that sees only what is acknowledged."""
        return VictoriaMetricsReader(self._server, self.spooled, self._events.reader())

    def log_in(self, access: Access) -> None:
        """Be another user of the same server from now on."""
        self._server.log_in(access)

    @property
    def repairs(self) -> list[str]:
        """What had to be repaired, a sentence each."""
        return self.spooled.repairs or self._events.repairs

    def append(self, samples: Sequence[Sample], events: Sequence[Event] = ()) -> Acknowledged:
        """Keep a batch: samples in the spool, events in the store."""
        kept, error = samples, ""
        try:
            if samples:
                self.spooled.append(samples, self.groups)
        except OSError as failure:
            kept, error = (), failure.strerror or str(failure)
            if self.forwarder.trouble:
                error = f"{error}; {self.forwarder.trouble}"
        outcome = self._events.append((), events)
        return Acknowledged(kept, outcome.events, error or outcome.error)

    def spool(self) -> engine.Spool:
        """How full the spool is."""
        return engine.Spool(self.spooled.size_bytes, self.spooled.most_bytes, self.forwarder.refused)

    def read(self, bmc: str, from_ms: int, to_ms: int) -> Iterator[Sample]:
        """Samples of a span."""
        return self._reader.read(bmc, from_ms, to_ms)

    def read_events(self, bmc: str, from_ms: int, to_ms: int) -> list[Event]:
        """Events that touch a span."""
        return self._events.read_events(bmc, from_ms, to_ms)

    def last(self, bmc: str, count: int) -> list[Sample]:
        """The last count samples; the very last one is known without the server."""
        known = self.spooled.last(bmc)
        if known is None:
            self._adopt(bmc)
        elif count == 1:
            return [known.sample]
        return self._reader.last(bmc, count)

    def _adopt(self, bmc: str) -> None:
        """Learn the last sample of a BMC that this spool never had, but do not let each BMC wait for a dead server."""
        if time.monotonic() < self._away_until_s:
            raise HistoryAwayError("VictoriaMetrics was away a moment ago")
        try:
            for newest in self._reader.last_placed(bmc, 1):
                self.spooled.adopt(newest)
        except HistoryAwayError:
            self._away_until_s = time.monotonic() + _ASK_AGAIN_S
            raise

    def bmcs(self) -> list[str]:
        """Names of the BMCs with samples or events."""
        return self._reader.bmcs()

    def utc_days(self, bmc: str) -> list[str]:
        """UTC days with samples."""
        return self._reader.utc_days(bmc)

    def tidy(self) -> bool:
        """Upkeep of the events' store."""
        return self._events.tidy()

    def close(self) -> None:
        """Forward what can be, and let go of everything; the spool keeps the rest."""
        self.forwarder.end()
        self.spooled.close()
        self._events.close()
        self._server.close()


def spool_folder(store: Path) -> Path:
    """Where the spool of a service is that keeps its events in this store."""
    return store.with_name(store.name + ".spool")


def _digest(beginnings: set[tuple[int, int]]) -> str:
    return blake2b(repr(sorted(beginnings)).encode(), digest_size=8).hexdigest()
