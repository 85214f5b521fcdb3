"""Clients that this project did not write talk to the simulator: ipmitool, FreeIPMI, pyghmi."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

SENSORS = [
    {"name": "System Level", "entity": 7, "share": 1.0, "step_w": 4},
    {"name": "PS1 Power In", "entity": 10, "share": 0.5, "step_w": 2},
    {"name": "CPU Power", "entity": 3, "watts": 100},
]
AWKWARD_SENSORS = [
    {"name": "ones", "format": "ones", "watts": -100, "step_w": 2},
    {"name": "twos", "format": "twos", "watts": -100, "step_w": 2},
    {"name": "offset", "step_w": 16, "b": 100, "b_exp": 1, "r_exp": -1, "watts": 420},
    {"name": "unit one", "lun": 1, "number": 9, "watts": 200},
    {"name": "large", "step_w": 300, "b": -300, "watts": 3000},
    {"name": "gone", "state": 0xE0, "watts": 200},
    {"name": "refused", "code": 0xCB, "watts": 200},
    {"name": "no number", "format": "none", "watts": 200},
]
PYGHMI = """
import sys
from pyghmi.ipmi import command
host, port, level = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
bmc = command.Command(host, b"powergraph", b"a-password", port=port, privlevel=level)
for _ in range(3):
    answer = bmc.raw_command(netfn=0x2C, command=2, data=(0xDC, 1, 0, 0))
    assert answer["code"] == 0, answer
    print(bytes(answer["data"])[1:3].hex())
print(bmc.get_power()["powerstate"])
bmc.ipmi_session.logout()
"""


@pytest.fixture
def ipmitool(tool):
    program = tool("ipmitool")

    def run(address: tuple[str, int], *command: str, suite: int = 17, password: str = "a-password") -> str:
        host, port = address
        environment = {**os.environ, "IPMI_PASSWORD": password, "LC_ALL": "C"}
        line = [program, "-I", "lanplus", "-C", str(suite), "-H", host, "-p", str(port), "-U", "powergraph", "-E"]
        done = subprocess.run(
            [*line, "-N", "1", "-R", "1", *command],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.stdout + done.stderr

    return run


@pytest.fixture
def freeipmi(tool, tmp_path: Path):
    credentials = tmp_path / "freeipmi.conf"
    credentials.write_text("username powergraph\npassword a-password\n")
    credentials.chmod(0o600)

    def run(program: str, address: tuple[str, int], *options: str, suite: int = 17) -> str:
        host, port = address
        line = [tool(program), f"--config-file={credentials}", "--driver-type=LAN_2_0", f"--cipher-suite-id={suite}"]
        done = subprocess.run(
            [*line, "-h", f"{host}:{port}", *options], capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


@pytest.mark.parametrize("suite", [3, 17])
def test_ipmitool_understands_every_answer(simulate, ipmitool, suite: int) -> None:
    simulator = simulate(node01={"sdr": SENSORS, "cipher_suites": [suite], "limit_w": 600})

    def ask(*command: str) -> str:
        return ipmitool(simulator.addresses["node01"], *command, suite=suite)

    reading = ask("dcmi", "power", "reading")
    assert re.search(r"Instantaneous power reading: +436 Watts", reading)
    assert re.search(r"Power reading state is: +activated", reading)
    assert re.search(r"Power Limit Active\n.*\n *Power Limit: +600 Watts", ask("dcmi", "power", "get_limit"))
    assert "Power management available" in ask("dcmi", "discover")
    assert re.search(r"System Power +: on", ask("chassis", "status"))
    assert re.search(r"IPMI Version +: 2.0", ask("mc", "info"))
    assert re.search(r"System Level +\| 436 Watts +\| ok", ask("sdr", "list"))
    assert re.search(r"PS1 Power In +\| [0-9A-F]+h \| ok +\| 10.1 +\| 218 Watts", ask("sdr", "elist"))
    assert re.search(r"CPU Power +\| 100.000 +\| Watts +\| ok", ask("sensor"))
    assert [watts for _, _, watts in simulator.served] == [436] + [436, 218, 100] * 3


def test_ipmitool_reads_awkward_sensors_as_they_are_meant(simulate, ipmitool) -> None:
    simulator = simulate(node01={"sdr": AWKWARD_SENSORS})
    listed = ipmitool(simulator.addresses["node01"], "sensor")
    told = {name.strip(): value.strip() for name, value, *_ in (line.split("|") for line in listed.splitlines())}
    watts = {"ones": "-100.000", "twos": "-100.000", "offset": "420.000", "unit one": "200.000", "large": "3000.000"}
    assert {name: told[name] for name in watts} == watts
    assert told["gone"] == told["refused"] == "na"
    assert told.get("no number") not in {"200.000", "50.000"}


def test_ipmitool_gets_the_records_of_an_awkward_repository(simulate, ipmitool) -> None:
    quirks = {"largest_chunk": 12, "lost_reservations": 1}
    simulator = simulate(node01={"sdr": SENSORS, "sdr_quirks": quirks})
    assert re.search(r"System Level +\| 436 Watts", ipmitool(simulator.addresses["node01"], "sdr", "list"))


def test_ipmitool_sets_activates_and_takes_away_a_cap_that_the_watts_keep_to(simulate, ipmitool) -> None:
    address = simulate(node01={}).addresses["node01"]

    def power(*command: str) -> str:
        return ipmitool(address, "dcmi", "power", *command)

    def watts() -> int:
        return int(re.search(r"Instantaneous power reading: +(\d+) Watts", power("reading"))[1])

    assert "No Active Power Limit" in power("get_limit")
    assert "300 Watts" in power("set_limit", "limit", "300")
    assert "No Active Power Limit" in power("get_limit")
    assert watts() == 436
    assert "successfully activated" in power("activate")
    assert re.search(r"Power Limit Active\n.*\n *Power Limit: +300 Watts", power("get_limit"))
    assert watts() == 300
    assert "successfully deactivated" in power("deactivate")
    assert watts() == 436


def test_freeipmi_tells_the_cap_and_sets_one(simulate, freeipmi) -> None:
    address = simulate(node01={"limit_w": 600}).addresses["node01"]
    assert re.search(r"Power Limit Requested +: 600 [Ww]atts", freeipmi("ipmi-dcmi", address, "--get-power-limit"))
    freeipmi(
        "ipmi-dcmi",
        address,
        "--set-power-limit",
        "--exception-actions=NO_ACTION",
        "--power-limit-requested=250",
        "--correction-time-limit=1000",
        "--statistics-sampling-period=1",
    )
    assert re.search(r"Power Limit Requested +: 250 [Ww]atts", freeipmi("ipmi-dcmi", address, "--get-power-limit"))
    statistics = freeipmi("ipmi-dcmi", address, "--get-system-power-statistics")
    assert re.search(r"Current Power +: 250 Watts", statistics)


def test_ipmitool_is_refused_with_a_wrong_password_and_a_missing_suite(simulate, ipmitool) -> None:
    address = simulate(node01={"cipher_suites": [17]}).addresses["node01"]
    assert "RAKP 2 HMAC is invalid" in ipmitool(address, "-v", "chassis", "status", password="wrong")
    refused = ipmitool(address, "-v", "chassis", "status", suite=3)
    assert "no matching cipher suite" in refused.lower() or "no cipher suite match" in refused.lower()


@pytest.mark.parametrize("suite", [3, 17])
def test_freeipmi_understands_every_answer(simulate, freeipmi, tmp_path: Path, suite: int) -> None:
    address = simulate(node01={"sdr": SENSORS, "cipher_suites": [suite]}).addresses["node01"]
    statistics = freeipmi("ipmi-dcmi", address, "--get-system-power-statistics", suite=suite)
    assert re.search(r"Current Power +: 436 Watts", statistics)
    assert re.search(r"Power Measurement +: Active", statistics)
    assert "1.5" in freeipmi("ipmi-dcmi", address, "--get-dcmi-capability-info", suite=suite)
    listed = freeipmi("ipmi-sensors", address, f"--sdr-cache-directory={tmp_path}", suite=suite)
    assert re.search(r"\| System Level \|.*\| 436.00 +\| W ", listed)
    assert re.search(r"\| PS1 Power In \|.*\| 218.00 +\| W ", listed)


@pytest.mark.parametrize(("suites", "level"), [([3], 4), ([17], 2), ([3, 17], 3)])
def test_pyghmi_logs_in_and_reads(simulate, suites: list[int], level: int) -> None:
    simulator = simulate(node01={"cipher_suites": suites, "power": {"kind": "constant", "watts": 842}, "slots": 1})
    host, port = simulator.addresses["node01"]
    # In a process of its own, since pyghmi keeps threads and sockets; twice, since it must free the only slot.
    for _ in range(2):
        line = [sys.executable, "-c", PYGHMI, host, str(port), str(level)]
        done = subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)
        assert done.stdout.split() == ["4a03"] * 3 + ["on"], done.stderr
    assert [watts for _, _, watts in simulator.served] == [842] * 6
