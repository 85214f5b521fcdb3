"""A line without sockets: packets go to a peer in memory, and time passes when a test says so.

`time.monotonic` is the wire's clock while it is used, so that everything in the process agrees on the time.
"""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, ExitStack
from typing import Any
from unittest.mock import patch

from tests.conftest import PASSWORD, USER

from powergraph_collector.simulator import rmcp
from powergraph_collector.simulator.bmc import SimulatedBmc
from powergraph_collector.sources.contract import Answer, NoReading, Secret
from powergraph_collector.sources.ipmi.line import Line
from powergraph_collector.sources.ipmi.line_owner import Answered, Begin
from powergraph_collector.sources.ipmi.login import Login
from powergraph_collector.sources.ipmi.reading import read_power

# What a peer makes of a packet at a monotonic time: packets, each so many seconds later.
Peer = Callable[[bytes, float], Iterable[tuple[float, bytes]]]
WALL_S = 1_700_000_000.0
OPEN_REQUEST, RAKP_1, RAKP_3 = rmcp.PAYLOAD_OPEN_REQUEST, rmcp.PAYLOAD_RAKP_1, rmcp.PAYLOAD_RAKP_3


def silent(_packet: bytes, _now_s: float) -> list[tuple[float, bytes]]:
    return []


def peer_of(machine: SimulatedBmc) -> Peer:
    """A simulated BMC as the peer."""

    def answers(packet: bytes, now_s: float) -> list[tuple[float, bytes]]:
        answer = machine.answer(packet, WALL_S + now_s, now_s)
        return [] if answer is None else [(answer.after_s, each) for each in (answer.datagram, *answer.more)]

    return answers


class VirtualWire(AbstractContextManager["VirtualWire"]):
    """The owner of one line, as `line.Owner` wants it: it has the clock, records what is sent and what is told."""

    def __init__(self, peer: Peer = silent, *, judges_at_once: bool = False, latency_s: float = 0.001, **login: Any):
        self.now_s = 1000.0
        self.peer = peer
        self.latency_s = latency_s
        self.sent: list[tuple[float, bytes]] = []
        self.told: list[Answer] = []
        self.connects = 0
        self.address: NoReading | None = None  # what is told instead of a socket
        usual = {"user": USER, "password": Secret(PASSWORD), "timeout_s": 2.0, "host": "192.0.2.1", "port": 623}
        self.line = Line(Login("node01", **{**usual, **login}), self, judges_at_once=judges_at_once)
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._tickets = itertools.count()
        self._connection = 0
        self._to_tell: list[tuple[Answered, Any]] = []
        self._patches = ExitStack()

    def __enter__(self) -> VirtualWire:
        self._patches.enter_context(patch.object(time, "monotonic", lambda: self.now_s))
        return self

    def __exit__(self, *_: object) -> None:
        self._patches.close()

    # What the line asks of its owner

    def connect(self, line: Line) -> None:
        self.connects += 1
        self._at(0.0, self._connected)

    def _connected(self) -> None:
        self._connection += 1
        if self.address is None:
            self.line.connected()
        else:
            self.line.fail(self.address)

    def send(self, line: Line, packet: bytes) -> None:
        self.sent.append((self.now_s, packet))
        for after_s, answer in self.peer(packet, self.now_s):
            self.brings(answer, self.latency_s + after_s)

    def wait(self, line: Line, delay_s: float) -> None:
        line.deadline_s = self.now_s + delay_s

    def disconnect(self, line: Line) -> None:
        line.deadline_s = float("inf")
        self._connection += 1  # what is on its way to the socket is lost

    def tell(self, answered: Answered, answer: Any) -> None:
        self._to_tell.append((answered, answer))

    # What a test does

    def brings(self, packet: bytes, after_s: float = 0.0) -> None:
        """Let a packet reach the line's socket, if it is still the same one then."""
        connection = self._connection
        self._at(after_s, lambda: self._received(packet, connection))

    def _received(self, packet: bytes, connection: int) -> None:
        if connection == self._connection:
            self.line.received(packet, round((WALL_S + self.now_s) * 1000))

    def _at(self, after_s: float, event: Callable[[], None]) -> None:
        heapq.heappush(self._events, (self.now_s + after_s, next(self._tickets), event))

    def ask(self, begin: Begin = read_power) -> None:
        self.line.ask(begin, self.told.append)

    def passes(self, seconds: float) -> None:
        """Let time pass, with all that happens in it."""
        until_s = self.now_s + seconds
        while self._next_s() <= until_s:
            self._step()
        self.now_s = until_s

    def _next_s(self) -> float:
        return min(self._events[0][0] if self._events else float("inf"), self.line.deadline_s)

    def _step(self) -> None:
        self.now_s = max(self.now_s, self._next_s())
        if self.line.deadline_s <= self.now_s and not (self._events and self._events[0][0] < self.line.deadline_s):
            self.line.deadline_s = float("inf")
            self.line.expired()
        else:
            heapq.heappop(self._events)[2]()
        while self._to_tell:
            answered, answer = self._to_tell.pop(0)
            answered(answer)

    def answer(self, within_s: float = 60.0, begin: Begin = read_power) -> Answer:
        """Ask, and let time pass until there is an answer."""
        told, until_s = len(self.told), self.now_s + within_s
        self.ask(begin)
        while len(self.told) == told:
            assert self._next_s() <= until_s, f"no answer within {within_s:g} s, {self.line.state}"
            self._step()
        return self.told[told]

    def count(self, payload: int) -> int:
        """How many packets of a payload type were sent."""
        return [packet[5] & 0x3F for _, packet in self.sent if packet[4] == 6].count(payload)

    @property
    def attempts(self) -> int:
        """How many logins were begun: each has a session number of its own."""
        return len({packet[20:24] for _, packet in self.sent if packet[5] == OPEN_REQUEST})

    @property
    def passwords_tried(self) -> int:
        """How many logins got so far that the BMC could count a wrong password."""
        return len({packet[20:24] for _, packet in self.sent if packet[5] == RAKP_3})
