"""The recording thread beside a disk that refuses, hangs, and comes back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence

import pytest

from powergraph_collector.history import recorder as module
from powergraph_collector.history.engine import Acknowledged
from powergraph_collector.history.recorder import Recorder
from powergraph_collector.history.storage_state import StorageState, Storing
from powergraph_collector.model import Event, EventKind, Sample


class Disk:
    """A history that takes, refuses, or hangs."""

    def __init__(self) -> None:
        self.error = ""
        self.moves = threading.Event()
        self.moves.set()
        self.stored: list[Sample] = []
        self.events: list[Event] = []

    def append(self, samples: Sequence[Sample], events: Sequence[Event] = ()) -> Acknowledged:
        self.moves.wait()
        if self.error:
            return Acknowledged((), (), self.error)
        self.stored += samples
        self.events += events
        return Acknowledged(samples, events)

    def tidy(self) -> bool:
        return False


class Bench:
    def __init__(self) -> None:
        self.disk = Disk()
        self.said: list[str] = []
        self.recorder = Recorder(self.disk, lambda *_: None, self.said.append)  # type: ignore[arg-type]
        self.thread = threading.Thread(target=self.recorder.run)
        self.thread.start()
        self._next = 0

    def hand_on(self, count: int) -> None:
        self.recorder.hand_on([Sample("a", at_ms, 400) for at_ms in range(self._next, self._next + count)])
        self._next += count

    def stored(self) -> list[int]:
        return [sample.at_ms for sample in self.disk.stored]


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setattr(module, "MOST_RECORDS", 10)
    monkeypatch.setattr(module, "GATHER_S", 0.01)
    monkeypatch.setattr(module, "RETRY_S", 0.02)
    monkeypatch.setattr(module, "STALLED_AFTER_S", 0.05)
    running = Bench()
    yield running
    running.disk.error = ""
    running.disk.moves.set()
    running.recorder.end()
    running.thread.join()


def test_what_is_refused_waits_and_is_written_in_order_when_there_is_room(bench: Bench) -> None:
    bench.disk.error = "No space left on device"
    bench.hand_on(3)
    wait_for(lambda: bench.recorder.storage().storing is Storing.REFUSED)
    bench.hand_on(3)
    state = bench.recorder.storage()
    assert (state.detail, state.unwritten, state.dropped) == ("No space left on device", 6, 0)
    assert state.since_ms is not None
    assert abs(state.since_ms - time.time() * 1000) < 60_000
    bench.disk.error = ""
    wait_for(lambda: len(bench.disk.stored) == 6)
    assert bench.stored() == list(range(6))
    wait_for(lambda: bench.recorder.storage() == StorageState())
    assert [line.split(":")[0] for line in bench.said] == [
        "samples cannot be stored (No space left on device)",
        "the disk takes samples again",
    ]


def test_since_is_when_the_first_write_was_refused(bench: Bench) -> None:
    bench.disk.error = "No space left on device"
    bench.hand_on(1)
    wait_for(lambda: bench.recorder.storage().storing is Storing.REFUSED)
    since_ms = bench.recorder.storage().since_ms
    time.sleep(0.1)  # retries go on
    assert bench.recorder.storage().since_ms == since_ms


def test_beyond_the_bound_the_oldest_go_and_are_counted(bench: Bench) -> None:
    bench.disk.error = "No space left on device"
    bench.hand_on(8)
    wait_for(lambda: bench.recorder.storage().storing is Storing.REFUSED)
    for _ in range(7):
        bench.hand_on(1)
    wait_for(lambda: bench.recorder.dropped == 5)
    bench.disk.error = ""
    wait_for(lambda: len(bench.disk.stored) == 10)
    assert bench.stored() == list(range(5, 15))
    wait_for(lambda: bench.recorder.storage() == StorageState(dropped=5))
    assert bench.said[-1].endswith("5 had to be dropped")
    (hole,) = bench.disk.events
    assert (hole.kind, hole.reason, hole.begin_ms, hole.end_ms) == (EventKind.OUTAGE, "not-stored", 0, 4)


def test_beyond_the_bound_events_outlive_samples_of_any_age(bench: Bench) -> None:
    interval = Event("a", EventKind.INTERVAL, 0, 0, value=60.0)
    bench.disk.error = "No space left on device"
    bench.recorder.hand_on([interval])
    bench.hand_on(30)
    wait_for(lambda: bench.recorder.storage().storing is Storing.REFUSED)
    bench.hand_on(30)
    bench.disk.error = ""
    wait_for(lambda: bench.recorder.unwritten == 0)
    assert interval in bench.disk.events
    assert len(bench.disk.stored) + bench.recorder.dropped == 60
    assert len(bench.disk.stored) == 9


def test_events_alone_are_bounded_and_counted_too(bench: Bench) -> None:
    bench.disk.error = "No space left on device"
    bench.recorder.hand_on([Event("a", EventKind.MARKER, at_ms, at_ms) for at_ms in range(25)])
    assert bench.recorder.unwritten == 10
    bench.disk.error = ""
    wait_for(lambda: bench.recorder.unwritten == 0)
    assert [event.begin_ms for event in bench.disk.events] == list(range(15, 25))
    assert bench.recorder.dropped == 15


def test_a_write_that_hangs_is_seen_from_outside_with_what_it_holds(bench: Bench) -> None:
    bench.disk.moves.clear()
    bench.hand_on(4)
    wait_for(lambda: bench.recorder.storage().storing is Storing.STALLED)
    bench.hand_on(2)
    state = bench.recorder.storage()
    assert (state.unwritten, state.detail) == (6, "a write does not come back")
    bench.disk.moves.set()
    wait_for(lambda: bench.recorder.storage() == StorageState())
    assert bench.stored() == list(range(6))


def test_with_a_sync_interval_records_wait_and_are_told_of_together_and_an_end_does_not_wait_for_it(
    bench: Bench,
) -> None:
    bench.recorder.sync_interval_s = 3600
    bench.hand_on(1)
    wait_for(lambda: bench.recorder.unwritten == 1)
    bench.hand_on(2)
    assert bench.recorder.stored == 0
    bench.recorder.end()
    bench.thread.join(30)
    assert bench.recorder.stored == 3
