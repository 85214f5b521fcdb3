"""The collector's two clocks: UTC dates samples, a monotonic one paces them and tells when the first is set."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

SMALLEST_STEP_MS: Final = 500  # less is the slewing of a time daemon, and noise
_READ_TOGETHER_S: Final = 0.02  # a process that the system holds up between its two reads tries again
_TRIES: Final = 10


@dataclass(frozen=True, slots=True)
class Step:
    """A jump of the UTC clock: it read before_ms where it went on with after_ms."""

    before_ms: int
    after_ms: int

    @property
    def step_ms(self) -> int:
        """How far it jumped, negative if back."""
        return self.after_ms - self.before_ms


class Clock:
    """Both clocks, read together."""

    def __init__(self) -> None:
        self._offset_ms = self._measured_offset_ms()

    def monotonic_s(self) -> float:
        """Seconds that only ever grow."""
        return time.monotonic()

    def utc_ms(self) -> int:
        """UTC in ms since 1970."""
        return time.time_ns() // 1_000_000

    def _measured_offset_ms(self) -> int:
        """How far UTC is ahead of the monotonic clock, by that of a few tries whose reads were closest together."""
        tightest_s, offset_ms = float("inf"), 0
        for _ in range(_TRIES):
            before_s, utc_ms, after_s = self.monotonic_s(), self.utc_ms(), self.monotonic_s()
            if after_s - before_s < tightest_s:
                tightest_s, offset_ms = after_s - before_s, utc_ms - int(before_s * 1000)
            if tightest_s <= _READ_TOGETHER_S:
                break
        return offset_ms

    def step(self) -> Step | None:
        """The jump since the last call, if there was one."""
        offset_ms = self._measured_offset_ms()
        jump_ms, self._offset_ms = offset_ms - self._offset_ms, offset_ms
        if abs(jump_ms) < SMALLEST_STEP_MS:
            return None
        now_ms = self.utc_ms()
        return Step(now_ms - jump_ms, now_ms)
