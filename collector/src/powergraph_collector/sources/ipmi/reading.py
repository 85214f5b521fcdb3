"""The conversation that gets watts out of one BMC: DCMI where there is DCMI, else its watt sensors.

A conversation is a generator that yields requests, is sent their responses and returns its result. It knows nothing of
sockets, so that every way to a BMC holds the same one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from powergraph_collector.model import Doubt, Reason, Source, Statistics
from powergraph_collector.sources.contract import NoReading, Reading
from powergraph_collector.sources.ipmi import dcmi, sensors
from powergraph_collector.sources.ipmi.cap import CapWatch
from powergraph_collector.sources.ipmi.message import INSUFFICIENT_PRIVILEGE, SUCCESS, UNKNOWN_COMMAND_CODES, Request
from powergraph_collector.sources.ipmi.sdr import SensorError
from powergraph_collector.sources.ipmi.sdr_walk import Conversation
from powergraph_collector.sources.ipmi.sensor_choice import Choice

DCMI_AGAIN_S: Final = 86_400.0  # a firmware update may bring DCMI: look again daily
CHASSIS_STATUS = Request(0x00, 0x01)
_CHASSIS_ON = 0x01
_NOT_A_VALUE = 0xFFFF

# Completion codes that say "not now"; 0xFF is what some BMCs send when polled too fast.
_TRANSIENT = frozenset({0xC0, 0xC3, 0xC4, 0xCE, 0xCF, 0xD0, 0xD1, 0xD2, 0xD5, 0xFF})


_REASONS: Final = (
    (sensors.SensorsUnavailable, Reason.NOT_MEASURING),  # as while the machine is off: they stay the right ones
    (sensors.ImplausiblePower, Reason.IMPLAUSIBLE),
)

FindSensors = Callable[[], Conversation[Choice]]


class PrivilegeTooLow(Exception):  # noqa: N818
    """The BMC wants a higher privilege for this command (completion code 0xD4)."""


@dataclass(slots=True)
class Knowledge:
    """What was learned about one BMC while talking to it."""

    sensors: Choice | None = None
    dcmi_again_at_s: float = 0.0
    without_dcmi: bool = False
    cap: CapWatch = field(default_factory=CapWatch)

    def asks_dcmi(self, now_s: float) -> bool:
        """Whether a reading asks for DCMI first; now_s is a monotonic time in seconds."""
        return not self.without_dcmi or now_s >= self.dcmi_again_at_s

    def give_up_dcmi(self, now_s: float) -> None:
        """Read the sensors for a day, then look again."""
        self.without_dcmi = True
        self.dcmi_again_at_s = now_s + DCMI_AGAIN_S
        self.sensors = None


def read_power(
    knowledge: Knowledge, now_s: float, find_sensors: FindSensors = sensors.find_watt_sensors
) -> Conversation[Reading | NoReading]:
    """Hold the conversation; now_s is a monotonic time in seconds. Raises PrivilegeTooLow.

    `find_sensors` is for who has a faster way to all SDRs than asking for them one by one.
    """
    if knowledge.asks_dcmi(now_s):
        response = yield dcmi.POWER_READING
        try:
            reading = dcmi.parse_power_reading(response)
        except dcmi.CompletionCode as error:
            if error.code not in UNKNOWN_COMMAND_CODES:
                return refusal(error.code)
        except dcmi.MalformedAnswer as error:
            return NoReading(Reason.BAD_ANSWER, str(error), again_soon=True)
        else:
            knowledge.without_dcmi = False
            return (yield from _judged(reading))
        knowledge.give_up_dcmi(now_s)
    return (yield from _by_sensors(knowledge, find_sensors))


def _judged(reading: dcmi.PowerReading) -> Conversation[Reading | NoReading]:
    """What a DCMI answer is worth: BMCs send placeholders that look like watts."""
    if reading.current_w == _NOT_A_VALUE:
        return NoReading(Reason.IMPLAUSIBLE, "the BMC answers 65535 W, its sign for no value")
    if reading.current_w == 0:
        if not reading.active:
            return NoReading(Reason.NOT_MEASURING, "the BMC says that it does not measure power now")
        if (yield from _chassis_is_on()):
            return NoReading(Reason.IMPLAUSIBLE, "the BMC answers 0 W although the machine is on")
    return Reading(
        reading.current_w,
        Source.DCMI,
        Doubt.NONE if reading.active else Doubt.INACTIVE,
        Statistics(reading.min_w, reading.max_w, reading.average_w, reading.period_ms, reading.bmc_time_s),
    )


def _by_sensors(knowledge: Knowledge, find_sensors: FindSensors) -> Conversation[Reading | NoReading]:
    try:
        if knowledge.sensors is None or not knowledge.sensors.chosen:
            knowledge.sensors = yield from find_sensors()
        choice = knowledge.sensors
        if not choice.chosen:
            return NoReading(Reason.NOT_SUPPORTED, f"no DCMI power reading (0xC1), and {choice.why_none}")
        power_w, missing = yield from sensors.read_sum(choice.chosen)
    except SensorError as error:
        reason = next((told for kind, told in _REASONS if isinstance(error, kind)), Reason.BAD_ANSWER)
        if reason is Reason.BAD_ANSWER:
            knowledge.sensors = None  # the repository may have changed
        return NoReading(reason, str(error))
    except dcmi.CompletionCode as error:
        knowledge.sensors = None
        return refusal(error.code)
    if power_w == 0 and (yield from sensors.is_on()):
        knowledge.sensors = None  # another sensor may tell more, now that the machine is on
        return NoReading(Reason.IMPLAUSIBLE, "the watt sensors say 0 W although the machine is on")
    doubt = (Doubt.PARTIAL if missing else Doubt.NONE) | (Doubt.AVERAGED if choice.is_average else Doubt.NONE)
    return Reading(power_w, Source.SDR, doubt)


def _chassis_is_on() -> Conversation[bool]:
    response = yield CHASSIS_STATUS
    return response.code != SUCCESS or not response.data or bool(response.data[0] & _CHASSIS_ON)


def refusal(code: int) -> NoReading:
    """What a completion code means for polling. Raises PrivilegeTooLow for 0xD4."""
    if code == INSUFFICIENT_PRIVILEGE:
        raise PrivilegeTooLow
    detail = str(dcmi.CompletionCode(code))
    if code in _TRANSIENT:
        return NoReading(Reason.BUSY, detail, again_soon=code in {0xC0, 0xC3, 0xCE})
    return NoReading(Reason.BAD_ANSWER, detail)
