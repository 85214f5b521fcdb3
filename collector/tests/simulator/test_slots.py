"""When the simulator lets datagrams gather, and that it answers them all."""

from __future__ import annotations

import resource
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from powergraph_collector.simulator.config import validated
from powergraph_collector.simulator.server import Simulator
from powergraph_collector.simulator.slots import CROWD, Slots

PING = bytes.fromhex("0600ff06000011be80070000")


def config(count: int, slot_s: float) -> dict:
    usual = {"port": 0, "user": "powergraph", "password": "a-password", "power": {"kind": "constant", "watts": 7}}
    return {"slot_s": slot_s, "bmc": [{"name": f"node{number}", **usual} for number in range(count)]}


def test_a_crowd_waits_for_the_slot_to_pass() -> None:
    slots = Slots(0.05)
    assert slots.pause_s(CROWD, 10.0) == 0.05
    assert slots.pause_s(CROWD, 10.051) == 0.05
    assert slots.pause_s(CROWD - 1, 10.102) == 0.0


def test_a_crowd_is_what_comes_in_a_slot_however_often_it_is_looked_for() -> None:
    slots = Slots(float(CROWD))
    looks = [slots.pause_s(2, float(second)) for second in range(CROWD + 1)]
    assert [second for second, pause_s in enumerate(looks) if pause_s] == [CROWD]


def test_one_client_after_another_never_waits() -> None:
    slots = Slots(0.05)
    assert not any(slots.pause_s(1, 10.0 + 0.002 * number) for number in range(1000))


def test_without_slots_nobody_waits() -> None:
    slots = Slots(0.0)
    assert not any(slots.pause_s(1000, 10.0 + 0.002 * number) for number in range(1000))


def test_a_crowd_is_answered_to_the_last_datagram() -> None:
    with Simulator(validated(config(CROWD * 2, slot_s=0.02), "test")) as simulator, ExitStack() as lines:
        opened = []
        for address in simulator.addresses.values():
            line = lines.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            line.settimeout(30)
            line.connect(address)
            opened.append(line)
        for _ in range(5):
            for line in opened:
                line.send(PING)
        for line in opened:
            assert [len(line.recv(2048)) for _ in range(5)] == [28] * 5


def test_more_bmcs_are_served_than_files_may_be_open_at_first(config_file) -> None:
    text = "".join(
        f'[[bmc]]\nname = "node{number}"\nport = 0\nuser = "powergraph"\npassword = "a-password"\n'
        'power = {kind = "constant", watts = 7}\n'
        for number in range(200)
    )
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_NOFILE, (100, int(sys.argv.pop())))\n"
        "from powergraph_collector.commands.simulator import main; main()"
    )
    line = [sys.executable, "-c", code, "--config", str(config_file(text)), str(most)]
    source = {"PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=source) as process:
        try:
            told = [process.stdout.readline() for _ in range(200)]
        finally:
            process.kill()
        assert "listens on" in told[-1], process.stderr.read()
