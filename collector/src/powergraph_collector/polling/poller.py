"""The polling loop: asks every BMC at its ticks, skips what is late, and hands on what comes back."""

from __future__ import annotations

import heapq
import random
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from powergraph_collector.days import utc_day
from powergraph_collector.model import Event, EventKind, Reason
from powergraph_collector.polling import schedule
from powergraph_collector.polling.clock import Clock
from powergraph_collector.polling.lateness import Lateness
from powergraph_collector.polling.outages import Record, SeriesState
from powergraph_collector.sources.contract import Access, Answer, NoReading, Reader

LONGEST_WAIT_S: Final = 0.5  # so that the heartbeat and a stop are never far
LONGEST_ASK_S: Final = 150.0  # more than any reader takes, records of a slow BMC included: the answer is lost


@dataclass(frozen=True, slots=True)
class Target:
    """A BMC and how often to ask it; `cap` is the one that lasts as far as is known, for a BMC that is new here."""

    access: Access
    interval_s: float
    cap: Event | None = None


@dataclass(slots=True)
class Counts:
    """What the loop did since it began."""

    ticks: int = 0
    answers: int = 0
    failures: int = 0
    skipped: int = 0
    lateness: Lateness = field(default_factory=Lateness)


@dataclass(slots=True, eq=False)
class _Polled:
    """What the loop knows of one BMC."""

    target: Target
    phase_s: float
    series: SeriesState
    not_before_s: float = 0.0
    asked_ms: int = 0
    asked_s: float = 0.0
    in_flight: bool = False
    asks: int = 0
    retried: bool = False
    waits_for_retry: bool = False
    failures: int = 0
    ticks: int = 0

    def is_lost(self, now_s: float) -> bool:
        """Whether what was asked will not be answered any more."""
        return self.in_flight and now_s - self.asked_s > LONGEST_ASK_S

    def abandon(self) -> None:
        """Do not wait for what was asked; should it be answered all the same, the answer is too late."""
        self.in_flight = self.waits_for_retry = False
        self.asks += 1


@dataclass(slots=True)
class Poller:
    """Polls targets through a reader, in the thread that calls `run`.

    `hand_on` gets samples and events in the order in which they came; it must not block. `told` gets every answer, for
    those who watch. `ticks` limits the ticks per BMC.
    """

    reader: Reader[Any]
    hand_on: Callable[[Sequence[Record]], None]
    clock: Clock = field(default_factory=Clock)
    told: Callable[[str, int, Answer], None] | None = None
    ticks: int | None = None
    counts: Counts = field(default_factory=Counts)
    last_round_s: float = 0.0
    _polled: dict[str, _Polled] = field(default_factory=dict)
    _due: list[tuple[float, int, _Polled, bool]] = field(default_factory=list)
    _order: int = 0
    _day: str = ""
    _new_targets: Sequence[Target] | None = None

    def poll(self, targets: Iterable[Target]) -> None:
        """Poll these from the next round on, instead of those before; may be called from any thread."""
        self._new_targets = tuple(targets)

    def run(self, stop: threading.Event) -> None:
        """Poll until told to stop, or until every BMC had its `ticks`; then close all sessions."""
        try:
            while not stop.is_set() and not self._is_done():
                self.last_round_s = self.clock.monotonic_s()
                self._take_new_targets()
                self._watch_the_clock()
                self._ask_who_is_due()
                self.reader.work(self._wait_s())
        finally:
            self.reader.close()

    def _is_done(self) -> bool:
        return self.ticks is not None and self._new_targets is None and not self._due and not self._any_in_flight()

    def _any_in_flight(self) -> bool:
        now_s = self.clock.monotonic_s()
        return any(polled.in_flight and not polled.is_lost(now_s) for polled in self._polled.values())

    def _wait_s(self) -> float:
        if not self._due:
            return LONGEST_WAIT_S
        return min(LONGEST_WAIT_S, max(0.0, self._due[0][0] - self.clock.monotonic_s()))

    def _take_new_targets(self) -> None:
        targets, self._new_targets = self._new_targets, None
        if targets is None:
            return
        former, self._polled, self._due = self._polled, {}, []
        now_s = self.clock.monotonic_s()
        for index, target in enumerate(targets):
            name = target.access.name
            phase_s = now_s + schedule.phase_s(index, len(targets), target.interval_s)
            polled = former.pop(name, None)
            if polled is None:
                polled = _Polled(target, phase_s, SeriesState(name, cap=target.cap))
            elif polled.target.interval_s != target.interval_s:
                at_ms = self.clock.utc_ms()
                self.hand_on([Event(name, EventKind.INTERVAL, at_ms, at_ms, value=target.interval_s)])
            if polled.target.access != target.access:
                self.reader.forget(name)
                polled.abandon()
                polled.failures = 0
            if polled.waits_for_retry:  # its place in the queue is gone
                polled.abandon()
            polled.target, polled.phase_s = target, phase_s
            self._polled[name] = polled
            self._schedule(polled, phase_s)
        for name, polled in former.items():
            self.reader.forget(name)
            self.hand_on(polled.series.ended(self.clock.utc_ms()))

    def _schedule(self, polled: _Polled, due_s: float, *, is_retry: bool = False) -> None:
        self._order += 1
        heapq.heappush(self._due, (due_s, self._order, polled, is_retry))

    def _watch_the_clock(self) -> None:
        step = self.clock.step()
        at_ms = self.clock.utc_ms()
        if step is not None:
            self.hand_on([record for polled in self._polled.values() for record in polled.series.stepped(step)])
        day = utc_day(at_ms)
        if day != self._day:
            self._day = day
            self.hand_on([record for polled in self._polled.values() for record in polled.series.restated()])

    def _ask_who_is_due(self) -> None:
        now_s = self.clock.monotonic_s()
        while self._due and self._due[0][0] <= now_s:
            due_s, _, polled, is_retry = heapq.heappop(self._due)
            if self._polled.get(polled.target.access.name) is not polled:
                continue
            if is_retry:
                self._ask(polled)
            else:
                self._tick(polled, due_s, now_s)

    def _tick(self, polled: _Polled, due_s: float, now_s: float) -> None:
        interval_s = polled.target.interval_s
        polled.ticks += 1
        if self.ticks is None or polled.ticks < self.ticks:
            self._schedule(polled, schedule.next_tick_s(now_s, polled.phase_s, interval_s))
        self.counts.skipped += int((now_s - due_s) / interval_s)
        if polled.is_lost(now_s):
            self.reader.forget(polled.target.access.name)
            self._answered(polled, polled.asks, NoReading(Reason.TIMEOUT, "what was asked got lost; asked anew"))
        elif polled.in_flight:
            self.counts.skipped += 1
        elif now_s >= polled.not_before_s:
            self.counts.ticks += 1
            self.counts.lateness.add(now_s - due_s)
            polled.retried = False
            polled.asked_ms = self.clock.utc_ms()
            self._ask(polled)

    def _ask(self, polled: _Polled) -> None:
        polled.in_flight = True
        polled.waits_for_retry = False
        polled.asks += 1
        polled.asked_s = self.clock.monotonic_s()
        self.reader.ask(polled.target.access, partial(self._answered, polled, polled.asks))

    def _answered(self, polled: _Polled, ask: int, answer: Answer) -> None:
        if ask != polled.asks or self._polled.get(polled.target.access.name) is not polled:
            return
        if isinstance(answer, NoReading):
            now_s = self.clock.monotonic_s()
            if answer.again_soon and not polled.retried:
                polled.retried = polled.waits_for_retry = True  # and in flight: the tick is not over
                self._schedule(polled, now_s + random.uniform(*schedule.RETRY_S), is_retry=True)  # noqa: S311
                return
            self.counts.failures += 1
            polled.failures += 1
            pause_s = schedule.pause_s(answer.reason, polled.failures, polled.target.interval_s)
            polled.not_before_s = now_s + pause_s * random.uniform(0.9, 1.0)  # noqa: S311
        else:
            self.counts.answers += 1
            polled.failures = 0
        polled.in_flight = False
        polled.asks += 1  # a second answer would be to nothing
        at_ms = self.clock.utc_ms()
        name = polled.target.access.name
        if self.told is not None:
            self.told(name, at_ms, answer)
        self.hand_on(polled.series.add(answer, polled.asked_ms, at_ms))
