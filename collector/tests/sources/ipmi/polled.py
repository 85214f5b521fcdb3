"""Simulated BMCs behind the poller and the reader as the service has them, on a clock that does not wait."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from tests.conftest import PASSWORD, USER
from tests.sources.ipmi.conftest import SteppedClock

from powergraph_collector.model import Doubt, Event, EventKind, Reason, Source
from powergraph_collector.polling.outages import Record
from powergraph_collector.polling.poller import Poller, Target
from powergraph_collector.simulator.server import Simulator
from powergraph_collector.sources.contract import Answer, Answered, NoReading, Reader, Reading, Secret
from powergraph_collector.sources.ipmi.lan import LanReader
from powergraph_collector.sources.ipmi.login import Login

INTERVAL_S = 30.0
STEP_S = 4.0  # less than a reader has for keeping a session alive that a BMC ends after 30 s
TICKS = 14  # seven minutes: longer than it takes to believe that there is no DCMI
MOMENT_S = 0.004


class Hurried:
    """A reader for whom time passes at once while it waits for no answer."""

    def __init__(self, clock: SteppedClock, reader: Reader[Login]) -> None:
        self._clock, self._reader, self._asked = clock, reader, 0

    def ask(self, access: Login, answered: Answered) -> None:
        self._asked += 1
        waiting = [1]

        def came(answer: Answer) -> None:
            self._asked -= waiting.pop() if waiting else 0  # a second answer is one that came late
            answered(answer)

        self._reader.ask(access, came)

    def work(self, timeout_s: float) -> None:
        if self._asked:
            self._reader.work(min(timeout_s, 0.02))
            return
        for _ in range(2):  # for what goes on beside readings
            self._reader.work(MOMENT_S)
        self._clock.ahead_s += STEP_S

    def forget(self, name: str) -> None:
        self._reader.forget(name)

    def close(self) -> None:
        self._reader.close()


@dataclass
class Course:
    """What polling some BMCs came to."""

    answers: dict[str, list[Answer]] = field(default_factory=dict)
    at_ms: list[int] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    skipped: int = 0

    def told(self, name: str, at_ms: int, answer: Answer) -> None:
        self.at_ms.append(at_ms)
        self.answers.setdefault(name, []).append(answer)

    def of(self, name: str = "node01") -> list[Answer]:
        return self.answers.get(name, [])

    def readings(self, name: str = "node01") -> list[Reading]:
        return [answer for answer in self.of(name) if isinstance(answer, Reading)]

    def holes(self, name: str = "node01") -> list[NoReading]:
        return [answer for answer in self.of(name) if isinstance(answer, NoReading)]

    def events(self, kind: EventKind) -> list[Event]:
        return [record for record in self.records if isinstance(record, Event) and record.kind is kind]


def way_in(simulator: Simulator, name: str = "node01", **login: Any) -> Login:
    host, port = simulator.addresses[name]
    usual = {"user": USER, "password": Secret(PASSWORD), "host": host, "port": port, "timeout_s": 0.3}
    return Login(name, **{**usual, **login})


def polled(
    logins: Iterable[Login],
    clock: SteppedClock | None,
    *,
    ticks: int = TICKS,
    interval_s: float = INTERVAL_S,
    at_answer: Callable[[str, int], None] = lambda _name, _count: None,
) -> Course:
    """Poll so many ticks; on the real clock if none is given. `at_answer` is told of each, and may change the BMCs."""
    course = Course()

    def told(name: str, at_ms: int, answer: Answer) -> None:
        course.told(name, at_ms, answer)
        at_answer(name, len(course.of(name)))

    def hand_on(records: Sequence[Record]) -> None:
        course.records += records

    reader: Reader[Login] = LanReader()
    poller = Poller(Hurried(clock, reader) if clock else reader, hand_on, told=told, ticks=ticks)
    poller.poll([Target(each, interval_s) for each in logins])
    poller.run(threading.Event())
    course.skipped = poller.counts.skipped
    return course


@dataclass(frozen=True)
class Expected:
    """What must come of a BMC, and all that may: watts by their doubt and source, and reasons of holes.

    `reads`: it is read in the end, and whatever is not is a hole with one of the reasons. Watts that are not listed
    here, or not with that doubt, are wrong watts that look right.
    """

    watts: Sequence[tuple[int, Doubt, Source]]
    holes: frozenset[Reason] = frozenset()
    says: str = ""  # words of the last hole
    every_tick: bool = False
    ends_read: bool = True

    def holds(self, course: Course) -> None:
        seen = {(each.power_w, each.doubt, each.source) for each in course.readings()}
        assert seen <= set(self.watts), f"false watts: {seen - set(self.watts)}"
        assert {hole.reason for hole in course.holes()} <= self.holes, course.holes()
        assert all(hole.detail for hole in course.holes())
        if self.watts:
            assert seen >= {self.watts[-1]}, course.of()
            assert isinstance(course.of()[-1], Reading) or not self.ends_read, course.of()
        else:
            assert course.holes()
        if self.says:
            assert self.says in course.holes()[-1].detail, course.holes()[-1]
        if self.every_tick:
            assert not course.holes()


def by(source: Source, power_w: int, *reasons: Reason, doubt: Doubt = Doubt.NONE, **more: Any) -> Expected:
    """Read in the end, with these watts alone."""
    return Expected([(power_w, doubt, source)], frozenset(reasons), **more)


dcmi, sdr = partial(by, Source.DCMI), partial(by, Source.SDR)


def first_by_sensors(sensors_w: int, dcmi_w: int, *reasons: Reason) -> Expected:
    """The sensors until DCMI comes."""
    return Expected([(sensors_w, Doubt.NONE, Source.SDR), (dcmi_w, Doubt.NONE, Source.DCMI)], frozenset(reasons))


def hole(*reasons: Reason, says: str = "") -> Expected:
    """Never read, and said why."""
    return Expected([], frozenset(reasons), says)
