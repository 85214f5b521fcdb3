"""How a client gets a session at a simulated BMC: the RMCP+ handshake, and the slots for those that came through."""

from __future__ import annotations

import hmac
import os
from dataclasses import dataclass
from struct import Struct
from typing import Final

from powergraph_collector.simulator import login_quirks, rmcp
from powergraph_collector.simulator.config import PRIVILEGES, BmcConfig, Fault
from powergraph_collector.simulator.quirks import Quirk
from powergraph_collector.simulator.wire_quirks import sequence_numbers
from powergraph_collector.sources.ipmi.message import SUCCESS

_HALF_OPEN_AT_MOST: Final = 64
_ALGORITHM: Final = Struct("<BxxBBxxx")
_HANDSHAKE: Final = {
    rmcp.PAYLOAD_OPEN_REQUEST: rmcp.PAYLOAD_OPEN_RESPONSE,
    rmcp.PAYLOAD_RAKP_1: rmcp.PAYLOAD_RAKP_2,
    rmcp.PAYLOAD_RAKP_3: rmcp.PAYLOAD_RAKP_4,
}


@dataclass(slots=True)
class _HalfOpen:
    """A session between Open Session Request and RAKP message 3."""

    suite: rmcp.CipherSuite
    client_id: int
    bmc_random: bytes
    handshake: rmcp.Handshake | None = None


@dataclass(slots=True)
class Session:
    """A session with its protection, what it may do, and its last request with what was answered."""

    channel: rmcp.Channel
    rakp_4: bytes
    limit: int
    used_s: float
    privilege: int
    met_fault: int = 0
    last_request: bytes = b""
    last_message: bytes = b""
    last_datagram: bytes = b""
    last_s: float = 0.0


class Logins:
    """The part of a BMC that knows its user and its sessions."""

    settings: BmcConfig
    fault: Fault
    quirks: frozenset[Quirk]
    _idle_s: float

    def __init__(self, guid: bytes) -> None:
        self._guid = guid
        self._half_open: dict[int, _HalfOpen] = {}
        self._sessions: dict[int, Session] = {}

    # From the settings each time: a login is rare, and what a BMC keeps is cold in the cache at every reading.

    @property
    def _password(self) -> bytes:
        return self.settings.password.get_secret_value().encode()

    @property
    def _limit(self) -> int:
        return PRIVILEGES[self.settings.privilege_limit]

    @property
    def _suites(self) -> list[rmcp.CipherSuite]:
        return [rmcp.SUITES[number] for number in self.settings.cipher_suites]

    def _forget_sessions(self) -> None:
        self._half_open.clear()
        self._sessions.clear()

    def _handshake(self, kind: int, payload: bytes, steady_s: float) -> bytes | None:
        """Return the packet that answers a payload of the handshake, None if it is none or meets silence."""
        if kind not in _HANDSHAKE or login_quirks.is_ignored(kind, self.quirks):
            return None
        if kind == rmcp.PAYLOAD_OPEN_REQUEST:
            answer = self._open(payload, steady_s)
        elif kind == rmcp.PAYLOAD_RAKP_1:
            answer = self._rakp_1(payload)
        else:
            answer = self._rakp_3(payload, steady_s)
        if answer and self.quirks:
            answer = login_quirks.spoiled(_HANDSHAKE[kind], answer, self.quirks)
        return rmcp.packet_with_payload(_HANDSHAKE[kind], answer) if answer else None

    def _open(self, request: bytes, steady_s: float) -> bytes:
        if len(request) != 32:
            return b""
        tag, role, client = request[:1], request[1] & 0x0F, request[4:8]
        if self.fault == "no-slots" or not self._slot_is_free(steady_s):
            return tag + bytes((rmcp.NO_RESOURCES, 0, 0)) + client
        suite = self._chosen_suite(request[8:])
        if suite is None:
            return tag + bytes((rmcp.NO_CIPHER_SUITE, 0, 0)) + client
        if len(self._half_open) >= _HALF_OPEN_AT_MOST:
            del self._half_open[next(iter(self._half_open))]
        bmc_id = self._new_id()
        self._half_open[bmc_id] = _HalfOpen(suite, int.from_bytes(client, "little"), os.urandom(16))
        algorithms = (suite.authentication, suite.integrity, suite.confidentiality)
        return (
            tag
            + bytes((SUCCESS, role or self._limit, 0))
            + client
            + bmc_id.to_bytes(4, "little")
            + b"".join(_ALGORITHM.pack(kind, 8, number) for kind, number in enumerate(algorithms))
        )

    def _chosen_suite(self, proposed: bytes) -> rmcp.CipherSuite | None:
        # Three payloads: authentication, integrity, confidentiality; a length of 0 leaves the choice to the BMC.
        payloads = [_ALGORITHM.unpack_from(proposed, offset) for offset in (0, 8, 16)]
        if [kind for kind, _, _ in payloads] != [0, 1, 2]:
            return None
        wanted = [number & 0x3F if size else None for _, size, number in payloads]
        for suite in sorted(self._suites, key=lambda suite: -suite.number):
            offered = (suite.authentication, suite.integrity, suite.confidentiality)
            if all(want in (None, offer) for want, offer in zip(wanted, offered, strict=True)):
                return suite
        return None

    def _rakp_1(self, message: bytes) -> bytes:
        if len(message) < 28 or len(message) != 28 + message[27]:
            return b""
        tag, bmc_id = message[:1], int.from_bytes(message[4:8], "little")
        half = self._half_open.get(bmc_id)
        if half is None:
            return tag + bytes((rmcp.INVALID_SESSION, 0, 0, 0, 0, 0, 0))
        client = half.client_id.to_bytes(4, "little")
        role, user = message[24], message[28:]
        status = self._refusal(user, role & 0x0F)
        if status:
            del self._half_open[bmc_id]
            return tag + bytes((status, 0, 0)) + client
        half.handshake = rmcp.Handshake(
            half.suite, half.client_id, bmc_id, message[8:24], half.bmc_random, self._guid, role, user
        )
        code = half.handshake.rakp_2_code(self._password)
        return tag + bytes((SUCCESS, 0, 0)) + client + half.bmc_random + self._guid + code

    def _refusal(self, user: bytes, role: int) -> int:
        if user != self.settings.user.encode():
            return rmcp.UNKNOWN_USER
        if role == PRIVILEGES["user"] and "user-refused" in self.quirks:
            return self.settings.user_refused_status
        return rmcp.UNAUTHORISED_ROLE if role > self._limit else SUCCESS

    def _rakp_3(self, message: bytes, steady_s: float) -> bytes:
        if len(message) < 8:
            return b""
        tag, status, bmc_id = message[:1], message[1], int.from_bytes(message[4:8], "little")
        established = self._sessions.get(bmc_id)
        if established:  # the client did not get RAKP message 4 and asks again
            return tag + established.rakp_4
        half = self._half_open.pop(bmc_id, None)
        if status or half is None or half.handshake is None:
            # With a status the client gives up, and wants no answer.
            return b"" if status else tag + bytes((rmcp.INVALID_SESSION, 0, 0, 0, 0, 0, 0))
        client = half.client_id.to_bytes(4, "little")
        if not hmac.compare_digest(message[8:], half.handshake.rakp_3_code(self._password)):
            return tag + bytes((rmcp.WRONG_CHECK_VALUE, 0, 0)) + client
        if not self._slot_is_free(steady_s):
            return tag + bytes((rmcp.NO_RESOURCES, 0, 0)) + client
        key = half.handshake.session_key(self.settings.group_key or self._password)
        rakp_4 = bytes((SUCCESS, 0, 0)) + client + half.handshake.rakp_4_code(key)
        channel = rmcp.Channel(half.suite, key, half.client_id, sequence_numbers(self.quirks))
        limit = half.handshake.role & 0x0F or self._limit
        self._sessions[bmc_id] = Session(channel, rakp_4, limit, steady_s, min(limit, PRIVILEGES["user"]))
        return tag + rakp_4

    def _slot_is_free(self, steady_s: float) -> bool:
        if len(self._sessions) >= self.settings.slots:
            for bmc_id, session in list(self._sessions.items()):
                if steady_s - session.used_s > self._idle_s:
                    del self._sessions[bmc_id]
        return len(self._sessions) < self.settings.slots

    def _new_id(self) -> int:
        while True:
            bmc_id = int.from_bytes(os.urandom(4), "little")
            if bmc_id and bmc_id not in self._sessions and bmc_id not in self._half_open:
                return bmc_id
