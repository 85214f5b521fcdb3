"""One simulated BMC: datagrams in, datagrams out; its sessions, its user, its commands, its faults.

No sockets and no clock: the caller hands in both. What comes from the network is never trusted; what is not understood
is dropped in silence, as real BMCs do.
"""

from __future__ import annotations

import hmac
import os
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from struct import Struct

from powergraph_collector.simulator import rmcp
from powergraph_collector.simulator.config import PRIVILEGES, BmcConfig, Fault
from powergraph_collector.simulator.power import HIGHEST_W, PowerSource
from powergraph_collector.simulator.sensor_commands import Outcome, SensorCommands, SensorRequest
from powergraph_collector.sources.ipmi import dcmi
from powergraph_collector.sources.ipmi.message import INSUFFICIENT_PRIVILEGE, SUCCESS

IDLE_SESSION_S = 60.0
_HALF_OPEN_AT_MOST = 64
_REPEATED_WITHIN_S = 5.0

BUSY = 0xC0
UNKNOWN_COMMAND = 0xC1
UNKNOWN_AT_THIS_UNIT = 0xC2
WRONG_LENGTH = 0xC7
INVALID_FIELD = 0xCC
CANNOT_ANSWER = 0xCE
LEVEL_ABOVE_LIMIT = 0x81
UNKNOWN_SESSION = 0x87

# RMCP+ and RAKP status codes (table 13-15).
NO_RESOURCES = 0x01
INVALID_SESSION = 0x02
UNAUTHORISED_ROLE = 0x09
UNKNOWN_USER = 0x0D
WRONG_CHECK_VALUE = 0x0F
NO_CIPHER_SUITE = 0x11

_NETFN_CHASSIS, _NETFN_APP = 0x00, 0x06
_ANYONE, _CALLBACK, _USER, _OPERATOR = 0, 1, PRIVILEGES["user"], PRIVILEGES["operator"]
_NO_CAP = dcmi.PowerLimit(0, 0, 0, 0)
_VERSION = dcmi.Capabilities(1, 5, power_management=True)
# Platform attributes: none; manageability access: LAN channel 1, no second one, no serial line.
_OTHER_CAPABILITIES = {2: bytes(5), 3: bytes(2), 4: b"\x01\xff\xff"}
_FIRST_ANSWERS: dict[Fault, int] = {"busy-first": BUSY, "empty-first": SUCCESS}
_ALGORITHM = Struct("<BxxBBxxx")


@dataclass(frozen=True, slots=True)
class Answer:
    """A datagram to send `after_s` seconds; `served_w` if it brings a new power reading."""

    datagram: bytes
    served_w: int | None = None
    after_s: float = 0.0


@dataclass(slots=True)
class _HalfOpen:
    """A session between Open Session Request and RAKP message 3."""

    suite: rmcp.CipherSuite
    client_id: int
    bmc_random: bytes
    handshake: rmcp.Handshake | None = None


@dataclass(slots=True)
class _Session:
    channel: rmcp.Channel
    rakp_4: bytes
    limit: int
    used_s: float
    privilege: int = _USER
    met_fault: int = 0
    last_request: bytes = b""
    last_message: bytes = b""
    last_s: float = 0.0


class SimulatedBmc:
    """A BMC that can be reconfigured while it runs; `answer` is all that the network sees of it."""

    def __init__(self, settings: BmcConfig, source: PowerSource) -> None:
        self._half_open: dict[int, _HalfOpen] = {}
        self._sessions: dict[int, _Session] = {}
        self._guid = uuid.uuid5(uuid.NAMESPACE_DNS, settings.name).bytes
        self._begin_s: float | None = None
        self._lowest_w, self._highest_w, self._total_w, self._readings = HIGHEST_W, 0, 0, 0
        self._fault_number = 0
        self._cap = _NO_CAP
        self._cap_is_active = False
        self._configured_cap_w: int | None = None
        self.reconfigure(settings, source)

    def reconfigure(self, settings: BmcConfig, source: PowerSource) -> None:
        """Take over new settings; sessions live on, unless the fault is a reboot."""
        if settings.limit_w != self._configured_cap_w:  # else what was set over the wire stays
            self._configured_cap_w = settings.limit_w
            self._cap_is_active = settings.limit_w is not None
            self._cap = dcmi.PowerLimit(settings.limit_w or 0, action=0x11, correction_ms=1000, sample_s=1)
        self.settings = settings
        self.source = source
        self._user = settings.user.encode()
        self._password = settings.password.get_secret_value().encode()
        self._limit = PRIVILEGES[settings.privilege_limit]
        self._suites = [rmcp.SUITES[number] for number in settings.cipher_suites]
        self._sensors = SensorCommands(settings.sdr, settings.sdr_quirks)
        dcmi_level = PRIVILEGES[settings.required_privilege]
        self._commands: dict[tuple[int, int], tuple[int, Callable[[bytes, float], Outcome | None]]] = {
            (_NETFN_CHASSIS, 0x01): (_USER, self._chassis_status),
            (_NETFN_APP, 0x01): (_USER, self._device_id),
            (_NETFN_APP, 0x37): (_ANYONE, self._system_guid),
            (_NETFN_APP, 0x38): (_ANYONE, self._authentication_capabilities),
            (_NETFN_APP, 0x54): (_ANYONE, self._cipher_suites),
            (dcmi.NETFN, dcmi.GET_CAPABILITIES): (_ANYONE, self._dcmi_capabilities),
            (dcmi.NETFN, dcmi.GET_POWER_READING): (dcmi_level, self._power_reading),
            (dcmi.NETFN, dcmi.GET_POWER_LIMIT): (dcmi_level, self._power_limit),
            (dcmi.NETFN, dcmi.SET_POWER_LIMIT): (_OPERATOR, self._set_power_limit),
            (dcmi.NETFN, dcmi.ACTIVATE_POWER_LIMIT): (_OPERATOR, self._activate_power_limit),
        }
        self.set_fault(settings.fault)

    def set_fault(self, fault: Fault) -> None:
        """Misbehave from now on; `reboot` forgets all sessions each time that it is set, and is well afterwards."""
        self.fault = fault
        self._fault_number += 1
        if fault == "reboot":
            self._half_open.clear()
            self._sessions.clear()

    def answer(self, datagram: bytes, wall_s: float, steady_s: float) -> Answer | None:
        """Return the answer to a datagram, None to stay silent. `wall_s` is Unix time, `steady_s` a monotonic clock."""
        if self.fault == "silent" or len(datagram) > rmcp.LONGEST_DATAGRAM:
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
            answer = Answer(rmcp.packet_before_session(reply)) if reply else None
        else:
            answer = None
        after_s = self.settings.delay_s if self.fault == "slow" else self.settings.latency_s
        return Answer(answer.datagram, answer.served_w, after_s) if answer and after_s else answer

    # Sessions

    def _before_session(self, datagram: bytes, wall_s: float, steady_s: float) -> Answer | None:
        received = rmcp.payload_before_session(datagram)
        if received is None:
            return None
        kind, payload = received
        answer_kind, answer = rmcp.PAYLOAD_IPMI, b""
        if kind == rmcp.PAYLOAD_OPEN_REQUEST:
            answer_kind, answer = rmcp.PAYLOAD_OPEN_RESPONSE, self._open(payload, steady_s)
        elif kind == rmcp.PAYLOAD_RAKP_1:
            answer_kind, answer = rmcp.PAYLOAD_RAKP_2, self._rakp_1(payload)
        elif kind == rmcp.PAYLOAD_RAKP_3:
            answer_kind, answer = rmcp.PAYLOAD_RAKP_4, self._rakp_3(payload, steady_s)
        elif kind == rmcp.PAYLOAD_IPMI:
            answer = self._before_login(payload, wall_s) or b""
        return Answer(rmcp.packet_with_payload(answer_kind, answer)) if answer else None

    def _open(self, request: bytes, steady_s: float) -> bytes:
        if len(request) != 32:
            return b""
        tag, role, client = request[:1], request[1] & 0x0F, request[4:8]
        if self.fault == "no-slots" or not self._slot_is_free(steady_s):
            return tag + bytes((NO_RESOURCES, 0, 0)) + client
        suite = self._chosen_suite(request[8:])
        if suite is None:
            return tag + bytes((NO_CIPHER_SUITE, 0, 0)) + client
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
            return tag + bytes((INVALID_SESSION, 0, 0, 0, 0, 0, 0))
        client = half.client_id.to_bytes(4, "little")
        role, user = message[24], message[28:]
        status = SUCCESS
        if user != self._user:
            status = UNKNOWN_USER
        elif role & 0x0F > self._limit:
            status = UNAUTHORISED_ROLE
        if status:
            del self._half_open[bmc_id]
            return tag + bytes((status, 0, 0)) + client
        half.handshake = rmcp.Handshake(
            half.suite, half.client_id, bmc_id, message[8:24], half.bmc_random, self._guid, role, user
        )
        code = half.handshake.rakp_2_code(self._password)
        return tag + bytes((SUCCESS, 0, 0)) + client + half.bmc_random + self._guid + code

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
            return b"" if status else tag + bytes((INVALID_SESSION, 0, 0, 0, 0, 0, 0))
        client = half.client_id.to_bytes(4, "little")
        if not hmac.compare_digest(message[8:], half.handshake.rakp_3_code(self._password)):
            return tag + bytes((WRONG_CHECK_VALUE, 0, 0)) + client
        if not self._slot_is_free(steady_s):
            return tag + bytes((NO_RESOURCES, 0, 0)) + client
        key = half.handshake.session_key(self._password)
        rakp_4 = bytes((SUCCESS, 0, 0)) + client + half.handshake.rakp_4_code(key)
        channel = rmcp.Channel(half.suite, key, half.client_id)
        limit = half.handshake.role & 0x0F or self._limit
        self._sessions[bmc_id] = _Session(channel, rakp_4, limit, steady_s, min(limit, _USER))
        return tag + rakp_4

    def _slot_is_free(self, steady_s: float) -> bool:
        if len(self._sessions) >= self.settings.slots:
            for bmc_id, session in list(self._sessions.items()):
                if steady_s - session.used_s > IDLE_SESSION_S:
                    del self._sessions[bmc_id]
        return len(self._sessions) < self.settings.slots

    def _new_id(self) -> int:
        while True:
            bmc_id = int.from_bytes(os.urandom(4), "little")
            if bmc_id and bmc_id not in self._sessions and bmc_id not in self._half_open:
                return bmc_id

    # Commands

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
        if steady_s - session.used_s > IDLE_SESSION_S:
            del self._sessions[session_id]
            return None
        session.used_s = steady_s
        # A request sent again, because its answer was lost or late, gets that answer: it is not another reading.
        if request.raw == session.last_request and steady_s - session.last_s < _REPEATED_WITHIN_S:
            return Answer(session.channel.seal(session.last_message))
        outcome = self._run_in_session(session_id, session, request, wall_s)
        if outcome is None:
            return None
        message = request.reply(outcome[0])
        session.last_request, session.last_message, session.last_s = request.raw, message, steady_s
        return Answer(session.channel.seal(message), outcome[1])

    def _run_in_session(
        self, session_id: int, session: _Session, request: rmcp.Message, wall_s: float
    ) -> Outcome | None:
        place = (request.netfn, request.command)
        if place == (_NETFN_APP, 0x3B):
            return self._set_privilege(session, request.data)
        if place == (_NETFN_APP, 0x3C):
            if request.data[:4] != session_id.to_bytes(4, "little"):
                return _code(UNKNOWN_SESSION)
            del self._sessions[session_id]
            return _code(SUCCESS)
        first = session.met_fault != self._fault_number
        if first and self.fault in _FIRST_ANSWERS and place == (dcmi.NETFN, dcmi.GET_POWER_READING):
            session.met_fault = self._fault_number
            return _code(_FIRST_ANSWERS[self.fault])
        return self._run(request, session.privilege, wall_s)

    def _run(self, request: rmcp.Message, privilege: int, wall_s: float) -> Outcome | None:
        if self._sensors.knows(request.netfn, request.command):
            if privilege < _USER:
                return _code(INSUFFICIENT_PRIVILEGE)
            watts = partial(self._watts, wall_s)
            return self._sensors.run(SensorRequest(request.lun, request.netfn, request.command, request.data, watts))
        if request.lun:
            return _code(UNKNOWN_AT_THIS_UNIT)
        level, command = self._commands.get((request.netfn, request.command), (_ANYONE, None))
        if command is None or (request.netfn == dcmi.NETFN and self.fault == "no-dcmi"):
            return _code(UNKNOWN_COMMAND)
        if privilege < level:
            return _code(INSUFFICIENT_PRIVILEGE)
        return command(request.data, wall_s)

    def _set_privilege(self, session: _Session, data: bytes) -> Outcome:
        if len(data) != 1:
            return _code(WRONG_LENGTH)
        wanted = data[0] & 0x0F
        if wanted > session.limit:
            return _code(LEVEL_ABOVE_LIMIT)
        session.privilege = wanted or session.privilege
        return _success(bytes((session.privilege,)))

    def _authentication_capabilities(self, data: bytes, wall_s: float) -> Outcome:
        if len(data) != 2:
            return _code(WRONG_LENGTH)
        # No IPMI 1.5 authentication; user names are needed; IPMI 2.0 is spoken, if the client asks about it.
        extended = data[0] & 0x80
        return _success(bytes((1, extended, 0x04, 0x02 if extended else 0, 0, 0, 0, 0)))

    def _cipher_suites(self, data: bytes, wall_s: float) -> Outcome:
        if len(data) != 3:
            return _code(WRONG_LENGTH)
        offset = (data[2] & 0x3F) * 16
        every = b"".join(suite.record for suite in self._suites)
        return _success(b"\x01" + every[offset : offset + 16])

    def _system_guid(self, data: bytes, wall_s: float) -> Outcome:
        return _success(self._guid)

    def _device_id(self, data: bytes, wall_s: float) -> Outcome:
        # Device 0x20, revision 1, firmware 1.05, IPMI 2.0; has sensors, an SDR repository and a chassis; no vendor.
        return _success(bytes((0x20, 0x81, 0x01, 0x05, 0x02, 0x83, 0, 0, 0, 0, 0)))

    def _chassis_status(self, data: bytes, wall_s: float) -> Outcome:
        return _success(b"\x01\x00\x00")  # on

    # Power over DCMI

    def _dcmi_capabilities(self, data: bytes, wall_s: float) -> Outcome:
        if len(data) != 2 or data[0] != dcmi.GROUP:
            return _code(INVALID_FIELD)
        head = dcmi.encode_capabilities(_VERSION)
        if data[1] == dcmi.SUPPORTED_CAPABILITIES:
            return _success(head)
        if data[1] == dcmi.AVERAGING_PERIODS:
            return _success(dcmi.encode_averaging_periods(_VERSION, ()))
        if data[1] in _OTHER_CAPABILITIES:
            return _success(head[:4] + _OTHER_CAPABILITIES[data[1]])
        return _code(INVALID_FIELD)

    def _power_reading(self, data: bytes, wall_s: float) -> Outcome | None:
        if self.fault == "dcmi-ignored":
            return None
        if len(data) != 4 or data[0] != dcmi.GROUP or data[1] != dcmi.SYSTEM_STATISTICS:
            return _code(INVALID_FIELD)
        power_w = self._watts(wall_s)
        if power_w is None:
            return _code(CANNOT_ANSWER)
        if self._begin_s is None:
            self._begin_s = wall_s
        self._lowest_w, self._highest_w = min(self._lowest_w, power_w), max(self._highest_w, power_w)
        self._total_w += power_w
        self._readings += 1
        reading = dcmi.PowerReading(
            power_w,
            self._lowest_w,
            self._highest_w,
            round(self._total_w / self._readings),
            int(wall_s) & 0xFFFFFFFF,
            int(max(wall_s - self._begin_s, 0.0) * 1000) & 0xFFFFFFFF,
            active=self.fault not in ("inactive-zero", "inactive-value"),
        )
        return b"\0" + dcmi.encode_power_reading(reading), power_w

    def _power_limit(self, data: bytes, wall_s: float) -> Outcome | None:
        if self.fault == "dcmi-ignored":
            return None
        if len(data) != 3 or data[0] != dcmi.GROUP:
            return _code(INVALID_FIELD)
        code = SUCCESS if self._cap_is_active else dcmi.NO_ACTIVE_LIMIT
        return bytes((code,)) + dcmi.encode_power_limit(self._cap), None

    def _set_power_limit(self, data: bytes, wall_s: float) -> Outcome:
        cap = dcmi.parse_set_power_limit(data)
        if cap is None:
            return _code(INVALID_FIELD)
        self._cap = cap
        return _success(bytes((dcmi.GROUP,)))

    def _activate_power_limit(self, data: bytes, wall_s: float) -> Outcome:
        is_active = dcmi.parse_activate_power_limit(data)
        if is_active is None:
            return _code(INVALID_FIELD)
        self._cap_is_active = is_active
        return _success(bytes((dcmi.GROUP,)))

    def _watts(self, wall_s: float) -> int | None:
        if self.fault in ("zero", "inactive-zero"):
            return 0
        if self.fault == "max":
            return HIGHEST_W
        power_w = self.source.watts(wall_s)
        return min(power_w, self._cap.limit_w) if self._cap_is_active and power_w is not None else power_w


def _code(code: int) -> Outcome:
    return bytes((code,)), None


def _success(data: bytes) -> Outcome:
    return b"\0" + data, None
