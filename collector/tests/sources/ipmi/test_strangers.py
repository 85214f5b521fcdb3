"""The collector's readers and what this project did not write: OpenIPMI's BMC `ipmi_sim`, asked over the wire.

Its sensor records are compiled by its own `sdrcomp`. It has no DCMI, and says so to
administrators alone: lower privileges are told that theirs is too low. It speaks cipher suite 3 alone.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from tests.conftest import PASSWORD, USER

from powergraph_collector.model import Reason, Source
from powergraph_collector.sources.contract import Answer, NoReading, Reader, Reading, Secret
from powergraph_collector.sources.ipmi import probing
from powergraph_collector.sources.ipmi.lan import LanReader
from powergraph_collector.sources.ipmi.login import Login
from powergraph_collector.sources.ipmi.probe_record import parsed
from powergraph_collector.sources.ipmi.probe_replay import replay
from powergraph_collector.sources.ipmi.settings import IpmiBmc
from powergraph_collector.sources.ipmi.tool import ToolReader

LAN = """name "powergraph"
set_working_mc 0x20
startlan 1
  addr 127.0.0.1 {port}
  priv_limit admin
  allowed_auths_admin none md2 md5 straight
  guid a123456789abcdefa123456789abcdef
endlan
user 1 true "" "" user 10 none md2 md5 straight
user 2 true "{user}" "{password}" admin 10 none md2 md5 straight
"""
MACHINE = """mc_setbmc 0x20
mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr
sel_enable 0x20 1000 0x0a
{sensors}
mc_enable 0x20
"""
LOCATOR = """sdr type 18
 device_slave_address 0x20
 device_channel_number 0
 sensor true
 entity_id system_board
 entity_instance 1
 id_string "BMC"
endsdr
"""
RECORD = """sdr type 1
 sensor_owner_id 0x20
 sensor_owner_lun 0
 channel_number 0
 sensor_number {number}
 entity_id {entity}
 entity_instance {instance}
 init_scanning true
 default_sensor_scan_on true
 sensor_auto_rearm true
 sensor_type {kind}
 event_reading_type_code 1
 analog_data_format {form}
 rate_unit none
 modifier_unit none
 percentage false
 base_unit {unit}
 modifier_unit_code unspecified
 linearization linear
 m {m}
 tolerance 0
 b {b}
 accuracy 0
 accuracy_exp 0
 sensor_direction input
 r_exp {r_exp}
 b_exp {b_exp}
 sensor_maximum 255
 sensor_minimum 0
 id_string "{name}"
endsdr
"""


@dataclass(frozen=True)
class Sensor:
    name: str
    entity: str
    raw: int
    m: int = 1
    b: int = 0
    b_exp: int = 0
    r_exp: int = 0
    instance: int = 1
    unit: str = "Watts"
    form: str = "unsigned"


INLET = Sensor("Inlet Temp", "system_board", raw=24, unit="degrees_C")
PROCESSOR = Sensor("CPU Power", "processor", raw=95)
SYSTEM = Sensor("System Level", "system_board", raw=109, m=4)
SUPPLIES = (
    Sensor("PS1 Output Power", "power_supply", raw=99, m=2),
    Sensor("PS1 Input Power", "power_supply", raw=104, m=2),
    Sensor("PS2 Input Power", "power_supply", raw=96, m=2, instance=2),
)


@dataclass
class Stranger:
    process: subprocess.Popen[str]
    login: Login

    def shows(self, number: int, raw: int) -> None:
        """Let a sensor show another byte from now on."""
        assert self.process.stdin
        self.process.stdin.write(f"sensor_set_value 0x20 0 {number} {raw} 0\n")
        self.process.stdin.flush()


def program(name: str) -> str:
    found = shutil.which(name)
    assert found, f"{name} is missing: apt install openipmi"
    return found


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def is_listening(port: int) -> bool:
    bound = (line.split()[1] for line in Path("/proc/net/udp").read_text().splitlines()[1:])
    return f"0100007F:{port:04X}" in bound


@pytest.fixture
def ipmi_sim(tmp_path: Path) -> Iterator[Callable[..., Stranger]]:
    """Start OpenIPMI's simulator with these sensors, numbered from 1."""
    running: list[subprocess.Popen[str]] = []

    def start(*sensors: Sensor) -> Stranger:
        port = free_port()
        records = tmp_path / "main.sdrs"
        texts = [
            RECORD.format(number=number, kind="Temperature" if "Temp" in each.name else "Current", **vars(each))
            for number, each in enumerate(sensors, start=1)
        ]
        records.write_text(LOCATOR + "".join(texts))
        state = tmp_path / "state/ipmi_sim/powergraph"
        state.mkdir(parents=True)
        subprocess.run([program("sdrcomp"), "-o", state / "sdr.20.main", records], check=True)
        lan, machine = tmp_path / "lan.conf", tmp_path / "bmc.emu"
        lan.write_text(LAN.format(port=port, user=USER, password=PASSWORD))
        machine.write_text(
            MACHINE.format(
                sensors="\n".join(
                    f"sensor_add 0x20 0 {number} 3 1\nsensor_set_value 0x20 0 {number} {each.raw} 0\n"
                    f"sensor_set_event_support 0x20 0 {number} enable scanning none" + " 000000000000000" * 4
                    for number, each in enumerate(sensors, start=1)
                )
            )
        )
        with (tmp_path / "said").open("w") as said:
            process = subprocess.Popen(
                [program("ipmi_sim"), "-c", lan, "-f", machine, "-s", tmp_path / "state"],
                stdin=subprocess.PIPE,
                stdout=said,
                stderr=said,
                text=True,
            )
        running.append(process)
        deadline = time.monotonic() + 60
        while not is_listening(port):
            assert process.poll() is None, (tmp_path / "said").read_text()
            assert time.monotonic() < deadline, "ipmi_sim does not listen"
            time.sleep(0.02)
        return Stranger(process, Login("stranger", "127.0.0.1", port, USER, Secret(PASSWORD)))

    yield start
    for process in running:
        process.kill()
        process.communicate()


@pytest.fixture(params=["lan", "ipmitool"])
def reader(request: pytest.FixtureRequest) -> Iterator[Reader]:
    made: Reader = LanReader(judges_at_once=True) if request.param == "lan" else ToolReader(judges_at_once=True)
    yield made
    made.close()


def read(reader: Reader, login: Login, *, again: bool = True) -> Answer:
    """Ask and wait; with `again`, do as the poller does when told that a retry helps."""
    answers: list[Answer] = []
    reader.ask(login, answers.append)
    deadline = time.monotonic() + 60
    while not answers:
        assert time.monotonic() < deadline, "no answer at all within a minute"
        reader.work(0.1)
    answer = answers[0]
    return read(reader, login) if again and isinstance(answer, NoReading) and answer.again_soon else answer


@pytest.mark.parametrize(
    ("sensors", "power_w"),
    [
        ((INLET, PROCESSOR, *SUPPLIES, SYSTEM), 436),
        ((INLET, PROCESSOR, *SUPPLIES), 400),
        ((replace(SYSTEM, raw=200, m=16, b=100, b_exp=1, r_exp=-1),), 420),
        ((replace(SYSTEM, raw=0x80, m=2, b=45, b_exp=1, form="2s_complement"),), 194),
    ],
    ids=["a system sensor", "the supplies", "an offset and tenths of watts", "signed"],
)
def test_its_watt_sensors_are_read(
    ipmi_sim: Callable[..., Stranger], reader: Reader, sensors: tuple[Sensor, ...], power_w: int
) -> None:
    assert read(reader, ipmi_sim(*sensors).login) == Reading(power_w, Source.SDR)


def test_its_cipher_suite_and_its_idea_of_privilege_are_found(
    ipmi_sim: Callable[..., Stranger], reader: Reader
) -> None:
    assert read(reader, ipmi_sim(SYSTEM).login) == Reading(436, Source.SDR)


def test_its_watts_are_followed_as_they_change(ipmi_sim: Callable[..., Stranger], reader: Reader) -> None:
    stranger = ipmi_sim(SYSTEM)
    assert read(reader, stranger.login) == Reading(436, Source.SDR)
    for raw in (110, 90, 255):
        stranger.shows(1, raw)
        deadline = time.monotonic() + 60
        while (answer := read(reader, stranger.login)) != Reading(4 * raw, Source.SDR):
            assert isinstance(answer, Reading)
            assert time.monotonic() < deadline, answer


def test_without_watt_sensors_it_is_not_supported(ipmi_sim: Callable[..., Stranger], reader: Reader) -> None:
    answer = read(reader, ipmi_sim(INLET, PROCESSOR).login)
    assert isinstance(answer, NoReading)
    assert answer.reason is Reason.NOT_SUPPORTED


def test_it_refuses_a_wrong_password(ipmi_sim: Callable[..., Stranger], reader: Reader) -> None:
    answer = read(reader, replace(ipmi_sim(SYSTEM).login, password=Secret("not-this-one")))
    assert isinstance(answer, NoReading)
    assert answer.reason is Reason.LOGIN_REFUSED


@pytest.mark.parametrize("name", ["lan", "ipmitool"])
def test_it_is_probed_and_its_record_replays(ipmi_sim: Callable[..., Stranger], name: str) -> None:
    login = ipmi_sim(INLET, PROCESSOR, *SUPPLIES).login
    table = {"name": login.name, "host": login.host, "port": login.port, "user": USER, "password": PASSWORD}
    stranger = IpmiBmc.model_validate({**table, "reader": name})
    found = probing.probe(stranger, is_stopped=lambda: False, keeps_record=True)
    assert isinstance(found.verdict, Reading)
    assert (found.verdict.power_w, found.login["cipher_suite"], found.entry["cipher_suite"]) == (400, 3, 3)
    assert [each.name for each in found.sensors if each.is_chosen] == ["PS1 Input Power", "PS2 Input Power"]
    again = replay(parsed(found.record)[0])
    assert isinstance(again.verdict, Reading)
    assert again.verdict.power_w == 400


def test_without_a_login_it_tells_its_cipher_suites(ipmi_sim: Callable[..., Stranger]) -> None:
    login = ipmi_sim(SYSTEM).login
    found = probing.knock(login.host, login.port, 2.0)
    assert isinstance(found.verdict, NoReading)
    assert found.verdict.reason is Reason.LOGIN_REFUSED
    assert "IPMI 2.0" in dict(found.lines)["before a login"]
    assert dict(found.lines)["cipher suites"].startswith("0, 1, 2, 3")
    assert any("suite 0" in warning for warning in found.warnings)
