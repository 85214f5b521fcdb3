"""A login to a BMC, packets in and out: Open Session, RAKP 1 to 4 (IPMI 2.0, section 13.17 to 13.24).

pyghmi computes the codes and the keys. It is not used for sockets, clocks, threads and registries of sessions, nor for
beginning a login anew, which it would do for ever. It is pinned exactly, as its insides are used.

Until the keys are there, every packet is anybody's. So a packet is checked here before pyghmi sees it, and one that
speaks against the login (a status of error, a wrong code) does not end it: it is kept in `objection`, and counts when
nothing better has come by the time that the caller gives it. Whoever can send packets in the BMC's name can delay a
login, but can neither end it nor let it succeed.

A handshake's state is `step`: what was sent last, and so what is waited for. It only moves forward, by `feed`.
"""

from __future__ import annotations

import copy
import os
from collections import deque
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from pyghmi.ipmi.private import session as pyghmi

from powergraph_collector.sources.ipmi.session import SUITES, Keys, Suite

HEADER_BYTES: Final = 16
_TAG, _STATUS = 0, 1
_NO_STATUS: Final = 0
_RMCP_CLASS_IPMI: Final = 0x07
_FORMAT_RMCP_PLUS: Final = 0x06
_ROLE_MASK, _NAME_ONLY = 0x0F, 0x10
_RANDOM_BYTES: Final = 4


class Step(Enum):
    """What was sent last; the value is what people call it."""

    OPEN_SESSION = "Open Session Request"
    RAKP_1 = "RAKP message 1"
    RAKP_3 = "RAKP message 3"


class Fault(Enum):
    """What speaks against a login, beside the statuses that a BMC sends."""

    STATUS = "status of error"
    WEAKER = "the BMC chose other algorithms than it was asked for"
    WRONG_CODE = "the BMC's code does not fit the password"
    ZERO_CODE = "the BMC's code is all zeros"
    WRONG_KEY = "the BMC's code does not fit the group key"
    CLOSED_PORT = "nobody is at the port"


@dataclass(frozen=True, slots=True)
class Objection:
    """What speaks against a login: the step it answers, the fault, and the RMCP+ status (table 13-15) if it is one."""

    step: Step
    fault: Fault
    status: int = _NO_STATUS


@dataclass(frozen=True, slots=True)
class _Expected:
    """The answer to a step: its payload type, its length, and the step that follows."""

    payload: int
    length: int


class _Reckoner(pyghmi.Session):  # type: ignore[misc]
    """pyghmi's handshake alone: `out` has the packet that it wants to send, `failed` its complaint, `keys` the end."""

    def __new__(cls, *_arguments: Any) -> _Reckoner:
        """Make one without a look for a session that exists, and without a socket."""
        return object.__new__(cls)

    def __init__(self, user: bytes, password: bytes, kg: bytes, privilege: int, suite: Suite) -> None:
        self.userid, self.password, self.kg = user, password, kg
        self.privlevel, self.autopriv, self.nameonly = privilege, False, _NAME_ONLY
        self.pendingpayloads: deque[object] = deque()
        self.last_payload_type, self.bmc = None, ""
        self.maxtimeout, self.logontries, self._customkeepalives = 1, 0, None
        self.out, self.failed, self.is_through = b"", "", False
        self._initsession()
        # Answers to a login that was given up must not meet the next one's number.
        self.localsid = int.from_bytes(os.urandom(_RANDOM_BYTES), "little") & 0x7FFFFFFE
        self.attemptedhash, self.ipmiversion = (256 if suite.digest == "sha256" else 1), 2.0
        self._open_rmcpplus_request()

    def _xmit_packet(self, *_arguments: Any, **_words: Any) -> None:
        self.out = bytes(self.netpacket)

    def onlogon(self, outcome: dict[str, str]) -> None:
        self.failed = outcome.get("error", "")

    def _req_priv_level(self) -> None:
        self.is_through = True

    def __del__(self) -> None:
        """Nothing to log out of: the session that follows is ours."""


class Handshake:
    """One login, with one cipher suite and one privilege. `privilege` is 2 for USER to 4 for ADMINISTRATOR.

    >>> handshake = Handshake(b"powergraph", b"a-password")
    >>> packet = handshake.packet  # to send, and again if nothing comes
    >>> handshake.feed(answer)     # True: it went a step forward, and there is a packet to send or there are keys
    """

    def __init__(
        self, user: bytes, password: bytes, kg: bytes | None = None, privilege: int = 2, suite: Suite = SUITES[17]
    ) -> None:
        self.step = Step.OPEN_SESSION
        self.objection: Objection | None = None
        self.keys: Keys | None = None
        self._suite = suite
        code_bytes = 20 if suite.digest == "sha1" else 32
        self._expected = {
            Step.OPEN_SESSION: _Expected(0x11, 36),
            Step.RAKP_1: _Expected(0x13, 40 + code_bytes),
            Step.RAKP_3: _Expected(0x15, 8 + suite.code_bytes),
        }
        self._reckoner = _Reckoner(user, password, password if kg is None else kg, privilege, suite)

    @property
    def packet(self) -> bytes:
        """What to send in the present step."""
        return self._reckoner.out

    def feed(self, packet: bytes) -> bool:
        """Take a packet; returns whether it brought the login a step forward, to `keys` in the end."""
        payload = self._payload(packet)
        if payload is None:
            return False
        fault = self._fault(payload)
        if fault is not None:
            self.object(fault, payload[_STATUS])
            return False
        expected = self._expected[self.step]
        if len(payload) < expected.length:
            return False
        reckoner = copy.copy(self._reckoner)  # what is wrong must leave no trace
        reckoner.out = b""
        try:
            reckoner._handle_ipmi2_packet(bytearray(packet[: HEADER_BYTES + expected.length]))
        except Exception:  # pyghmi raises whatever a packet leads it into
            return False
        if reckoner.failed:
            self.object(self._fault_of_code(payload))
        if reckoner.failed or not (reckoner.out or reckoner.is_through):
            return False
        self._reckoner, self.objection = reckoner, None
        self._go_on()
        return True

    def _fault(self, payload: bytes) -> Fault | None:
        """What speaks against the login before any code is looked at."""
        if payload[_STATUS]:
            return Fault.STATUS
        if self.step is Step.OPEN_SESSION and not self._algorithms_are_those_asked_for(payload):
            return Fault.WEAKER
        return None

    def _go_on(self) -> None:
        if self.step is Step.OPEN_SESSION:
            self.step = Step.RAKP_1
        elif self.step is Step.RAKP_1:
            self.step = Step.RAKP_3
        else:
            done = self._reckoner
            self.keys = Keys(self._suite, done.k1, done.aeskey, done.sessionid, done.localsid)

    def _payload(self, packet: bytes) -> bytes | None:
        """The payload of an answer to what was sent last; None for every other packet."""
        is_header = len(packet) > HEADER_BYTES and packet[0] == 6 and packet[3] == _RMCP_CLASS_IPMI
        if not is_header or packet[4] != _FORMAT_RMCP_PLUS or packet[5] != self._expected[self.step].payload:
            return None
        payload = packet[HEADER_BYTES : HEADER_BYTES + int.from_bytes(packet[14:16], "little")]
        if any(packet[6:10]) or len(payload) <= _STATUS or len(packet) < HEADER_BYTES + len(payload):
            return None
        # OpenBMC sends errors with tag 0 and session 0 (xcat-core issue 7555): they answer what is under way.
        has_failed = payload[_STATUS] != _NO_STATUS
        console = self._reckoner.localsid.to_bytes(4, "little")
        is_tag = payload[_TAG] == self._reckoner.rmcptag & 0xFF or (has_failed and payload[_TAG] == 0)
        is_session = payload[4:8] == console or (has_failed and not any(payload[4:8]))
        return payload if is_tag and is_session else None

    def _algorithms_are_those_asked_for(self, payload: bytes) -> bool:
        wanted = (self._suite.authentication, self._suite.integrity, 1)  # the last is AES-CBC-128
        return len(payload) < 36 or tuple(payload[at] & 0x3F for at in (16, 24, 32)) == wanted

    def _fault_of_code(self, payload: bytes) -> Fault:
        if self.step is Step.RAKP_3:
            return Fault.WRONG_KEY
        return Fault.WRONG_CODE if any(payload[40:]) else Fault.ZERO_CODE

    def object(self, fault: Fault, status: int = _NO_STATUS) -> None:
        """Keep what speaks against the login; the first counts."""
        if self.objection is None:
            self.objection = Objection(self.step, fault, status)
