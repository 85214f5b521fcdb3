"""All conversations of a probe with one BMC, written down while they are held (pure, but for how long answers took)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from itertools import chain
from typing import Any, NamedTuple

from powergraph_collector.sources.ipmi import dcmi
from powergraph_collector.sources.ipmi.knowledge import Knowledge, MorePrivilege
from powergraph_collector.sources.ipmi.message import Request, Response, SilenceError
from powergraph_collector.sources.ipmi.reading import FindSensors
from powergraph_collector.sources.ipmi.sdr_walk import Conversation

Begin = Callable[[Knowledge, float, FindSensors | None], Conversation[Any]]


class Kind(str, Enum):
    """What a conversation is for; the value is what a record calls it."""

    READING = "reading"
    REST = "rest"
    SENSORS = "sensors"


class Exchange(NamedTuple):
    """A request and its response, None where none came."""

    request: Request
    response: Response | None
    took_s: float = 0.0


@dataclass(slots=True)
class Held:
    """A conversation as it was held, with what it depends on of what was known before it."""

    kind: Kind
    can_climb: bool
    more_privilege: MorePrivilege
    asks_dcmi: bool
    exchanges: list[Exchange] = field(default_factory=list)

    def restore(self, knowledge: Knowledge, now_s: float) -> None:
        """Let a replay know what was known."""
        knowledge.can_climb, knowledge.more_privilege = self.can_climb, self.more_privilege
        if not self.asks_dcmi and knowledge.asks_dcmi(now_s):
            knowledge.give_up_dcmi(now_s)


@dataclass(slots=True)
class Protocol:
    """All conversations of a probe, in their order."""

    names: tuple[str, ...] = ()
    held: list[Held] = field(default_factory=list)

    def hears(self, kind: Kind, begin: Begin, *, one_by_one: bool = False) -> Callable[..., Conversation[Any]]:
        """The same conversation, written down while it is held, as often as it is begun.

        `one_by_one`: sensor records are asked for one by one, however else there is a faster way, which is not written.
        """

        def begun(knowledge: Knowledge, now_s: float, find: FindSensors | None = None) -> Conversation[Any]:
            known = Held(kind, knowledge.can_climb, knowledge.more_privilege, knowledge.asks_dcmi(now_s))
            self.held.append(known)
            return _heard(begin(knowledge, now_s, None if one_by_one else find), known.exchanges)

        return begun

    def exchanges(self) -> Iterator[Exchange]:
        """All that was asked."""
        return chain.from_iterable(held.exchanges for held in self.held)

    def power_reading(self) -> tuple[Response | None, bool]:
        """The last response to Get Power Reading while power was read, and whether it was asked for then."""
        readings = chain.from_iterable(held.exchanges for held in self.held if held.kind is Kind.READING)
        asked = [each.response for each in readings if each.request == dcmi.POWER_READING]
        told = [response for response in asked if response is not None]
        return (told[-1] if told else None), bool(asked)


def _heard(conversation: Conversation[Any], exchanges: list[Exchange]) -> Conversation[Any]:
    try:
        request = next(conversation)
        while True:
            asked_s = time.monotonic()
            try:
                response = yield request
            except SilenceError as silence:
                exchanges.append(Exchange(request, None, time.monotonic() - asked_s))
                request = conversation.throw(silence)
            else:
                exchanges.append(Exchange(request, response, time.monotonic() - asked_s))
                request = conversation.send(response)
    except StopIteration as end:
        return end.value
