"""The BMC's power cap: what answers say, when it is asked for, and that readings do not suffer from it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sources.ipmi.conftest import SteppedClock
from tests.sources.ipmi.test_dcmi import answers
from tests.sources.ipmi.test_readers import Simulate, login, passes, read

from powergraph_collector.model import Source
from powergraph_collector.simulator.bmc import Outcome, SimulatedBmc
from powergraph_collector.simulator.server import Simulator
from powergraph_collector.sources.contract import Answer, Cap, Reader, Reading
from powergraph_collector.sources.ipmi import dcmi
from powergraph_collector.sources.ipmi.cap import CAP_AGAIN_S, REFUSED_AGAIN_S, CapWatch, cap_of
from powergraph_collector.sources.ipmi.lan import LanReader
from powergraph_collector.sources.ipmi.message import Response
from powergraph_collector.sources.ipmi.tool import ToolReader

LIMIT = (0x2C, 0x03)
READING = Reading(436, Source.DCMI)
CAPPED = Response(0, dcmi.encode_power_limit(dcmi.PowerLimit(300, 0x11, 1000, 1)))


# -- answers -----------------------------------------------------------------------


@given(answers)
def test_any_bytes_are_a_cap_none_or_a_named_error(response: Response) -> None:
    try:
        cap = cap_of(response)
    except dcmi.DcmiError as error:
        assert str(error)
        assert response.code != 0x80
    else:
        assert cap.limit_w is None or 0 < cap.limit_w < 0xFFFF
        assert response.code in {0x00, 0x80}


@given(st.lists(answers | st.none(), max_size=6), st.integers(0, 10**6))
def test_whatever_comes_it_is_asked_again_in_ten_minutes_or_a_day_and_told_once(
    responses: list[Response | None], now_s: int
) -> None:
    watch = CapWatch()
    assert watch.is_due(now_s)
    for response in responses:
        if response is None:
            watch.unanswered(now_s)
        else:
            watch.answered(response, now_s)
        assert watch.again_at_s - now_s in {CAP_AGAIN_S, REFUSED_AGAIN_S}
        assert not watch.is_due(now_s)
    told = watch.told_with(READING)
    assert (told.power_w, told.source) == (436, Source.DCMI)
    assert watch.told_with(READING) is READING


@pytest.mark.parametrize("limit_w", [0, 0xFFFF])
def test_a_placeholder_is_no_cap(limit_w: int) -> None:
    assert cap_of(Response(0, dcmi.encode_power_limit(dcmi.PowerLimit(limit_w, 0, 0, 0)))) == Cap(None)


@pytest.mark.parametrize("code", [0xC1, 0xC2, 0xD6])
def test_who_does_not_know_the_command_is_asked_again_in_the_next_session(code: int) -> None:
    watch = CapWatch()
    watch.answered(Response(code), 100.0)
    assert not watch.is_due(100.0 + CAP_AGAIN_S)
    watch.begin_session()
    assert watch.is_due(100.0)
    assert watch.told_with(READING).cap == Cap(None)  # of one that lasted, nothing is known any more


def test_who_says_nothing_twice_is_left_alone_for_a_day_whatever_sessions_begin() -> None:
    watch = CapWatch()
    watch.unanswered(0.0)
    assert watch.is_due(CAP_AGAIN_S)
    watch.unanswered(CAP_AGAIN_S)
    watch.begin_session()
    assert not watch.is_due(2 * CAP_AGAIN_S)
    assert watch.is_due(CAP_AGAIN_S + REFUSED_AGAIN_S)


def test_busy_and_malformed_answers_change_nothing() -> None:
    watch = CapWatch()
    watch.answered(CAPPED, 0.0)
    assert watch.told_with(READING).cap == Cap(300)
    for response in (Response(0xC0), Response(0, b"\xdc"), Response(0xD4)):
        watch.answered(response, 0.0)
        assert watch.told_with(READING) is READING


# -- readers -----------------------------------------------------------------------


@pytest.fixture(params=["pyghmi", "ipmitool"])
def reader(request: pytest.FixtureRequest) -> Iterator[Reader]:
    made: Reader = LanReader() if request.param == "pyghmi" else ToolReader()
    yield made
    made.close()


@pytest.fixture
def lan_reader() -> Iterator[LanReader]:
    made = LanReader()
    yield made
    made.close()


@pytest.fixture
def order(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """The power commands that simulated BMCs were asked, in order."""
    commands: list[tuple[int, int]] = []
    real = SimulatedBmc._run_in_session

    def run(bmc: SimulatedBmc, session_id: int, session: Any, request: Any, wall_s: float) -> Outcome | None:
        if request.netfn == dcmi.NETFN and request.command in {dcmi.GET_POWER_READING, dcmi.GET_POWER_LIMIT}:
            commands.append((request.netfn, request.command))
        return real(bmc, session_id, session, request, wall_s)

    monkeypatch.setattr(SimulatedBmc, "_run_in_session", run)
    return commands


def settle(reader: Reader, seconds: float = 0.3) -> None:
    """Let what is asked in passing be answered."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        reader.work(0.05)


def until(reader: Reader, condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "in vain"
        reader.work(0.05)


def reading(reader: Reader, simulator: Simulator) -> Reading:
    (answer,) = read(reader, login(simulator), again=True)
    assert isinstance(answer, Reading), answer
    return answer


def test_the_cap_is_asked_for_behind_the_first_reading_and_told_with_the_next(
    simulate: Simulate, reader: Reader, order: list[tuple[int, int]]
) -> None:
    simulator = simulate(node01={"limit_w": 600, "latency_s": 0.003})
    assert reading(reader, simulator).cap is None
    until(reader, lambda: LIMIT in order)
    settle(reader)
    assert reading(reader, simulator).cap == Cap(600)
    assert reading(reader, simulator).cap is None
    assert order.count(LIMIT) == 1
    assert order[1] == LIMIT


def test_it_is_asked_for_again_after_ten_minutes_and_not_before(
    simulate: Simulate, lan_reader: LanReader, order: list[tuple[int, int]], clock: SteppedClock
) -> None:
    simulator = simulate(node01={"limit_w": 600, "latency_s": 0.003})
    for expected in (1, 2):
        reading(lan_reader, simulator)
        until(lan_reader, lambda expected=expected: order.count(LIMIT) == expected)  # type: ignore[misc]
        settle(lan_reader)
        assert reading(lan_reader, simulator).cap == Cap(600)
        clock.passes(lan_reader, CAP_AGAIN_S - 40, step_s=20)
        assert reading(lan_reader, simulator).cap is None
        settle(lan_reader)
        assert order.count(LIMIT) == expected
        clock.passes(lan_reader, 60, step_s=20)


def test_without_a_cap_there_is_none(simulate: Simulate, reader: Reader, order: list[tuple[int, int]]) -> None:
    simulator = simulate(node01={"latency_s": 0.003})
    reading(reader, simulator)
    until(reader, lambda: LIMIT in order)
    settle(reader)
    assert reading(reader, simulator).cap == Cap(None)


def test_a_bmc_without_dcmi_is_not_asked(simulate: Simulate, reader: Reader, order: list[tuple[int, int]]) -> None:
    simulator = simulate(node01={"fault": "no-dcmi", "sdr": [{"name": "System Level", "watts": 332}]})
    assert reading(reader, simulator).power_w == 332
    settle(reader)
    assert LIMIT not in order


@pytest.mark.parametrize("answer", [(b"\xc1", None), (b"\xff", None), (b"\0", None), (b"\xd4", None), None])
def test_whatever_the_bmc_makes_of_the_question_its_readings_go_on_in_the_same_session(
    simulate: Simulate,
    lan_reader: LanReader,
    order: list[tuple[int, int]],
    monkeypatch: pytest.MonkeyPatch,
    answer: Outcome | None,
) -> None:
    monkeypatch.setattr(SimulatedBmc, "_power_limit", lambda *_: answer)
    logins: list[bytes] = []
    sound = SimulatedBmc._open
    monkeypatch.setattr(SimulatedBmc, "_open", lambda *request: logins.append(b"") or sound(*request))
    simulator = simulate(node01={"latency_s": 0.003})
    for _ in range(4):
        assert reading(lan_reader, simulator).power_w == 436
        settle(lan_reader)
    assert order.count(LIMIT) == 1
    assert len(logins) == 1


def test_a_reading_that_is_due_while_the_cap_is_asked_for_waits_for_its_end_and_is_no_other_answer(
    simulate: Simulate, lan_reader: LanReader, order: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SimulatedBmc, "_power_limit", lambda *_: None)
    simulator = simulate(node01={"latency_s": 0.003})
    given: list[Answer] = []
    lan_reader.ask(login(simulator), given.append)
    until(lan_reader, lambda: LIMIT in order)
    lan_reader.ask(login(simulator), given.append)
    lan_reader.work(0.05)
    assert order[-1] == LIMIT  # one command at a time
    until(lan_reader, lambda: len(given) == 2)
    assert [type(answer) for answer in given] == [Reading, Reading]


def test_an_answer_that_is_too_late_is_not_taken_for_the_reading(
    simulate: Simulate,
    lan_reader: LanReader,
    order: list[tuple[int, int]],
    monkeypatch: pytest.MonkeyPatch,
    clock: SteppedClock,
) -> None:
    simulator = simulate(node01={"latency_s": 0.003, "limit_w": 300})
    real = SimulatedBmc.answer

    def slow(bmc: SimulatedBmc, datagram: bytes, wall_s: float, steady_s: float) -> Any:
        asked = len(order)
        answer = real(bmc, datagram, wall_s, steady_s)
        if answer is not None and order[asked:] == [LIMIT]:  # a reading that is due meanwhile waits for it for 1 s
            return type(answer)(answer.datagram, answer.served_w, 1.2)
        if answer is not None and order[asked:]:  # readings, so that they are under way when the late answer comes
            return type(answer)(answer.datagram, answer.served_w, 0.4)
        return answer

    monkeypatch.setattr(SimulatedBmc, "answer", slow)
    for expected in (1, 2):
        for _ in range(3):
            (answer,) = read(lan_reader, login(simulator))
            assert isinstance(answer, Reading), answer
            assert (answer.power_w, answer.source) == (300, Source.DCMI)
            assert answer.cap is None
        assert order.count(LIMIT) == expected
        clock.passes(lan_reader, CAP_AGAIN_S + 20, step_s=20)


def test_a_session_that_begins_asks_anew(
    simulate: Simulate, lan_reader: LanReader, order: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SimulatedBmc, "_power_limit", lambda *_: (b"\xc1", None))
    simulator = simulate(node01={"latency_s": 0.003})
    reading(lan_reader, simulator)
    settle(lan_reader)
    simulator.set_fault("node01", "reboot")
    (lost,) = read(lan_reader, login(simulator))
    assert not isinstance(lost, Reading)
    reading(lan_reader, simulator)
    settle(lan_reader)
    assert order.count(LIMIT) == 2


def test_a_bmc_that_is_forgotten_meanwhile_is_forgotten(
    simulate: Simulate, lan_reader: LanReader, order: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SimulatedBmc, "_power_limit", lambda *_: None)
    simulator = simulate(node01={"latency_s": 0.003})
    reading(lan_reader, simulator)
    until(lan_reader, lambda: LIMIT in order)
    lan_reader.forget("node01")
    assert reading(lan_reader, simulator).power_w == 436
    settle(lan_reader)


def test_it_is_looked_for_daily_where_nothing_is_said_to_it(
    simulate: Simulate, lan_reader: LanReader, order: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SimulatedBmc, "_power_limit", lambda *_: None)
    simulator = simulate(node01={"latency_s": 0.003})
    for passed_s, expected in ((0, 1), (601, 2), (601, 2), (86_401, 3)):
        passes(monkeypatch, passed_s)
        read(lan_reader, login(simulator))  # the former session may be lost
        reading(lan_reader, simulator)
        settle(lan_reader, 1.3)  # it is waited for for 1 s
        assert order.count(LIMIT) == expected
