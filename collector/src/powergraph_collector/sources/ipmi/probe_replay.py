"""A record of a probe held again, as if the BMC were there (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from powergraph_collector.model import Reason
from powergraph_collector.sources.contract import NoReading, Reading
from powergraph_collector.sources.ipmi.exploring import NO_SENSORS, Lines, Sensors, explore, find_sensors
from powergraph_collector.sources.ipmi.knowledge import Knowledge, PrivilegeTooLow
from powergraph_collector.sources.ipmi.message import Request, SilenceError
from powergraph_collector.sources.ipmi.probe_protocol import Begin, Exchange, Kind, Protocol
from powergraph_collector.sources.ipmi.probe_record import RecordError
from powergraph_collector.sources.ipmi.reading import FindSensors, read_power
from powergraph_collector.sources.ipmi.refusals import TOO_LOW
from powergraph_collector.sources.ipmi.sdr_walk import Conversation

_STEP_S: Final = 1.0  # between the conversations of a replay
_BEGIN_S: Final = 1000.0


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay comes to: the verdict, None where the record does not hold one, and all that there is."""

    verdict: Reading | NoReading | None
    lines: Lines = ()
    sensors: Sensors = NO_SENSORS


def replay(protocol: Protocol) -> Replayed:
    """Hold the conversations of a record again. Raises RecordError where they would ask what it does not answer."""
    knowledge = Knowledge(protocol.names, judges_at_once=True)
    knowledge.begin_session(_BEGIN_S, can_climb=False)
    results: dict[Kind, Any] = {}
    for number, held in enumerate(protocol.held):
        now_s = _BEGIN_S + number * _STEP_S
        held.restore(knowledge, now_s)
        result = _held_again(begin(protocol, held.kind)(knowledge, now_s, None), held.exchanges)
        if result is not None:
            results[held.kind] = result
    return Replayed(results.get(Kind.READING), results.get(Kind.REST, ()), results.get(Kind.SENSORS, NO_SENSORS))


def begin(protocol: Protocol, kind: Kind) -> Begin:
    """How a conversation of a kind begins."""
    if kind is Kind.READING:
        return read_power
    if kind is Kind.SENSORS:
        return lambda knowledge, _, find: find_sensors(knowledge, find)

    def rest(_knowledge: Knowledge, _now_s: float, _find: FindSensors | None) -> Conversation[Lines]:
        response, is_asked = protocol.power_reading()
        return explore(response, is_asked=is_asked)

    return rest


def _held_again(conversation: Conversation[Any], exchanges: list[Exchange]) -> Any:
    """The result; None where it was left in the middle, as it was then.

    One that wants more privilege is held again in a record, unless there was none to be had.
    """
    try:
        request = next(conversation)
        for each in exchanges:
            if request != each.request:
                raise RecordError(f"it asks {_shown(request)}, and the record has {_shown(each.request)}")
            response = each.response
            request = conversation.throw(SilenceError()) if response is None else conversation.send(response)
    except StopIteration as end:
        return end.value
    except SilenceError:
        return NoReading(Reason.TIMEOUT, "no answer")
    except PrivilegeTooLow:
        return TOO_LOW
    return None


def _shown(request: Request) -> str:
    return f"netfn 0x{request.netfn:02X} command 0x{request.command:02X} lun {request.lun} data {request.data.hex()}"
