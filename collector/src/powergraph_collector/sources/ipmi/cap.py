"""The power cap that a BMC holds its machine to: when to ask for it, and what its answers say (DCMI 1.5, 6.6.2).

It is asked for in passing, when a reading has been told. Whatever comes of it, readings go on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from powergraph_collector.sources.contract import Cap, Reading
from powergraph_collector.sources.ipmi import dcmi
from powergraph_collector.sources.ipmi.message import INSUFFICIENT_PRIVILEGE, UNKNOWN_COMMAND_CODES, Response

CAP_AGAIN_S: Final = 600.0
REFUSED_AGAIN_S: Final = 86_400.0
MOST_SILENCES: Final = 2  # one answer may get lost on the way
_NOT_A_LIMIT: Final = frozenset({0, 0xFFFF})  # what BMCs say that have none, and do not say it by the completion code


def cap_of(response: Response) -> Cap:
    """What an answer to Get Power Limit says; raises dcmi.DcmiError."""
    limit = dcmi.parse_power_limit(response)
    return Cap(None if limit is None or limit.limit_w in _NOT_A_LIMIT else limit.limit_w)


@dataclass(slots=True)
class CapWatch:
    """What is known of one BMC's cap. All times are monotonic, in seconds."""

    again_at_s: float = 0.0
    silences: int = 0
    news: Cap | None = None

    def begin_session(self) -> None:
        """Ask anew, and those too that did not know the command; not those that say nothing to it."""
        if self.silences < MOST_SILENCES:
            self.again_at_s = 0.0

    def is_due(self, now_s: float) -> bool:
        """Whether to ask."""
        return now_s >= self.again_at_s

    def answered(self, response: Response, now_s: float) -> None:
        """Take an answer; one that says nothing of a cap changes nothing."""
        self.silences = 0
        self.again_at_s = now_s + CAP_AGAIN_S
        try:
            self.news = cap_of(response)
        except dcmi.MalformedAnswer:
            pass
        except dcmi.CompletionCode as error:
            if error.code in UNKNOWN_COMMAND_CODES:
                self.news = Cap(None)  # of a cap that there was, nothing is known any more
            if error.code in UNKNOWN_COMMAND_CODES or error.code == INSUFFICIENT_PRIVILEGE:
                self.again_at_s = now_s + REFUSED_AGAIN_S

    def unanswered(self, now_s: float) -> None:
        """No answer came; who never answers is left alone for a day."""
        self.silences += 1
        self.again_at_s = now_s + (CAP_AGAIN_S if self.silences < MOST_SILENCES else REFUSED_AGAIN_S)

    def told_with(self, reading: Reading) -> Reading:
        """The reading, and what was learned of the cap since the last one."""
        if self.news is None:
            return reading
        cap, self.news = self.news, None
        return replace(reading, cap=cap)
