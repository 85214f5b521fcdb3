"""The sensors of a simulated BMC and their records: the commands of repository and device, and readings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from powergraph_collector.simulator import sdr
from powergraph_collector.simulator.config import SdrQuirks, Sensor
from powergraph_collector.simulator.outcome import (
    CANNOT_ANSWER,
    NOT_PRESENT,
    RESERVATION_LOST,
    UNKNOWN_AT_THIS_UNIT,
    UNKNOWN_COMMAND,
    WRONG_LENGTH,
    Outcome,
    code,
    success,
)
from powergraph_collector.sources.ipmi.message import SUCCESS

Watts = Callable[[], int | None]

_SENSOR, _STORAGE = 0x04, 0x0A
_TOO_MANY_BYTES = 0xCA


@dataclass(frozen=True, slots=True)
class SensorRequest:
    """A command to one logical unit; `watts` tells what the machine draws."""

    lun: int
    netfn: int
    command: int
    data: bytes
    watts: Watts


class SensorCommands:
    """All that a simulated BMC says about its sensors."""

    def __init__(self, sensors: tuple[Sensor, ...], quirks: SdrQuirks) -> None:
        self._sensors = sensors
        self._quirks = quirks
        self._records = sdr.records(sensors)
        self._reservation = 0
        self._losses = quirks.lost_reservations
        self._commands: dict[tuple[int, int], Callable[[SensorRequest], Outcome | None]] = {
            (_SENSOR, 0x20): self.device_info,
            (_SENSOR, 0x21): self.read_record,
            (_SENSOR, 0x22): self.reserve,
            (_SENSOR, 0x2D): self.sensor_reading,
            (_STORAGE, 0x20): self.repository_info,
            (_STORAGE, 0x22): self.reserve,
            (_STORAGE, 0x23): self.read_record,
        }

    def knows(self, netfn: int, command: int) -> bool:
        """Whether this is a command about sensors."""
        return (netfn, command) in self._commands

    def run(self, request: SensorRequest) -> Outcome | None:
        """The answer to a command that `knows` knows; None to stay silent."""
        if request.netfn == _STORAGE and request.lun:
            return code(UNKNOWN_AT_THIS_UNIT)
        is_device_command = request.netfn == _SENSOR and request.command != 0x2D
        if is_device_command and not self._quirks.device:
            return None if self._quirks.silent_device else code(UNKNOWN_COMMAND)
        return self._commands[request.netfn, request.command](request)

    def repository_info(self, request: SensorRequest) -> Outcome:
        """Get SDR Repository Info (33.9)."""
        records = self._told(request)
        changed = sdr.changed_at(records).to_bytes(4, "little")
        count = len(records).to_bytes(2, "little")
        return success(bytes((sdr.VERSION,)) + count + b"\0\0" + changed + changed + b"\x02")  # can be reserved

    def device_info(self, request: SensorRequest) -> Outcome:
        """Get Device SDR Info (35.2)."""
        units = sum({1 << sensor.lun for sensor in self._sensors})
        return success(bytes((len(self._told(request)), units)))

    def reserve(self, request: SensorRequest) -> Outcome:
        """Reserve the repository or the device's records."""
        self._reservation = self._reservation % 0xFFFF + 1
        return success(self._reservation.to_bytes(2, "little"))

    def read_record(self, request: SensorRequest) -> Outcome:
        """Get SDR, Get Device SDR (33.12, 35.3)."""
        if len(request.data) != 6:
            return code(WRONG_LENGTH)
        records = self._told(request)
        reservation, wanted = int.from_bytes(request.data[:2], "little"), int.from_bytes(request.data[2:4], "little")
        offset, size = request.data[4], request.data[5]
        if offset and (reservation != self._reservation or self._loses_a_reservation()):
            return code(RESERVATION_LOST)
        number = {0: 1, sdr.LAST_RECORD: len(records)}.get(wanted, wanted)
        if not 1 <= number <= len(records):
            return code(NOT_PRESENT)
        if min(size, len(records[number - 1]) - offset) > self._quirks.largest_chunk:
            return code(_TOO_MANY_BYTES)
        last = 1 if self._quirks.loops else sdr.LAST_RECORD
        following = number + 1 if number < len(records) else last
        return success(following.to_bytes(2, "little") + records[number - 1][offset : offset + size])

    def sensor_reading(self, request: SensorRequest) -> Outcome:
        """Get Sensor Reading (35.14)."""
        if len(request.data) != 1:
            return code(WRONG_LENGTH)
        place = (request.lun, request.data[0])
        numbers = ((sensor.lun, sensor.number or at) for at, sensor in enumerate(self._sensors, 1) if sensor.is_own)
        own = [sensor for sensor in self._sensors if sensor.is_own]
        sensor = dict(zip(numbers, own, strict=True)).get(place)
        if sensor is None:
            return code(NOT_PRESENT)
        if sensor.code:
            return code(sensor.code)
        power_w = _power_w(sensor, request.watts)
        if power_w is None:
            return code(CANNOT_ANSWER)
        raw = sdr.raw_reading(sensor, power_w)
        return bytes((SUCCESS, raw, sensor.state, 0)), max(0, round(sdr.watts_of(sensor, raw)))

    def _told(self, request: SensorRequest) -> list[bytes]:
        """The records of the repository, or of the logical unit of the device that is asked."""
        if request.netfn == _STORAGE:
            return [] if self._quirks.device else self._records
        mine = [sensor for sensor in self._sensors if sensor.lun == request.lun]
        return sdr.records(mine, [at for at, sensor in enumerate(self._sensors, 1) if sensor.lun == request.lun])

    def _loses_a_reservation(self) -> bool:
        self._losses -= 1
        return self._losses >= 0


def _power_w(sensor: Sensor, watts: Watts) -> float | None:
    if sensor.watts is not None:
        return sensor.watts
    power_w = watts()
    return None if power_w is None else round(power_w * sensor.share)
