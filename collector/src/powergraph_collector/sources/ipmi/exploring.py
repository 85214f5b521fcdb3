"""What a BMC has that is about power, asked one by one and told in words; a conversation, and its result (pure).

Every step survives silence and refusal: a BMC that lacks one command is asked for the next one all the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from powergraph_collector.days import iso
from powergraph_collector.sources.contract import ProbedSensor
from powergraph_collector.sources.ipmi import dcmi, sensors
from powergraph_collector.sources.ipmi.knowledge import Knowledge
from powergraph_collector.sources.ipmi.message import SUCCESS, Request, Response, SilenceError
from powergraph_collector.sources.ipmi.reading import FindSensors
from powergraph_collector.sources.ipmi.sdr import SensorError
from powergraph_collector.sources.ipmi.sdr_walk import Conversation
from powergraph_collector.sources.ipmi.sensor_choice import Choice

Lines = tuple[tuple[str, str], ...]
_SILENT = "no answer to this command"


class Sensors(NamedTuple):
    """The choice of watt sensors; `why_unknown` says why there is none."""

    choice: Choice | None
    why_unknown: str = ""


NO_SENSORS = Sensors(None, "they were not looked for")


def explore(power_reading: Response | None, *, is_asked: bool) -> Conversation[Lines]:
    """All but the sensors. `power_reading` is what the BMC has said already, if it was asked: None is silence.

    It is not asked for twice, since some BMCs refuse a second reading within some seconds.
    """
    capabilities = yield from _asked(dcmi.capabilities(dcmi.SUPPORTED_CAPABILITIES))
    if not is_asked:
        power_reading = yield from _asked(dcmi.POWER_READING)
    limit = yield from _asked(dcmi.POWER_LIMIT)
    chassis = yield from _asked(sensors.CHASSIS_STATUS)
    return (
        ("DCMI", _told(capabilities, _of_capabilities)),
        *_of_reading(power_reading),
        ("power limit", _told(limit, _of_limit)),
        ("chassis", _told(chassis, _of_chassis)),
    )


def find_sensors(knowledge: Knowledge, find: FindSensors | None = None) -> Conversation[Sensors]:
    """The watt sensors, all of them, those found before if the reading has looked for them."""
    if knowledge.sensors is not None:
        return Sensors(knowledge.sensors)
    try:
        found = yield from (find() if find is not None else sensors.find_watt_sensors(knowledge.names))
    except SilenceError:
        return Sensors(None, "no answer while they were looked for")
    except (SensorError, dcmi.CompletionCode) as error:
        return Sensors(None, str(error))
    return Sensors(found)


def probed_sensors(choice: Choice | None) -> tuple[ProbedSensor, ...]:
    """The sensors of a choice, those that were chosen first."""
    considered = sorted(choice.considered, key=lambda each: not each.is_chosen) if choice else []
    return tuple(ProbedSensor(each.sensor.name, each.reading, each.is_chosen, each.why) for each in considered)


def _asked(request: Request) -> Conversation[Response | None]:
    try:
        return (yield request)
    except SilenceError:
        return None


def _told(response: Response | None, words: Callable[[Response], str]) -> str:
    if response is None:
        return _SILENT
    try:
        return words(response)
    except dcmi.DcmiError as error:
        return str(error)


def _of_capabilities(response: Response) -> str:
    promised = dcmi.parse_capabilities(response)
    return f"{promised.major}.{promised.minor}, power management {'' if promised.power_management else 'not '}promised"


def _of_limit(response: Response) -> str:
    limit = dcmi.parse_power_limit(response)
    return "none active" if limit is None else f"{limit.limit_w} W"


def _of_chassis(response: Response) -> str:
    if response.code != SUCCESS:
        raise dcmi.CompletionCode(response.code)
    if not response.data:
        return "an empty answer"
    return "on" if response.data[0] & 1 else "off"


def _of_reading(response: Response | None) -> Lines:
    if response is None:
        return (("DCMI reading", _SILENT),)
    try:
        reading = dcmi.parse_power_reading(response)
    except dcmi.DcmiError as error:
        return (("DCMI reading", str(error)),)
    says = "says that it measures" if reading.active else "says that it does not measure"
    statistics = f"minimum {reading.min_w} W, maximum {reading.max_w} W, average {reading.average_w} W"
    return (
        ("DCMI reading", f"{reading.current_w} W; the BMC {says}"),
        ("its statistics", f"{statistics}, over {reading.period_ms / 1000:g} s by its own word"),
        ("its clock", iso(reading.bmc_time_s * 1000)),
    )
