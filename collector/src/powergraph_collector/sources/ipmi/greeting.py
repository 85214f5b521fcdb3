"""What a BMC tells before anybody logs in, packets in and out (pure): IPMI 2.0, sections 13.2.3, 13.14, 13.15, 13.17.

All of it is anybody's word: it is shown to people, and nothing is decided by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from powergraph_collector.sources.ipmi.message import SUCCESS, Request, Response
from powergraph_collector.sources.ipmi.session import Suite

PING: Final = b"\x06\x00\xff\x06\x00\x00\x11\xbe\x80\x00\x00\x00"
_PONG_BEGINS, _PONG_TYPE_AT, _PONG_TYPE = b"\x06\x00\xff\x06\x00\x00\x11\xbe", 8, 0x40
_IPMI: Final = b"\x06\x00\xff\x07"
_NO_SESSION: Final = _IPMI + bytes(9)  # authentication type none, sequence and session 0
_BMC, _CONSOLE = 0x20, 0x81
_SHORTEST: Final = 8
_THIS_CHANNEL: Final = 0x0E
_OPEN_REQUEST, _OPEN_RESPONSE = 0x10, 0x11
_CONSOLE_SESSION: Final = b"\x01\x02\x03\x04"

# Of this channel, with IPMI 2.0's data, for the role user.
AUTHENTICATION: Final = Request(0x06, 0x38, bytes((0x80 | _THIS_CHANNEL, 2)))
_KG_SET, _ANONYMOUS, _NULL_NAMES = 0x20, 0x01, 0x02
_NONE_TYPE: Final = 0x01
_SPEAKS_20: Final = 0x02
_SUITES_A_PART: Final = 16  # bytes
_MOST_PARTS: Final = 16
_STANDARD, _VENDOR = 0xC0, 0xC1


class Authentication(NamedTuple):
    """Get Channel Authentication Capabilities, as far as it matters."""

    speaks_20: bool
    has_group_key: bool
    is_anonymous: bool
    takes_no_password: bool


@dataclass(frozen=True, slots=True)
class Greeting:
    """What came: `opens` is by cipher suite the status of an Open Session Response, 0 where it would go on."""

    is_closed: bool = False
    pongs: bool = False
    authentication: Authentication | None = None
    suites: tuple[int, ...] = ()
    opens: tuple[tuple[int, int], ...] = ()
    slowest_s: float | None = None

    @property
    def answers(self) -> bool:
        """Whether anything came at all."""
        return self.pongs or self.authentication is not None or bool(self.suites or self.opens)


def is_pong(packet: bytes) -> bool:
    """Whether a packet answers PING."""
    return packet.startswith(_PONG_BEGINS) and len(packet) > _PONG_TYPE_AT and packet[_PONG_TYPE_AT] == _PONG_TYPE


def suites_part(index: int) -> Request:
    """Get Channel Cipher Suites, the part of that number."""
    return Request(0x06, 0x54, bytes((_THIS_CHANNEL, 0, 0x80 | index)))


def is_last_part(index: int, part: bytes) -> bool:
    """Whether no other part follows."""
    return len(part) < _SUITES_A_PART or index + 1 >= _MOST_PARTS


def outside_session(request: Request) -> bytes:
    """The packet of a request that needs no session."""
    head = bytes((_BMC, request.netfn << 2))
    body = bytes((_CONSOLE, 0, request.command)) + request.data
    message = head + _checksum(head) + body + _checksum(body)
    return _NO_SESSION + bytes((len(message),)) + message


def answer_to(request: Request, packet: bytes) -> Response | None:
    """The response in a packet; None for every other packet."""
    message = packet[14:]
    if not packet.startswith(_NO_SESSION) or len(message) < _SHORTEST or packet[13] != len(message):
        return None
    is_sound = _checksum(message[:2]) == message[2:3] and _checksum(message[3:-1]) == message[-1:]
    if not is_sound or message[1] >> 2 != request.netfn | 1 or message[5] != request.command:
        return None
    return Response(message[6], message[7:-1])


def authentication_of(response: Response) -> Authentication | None:
    """What the BMC tells of its logins; None where it does not."""
    if response.code != SUCCESS or len(response.data) < 4:
        return None
    _, types, status, versions = response.data[:4]
    return Authentication(
        bool(types & 0x80 and versions & _SPEAKS_20),
        bool(status & _KG_SET),
        bool(status & (_ANONYMOUS | _NULL_NAMES)),
        bool(types & _NONE_TYPE),
    )


def suites_of(records: bytes) -> tuple[int, ...]:
    """The numbers of the cipher suites in all parts together, a vendor's own left out."""
    found: list[int] = []
    for at, byte in enumerate(records[:-1]):
        if byte == _STANDARD and records[at + 1] not in found:
            found.append(records[at + 1])
    return tuple(sorted(found))


def open_session(suite: Suite | None) -> bytes:
    """An Open Session Request for a suite; None is cipher suite 0, without authentication."""
    numbers = (0, 0, 0) if suite is None else (suite.authentication, suite.integrity, 1)
    payload = bytes((0, 0, 0, 0)) + _CONSOLE_SESSION
    payload += b"".join(bytes((kind, 0, 0, 8, number, 0, 0, 0)) for kind, number in enumerate(numbers))
    return _IPMI + bytes((6, _OPEN_REQUEST)) + bytes(8) + len(payload).to_bytes(2, "little") + payload


def status_of_open(packet: bytes) -> int | None:
    """The status of an Open Session Response; None for every other packet."""
    payload = packet[16:]
    is_one = packet[:4] == _IPMI and packet[4:6] == bytes((6, _OPEN_RESPONSE)) and len(payload) >= 8
    return payload[1] if is_one and payload[4:8] in {_CONSOLE_SESSION, bytes(4)} else None


def _checksum(data: bytes) -> bytes:
    return bytes((-sum(data) & 0xFF,))
