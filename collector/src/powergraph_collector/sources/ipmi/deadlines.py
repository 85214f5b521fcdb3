"""Time limits of many lines at once, each set and met thousands of times a second.

Most waits are of the same few lengths, and those of one length end in the order in which they began. So there is one
queue for each length, and neither setting nor meeting a limit costs more than an append: a limit that was met stays in
its queue until its time, when it is passed over.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Final, Generic, Protocol, TypeVar

NEVER: Final = float("inf")


class Waiting(Protocol):
    """Who waits: `deadline_s` is the monotonic time of its one limit that counts, or NEVER."""

    deadline_s: float


WaitingT = TypeVar("WaitingT", bound=Waiting)


class Deadlines(Generic[WaitingT]):
    """The limits of all who wait; a new limit replaces the one before."""

    def __init__(self) -> None:
        self._queues: dict[float, deque[tuple[float, WaitingT]]] = {}

    def set(self, waiting: WaitingT, delay_s: float, now_s: float) -> None:
        """Let somebody's time be over `delay_s` from now."""
        waiting.deadline_s = deadline_s = now_s + delay_s
        queue = self._queues.get(delay_s)
        if queue is None:
            queue = self._queues[delay_s] = deque()
        queue.append((deadline_s, waiting))

    def over(self, now_s: float) -> Iterator[WaitingT]:
        """Those whose time is over; each has no limit any more."""
        for delay_s, queue in list(self._queues.items()):
            while queue and queue[0][0] <= now_s:
                deadline_s, waiting = queue.popleft()
                if waiting.deadline_s == deadline_s:
                    waiting.deadline_s = NEVER
                    yield waiting
            if not queue:
                self._queues.pop(delay_s, None)

    def next_s(self) -> float:
        """When the next time is over, in monotonic seconds; NEVER if nobody waits."""
        for queue in self._queues.values():
            while queue and queue[0][1].deadline_s != queue[0][0]:
                queue.popleft()
        return min((queue[0][0] for queue in self._queues.values() if queue), default=NEVER)
