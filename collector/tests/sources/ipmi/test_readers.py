"""Both readers, against simulated BMCs with the faults of real ones."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from tests.conftest import PASSWORD, USER

from powergraph_collector.model import Doubt, Reason, Source
from powergraph_collector.simulator.bmc import Outcome, SimulatedBmc
from powergraph_collector.simulator.sensor_commands import SensorCommands, SensorRequest
from powergraph_collector.simulator.server import Simulator
from powergraph_collector.sources.contract import Answer, NoReading, Reader, Reading, Secret
from powergraph_collector.sources.ipmi.lan import LanReader
from powergraph_collector.sources.ipmi.login import Login
from powergraph_collector.sources.ipmi.tool import ToolReader

Simulate = Callable[..., Simulator]
SYSTEM_SENSOR = [{"name": "System Level", "entity": 7, "instance": 1, "watts": 332}]
SUPPLIES = [
    {"name": "CPU Power", "entity": 3, "instance": 1, "watts": 100},
    {"name": "PS1 Power Out", "entity": 10, "instance": 1, "watts": 196},
    {"name": "PS1 Power In", "entity": 10, "instance": 1, "watts": 200},
    {"name": "PS2 Power In", "entity": 10, "instance": 2, "watts": 160},
]
Asked = set[tuple[int, int]]
DCMI_POWER, READ_RECORD = (0x2C, 0x02), (0x0A, 0x23)
READING_ONLY = {
    DCMI_POWER,
    READ_RECORD,
    (0x2C, 0x03),  # Get Power Limit
    (0x0A, 0x20),  # Get SDR Repository Info
    (0x0A, 0x22),  # Reserve SDR Repository
    (0x04, 0x20),  # Get Device SDR Info
    (0x04, 0x21),  # Get Device SDR
    (0x04, 0x22),  # Reserve Device SDR Repository
    (0x04, 0x2D),  # Get Sensor Reading
    (0x00, 0x01),  # Get Chassis Status
    (0x06, 0x01),  # Get Device ID
    (0x06, 0x3B),  # Set Session Privilege Level
    (0x06, 0x3C),  # Close Session
    (0x2C, 0x00),  # Get PICMG Properties and Get VSO Capabilities, which ipmitool asks for at every start
    (0x2C, 0x3E),
}


@pytest.fixture(params=["lan", "ipmitool"])
def reader(request: pytest.FixtureRequest) -> Iterator[Reader]:
    made: Reader = LanReader() if request.param == "lan" else ToolReader()
    yield made
    made.close()


@pytest.fixture(params=["lan", "ipmitool"])
def reader_at_once(request: pytest.FixtureRequest) -> Iterator[Reader]:
    """As of a command that reads once, and does not wait for minutes before it believes that there is no DCMI."""
    made: Reader = LanReader(judges_at_once=True) if request.param == "lan" else ToolReader(judges_at_once=True)
    yield made
    made.close()


@pytest.fixture
def tool() -> Iterator[ToolReader]:
    made = ToolReader()
    yield made
    made.close()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """The commands that simulated BMCs were asked for in sessions, each by its network function and number."""
    commands: Asked = set()
    real = SimulatedBmc._run_in_session

    def run(bmc: SimulatedBmc, session_id: int, session: Any, request: Any, wall_s: float) -> Outcome | None:
        commands.add((request.netfn, request.command))
        return real(bmc, session_id, session, request, wall_s)

    monkeypatch.setattr(SimulatedBmc, "_run_in_session", run)
    return commands


def passes(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Let the readers' clock step on."""
    now_s = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: now_s() + seconds)


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


def test_a_reading_that_is_asked_for_again_before_its_answer_comes_is_served_once(
    simulate: Simulate, lan: LanReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = {"kind": "office", "idle_w": 100, "peak_w": 60_000}
    simulator = simulate(node01={"delay_s": 1.7, "power": office})
    answers = read(lan, login(simulator))
    requests: list[bytes] = []
    real = SimulatedBmc._in_session

    def heard(bmc: SimulatedBmc, session_id: int, datagram: bytes, *clocks: float) -> Any:
        requests.append(datagram)
        return real(bmc, session_id, datagram, *clocks)

    monkeypatch.setattr(SimulatedBmc, "_in_session", heard)
    simulator.set_fault("node01", "slow")
    answers += read(lan, login(simulator)) + read(lan, login(simulator))
    assert len(requests) > 2
    assert [answer.power_w for answer in answers if isinstance(answer, Reading)] == [
        each[2] for each in simulator.served
    ]
    assert len(simulator.served) == 3


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


def test_watts_that_are_negative_are_no_watts(simulate: Simulate, lan: LanReader) -> None:
    (answer,) = read(lan, login(simulate(node01={"quirks": ["negative"]})))
    assert isinstance(answer, NoReading)
    assert answer.reason is Reason.IMPLAUSIBLE


@pytest.mark.parametrize("suites", [[3], [17], [3, 17]])
def test_the_cipher_suite_that_the_bmc_has_is_found(simulate: Simulate, reader: Reader, suites: list[int]) -> None:
    (answer,) = read(reader, login(simulate(node01={"cipher_suites": suites})), again=True)
    assert isinstance(answer, Reading)


@pytest.mark.parametrize("privilege", ["auto", "operator"])
def test_a_suite_to_which_the_bmc_says_nothing_is_one_that_it_lacks(
    simulate: Simulate, reader: Reader, monkeypatch: pytest.MonkeyPatch, privilege: str
) -> None:
    sound = SimulatedBmc._open
    monkeypatch.setattr(SimulatedBmc, "_open", lambda *request: b"" if (said := sound(*request))[1] else said)
    simulator = simulate(node01={"cipher_suites": [3]})
    answers = [read(reader, login(simulator, privilege=privilege))[0] for _ in range(2)]
    assert isinstance(answers[-1], Reading)


def test_a_login_without_an_answer_is_no_refusal(
    simulate: Simulate, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator = simulate(node01={"sdr": SYSTEM_SENSOR})
    user = login(simulator, cipher_suite=17, privilege="user")
    with monkeypatch.context() as lost:
        lost.setattr(SimulatedBmc, "_open", lambda *_: b"")
        (answer,) = read(reader, user)
        assert isinstance(answer, NoReading)
        assert answer.reason is Reason.TIMEOUT
    (answer,) = read(reader, user)
    assert isinstance(answer, Reading)
    assert answer.power_w == 436


def test_a_privilege_that_the_session_may_not_have_is_said_so(
    simulate: Simulate, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SimulatedBmc, "_set_privilege", lambda *_: (b"\x81", None))
    (answer,) = read(reader, login(simulate(node01={}), privilege="administrator"))
    assert isinstance(answer, NoReading)
    assert answer.reason is Reason.LOGIN_REFUSED
    assert "privilege" in answer.detail


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
    simulate: Simulate, reader: Reader, sensors: list[dict[str, object]], power_w: int
) -> None:
    simulator = simulate(node01={"fault": "no-dcmi", "sdr": sensors})
    for _ in range(2):
        assert read(reader, login(simulator), again=True) == [Reading(power_w, Source.SDR)]


def test_the_records_are_looked_through_once_and_dcmi_is_tried_again_a_day_later(
    simulate: Simulate, reader: Reader, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator = simulate(node01={"fault": "no-dcmi", "sdr": SUPPLIES})
    read(reader, login(simulator))
    asked.clear()
    assert read(reader, login(simulator)) == [Reading(360, Source.SDR)]
    assert READ_RECORD not in asked
    simulator.set_fault("node01", "none")
    passes(monkeypatch, 86_401)
    read(reader, login(simulator))  # yesterday's session is lost
    (answer,) = read(reader, login(simulator), again=True)
    assert isinstance(answer, Reading)
    assert (answer.power_w, answer.source) == (436, Source.TOOL if isinstance(reader, ToolReader) else Source.DCMI)


def test_a_user_who_may_not_use_dcmi_reads_the_sensors(
    simulate: Simulate, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = {"required_privilege": "operator", "privilege_limit": "user", "sdr": SYSTEM_SENSOR}
    simulator = simulate(node01=limits)
    for _ in range(2):
        assert read(reader, login(simulator), again=True) == [Reading(332, Source.SDR)]
    passes(monkeypatch, 86_401)
    read(reader, login(simulator))  # yesterday's session is lost
    for _ in range(2):
        assert read(reader, login(simulator), again=True) == [Reading(332, Source.SDR)]


def test_a_part_of_the_sensors_is_never_taken_for_the_machine(
    simulate: Simulate, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    last, broken, sound = len(SUPPLIES), threading.Event(), SensorCommands.run

    def run(commands: SensorCommands, request: SensorRequest) -> Outcome | None:
        reads_last = (request.netfn, request.command) == READ_RECORD and request.data[2] == last
        return (b"\xff", None) if broken.is_set() and reads_last else sound(commands, request)

    monkeypatch.setattr(SensorCommands, "run", run)
    simulator = simulate(node01={"fault": "no-dcmi", "sdr": SUPPLIES})
    broken.set()
    (answer,) = read(reader, login(simulator))
    assert isinstance(answer, NoReading)
    broken.clear()
    assert read(reader, login(simulator)) == [Reading(360, Source.SDR)]


def test_zero_watts_by_sensors_are_not_believed_while_the_machine_is_on(simulate: Simulate, reader: Reader) -> None:
    nothing = [{"name": "System Level", "watts": 0}]
    (answer,) = read(reader, login(simulate(node01={"fault": "no-dcmi", "sdr": nothing})))
    assert isinstance(answer, NoReading)
    assert answer.reason is Reason.IMPLAUSIBLE


def test_without_dcmi_and_sensors_it_is_said_that_there_is_nothing_to_read(
    simulate: Simulate, reader_at_once: Reader
) -> None:
    (answer,) = read(reader_at_once, login(simulate(node01={"fault": "no-dcmi", "sdr": []})), again=True)
    assert isinstance(answer, NoReading)
    assert answer.reason is Reason.NOT_SUPPORTED


@pytest.mark.parametrize(
    "settings", [{}, {"fault": "zero"}, {"fault": "no-dcmi"}, {"fault": "no-dcmi", "sdr": SUPPLIES}]
)
def test_nothing_is_asked_of_a_bmc_that_would_change_it(
    simulate: Simulate, reader: Reader, asked: Asked, settings: dict[str, object]
) -> None:
    read(reader, login(simulate(node01=settings), privilege="administrator"))
    assert DCMI_POWER in asked
    assert asked <= READING_ONLY


@pytest.mark.parametrize("fault", ["busy-first", "empty-first"])
def test_a_busy_or_empty_first_answer_is_worth_a_retry(simulate: Simulate, lan: LanReader, fault: str) -> None:
    simulator = simulate(node01={"fault": fault})
    (first,) = read(lan, login(simulator))
    assert isinstance(first, NoReading)
    assert first.again_soon
    (second,) = read(lan, login(simulator))
    assert isinstance(second, Reading)


@pytest.mark.parametrize("fault", ["busy-first", "empty-first"])
def test_so_it_is_through_ipmitool(simulate: Simulate, tool: ToolReader, fault: str) -> None:
    (first,) = read(tool, login(simulate(node01={"fault": fault})))  # first in every session, which is every process
    assert isinstance(first, NoReading)
    assert first.again_soon


def test_the_last_record_may_name_the_first_as_the_next(
    simulate: Simulate, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("powergraph_collector.sources.ipmi.tool.DUMP_LIMIT_S", 0.5)
    simulator = simulate(node01={"fault": "no-dcmi", "sdr": SUPPLIES, "sdr_quirks": {"loops": True}})
    assert read(reader, login(simulator)) == [Reading(360, Source.SDR)]


@pytest.fixture
def records_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every record names one as the next that has never been asked for."""
    sound = SensorCommands.run

    def run(commands: SensorCommands, request: SensorRequest) -> Outcome | None:
        if (request.netfn, request.command) != READ_RECORD:
            return sound(commands, request)
        wanted = int.from_bytes(request.data[2:4], "little")
        inside = request.data[:2] + (1 + wanted % 2).to_bytes(2, "little") + request.data[4:]
        outcome = sound(commands, replace(request, data=inside))
        assert outcome
        data = outcome[0][3:] if request.data[4] else wanted.to_bytes(2, "little") + outcome[0][5:]
        return outcome[0][:1] + (wanted + 1).to_bytes(2, "little") + data, None

    monkeypatch.setattr(SensorCommands, "run", run)


@pytest.mark.usefixtures("records_without_end")
def test_records_without_end_are_given_up(simulate: Simulate, reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("powergraph_collector.sources.ipmi.tool.DUMP_LIMIT_S", 0.1)
    monkeypatch.setattr("powergraph_collector.sources.ipmi.sdr_walk.MOST_RECORDS", 10)
    (answer,) = read(reader, login(simulate(node01={"fault": "no-dcmi", "sdr": SUPPLIES})))
    assert isinstance(answer, NoReading)
    assert (answer.reason, answer.detail) == (Reason.BAD_ANSWER, "the SDR repository has no end")


@pytest.mark.usefixtures("records_without_end")
def test_a_stop_does_not_wait_for_all_records(
    simulate: Simulate, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("powergraph_collector.sources.ipmi.tool_process.TIME_LIMIT_S", 2.0)
    monkeypatch.setattr("powergraph_collector.sources.ipmi.tool.DUMP_LIMIT_S", 20.0)
    tool = ToolReader()
    answers: list[Answer] = []
    tool.ask(login(simulate(node01={"fault": "no-dcmi", "sdr": SUPPLIES})), answers.append)
    while READ_RECORD not in asked:
        tool.work(0.01)
    tool.close()
    tool.work(0)
    assert answers == [NoReading(Reason.TIMEOUT, "ipmitool did not end within 2 s")]


AWKWARD_SENSORS: dict[str, tuple[dict[str, object], Reading]] = {
    "records of the device": ({"sdr": SUPPLIES, "sdr_quirks": {"device": True}}, Reading(360, Source.SDR)),
    "logical unit 1 and 3": (
        {
            "sdr": [
                {"name": "PSU1_PIN", "entity": 10, "instance": 1, "watts": 200, "lun": 1},
                {"name": "PSU2_PIN", "entity": 10, "instance": 2, "watts": 160, "lun": 3},
            ],
        },
        Reading(360, Source.SDR),
    ),
    "records of the device at two logical units": (
        {
            "sdr": [
                {"name": "CPU Power", "entity": 3, "watts": 80},
                {"name": "PSU1_PIN", "entity": 10, "instance": 1, "watts": 200, "number": 9, "lun": 1},
                {"name": "PSU2_PIN", "entity": 10, "instance": 2, "watts": 160, "number": 9, "lun": 3},
            ],
            "sdr_quirks": {"device": True},
        },
        Reading(360, Source.SDR),
    ),
    "a supply that is unplugged": (
        {
            "sdr": [
                {"name": "PS1 Input Power", "entity": 10, "instance": 1, "watts": 200},
                {"name": "PS2 Input Power", "entity": 10, "instance": 2, "watts": 160, "state": 0xE0},
            ],
        },
        Reading(200, Source.SDR, Doubt.PARTIAL),
    ),
    "small parts of records": ({"sdr": SUPPLIES, "sdr_quirks": {"largest_chunk": 6}}, Reading(360, Source.SDR)),
    "reservations that are lost": (
        {"sdr": SUPPLIES, "sdr_quirks": {"lost_reservations": 7}},
        Reading(360, Source.SDR),
    ),
}


@pytest.mark.parametrize("layout", AWKWARD_SENSORS)
def test_awkward_sensors_are_read_on_the_wire(simulate: Simulate, reader: Reader, layout: str) -> None:
    settings, expected = AWKWARD_SENSORS[layout]
    simulator = simulate(node01={"fault": "no-dcmi", **settings})
    for _ in range(2):
        assert read(reader, login(simulator), again=True) == [expected]


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


def test_a_changed_password_is_used_at_the_next_reading(simulate: Simulate, reader: Reader) -> None:
    simulator = simulate(node01={})
    assert isinstance(read(reader, login(simulator))[0], Reading)
    (refused,) = read(reader, login(simulator, password=Secret("changed")))
    assert isinstance(refused, NoReading)
    assert refused.reason is Reason.LOGIN_REFUSED
    assert isinstance(read(reader, login(simulator))[0], Reading)


def test_the_password_is_in_no_process_list_and_no_environment(
    simulate: Simulate, tool: ToolReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[list[str], dict[str, str]]] = []

    class Watched(subprocess.Popen[str]):
        def __init__(self, command: list[str], **options: Any) -> None:
            seen.append((command, dict(options["env"])))
            super().__init__(command, **options)

    monkeypatch.setattr("powergraph_collector.sources.ipmi.tool_process.subprocess.Popen", Watched)
    simulator = simulate(node01={}, node02={"fault": "no-dcmi", "sdr": SUPPLIES})
    answers = read(tool, login(simulator), login(simulator, "node02"))
    assert all(isinstance(answer, Reading) for answer in answers)
    assert {command[command.index("-R") + 2] for command, _ in seen} == {"raw", "sdr"}
    assert PASSWORD not in repr(seen)


def test_two_names_of_one_bmc_are_told_apart_from_two_bmcs(simulate: Simulate, lan: LanReader) -> None:
    simulator = simulate(node01={})
    _, port = simulator.addresses["node01"]
    first = Login("first", "127.0.0.1", port, USER, Secret(PASSWORD))
    again = Login("again", "localhost", port, USER, Secret(PASSWORD))
    for _ in range(3):
        one, other = read(lan, first, again)
        assert isinstance(one, Reading)
        assert other == NoReading(
            Reason.UNREACHABLE, f"it is the same BMC as first, at 127.0.0.1 port {port}: list it once"
        )
    lan.forget("first")
    assert isinstance(read(lan, again)[0], Reading)
