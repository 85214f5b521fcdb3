"""Sensor Data Records as bytes: what a record says of a watt sensor, and that any bytes say something or nothing."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from powergraph_collector.simulator import sdr as simulated
from powergraph_collector.simulator.config import Sensor
from powergraph_collector.sources.ipmi.sdr import Analog, WattSensor, parse, watt_sensors


def record(**fields: Any) -> bytes:
    return simulated.records([Sensor(**{"name": "Sys Power", **fields})])[0]


def parsed(**fields: Any) -> WattSensor:
    sensor = parse(record(**fields))
    assert sensor is not None
    return sensor


def test_a_full_record_says_all_of_its_sensor() -> None:
    fields = {"entity": 0xD7, "instance": 0x61, "number": 0x84, "lun": 3, "step_w": 300, "b": -300, "b_exp": -8}
    sensor = parsed(**fields, r_exp=7, format="twos")
    assert sensor == WattSensor(
        0x84, 3, "Sys Power", 0xD7, 0x61, Analog.TWOS_COMPLEMENT, m=300, b=-300, b_exp=-8, r_exp=7
    )


@pytest.mark.parametrize(
    ("analog", "raw", "number"),
    [
        (Analog.UNSIGNED, 0xFF, 255),
        (Analog.TWOS_COMPLEMENT, 0xFF, -1),
        (Analog.TWOS_COMPLEMENT, 0x80, -128),
        (Analog.ONES_COMPLEMENT, 0xFF, 0),
        (Analog.ONES_COMPLEMENT, 0x80, -127),
        (Analog.ONES_COMPLEMENT, 0x7F, 127),
    ],
)
def test_a_byte_is_a_number_by_its_format(analog: Analog, raw: int, number: int) -> None:
    assert WattSensor(1, 0, "x", 7, 1, analog).power_w(raw) == number


def test_watts_are_by_the_formula_of_the_specification() -> None:
    sensor = WattSensor(1, 0, "x", 7, 1, m=16, b=100, b_exp=1, r_exp=-1)
    assert sensor.power_w(200) == (16 * 200 + 100 * 10) / 10


@pytest.mark.parametrize(
    ("fields", "flaw"),
    [
        ({"owner": 0x2C}, "controller 0x2C"),
        ({"owner": 0x41}, "controller 0x41"),
        ({"lun": 2}, "logical unit 2"),
        ({"linearization": 1}, "not linear"),
        ({"linearization": 0x7F}, "not linear"),
        ({"format": "none"}, "no numeric reading"),
    ],
)
def test_a_sensor_that_cannot_be_read_says_why(fields: dict[str, Any], flaw: str) -> None:
    assert flaw in parsed(**fields).flaw


def test_a_sensor_on_another_bus_is_not_the_bmcs_own() -> None:
    for channel, is_own in ((0x0, True), (0x6, False), (0xE, True), (0xF, True)):
        raw = bytearray(record())
        raw[6] |= channel << 4
        sensor = parse(bytes(raw))
        assert sensor is not None
        assert bool(sensor.flaw) is not is_own


def test_a_factor_of_0_is_no_sensor_of_anything() -> None:
    raw = bytearray(record())
    raw[24] = raw[25] = 0
    sensor = parse(bytes(raw))
    assert sensor is not None
    assert sensor.flaw


@pytest.mark.parametrize(
    "fields", [{"unit": 5}, {"modifier": 0x01}, {"modifier": 0x02}, {"modifier": 0x18}, {"record": "compact"}]
)
def test_what_is_not_in_watts_is_no_watt_sensor(fields: dict[str, Any]) -> None:
    assert parse(record(**fields)) is None


def test_a_unit_that_modifies_nothing_is_of_no_account() -> None:
    raw = bytearray(record())
    raw[22] = 0x14
    assert parse(bytes(raw)) == parse(record())


@pytest.mark.parametrize(
    ("coding", "name"),
    [("ascii", "PSU1_PIN"), ("packed", "PSU1_PIN"), ("packed", "TOTAL POWER"), ("bcd", "12-3"), ("bcd", "1")],
)
def test_a_name_is_read_in_its_coding(coding: str, name: str) -> None:
    assert parsed(coding=coding, name=name).name == name


def test_six_bits_a_letter_are_packed_as_in_the_example_of_the_specification() -> None:
    raw = record()[:47] + b"\x83\x29\xdc\xa6"
    sensor = parse(raw)
    assert sensor is not None
    assert sensor.name == "IPMI"


def test_the_length_of_a_packed_name_may_be_told_in_letters() -> None:
    raw = bytearray(record(coding="packed", name="TOTAL POWER"))
    raw[47] = raw[47] & 0xC0 | len("TOTAL POWER")
    sensor = parse(bytes(raw))
    assert sensor is not None
    assert sensor.name == "TOTAL POWER"


def test_a_name_that_does_not_print_is_replaced() -> None:
    raw = record(name="12345")[:-5] + b"\0\x1b\x07\n\r"
    sensor = parse(raw)
    assert sensor is not None
    assert sensor.name == "watts"


def test_a_watt_sensor_of_which_half_is_missing_is_told_as_such() -> None:
    for length in range(22, 48):
        sensor = parse(record()[:length])
        assert sensor is not None
        assert "cut off" in sensor.flaw


def test_a_sensor_with_two_records_is_one() -> None:
    twice = [record(number=7), record(number=7, name="again"), record(number=7, lun=1), record(number=7, owner=0x2C)]
    assert len(watt_sensors(twice)) == 3


@given(
    st.binary(max_size=70)
    | st.tuples(st.just(record()), st.binary(max_size=60)).map(lambda pair: pair[0][: 60 - len(pair[1])] + pair[1]),
    st.integers(0, 0xFF),
)
def test_any_record_is_a_sensor_or_none(raw: bytes, reading: int) -> None:
    sensor = parse(raw)
    if sensor is not None:
        assert sensor.name.isprintable()
        assert sensor.name
        assert math.isfinite(sensor.power_w(reading))


@given(st.binary(min_size=48, max_size=80))
def test_any_watt_record_has_a_name_and_finite_watts(raw: bytes) -> None:
    made = raw[:3] + b"\x01" + raw[4:20] + bytes((raw[20] & 0xC0, 6)) + raw[22:]
    sensor = parse(made)
    assert sensor is not None
    assert sensor.name.isprintable()
    assert all(math.isfinite(sensor.power_w(reading)) for reading in range(0x100))
