"""Reading a BMC's watt sensors: which they are, and the sum of those that are the machine's power.

IPMI 2.0, section 35.14 (Get Sensor Reading).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from powergraph_collector.sources.ipmi.dcmi import CompletionCode
from powergraph_collector.sources.ipmi.message import INSUFFICIENT_PRIVILEGE, SUCCESS, Request, Response
from powergraph_collector.sources.ipmi.sdr import SensorError, WattSensor, watt_sensors
from powergraph_collector.sources.ipmi.sdr_walk import Conversation, fetch_records
from powergraph_collector.sources.ipmi.sensor_choice import MOST_POWER_W, Choice, choose

_SENSOR, _GET_READING = 0x04, 0x2D
_UNAVAILABLE = 0x20
_SCANNING = 0x40
_MOST_READ: Final = 128  # at a search: a BMC with more watt sensors than that is read for those that are named
# What BMCs answer for the sensor of a supply that is pulled or unpowered.
_GONE: Final = frozenset({0xCB, 0xCD, 0xCE, 0xD3, 0xD5})
_NOT_NOW: Final = frozenset({0xC0, 0xC3, 0xC4, 0xCF, 0xD0, 0xD1, 0xD2})
CHASSIS_STATUS: Final = Request(0x00, 0x01)


class SensorsUnavailable(SensorError):  # noqa: N818 -- it is named by what the BMC tells
    """No sensor has a reading now; they are the right ones all the same, so there is no cause to search anew."""


class ImplausiblePower(SensorError):  # noqa: N818
    """The sensors tell what no machine draws."""


class Sum(NamedTuple):
    """Whole watts of all sensors; `missing` names those that had no reading while others had one."""

    power_w: int
    missing: tuple[str, ...] = ()


FetchRecords = Callable[[], Conversation[list[bytes]]]


def find_watt_sensors(names: tuple[str, ...] = (), fetch: FetchRecords = fetch_records) -> Conversation[Choice]:
    """Fetch all SDRs, read every watt sensor once and choose. `fetch` is for who has a faster way to all records.

    `names` are those that settle the choice. Raises SensorError, CompletionCode.
    """
    sensors = watt_sensors((yield from fetch()))
    readings: dict[WattSensor, float | None] = {}
    for sensor in [each for each in sensors if not each.flaw][:_MOST_READ]:
        readings[sensor] = yield from _tried(sensor)
    return choose(sensors, readings, names, is_on=bool(sensors) and (yield from is_on()))


def read_sum(sensors: Iterable[WattSensor]) -> Conversation[Sum]:
    """Whole watts of all sensors together. Raises SensorError, CompletionCode.

    A supply that is pulled or unpowered is missing from the sum. A BMC that is busy, or says what cannot be
    understood, gives no sum at all: who knows what the sensor would have told.
    """
    total_w = 0.0
    missing: list[str] = []
    read = 0
    for sensor in sensors:
        power_w = None if sensor.flaw else _power_w(sensor, (yield _reading_of(sensor)))
        if power_w is None or power_w < 0:
            missing.append(sensor.name)
            continue
        read += 1
        total_w += power_w
    if not read:
        raise SensorsUnavailable(f"no reading now from {', '.join(missing) or 'any sensor'}")
    if total_w > MOST_POWER_W:
        raise ImplausiblePower(f"the watt sensors tell {total_w:.0f} W")
    return Sum(round(total_w), tuple(missing))


def is_on() -> Conversation[bool]:
    """Whether the machine is on; a BMC that does not say is taken to mean that it is."""
    response = yield CHASSIS_STATUS
    return response.code != SUCCESS or not response.data or bool(response.data[0] & 1)


def _tried(sensor: WattSensor) -> Conversation[float | None]:
    """Watts of one sensor while choosing; what is refused is asked for once more.

    One that is never told is no reason to read none. A BMC that is busy is: another choice would be made without it.
    """
    for attempt in range(2):
        response = yield _reading_of(sensor)
        try:
            return _power_w(sensor, response)
        except SensorError:
            continue
        except CompletionCode as error:
            if error.code == INSUFFICIENT_PRIVILEGE or (attempt and error.code in _NOT_NOW):
                raise
    return None


def _reading_of(sensor: WattSensor) -> Request:
    return Request(_SENSOR, _GET_READING, bytes((sensor.number,)), sensor.lun)


def _power_w(sensor: WattSensor, response: Response) -> float | None:
    """Watts, None where the sensor has none to tell. Raises SensorError, CompletionCode."""
    if response.code in _GONE:
        return None
    if response.code != SUCCESS:
        raise CompletionCode(response.code)
    if len(response.data) < 2:
        raise SensorError(f"sensor {sensor.name}: short answer")
    raw, state = response.data[0], response.data[1]
    return None if state & _UNAVAILABLE or not state & _SCANNING else sensor.power_w(raw)
