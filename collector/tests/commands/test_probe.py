"""`powergraph probe` as its users meet it: exit codes, what is on which stream, JSON, the entry, the record."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from tests.commands.test_commands import Simulate, bmc, complaint, run
from tests.conftest import PASSWORD, USER
from tests.sources.ipmi.test_probing import SUPPLIES, TWINS

from powergraph_collector.commands import probe_report
from powergraph_collector.sources.ipmi.probe_record import parsed, verdict_fields
from powergraph_collector.sources.ipmi.probe_replay import replay


class Case(NamedTuple):
    bmc: dict[str, Any]
    options: list[object]
    code: int
    words: str


@pytest.mark.parametrize(
    "case",
    [
        Case({}, [], 0, "reads 436 W by DCMI"),
        Case({}, ["--reader", "ipmitool"], 0, "reads 436 W by DCMI, through ipmitool"),
        Case({"fault": "no-dcmi", "sdr": SUPPLIES}, [], 0, "reads 360 W by its watt sensors"),
        Case({"fault": "inactive-value"}, [], 0, "by DCMI (the BMC says that it does not measure"),
        Case({"fault": "silent"}, ["--timeout", 0.3], 3, "no power: no answer within 0.3 s"),
        Case({}, ["--user", "nobody"], 4, "no power: RMCP+ status 0x0D"),
        Case({"fault": "no-slots"}, [], 4, "no power: RMCP+ status 0x01"),
        Case({"fault": "no-dcmi"}, [], 5, "no watt sensor in its SDRs. Look for newer firmware"),
        Case({"fault": "no-dcmi", "sdr": TWINS}, [], 5, "--power-sensor NAME"),
        Case({"fault": "zero"}, [], 5, "no power: the BMC answers 0 W although the machine is on"),
        Case({"fault": "inactive-zero"}, [], 5, "Is the machine on?"),
    ],
    ids=lambda case: case.words,
)
def test_the_verdict_is_told_and_is_the_exit_code(simulate: Simulate, tmp_path: Path, case: Case) -> None:
    code, out, err = run(tmp_path, "powergraph", "probe", *bmc(simulate(node01=case.bmc)), *case.options)
    assert code == case.code
    assert case.words in (out if code == 0 else complaint(err))
    assert (err == "") == (code == 0)
    assert PASSWORD not in out + err


def test_a_single_reading_that_brings_nothing_ends_with_the_reason(simulate: Simulate, tmp_path: Path) -> None:
    for fault, expected in (("silent", 3), ("no-slots", 4), ("no-dcmi", 5), ("zero", 5), ("inactive-zero", 5)):
        options = ["--nread", 1, "--timeout", 0.3]
        code, out, err = run(tmp_path, "powergraph", *bmc(simulate(node01={"fault": fault})), *options)
        assert (code, out) == (expected, "")
        assert complaint(err)


def test_a_closed_port_and_a_stranger_are_told(simulate: Simulate, tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    for user in ([], ["--user", USER]):
        code, _, err = run(tmp_path, "powergraph", "probe", "--host", "127.0.0.1", "--port", port, *user)
        assert code == 3
        assert "its port is closed" in complaint(err)
    code, out, err = run(tmp_path, "powergraph", "probe", *bmc(simulate(node01={}))[:4])
    assert code == 4
    assert "cipher suites      3, 17" in out.splitlines()
    assert "Give --user and a password" in complaint(err)


def test_a_password_without_a_user_is_a_mistake(tmp_path: Path) -> None:
    code, _, err = run(tmp_path, "powergraph", "probe", "--host", "127.0.0.1", "--passwd", "x")
    assert code == 2
    assert "--user is missing" in complaint(err)


def test_scripts_get_json(simulate: Simulate, tmp_path: Path) -> None:
    simulator = simulate(node01={"fault": "no-dcmi", "sdr": SUPPLIES, "cipher_suites": [3]})
    code, out, _ = run(tmp_path, "powergraph", "probe", *bmc(simulator), "--json")
    told = json.loads(out)
    assert code == 0
    verdict = {"reads": True, "power_w": 360, "source": "sdr", "flags": []}
    assert {key: told["verdict"][key] for key in verdict} == verdict
    chosen = [(each["name"], each["chosen"]) for each in told["sensors"]]
    assert chosen == [("PSU1_PIN", True), ("PSU2_PIN", True), ("CPU Power", False)]
    assert told["login"] == {"privilege": "user", "cipher_suite": 3}
    assert told["entry"]["cipher_suite"] == 3
    assert 0 <= told["slowest_s"] < 60
    code, out, _ = run(tmp_path, "powergraph", "probe", *bmc(simulate(node01={"fault": "no-dcmi"})), "--json")
    told = json.loads(out)
    assert (code, told["verdict"]["reason"], told["entry"]) == (5, "not-supported", None)


def test_the_entry_is_what_the_inventory_takes(simulate: Simulate, tmp_path: Path) -> None:
    simulator = simulate(node01={"required_privilege": "operator", "user": "yes"})
    host, port = simulator.addresses["node01"]
    place = ["--host", host, "--port", port, "--user", "yes"]
    code, _, err = run(tmp_path, "powergraph", "probe", *place, "--power-sensor", "P: 1")
    assert code == 5
    assert "power_sensors names P: 1" in complaint(err)
    code, out, _ = run(tmp_path, "powergraph", "probe", *place)
    assert code == 0
    (entry,) = yaml.safe_load(out[out.index("collector_bmcs:") :])["collector_bmcs"]
    of_place = {"name": f"127.0.0.1-{port}", "host": host, "port": port, "user": "yes"}
    assert entry == {**of_place, "privilege": "operator"}


NAMES = ["on", "1e3", "0x10", "12:30", "a: b", "#", "Pwr \u00e9", "- x", "~", "1.5", "", "null", "2026-12-01", "1_0"]


@pytest.mark.parametrize("text", NAMES)
def test_whatever_a_user_is_called_the_entry_says_so(text: str) -> None:
    entry = {"name": "node01", "user": text, "power_sensors": (text, "b"), "timeout_s": 7.0}
    told = yaml.safe_load(probe_report.yaml(entry))["collector_bmcs"]
    assert told == [{"name": "node01", "user": text, "power_sensors": [text, "b"], "timeout_s": 7}]


def test_a_record_is_written_and_replays(simulate: Simulate, tmp_path: Path) -> None:
    simulator = simulate(node01={"fault": "no-dcmi", "sdr": SUPPLIES})
    code, _, err = run(tmp_path, "powergraph", "probe", *bmc(simulator), "--record", "record.jsonl")
    assert (code, err) == (0, "")
    text = (tmp_path / "record.jsonl").read_text()
    for word in (USER, PASSWORD, "127.0.0.1", "node01"):
        assert word not in text.replace("powergraph_probe_record", "")
    protocol, verdict = parsed(text)
    again = replay(protocol).verdict
    assert again is not None
    assert verdict_fields(again) == verdict == {"reads": True, "power_w": 360, "source": "sdr", "doubts": []}


def test_where_nothing_was_said_there_is_no_record(simulate: Simulate, tmp_path: Path) -> None:
    simulator = simulate(node01={"fault": "silent"})
    options = ["--timeout", 0.2, "--record", "record.jsonl"]
    code, _, err = run(tmp_path, "powergraph", "probe", *bmc(simulator), *options)
    assert code == 3
    assert "nothing to keep" in err
    assert not (tmp_path / "record.jsonl").exists()
