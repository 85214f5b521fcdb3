"""The DCMI codec: what it sends, what it makes of any bytes, and that it agrees with ipmitool."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from powergraph_collector.ipmi import dcmi
from powergraph_collector.ipmi.message import Response

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
parsers = st.sampled_from(
    (dcmi.parse_power_reading, dcmi.parse_power_limit, dcmi.parse_capabilities, dcmi.parse_averaging_periods)
)


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


@given(byte, byte, st.booleans(), st.lists(byte, max_size=255).map(tuple))
def test_capabilities_survive_the_wire(major: int, minor: int, promised: bool, periods: tuple[int, ...]) -> None:
    capabilities = dcmi.Capabilities(major, minor, promised)
    assert dcmi.parse_capabilities(Response(0, dcmi.encode_capabilities(capabilities))) == capabilities
    encoded = dcmi.encode_averaging_periods(capabilities, periods)
    assert dcmi.parse_averaging_periods(Response(0, encoded)) == periods


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


@pytest.mark.parametrize(("period", "seconds"), [(0x05, 5), (0x3C, 60), (0x41, 60), (0x8C, 43200), (0xC7, 604800)])
def test_averaging_periods_are_seconds_minutes_hours_or_days(period: int, seconds: int) -> None:
    assert dcmi.period_s(period) == seconds
