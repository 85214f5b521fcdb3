"""Asking a BMC what it tells before a login: a socket, a few packets, bounded time."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from powergraph_collector.sources.ipmi import greeting
from powergraph_collector.sources.ipmi.greeting import Greeting
from powergraph_collector.sources.ipmi.message import SUCCESS, Request, Response
from powergraph_collector.sources.ipmi.session import SUITES
from powergraph_collector.sources.resolver import Resolver

_TRIES: Final = 2
_LONGEST_PACKET: Final = 1024
_ROUND_S: Final = 0.05
T = TypeVar("T")


class NoAddress(Exception):  # noqa: N818
    """The BMC cannot be sent to; the message is a clause."""


def greet(host: str, port: int, timeout_s: float, *, opens: bool) -> Greeting:
    """Ask all that may be asked before a login; `opens` begins one as well, and lets it be. Raises NoAddress.

    A login that is begun takes one of the BMC's slots for some seconds, so it is only done where none follows.
    """
    address = _address(host)
    try:
        place = socket.getaddrinfo(address, port, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST)[0]
        with socket.socket(place[0], socket.SOCK_DGRAM) as made:
            made.connect(place[4])
            return _Caller(made, timeout_s).greet(opens=opens)
    except ConnectionRefusedError:
        return Greeting(is_closed=True)
    except OSError as error:
        raise NoAddress(f"cannot send to {address}: {error.strerror or error}") from None


def _address(host: str) -> str:
    found: list[str | None] = []
    resolver = Resolver()
    resolver.resolve(host, found.append)
    while not found:
        time.sleep(_ROUND_S)
        resolver.work()
    if found[0] is None:
        raise NoAddress(f"host name {host} has no address")
    return found[0]


@dataclass(slots=True)
class _Caller:
    socket: socket.socket
    timeout_s: float
    slowest_s: float | None = None

    def greet(self, *, opens: bool) -> Greeting:
        authentication = self._ask(greeting.AUTHENTICATION)
        pongs = self._call(greeting.PING, lambda packet: greeting.is_pong(packet) or None)
        suites = self._suites() if authentication is not None else ()
        statuses = []
        if opens:
            wanted = 17 if 17 in suites or 3 not in suites else 3
            to_try = [(wanted, greeting.open_session(SUITES[wanted])), (0, greeting.open_session(None))]
            for number, packet in to_try:
                status = self._call(packet, greeting.status_of_open)
                if status is None:
                    break
                statuses.append((number, status))
        told = None if authentication is None else greeting.authentication_of(authentication)
        return Greeting(False, bool(pongs), told, suites, tuple(statuses), self.slowest_s)

    def _suites(self) -> tuple[int, ...]:
        records, index = b"", 0
        while True:
            response = self._ask(greeting.suites_part(index))
            if response is None or response.code != SUCCESS:
                break
            part = response.data[1:]
            records += part
            if greeting.is_last_part(index, part):
                break
            index += 1
        return greeting.suites_of(records)

    def _ask(self, request: Request) -> Response | None:
        return self._call(greeting.outside_session(request), lambda packet: greeting.answer_to(request, packet))

    def _call(self, packet: bytes, understood: Callable[[bytes], T | None]) -> T | None:
        """Send a packet, once more if nothing comes, and return what answers it within the time limit."""
        sent_s = time.monotonic()
        for number in range(1, _TRIES + 1):
            self.socket.send(packet)
            until_s = sent_s + number * self.timeout_s / _TRIES
            while (left_s := until_s - time.monotonic()) > 0:
                if not select.select([self.socket], [], [], left_s)[0]:
                    break
                answer = understood(self.socket.recv(_LONGEST_PACKET))
                if answer is not None:
                    self.slowest_s = max(self.slowest_s or 0.0, time.monotonic() - sent_s)
                    return answer
        return None
