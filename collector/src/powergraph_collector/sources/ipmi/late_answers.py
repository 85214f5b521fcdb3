"""Answers that come after their time limit: they count while nothing newer is asked, and show how slow a BMC is."""

from __future__ import annotations

import time
from typing import Final

from powergraph_collector.model import Reason
from powergraph_collector.sources.contract import NoReading, Reading
from powergraph_collector.sources.ipmi.knowledge import Knowledge, PrivilegeTooLow
from powergraph_collector.sources.ipmi.line_owner import Answered, Begin
from powergraph_collector.sources.ipmi.message import Request, Response, SilenceError

_LATE_FACTOR: Final = 1.5  # a BMC that answered late gets that much more time than it took
_MOST_TIMEOUTS: Final = 3  # but no more than so many times its `timeout_s`


class LateAnswers:
    """What is known of one BMC's slowness. `patience_s` is how long to wait for an answer, its `timeout_s` at first."""

    __slots__ = ("_expected", "_longest_s", "_since_s", "patience_s")

    def __init__(self, timeout_s: float) -> None:
        self.patience_s = timeout_s
        self._longest_s = _MOST_TIMEOUTS * timeout_s
        self._expected: tuple[Request, Begin, Answered] | None = None
        self._since_s = 0.0

    def expect(self, request: Request, begin: Begin, answered: Answered) -> None:
        """A request got no answer within `patience_s`; one may still come."""
        self._expected, self._since_s = (request, begin, answered), time.monotonic()

    @property
    def answer(self) -> NoReading:
        """What to tell of a request without an answer."""
        return NoReading(Reason.TIMEOUT, f"no answer within {self.patience_s:g} s")

    def forget(self) -> None:
        """Something newer is asked."""
        self._expected = None

    def reading_of(self, response: Response, knowledge: Knowledge) -> tuple[Answered, Reading] | None:
        """The reading that a late response brings, and whom to tell; None if it is none.

        The conversation that asked is over, so it is held anew: what it asks first is what was answered.
        """
        expected, self._expected = self._expected, None
        if expected is None:
            return None
        request, begin, answered = expected
        took_s = self.patience_s + time.monotonic() - self._since_s
        self.patience_s = min(max(self.patience_s, took_s * _LATE_FACTOR), self._longest_s)
        conversation = begin(knowledge, time.monotonic())
        try:
            if next(conversation) == request:
                conversation.send(response)
        except StopIteration as end:
            return (answered, end.value) if isinstance(end.value, Reading) else None
        except (SilenceError, PrivilegeTooLow):
            pass
        return None
