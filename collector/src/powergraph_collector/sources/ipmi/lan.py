"""IPMI over LAN: one session and one connected socket for each BMC, all of them moved by one thread.

A connected socket lets the kernel drop what others send, and hears of a closed port. Answers are dated by the kernel
when they arrive, so that they may be gathered and read together: a thread that wakes up costs more than an answer does.
"""

from __future__ import annotations

import logging
import select
import socket
import time
from collections import deque
from struct import Struct
from typing import Any, Final

from powergraph_collector.model import Reason
from powergraph_collector.sources.contract import Answered, NoReading
from powergraph_collector.sources.ipmi.deadlines import NEVER, Deadlines
from powergraph_collector.sources.ipmi.line import Line
from powergraph_collector.sources.ipmi.line_owner import Begin
from powergraph_collector.sources.ipmi.line_state import State
from powergraph_collector.sources.ipmi.login import Login
from powergraph_collector.sources.ipmi.noise import Noise
from powergraph_collector.sources.ipmi.reading import read_power
from powergraph_collector.sources.ipmi.ways import Way
from powergraph_collector.sources.resolver import Resolver

KEEP_ALIVE_S: Final = 25.0  # BMCs close sessions that were idle for 60 s, some for 30 s
MOST_LOGINS: Final = 250  # under way at a time: those of silent BMCs wait for seconds
LOGINS_A_ROUND: Final = 25
ROUND_S: Final = 0.05
GATHER_S: Final = 0.01
_FEW_LINES: Final = 16  # whose answers are read at once: somebody may be waiting for the one
PACKETS_A_ROUND: Final = 8  # of one BMC: the others' turn comes, whatever it sends
_MOST_EVENTS: Final = 8192
_LONGEST_PACKET: Final = 1024
_TIME_STAMPS: Final = 35  # SO_TIMESTAMPNS, which the socket module does not name
_TIME_STAMP = Struct("qq")
_ANCILLARY_BYTES: Final = 64

_log = logging.getLogger(__name__)


class LanReader:
    """Reads over LAN; see `contract.Reader`. `judges_at_once` is for a command that reads once: see `Knowledge`."""

    def __init__(self, *, judges_at_once: bool = False) -> None:
        self._judges_at_once = judges_at_once
        self._lines: dict[str, Line] = {}
        self._at: dict[tuple[str, int], Line] = {}
        self._by_descriptor: dict[int, Line] = {}
        self._poll = select.epoll()
        self._resolver = Resolver()
        self._deadlines: Deadlines[Line] = Deadlines()
        self._answers: deque[tuple[Answered, Any]] = deque()
        self._to_log_in: deque[Line] = deque()
        self._logging_in: set[Line] = set()
        self._logins_at_s = 0.0
        self._keep_alive_at_s = 0.0
        self._is_flooded = self._is_chained = False
        self._sent = 0
        self.noise = Noise(_log.warning)

    def ask(self, access: Login, answered: Answered) -> None:
        """Begin a reading on the open session, or log in first."""
        self.hold(access, read_power, answered)

    def hold(self, login: Login, begin: Begin, answered: Any) -> None:
        """Begin any conversation; `answered` gets its result, or a NoReading if it could not be held."""
        line = self._lines.get(login.name)
        if line is None or line.login is not login:
            line = self._line(login)
        line.ask(begin, answered)

    def way_of(self, name: str) -> Way | None:
        """How the session with a BMC was let in; None where there is no session."""
        line = self._lines.get(name)
        return None if line is None else line.way

    def _line(self, login: Login) -> Line:
        line = self._lines.get(login.name)
        if line is not None and line.login != login:
            self.forget(login.name)
            line = None
        if line is None:
            line = self._lines[login.name] = Line(login, self, judges_at_once=self._judges_at_once)
        line.login = login  # equal, and found at once from now on
        return line

    def work(self, timeout_s: float) -> None:
        """Receive, repeat, give up, log in."""
        now_s = time.monotonic()
        self._resolver.work()
        if now_s >= self._keep_alive_at_s:
            self._keep_alive(now_s)
        self._log_in(now_s)
        self._receive(self._wait_s(timeout_s, now_s))
        for line in self._deadlines.over(time.monotonic()):
            line.expired()
        while self._answers:
            answered, answer = self._answers.popleft()
            answered(answer)

    def _wait_s(self, timeout_s: float, now_s: float) -> float:
        if self._answers:
            return 0.0
        if self._to_log_in:
            timeout_s = min(timeout_s, ROUND_S)
        if len(self._lines) > _FEW_LINES:  # then rounds come often enough for time limits
            return timeout_s
        return max(0.0, min(timeout_s, self._deadlines.next_s() - now_s))

    def _receive(self, wait_s: float) -> None:
        """Wait, and read what came, a bounded number of packets of each BMC.

        Where there are many lines, their answers are gathered: a thread that sleeps until a packet comes is woken up
        for each, which costs as much as all the rest of a reading. Lines in the middle of a chain of requests (logins,
        records of sensors) get a shorter wait.
        """
        if len(self._lines) > _FEW_LINES or self._is_flooded:
            time.sleep(min(wait_s, GATHER_S if self._is_chained else ROUND_S))
        elif wait_s:
            self._poll.poll(wait_s, 1)
        sent = self._sent
        for _ in range(PACKETS_A_ROUND):
            events = self._poll.poll(0, _MOST_EVENTS)
            for descriptor, _ in events:
                line = self._by_descriptor.get(descriptor)
                if line is not None:  # else it was left in this round
                    self._read(line)
            if not events:
                break
        self._is_flooded, self._is_chained = bool(events), self._sent > sent

    def _read(self, line: Line) -> None:
        assert line.socket is not None  # noqa: S101 -- it was found by its descriptor
        try:
            packet, ancillary, _, _ = line.socket.recvmsg(_LONGEST_PACKET, _ANCILLARY_BYTES)
        except ConnectionRefusedError:
            line.closed_port()
            return
        except OSError:  # of a network that is away: as good as nothing
            return
        if ancillary:
            seconds, nanoseconds = _TIME_STAMP.unpack_from(ancillary[0][2])
            at_ms = seconds * 1000 + nanoseconds // 1_000_000
        else:
            at_ms = time.time_ns() // 1_000_000
        dropped = line.received(packet, at_ms)
        if dropped is not None:
            self.noise.add(line.login.name, dropped, time.monotonic())

    def _keep_alive(self, now_s: float) -> None:
        self._keep_alive_at_s = now_s + 1.0
        self.noise.work(now_s)
        for line in self._lines.values():
            if line.state is State.IDLE and now_s - line.used_at_s >= KEEP_ALIVE_S:
                line.keep_alive()

    # What lines ask of their owner

    def connect(self, line: Line) -> None:
        """Look up the address; the line logs in when it is its turn."""
        self._resolver.resolve(line.login.host, lambda address: self._resolved(line, address))

    def _resolved(self, line: Line, address: str | None) -> None:
        login = line.login
        if self._lines.get(login.name) is not line or line.state is not State.CONNECTING:
            return  # forgotten while its name was looked up
        if address is None:
            line.fail(NoReading(Reason.UNRESOLVABLE, f"host name {login.host} has no address"))
            return
        if line.place is not None:
            del self._at[line.place]
            line.place = None
        other = self._at.get((address, login.port))
        if other is not None:
            # Two sessions with one BMC would take its slots, and its power would count twice.
            detail = f"it is the same BMC as {other.login.name}, at {address} port {login.port}: list it once"
            line.fail(NoReading(Reason.UNREACHABLE, detail))
            return
        line.place = address, login.port
        self._at[line.place] = line
        self._to_log_in.append(line)

    def _log_in(self, now_s: float) -> None:
        """Let some of those begin that wait, so that logins neither crowd out readings nor come all at once."""
        if not self._to_log_in or now_s < self._logins_at_s:
            return
        self._logins_at_s = now_s + ROUND_S
        for _ in range(min(LOGINS_A_ROUND, MOST_LOGINS - len(self._logging_in))):
            if not self._to_log_in:
                return
            line = self._to_log_in.popleft()
            if self._lines.get(line.login.name) is line and line.state is State.CONNECTING:
                self._connected(line)

    def _connected(self, line: Line) -> None:
        assert line.place is not None  # noqa: S101 -- it was resolved
        address, port = line.place
        try:
            line.socket = _connected_socket(address, port)
        except OSError as error:
            detail = f"cannot send to {address}: {error.strerror or error}"
            line.fail(NoReading(Reason.UNREACHABLE, detail))
            return
        descriptor = line.socket.fileno()
        self._by_descriptor[descriptor] = line
        self._poll.register(descriptor, select.EPOLLIN)
        self._logging_in.add(line)
        line.connected()

    def send(self, line: Line, packet: bytes) -> None:
        """Send a packet; one that is lost here is repeated like one that is lost on the way."""
        if line.socket is None:
            return
        self._sent += 1
        try:
            line.socket.send(packet)
        except ConnectionRefusedError:
            line.closed_port()
        except OSError:
            return

    def wait(self, line: Line, delay_s: float) -> None:
        """Call `expired` after delay_s, unless another wait comes before."""
        if line.state is not State.SHAKING and line in self._logging_in:
            self._logging_in.discard(line)
        self._deadlines.set(line, delay_s, time.monotonic())

    def disconnect(self, line: Line) -> None:
        """Close the line's socket."""
        self._logging_in.discard(line)
        line.deadline_s = NEVER
        used, line.socket = line.socket, None
        if used is not None:
            self._by_descriptor.pop(used.fileno(), None)
            self._poll.unregister(used.fileno())
            used.close()

    def tell(self, answered: Answered, answer: Any) -> None:
        """Tell an answer at the end of this round, when no line is in the middle of a step."""
        self._answers.append((answered, answer))

    def forget(self, name: str) -> None:
        """Log out of one BMC; what is under way there stays unanswered."""
        line = self._lines.pop(name, None)
        if line is not None:
            line.leave()
            if line.place is not None:
                del self._at[line.place]

    def close(self) -> None:
        """Log out everywhere; who asks afterwards logs in anew."""
        for name in list(self._lines):
            self.forget(name)


def _connected_socket(address: str, port: int) -> socket.socket:
    family, kind, protocol, _, place = socket.getaddrinfo(
        address, port, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST
    )[0]
    made = socket.socket(family, kind | socket.SOCK_NONBLOCK, protocol)
    try:
        made.connect(place)
        made.setsockopt(socket.SOL_SOCKET, _TIME_STAMPS, 1)
    except BaseException:
        made.close()
        raise
    return made
