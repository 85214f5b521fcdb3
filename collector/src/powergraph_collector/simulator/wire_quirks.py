"""How real BMCs number the packets of a session, and what comes beside an answer (pure)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, count, repeat
from typing import Final

from powergraph_collector.simulator import rmcp
from powergraph_collector.simulator.quirks import Quirk
from powergraph_collector.sources.ipmi import dcmi

LAST_SEQUENCE: Final = 0xFFFFFFFF
_UNTRUE_W: Final = 9_999
_WATTS_AT: Final = 8  # in a message that answers Get Power Reading: after the completion code and the group


def sequence_numbers(quirks: frozenset[Quirk]) -> Iterator[int]:
    """Return the sequence numbers of the packets that a BMC sends in a session, without end."""
    if "sequence-zero" in quirks:
        return repeat(0)
    if "sequence-one" in quirks:
        return repeat(1)
    if "sequence-falls-back" in quirks:
        return (number - 5 * (number // 8) for number in count(1))
    if "sequence-huge" in quirks:
        return chain(range(1, 4), count(4 + 0x40000000))
    if "sequence-wraps" in quirks:
        return chain(range(LAST_SEQUENCE - 3, LAST_SEQUENCE + 1), count(1))
    return count(1)


def answers(quirks: frozenset[Quirk], channel: rmcp.Channel, message: bytes, previous: bytes) -> tuple[bytes, ...]:
    """Return the datagrams that the client gets for one request; `previous` is what it got last, empty at first."""
    wanted = [channel.seal(message)]
    if "reordered" in quirks:
        wanted.insert(0, channel.seal(message))
    if "doubled" in quirks:
        wanted = [datagram for datagram in wanted for _ in range(2)]
    before = [previous] if previous and "previous-first" in quirks else []
    if "unauthenticated-15" in quirks:
        before.append(rmcp.packet_15(_untrue(message), LAST_SEQUENCE, channel.client_id))
    return (*before, *wanted)


def _untrue(message: bytes) -> bytes:
    is_reading = message[1] >> 2 == dcmi.NETFN | 1 and message[5] == dcmi.GET_POWER_READING
    if not is_reading or len(message) < _WATTS_AT + 3:
        return message
    body = message[3:_WATTS_AT] + _UNTRUE_W.to_bytes(2, "little") + message[_WATTS_AT + 2 : -1]
    return message[:3] + body + bytes((-sum(body) & 0xFF,))
