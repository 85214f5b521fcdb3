"""Watt sensors from a BMC's Sensor Data Records, for BMCs that have no DCMI power reading.

IPMI 2.0, sections 33 (SDR repository), 35.14 (Get Sensor Reading), 36.3 (linear conversion) and 43.1 (full record).
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import dataclass
from itertools import groupby
from struct import unpack_from
from typing import Final, TypeVar

from powergraph_collector.sources.ipmi.dcmi import CompletionCode
from powergraph_collector.sources.ipmi.message import SUCCESS, Request, Response

T = TypeVar("T")
Conversation = Generator[Request, Response, T]

_STORAGE, _SENSOR = 0x0A, 0x04
REPOSITORY_INFO = Request(_STORAGE, 0x20)
_RESERVE = Request(_STORAGE, 0x22)
_GET_SDR, _GET_READING = 0x23, 0x2D
_FULL_RECORD: Final = 0x01
_LAST_RECORD: Final = 0xFFFF
_MOST_RECORDS: Final = 4096  # a repository that never ends is broken
_HEADER_BYTES, _CHUNK_BYTES = 5, 16
LARGEST_DUMP_BYTES: Final = _MOST_RECORDS * (_HEADER_BYTES + 0xFF)
_RESERVATION_LOST = 0xC5
_WATTS: Final = 6
_POWER_SUPPLY: Final = 0x0A
_SYSTEM_ENTITIES = frozenset({0x07, 0x13, 0x17})  # system board, power unit, chassis
_UNAVAILABLE = 0x20
_SCANNING = 0x40
_RATE_MODIFIER_PERCENT: Final = 0x3F
_ANALOG_FORMAT: Final = 0xC0
_UNSIGNED, _TWOS_COMPLEMENT = 0x00, 0x80
_LUN: Final = 0x03
_OUTPUT_WORDS = ("out", "output")


class SensorError(Exception):
    """The SDR repository or a sensor cannot be used; the message is one clause."""


@dataclass(frozen=True, slots=True)
class PowerSensor:
    """A linear sensor in watts: W = (m·raw + b·10^b_exp)·10^r_exp."""

    number: int
    name: str
    entity: int
    instance: int
    signed: bool
    m: int
    b: int
    b_exp: int
    r_exp: int

    def power_w(self, raw: int) -> float:
        """Watts of a raw reading."""
        if self.signed and raw > 0x7F:
            raw -= 0x100
        return float((self.m * raw + self.b * 10.0**self.b_exp) * 10.0**self.r_exp)


def find_power_sensors() -> Conversation[tuple[PowerSensor, ...]]:
    """Walk the repository; the sensors whose sum is the machine's power, none if there is no such.

    Raises SensorError, CompletionCode.
    """
    found: list[PowerSensor] = []
    record_id = 0
    reservation = yield from _reserve()
    for _ in range(_MOST_RECORDS):
        next_id, record, reservation = yield from _record(record_id, reservation)
        sensor = parse_full_record(record)
        if sensor is not None:
            found.append(sensor)
        if next_id == _LAST_RECORD:
            return choose(found)
        record_id = next_id
    raise SensorError("the SDR repository has no end")


def record_count(response: Response) -> int:
    """How many records the repository has, of the answer to REPOSITORY_INFO. Raises SensorError, CompletionCode."""
    if response.code != SUCCESS:
        raise CompletionCode(response.code)
    if len(response.data) < 3:
        raise SensorError("short answer about the SDR repository")
    return int(unpack_from("<H", response.data, 1)[0])


def sensors_of_dump(dump: bytes) -> tuple[PowerSensor, ...]:
    """What `find_power_sensors` finds, in all records one after another as `ipmitool sdr dump` writes them.

    Raises SensorError.
    """
    if len(dump) > LARGEST_DUMP_BYTES:
        raise SensorError("the SDR repository has no end")
    found: list[PowerSensor] = []
    begin = 0
    while begin < len(dump):
        end = begin + _HEADER_BYTES + (dump[begin + 4] if begin + 4 < len(dump) else 0)
        if end > len(dump):
            raise SensorError("the dump of the SDR repository ends within a record")
        sensor = parse_full_record(dump[begin:end])
        if sensor is not None:
            found.append(sensor)
        begin = end
    return choose(found)


def choose(sensors: Iterable[PowerSensor]) -> tuple[PowerSensor, ...]:
    """A system sensor if there is one, else one input sensor of every power supply; never processors or memory."""
    candidates = list(sensors)
    system = [sensor for sensor in candidates if sensor.entity in _SYSTEM_ENTITIES]
    if system:
        return (min(system, key=lambda sensor: (_is_output(sensor), sensor.number)),)
    supplies = sorted(
        (sensor for sensor in candidates if sensor.entity == _POWER_SUPPLY),
        key=lambda sensor: (sensor.instance, _is_output(sensor), sensor.number),
    )
    return tuple(next(group) for _, group in groupby(supplies, key=lambda sensor: sensor.instance))


def _is_output(sensor: PowerSensor) -> bool:
    words = sensor.name.lower().replace("_", " ").replace("-", " ").split()
    return any(word in _OUTPUT_WORDS or word.startswith("pout") for word in words)


def read_sum(sensors: Iterable[PowerSensor]) -> Conversation[int]:
    """Whole watts of all sensors together. Raises SensorError, CompletionCode."""
    total_w = 0.0
    for sensor in sensors:
        response = yield Request(_SENSOR, _GET_READING, bytes((sensor.number,)))
        if response.code != SUCCESS:
            raise CompletionCode(response.code)
        if len(response.data) < 2:
            raise SensorError(f"sensor {sensor.name}: short answer")
        if response.data[1] & _UNAVAILABLE or not response.data[1] & _SCANNING:
            raise SensorError(f"sensor {sensor.name}: reading unavailable")
        total_w += sensor.power_w(response.data[0])
    return max(0, round(total_w))


def parse_full_record(record: bytes) -> PowerSensor | None:
    """A watt sensor of a full sensor record (type 01), None for every other record."""
    if len(record) < 48 or record[3] != _FULL_RECORD:
        return None
    units, base_unit, modifier, linearization = record[20], record[21], record[22], record[23]
    if base_unit != _WATTS or modifier or units & _RATE_MODIFIER_PERCENT or linearization & 0x7F:
        return None
    if units & _ANALOG_FORMAT not in {_UNSIGNED, _TWOS_COMPLEMENT} or record[6] & _LUN:
        return None
    m = _signed(record[24] | (record[25] & 0xC0) << 2, 10)
    b = _signed(record[26] | (record[27] & 0xC0) << 2, 10)
    return PowerSensor(
        number=record[7],
        name=_text(record[47], record[48:]),
        entity=record[8],
        instance=record[9] & 0x7F,
        signed=units & _ANALOG_FORMAT == _TWOS_COMPLEMENT,
        m=m,
        b=b,
        b_exp=_signed(record[29] & 0x0F, 4),
        r_exp=_signed(record[29] >> 4, 4),
    )


def _signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) else value


def _text(type_length: int, data: bytes) -> str:
    text = data[: type_length & 0x1F].decode("latin-1")
    return "".join(letter for letter in text if letter.isprintable()).strip() or "watts"


def _reserve() -> Conversation[int]:
    response = yield _RESERVE
    if response.code != SUCCESS or len(response.data) < 2:
        return 0  # reservations are optional for whole-record reads
    return int(unpack_from("<H", response.data)[0])


def _record(record_id: int, reservation: int) -> Conversation[tuple[int, bytes, int]]:
    """One record in parts that fit every BMC: the next record's id, the bytes, the reservation that now holds."""
    for _ in range(3):
        next_id, length = 0, _HEADER_BYTES
        record = b""
        while len(record) < length:
            count = min(_CHUNK_BYTES, length - len(record))
            response = yield Request(
                _STORAGE,
                _GET_SDR,
                reservation.to_bytes(2, "little") + record_id.to_bytes(2, "little") + bytes((len(record), count)),
            )
            if response.code == _RESERVATION_LOST:
                break
            if response.code != SUCCESS:
                raise CompletionCode(response.code)
            if len(response.data) != 2 + count:
                raise SensorError("an SDR came with the wrong length")
            record += response.data[2:]
            if len(record) == _HEADER_BYTES:
                next_id = int(unpack_from("<H", response.data)[0])
                length += record[4]
        else:
            return next_id, record, reservation
        reservation = yield from _reserve()
    raise SensorError("the SDR repository changes all the time")
