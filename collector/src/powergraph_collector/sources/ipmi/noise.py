"""Packets that were dropped, counted by BMC and cause, and told of once an hour: a flood must not fill a disk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final

from powergraph_collector.sources.ipmi.session import Drop

TOLD_EVERY_S: Final = 3600.0
FIRST_AFTER_S: Final = 60.0  # by then a line says how many, and not only that there was one
_MOST_LINES: Final = 20  # an hour; the rest is summed


class Noise:
    """Counts of dropped packets; `tell` writes a line for the log."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._counts: Counter[tuple[str, Drop]] = Counter()
        self._at_s: float | None = None

    def add(self, bmc: str, drop: Drop, now_s: float) -> None:
        """Count a packet."""
        self._counts[bmc, drop] += 1
        if self._at_s is None:
            self._at_s = now_s + FIRST_AFTER_S

    def work(self, now_s: float) -> None:
        """Tell of what was counted, if it is time."""
        if self._at_s is None or now_s < self._at_s or not self._counts:
            return
        self._at_s = now_s + TOLD_EVERY_S
        worst = self._counts.most_common(_MOST_LINES)
        for (bmc, drop), count in worst:
            self._tell(f"{bmc}: {count} packets dropped: {drop.value}")
        rest = self._counts.total() - sum(count for _, count in worst)
        if rest:
            self._tell(f"other BMCs: {rest} packets dropped")
        self._counts.clear()
