"""What holds on the wire whatever moves the packets: sessions that last, and nothing false for a reading.

Only the reader's contract, simulated BMCs and a listener on the path between them are used here, so that these promises
outlive any engine.
"""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from tests.conftest import PASSWORD, USER
from tests.sources.ipmi import hostile
from tests.sources.ipmi.conftest import SteppedClock
from tests.sources.ipmi.hostile import Later, Middleman
from tests.sources.ipmi.test_readers import SUPPLIES, login, read

from powergraph_collector.model import Reason, Source
from powergraph_collector.polling.poller import Poller, Target
from powergraph_collector.simulator.server import Simulator
from powergraph_collector.sources.contract import Answer, NoReading, Reader, Reading, Secret
from powergraph_collector.sources.ipmi.login import Login

Simulate = Callable[..., Simulator]
Wire = Reader[Login]
FORGERIES = 3_000
MOST_LOGGED = 20_000  # characters


def by(middleman: Middleman, name: str = "node01") -> Login:
    """The login that leads to the BMC through the middleman."""
    host, port = middleman.address
    return Login(name, host, port, USER, Secret(PASSWORD))


def watts(wire: Wire, each: Login) -> int:
    """A reading's watts; a failure of the test if there are none."""
    (answer,) = read(wire, each)
    assert isinstance(answer, Reading), answer
    return answer.power_w


def counting(folder: Path, readings: int, *, from_w: int = 400) -> dict[str, object]:
    """A machine that draws one watt more at every reading, so that no two readings are alike."""
    trace = folder / f"from-{from_w}.csv"
    trace.write_text(
        "".join(f"{number // 60 % 24:02d}:{number % 60:02d}:00,{from_w + number}\n" for number in range(readings))
    )
    return {"power": {"kind": "trace", "file": str(trace), "step": "reading"}}


def same_number(answers: list[bytes]) -> list[bytes]:
    """The recordings whose request had the number of what is asked now, as they are from 0 to 63, and some beside."""
    return [*answers[-67:-60], *answers[-3:]]


def logins_heard(middleman: Middleman) -> int:
    return [hostile.kind_of(each) for each in middleman.requests].count(hostile.OPEN_REQUEST)


# -- sessions that last ------------------------------------------------------------


@pytest.mark.parametrize("interval_s", [120.0, 600.0])
def test_a_session_that_a_bmc_ends_after_idle_60_s_outlives_any_interval(
    simulate: Simulate, wire: Wire, clock: SteppedClock, interval_s: float
) -> None:
    with Middleman(simulate(node01={"slots": 1}).addresses["node01"]) as middleman:
        for _ in range(2):
            assert watts(wire, by(middleman)) == 436
            clock.passes(wire, interval_s, step_s=interval_s / 30)
        assert watts(wire, by(middleman)) == 436
        assert logins_heard(middleman) == 1


def test_the_walk_through_the_records_outlives_its_session(simulate: Simulate, wire: Wire, clock: SteppedClock) -> None:
    simulator = simulate(node01={"fault": "no-dcmi", "sdr": SUPPLIES})
    with Middleman(simulator.addresses["node01"]) as middleman:
        assert read(wire, by(middleman)) == [Reading(360, Source.SDR)]
        walked = len(middleman.requests)
        simulator.set_fault("node01", "reboot")
        simulator.set_fault("node01", "no-dcmi")
        (lost,) = read(wire, by(middleman))
        assert isinstance(lost, NoReading)
        lost_at = len(middleman.requests)
        assert read(wire, by(middleman)) == [Reading(360, Source.SDR)]
        assert logins_heard(middleman) == 2
        # A login, what the two supplies say, and what is asked once more in every session; not each record in pieces.
        assert len(middleman.requests) - lost_at <= 10 < walked


def test_the_bmcs_own_statistics_come_with_each_reading(simulate: Simulate, wire: Wire, tmp_path: Path) -> None:
    simulator = simulate(node01=counting(tmp_path, 10))
    for newest_w in (400, 401, 402):
        (answer,) = read(wire, login(simulator))
        assert isinstance(answer, Reading)
        assert answer.statistics is not None
        assert (answer.power_w, answer.statistics.min_w, answer.statistics.max_w) == (newest_w, 400, newest_w)
        assert answer.statistics.average_w == (400 + newest_w) // 2
        assert answer.statistics.period_ms >= 0
        assert answer.statistics.bmc_time_s > 1_700_000_000


# -- logins and names --------------------------------------------------------------


def polled(wire: Wire, targets: Iterable[Target], ticks: int) -> tuple[Poller, dict[str, list[Answer]]]:
    """Poll so many ticks of each; the poller with its counts, and what each BMC answered."""
    told: dict[str, list[Answer]] = {}
    poller = Poller(
        wire, lambda _: None, told=lambda name, _, answer: told.setdefault(name, []).append(answer), ticks=ticks
    )
    poller.poll(targets)
    poller.run(threading.Event())
    return poller, told


def test_a_refused_login_is_not_tried_at_every_tick(simulate: Simulate, wire: Wire) -> None:
    with Middleman(simulate(node01={}).addresses["node01"]) as middleman:
        host, port = middleman.address
        wrong = Login("node01", host, port, USER, Secret("not-this-one"))
        _, told = polled(wire, [Target(wrong, 0.1)], ticks=20)
        (answer,) = told["node01"]
        assert isinstance(answer, NoReading)
        assert answer.reason is Reason.LOGIN_REFUSED
        assert 1 <= logins_heard(middleman) <= 2  # the other cipher suite may be tried, but no account be locked


def test_a_name_that_is_looked_up_for_ever_holds_up_nobody_and_is_given_up_in_time(
    simulate: Simulate, wire: Wire, clock: SteppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    hangs, sound = threading.Event(), socket.getaddrinfo
    looked_up: list[str] = []

    def look_up(host: str, *arguments: object, **options: object) -> object:
        if host == "slow.example.org":
            looked_up.append(host)
            hangs.wait(60)
        return sound("127.0.0.1" if host == "slow.example.org" else host, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    simulator = simulate(node01={}, node02={})
    slow = login(simulator, host="slow.example.org")
    given: list[Answer] = []
    try:
        wire.ask(slow, given.append)
        for _ in range(5):
            assert watts(wire, login(simulator, "node02")) == 436
        assert not given
        clock.passes(wire, 10.0)
        (answer,) = given
        assert isinstance(answer, NoReading)
        assert answer.reason is Reason.UNRESOLVABLE
        assert "slow.example.org" in answer.detail
    finally:
        hangs.set()
    assert watts(wire, slow) == 436
    assert looked_up


# -- nothing false for a reading ---------------------------------------------------


def test_of_3000_forged_readings_none_is_taken_while_real_ones_go_on(simulate: Simulate, wire: Wire) -> None:
    simulator = simulate(node01={})
    with Middleman(simulator.addresses["node01"]) as middleman:

        def forged_first(genuine: bytes) -> list[bytes]:
            if hostile.kind_of(genuine) != hostile.IN_SESSION:
                return [genuine]
            every = hostile.forged_readings(genuine, middleman.requests[-1])
            forgeries = hostile.in_turn(every, len(middleman.answers))
            middleman.injected += 2 * len(forgeries)
            return [*forgeries, genuine, *forgeries]

        assert watts(wire, by(middleman)) == 436
        middleman.on_answer = forged_first
        readings = 0
        while middleman.injected < FORGERIES:
            assert watts(wire, by(middleman)) == 436
            readings += 1
        assert readings > 20
        assert len(simulator.served) == readings + 1
        assert logins_heard(middleman) == 1


def test_answers_that_were_recorded_are_no_readings_later(simulate: Simulate, wire: Wire, tmp_path: Path) -> None:
    simulator = simulate(node01=counting(tmp_path, 400))
    with Middleman(simulator.addresses["node01"]) as middleman:

        def recorded_first(genuine: bytes) -> list[bytes]:
            return [*same_number(middleman.answers), genuine]

        middleman.on_answer = recorded_first
        taken = [watts(wire, by(middleman)) for _ in range(150)]
        simulator.set_fault("node01", "reboot")
        simulator.set_fault("node01", "none")
        read(wire, by(middleman))  # the session of before the reboot is lost
        taken += [watts(wire, by(middleman)) for _ in range(30)]
        assert taken == [power_w for _, _, power_w in simulator.served]


def test_doubled_packets_are_one_reading(simulate: Simulate, wire: Wire, tmp_path: Path) -> None:
    simulator = simulate(node01=counting(tmp_path, 100))
    with Middleman(simulator.addresses["node01"]) as middleman:
        middleman.on_request = middleman.on_answer = lambda datagram: [datagram, datagram]
        taken = [watts(wire, by(middleman)) for _ in range(40)]
        assert taken == [power_w for _, _, power_w in simulator.served]


def test_a_lost_packet_costs_no_reading_and_no_session(simulate: Simulate, wire: Wire, tmp_path: Path) -> None:
    simulator = simulate(node01=counting(tmp_path, 100))
    with Middleman(simulator.addresses["node01"]) as middleman:
        taken = [watts(wire, by(middleman))]
        for lost in ("on_request", "on_answer"):
            losing: Iterator[list[bytes]] = iter([[]])  # the first one; all that follow pass
            setattr(middleman, lost, lambda datagram, losing=losing: next(losing, [datagram]))
            taken += [watts(wire, by(middleman)) for _ in range(2)]
        assert taken == [power_w for _, _, power_w in simulator.served]
        assert logins_heard(middleman) == 1


def test_an_answer_that_a_later_one_overtakes_is_not_taken_for_it(
    simulate: Simulate, wire: Wire, tmp_path: Path
) -> None:
    simulator = simulate(node01=counting(tmp_path, 100))
    with Middleman(simulator.addresses["node01"]) as middleman:
        taken = [watts(wire, by(middleman))]
        middleman.on_answer = lambda datagram: [datagram, Later(datagram, 0.03)]
        taken += [watts(wire, by(middleman)) for _ in range(60)]
        assert taken == [power_w for _, _, power_w in simulator.served]
        assert all(later > earlier for earlier, later in pairwise(taken))


def test_a_closed_port_is_no_reading_and_no_matter_to_the_others(simulate: Simulate, wire: Wire) -> None:
    simulator = simulate(node01={}, node02={}, node03={})
    with Middleman(simulator.addresses["node01"]) as middleman:
        closes = by(middleman)
        others = [login(simulator, name) for name in ("node02", "node03")]
        assert all(isinstance(answer, Reading) for answer in read(wire, closes, *others))
    _, told = polled(wire, [Target(each, 0.5) for each in (closes, *others)], ticks=4)
    assert all(isinstance(answer, NoReading) for answer in told["node01"])
    assert all(isinstance(answer, Reading) for each in others for answer in told[each.name]), told


# -- floods ------------------------------------------------------------------------


MALFORMED = sorted(hostile.malformed(bytes(4)))


@pytest.mark.parametrize("kind", MALFORMED)
def test_a_flood_from_one_bmc_costs_the_others_no_reading(
    simulate: Simulate, wire: Wire, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    others = [f"node{number:02d}" for number in range(2, 6)]
    simulator = simulate(node01={}, **{name: {} for name in others})
    caplog.set_level(logging.DEBUG)
    with Middleman(simulator.addresses["node01"]) as middleman:
        every = [by(middleman), *(login(simulator, name) for name in others)]
        assert all(isinstance(answer, Reading) for answer in read(wire, *every))
        session = hostile.session_of(middleman.answers[-1])
        with middleman.flooding(hostile.malformed(session)[kind]):
            _, told = polled(wire, [Target(each, 0.5) for each in every], ticks=4)
        assert all(isinstance(answer, Reading) for name in others for answer in told[name]), told
        assert len(caplog.text) < MOST_LOGGED
