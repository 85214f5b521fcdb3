"""What comes of a command at a simulated BMC, and the codes by which it says so."""

from __future__ import annotations

from typing import Final

BUSY: Final = 0xC0
UNKNOWN_COMMAND: Final = 0xC1
UNKNOWN_AT_THIS_UNIT: Final = 0xC2
RESERVATION_LOST: Final = 0xC5
WRONG_LENGTH: Final = 0xC7
NOT_PRESENT: Final = 0xCB
INVALID_FIELD: Final = 0xCC
CANNOT_ANSWER: Final = 0xCE
LEVEL_ABOVE_LIMIT: Final = 0x81
UNKNOWN_SESSION: Final = 0x87

# Completion code and data; the watts if these are a power reading.
Outcome = tuple[bytes, int | None]


def code(number: int) -> Outcome:
    """Return an answer that is a completion code alone."""
    return bytes((number,)), None


def success(data: bytes) -> Outcome:
    """Return an answer that brings data and no watts."""
    return b"\0" + data, None
