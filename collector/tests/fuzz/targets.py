"""What is fuzzed: a session, a login, and a line with a BMC behind somebody who does with packets what he likes.

Each target takes any bytes and does what they say. It raises nothing but an AssertionError, which names a promise that
does not hold; what else is raised is a crash.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from typing import Any, Final
from unittest.mock import patch

from tests.conftest import PASSWORD, USER
from tests.fuzz.choices import Choices
from tests.simulator.ipmi_client import bmc
from tests.sources.ipmi.peer import Peer, keys_of, response
from tests.sources.ipmi.virtual import Peer as Answers
from tests.sources.ipmi.virtual import VirtualWire, peer_of

from powergraph_collector.model import Source
from powergraph_collector.simulator.bmc import SimulatedBmc
from powergraph_collector.sources.contract import NoReading, Reading
from powergraph_collector.sources.ipmi.dcmi import POWER_READING
from powergraph_collector.sources.ipmi.handshake import Handshake, Step
from powergraph_collector.sources.ipmi.line_state import State
from powergraph_collector.sources.ipmi.message import Request, Response
from powergraph_collector.sources.ipmi.session import SUITES, Drop, Session

GET_DEVICE_ID: Final = Request(0x06, 0x01)
REQUESTS: Final = (POWER_READING, GET_DEVICE_ID, Request(0x04, 0x2D, b"\x05", lun=1))
STEPS: Final = (0, 1, 2, 15, 16, 17, 255, 0x3FFFFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFB, 0xFFFFFFFF)
MOST_EVENTS: Final = 400
LONGEST_ANSWER_S: Final = 150.0  # after which the poller takes what it asked for lost
RECOVERED_AFTER: Final = 8  # readings of a sound BMC, whatever was before
WIRE_QUIRKS: Final = (
    "error-tag-0", "zero-code-17", "wrong-code-17", "suite-ignored", "user-refused", "privilege-busy", "sequence-zero",
    "sequence-one", "sequence-falls-back", "sequence-huge", "sequence-wraps", "doubled", "reordered", "previous-first",
    "unauthenticated-15", "closes-idle-30", "dcmi-c1-to-user", "dcmi-cb-to-user", "dcmi-d6-to-user",
)  # fmt: skip
WHOM: Final = ({}, {"cipher_suites": [3]}, {"cipher_suites": [17]}, {"required_privilege": "operator"}, {"kg": "a key"})


def fuzz_session(data: bytes) -> None:
    """Any packets, true, recorded, forged, under any number: only the newest request's true answer is a response."""
    choices = Choices(data)
    keys = keys_of(choices.one_of((17, 3)))
    session, peer = Session(keys), Peer(keys)
    taken: set[bytes] = set()
    packets: list[bytes] = []
    sequence, told, answer = 0, Response(0), b""
    request = POWER_READING
    for serial in range(MOST_EVENTS):
        if choices.is_over:
            break
        match choices.below(8):
            case 0 | 1:
                request = choices.one_of(REQUESTS)
                number = peer.opened(session.seal(request)).number
                told = Response(choices.byte(), serial.to_bytes(2, "big"))
                sequence = (sequence + choices.one_of(STEPS)) & 0xFFFFFFFF
                answer = peer.sealed(response(request, number, *told), sequence)
                packets.append(answer)
            case 2 | 3 if answer:
                opened = session.open(answer)
                assert opened == told or isinstance(opened, Drop)
                assert isinstance(opened, Drop) or answer not in taken, "an answer was taken twice"
                if opened is not Drop.REPEATED:
                    taken.add(answer)
            case 4 if packets:
                old = choices.one_of(packets[-256:])
                opened = session.open(old)
                assert opened is Drop.REPEATED or old not in taken, "a recording was not recognised"
                assert isinstance(opened, Drop) or old is answer, "an answer to what is over was taken"
                if opened is not Drop.REPEATED:
                    taken.add(old)
            case 5 if packets:
                forged = choices.mutated(choices.one_of(packets[-256:]))
                is_true = any(forged[3:] == each[3:] and forged[:1] == each[:1] for each in packets)
                assert is_true or isinstance(session.open(forged), Drop), "a forgery was taken"
            case 6:
                nonsense = peer.sealed_plain(choices.bytes(16 * (1 + choices.below(3))), sequence + choices.below(20))
                assert session.open(nonsense) in (Drop.MALFORMED, Drop.UNASKED, Drop.REPEATED)
            case _:
                assert isinstance(session.open(choices.bytes(choices.below(200))), Drop)


def fuzz_handshake(data: bytes) -> None:
    """Any packets in each step: nothing raises, and nothing but the BMC's own word leads to keys."""
    choices = Choices(data)
    suite = choices.one_of((17, 3))
    kg = choices.one_of((None, b"a group key"))
    machine = bmc(cipher_suites=[suite], **({"kg": kg.decode()} if kg else {}))
    handshake = Handshake(USER.encode(), PASSWORD.encode(), kg, 2 + choices.below(3), SUITES[suite])
    recorded: list[bytes] = []
    while handshake.keys is None:
        step, answered = handshake.step, machine.answer(handshake.packet, 1e9, 1e3)
        assert answered is not None, step
        genuine = answered.datagram
        recorded.append(genuine)
        for _ in range(choices.below(12)):
            if handshake.feed(_spoiled(choices, recorded)):
                break
        if handshake.step is step and handshake.keys is None:
            assert handshake.feed(genuine), f"the BMC's true answer to {step.value} was not taken"
        elif step is Step.OPEN_SESSION and machine.answer(handshake.packet, 1e9, 1e3) is None:
            return  # nobody can tell a forged answer from a true one yet, and this login comes to nothing
        elif step is Step.OPEN_SESSION and not _is_in_accord(handshake, genuine):
            return
    _prove(machine, handshake)


def _is_in_accord(handshake: Handshake, genuine: bytes) -> bool:
    """Whether the BMC and the handshake mean the same session."""
    return handshake.packet[20:24] == genuine[24:28]


def _spoiled(choices: Choices, recorded: list[bytes]) -> bytes:
    match choices.below(3):
        case 0:
            return choices.mutated(choices.one_of(recorded))
        case 1:
            packet = bytearray(choices.one_of(recorded))
            packet[choices.one_of((5, 14, 16, 17, 20))] = choices.byte()  # type, length, tag, status, session
            return bytes(packet)
        case _:
            return choices.bytes(choices.below(120))


def _prove(machine: SimulatedBmc, handshake: Handshake) -> None:
    assert handshake.keys is not None
    session = Session(handshake.keys)
    answered = machine.answer(session.seal(GET_DEVICE_ID), 1e9, 1e3)
    assert answered is not None, "keys that the BMC does not have"
    assert isinstance(session.open(answered.datagram), Response)


_SOUND: Final = {"quirks": (), "latency_s": 0.0, "fault": "none"}


class _Counter:
    """Draws another number of watts each time that it is asked, so that no two readings are alike."""

    def __init__(self) -> None:
        self.drawn_w = 100

    def watts(self, _wall_s: float) -> int:
        self.drawn_w += 1
        return self.drawn_w


class _Attacked:
    """A BMC, and somebody on the path who drops, delays, doubles, changes, repeats and makes up its packets."""

    def __init__(self, choices: Choices) -> None:
        self.choices = choices
        quirks = {choices.one_of(WIRE_QUIRKS) for _ in range(choices.below(4))}
        self.who: dict[str, Any] = choices.one_of(WHOM)
        latency_s = choices.one_of((0.0, 0.0, 0.5, 1.9, 3.0))  # the last is longer than `timeout_s`
        self.machine = bmc(slots=255, quirks=sorted(quirks), latency_s=latency_s, **self.who)
        self.machine.source = _Counter()
        self.reliable = peer_of(self.machine)
        self.recorded: list[bytes] = []

    def __call__(self, packet: bytes, now_s: float) -> list[tuple[float, bytes]]:
        answers = self.reliable(packet, now_s)
        self.recorded += [each for _, each in answers]
        return [passed for after_s, each in answers for passed in self._passed(after_s, each)]

    def sound(self) -> Answers:
        """The BMC as it should be, with nobody on the path."""
        self.machine.reconfigure(self.machine.settings.model_copy(update=_SOUND), self.machine.source)
        return self.reliable

    def _passed(self, after_s: float, answer: bytes) -> list[tuple[float, bytes]]:
        choices = self.choices
        match choices.below(16):
            case 1:
                return []
            case 2:
                return [(after_s, answer), (after_s + 0.1, answer)]
            case 3:
                return [(after_s + choices.byte() / 16, answer)]
            case 4:
                return [(after_s, choices.mutated(answer))]
            case (5 | 6) as kind:
                before = _spoiled(choices, self.recorded) if kind == 5 else choices.one_of(self.recorded)
                return [(after_s, before), (after_s, answer)]
            case _:
                return [(after_s, answer)]


def fuzz_line(data: bytes) -> None:
    """Any course of events: each question gets one answer in time, no watt is false, and a sound BMC is read again."""
    choices = Choices(data)
    attacked = _Attacked(choices)
    kg = {"kg": _secret(attacked.who["kg"])} if "kg" in attacked.who else {}
    with VirtualWire(attacked, judges_at_once=choices.below(4) == 3, **kg) as wire:
        for _ in range(MOST_EVENTS):
            if choices.is_over:
                break
            _event(choices, wire, attacked)
        if len(wire.told) % 2:  # whatever is under way, or not
            wire.passes(choices.byte())
        wire.peer = attacked.sound()
        answers = []
        for _ in range(RECOVERED_AFTER):
            answers.append(wire.answer(LONGEST_ANSWER_S))
            wire.passes(10)
            if isinstance(answers[-1], Reading):
                break
        else:
            raise AssertionError(f"a sound BMC is not read: {answers}")
    _readings_are_true(wire, attacked)


def _event(choices: Choices, wire: VirtualWire, attacked: _Attacked) -> None:
    match choices.below(8):
        case 0 | 1 | 2:
            before = len(wire.told)
            attempts = wire.attempts
            first = wire.answer(LONGEST_ANSWER_S)
            assert isinstance(first, Reading | NoReading)
            assert len(wire.told) <= before + 2
            assert wire.attempts - attempts <= 6, "logins without end in one tick"
        case 3:
            wire.passes(choices.one_of((0.1, 1.0, 5.0, 31.0, 61.0, 700.0)))
        case 4 if attacked.recorded:
            wire.brings(_spoiled(choices, attacked.recorded), choices.byte() / 64)
        case 5 if attacked.recorded:
            wire.brings(choices.one_of(attacked.recorded[-256:]), choices.byte() / 64)
        case 6:
            if choices.below(4) == 1:
                attacked.machine.set_fault("reboot")
            wire.line.keep_alive()
        case _:
            if choices.below(4) == 1:
                wire.line.leave()
                assert wire.line.state is State.CLOSED
            wire.line.closed_port()


def _secret(text: str) -> Any:
    from powergraph_collector.sources.contract import Secret  # noqa: PLC0415

    return Secret(text)


def _readings_are_true(wire: VirtualWire, attacked: _Attacked) -> None:
    readings = [answer.power_w for answer in wire.told if isinstance(answer, Reading)]
    assert all(answer.source is Source.DCMI for answer in wire.told if isinstance(answer, Reading))
    assert len(set(readings)) == len(readings), "a reading was taken twice"
    assert all(100 < power_w <= attacked.machine.source.drawn_w for power_w in readings), "watts that nobody drew"


TARGETS: Final[tuple[Callable[[bytes], None], ...]] = (fuzz_session, fuzz_handshake, fuzz_line)


def fuzz_any(data: bytes) -> None:
    """One of the targets, by the first byte; the same bytes are the same course of events always."""
    with patch.object(os, "urandom", random.Random(0).randbytes):
        TARGETS[(data[0] if data else 0) % len(TARGETS)](data[1:])
