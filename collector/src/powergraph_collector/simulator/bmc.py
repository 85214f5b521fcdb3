"""One simulated BMC: datagrams in, datagrams out; its commands, its faults and its quirks.

No sockets and no clock: the caller hands in both. What comes from the network is never trusted; what is not understood
is dropped in silence, as real BMCs do.
"""

from __future__ import annotations

import random
import uuid
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple

from powergraph_collector.simulator import rmcp, wire_quirks
from powergraph_collector.simulator.config import PRIVILEGES, BmcConfig, Fault
from powergraph_collector.simulator.dcmi_power import DcmiPower
from powergraph_collector.simulator.identity import Identity
from powergraph_collector.simulator.logins import Logins, Session
from powergraph_collector.simulator.outcome import (
    BUSY,
    LEVEL_ABOVE_LIMIT,
    UNKNOWN_AT_THIS_UNIT,
    UNKNOWN_COMMAND,
    UNKNOWN_SESSION,
    WRONG_LENGTH,
    Outcome,
    code,
    success,
)
from powergraph_collector.simulator.power import PowerSource
from powergraph_collector.simulator.quirks import Quirk, refused_to_user
from powergraph_collector.simulator.sensor_commands import SensorCommands, SensorRequest
from powergraph_collector.sources.ipmi import dcmi
from powergraph_collector.sources.ipmi.message import INSUFFICIENT_PRIVILEGE, SUCCESS

_REPEATED_WITHIN_S: Final = 5.0
_NETFN_CHASSIS, _NETFN_APP = 0x00, 0x06
_SET_PRIVILEGE, _CLOSE_SESSION = (_NETFN_APP, 0x3B), (_NETFN_APP, 0x3C)
_POWER_READING: Final = (dcmi.NETFN, dcmi.GET_POWER_READING)
_ANYONE, _USER, _OPERATOR = 0, PRIVILEGES["user"], PRIVILEGES["operator"]
_DCMI = None  # the level that this BMC wants for DCMI power commands
_NO_COMMAND: Final = (_ANYONE, None)
# By network function and command: the level that is needed, and the method that answers. One table for all BMCs: a
# table for each costs memory that is cold in the cache whenever its turn comes.
_COMMANDS: Final[dict[tuple[int, int], tuple[int | None, str]]] = {
    (_NETFN_CHASSIS, 0x01): (_USER, "_chassis_status"),
    (_NETFN_APP, 0x01): (_USER, "_device_id"),
    (_NETFN_APP, 0x37): (_ANYONE, "_system_guid"),
    (_NETFN_APP, 0x38): (_ANYONE, "_authentication_capabilities"),
    (_NETFN_APP, 0x54): (_ANYONE, "_cipher_suites"),
    (dcmi.NETFN, dcmi.GET_CAPABILITIES): (_ANYONE, "_dcmi_capabilities"),
    (dcmi.NETFN, dcmi.GET_POWER_READING): (_DCMI, "_power_reading"),
    (dcmi.NETFN, dcmi.GET_POWER_LIMIT): (_DCMI, "_power_limit"),
    (dcmi.NETFN, dcmi.SET_POWER_LIMIT): (_OPERATOR, "_set_power_limit"),
    (dcmi.NETFN, dcmi.ACTIVATE_POWER_LIMIT): (_OPERATOR, "_activate_power_limit"),
}
_FIRST_ANSWERS: Final[dict[Fault, int]] = {"busy-first": BUSY, "empty-first": SUCCESS}


class Answer(NamedTuple):
    """A datagram to send after `after_s` seconds, and `more` behind it; `served_w` if they bring a new reading."""

    datagram: bytes
    served_w: int | None = None
    after_s: float = 0.0
    more: tuple[bytes, ...] = ()


class SimulatedBmc(Logins, Identity, DcmiPower):
    """A BMC that can be reconfigured while it runs; `answer` is all that the network sees of it."""

    def __init__(self, settings: BmcConfig, source: PowerSource) -> None:
        Logins.__init__(self, uuid.uuid5(uuid.NAMESPACE_DNS, settings.name).bytes)
        DcmiPower.__init__(self)
        self._fault_number = 0
        self._booted_s: float | None = None
        self._answered_while_booting: Counter[Quirk] = Counter()
        self._chance: random.Random | None = None
        self.reconfigure(settings, source)

    def reconfigure(self, settings: BmcConfig, source: PowerSource) -> None:
        """Take over new settings; sessions live on, unless the fault is a reboot."""
        self._configure_cap(settings)
        self.settings = settings
        self.source = source
        self._loss = settings.loss
        self._sensors = SensorCommands(settings.sdr, settings.sdr_quirks)
        self.set_quirks(settings.quirks)
        self.set_fault(settings.fault)

    def set_quirks(self, quirks: tuple[Quirk, ...]) -> None:
        """Have these quirks from now on; sequence numbers of sessions that there are go on as they began."""
        self.quirks = frozenset(quirks)
        self._reads_soundly = not quirks and self.settings.dcmi_code is None
        self._idle_s = min(self.settings.idle_s, 30.0) if "closes-idle-30" in self.quirks else self.settings.idle_s
        refusal = refused_to_user(self.quirks)
        self._dcmi_refusal = INSUFFICIENT_PRIVILEGE if refusal is None else refusal
        required = PRIVILEGES[self.settings.required_privilege]
        self._dcmi_level = required if refusal is None else max(required, PRIVILEGES["operator"])

    def set_fault(self, fault: Fault) -> None:
        """Misbehave from now on; `reboot` forgets all sessions each time that it is set, and is well afterwards."""
        self.fault = fault
        self._after_s = self.settings.delay_s if fault == "slow" else self.settings.latency_s
        self._fault_number += 1
        if fault == "reboot":
            self._forget_sessions()
            self._booted_s = None
            self._answered_while_booting.clear()

    def answer(self, datagram: bytes, wall_s: float, steady_s: float) -> Answer | None:
        """Return the answer to a datagram, None to stay silent. `wall_s` is Unix time, `steady_s` a monotonic clock."""
        if self.fault == "silent" or len(datagram) > rmcp.LONGEST_DATAGRAM or (self._loss and self._is_lost()):
            return None
        if not datagram.startswith(rmcp.IPMI_HEADER) or len(datagram) < 10:
            ping = rmcp.pong(datagram)
            return Answer(ping) if ping else None
        if datagram[4] == rmcp.FORMAT_RMCP_PLUS:
            session_id = int.from_bytes(datagram[6:10], "little")
            if session_id:
                answer = self._in_session(session_id, datagram, wall_s, steady_s)
            else:
                answer = self._before_session(datagram, wall_s, steady_s)
        elif datagram[4] == rmcp.FORMAT_NONE:
            message = rmcp.message_before_session(datagram)
            reply = message and self._before_login(message, wall_s)
            answer = Answer(rmcp.packet_15(reply)) if reply else None
        else:
            answer = None
        if answer is None or (self._loss and self._is_lost()):
            return None
        return answer._replace(after_s=self._after_s) if self._after_s else answer

    def _is_lost(self) -> bool:
        if self._chance is None:  # it is large, and few BMCs need it
            self._chance = random.Random(self.settings.name)  # noqa: S311 -- the same packets are lost in every run
        return self._chance.random() < self._loss

    def _before_session(self, datagram: bytes, wall_s: float, steady_s: float) -> Answer | None:
        if self._booted_s is None:
            self._booted_s = wall_s
        received = rmcp.payload_before_session(datagram)
        if received is None:
            return None
        kind, payload = received
        if kind == rmcp.PAYLOAD_IPMI:
            reply = self._before_login(payload, wall_s)
            return Answer(rmcp.packet_with_payload(kind, reply)) if reply else None
        packet = self._handshake(kind, payload, steady_s)
        return Answer(packet) if packet else None

    def _before_login(self, raw: bytes, wall_s: float) -> bytes | None:
        request = rmcp.parse_message(raw)
        if request is None:
            return None
        outcome = self._run(request, _ANYONE, wall_s)
        return request.reply(outcome[0]) if outcome else None

    def _in_session(self, session_id: int, datagram: bytes, wall_s: float, steady_s: float) -> Answer | None:
        session = self._sessions.get(session_id)
        if session is None:
            return None
        raw = session.channel.open(datagram)
        request = rmcp.parse_message(raw) if raw else None
        if request is None:
            return None
        if steady_s - session.used_s > self._idle_s:
            del self._sessions[session_id]
            return None
        session.used_s = steady_s
        # A request sent again, because its answer was lost or late, gets that answer: it is not another reading.
        if request.raw == session.last_request and steady_s - session.last_s < _REPEATED_WITHIN_S:
            return self._sealed(session, session.last_message, None)
        outcome = self._run_in_session(session_id, session, request, wall_s)
        if outcome is None:
            return None
        told, served_w = outcome
        if self.quirks and "mixes-requests" in self.quirks and steady_s < session.last_s + self._after_s:
            told = rmcp.outcome_of(session.last_message)
        message = request.reply(told)
        session.last_request, session.last_message, session.last_s = request.raw, message, steady_s
        return self._sealed(session, message, served_w)

    def _sealed(self, session: Session, message: bytes, served_w: int | None) -> Answer:
        if not self.quirks:
            return Answer(session.channel.seal(message), served_w)
        first, *more = wire_quirks.answers(self.quirks, session.channel, message, session.last_datagram)
        session.last_datagram = more[-1] if more else first
        return Answer(first, served_w, more=tuple(more))

    def _run_in_session(
        self, session_id: int, session: Session, request: rmcp.Message, wall_s: float
    ) -> Outcome | None:
        place = request.place
        if place == _SET_PRIVILEGE:
            if self._is_booting("privilege-busy", wall_s):
                return code(self.settings.busy_code)
            return None if "privilege-ignored" in self.quirks else self._set_privilege(session, request.data)
        if place == _CLOSE_SESSION:
            return self._close_session(session_id, request.data)
        first = session.met_fault != self._fault_number
        if first and self.fault in _FIRST_ANSWERS and place == _POWER_READING:
            session.met_fault = self._fault_number
            return code(_FIRST_ANSWERS[self.fault])
        if self.quirks and request.netfn == dcmi.NETFN and self._is_booting("c1-while-booting", wall_s):
            return code(UNKNOWN_COMMAND)
        return self._run(request, session.privilege, wall_s)

    def _is_booting(self, quirk: Quirk, wall_s: float) -> bool:
        """Tell whether the BMC still boots as far as this quirk goes, and count the answer that this spoils."""
        if quirk not in self.quirks:
            return False
        self._answered_while_booting[quirk] += 1
        booted_s = wall_s if self._booted_s is None else self._booted_s
        return (
            self._answered_while_booting[quirk] <= self.settings.booting_answers
            or wall_s - booted_s < self.settings.booting_s
        )

    def _run(self, request: rmcp.Message, privilege: int, wall_s: float) -> Outcome | None:
        if self._sensors.knows(request.netfn, request.command):
            if privilege < _USER:
                return code(INSUFFICIENT_PRIVILEGE)
            watts = partial(self._watts, wall_s)
            return self._sensors.run(SensorRequest(request.lun, request.netfn, request.command, request.data, watts))
        if request.lun:
            return code(UNKNOWN_AT_THIS_UNIT)
        level, method = _COMMANDS.get(request.place, _NO_COMMAND)
        is_dcmi = request.netfn == dcmi.NETFN
        if method is None or (is_dcmi and self.fault == "no-dcmi"):
            return code(UNKNOWN_COMMAND)
        if privilege < (level if level is not None else self._dcmi_level):
            return code(self._dcmi_refusal if is_dcmi else INSUFFICIENT_PRIVILEGE)
        command: Callable[[bytes, float], Outcome | None] = getattr(self, method)
        return command(request.data, wall_s)

    def _close_session(self, session_id: int, data: bytes) -> Outcome:
        if data[:4] != session_id.to_bytes(4, "little"):
            return code(UNKNOWN_SESSION)
        del self._sessions[session_id]
        return code(SUCCESS)

    def _set_privilege(self, session: Session, data: bytes) -> Outcome:
        if len(data) != 1:
            return code(WRONG_LENGTH)
        wanted = data[0] & 0x0F
        if wanted > session.limit:
            return code(LEVEL_ABOVE_LIMIT)
        session.privilege = wanted or session.privilege
        return success(bytes((session.privilege,)))
