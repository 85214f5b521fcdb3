"""Host names to addresses, looked up beside the polling loop and with a time limit."""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue

TIME_LIMIT_S = 5.0


@dataclass(slots=True)
class _LookUp:
    deadline_s: float
    waiting: list[Callable[[str | None], None]] = field(default_factory=list)


class Resolver:
    """Looks names up in threads of their own and tells the result from `work`, so that no look-up delays polling."""

    def __init__(self) -> None:
        self._under_way: dict[str, _LookUp] = {}
        self._found: SimpleQueue[tuple[str, str | None]] = SimpleQueue()

    def resolve(self, host: str, resolved: Callable[[str | None], None]) -> None:
        """Tell the address of host, None if it has none: at once if it is one, else later from `work`."""
        try:
            ipaddress.ip_address(host.partition("%")[0])
        except ValueError:
            pass
        else:
            resolved(host)
            return
        look_up = self._under_way.get(host)
        if look_up is None:
            look_up = self._under_way[host] = _LookUp(time.monotonic() + TIME_LIMIT_S)
            # A thread each, since a resolver that hangs must not hold the others' names; daemons, since it may hang on.
            threading.Thread(target=self._look_up, args=(host,), daemon=True, name=f"resolve {host}").start()
        look_up.waiting.append(resolved)

    def _look_up(self, host: str) -> None:
        try:
            address = str(socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM)[0][4][0])
        except (OSError, UnicodeError):
            self._found.put((host, None))
        else:
            self._found.put((host, address))

    def work(self) -> None:
        """Tell what was found, and give up on what took too long. Never blocks."""
        if not self._under_way:
            return
        while True:
            try:
                host, address = self._found.get_nowait()
            except Empty:
                break
            self._tell(host, address)
        now_s = time.monotonic()
        for host in [host for host, look_up in self._under_way.items() if look_up.deadline_s < now_s]:
            self._tell(host, None)

    def _tell(self, host: str, address: str | None) -> None:
        look_up = self._under_way.pop(host, None)
        for resolved in look_up.waiting if look_up else ():
            resolved(address)
