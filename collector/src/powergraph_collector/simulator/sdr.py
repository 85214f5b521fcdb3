"""The sensor data repository of a simulated BMC: full sensor records for its watt sensors (43.1)."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from struct import Struct

from powergraph_collector.simulator.config import Sensor

VERSION = 0x51
LAST_RECORD = 0xFFFF

_FULL_RECORD = 0x01
_OWNER = 0x20
_INITIALISED = 0x7F
_AUTO_REARM = 0x40
_OTHER_UNITS_SENSOR = 0x0B
_THRESHOLD = 0x01
_WATTS = 0x06
_ASCII = 0xC0
_HEAD = Struct("<HBBB")
_BODY = Struct("<BBB BB BB BB 6x BBB B BBBBB B B 3x BB 6x BB 2x B B")


def records(sensors: Sequence[Sensor]) -> list[bytes]:
    """Return the full sensor records; the record of the sensor with number n is the n-th, counted from 1."""
    return [_record(number, sensor) for number, sensor in enumerate(sensors, start=1)]


def changed_at(repository: Sequence[bytes]) -> int:
    """Return what the BMC tells as the repository's time of change: other records give another, so caches notice."""
    return zlib.crc32(b"".join(repository))


def raw_reading(sensor: Sensor, power_w: int) -> int:
    """Return the byte that the sensor shows for these watts."""
    return min(round(power_w / sensor.step_w), 0xFF)


def _record(number: int, sensor: Sensor) -> bytes:
    name = sensor.name.encode("ascii")
    body = _BODY.pack(
        *(_OWNER, 0, number),
        *(sensor.entity, sensor.instance),
        *(_INITIALISED, _AUTO_REARM),
        *(_OTHER_UNITS_SENSOR, _THRESHOLD),
        *(0, _WATTS, 0),
        0,  # linear
        *(sensor.step_w, 0, 0, 0, 0),  # M, then no tolerance, B and accuracy
        0,  # exponents
        0,  # no nominal reading or range
        *(0xFF, 0x00),
        *(0, 0),
        0,
        _ASCII | len(name),
    )
    return _HEAD.pack(number, VERSION, _FULL_RECORD, len(body) + len(name)) + body + name
