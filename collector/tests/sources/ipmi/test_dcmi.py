"""The DCMI codec: what it sends, what it makes of any bytes, and that it agrees with ipmitool."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from powergraph_collector.sources.ipmi import dcmi
from powergraph_collector.sources.ipmi.message import Request, Response

CAPTURED = json.loads(Path(__file__).with_name("frames").joinpath("ipmitool.json").read_text())

watts = st.integers(0, 0xFFFF)
word = st.integers(0, 0xFFFFFFFF)
byte = st.integers(0, 0xFF)
readings = st.builds(dcmi.PowerReading, watts, watts, watts, watts, word, word, st.booleans())
limits = st.builds(dcmi.PowerLimit, watts, byte, word, watts)
answers = st.builds(
    Response,
    st.sampled_from((0x00, 0x80)) | byte,
    st.binary(max_size=40) | st.binary(max_size=40).map(lambda data: b"\xdc" + data),
)
parsers = st.sampled_from((dcmi.parse_power_reading, dcmi.parse_power_limit, dcmi.parse_capabilities))


@given(parsers, answers)
def test_any_bytes_give_a_value_or_a_named_error(parse, response: Response) -> None:
    try:
        value = parse(response)
    except dcmi.CompletionCode as error:
        assert error.code == response.code != 0
        assert f"0x{response.code:02X}" in str(error)
    except dcmi.MalformedAnswer:
        assert response.code == 0
    else:
        assert value is None or response.data[0] == 0xDC


@given(readings, st.binary(max_size=4))
def test_a_reading_survives_the_wire_whatever_a_vendor_appends(reading: dcmi.PowerReading, appended: bytes) -> None:
    assert dcmi.parse_power_reading(Response(0, dcmi.encode_power_reading(reading) + appended)) == reading


@given(readings)
def test_a_truncated_reading_is_malformed(reading: dcmi.PowerReading) -> None:
    with pytest.raises(dcmi.MalformedAnswer, match="17 bytes where at least 18"):
        dcmi.parse_power_reading(Response(0, dcmi.encode_power_reading(reading)[:-1]))


@given(limits)
def test_a_limit_survives_the_wire_and_0x80_means_none(limit: dcmi.PowerLimit) -> None:
    data = dcmi.encode_power_limit(limit)
    assert dcmi.parse_power_limit(Response(0, data)) == limit
    assert dcmi.parse_power_limit(Response(0x80, data)) is None


@given(byte, byte, st.booleans())
def test_capabilities_survive_the_wire(major: int, minor: int, promised: bool) -> None:
    capabilities = dcmi.Capabilities(major, minor, promised)
    assert dcmi.parse_capabilities(Response(0, dcmi.encode_capabilities(capabilities))) == capabilities


def test_averaging_periods_are_told_after_their_number() -> None:
    version = dcmi.Capabilities(1, 5, power_management=True)
    assert dcmi.encode_averaging_periods(version, (0x05, 0x41)) == bytes((0xDC, 1, 5, 2, 2, 0x05, 0x41))


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        (0xC0, "completion code 0xC0: BMC is busy"),
        (0xC1, "completion code 0xC1: command not supported"),
        (0xD4, "completion code 0xD4: privilege too low"),
        (0xFF, "completion code 0xFF: unspecified error"),
        (0x85, "completion code 0x85: specific to the command"),
    ],
)
def test_a_refusal_keeps_its_code_and_says_what_it_means(code: int, meaning: str) -> None:
    with pytest.raises(dcmi.CompletionCode) as caught:
        dcmi.parse_power_reading(Response(code))
    assert (caught.value.code, str(caught.value)) == (code, meaning)


def captured(command: str) -> list[tuple[Request, Response, str]]:
    """The exchanges of one ipmitool command: request, answer, and the lines that ipmitool printed."""
    found = []
    for run in CAPTURED:
        for exchange in run["exchanges"] if run["ipmitool"] == command else []:
            request = Request(int(exchange["netfn"], 16), int(exchange["command"], 16), bytes.fromhex(exchange["data"]))
            answer = bytes.fromhex(exchange["answer"])
            found.append((request, Response(answer[0], answer[1:]), "\n".join(run["printed"])))
    assert found
    return found


def printed_number(label: str, printed: str) -> int:
    return int(re.search(label + r":\s+(\d+)", printed)[1])


@pytest.mark.parametrize(("request_", "response", "printed"), captured("dcmi power reading"))
def test_a_reading_is_what_ipmitool_makes_of_the_same_bytes(request_, response, printed) -> None:
    assert request_ == dcmi.POWER_READING
    reading = dcmi.parse_power_reading(response)
    assert reading.current_w == printed_number("Instantaneous power reading", printed)
    assert reading.min_w == printed_number("Minimum during sampling period", printed)
    assert reading.max_w == printed_number("Maximum during sampling period", printed)
    assert reading.average_w == printed_number("Average power reading over sample period", printed)
    assert f"{datetime.fromtimestamp(reading.bmc_time_s, UTC):%m/%d/%y %H:%M:%S} UTC" in printed
    assert ("is:                   activated" in printed) == reading.active
    assert dcmi.encode_power_reading(reading) == response.data


def test_the_captured_readings_differ_in_every_field_that_matters() -> None:
    readings = [dcmi.parse_power_reading(response) for _, response, _ in captured("dcmi power reading")]
    assert any(len({one.current_w, one.min_w, one.max_w, one.average_w}) == 4 for one in readings)
    assert {one.active for one in readings} == {True, False}
    assert 0xFFFF in {one.current_w for one in readings}


@pytest.mark.parametrize(("request_", "response", "printed"), captured("dcmi power get_limit"))
def test_a_limit_is_what_ipmitool_makes_of_the_same_bytes(request_, response, printed) -> None:
    assert request_ == dcmi.POWER_LIMIT
    limit = dcmi.parse_power_limit(response)
    if limit is None:
        assert "No Active Power Limit" in printed
        return
    assert "Power Limit Active" in printed
    assert limit.limit_w == printed_number("Power Limit", printed)
    assert limit.correction_ms == printed_number("Correction time", printed)
    assert limit.sample_s == printed_number("Sampling period", printed)


def test_capabilities_are_asked_for_and_read_as_ipmitool_does() -> None:
    for request, response, _ in captured("dcmi discover"):
        assert request == dcmi.capabilities(request.data[1])
        if request.data[1] == dcmi.SUPPORTED_CAPABILITIES:
            assert dcmi.parse_capabilities(response) == dcmi.Capabilities(1, 5, power_management=True)
