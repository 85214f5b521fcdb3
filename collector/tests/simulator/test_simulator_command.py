"""powergraph-simulator as its users run it: a process, its config file, its signals, its log."""

from __future__ import annotations

import contextlib
import random
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from ipmi_client import Client

from powergraph_collector.simulator.bmc import Answer
from powergraph_collector.simulator.config import Config, validated
from powergraph_collector.simulator.server import Simulator
from powergraph_collector.sources.ipmi import dcmi

COMMAND = [sys.executable, "-c", "from powergraph_collector.commands.simulator import main; main()"]
CONFIG = """
served_log = "served.csv"
[[bmc]]
name = "node01"
port = 0
user = "powergraph"
password = "a-password"
power = {kind = "trace", file = "trace.csv", step = "reading"}
"""
PING = bytes.fromhex("0600ff06000011be80070000")
TRACE = [423, 423, 422, 842, 416]


class Wire:
    """Stands where a Bmc stands in ipmi_client, but sends its datagrams."""

    def __init__(self, host: str, port: int) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.settimeout(10)
        self.socket.connect((host, port))

    def answer(self, datagram: bytes, wall_s: float, steady_s: float) -> Answer:
        self.socket.send(datagram)
        return Answer(self.socket.recv(2048))


@pytest.fixture
def wire() -> Iterator[Wire]:
    with contextlib.ExitStack() as opened:

        def connect(address: tuple[str, int]) -> Wire:
            made = Wire(*address)
            opened.enter_context(made.socket)
            return made

        yield connect


@pytest.fixture
def command(config_file, tmp_path: Path):
    """Start the command; it is killed at the end, should it not have ended."""
    (tmp_path / "trace.csv").write_text("".join(f'"00:00:0{n}","{watts}"\n' for n, watts in enumerate(TRACE)))
    with contextlib.ExitStack() as started:

        def start(text: str, mode: int = 0o600) -> subprocess.Popen[str]:
            process = subprocess.Popen(
                [*COMMAND, "--config", str(config_file(text, mode))],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env={"PYTHONPATH": str(Path(__file__).parents[2] / "src")},
            )
            started.enter_context(process)
            started.callback(process.kill)
            return process

        yield start


def address(process: subprocess.Popen[str]) -> tuple[str, int]:
    found = re.fullmatch(r"node01 listens on (\S+):(\d+)\n", process.stdout.readline())
    return found[1], int(found[2])


def power(client: Client) -> int:
    return dcmi.parse_power_reading(client.ask(dcmi.POWER_READING)).current_w


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_trace_comes_back_row_by_row_and_the_log_has_what_was_served(command, wire, tmp_path, number) -> None:
    process = command(CONFIG)
    client = Client(wire(address(process)))
    assert client.login() == ("rakp4", 0)
    assert [power(client) for _ in TRACE] == TRACE
    assert client.ask(dcmi.POWER_READING).code == 0xCE
    rows = [line.split(",") for line in (tmp_path / "served.csv").read_text().splitlines()]
    assert [(name, int(watts)) for name, _, watts in rows] == [("node01", watts) for watts in TRACE]
    process.send_signal(number)
    assert process.wait(60) == 0
    assert process.stderr.read() == ""


def test_sighup_changes_password_and_fault_while_sessions_and_traces_go_on(command, wire, config_file) -> None:
    process = command(CONFIG)
    place = address(process)
    client = Client(wire(place))
    client.login()
    assert [power(client), power(client)] == TRACE[:2]
    config_file(CONFIG.replace("a-password", "another").replace("trace.csv", "no such file"))
    process.send_signal(signal.SIGHUP)
    assert "no such file" in process.stderr.readline()
    assert power(client) == TRACE[2]

    config_file(CONFIG.replace("a-password", "another") + 'fault = "inactive-value"\n')
    process.send_signal(signal.SIGHUP)
    for _ in range(1000):
        if Client(wire(place), password=b"another").login() == ("rakp4", 0):
            break
    assert Client(wire(place)).login() == ("rakp4", 0x0F)
    reading = dcmi.parse_power_reading(client.ask(dcmi.POWER_READING))
    assert (reading.current_w, reading.active) == (TRACE[3], False)


@pytest.mark.parametrize(
    ("text", "mode", "complaint"),
    [
        (CONFIG, 0o644, "chmod o="),
        ("[[bmc]", 0o600, "not valid TOML"),
        ("", 0o600, "bmc: Field required"),
        (CONFIG.replace('"a-password"', '"a-password-of-21-byte"'), 0o600, "at most 20 bytes"),
        (CONFIG.replace("trace.csv", "absent.csv"), 0o600, "absent.csv: No such file"),
        (CONFIG.replace("port = 0", "port = 70000"), 0o600, r"bmc\[0\].port"),
        (CONFIG + 'fault = "flood"', 0o600, r"bmc\[0\].fault"),
        (CONFIG + CONFIG.replace('served_log = "served.csv"', ""), 0o600, "two BMCs are called node01"),
        (CONFIG + 'host = "192.0.2.1"', 0o600, "cannot listen on 192.0.2.1"),
        (CONFIG.replace("served.csv", "absent/served.csv"), 0o600, "absent/served.csv: No such file"),
    ],
)
def test_a_bad_config_is_one_line_and_exit_code_2(command, text: str, mode: int, complaint: str) -> None:
    process = command(text, mode)
    assert process.wait(60) == 2
    said = process.stderr.read()
    assert re.search(complaint, said)
    assert (said.count("\n"), "a-password" in said, process.stdout.read()) == (1, False, "")


def test_a_flood_of_nonsense_does_not_stop_the_loop(simulate, wire) -> None:
    place = simulate(node01={}).addresses["node01"]
    noise = random.Random(7)
    flood = wire(place)
    for _ in range(3000):
        head = noise.choice((b"", b"\x06\x00\xff\x06", b"\x06\x00\xff\x07\x06", b"\x06\x00\xff\x07\x00"))
        flood.socket.send(head + noise.randbytes(noise.randrange(1300)))
    # The flood may still fill the socket's buffer, so the first pings may be lost.
    pinging = Client(wire(place))
    pinging.bmc.socket.settimeout(0.5)
    for _ in range(40):
        with contextlib.suppress(TimeoutError):
            pinging.send(PING)
            break
    client = Client(wire(place))
    assert client.login() == ("rakp4", 0)
    assert power(client) == 436


def test_faults_change_at_run_time_and_a_slow_bmc_answers_in_the_end(simulate, wire) -> None:
    simulator = simulate(node01={"delay_s": 0.2}, node02={})
    slow, quick = (Client(wire(simulator.addresses[name])) for name in ("node01", "node02"))
    assert (slow.login(), quick.login()) == (("rakp4", 0), ("rakp4", 0))
    simulator.set_fault("node01", "slow")
    slow.bmc.socket.setblocking(False)
    with pytest.raises(BlockingIOError):
        slow.ask(dcmi.POWER_READING)
    assert power(quick) == 436
    slow.bmc.socket.settimeout(10)
    assert slow.receiving.open(slow.bmc.socket.recv(2048))
    assert [name for name, _, _ in simulator.served] == ["node02", "node01"]


def test_bmcs_come_and_go_in_a_reload_and_the_others_do_not_notice(wire) -> None:
    def config(*names: str) -> Config:
        usual = {"port": 0, "user": "powergraph", "password": "a-password"}
        tables = [{"name": name, **usual, "power": {"kind": "constant", "watts": 7}} for name in names]
        return validated({"bmc": tables}, "test")

    with Simulator(config("stays", "goes")) as simulator:
        before = simulator.addresses
        stays = Client(wire(before["stays"]))
        stays.login()
        simulator.reconfigure(config("comes", "stays"))
        after = simulator.addresses
        assert (set(after), after["stays"]) == ({"stays", "comes"}, before["stays"])
        assert power(stays) == 7
        assert Client(wire(after["comes"])).login() == ("rakp4", 0)
        gone = wire(before["goes"])
        with pytest.raises(ConnectionRefusedError):
            Client(gone).login()
