"""What anybody on the path may send in the name of a BMC, and what none of it changes.

Everything before the integrity code of a packet is checked is anybody's; an attacker here sees all that passes and
sends from the BMC's own address, but has no password and no key.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.sources.ipmi import hostile
from tests.sources.ipmi.hostile import Middleman
from tests.sources.ipmi.test_readers import login, read
from tests.sources.ipmi.test_wire import (
    MOST_LOGGED,
    Simulate,
    Wire,
    by,
    counting,
    logins_heard,
    polled,
    same_number,
    watts,
)

from powergraph_collector.polling.poller import Target
from powergraph_collector.sources.contract import NoReading, Reading
from powergraph_collector.sources.ipmi.lan import PACKETS_A_ROUND
from powergraph_collector.sources.ipmi.line import Line

LOGIN = {
    "the open session response": hostile.OPEN_RESPONSE,
    "RAKP message 2": hostile.RAKP_2,
    "RAKP message 4": hostile.RAKP_4,
}
STATES = {**LOGIN, "answers in the session": hostile.IN_SESSION}
SEQUENCES = (0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)


# -- floods ------------------------------------------------------------------------

FLOODS: dict[str, Callable[[bytes, bytes], list[bytes]]] = {
    "the header alone": lambda *_: [hostile.malformed(bytes(4))["the header alone"]],
    "all that is malformed": lambda answer, _: list(hostile.malformed(hostile.session_of(answer)).values()),
    "messages out of their place": lambda answer, _: hostile.out_of_place(hostile.session_of(answer), 0xEE),
    "forged readings": lambda answer, request: hostile.forged_readings(answer, request, ahead=1),
    "answers recorded once": lambda answer, _: [answer],
}


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
def test_a_flood_from_one_of_eleven_bmcs_costs_the_ten_no_tick_and_fills_no_log(
    simulate: Simulate,
    wire: Wire,
    caplog: pytest.LogCaptureFixture,
    flood: Callable[[bytes, bytes], list[bytes]],
) -> None:
    ticks, interval_s = 12, 0.5
    ten = [f"node{number:02d}" for number in range(2, 12)]
    simulator = simulate(node01={}, **{name: {} for name in ten})
    with Middleman(simulator.addresses["node01"]) as middleman:
        eleven = [by(middleman), *(login(simulator, name) for name in ten)]
        assert all(isinstance(answer, Reading) for answer in read(wire, *eleven))
        with middleman.flooding(*flood(middleman.answers[-1], middleman.requests[-1])):
            _, told = polled(wire, [Target(each, interval_s) for each in eleven], ticks)
    for name in ten:
        assert all(isinstance(answer, Reading) and answer.power_w == 436 for answer in told[name]), told[name]
        # A busy machine may skip a tick; a flood that is felt leaves but a sixth of them.
        assert len(told[name]) >= ticks // 2
    assert all(answer.power_w == 436 for answer in told["node01"] if isinstance(answer, Reading))
    assert len(caplog.text) < MOST_LOGGED


def test_a_bmc_that_flooded_is_read_again_afterwards(simulate: Simulate, wire: Wire) -> None:
    with Middleman(simulate(node01={}).addresses["node01"]) as middleman:
        assert watts(wire, by(middleman)) == 436
        packets = FLOODS["all that is malformed"](middleman.answers[-1], b"")
        with middleman.flooding(*packets):
            polled(wire, [Target(by(middleman), 0.2)], ticks=5)
        # What is still in the queue of the socket may cost a reading, and that one its session.
        assert any(isinstance(read(wire, by(middleman))[0], Reading) for _ in range(3))


def test_a_round_reads_but_a_few_packets_of_a_bmc_that_sends_many(
    simulate: Simulate, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However fast they come, so that the others' turn comes; what is not read waits, or is lost by the kernel."""
    heard: list[bytes] = []
    sound = Line.received

    def received(line: Line, packet: bytes, at_ms: int) -> object:
        heard.append(packet)
        return sound(line, packet, at_ms)

    with Middleman(simulate(node01={}).addresses["node01"]) as middleman:
        assert watts(wire, by(middleman)) == 436
        for _ in range(20):  # until what follows a reading is over
            wire.work(0.01)
        monkeypatch.setattr(Line, "received", received)
        for _ in range(5 * PACKETS_A_ROUND):
            middleman.inject(b"\x06\x00\xff\x07")
        wire.work(0.1)
        assert len(heard) == PACKETS_A_ROUND <= 16
        for _ in range(10):
            wire.work(0.01)
        assert len(heard) == 5 * PACKETS_A_ROUND
        assert watts(wire, by(middleman)) == 436


# -- sequence numbers --------------------------------------------------------------


def unauthenticated(answer: bytes, request: bytes, sequence: int) -> list[bytes]:
    """Packets with a sequence number that nobody vouches for, in every form that a session knows."""
    message = hostile.forged_message(0)
    sessions = (hostile.session_of(answer), hostile.session_of(request), bytes(4))
    return [
        *(hostile.ipmi_15(sequence, session, message) for session in sessions),
        *(hostile.ipmi_15(sequence, session, message, auth_type=2) for session in sessions),
        *(hostile.rmcp_plus(kind, session, sequence, message) for kind in (0x00, 0x40, 0xC0) for session in sessions),
        answer[:10] + sequence.to_bytes(4, "little") + answer[14:],
    ]


@pytest.mark.parametrize("sequence", SEQUENCES, ids=hex)
def test_a_sequence_number_that_nobody_vouches_for_ends_no_session(
    simulate: Simulate, wire: Wire, tmp_path: Path, sequence: int
) -> None:
    simulator = simulate(node01=counting(tmp_path, 100))
    with Middleman(simulator.addresses["node01"]) as middleman:
        taken = [watts(wire, by(middleman))]
        for _ in range(20):
            for each in unauthenticated(middleman.answers[-1], middleman.requests[-1], sequence):
                middleman.inject(each)
            taken.append(watts(wire, by(middleman)))
        assert taken == [power_w for _, _, power_w in simulator.served]
        assert logins_heard(middleman) == 1


@pytest.mark.parametrize("sequence", SEQUENCES, ids=hex)
def test_recordings_stay_recordings_after_a_sequence_number_that_nobody_vouches_for(
    simulate: Simulate, wire: Wire, tmp_path: Path, sequence: int
) -> None:
    simulator = simulate(node01=counting(tmp_path, 400))
    with Middleman(simulator.addresses["node01"]) as middleman:

        def recorded_first(genuine: bytes) -> list[bytes]:
            if hostile.kind_of(genuine) != hostile.IN_SESSION:
                return [genuine]
            poisoned = unauthenticated(genuine, middleman.requests[-1], sequence)
            return [*poisoned, *same_number(middleman.answers), genuine]

        middleman.on_answer = recorded_first
        taken = [answer.power_w for _ in range(100) if isinstance(answer := read(wire, by(middleman))[0], Reading)]
        assert taken == [power_w for _, _, power_w in simulator.served]
        assert logins_heard(middleman) == 1


# -- every state -------------------------------------------------------------------


@pytest.mark.parametrize("state", STATES.values(), ids=STATES)
def test_what_belongs_to_no_exchange_changes_nothing_in_any_state(
    simulate: Simulate, wire: Wire, tmp_path: Path, caplog: pytest.LogCaptureFixture, state: int
) -> None:
    simulator = simulate(node01=counting(tmp_path, 100))
    with Middleman(simulator.addresses["node01"]) as middleman:

        def amid_others(genuine: bytes) -> list[bytes]:
            if hostile.kind_of(genuine) != state:
                return [genuine]
            session, request = hostile.session_of(genuine), middleman.requests[-1]
            others = [*hostile.out_of_place(session, hostile.other_tag(request)), *hostile.malformed(session).values()]
            if state == hostile.IN_SESSION:
                others += hostile.forged_readings(genuine, request, ahead=1)
                others = hostile.in_turn(others, len(middleman.answers))
            return [*others, genuine, *others]

        middleman.on_answer = amid_others
        taken = [watts(wire, by(middleman)) for _ in range(20)]
        assert taken == [power_w for _, _, power_w in simulator.served]
        assert logins_heard(middleman) == 1
    assert len(caplog.text) < MOST_LOGGED


FORGED_LOGINS: dict[str, Callable[[bytes], bytes]] = {
    "refused": lambda genuine: hostile.refused(genuine, 0x0D),
    "refused with an unknown status": lambda genuine: hostile.refused(genuine, 0xEE),
    "a wrong code": hostile.with_wrong_code,
    "cut short": lambda genuine: genuine[:20],
    "nothing in it": lambda genuine: hostile.rmcp_plus(genuine[5], bytes(4), 0, b""),
}


@pytest.mark.parametrize("forged", FORGED_LOGINS.values(), ids=FORGED_LOGINS)
@pytest.mark.parametrize("state", LOGIN.values(), ids=LOGIN)
def test_a_forged_login_is_no_reading_and_over_when_the_forger_leaves(
    simulate: Simulate, wire: Wire, state: int, forged: Callable[[bytes], bytes]
) -> None:
    with Middleman(simulate(node01={}).addresses["node01"]) as middleman:
        middleman.on_answer = lambda genuine: [forged(genuine) if hostile.kind_of(genuine) == state else genuine]
        (answer,) = read(wire, by(middleman))
        changes_nothing = state == hostile.OPEN_RESPONSE and forged is hostile.with_wrong_code  # its last byte is spare
        assert isinstance(answer, NoReading) or changes_nothing, answer
        middleman.on_answer = lambda genuine: [genuine]
        assert any(isinstance(read(wire, by(middleman))[0], Reading) for _ in range(3))


# -- one for another ---------------------------------------------------------------


def test_a_bmc_that_answers_for_another_changes_nothing(simulate: Simulate, wire: Wire, tmp_path: Path) -> None:
    simulator = simulate(node01=counting(tmp_path, 300), node02=counting(tmp_path, 300, from_w=5_000))
    with (
        Middleman(simulator.addresses["node01"]) as asked,
        Middleman(simulator.addresses["node02"]) as other,
    ):
        both = by(asked), by(other, "node02")
        taken: dict[str, list[int]] = {"node01": [], "node02": []}

        def answers_for_it(genuine: bytes) -> list[bytes]:
            """Let the other BMC send what this one says, and forgeries, to all that listens, before it does itself."""
            for client in {asked.client, other.client}:
                other.inject(genuine, to=client)
                forgeries = hostile.forged_readings(genuine, asked.requests[-1], ahead=1)
                for each in hostile.in_turn(forgeries, len(asked.answers)):
                    other.inject(each, to=client)
            return [genuine]

        for round_number in range(100):
            if round_number == 5:  # both have sessions
                asked.on_answer = answers_for_it
            for name, each in zip(taken, both, strict=True):
                taken[name].append(watts(wire, each))
        for name, readings in taken.items():
            assert readings == [power_w for bmc, _, power_w in simulator.served if bmc == name]
        assert (logins_heard(asked), logins_heard(other)) == (1, 1)
