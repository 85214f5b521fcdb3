"""The line to one BMC without sockets: what it sends, when it gives up, and that it always says why."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.simulator.ipmi_client import bmc
from tests.sources.ipmi import hostile
from tests.sources.ipmi.virtual import OPEN_REQUEST, RAKP_1, RAKP_3, Peer, VirtualWire, peer_of, silent

from powergraph_collector.model import Reason
from powergraph_collector.sources.contract import Cap, NoReading, Reading, Secret
from powergraph_collector.sources.ipmi.line_state import State
from powergraph_collector.sources.ipmi.logging_in import LOGIN_TIMEOUTS
from powergraph_collector.sources.ipmi.ways import PRIVILEGES

TIMEOUT_S = 2.0
LOGIN_S = LOGIN_TIMEOUTS * TIMEOUT_S
A_MOMENT_S = 0.4  # beyond a limit: what is kept waiting for something better
IN_SESSION = 0xC0
SUPPLY = [{"name": "Total Power", "entity": 7, "watts": 332}]


def bmc_wire(**settings: Any) -> VirtualWire:
    return VirtualWire(peer_of(bmc(**settings)))


def reads(wire: VirtualWire) -> int:
    answer = wire.answer()
    assert isinstance(answer, Reading), answer
    return answer.power_w


def fails(wire: VirtualWire, reason: Reason) -> NoReading:
    answer = wire.answer()
    assert isinstance(answer, NoReading), answer
    assert answer.reason is reason, answer
    return answer


def only(peer: Peer, *lost: int) -> Peer:
    """A BMC that says nothing to payloads of these types."""
    return lambda packet, now_s: [] if packet[5] in lost else peer(packet, now_s)


# -- silence -----------------------------------------------------------------------


@pytest.mark.parametrize("lost", [OPEN_REQUEST, RAKP_1, RAKP_3, IN_SESSION])
def test_a_login_that_meets_silence_at_any_step_is_one_attempt_and_ends_in_time(lost: int) -> None:
    machine = bmc()
    with VirtualWire(only(peer_of(machine), lost)) as wire:
        began_s = wire.now_s
        answer = fails(wire, Reason.TIMEOUT)
        assert wire.now_s - began_s <= LOGIN_S
        assert wire.attempts == 1
        assert not answer.again_soon
        assert wire.count(lost & 0x3F) >= 2  # what is lost once is sent again
        wire.passes(1000)
        assert wire.attempts == 1, "silence alone begins a login"
        assert len(wire.told) == 1
        wire.peer = peer_of(machine)
        answers = [wire.answer() for _ in range(3)]
        assert isinstance(answers[-1], Reading)


def test_who_answers_no_rakp_1_may_not_know_the_user_and_is_told_so() -> None:
    with bmc_wire(quirks=["rakp1-ignored"]) as wire:
        assert "RAKP message 1" in fails(wire, Reason.TIMEOUT).detail


@pytest.mark.parametrize("slow_s", [0.5, 1.0, 1.4, 1.9])
def test_a_bmc_whose_every_packet_is_late_but_in_time_is_read_within_two_asks_by_one_login(slow_s: float) -> None:
    with bmc_wire(latency_s=slow_s) as wire:
        answers = [wire.answer() for _ in range(3)]
        assert [answer.power_w for answer in answers[1:] if isinstance(answer, Reading)] == [436, 436]
        assert wire.attempts == 1


def test_an_answer_that_is_late_counts_as_long_as_nothing_newer_was_asked() -> None:
    machine = bmc()
    with VirtualWire(peer_of(machine)) as wire:
        assert reads(wire) == 436
        wire.passes(10)
        machine.set_fault("slow")
        machine._after_s = 3.0
        fails(wire, Reason.TIMEOUT)
        wire.passes(5)
        assert [type(answer) for answer in wire.told] == [Reading, NoReading, Reading]
        assert wire.told[-1].power_w == 436
        assert wire.attempts == 1


def test_after_an_answer_that_was_late_the_line_waits_longer_but_no_more_than_three_times_as_long() -> None:
    machine = bmc()
    with VirtualWire(peer_of(machine)) as wire:
        reads(wire)
        wire.passes(10)
        machine._after_s = 3.0
        fails(wire, Reason.TIMEOUT)
        wire.passes(10)
        assert reads(wire) == 436  # 3 s late, and waited for
        wire.passes(10)
        machine._after_s = 7.0
        began_s = wire.now_s
        fails(wire, Reason.TIMEOUT)
        assert wire.now_s - began_s <= LOGIN_S
        assert wire.attempts == 1


def test_a_late_answer_to_what_was_asked_before_is_not_the_answer_to_what_is_asked_now() -> None:
    machine = bmc(power={"kind": "office", "idle_w": 100, "peak_w": 60_000})
    with VirtualWire(peer_of(machine)) as wire:
        reads(wire)
        wire.passes(10)
        machine._after_s = 3.0
        fails(wire, Reason.TIMEOUT)
        wire.ask()
        wire.passes(0.2)
        machine._after_s = 0.0
        told = len(wire.told)
        wire.passes(20)
        fresh = [answer for answer in wire.told[told:] if isinstance(answer, Reading)]
        assert len(fresh) == 1  # once, though the answer to the first came as well
        assert fresh[0].at_ms - wire.told[0].at_ms > 10_000


def test_silence_to_one_command_costs_no_session() -> None:
    with bmc_wire(fault="dcmi-ignored") as wire:
        for _ in range(3):
            wire.answer()
            wire.passes(10)
        assert wire.attempts == 1


def test_after_silence_get_device_id_tells_whether_the_session_lives() -> None:
    machine = bmc()
    with VirtualWire(peer_of(machine)) as wire:
        reads(wire)
        wire.passes(10)
        wire.peer = silent
        fails(wire, Reason.TIMEOUT)
        wire.peer = peer_of(machine)
        assert reads(wire) == 436
        assert wire.attempts == 1


def test_a_bmc_that_has_forgotten_its_sessions_is_logged_in_to_again_in_the_next_tick() -> None:
    machine = bmc()
    with VirtualWire(peer_of(machine)) as wire:
        reads(wire)
        wire.passes(10)
        machine.set_fault("reboot")
        fails(wire, Reason.TIMEOUT)
        wire.passes(10)
        assert reads(wire) == 436
        assert wire.attempts == 2


def test_a_bmc_that_is_away_for_an_hour_costs_one_attempt_a_tick() -> None:
    machine = bmc()
    with VirtualWire(peer_of(machine)) as wire:
        reads(wire)
        wire.peer = silent
        for tick in range(20):
            fails(wire, Reason.TIMEOUT)
            assert wire.attempts <= 1 + tick
            wire.passes(180)
        wire.peer = peer_of(machine)
        answers = [wire.answer() for _ in range(3)]
        assert isinstance(answers[-1], Reading)


# -- refusals ----------------------------------------------------------------------


def answering(peer: Peer, payload: int, status: int, *, tag_0: bool = False) -> Peer:
    """A BMC that answers one step of the handshake with a status."""

    console = b""

    def answers(packet: bytes, now_s: float) -> Iterable[tuple[float, bytes]]:
        nonlocal console
        if packet[5] == OPEN_REQUEST:
            console = packet[20:24]
        if packet[5] != payload:
            return peer(packet, now_s)
        tag, session = (b"\0", bytes(4)) if tag_0 else (packet[16:17], console)
        return [(0.0, hostile.rmcp_plus(payload + 1, bytes(4), 0, tag + bytes((status, 0, 0)) + session))]

    return answers


@pytest.mark.parametrize("tag_0", [False, True], ids=["named", "tag 0"])
@pytest.mark.parametrize("status", range(0x01, 0x14))
@pytest.mark.parametrize("payload", [OPEN_REQUEST, RAKP_1, RAKP_3])
def test_every_status_at_every_step_ends_the_login_soon_with_its_code(payload: int, status: int, tag_0: bool) -> None:
    machine = bmc()
    with VirtualWire(answering(peer_of(machine), payload, status, tag_0=tag_0)) as wire:
        began_s = wire.now_s
        answer = wire.answer()
        assert isinstance(answer, NoReading)
        no_slot = status in (0x01, 0x0B)
        assert answer.reason is (Reason.NO_SESSION_SLOT if no_slot else Reason.LOGIN_REFUSED)
        assert f"0x{status:02X}" in answer.detail
        assert wire.now_s - began_s <= 3 * A_MOMENT_S
        assert wire.attempts <= 3  # the privileges, or the two suites
        assert wire.passwords_tried <= (3 if payload == RAKP_3 and status in (0x09, 0x0A, 0x0D) else 1)
        wire.passes(600)
        assert len(wire.told) == 1
        wire.peer = peer_of(machine)
        answers = [wire.answer() for _ in range(3)]
        assert isinstance(answers[-1], Reading), answers


def test_a_wrong_password_is_tried_with_the_other_suite_once_in_the_life_of_a_line() -> None:
    with bmc_wire(password="another") as wire:
        rounds = []
        for _ in range(4):
            before = wire.attempts
            assert "password" in fails(wire, Reason.LOGIN_REFUSED).detail
            rounds.append(wire.attempts - before)
            wire.passes(600)
        assert rounds == [2, 1, 1, 1]
        assert wire.passwords_tried == 0  # the BMC's own code is wrong: nothing is sent that could lock the account


def test_a_password_that_was_right_and_is_not_any_more_is_tried_once() -> None:
    machine = bmc()
    with VirtualWire(peer_of(machine)) as wire:
        reads(wire)
        other = bmc(password="another")
        machine.reconfigure(other.settings, other.source)
        machine.set_fault("reboot")
        fails(wire, Reason.TIMEOUT)
        before = wire.attempts
        assert "password" in fails(wire, Reason.LOGIN_REFUSED).detail
        assert wire.attempts - before == 1


@pytest.mark.parametrize("quirk", ["zero-code-17", "wrong-code-17"])
def test_a_defective_suite_17_is_left_for_3_in_the_same_tick_and_3_is_remembered(quirk: str) -> None:
    machine = bmc(quirks=[quirk])
    with VirtualWire(peer_of(machine)) as wire:
        assert reads(wire) == 436
        assert wire.attempts == 2
        wire.line.leave()
        assert reads(wire) == 436
        assert wire.attempts == 3


@pytest.mark.parametrize("suite", [3, 17])
def test_a_suite_that_the_settings_name_is_the_only_one(suite: int) -> None:
    other = 20 - suite
    with VirtualWire(peer_of(bmc(cipher_suites=[other])), cipher_suite=suite) as wire:
        for _ in range(2):
            assert "0x11" in fails(wire, Reason.LOGIN_REFUSED).detail
        assert wire.attempts == 2


def test_a_wrong_group_key_advises_of_it() -> None:
    for kg in (None, Secret("not this one")):
        with VirtualWire(peer_of(bmc(kg="a key")), kg=kg) as wire:
            assert "Kg" in fails(wire, Reason.LOGIN_REFUSED).detail
            assert wire.attempts == 1


# -- privileges --------------------------------------------------------------------


@pytest.mark.parametrize("code", [0xC0, 0xC3, 0xCE, 0xD1, 0xD2, 0xFF])
def test_a_bmc_that_cannot_set_a_privilege_yet_is_busy_and_keeps_its_session(code: int) -> None:
    with bmc_wire(quirks=["privilege-busy"], busy_code=code, booting_answers=2) as wire:
        for _ in range(2):
            answer = fails(wire, Reason.BUSY)
            assert f"0x{code:02X}" in answer.detail
            assert answer.again_soon
        assert reads(wire) == 436
        assert wire.attempts == 1


@pytest.mark.parametrize("code", [0x80, 0x81, 0x82, 0xC1, 0xCC, 0xD4])
def test_any_other_code_to_set_privilege_refuses_each_privilege_once(code: int) -> None:
    with bmc_wire(quirks=["privilege-busy"], busy_code=code, booting_answers=9) as wire:
        assert f"0x{code:02X}" in fails(wire, Reason.LOGIN_REFUSED).detail
        assert wire.attempts == len(PRIVILEGES)


@pytest.mark.parametrize("status", [0x09, 0x0A, 0x0D])
def test_who_refuses_the_role_user_is_asked_as_operator_in_the_same_tick_and_then_always(status: int) -> None:
    machine = bmc(quirks=["user-refused"], user_refused_status=status)
    with VirtualWire(peer_of(machine)) as wire:
        assert reads(wire) == 436
        assert wire.attempts == 2
        wire.line.leave()
        assert reads(wire) == 436
        assert wire.attempts == 3


@pytest.mark.parametrize(("required", "attempts"), [("user", 1), ("operator", 2), ("administrator", 3)])
def test_dcmi_that_wants_more_privilege_gets_it_and_no_more(required: str, attempts: int) -> None:
    with bmc_wire(required_privilege=required) as wire:
        assert reads(wire) == 436
        assert wire.attempts == attempts
        wire.passes(10)
        assert reads(wire) == 436
        assert wire.attempts == attempts


@pytest.mark.parametrize("privilege", PRIVILEGES)
def test_a_privilege_that_the_settings_name_is_the_only_one(privilege: str) -> None:
    with VirtualWire(peer_of(bmc(required_privilege="administrator")), privilege=privilege) as wire:
        answer = wire.answer()
        assert isinstance(answer, Reading) is (privilege == "administrator")
        roles = {packet[40] & 0x0F for _, packet in wire.sent if packet[5] == RAKP_1}
        assert roles == {PRIVILEGES[privilege]}
        assert wire.attempts <= 2


# -- beside readings ---------------------------------------------------------------


def test_the_cap_is_asked_for_after_a_reading_and_told_with_the_next() -> None:
    with bmc_wire(limit_w=600) as wire:
        reads(wire)
        wire.passes(1)
        answer = wire.answer()
        assert isinstance(answer, Reading)
        assert answer.cap == Cap(600)
        sent = len(wire.sent)
        assert reads(wire) == 436
        assert len(wire.sent) - sent == 1  # not at every reading


def test_a_reading_that_is_due_while_the_cap_is_not_answered_waits_a_second_and_is_not_harmed() -> None:
    machine = bmc()
    quiet: Peer = peer_of(machine)
    with VirtualWire(quiet) as wire:
        readings = 0

        def without_the_cap(packet: bytes, now_s: float) -> Iterable[tuple[float, bytes]]:
            return [] if wire.line.state is State.ASIDE else quiet(packet, now_s)

        wire.peer = without_the_cap
        for _ in range(5):
            began_s = wire.now_s
            readings += reads(wire) == 436
            assert wire.now_s - began_s <= 1.1
        assert readings == 5
        assert wire.attempts == 1


def test_what_keeps_a_session_alive_is_one_packet_and_only_where_nothing_is_under_way() -> None:
    with bmc_wire() as wire:
        wire.line.keep_alive()
        assert not wire.sent
        reads(wire)
        wire.passes(2)
        sent = len(wire.sent)
        wire.line.keep_alive()
        wire.line.keep_alive()
        wire.passes(5)
        assert len(wire.sent) == sent + 1
        assert wire.line.state is State.IDLE
        assert len(wire.told) == 1


def test_a_line_that_is_left_says_goodbye_once_and_tells_nothing_more() -> None:
    with bmc_wire(latency_s=0.5) as wire:
        wire.ask()
        wire.passes(3)
        wire.ask()
        told, sent = len(wire.told), len(wire.sent)
        wire.line.leave()
        wire.passes(100)
        assert len(wire.told) == told
        assert len(wire.sent) == sent + 1
        wire.line.leave()
        assert len(wire.sent) == sent + 1


def test_a_host_without_an_address_is_said_so_and_looked_up_again_when_asked() -> None:
    with bmc_wire() as wire:
        wire.address = NoReading(Reason.UNRESOLVABLE, "no such name")
        fails(wire, Reason.UNRESOLVABLE)
        assert not wire.sent
        wire.address = None
        assert reads(wire) == 436


def test_a_closed_port_is_told_of_a_login_and_is_no_matter_to_a_session() -> None:
    machine = bmc()
    with VirtualWire(silent) as wire:
        began_s = wire.now_s
        wire.ask()
        wire.passes(0.01)
        wire.line.closed_port()
        wire.passes(1)
        (answer,) = wire.told
        assert isinstance(answer, NoReading)
        assert answer.reason is Reason.PORT_CLOSED
        assert "switched off" in answer.detail
        assert wire.now_s - began_s < TIMEOUT_S
        wire.peer = peer_of(machine)
        assert reads(wire) == 436
        wire.line.closed_port()
        assert reads(wire) == 436
        assert wire.attempts == 2


def test_a_worn_session_is_renewed_at_the_next_ask_without_a_tick_that_is_lost() -> None:
    with bmc_wire(quirks=["sequence-one"], slots=2) as wire:
        for _ in range(2300):
            assert reads(wire) == 436
        assert 2 <= wire.attempts <= 4


# -- any BMC -----------------------------------------------------------------------

events = st.one_of(
    st.just("silent"),
    st.just("answers"),
    st.just("late"),
    st.just("again"),
    st.binary(max_size=120),
    st.integers(1, 0x14),
    st.tuples(st.sampled_from((0x11, 0x13, 0x15, 0xC0)), st.binary(max_size=100)),
)


@settings(max_examples=300)
@given(st.lists(events, max_size=40), st.sampled_from((0.3, 2.0, 10.0)))
def test_whatever_a_bmc_says_or_does_not_say_a_login_ends_in_time_with_a_reason(
    course: list[Any], timeout_s: float
) -> None:
    machine = bmc(slots=255)
    true, turn, before = peer_of(machine), iter(course), [b""]

    def answers(packet: bytes, now_s: float) -> Iterable[tuple[float, bytes]]:
        what = next(turn, "silent")
        true_ones = list(true(packet, now_s))
        before.extend(each for _, each in true_ones)
        match what:
            case "late":
                return [(0.7 * timeout_s, each) for _, each in true_ones]
            case "again":
                return [(0.0, before[len(before) // 2]), *true_ones]
            case bytes():
                return [(0.0, what)]
            case int():
                return [(0.0, hostile.refused(each, what)) for _, each in true_ones if len(each) > 18]
            case (int() as kind, bytes() as payload):
                return [(0.0, hostile.rmcp_plus(kind, bytes(4), 0, payload))]
        return true_ones if what == "answers" else []

    with VirtualWire(answers, timeout_s=timeout_s) as wire:
        for _ in range(3):
            began_s, attempts = wire.now_s, wire.attempts
            answer = wire.answer(within_s=600)
            # Before a login the session that there was may be tried; after one, a reading's own requests.
            asked = [at_s for at_s, packet in wire.sent if packet[5] in (OPEN_REQUEST, RAKP_1, RAKP_3)]
            logins = [at_s for at_s in asked if at_s >= began_s]
            assert not logins or logins[-1] - logins[0] <= LOGIN_TIMEOUTS * timeout_s * 1.001
            assert wire.attempts - attempts <= 4
            assert isinstance(answer, Reading) or answer.detail
            if isinstance(answer, NoReading) and wire.line.state is State.CLOSED:
                assert wire.now_s - began_s <= (2 + LOGIN_TIMEOUTS) * timeout_s * 1.001


def test_a_login_that_waited_long_for_its_turn_has_all_its_time() -> None:
    with VirtualWire(peer_of(bmc())) as wire:
        connect = wire.connect
        wire.connect = lambda line: wire._at(60.0, wire._connected)  # type: ignore[method-assign]
        assert isinstance(wire.answer(70.0), Reading)
        wire.connect = connect  # type: ignore[method-assign]
