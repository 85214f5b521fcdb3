"""Whether samples reach the disk: what the page, `powergraph status` and `/metrics` say of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from powergraph_collector.days import iso


class Storing(str, Enum):
    """How storing goes."""

    OK = "ok"
    REFUSED = "refused"  # the last write failed: a full disk, an I/O error, a server that says no
    STALLED = "stalled"  # a write has been under way for long


@dataclass(frozen=True, slots=True)
class StorageState:
    """How storing goes, since when (UTC ms) if not well, and what waits; both counts are of samples and events."""

    storing: Storing = Storing.OK
    since_ms: int | None = None
    detail: str = ""
    unwritten: int = 0
    dropped: int = 0

    def document(self) -> dict[str, Any]:
        """The `storage` object of `now.json`."""
        return {
            "state": self.storing.value,
            "since": None if self.since_ms is None else iso(self.since_ms),
            "detail": self.detail or None,
            "unwritten": self.unwritten,
            "dropped": self.dropped,
        }
