"""Sensor Data Records as bytes, and the watt sensors that they describe; nothing here speaks to a BMC.

IPMI 2.0, sections 43.1 (full record), 43.15 (type and length of an ID string) and 36.3 (linear conversion).
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import Final, NamedTuple

HEADER_BYTES: Final = 5
MOST_RECORDS: Final = 4096  # a repository that holds more is broken
LARGEST_DUMP_BYTES: Final = MOST_RECORDS * (HEADER_BYTES + 0xFF)

_FULL_RECORD: Final = 0x01
NAME_BEGINS: Final = 48  # of a full record
_UNITS_END: Final = 22  # a full record's bytes up to its unit
_BMC: Final = 0x20
_OWN_CHANNELS: Final = frozenset({0x0, 0xE, 0xF})  # the BMC's own bus, the channel in use, the system interface
_MESSAGES_LUN: Final = 2  # requests to it wait for the host's software
_WATTS: Final = 6
_RATE_MODIFIER_PERCENT: Final = 0x3F
_BCD_PLUS: Final = "0123456789 -.:,_"


class SensorError(Exception):
    """The SDR repository or a sensor cannot be used; the message is one clause."""


class Analog(IntEnum):
    """How a sensor's byte is a number."""

    UNSIGNED = 0
    ONES_COMPLEMENT = 1
    TWOS_COMPLEMENT = 2
    NO_NUMBER = 3


class WattSensor(NamedTuple):
    """A sensor in watts: W = (m·raw + b·10^b_exp)·10^r_exp. `flaw` says why it cannot be read; "" if it can."""

    number: int
    lun: int
    name: str
    entity: int
    instance: int
    analog: Analog = Analog.UNSIGNED
    m: int = 1
    b: int = 0
    b_exp: int = 0
    r_exp: int = 0
    flaw: str = ""

    def power_w(self, raw: int) -> float:
        """Watts of a raw reading."""
        if raw > 0x7F and self.analog is Analog.TWOS_COMPLEMENT:
            raw -= 0x100
        elif raw > 0x7F and self.analog is Analog.ONES_COMPLEMENT:
            raw -= 0xFF
        return float((self.m * raw + self.b * 10.0**self.b_exp) * 10.0**self.r_exp)


def watt_sensors(records: Iterable[bytes]) -> tuple[WattSensor, ...]:
    """All watt sensors of these records; a sensor that has two records is told once."""
    found: dict[tuple[int, int, bool], WattSensor] = {}
    for record in records:
        sensor = parse(record)
        if sensor is not None:
            found.setdefault((sensor.lun, sensor.number, bool(sensor.flaw)), sensor)
    return tuple(found.values())


def parse(record: bytes) -> WattSensor | None:
    """The watt sensor of a full record; None for all other records, and for sensors of anything but watts.

    Watts by the hour, or per cent of watts, are no watts.
    """
    if len(record) < _UNITS_END or record[3] != _FULL_RECORD:
        return None
    units, base_unit = record[20], record[21]
    if base_unit != _WATTS or units & _RATE_MODIFIER_PERCENT:
        return None
    sensor = WattSensor(
        number=record[7],
        lun=record[6] & 0x03,
        name=_text(record[47], record[NAME_BEGINS:]) if len(record) >= NAME_BEGINS else "watts",
        entity=record[8],
        instance=record[9] & 0x7F,
        analog=Analog(units >> 6),
    )
    if len(record) < NAME_BEGINS:
        return sensor._replace(flaw="its record is cut off")
    sensor = sensor._replace(
        m=_signed(record[24] | (record[25] & 0xC0) << 2, 10),
        b=_signed(record[26] | (record[27] & 0xC0) << 2, 10),
        b_exp=_signed(record[29] & 0x0F, 4),
        r_exp=_signed(record[29] >> 4, 4),
    )
    return sensor._replace(flaw=_flaw(record, sensor))


def split_dump(dump: bytes) -> list[bytes]:
    """The records that `ipmitool sdr dump` writes one after another. Raises SensorError."""
    if len(dump) > LARGEST_DUMP_BYTES:
        raise SensorError("the SDR repository has no end")
    records: list[bytes] = []
    begin = 0
    while begin < len(dump):
        end = begin + HEADER_BYTES + (dump[begin + 4] if begin + 4 < len(dump) else 0)
        if end > len(dump):
            raise SensorError("the dump of the SDR repository ends within a record")
        records.append(dump[begin:end])
        begin = end
    return records


def _flaw(record: bytes, sensor: WattSensor) -> str:
    """Why the sensor of a whole record cannot be read as watts."""
    owner, channel, linearization = record[5], record[6] >> 4, record[23] & 0x7F
    if owner != _BMC:  # asked for that number, the BMC would answer with a sensor of its own
        return f"it belongs to controller 0x{owner:02X}, not to the BMC"
    if channel not in _OWN_CHANNELS:
        return f"it is behind channel {channel} of the BMC"
    if sensor.lun == _MESSAGES_LUN:
        return "it is at logical unit 2, which has no sensors"
    if linearization:
        return "its readings are not linear"
    if sensor.analog is Analog.NO_NUMBER:
        return "it has no numeric reading"
    return "" if sensor.m else "its factor is 0"


def _signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) else value


def _text(type_length: int, data: bytes) -> str:
    """The name in any of the codings. Its length is in characters by the specification, in bytes by most BMCs."""
    length, coding = type_length & 0x1F, type_length >> 6
    data = data[:length]
    if coding == 1:
        text = "".join(_BCD_PLUS[byte >> 4] + _BCD_PLUS[byte & 0x0F] for byte in data)
    elif coding == 2:
        packed = int.from_bytes(data, "little")
        text = "".join(chr(0x20 + (packed >> 6 * at & 0x3F)) for at in range(len(data) * 8 // 6))
    else:
        text = data.decode("latin-1")
    return "".join(letter for letter in text if letter.isprintable()).strip() or "watts"
