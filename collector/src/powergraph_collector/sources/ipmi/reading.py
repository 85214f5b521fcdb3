"""The conversation that gets watts out of one BMC: DCMI where there is DCMI, else its watt sensors.

A conversation is a generator that yields requests, is sent their responses and returns its result; SilenceError is
thrown into it where no response came. It knows nothing of sockets, so that every way to a BMC holds the same one.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from powergraph_collector.model import Doubt, Reason, Source, Statistics
from powergraph_collector.sources.contract import NoReading, Reading
from powergraph_collector.sources.ipmi import dcmi, sensors
from powergraph_collector.sources.ipmi.knowledge import NOT_PRESENT, Dcmi, Knowledge, PrivilegeTooLow
from powergraph_collector.sources.ipmi.message import (
    INSUFFICIENT_PRIVILEGE,
    SUCCESS,
    UNKNOWN_COMMAND_CODES,
    Response,
    SilenceError,
)
from powergraph_collector.sources.ipmi.sdr import SensorError
from powergraph_collector.sources.ipmi.sdr_walk import Conversation
from powergraph_collector.sources.ipmi.sensor_choice import Choice

_NOT_A_VALUE = 0xFFFF
_NEGATIVE_FROM: Final = 0xFF00  # 65,280 W and more are -256 to -1 W of a BMC that counts with a sign
_JUMP: Final = 2  # times the maximum that the BMC itself has seen

# Completion codes that say "not now"; 0xFF is what some BMCs send when polled too fast.
_TRANSIENT = frozenset({0xC0, 0xC3, 0xC4, 0xCE, 0xCF, 0xD0, 0xD1, 0xD2, 0xD5, 0xFF})
_AGAIN_SOON: Final = frozenset({0xC0, 0xC3, 0xCE})
_FOR_EVER_ALSO: Final = frozenset({0xFF})  # of the transient ones, what BMCs are known to say at every reading
_REASONS: Final = (
    (sensors.SensorsUnavailable, Reason.NOT_MEASURING),  # as while the machine is off: they stay the right ones
    (sensors.ImplausiblePower, Reason.IMPLAUSIBLE),
)

FindSensors = Callable[[], Conversation[Choice]]


def read_power(
    knowledge: Knowledge, now_s: float, find_sensors: FindSensors | None = None
) -> Conversation[Reading | NoReading]:
    """Hold the conversation; now_s is a monotonic time in seconds. Raises PrivilegeTooLow.

    `find_sensors` is for who has a faster way to all SDRs than asking for them one by one.
    """
    if find_sensors is None:
        find_sensors = partial(sensors.find_watt_sensors, knowledge.names)
    if not knowledge.asks_dcmi(now_s):
        return (yield from _by_sensors(knowledge, now_s, find_sensors))
    try:
        by_dcmi = yield from _by_dcmi(knowledge, now_s)
    except SilenceError:
        if not knowledge.asks_sensors(now_s):
            raise
        by_dcmi = NoReading(Reason.TIMEOUT, "the BMC says nothing to the DCMI power reading")
    if isinstance(by_dcmi, Reading):
        knowledge.dcmi_worked(now_s)
        return by_dcmi
    if not knowledge.asks_sensors(now_s):
        return by_dcmi
    by_sensors = yield from _by_sensors(knowledge, now_s, find_sensors)
    if isinstance(by_sensors, Reading):
        knowledge.sensors_worked(now_s)
        return by_sensors
    is_telling = by_sensors.reason is not Reason.NOT_SUPPORTED
    return by_sensors if knowledge.dcmi is Dcmi.ABSENT or is_telling else by_dcmi


def usual_reading(knowledge: Knowledge, response: Response, now_s: float) -> Reading | None:
    """The reading in a response to POWER_READING, where it is as usual; None where the conversation has more to do.

    Of a BMC whose DCMI works, nearly all readings are so; it takes half the time of the conversation, whose first
    request and whose outcome are the same.
    """
    if response.code != SUCCESS or knowledge.dcmi is not Dcmi.WORKING:
        return None
    try:
        reading = dcmi.parse_power_reading(response)
    except dcmi.DcmiError:
        return None
    if not 0 < reading.current_w < _NEGATIVE_FROM:
        return None
    knowledge.dcmi_worked(now_s)
    return _usable(reading, knowledge.heard_ms)


def _by_dcmi(knowledge: Knowledge, now_s: float) -> Conversation[Reading | NoReading]:
    try:
        reading = dcmi.parse_power_reading((yield dcmi.POWER_READING))
        if 0 < reading.current_w < _NEGATIVE_FROM:
            return _usable(reading, knowledge.heard_ms)
        answer = yield from _placeholder(reading, knowledge.heard_ms)
    except SilenceError:
        knowledge.dcmi_useless(now_s, is_transient=False)
        raise
    except dcmi.MalformedAnswer as error:
        knowledge.dcmi_useless(now_s, is_transient=False)
        return NoReading(Reason.BAD_ANSWER, str(error), again_soon=True)
    except dcmi.CompletionCode as error:
        if error.code in UNKNOWN_COMMAND_CODES or (error.code == NOT_PRESENT and knowledge.dcmi is not Dcmi.WORKING):
            knowledge.dcmi_refused(error.code, now_s)
            return NoReading(Reason.BUSY, f"{error}; not believed yet", again_soon=True)
        answer = refusal(error.code)
        knowledge.dcmi_useless(now_s, is_transient=error.code in _TRANSIENT - _FOR_EVER_ALSO)
        return answer
    if isinstance(answer, NoReading):
        knowledge.dcmi_useless(now_s, is_transient=False)
    return answer


def _usable(reading: dcmi.PowerReading, heard_ms: int) -> Reading:
    """A DCMI answer as a reading, with what speaks against it."""
    power_w, min_w, max_w, average_w, bmc_time_s, period_ms, is_active = reading
    doubt = Doubt.NONE if is_active else Doubt.INACTIVE
    if power_w > _JUMP * max_w > 0:
        doubt |= Doubt.JUMP
    statistics = Statistics(min_w, max_w, average_w, period_ms, bmc_time_s)
    return Reading(power_w, Source.DCMI, doubt, statistics, at_ms=heard_ms)


def _placeholder(reading: dcmi.PowerReading, heard_ms: int) -> Conversation[Reading | NoReading]:
    """What is worth little as watts: 0 and 65535, which most BMCs send in place of them, and negative numbers."""
    if reading.current_w == _NOT_A_VALUE:
        return NoReading(Reason.IMPLAUSIBLE, "the BMC answers 65535 W, its sign for no value")
    if reading.current_w >= _NEGATIVE_FROM:
        detail = f"the BMC answers {reading.current_w} W, which is {reading.current_w - 0x10000} W with a sign"
        return NoReading(Reason.IMPLAUSIBLE, detail)
    if not reading.active:
        return NoReading(Reason.NOT_MEASURING, "the BMC says that it does not measure power now")
    if (yield from _chassis_is_on()):
        return NoReading(Reason.IMPLAUSIBLE, "the BMC answers 0 W although the machine is on")
    return _usable(reading, heard_ms)


def _by_sensors(knowledge: Knowledge, now_s: float, find_sensors: FindSensors) -> Conversation[Reading | NoReading]:
    try:
        if knowledge.looks_for_sensors(now_s):
            knowledge.sensors = yield from find_sensors()
        choice = knowledge.sensors
        if choice is None or not choice.chosen:
            why = "no watt sensor was found" if choice is None else choice.why_none
            return NoReading(Reason.NOT_SUPPORTED, f"no DCMI power reading, and {why}")
        power_w, missing = yield from sensors.read_sum(choice.chosen)
    except SensorError as error:
        reason = next((told for kind, told in _REASONS if isinstance(error, kind)), Reason.BAD_ANSWER)
        if reason is Reason.BAD_ANSWER or knowledge.may_look_again(now_s):
            knowledge.sensors = None  # the repository may have changed
        return NoReading(reason, str(error))
    except dcmi.CompletionCode as error:
        knowledge.sensors = None
        return refusal(error.code)
    if power_w == 0 and (yield from _chassis_is_on()):
        knowledge.sensors = None  # another sensor may tell more, now that the machine is on
        return NoReading(Reason.IMPLAUSIBLE, "the watt sensors say 0 W although the machine is on")
    doubt = (Doubt.PARTIAL if missing else Doubt.NONE) | (Doubt.AVERAGED if choice.is_average else Doubt.NONE)
    detail = f"no reading from {', '.join(missing)}" if missing else ""
    return Reading(power_w, Source.SDR, doubt, doubt_detail=detail, at_ms=knowledge.heard_ms)


def _chassis_is_on() -> Conversation[bool]:
    try:
        return (yield from sensors.is_on())
    except SilenceError:
        return True  # unless a BMC says that the machine is off, 0 W is not its power


def refusal(code: int) -> NoReading:
    """What a completion code means for polling. Raises PrivilegeTooLow for 0xD4."""
    if code == INSUFFICIENT_PRIVILEGE:
        raise PrivilegeTooLow
    detail = str(dcmi.CompletionCode(code))
    if code in _TRANSIENT:
        return NoReading(Reason.BUSY, detail, again_soon=code in _AGAIN_SOON)
    return NoReading(Reason.BAD_ANSWER, detail)
