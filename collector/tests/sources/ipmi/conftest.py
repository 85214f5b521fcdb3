"""The reader over the wire and the clock that it lives by."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from powergraph_collector.sources.contract import Reader
from powergraph_collector.sources.ipmi.lan import LanReader
from powergraph_collector.sources.ipmi.login import Login


@pytest.fixture
def wire() -> Iterator[Reader[Login]]:
    """The reader that speaks IPMI over LAN itself."""
    made = LanReader()
    yield made
    made.close()


class SteppedClock:
    """The monotonic clock of everything in this process, which runs on as always and can be put forward."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ahead_s = 0.0
        runs = time.monotonic
        monkeypatch.setattr(time, "monotonic", lambda: runs() + self.ahead_s)

    def passes(self, reader: Reader[Login], seconds: float, *, step_s: float = 5.0) -> None:
        """Let so many seconds pass, in steps between which the reader works as the poller lets it."""
        for _ in range(round(seconds / step_s)):
            self.ahead_s += step_s
            for _ in range(3):  # to send, to hear the answer, and for what follows from it
                reader.work(0.02)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SteppedClock:
    return SteppedClock(monkeypatch)
