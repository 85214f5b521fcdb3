"""One poller and one thread for each reader that the settings use, so that one that waits never delays another.

A reader that starts a process for each request waits for processes, one with sockets for packets: in one loop, each
would add its waits to the other's. Pollers that a reload leaves without BMCs stay, and have nothing to do.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from powergraph_collector.polling.outages import Record
from powergraph_collector.polling.poller import Counts, Poller, Target
from powergraph_collector.sources.contract import Answer, Reader

Run = Callable[[Callable[[threading.Event], None], threading.Event], None]


@dataclass(slots=True)
class Pollers:
    """All pollers of a service. `made` makes a reader by its name; `run` is what a thread runs: a poller's loop.

    `hand_on`, `told` and `ticks` are those of Poller; the first two are called by all threads.
    """

    made: Callable[[str], Reader[Any]]
    hand_on: Callable[[Sequence[Record]], None]
    told: Callable[[str, int, Answer], None] | None
    ticks: int | None
    stop: threading.Event
    run: Run
    _pollers: dict[str, Poller] = field(default_factory=dict)
    _threads: list[threading.Thread] = field(default_factory=list)

    def make(self, names: Sequence[str]) -> None:
        """Make the readers of these names that are not there yet. Raises what making one raises."""
        for name in sorted({*names} - self._pollers.keys()):
            self._pollers[name] = Poller(self.made(name), self.hand_on, told=self.told, ticks=self.ticks)

    def poll(self, targets: Sequence[tuple[str, Target]]) -> None:
        """Poll these, each by the reader of a name, instead of those before; a new poller waits for `start`."""
        for name, poller in self._pollers.items():
            poller.poll([target for reader, target in targets if reader == name])

    def start(self) -> None:
        """Start the threads of pollers that have none."""
        for name, poller in list(self._pollers.items())[len(self._threads) :]:
            thread = threading.Thread(target=self.run, args=(poller.run, self.stop), name=f"polling {name}")
            self._threads.append(thread)
            thread.start()

    @property
    def are_at_work(self) -> bool:
        """Whether all go on, or, where ticks are limited, whether any does."""
        alive = [thread.is_alive() for thread in self._threads]
        return all(alive) if self.ticks is None else any(alive)

    def join(self, timeout_s: float | None = None) -> None:
        """Wait until all have ended; with a timeout, at most so long for each."""
        for thread in self._threads:
            thread.join(timeout_s)

    @property
    def last_round_s(self) -> float:
        """When the slowest of all began its last round, in monotonic seconds; 0 before all have begun."""
        return min((poller.last_round_s for poller in self._pollers.values()), default=0.0)

    @property
    def counts(self) -> Counts:
        """What all loops did since they began."""
        total = Counts()
        for poller in self._pollers.values():
            total.add(poller.counts)
        return total
