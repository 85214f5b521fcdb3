"""Removing samples that have been kept for long enough: a UTC day of a BMC at a time, announced an hour before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from typing import Protocol, runtime_checkable

from powergraph_collector.days import moment
from powergraph_collector.history.engine import ReadableHistory
from powergraph_collector.retention import FOR_EVER, NOTICE_MS, expired


@runtime_checkable
class DroppingHistory(ReadableHistory, Protocol):
    """A history whose days can be removed."""

    def drop_day(self, bmc: str, day: str) -> None:
        """Remove the samples of a UTC day, for the one writer. Raises OSError."""
        ...

    def day_bytes(self, bmc: str, day: str) -> int:
        """Bytes of the samples of a UTC day on the disk. Raises OSError."""
        ...


class SampleRetention:
    """A piece at a time, in the thread that writes the history. Events stay: they are few, and explain the rollups.

    `may_go` says of a BMC and a UTC day whether its rollups are safe; what may not go is looked at again the next day.
    """

    def __init__(
        self,
        history: DroppingHistory,
        keep_days: int,
        may_go: Callable[[str, str], bool],
        tell: Callable[[str], None],
        now_ms: Callable[[], int],
    ) -> None:
        self._history = history
        self._keep_days = keep_days
        self._may_go = may_go
        self._tell = tell
        self._now_ms = now_ms
        self._looked_on: date | None = None
        self._due_ms: int | None = None
        self._going: Iterator[tuple[str, str]] = iter(())
        self._gone = 0

    def step(self) -> None:
        """Remove a day of one BMC if one is due. Raises OSError."""
        if self._keep_days == FOR_EVER:
            return
        now_ms = self._now_ms()
        today = moment(now_ms).date()
        if self._looked_on != today:
            self._looked_on = today
            going = [each for each in expired_samples(self._history, today, self._keep_days) if self._may_go(*each)]
            self._going, self._due_ms = iter(going), now_ms + NOTICE_MS
            if going:
                last = max(day for _, day in going)
                self._tell(f"retention: {len(going)} days of samples, up to {last}, will be removed in an hour")
        if self._due_ms is None or now_ms < self._due_ms:
            return
        for bmc, day in self._going:
            self._history.drop_day(bmc, day)
            self._gone += 1
            return
        self._due_ms = None
        if self._gone:
            self._tell(f"retention: {self._gone} days of samples were removed; their rollups stay")
        self._gone = 0


def expired_samples(history: ReadableHistory, today: date, keep_days: int) -> list[tuple[str, str]]:
    """BMCs and UTC days whose samples have been kept for long enough."""
    return [
        (bmc, day.isoformat())
        for bmc in history.bmcs()
        for day in expired(map(date.fromisoformat, history.utc_days(bmc)), today, keep_days)
    ]
