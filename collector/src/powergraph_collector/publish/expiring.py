"""Removing published days that were kept for long enough, an hour after saying so."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Final

from powergraph_collector.publish.day_files import expired_files
from powergraph_collector.publish.series import Series
from powergraph_collector.retention import NOTICE_MS

EXPIRE_ROUND_S: Final = 0.5


class Expiring:
    """What of the published days is on its way out; keep_days as in the settings."""

    def __init__(self, keep_days: int, tell: Callable[[str], None]) -> None:
        self._keep_days = keep_days
        self._tell = tell
        self._looked_on: date | None = None
        self._due_ms = 0
        self._going: deque[tuple[str, date, list[Path]]] = deque()
        self._gone = 0

    def step(self, series: Mapping[str, Series], today: date, now_ms: int) -> None:
        """Look once a day, and remove for a part of a second what is due. Raises OSError."""
        if self._looked_on != today:
            self._looked_on, self._due_ms = today, now_ms + NOTICE_MS
            self._going = deque(
                (name, day, paths)
                for name, of_bmc in series.items()
                for day, paths in expired_files(of_bmc.folder, today, self._keep_days).items()
            )
            if self._going:
                last = max(day for _, day, _ in self._going)
                self._tell(f"retention: {len(self._going)} published days, up to {last}, will be removed in an hour")
        until_s = time.monotonic() + EXPIRE_ROUND_S
        while self._going and now_ms >= self._due_ms and time.monotonic() < until_s:
            name, day, paths = self._going.popleft()
            for path in paths:
                path.unlink(missing_ok=True)
            series[name].withdraw(day)
            self._gone += 1
        if self._gone and not self._going:
            self._tell(f"retention: {self._gone} published days were removed; their samples and rollups stay")
            self._gone = 0
