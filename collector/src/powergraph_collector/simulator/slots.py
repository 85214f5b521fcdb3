"""When a server of many sockets lets datagrams gather, as a wake-up costs more than an answer (pure)."""

from __future__ import annotations

from typing import Final

CROWD: Final = 32  # datagrams in a slot


class Slots:
    """Counts the datagrams of each slot of `slot_s`; 0 never lets them wait.

    Only a crowd waits: one client that logs in to one BMC after another sends nothing until it has its answer, and
    would get one answer a slot.
    """

    def __init__(self, slot_s: float) -> None:
        self._slot_s = slot_s
        self._ends_s = float("-inf")
        self._served = 0

    def pause_s(self, served: int, now_s: float) -> float:
        """Return how long to wait before the next look at the sockets, after one that brought `served` datagrams."""
        self._served += served
        if not self._slot_s or now_s < self._ends_s:
            return 0.0
        is_crowd = self._served >= CROWD
        self._served = 0
        self._ends_s = now_s + self._slot_s
        return self._slot_s if is_crowd else 0.0
