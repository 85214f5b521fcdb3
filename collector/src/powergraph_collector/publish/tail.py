"""`last.csv` beside a store: what the commands publish when there is no web root."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from powergraph_collector.history.engine import ReadableHistory
from powergraph_collector.model import Event, Sample
from powergraph_collector.publish import csv_files, files

TAIL_FILE: Final = "last.csv"
_LOOK_S: Final = 0.5


class TailPublisher:
    """Writes the last samples of one BMC every `interval_s` and at the end; the publishing thread of the commands."""

    def __init__(
        self,
        history: ReadableHistory,
        bmc: str,
        path: Path,
        *,
        count: int,
        interval_s: float,
        complain: Callable[[str], None],
    ) -> None:
        self._history = history
        self._bmc = bmc
        self._path = path
        self._count = count
        self._interval_s = interval_s
        self._complain = complain
        self._has_new = True

    def acknowledged(self, samples: Sequence[Sample], events: Sequence[Event]) -> None:
        """Note that there is something to write."""
        del events
        self._has_new = self._has_new or bool(samples)

    def run(self, stop: threading.Event) -> None:
        """Write until told to stop; then once more."""
        due_s = time.monotonic() + self._interval_s
        while not stop.is_set():
            stop.wait(min(_LOOK_S, self._interval_s))
            if time.monotonic() >= due_s:
                due_s += self._interval_s
                self._write()
        self._write()

    def _write(self) -> None:
        if not self._has_new:
            return
        self._has_new = False
        try:
            files.write(self._path, csv_files.table(self._history.last(self._bmc, self._count)))
        except OSError as error:
            self._has_new = True
            self._complain(
                f"{self._path} cannot be written: {error.strerror or error}; samples are stored all the same"
            )
