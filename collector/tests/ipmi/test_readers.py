"""Both readers, against simulated BMCs with the faults of real ones."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator

import pytest
from tests.conftest import PASSWORD, USER

from powergraph_collector.ipmi.lan import LanReader
from powergraph_collector.ipmi.reader import Answer, Login, NoReading, Reader, Reading, Secret
from powergraph_collector.ipmi.tool import ToolReader
from powergraph_collector.model import Doubt, Reason, Source
from powergraph_collector.simulator.server import Simulator

Simulate = Callable[..., Simulator]
SYSTEM_SENSOR = [{"name": "System Level", "entity": 7, "instance": 1, "watts": 332}]
SUPPLIES = [
    {"name": "CPU Power", "entity": 3, "instance": 1, "watts": 100},
    {"name": "PS1 Power Out", "entity": 10, "instance": 1, "watts": 196},
    {"name": "PS1 Power In", "entity": 10, "instance": 1, "watts": 200},
    {"name": "PS2 Power In", "entity": 10, "instance": 2, "watts": 160},
]


@pytest.fixture(params=["pyghmi", "ipmitool"])
def reader(request: pytest.FixtureRequest) -> Iterator[Reader]:
    made: Reader = LanReader() if request.param == "pyghmi" else ToolReader()
    yield made
    made.close()


@pytest.fixture
def lan() -> Iterator[LanReader]:
    made = LanReader()
    yield made
    made.close()


def login(simulator: Simulator, name: str = "node01", **changes: object) -> Login:
    host, port = simulator.addresses[name]
    given = {"user": USER, "password": Secret(PASSWORD), "host": host, "port": port, **changes}
    return Login(name=name, **given)  # type: ignore[arg-type]


def read(reader: Reader, *logins: Login, again: bool = False) -> list[Answer]:
    """Ask all at once and wait; with `again`, do as the poller does when told that a retry helps."""
    answers: dict[str, Answer] = {}
    for each in logins:
        reader.ask(each, lambda answer, name=each.name: answers.__setitem__(name, answer))  # type: ignore[misc]
    deadline = time.monotonic() + 60
    while len(answers) < len(logins):
        assert time.monotonic() < deadline, "no answer at all within a minute"
        reader.work(0.1)
    found = [answers[each.name] for each in logins]
    retried = again and isinstance(found[0], NoReading) and found[0].again_soon
    return read(reader, *logins, again=again) if retried else found


def test_a_reading_has_all_that_the_bmc_said(simulate: Simulate, reader: Reader) -> None:
    simulator = simulate(node01={})
    (answer,) = read(reader, login(simulator), again=True)
    assert isinstance(answer, Reading)
    assert answer.power_w == 436
    assert answer.source is (Source.TOOL if isinstance(reader, ToolReader) else Source.DCMI)
    assert answer.statistics is not None
    assert (answer.statistics.min_w, answer.statistics.max_w, answer.statistics.average_w) == (436, 436, 436)
    assert simulator.served[-1][2] == 436


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("zero", Reason.IMPLAUSIBLE),
        ("max", Reason.IMPLAUSIBLE),
        ("inactive-zero", Reason.NOT_MEASURING),
        ("silent", Reason.TIMEOUT),
        ("no-slots", Reason.NO_SESSION_SLOT),
    ],
)
def test_a_fault_is_named(simulate: Simulate, reader: Reader, fault: str, reason: Reason) -> None:
    (answer,) = read(reader, login(simulate(node01={"fault": fault})))
    assert isinstance(answer, NoReading)
    assert answer.reason is reason, answer.detail


def test_a_value_that_the_bmc_doubts_is_kept_with_its_doubt(simulate: Simulate, reader: Reader) -> None:
    (answer,) = read(reader, login(simulate(node01={"fault": "inactive-value"})), again=True)
    assert isinstance(answer, Reading)
    assert answer.doubt is Doubt.INACTIVE


@pytest.mark.parametrize("suites", [[3], [17], [3, 17]])
def test_the_cipher_suite_that_the_bmc_has_is_found(simulate: Simulate, reader: Reader, suites: list[int]) -> None:
    (answer,) = read(reader, login(simulate(node01={"cipher_suites": suites})), again=True)
    assert isinstance(answer, Reading)


@pytest.mark.parametrize("required", ["user", "operator", "administrator"])
def test_the_lowest_privilege_that_serves_is_found(simulate: Simulate, reader: Reader, required: str) -> None:
    simulator = simulate(node01={"required_privilege": required})
    (answer,) = read(reader, login(simulator))
    assert isinstance(answer, Reading)


@pytest.mark.parametrize("wrong", [{"password": Secret("not-this-one")}, {"user": "nobody"}])
def test_a_wrong_login_is_refused_in_words_that_hold_no_password(
    simulate: Simulate, reader: Reader, wrong: dict[str, object]
) -> None:
    (answer,) = read(reader, login(simulate(node01={}), **wrong))
    assert isinstance(answer, NoReading)
    assert answer.reason is Reason.LOGIN_REFUSED
    assert "not-this-one" not in answer.detail


def test_a_name_without_an_address_is_said_so(simulate: Simulate, reader: Reader) -> None:
    (answer,) = read(reader, login(simulate(node01={}), host="bmc.invalid"))
    assert isinstance(answer, NoReading)
    assert answer.reason is Reason.UNRESOLVABLE


@pytest.mark.parametrize(
    ("sensors", "power_w"), [(SYSTEM_SENSOR, 332), (SUPPLIES, 360), (SYSTEM_SENSOR + SUPPLIES, 332)]
)
def test_without_dcmi_the_right_watt_sensors_are_read(
    simulate: Simulate, lan: LanReader, sensors: list[dict[str, object]], power_w: int
) -> None:
    simulator = simulate(node01={"fault": "no-dcmi", "sdr": sensors})
    (answer,) = read(lan, login(simulator))
    assert answer == Reading(power_w, Source.SDR)
    (answer,) = read(lan, login(simulator))
    assert answer == Reading(power_w, Source.SDR)


def test_a_user_who_may_not_use_dcmi_reads_the_sensors(simulate: Simulate, lan: LanReader) -> None:
    limits = {"required_privilege": "operator", "privilege_limit": "user", "sdr": SYSTEM_SENSOR}
    simulator = simulate(node01=limits)
    for _ in range(2):
        assert read(lan, login(simulator)) == [Reading(332, Source.SDR)]


def test_without_dcmi_and_sensors_it_is_said_that_there_is_nothing_to_read(simulate: Simulate, lan: LanReader) -> None:
    (answer,) = read(lan, login(simulate(node01={"fault": "no-dcmi", "sdr": []})))
    assert isinstance(answer, NoReading)
    assert answer.reason is Reason.NOT_SUPPORTED or "0xC" in answer.detail


@pytest.mark.parametrize("fault", ["busy-first", "empty-first"])
def test_a_busy_or_empty_first_answer_is_worth_a_retry(simulate: Simulate, lan: LanReader, fault: str) -> None:
    simulator = simulate(node01={"fault": fault})
    (first,) = read(lan, login(simulator))
    assert isinstance(first, NoReading)
    assert first.again_soon
    (second,) = read(lan, login(simulator))
    assert isinstance(second, Reading)


def test_one_session_is_kept_open_and_closed_at_the_end(simulate: Simulate) -> None:
    simulator = simulate(node01={"slots": 1})
    reader = LanReader()
    for _ in range(5):
        (answer,) = read(reader, login(simulator))
        assert isinstance(answer, Reading)
    reader.close()
    other = LanReader()  # gets the only slot, so the first one has left it
    (answer,) = read(other, login(simulator))
    assert isinstance(answer, Reading)
    other.close()


def test_a_bmc_that_reboots_is_logged_in_to_again(simulate: Simulate, lan: LanReader) -> None:
    simulator = simulate(node01={})
    assert isinstance(read(lan, login(simulator))[0], Reading)
    simulator.set_fault("node01", "reboot")
    simulator.set_fault("node01", "none")
    (lost,) = read(lan, login(simulator))
    assert isinstance(lost, NoReading)
    assert isinstance(read(lan, login(simulator))[0], Reading)


def test_a_silent_bmc_does_not_hold_up_the_others(simulate: Simulate, lan: LanReader) -> None:
    names = [f"node{number:02d}" for number in range(20)]
    simulator = simulate(**{name: {} for name in names})
    logins = [login(simulator, name) for name in names]
    assert all(isinstance(answer, Reading) for answer in read(lan, *logins))
    simulator.set_fault("node07", "silent")
    order: list[str] = []
    for each in logins:
        lan.ask(each, lambda _, name=each.name: order.append(name))  # type: ignore[misc]
    while len(order) < len(names):
        lan.work(0.1)
    assert order[-1] == "node07"
    simulator.set_fault("node07", "none")
    assert isinstance(read(lan, logins[7])[0], Reading)


def test_a_changed_password_is_used_at_the_next_reading(simulate: Simulate, lan: LanReader) -> None:
    simulator = simulate(node01={})
    assert isinstance(read(lan, login(simulator))[0], Reading)
    (refused,) = read(lan, login(simulator, password=Secret("changed")))
    assert isinstance(refused, NoReading)
    assert refused.reason is Reason.LOGIN_REFUSED
    assert isinstance(read(lan, login(simulator))[0], Reading)


def test_the_password_is_in_no_process_list_and_no_environment(
    simulate: Simulate, tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[list[str], dict[str, str]]] = []
    real = subprocess.run

    def run(command: list[str], **options: object) -> object:
        seen.append((command, dict(options["env"])))  # type: ignore[call-overload]
        return real(command, **options)  # type: ignore[call-overload]

    monkeypatch.setattr("powergraph_collector.ipmi.tool.subprocess.run", run)
    tool = ToolReader()
    assert isinstance(read(tool, login(simulate(node01={})))[0], Reading)
    tool.close()
    assert seen
    assert PASSWORD not in repr(seen)
