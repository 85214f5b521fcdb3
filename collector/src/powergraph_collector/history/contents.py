"""What was read from a table: its documents, and what of it is damaged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Contents:
    """Documents by id in the order of writing, the highest id ever given, and the damage that was passed over.

    `generation` counts how often the table was rewritten, None where damage hides it. A damaged line is one document of
    a log file; a damaged block is one of a columns file, or its head. Bytes behind a log file's last newline are a line
    that is being written, or one that was cut off.
    """

    documents: dict[int, dict[str, Any]]
    highest_id: int
    generation: int | None = 0
    damaged_lines: int = 0
    damaged_blocks: int = 0
    unfinished_bytes: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether nothing of it is damaged."""
        return not self.damaged_lines and not self.damaged_blocks
