"""Records of probes: each of records/ replays to its verdict, and none tells whose BMC it is.

An owner's record is dropped into the folder as it came; docs/probe-records.md says how it is made.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.sources.ipmi.test_probing import CASES, SUPPLIES, Simulate, bmc, probe

from powergraph_collector.model import Reason
from powergraph_collector.sources.contract import NoReading
from powergraph_collector.sources.ipmi import probing
from powergraph_collector.sources.ipmi.knowledge import MorePrivilege
from powergraph_collector.sources.ipmi.message import Request, Response
from powergraph_collector.sources.ipmi.probe_protocol import Exchange, Held, Kind, Protocol
from powergraph_collector.sources.ipmi.probe_record import RecordError, parsed, stripped, verdict_fields, written
from powergraph_collector.sources.ipmi.probe_replay import replay

RECORDS = sorted((Path(__file__).parent / "records").glob("*.jsonl"))
SAYS_NOTHING = {"wrong password", "unknown user", "no slots", "silent", "says nothing to RAKP 1"}


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_a_record_replays_to_its_verdict(path: Path) -> None:
    protocol, verdict = parsed(path.read_text())
    again = replay(protocol)
    assert again.verdict is not None
    assert verdict_fields(again.verdict) == verdict


def test_there_are_records() -> None:
    assert len(RECORDS) >= 10


@pytest.mark.parametrize(
    ("name", "reader"), [(name, reader) for name, case in CASES.items() for reader in case.readers]
)
def test_what_was_recorded_replays_to_the_same_verdict_and_sensors(
    simulate: Simulate, monkeypatch: pytest.MonkeyPatch, name: str, reader: str
) -> None:
    monkeypatch.setattr(probing, "PATIENT_TIMEOUT_S", 1.0)
    case = CASES[name]
    found = probe(bmc(simulate(node01=case.bmc), reader=reader, **case.login), keeps_record=True)
    if name in SAYS_NOTHING:
        assert found.record == ""
        return
    protocol, verdict = parsed(found.record)
    again = replay(protocol)
    assert again.verdict is not None
    assert verdict_fields(again.verdict) == verdict
    as_told = verdict_fields(found.verdict)
    assert verdict == as_told | ({"source": "dcmi"} if as_told.get("source") == "tool" else {})
    considered = again.sensors.choice.considered if again.sensors.choice else ()
    told = sorted((each.name, each.power_w, each.is_chosen) for each in found.sensors)
    assert sorted((each.sensor.name, each.reading, each.is_chosen) for each in considered) == told


def test_no_name_address_or_secret_is_in_a_record(simulate: Simulate) -> None:
    """Not even where a BMC calls its sensors after its machine, in a name that comes in two parts."""
    sensors: list[dict[str, Any]] = [
        *SUPPLIES,
        {"name": "PSU node-of-anna", "entity": 10, "instance": 3, "watts": 5},
        {"name": "node-of-anna", "unit": 1},
    ]
    simulator = simulate(node01={"fault": "no-dcmi", "sdr": sensors, "user": "anna", "password": "hush-hush"})
    probed = bmc(simulator, name="node-of-anna", user="anna", password="hush-hush")
    record = probe(probed, keeps_record=True).record
    told = [each.response.data[2:] for each in parsed(record)[0].exchanges() if each.response]
    everything = record.encode() + b"".join(told)
    for word in (b"anna", b"hush", b"127.0.0.1", b"node"):
        assert word not in everything.lower()
    assert b"PSU1_PIN" in everything


def conversation(*exchanges: Exchange) -> Protocol:
    return Protocol((), [Held(Kind.READING, False, MorePrivilege.UNTRIED, True, list(exchanges))])


def test_what_a_vendor_appends_is_struck_out() -> None:
    serial = b"SN-4711"
    of_commands = ((0x00, 0x01, 4), (0x2C, 0x02, 18), (0x2C, 0x03, 14), (0x0A, 0x20, 14), (0x30, 0x01, 0))
    for netfn, command, known in of_commands:
        said = Exchange(Request(netfn, command), Response(0, bytes(range(1, known + 1)) + serial))
        (clean,) = stripped(conversation(said), ()).exchanges()
        assert clean.response == Response(0, bytes(range(1, known + 1)) + bytes(len(serial)))


def test_of_other_sensor_records_nothing_but_the_head_is_kept() -> None:
    locator = bytes((1, 0, 0x51, 0x12, 20)) + b"\x20\x00" + b"Server of Anna...."
    first = Exchange(Request(0x0A, 0x23, bytes((1, 0, 0, 0, 0, 12))), Response(0, b"\xff\xff" + locator[:12]))
    second = Exchange(Request(0x0A, 0x23, bytes((1, 0, 0, 0, 12, 13))), Response(0, b"\xff\xff" + locator[12:]))
    clean = [each.response.data[2:] for each in stripped(conversation(first, second), ()).exchanges() if each.response]
    assert b"".join(clean) == locator[:5] + bytes(20)


HEAD = '{"powergraph_probe_record": 1, "power_sensors": [], "verdict": {}}\n'


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"powergraph_probe_record": 2}', HEAD, HEAD + '{"netfn": 1}', HEAD + '{"conversation": 1}'],
)
def test_what_is_no_record_is_refused(text: str) -> None:
    with pytest.raises(RecordError):
        parsed(text)


def test_a_record_that_answers_something_else_is_refused() -> None:
    text = written(conversation(Exchange(Request(0x06, 0x01), Response(0))), NoReading(Reason.BUSY, ""))
    with pytest.raises(RecordError, match="asks netfn 0x2C command 0x02"):
        replay(parsed(text)[0])
