"""The power commands of DCMI 1.5 as bytes: requests, parsers of answers, and what a BMC needs to understand and answer.

Numbers are little-endian. Every request and answer begins with the group extension byte 0xDC.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from typing import NamedTuple

from powergraph_collector.sources.ipmi.message import SUCCESS, Request, Response, explain

NETFN = 0x2C
GET_CAPABILITIES = 0x01
GET_POWER_READING = 0x02
GET_POWER_LIMIT = 0x03
SET_POWER_LIMIT = 0x04
ACTIVATE_POWER_LIMIT = 0x05
GROUP = 0xDC
SYSTEM_STATISTICS = 0x01
SUPPORTED_CAPABILITIES = 0x01
AVERAGING_PERIODS = 0x05
NO_ACTIVE_LIMIT = 0x80

POWER_READING = Request(NETFN, GET_POWER_READING, bytes((GROUP, SYSTEM_STATISTICS, 0, 0)))
POWER_LIMIT = Request(NETFN, GET_POWER_LIMIT, bytes((GROUP, 0, 0)))

_MEASURING = 0x40
_POWER_MANAGEMENT = 0x01
_READING = Struct("<BHHHHIIB")
_LIMIT = Struct("<B2xBHI2xH")
_SET_LIMIT = Struct("<B3xBHI2xH")
_ACTIVATION = Struct("<BB2x")
_CAPABILITIES_HEAD = Struct("<BBBB")


class DcmiError(Exception):
    """A DCMI answer that carries no value; the message says why in one line."""


class CompletionCode(DcmiError):  # noqa: N818 -- it is named by what the BMC sent
    """The BMC refused: `code` is its completion code."""

    def __init__(self, code: int) -> None:
        super().__init__(f"completion code 0x{code:02X}: {explain(code)}")
        self.code = code


class MalformedAnswer(DcmiError):  # noqa: N818
    """The BMC said success, but its bytes are not the answer to the command."""


class PowerReading(NamedTuple):
    """Answer to Get Power Reading (6.6.1), as the BMC gives it: nothing is judged here.

    Minimum, maximum and average are over the BMC's own window of `period_ms`; `bmc_time_s` is its clock in Unix
    seconds; `active` tells whether it says that it measures.
    """

    current_w: int
    min_w: int
    max_w: int
    average_w: int
    bmc_time_s: int
    period_ms: int
    active: bool


@dataclass(frozen=True, slots=True)
class PowerLimit:
    """The active limit of Get Power Limit (6.6.2): the BMC has `correction_ms` to get below it, then does `action`.

    `action` is 0x00 for nothing, 0x01 for power off, 0x11 for an entry in the event log, others by vendor.
    """

    limit_w: int
    action: int
    correction_ms: int
    sample_s: int


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Parameter 1 of Get DCMI Capabilities (6.1): the DCMI version and whether power management is promised."""

    major: int
    minor: int
    power_management: bool


def capabilities(parameter: int) -> Request:
    """Return the request for one parameter of the capabilities; allowed before a session."""
    return Request(NETFN, GET_CAPABILITIES, bytes((GROUP, parameter)))


def parse_power_reading(response: Response) -> PowerReading:
    """Parse the answer to Get Power Reading; raise DcmiError."""
    data = _checked(response, _READING.size)
    _, current, minimum, maximum, average, time_s, period_ms, state = _READING.unpack_from(data)
    return PowerReading(current, minimum, maximum, average, time_s, period_ms, bool(state & _MEASURING))


def parse_power_limit(response: Response) -> PowerLimit | None:
    """Parse the answer to Get Power Limit, None if no limit is active; raise DcmiError."""
    if response.code == NO_ACTIVE_LIMIT:
        return None
    _, action, limit_w, correction_ms, sample_s = _LIMIT.unpack_from(_checked(response, _LIMIT.size))
    return PowerLimit(limit_w, action, correction_ms, sample_s)


def parse_capabilities(response: Response) -> Capabilities:
    """Parse the answer for parameter 1, the supported capabilities; raise DcmiError."""
    data = _checked(response, _CAPABILITIES_HEAD.size + 3)
    return Capabilities(major=data[1], minor=data[2], power_management=bool(data[5] & _POWER_MANAGEMENT))


def encode_power_reading(reading: PowerReading) -> bytes:
    """Return the answer's bytes after the completion code; values must fit their fields."""
    return _READING.pack(
        GROUP,
        reading.current_w,
        reading.min_w,
        reading.max_w,
        reading.average_w,
        reading.bmc_time_s,
        reading.period_ms,
        _MEASURING if reading.active else 0,
    )


def encode_power_limit(limit: PowerLimit) -> bytes:
    """Return the answer's bytes after the completion code."""
    return _LIMIT.pack(GROUP, limit.action, limit.limit_w, limit.correction_ms, limit.sample_s)


def parse_set_power_limit(data: bytes) -> PowerLimit | None:
    """What a request to Set Power Limit (6.6.3) wants; None if it is none."""
    if len(data) != _SET_LIMIT.size or data[0] != GROUP:
        return None
    _, action, limit_w, correction_ms, sample_s = _SET_LIMIT.unpack(data)
    return PowerLimit(limit_w, action, correction_ms, sample_s)


def parse_activate_power_limit(data: bytes) -> bool | None:
    """Whether a request to Activate/Deactivate Power Limit (6.6.4) wants it active; None if it is none."""
    if len(data) != _ACTIVATION.size or data[0] != GROUP or data[1] > 1:
        return None
    return bool(data[1])


def encode_capabilities(promised: Capabilities) -> bytes:
    """Return the answer for parameter 1 after the completion code; parameter revision 2, no other capability."""
    flags = _POWER_MANAGEMENT if promised.power_management else 0
    return _CAPABILITIES_HEAD.pack(GROUP, promised.major, promised.minor, 2) + bytes((0, flags, 0))


def encode_averaging_periods(version: Capabilities, periods: tuple[int, ...]) -> bytes:
    """Return the answer for parameter 5 after the completion code."""
    return _CAPABILITIES_HEAD.pack(GROUP, version.major, version.minor, 2) + bytes((len(periods), *periods))


def _checked(response: Response, shortest: int) -> bytes:
    # Longer answers pass: vendors append bytes of their own.
    if response.code != SUCCESS:
        raise CompletionCode(response.code)
    data = response.data
    if len(data) < shortest:
        raise MalformedAnswer(f"{len(data)} bytes where at least {shortest} belong")
    if data[0] != GROUP:
        raise MalformedAnswer(f"begins with 0x{data[0]:02X} instead of 0x{GROUP:02X}: not a DCMI answer")
    return data
