"""What ipmitool prints and writes: any text and any bytes give a value or a named error."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from powergraph_collector.model import Reason
from powergraph_collector.simulator import sdr
from powergraph_collector.simulator.config import Sensor
from powergraph_collector.sources.contract import NoReading
from powergraph_collector.sources.ipmi.dcmi import CompletionCode
from powergraph_collector.sources.ipmi.message import Response
from powergraph_collector.sources.ipmi.sdr import LARGEST_DUMP_BYTES, SensorError, split_dump
from powergraph_collector.sources.ipmi.sdr_walk import record_count
from powergraph_collector.sources.ipmi.tool_process import response_of

REFUSED = "Unable to send RAW command (channel=0x0 netfn=0x2c lun=0x0 cmd=0x2 rsp=0x{:x}): Invalid command\n"
BEFORE = """Running Get VSO Capabilities my_addr 0x20, transit 0, target 0x20
Invalid completion code received: Invalid command
RAW REQ (channel=0x0 netfn=0x2c lun=0x0 cmd=0x2 data_len=4)
"""

sensors = st.builds(
    Sensor,
    name=st.from_regex(r"[ -~]{1,16}", fullmatch=True),
    entity=st.sampled_from((3, 7, 10)) | st.integers(0, 0xFF),
    instance=st.integers(0, 0x7F),
    step_w=st.integers(1, 0xFF),
)
repositories = st.lists(sensors, max_size=8).map(sdr.records)
other_records = st.binary(max_size=60).map(lambda body: b"\x01\x00\x51\xc0" + bytes((len(body),)) + body)


def printed(data: bytes) -> str:
    """As ipmitool prints an answer: sixteen bytes a line."""
    lines = [data[at : at + 16] for at in range(0, len(data), 16)] or [b""]
    return "".join("".join(f" {byte:02x}" for byte in line) + "\n" for line in lines)


@given(st.binary(max_size=255), st.sampled_from(("", BEFORE)))
def test_an_answer_is_read_as_it_was_sent(data: bytes, said: str) -> None:
    assert response_of(printed(data), said) == Response(0, data)


@given(st.integers(1, 0xFF), st.sampled_from(("", "\n")))
def test_a_completion_code_is_kept(code: int, out: str) -> None:
    assert response_of(out, BEFORE + REFUSED.format(code)) == Response(code)


@given(st.text(max_size=200) | st.text("0123456789abcdef \n", max_size=200), st.text(max_size=200))
def test_any_text_is_an_answer_or_a_reason(out: str, said: str) -> None:
    response = response_of(out, said)
    if isinstance(response, NoReading):
        assert response.detail
        assert response.detail.isprintable()
        assert len(response.detail) < 230
    else:
        assert response.code or printed(response.data) == out


@pytest.mark.parametrize(
    "out",
    ["", " dc b4\n 0", " dc b4", "dc b4\n", " DC\n", " dc  b4\n", " dc\n\n", " d\n", "Close Session failed\n dc b4\n"],
)
def test_what_is_not_exactly_an_answer_is_none(out: str) -> None:
    response = response_of(out, "")
    assert isinstance(response, NoReading)
    assert response.reason is Reason.BAD_ANSWER


def test_a_request_that_stays_unanswered_is_a_time_out() -> None:
    unanswered = "Unable to send RAW command (channel=0x0 netfn=0x2c lun=0x0 cmd=0x2)\n"
    response = response_of("", BEFORE + unanswered)
    assert isinstance(response, NoReading)
    assert response.reason is Reason.TIMEOUT


def test_what_a_bmc_says_outside_of_a_session_is_not_taken() -> None:
    response = response_of(
        "", "Get Device ID command failed: 0xd4 Insufficient privilege level\n" + REFUSED.format(0xC1)
    )
    assert isinstance(response, NoReading)
    assert response.reason is Reason.TIMEOUT


@given(repositories, st.lists(other_records, max_size=4))
def test_a_dump_is_taken_apart_into_its_records(records: list[bytes], others: list[bytes]) -> None:
    assert split_dump(b"".join(others + records)) == others + records


@given(repositories.filter(bool), st.data())
def test_a_dump_that_ends_within_a_record_is_refused(records: list[bytes], data: st.DataObject) -> None:
    missing = data.draw(st.integers(1, len(records[-1]) - 1))
    with pytest.raises(SensorError, match="ends within a record"):
        split_dump(b"".join(records)[:-missing])


@given(st.binary(max_size=600) | repositories.map(b"".join).flatmap(lambda dump: st.permutations(dump).map(bytes)))
def test_any_dump_is_records_or_a_named_error(dump: bytes) -> None:
    try:
        records = split_dump(dump)
    except SensorError as error:
        assert str(error)
    else:
        assert b"".join(records) == dump


@pytest.mark.parametrize("record", [b"\0\0\0\0\0", b"\x01\x00\x51\x01\xff" + bytes(255)])
def test_a_dump_is_bounded_whatever_its_records(record: bytes) -> None:
    most = LARGEST_DUMP_BYTES // len(record)
    assert len(split_dump(record * most)) == most
    with pytest.raises(SensorError, match="no end"):
        split_dump(record * (most + 1))


@given(st.integers(0, 0xFF), st.binary(max_size=20))
def test_any_repository_info_is_a_count_none_or_a_completion_code(code: int, data: bytes) -> None:
    conversation = record_count()
    next(conversation)
    try:
        conversation.send(Response(code, data))
    except CompletionCode as error:
        assert error.code == code != 0
    except StopIteration as end:
        assert end.value == (data[1] + 256 * data[2] if code == 0 and len(data) >= 3 else None)
