"""Conversations held without a network: with a simulated BMC's sensors, or with any answers whatever."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from powergraph_collector.simulator.sensor_commands import SensorCommands, SensorRequest
from powergraph_collector.sources.ipmi.message import Request, Response, SilenceError
from powergraph_collector.sources.ipmi.sdr_walk import Conversation

T = TypeVar("T")


def hold(conversation: Conversation[T], commands: SensorCommands, *, is_on: bool = True) -> T:
    """The result of a conversation with these sensors, of a machine that draws 400 W when it is on."""

    def answer(request: Request) -> Response | None:
        if (request.netfn, request.command) == (0x00, 0x01):
            return Response(0, bytes((is_on, 0, 0)))
        outcome = commands.run(
            SensorRequest(request.lun, request.netfn, request.command, request.data, lambda: 400 if is_on else 0)
        )
        return Response(outcome[0][0], outcome[0][1:]) if outcome else None

    return hold_with(conversation, answer)


def hold_with(conversation: Conversation[T], answer: Callable[[Request], Response | None]) -> T:
    """The result of a conversation; None as an answer is silence."""
    try:
        request = next(conversation)
        while True:
            response = answer(request)
            request = conversation.throw(SilenceError()) if response is None else conversation.send(response)
    except StopIteration as end:
        result: T = end.value
        return result
