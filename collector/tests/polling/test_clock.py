"""The clock tells steps of UTC from delays of the process that reads it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from powergraph_collector.polling.clock import Clock, Step


@dataclass
class HeldUp(Clock):
    """Clocks of a process that is held up for some seconds after a read; `stalls_s` says how long after each."""

    now_s: float = 1000.0
    offset_ms: int = 1_795_435_200_000
    stalls_s: Iterator[float] = field(default_factory=lambda: iter(()))

    def __post_init__(self) -> None:
        Clock.__init__(self)

    def monotonic_s(self) -> float:
        found = self.now_s
        self.now_s += next(self.stalls_s, 0.0)
        return found

    def utc_ms(self) -> int:
        return int(self.monotonic_s() * 1000) + self.offset_ms


def test_a_process_that_is_held_up_between_its_two_clocks_sees_no_step() -> None:
    for reads_before in range(4):
        clock = HeldUp()
        clock.stalls_s = iter([*[0.0] * reads_before, 3.0])
        assert clock.step() is None
        assert clock.step() is None


def test_a_step_is_found_however_slowly_the_clocks_are_read() -> None:
    clock = HeldUp()
    clock.offset_ms += 5000
    clock.stalls_s = iter([0.3] * 1000)
    step = clock.step()
    assert isinstance(step, Step)
    assert abs(step.step_ms - 5000) <= 300
    assert clock.step() is None


def test_a_step_while_the_process_is_held_up_has_its_own_length() -> None:
    clock = HeldUp()
    clock.offset_ms -= 7000
    clock.stalls_s = iter([2.0, 0.0, 2.0])
    step = clock.step()
    assert step is not None
    assert step.step_ms == -7000
