"""The polling loop: asks every BMC at its ticks, skips what is late, and hands on what a round brought.

BMCs of one interval and one phase share a slot, so that a tick costs no place in a queue of its own. A polled BMC is
in one of four states, which only the thread of `run` changes: RESTING between ticks; ASKED, which ends with its answer,
or after LONGEST_ASK_S without one; TO_RETRY, when an answer said that another request within the tick helps; LATE, when
the answer was silence, after which a reading may still come and counts as long as nothing newer was asked.
"""

from __future__ import annotations

import heapq
import random
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
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

    def add(self, others: Counts) -> None:
        """Count what another loop did, too."""
        self.ticks += others.ticks
        self.answers += others.answers
        self.failures += others.failures
        self.skipped += others.skipped
        self.lateness.add_all(others.lateness)


class _State(Enum):
    RESTING = auto()
    ASKED = auto()
    TO_RETRY = auto()
    LATE = auto()


@dataclass(slots=True, eq=False)
class _Polled:
    """What the loop knows of one BMC. `asks` numbers what was asked, so that answers to what is over are known."""

    target: Target
    series: SeriesState
    state: _State = _State.RESTING
    not_before_s: float = 0.0
    asked_ms: int = 0
    asked_s: float = 0.0
    asks: int = 0
    has_retried: bool = False
    failures: int = 0
    ticks: int = 0

    @property
    def is_waiting(self) -> bool:
        """Whether its tick is not over."""
        return self.state is _State.ASKED or self.state is _State.TO_RETRY

    def is_lost(self, now_s: float) -> bool:
        """Whether what was asked will not be answered any more."""
        return self.is_waiting and now_s - self.asked_s > LONGEST_ASK_S

    def abandon(self) -> None:
        """Do not wait for what was asked; should it be answered all the same, the answer is to nothing."""
        self.state = _State.RESTING
        self.asks += 1


@dataclass(slots=True)
class _Slot:
    """BMCs that are due together."""

    interval_s: float
    phase_s: float
    members: list[_Polled] = field(default_factory=list)


@dataclass(slots=True)
class Poller:
    """Polls targets through a reader, in the thread that calls `run`.

    `hand_on` gets the samples and events of a round in the order in which they came; it must not block. `told` gets
    every answer, for those who watch. `ticks` limits the ticks per BMC.
    """

    reader: Reader[Any]
    hand_on: Callable[[Sequence[Record]], None]
    clock: Clock = field(default_factory=Clock)
    told: Callable[[str, int, Answer], None] | None = None
    ticks: int | None = None
    counts: Counts = field(default_factory=Counts)
    last_round_s: float = 0.0
    _polled: dict[str, _Polled] = field(default_factory=dict)
    _due: list[tuple[float, int, _Slot]] = field(default_factory=list)
    _retries: list[tuple[float, int, _Polled, int]] = field(default_factory=list)
    _brought: list[Record] = field(default_factory=list)
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
                self._hand_on()
        finally:
            self.reader.close()

    def _hand_on(self) -> None:
        if self._brought:
            brought, self._brought = self._brought, []
            self.hand_on(brought)

    def _is_done(self) -> bool:
        if self.ticks is None or self._new_targets is not None or self._due or self._retries:
            return False
        now_s = self.clock.monotonic_s()
        return not any(polled.is_waiting and not polled.is_lost(now_s) for polled in self._polled.values())

    def _wait_s(self) -> float:
        now_s = self.clock.monotonic_s()
        waits = [queue[0][0] - now_s for queue in (self._due, self._retries) if queue]
        return min(LONGEST_WAIT_S, max(0.0, min(waits, default=LONGEST_WAIT_S)))

    def _take_new_targets(self) -> None:
        targets, self._new_targets = self._new_targets, None
        if targets is None:
            return
        former, self._polled, self._due, self._retries = self._polled, {}, [], []
        slots: dict[tuple[float, float], _Slot] = {}
        now_s = self.clock.monotonic_s()
        for index, target in enumerate(targets):
            name = target.access.name
            polled = former.pop(name, None)
            if polled is None:
                polled = _Polled(target, SeriesState(name, cap=target.cap))
            else:
                self._renew(polled, target)
            self._polled[name] = polled
            phase_s = schedule.phase_s(index, len(targets), target.interval_s)
            slot = slots.get((target.interval_s, phase_s))
            if slot is None:
                slot = slots[target.interval_s, phase_s] = _Slot(target.interval_s, now_s + phase_s)
            slot.members.append(polled)
        for slot in slots.values():
            self._schedule(slot, slot.phase_s)
        for name, polled in former.items():
            self.reader.forget(name)
            self._brought += polled.series.ended(self.clock.utc_ms())

    def _renew(self, polled: _Polled, target: Target) -> None:
        """Go on with a BMC whose settings may be others; its place in the queues is gone."""
        if polled.target.interval_s != target.interval_s:
            at_ms = self.clock.utc_ms()
            name = target.access.name
            self._brought.append(Event(name, EventKind.INTERVAL, at_ms, at_ms, value=target.interval_s))
        if polled.target.access != target.access:
            self.reader.forget(target.access.name)
            polled.abandon()
            polled.failures = 0
        if polled.state is _State.TO_RETRY:
            polled.abandon()
        polled.target = target

    def _schedule(self, slot: _Slot, due_s: float) -> None:
        self._order += 1
        heapq.heappush(self._due, (due_s, self._order, slot))

    def _watch_the_clock(self) -> None:
        step = self.clock.step()
        at_ms = self.clock.utc_ms()
        if step is not None:
            self._brought += [record for polled in self._polled.values() for record in polled.series.stepped(step)]
        day = utc_day(at_ms)
        if day != self._day:
            self._day = day
            self._brought += [record for polled in self._polled.values() for record in polled.series.restated()]

    def _ask_who_is_due(self) -> None:
        now_s = self.clock.monotonic_s()
        while self._retries and self._retries[0][0] <= now_s:
            _, _, polled, ask = heapq.heappop(self._retries)
            if polled.state is _State.TO_RETRY and polled.asks == ask:
                self._ask(polled, now_s)
        while self._due and self._due[0][0] <= now_s:
            due_s, _, slot = heapq.heappop(self._due)
            next_s = schedule.next_tick_s(now_s, slot.phase_s, slot.interval_s)
            missed = int((now_s - due_s) / slot.interval_s)
            for polled in slot.members:
                self._tick(polled, due_s, missed)
            if self.ticks is None or any(polled.ticks < self.ticks for polled in slot.members):
                self._schedule(slot, next_s)

    def _tick(self, polled: _Polled, due_s: float, missed: int) -> None:
        counts = self.counts
        if self.ticks is not None and polled.ticks >= self.ticks:
            return
        polled.ticks += 1
        counts.skipped += missed
        now_s = self.clock.monotonic_s()
        if polled.state is _State.ASKED or polled.state is _State.TO_RETRY:
            if polled.is_lost(now_s):
                self.reader.forget(polled.target.access.name)
                self._answered(polled, polled.asks, NoReading(Reason.TIMEOUT, "what was asked got lost; asked anew"))
            else:
                counts.skipped += 1
        elif now_s >= polled.not_before_s:
            counts.ticks += 1
            counts.lateness.add(now_s - due_s)
            polled.has_retried = False
            polled.asked_ms = self.clock.utc_ms()
            self._ask(polled, now_s)

    def _ask(self, polled: _Polled, now_s: float) -> None:
        polled.state = _State.ASKED
        polled.asks += 1
        polled.asked_s = now_s
        self.reader.ask(polled.target.access, partial(self._answered, polled, polled.asks))

    def _answered(self, polled: _Polled, ask: int, answer: Answer) -> None:
        name = polled.target.access.name
        if ask != polled.asks or self._polled.get(name) is not polled:
            return
        has_failed = isinstance(answer, NoReading)
        if polled.state is not _State.ASKED and (polled.state is not _State.LATE or has_failed):
            return  # an answer to nothing
        if isinstance(answer, NoReading):
            if answer.again_soon and not polled.has_retried:
                self._retry(polled)
                return
            self._failed(polled, answer)
            at_ms = self.clock.utc_ms()
        else:
            self.counts.answers += 1
            polled.failures, polled.not_before_s = 0, 0.0
            polled.state = _State.RESTING
            at_ms = answer.at_ms or self.clock.utc_ms()
        if self.told is not None:
            self.told(name, at_ms, answer)
        self._brought += polled.series.add(answer, polled.asked_ms, at_ms)

    def _retry(self, polled: _Polled) -> None:
        polled.has_retried, polled.state = True, _State.TO_RETRY  # the tick is not over
        self._order += 1
        due_s = self.clock.monotonic_s() + random.uniform(*schedule.RETRY_S)  # noqa: S311
        heapq.heappush(self._retries, (due_s, self._order, polled, polled.asks))

    def _failed(self, polled: _Polled, answer: NoReading) -> None:
        self.counts.failures += 1
        polled.failures += 1
        polled.state = _State.LATE if answer.reason is Reason.TIMEOUT else _State.RESTING
        pause_s = schedule.pause_s(answer.reason, polled.failures, polled.target.interval_s)
        polled.not_before_s = self.clock.monotonic_s() + pause_s * random.uniform(0.9, 1.0)  # noqa: S311
