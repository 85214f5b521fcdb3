"""The loop: who is asked when, what is handed on, and that nobody waits for anybody."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import pairwise

import pytest

from powergraph_collector.energy import energy
from powergraph_collector.model import Doubt, Event, EventKind, Reason, Sample, Source
from powergraph_collector.polling.clock import Clock
from powergraph_collector.polling.outages import Record, SeriesState
from powergraph_collector.polling.poller import Poller, Target
from powergraph_collector.sources.contract import Answer, Answered, Cap, NoReading, Reading, Secret
from powergraph_collector.sources.ipmi.login import Login

TIMEOUT = NoReading(Reason.TIMEOUT, "no answer within 2 s")
BUSY = NoReading(Reason.BUSY, "busy", again_soon=True)
WATTS = Reading(436, Source.DCMI)


class ManualClock(Clock):
    """Time that only the test moves; `offset_ms` is where UTC stands against it."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.offset_ms = 1_795_435_200_000
        super().__init__()

    def monotonic_s(self) -> float:
        return self.now_s

    def utc_ms(self) -> int:
        return int(self.now_s * 1000) + self.offset_ms


@dataclass
class ScriptedReader:
    """Answers as the script says: `script(name, tick)` is (delay in seconds, answer), or None for never."""

    clock: ManualClock
    script: Callable[[str, int], tuple[float, Answer] | None]
    asked: list[tuple[str, float]] = field(default_factory=list)
    pending: list[tuple[float, Answered, Answer]] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)
    closed: bool = False

    def ask(self, login: Login, answered: Answered) -> None:
        tick = sum(1 for name, _ in self.asked if name == login.name)
        self.asked.append((login.name, round(self.clock.now_s - 1000.0, 3)))
        given = self.script(login.name, tick)
        if given is not None:
            self.pending.append((self.clock.now_s + given[0], answered, given[1]))

    def work(self, timeout_s: float) -> None:
        self.clock.now_s += max(timeout_s, 0.001)
        due = [each for each in self.pending if each[0] <= self.clock.now_s]
        self.pending = [each for each in self.pending if each[0] > self.clock.now_s]
        for _, answered, answer in due:
            answered(answer)

    def forget(self, name: str) -> None:
        self.forgotten.append(name)

    def close(self) -> None:
        self.closed = True


def target(name: str, interval_s: float = 10.0, password: str = "x") -> Target:
    return Target(Login(name, "192.0.2.1", 623, "u", Secret(password)), interval_s)


class Bench:
    """A poller over a scripted reader, run until a time."""

    def __init__(self, script: Callable[[str, int], tuple[float, Answer] | None], *targets: Target) -> None:
        self.clock = ManualClock()
        self.reader = ScriptedReader(self.clock, script)
        self.records: list[Record] = []
        self.poller = Poller(self.reader, self.records.extend, self.clock)
        self.poller.poll(targets)

    def run(self, until_s: float, at: Callable[[float], None] = lambda _: None) -> None:
        stop = threading.Event()
        work = self.reader.work

        def stopping(timeout_s: float) -> None:
            at(self.clock.now_s - 1000.0)
            work(timeout_s)
            if self.clock.now_s - 1000.0 >= until_s:
                stop.set()

        self.reader.work = stopping  # type: ignore[method-assign]
        self.poller.run(stop)

    def samples(self, name: str) -> list[Sample]:
        return [each for each in self.records if isinstance(each, Sample) and each.bmc == name]

    def events(self, name: str) -> list[Event]:
        return [each for each in self.records if isinstance(each, Event) and each.bmc == name]


def test_every_bmc_is_asked_at_its_interval_and_all_are_spread() -> None:
    bench = Bench(lambda *_: (0.01, WATTS), *(target(f"node{number}") for number in range(4)))
    bench.run(39)
    for number in range(4):
        times = [at_s for name, at_s in bench.reader.asked if name == f"node{number}"]
        assert len(times) == 4
        assert all(abs((later - at_s) - 10) < 0.1 for at_s, later in pairwise(times))
        assert abs(times[0] - number * 2.5) < 0.1
    assert bench.reader.closed


def test_lateness_is_counted_against_the_grid_whatever_held_up_the_loop() -> None:
    bench = Bench(lambda _name, _tick: (0.01, WATTS), target("a"))
    bench.run(25)
    on_time = bench.poller.counts.lateness
    assert (sum(on_time.classes), on_time.late) == (bench.poller.counts.ticks, 0)
    bench.clock.now_s = 1030.0 + 0.7  # the loop was away at the tick of 30 s
    bench.run(31)
    assert bench.poller.counts.lateness.late == 1
    assert 0.7 <= bench.poller.counts.lateness.sum_s < 0.8


def test_a_slow_bmc_skips_ticks_and_holds_up_nobody() -> None:
    bench = Bench(lambda name, _: (25.0 if name == "slow" else 0.01, WATTS), target("slow"), target("quick"))
    bench.run(99)
    assert len(bench.samples("quick")) == 10
    assert len(bench.samples("slow")) in {3, 4}
    slow = [at_s for name, at_s in bench.reader.asked if name == "slow"]
    assert all(later - at_s >= 25 for at_s, later in pairwise(slow))
    assert bench.poller.counts.skipped >= 5


def test_an_outage_has_a_beginning_a_reason_and_an_end() -> None:
    bench = Bench(lambda _, tick: (2.5, TIMEOUT) if 2 <= tick < 5 else (0.01, WATTS), target("node01"))
    bench.run(120)
    begun, ended = bench.events("node01")
    assert (begun.kind, begun.reason, begun.end_ms) == (EventKind.OUTAGE, "timeout", None)
    assert ended.begin_ms == begun.begin_ms
    after = next(sample for sample in bench.samples("node01") if sample.at_ms > begun.begin_ms)
    assert ended.end_ms == after.at_ms
    assert bench.samples("node01")[1].at_ms < begun.begin_ms


def test_an_answer_that_never_comes_is_an_outage_in_the_end_and_the_bmc_is_asked_anew() -> None:
    bench = Bench(lambda name, tick: None if name == "lost" and tick == 1 else (0.01, WATTS), target("lost"))
    bench.run(300)
    begun, ended = bench.events("lost")
    assert (begun.kind, begun.reason, begun.end_ms) == (EventKind.OUTAGE, "timeout", None)
    assert ended.begin_ms == begun.begin_ms
    assert ended.end_ms is not None
    assert ended.end_ms - ended.begin_ms < 180_000
    assert bench.reader.forgotten == ["lost"]
    assert len(bench.samples("lost")) > 5


def test_a_silent_bmc_is_asked_less_and_less_but_never_given_up() -> None:
    bench = Bench(lambda *_: (2.5, TIMEOUT), target("node01", 1.0))
    bench.run(400)
    times = [at_s for _, at_s in bench.reader.asked]
    gaps = [later - at_s for at_s, later in pairwise(times)]
    assert gaps[-1] > 25
    assert max(gaps) < 40
    assert len(bench.events("node01")) == 1


@pytest.mark.parametrize("reason", [Reason.LOGIN_REFUSED, Reason.NO_SESSION_SLOT])
def test_pauses_between_logins_double_to_ten_minutes_and_begin_anew_after_a_reading(reason: Reason) -> None:
    refused = NoReading(reason, "refused")
    bench = Bench(lambda _, tick: (0.05, WATTS if tick == 9 else refused), target("node01"))
    bench.run(4_200)
    times = [at_s for _, at_s in bench.reader.asked]
    gaps = [later - at_s for at_s, later in pairwise(times)]
    assert all(50 <= gap <= 80 for gap in gaps[:3])  # an account that gets locked, or a slot that must run out
    assert all(0.8 * 2 * gap <= later <= 1.3 * 2 * gap for gap, later in pairwise(gaps[3:6]))
    assert all(530 <= gap <= 610 for gap in gaps[6:9])
    assert gaps[9] <= 10.1  # after the reading
    assert 50 <= gaps[10] <= 80


def test_a_busy_answer_is_retried_once_within_the_tick() -> None:
    bench = Bench(lambda _, tick: (0.01, BUSY) if tick == 0 else (0.01, WATTS), target("node01"))
    bench.run(9)
    assert len(bench.reader.asked) == 2
    assert len(bench.samples("node01")) == 1
    assert bench.events("node01") == []


def test_two_busy_answers_are_an_outage() -> None:
    bench = Bench(lambda *_: (0.01, BUSY), target("node01"))
    bench.run(9)
    assert len(bench.reader.asked) == 2
    assert [event.reason for event in bench.events("node01")] == ["busy"]


def test_a_step_of_the_clock_is_an_event_and_costs_no_sample() -> None:
    bench = Bench(lambda *_: (0.01, WATTS), target("node01"))

    def set_back(now_s: float) -> None:
        if now_s > 25 and bench.clock.offset_ms == 1_795_435_200_000:
            bench.clock.offset_ms -= 3_600_000

    bench.run(59, set_back)
    (step,) = bench.events("node01")
    assert step.kind is EventKind.CLOCK_STEP
    assert step.value == -3_600_000
    samples = bench.samples("node01")
    assert len(samples) == 6
    assert step.begin_ms == samples[2].at_ms
    assert energy(samples, 10_000, [step]).covered_s == pytest.approx(50, abs=1)


def test_an_outage_is_told_again_on_a_new_utc_day() -> None:
    bench = Bench(lambda *_: (2.5, TIMEOUT), target("node01", 10.0))
    bench.clock.offset_ms += 12 * 3_600_000 - 1_030_000  # midnight is 30 s away
    Clock.__init__(bench.clock)
    bench.run(60)
    first, again = bench.events("node01")
    assert first == again


def test_new_targets_take_over_while_running() -> None:
    bench = Bench(lambda *_: (0.01, WATTS), target("kept"), target("gone"), target("changed"))

    def reload(now_s: float) -> None:
        if 14.9 < now_s < 15.6:
            bench.poller.poll([target("kept"), target("changed", 5.0, "new"), target("added")])

    bench.run(60, reload)
    assert "gone" in bench.reader.forgotten
    assert "kept" not in bench.reader.forgotten
    assert "changed" in bench.reader.forgotten
    assert len(bench.samples("gone")) == 2
    assert len(bench.samples("added")) >= 4
    assert [event.kind for event in bench.events("changed")] == [EventKind.INTERVAL]


def test_the_outage_of_a_bmc_that_is_not_polled_any_more_ends() -> None:
    bench = Bench(lambda *_: (2.5, TIMEOUT), target("kept"), target("gone"))

    def reload(now_s: float) -> None:
        if 20 < now_s < 20.6:
            bench.poller.poll([target("kept")])

    bench.run(30, reload)
    assert bench.events("gone")[-1].end_ms is not None
    assert bench.events("kept")[-1].end_ms is None


def test_new_targets_while_a_retry_waits_do_not_silence_a_bmc() -> None:
    bench = Bench(lambda _, tick: (0.01, BUSY) if tick == 0 else (0.01, WATTS), target("node01"))
    reloaded = []

    def reload(now_s: float) -> None:
        if now_s > 0.05 and not reloaded:
            reloaded.append(now_s)
            bench.poller.poll([target("node01")])

    bench.run(60, reload)
    assert len(bench.samples("node01")) >= 5


def test_an_answer_that_comes_after_the_login_changed_is_too_late() -> None:
    bench = Bench(lambda _, tick: (3.0 if tick == 0 else 0.01, Reading(400 + tick, Source.DCMI)), target("node01"))

    def reload(now_s: float) -> None:
        if 0.5 < now_s < 1.1:
            bench.poller.poll([target("node01", password="new")])

    bench.run(30, reload)
    assert 400 not in [sample.power_w for sample in bench.samples("node01")]
    assert len(bench.samples("node01")) >= 2


def test_a_limited_number_of_ticks_ends_the_loop() -> None:
    clock = ManualClock()
    reader = ScriptedReader(clock, lambda *_: (0.5, WATTS))
    records: list[Record] = []
    poller = Poller(reader, records.extend, clock, ticks=3)
    poller.poll([target("node01"), target("node02")])
    poller.run(threading.Event())
    assert len(records) == 6


def test_a_change_of_source_is_an_event() -> None:
    series = SeriesState("node01")
    series.add(WATTS, 1000, 1001)
    change, sample = series.add(Reading(430, Source.SDR), 2000, 2001)
    assert isinstance(change, Event)
    assert (change.kind, change.reason) == (EventKind.SOURCE, "sdr")
    assert isinstance(sample, Sample)


def test_an_outage_whose_reason_changes_is_two() -> None:
    series = SeriesState("node01")
    series.add(TIMEOUT, 1000, 3500)
    ended, begun = series.add(NoReading(Reason.LOGIN_REFUSED, "refused"), 11_000, 11_050)
    assert isinstance(ended, Event)
    assert isinstance(begun, Event)
    assert (ended.reason, ended.end_ms) == ("timeout", 11_000)
    assert (begun.reason, begun.begin_ms, begun.end_ms) == ("login-refused", 11_000, None)


def caps_of(*limits_w: int | None, cap: Event | None = None, interval_s: float = 10.0) -> list[Event]:
    """The cap events of a BMC that tells these limits with its readings, a reading each interval."""

    def script(_name: str, tick: int) -> tuple[float, Answer]:
        return 0.0, replace(WATTS, cap=Cap(limits_w[tick])) if tick < len(limits_w) else WATTS

    bench = Bench(script, replace(target("a", interval_s), cap=cap))
    bench.run(interval_s * (len(limits_w) + 1))
    return [event for event in bench.events("a") if event.kind is EventKind.CAP]


def merged(events: list[Event]) -> list[tuple[int, bool, float | None]]:
    """As the history merges them: begin, whether it lasts, limit."""
    latest = {event.begin_ms: event for event in events}
    return [(event.begin_ms, event.end_ms is None, event.value) for event in latest.values()]


def test_a_cap_is_told_when_it_comes_changes_and_goes_and_not_while_it_lasts() -> None:
    told = merged(caps_of(None, 300, 300, 250, None, None))
    assert [each[1:] for each in told] == [(False, 300.0), (False, 250.0)]
    assert [each[1:] for each in merged(caps_of(300, 300))] == [(True, 300.0)]


def test_a_cap_that_lasted_goes_on_or_ends_and_is_not_begun_again() -> None:
    lasting = Event("a", EventKind.CAP, 1_000, None, value=300.0)
    assert merged(caps_of(300, cap=lasting)) == [(1_000, True, 300.0)]
    assert merged(caps_of(None, cap=lasting)) == [(1_000, False, 300.0)]
    assert [each[1:] for each in merged(caps_of(250, cap=lasting))] == [(False, 300.0), (True, 250.0)]


def test_a_cap_that_lasts_is_told_again_for_each_new_day() -> None:
    told = caps_of(300, *[300] * 60, interval_s=3600.0)
    assert len(told) == 1 + 3  # midnights
    assert len(merged(told)) == 1


def test_the_cap_of_a_bmc_that_is_polled_no_more_ends() -> None:
    bench = Bench(lambda _name, _tick: (0.0, replace(WATTS, cap=Cap(300))), target("a"), target("b"))
    bench.run(35, at=lambda now_s: bench.poller.poll([target("b")]) if 20 < now_s < 20.6 else None)
    (cap,) = merged([event for event in bench.events("a") if event.kind is EventKind.CAP])
    assert cap[1:] == (False, 300.0)


def doubted(*doubts: Doubt) -> list[tuple[int, int | None, str]]:
    """The doubts of a BMC whose readings have these flags: begin and end since the first of them, and flags."""

    def script(_name: str, tick: int) -> tuple[float, Answer]:
        return 0.0, replace(WATTS, doubt=doubts[tick] if tick < len(doubts) else Doubt.NONE)

    bench = Bench(script, target("a"))
    bench.run(10.0 * len(doubts) - 5)
    first_ms = bench.samples("a")[0].at_ms
    events = {each.key: each for each in bench.events("a") if each.kind is EventKind.DOUBT}
    return [
        (each.begin_ms - first_ms, None if each.end_ms is None else each.end_ms - first_ms, each.reason)
        for each in events.values()
    ]


def test_a_doubt_is_told_as_a_span_from_the_first_sample_that_has_it_to_the_first_that_has_not() -> None:
    inactive, both = Doubt.INACTIVE, Doubt.INACTIVE | Doubt.PARTIAL
    assert doubted(Doubt.NONE, Doubt.NONE) == []
    assert doubted(Doubt.NONE, inactive, inactive, Doubt.NONE) == [(10_000, 30_000, "inactive")]
    assert doubted(Doubt.NONE, inactive, both, Doubt.NONE) == [
        (10_000, 20_000, "inactive"),
        (20_000, 30_000, "inactive partial"),
    ]


def test_a_doubt_ends_where_an_outage_begins_and_begins_anew_with_the_readings() -> None:
    series = SeriesState("a")
    jump = replace(WATTS, doubt=Doubt.JUMP)
    records = series.add(jump, 1_000, 1_050) + series.add(BUSY, 11_000, 11_050) + series.add(jump, 21_000, 21_050)
    told = [each for each in records if isinstance(each, Event) and each.kind is EventKind.DOUBT]
    assert [(each.begin_ms, each.end_ms) for each in told] == [(1_050, None), (1_050, 11_000), (21_050, None)]
    assert series.restated() == [told[-1]]


def test_the_doubt_of_a_bmc_that_is_polled_no_more_ends() -> None:
    bench = Bench(lambda _name, _tick: (0.0, replace(WATTS, doubt=Doubt.PARTIAL)), target("a"), target("b"))
    bench.run(35, lambda at_s: bench.poller.poll([target("b")]) if at_s > 25 else None)
    told = [event for event in bench.events("a") if event.kind is EventKind.DOUBT]
    assert [event.end_ms is None for event in told] == [True, False]
    assert told[0].detail == "a supply has no reading, and is not in the sum"
