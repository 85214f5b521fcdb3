"""How real BMCs spoil the handshake of a session: silence, errors that name nobody, codes of zeros (pure)."""

from __future__ import annotations

from typing import Final

from powergraph_collector.simulator import rmcp
from powergraph_collector.simulator.quirks import Quirk

_HEAD_SIZE: Final = 8  # tag, status, two reserved bytes, the client's session id
_RAKP_2_SIZE: Final = 40  # before its code: the head, the BMC's random number and its GUID
_SUITE_17_CODE: Final = rmcp.SUITES[17].code_size
_IGNORED: Final[dict[int, Quirk]] = {
    rmcp.PAYLOAD_OPEN_REQUEST: "open-ignored",
    rmcp.PAYLOAD_RAKP_1: "rakp1-ignored",
    rmcp.PAYLOAD_RAKP_3: "rakp3-ignored",
}


def is_ignored(kind: int, quirks: frozenset[Quirk]) -> bool:
    """Tell whether the BMC says nothing to payloads of this type."""
    return _IGNORED.get(kind) in quirks


def spoiled(kind: int, answer: bytes, quirks: frozenset[Quirk]) -> bytes:
    """Return what the BMC makes of an answer of the handshake: empty for silence."""
    status = answer[1]
    if status == rmcp.NO_CIPHER_SUITE and "suite-ignored" in quirks:
        return b""
    if status:
        return b"\0" + answer[1:4] + bytes(4) + answer[_HEAD_SIZE:] if "error-tag-0" in quirks else answer
    if kind == rmcp.PAYLOAD_RAKP_2 and len(answer) == _RAKP_2_SIZE + _SUITE_17_CODE:
        right = answer[_RAKP_2_SIZE:]
        if "zero-code-17" in quirks:
            return answer[:_RAKP_2_SIZE] + bytes(_SUITE_17_CODE)
        if "wrong-code-17" in quirks:
            return answer[:_RAKP_2_SIZE] + bytes(byte ^ 0xFF for byte in right)
    return answer
