"""What the line to a BMC wants of its owner, who has the socket, the clock and everybody else's lines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from powergraph_collector.sources.ipmi.knowledge import Knowledge
from powergraph_collector.sources.ipmi.sdr_walk import Conversation

LineT_contra = TypeVar("LineT_contra", contravariant=True)
Begin = Callable[[Knowledge, float], Conversation[Any]]
Answered = Callable[[Any], None]


class Owner(Protocol[LineT_contra]):
    """Who has the socket and the clock of a line."""

    def connect(self, line: LineT_contra) -> None:
        """Look up the address, open a socket, and call `connected` in turn, or `fail`."""
        ...

    def send(self, line: LineT_contra, packet: bytes) -> None:
        """Send a packet; one that cannot be sent is lost."""
        ...

    def wait(self, line: LineT_contra, delay_s: float) -> None:
        """Call `expired` after delay_s, unless another wait comes before."""
        ...

    def disconnect(self, line: LineT_contra) -> None:
        """Close the socket, and call nothing any more."""
        ...

    def tell(self, answered: Answered, answer: Any) -> None:
        """Call `answered` with an answer, soon."""
        ...
