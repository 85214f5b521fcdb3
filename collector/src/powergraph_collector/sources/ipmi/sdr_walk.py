"""The conversation that fetches a BMC's Sensor Data Records: from its repository, or else from the device itself.

IPMI 2.0, sections 33 (SDR repository) and 35.2 to 35.4 (device SDRs).
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from struct import unpack_from
from typing import Final, NamedTuple, TypeVar

from powergraph_collector.sources.ipmi.dcmi import CompletionCode
from powergraph_collector.sources.ipmi.message import (
    SUCCESS,
    UNKNOWN_COMMAND_CODES,
    Request,
    Response,
    SilenceError,
)
from powergraph_collector.sources.ipmi.sdr import HEADER_BYTES, MOST_RECORDS, SensorError, watt_sensors

T = TypeVar("T")
Conversation = Generator[Request, Response, T]


class _Commands(NamedTuple):
    netfn: int
    reserve: int
    get: int


_STORAGE, _SENSOR = 0x0A, 0x04
REPOSITORY_INFO = Request(_STORAGE, 0x20)
_DEVICE_INFO: Final = Request(_SENSOR, 0x20, b"\x01")  # with how many records, not how many sensors
_REPOSITORY: Final = _Commands(_STORAGE, reserve=0x22, get=0x23)
_DEVICE: Final = _Commands(_SENSOR, reserve=0x22, get=0x21)

_FIRST_RECORD, _LAST_RECORD = 0x0000, 0xFFFF
_WHOLE_RECORD: Final = 0xFF
_LONGEST_ASKED: Final = 0x100  # where a part begins is told in one byte
_CHUNK_BYTES: Final = (16, 8, 4, 2, 1)  # what is asked for at once: less where a BMC refuses more
_MOST_REQUESTS: Final = 32_768
_MOST_LOSSES: Final = 5
_RESERVATION_LOST: Final = 0xC5
_NOT_PRESENT: Final = 0xCB
# What BMCs say to a request for more bytes than they send at once, or than the record has.
_TOO_MANY_BYTES: Final = frozenset({0xC7, 0xC8, 0xC9, 0xCA, 0xCC})
_TOO_MANY_PERHAPS: Final = _TOO_MANY_BYTES | {0xFF}
# What BMCs say to a request for the first of no records.
_NO_RECORDS: Final = UNKNOWN_COMMAND_CODES | {0xC9, _NOT_PRESENT, 0xCC, 0xCD}


def fetch_records() -> Conversation[list[bytes]]:
    """All records of the repository; where it has no watt sensor that can be read, those of the device as well.

    Raises SensorError, CompletionCode, SilenceError.
    """
    count = yield from record_count()
    records = (yield from _walk(_REPOSITORY, 0, count)) if count != 0 else []
    return records + (yield from more_records(records))


def more_records(records: list[bytes]) -> Conversation[list[bytes]]:
    """The device's records, if those of the repository have no watt sensor that can be read."""
    if any(not sensor.flaw for sensor in watt_sensors(records)):
        return []
    return (yield from _device_records())


def walk_repository() -> Conversation[list[bytes]]:
    """All records of the repository, without a look at how many there are."""
    return (yield from _walk(_REPOSITORY, 0, None))


def record_count() -> Conversation[int | None]:
    """How many records the repository has by its own word: 0 without a repository, None where it does not say."""
    response = yield REPOSITORY_INFO
    if response.code in _NO_RECORDS:
        return None  # some have records and lack this command
    if response.code != SUCCESS:
        raise CompletionCode(response.code)
    return int(unpack_from("<H", response.data, 1)[0]) if len(response.data) >= 3 else None


def _device_records() -> Conversation[list[bytes]]:
    try:
        response = yield _DEVICE_INFO
    except SilenceError:
        return []  # to some BMCs this command does not exist, and they do not even say so
    if response.code in _NO_RECORDS | _TOO_MANY_BYTES:
        return []
    if response.code != SUCCESS:
        raise CompletionCode(response.code)
    # Each logical unit that has sensors tells the records of its own.
    units = response.data[1] & 0x0F if len(response.data) > 1 else 0
    records: list[bytes] = []
    for lun in (0, 1, 3):
        if lun == 0 or units & 1 << lun:
            records += yield from _walk(_DEVICE, lun, None)
    return records


def _walk(commands: _Commands, lun: int, count: int | None) -> Conversation[list[bytes]]:
    """Record by record, from the first to the last; none where there are none."""
    walk = _Walk(commands, lun)
    records: list[bytes] = []
    asked: set[int] = set()
    record_id = _FIRST_RECORD
    yield from walk.reserve()
    while record_id != _LAST_RECORD and record_id not in asked:
        if len(records) >= MOST_RECORDS:
            raise SensorError("the SDR repository has no end")
        asked.add(record_id)
        try:
            next_id, record = yield from walk.record(record_id)
        except CompletionCode as error:
            if not records and error.code in _NO_RECORDS:
                return []
            if error.code == _NOT_PRESENT and len(records) == count:
                return records  # the last one names a next one all the same
            raise SensorError(f"SDR 0x{record_id:04X}: {error}") from None if error.code == _NOT_PRESENT else error
        if records and record == records[0]:
            return records  # the last one names the first one as the next; it was asked for by another id
        records.append(record)
        record_id = next_id
    return records


@dataclass(slots=True)
class _Walk:
    """What a walk has learned of how the BMC wants to be asked."""

    commands: _Commands
    lun: int
    reservation: int = 0
    chunk_bytes: int = _CHUNK_BYTES[0]
    requests: int = 0

    def reserve(self) -> Conversation[None]:
        """Reserve the records, so that a change to them is told; BMCs without reservations do without."""
        response = yield Request(self.commands.netfn, self.commands.reserve, lun=self.lun)
        can = response.code == SUCCESS and len(response.data) >= 2
        self.reservation = int(unpack_from("<H", response.data)[0]) if can else 0

    def record(self, record_id: int) -> Conversation[tuple[int, bytes]]:
        """The next record's id and this one's bytes, in parts that fit the BMC; whole, where that never comes off."""
        for _ in range(_MOST_LOSSES):
            try:
                return (yield from self._in_parts(record_id))
            except CompletionCode as error:
                if error.code != _RESERVATION_LOST:
                    raise
            yield from self.reserve()
        response = yield from self._part(record_id, 0, _WHOLE_RECORD)
        if response.code == _RESERVATION_LOST:
            raise SensorError("the SDR repository changes all the time")
        next_id, data = _checked(response)
        if len(data) < HEADER_BYTES:
            raise SensorError("an SDR came with the wrong length")
        return next_id, data[: HEADER_BYTES + data[4]]

    def _in_parts(self, record_id: int) -> Conversation[tuple[int, bytes]]:
        next_id, record, length = _LAST_RECORD, b"", HEADER_BYTES
        while len(record) < length:
            begin = len(record)
            response = yield from self._fitting_part(record_id, begin, length - begin)
            if response.code in _TOO_MANY_BYTES and begin >= HEADER_BYTES:
                break  # it is shorter than it says
            told_next, data = _checked(response)
            if not data:
                if begin < HEADER_BYTES:
                    raise SensorError("an SDR came with the wrong length")
                break
            if begin == 0:
                next_id = told_next
            record += data[: length - begin]
            if begin < HEADER_BYTES <= len(record):
                length = min(HEADER_BYTES + record[4], _LONGEST_ASKED)
        return next_id, record

    def _fitting_part(self, record_id: int, begin: int, wanted: int) -> Conversation[Response]:
        """The next bytes of a record: as many as the BMC sends at once. An empty answer is asked for once more."""
        response = Response(SUCCESS)
        for chunk_bytes in (size for size in _CHUNK_BYTES if size <= self.chunk_bytes):
            size = min(chunk_bytes, wanted)
            response = yield from self._part(record_id, begin, size)
            if response.code == SUCCESS and len(response.data) <= 2:
                response = yield from self._part(record_id, begin, size)
            if response.code == SUCCESS:
                self.chunk_bytes = chunk_bytes
                return Response(SUCCESS, response.data[: 2 + size])
            if response.code not in _TOO_MANY_PERHAPS:
                break
        return response

    def _part(self, record_id: int, offset: int, size: int) -> Conversation[Response]:
        self.requests += 1
        if self.requests > _MOST_REQUESTS:
            raise SensorError("the SDR repository has no end")
        where = self.reservation.to_bytes(2, "little") + record_id.to_bytes(2, "little")
        return (yield Request(self.commands.netfn, self.commands.get, where + bytes((offset, size)), self.lun))


def _checked(response: Response) -> tuple[int, bytes]:
    """The next record's id and bytes of this one. Raises CompletionCode, SensorError."""
    if response.code != SUCCESS:
        raise CompletionCode(response.code)
    if len(response.data) < 2:
        raise SensorError("an SDR came with the wrong length")
    return int(unpack_from("<H", response.data)[0]), response.data[2:]
