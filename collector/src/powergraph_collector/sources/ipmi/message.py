"""What goes to a BMC and comes back: a request, a response, and the names of its completion codes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

SUCCESS = 0x00
INSUFFICIENT_PRIVILEGE = 0xD4
UNKNOWN_COMMAND_CODES = frozenset({0xC1, 0xC2, 0xD6})  # unknown, unknown to this logical unit, disabled

# IPMI 2.0, table 5-2.
_COMPLETION_CODES = {
    0x00: "success",
    0xC0: "BMC is busy",
    0xC1: "command not supported",
    0xC2: "command not supported for this logical unit",
    0xC3: "BMC timed out while processing the command",
    0xC4: "BMC is out of space",
    0xC5: "reservation cancelled or invalid",
    0xC6: "request data truncated",
    0xC7: "request has a wrong length",
    0xC8: "request is too long",
    0xC9: "parameter out of range",
    0xCA: "cannot return that many bytes",
    0xCB: "sensor, data or record not present",
    0xCC: "invalid field in the request",
    0xCD: "command not possible for this sensor or record",
    0xCE: "BMC cannot answer now",
    0xCF: "duplicated request",
    0xD0: "BMC cannot answer while its SDR repository is being updated",
    0xD1: "BMC cannot answer while its firmware is being updated",
    0xD2: "BMC is still initialising",
    0xD3: "destination unavailable",
    0xD4: "privilege too low",
    0xD5: "not possible in the present state",
    0xD6: "command disabled",
    0xFF: "unspecified error",
}


@dataclass(frozen=True, slots=True)
class Request:
    """One IPMI command to the BMC: `data` is what follows the command byte, `lun` the unit (0: the BMC itself)."""

    netfn: int
    command: int
    data: bytes = b""
    lun: int = 0


class Response(NamedTuple):  # made in a third of a frozen dataclass's time, thousands a second
    """The BMC's answer: its completion code (0 is success) and all that follows it."""

    code: int
    data: bytes = b""


class SilenceError(Exception):
    """No answer to a request within its time limit; thrown into the conversation that made the request."""


def explain(code: int) -> str:
    """Return what a generic completion code means, or that it belongs to the command or the vendor."""
    if 0x80 <= code <= 0xBE:
        return "specific to the command"
    if 0x01 <= code <= 0x7E:
        return "specific to the vendor"
    return _COMPLETION_CODES.get(code, "reserved")
