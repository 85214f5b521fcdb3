"""How late ticks begin against their grid, counted in classes."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Final

LATE_S: Final = 0.5  # a tick that begins within it is on time
BOUNDS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, LATE_S, 1.0, 2.5, 5.0, 10.0)


@dataclass(slots=True)
class Lateness:
    """Ticks by how late they began: `classes[i]` up to and with BOUNDS_S[i], the last one beyond; `sum_s` of all."""

    classes: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_S) + 1))
    sum_s: float = 0.0

    def add(self, late_s: float) -> None:
        """Count a tick."""
        self.classes[bisect_left(BOUNDS_S, late_s)] += 1
        self.sum_s += late_s

    def add_all(self, others: Lateness) -> None:
        """Count the ticks of another loop."""
        self.classes = [mine + theirs for mine, theirs in zip(self.classes, others.classes, strict=True)]
        self.sum_s += others.sum_s

    @property
    def late(self) -> int:
        """How many were later than LATE_S."""
        return sum(self.classes[BOUNDS_S.index(LATE_S) + 1 :])
