"""The sensor data repository of a simulated BMC: full sensor records for its watt sensors (43.1)."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from struct import Struct

from powergraph_collector.simulator.config import Sensor
from powergraph_collector.sources.ipmi.sdr import Analog

VERSION = 0x51
LAST_RECORD = 0xFFFF

_RECORD_TYPES = {"full": 0x01, "compact": 0x02}
_FORMATS = {
    "unsigned": Analog.UNSIGNED,
    "ones": Analog.ONES_COMPLEMENT,
    "twos": Analog.TWOS_COMPLEMENT,
    "none": Analog.NO_NUMBER,
}
_INITIALISED = 0x7F
_AUTO_REARM = 0x40
_OTHER_UNITS_SENSOR = 0x0B
_THRESHOLD = 0x01
_ASCII, _PACKED, _BCD = 0xC0, 0x80, 0x40
_BCD_PLUS = "0123456789 -.:,_"
_HEAD = Struct("<HBBB")
_BODY = Struct("<BBB BB BB BB 6x BBB B BBBBB B B 3x BB 6x BB 2x B")


def records(sensors: Sequence[Sensor], numbers: Sequence[int] = ()) -> list[bytes]:
    """Return the sensors' records, the n-th with id n.

    A sensor that has no number of its own has the one that `numbers` gives it, else its place, counted from 1.
    """
    places = numbers or range(1, len(sensors) + 1)
    return [
        _record(record_id, sensor, sensor.number or place)
        for record_id, (sensor, place) in enumerate(zip(sensors, places, strict=True), start=1)
    ]


def changed_at(repository: Sequence[bytes]) -> int:
    """Return what the BMC tells as the repository's time of change: other records give another, so caches notice."""
    return zlib.crc32(b"".join(repository))


def raw_reading(sensor: Sensor, power_w: float) -> int:
    """Return the byte that the sensor shows for these watts."""
    raw = round((power_w / 10.0**sensor.r_exp - sensor.b * 10.0**sensor.b_exp) / sensor.step_w)
    if sensor.format in ("unsigned", "none"):
        return min(max(raw, 0), 0xFF)
    raw = min(max(raw, -0x7F), 0x7F)
    return (raw - (sensor.format == "ones" and raw < 0)) & 0xFF


def watts_of(sensor: Sensor, raw: int) -> float:
    """Return the watts that the byte stands for."""
    if sensor.format not in ("unsigned", "none") and raw > 0x7F:
        raw -= 0xFF if sensor.format == "ones" else 0x100
    return float((sensor.step_w * raw + sensor.b * 10.0**sensor.b_exp) * 10.0**sensor.r_exp)


def _record(record_id: int, sensor: Sensor, number: int) -> bytes:
    name = _coded(sensor)
    body = _BODY.pack(
        *(sensor.owner, sensor.lun, number),
        *(sensor.entity, sensor.instance),
        *(_INITIALISED, _AUTO_REARM),
        *(_OTHER_UNITS_SENSOR, _THRESHOLD),
        *(_FORMATS[sensor.format] << 6 | sensor.modifier, sensor.unit, 0),
        sensor.linearization,
        *(sensor.step_w & 0xFF, sensor.step_w >> 2 & 0xC0, sensor.b & 0xFF, sensor.b >> 2 & 0xC0, 0),
        (sensor.r_exp & 0x0F) << 4 | sensor.b_exp & 0x0F,
        0,  # no nominal reading or range
        *(0xFF, 0x00),
        *(0, 0),
        0,
    )
    length = len(body) + len(name) + sensor.record_excess
    return _HEAD.pack(record_id, VERSION, _RECORD_TYPES[sensor.record], length) + body + name


def _coded(sensor: Sensor) -> bytes:
    """The name behind the byte that tells its coding and length."""
    text = sensor.name
    if sensor.coding == "packed":
        bits = sum((ord(letter) - 0x20 & 0x3F) << 6 * at for at, letter in enumerate(text.upper()))
        coded = bits.to_bytes(-(-len(text) * 6 // 8), "little")
        return bytes((_PACKED | len(coded),)) + coded
    if sensor.coding == "bcd":
        digits = [_BCD_PLUS.index(letter) for letter in text + " " * (len(text) % 2)]
        coded = bytes(high << 4 | low for high, low in zip(digits[::2], digits[1::2], strict=True))
        return bytes((_BCD | len(coded),)) + coded
    return bytes((_ASCII | len(text),)) + text.encode("ascii")
