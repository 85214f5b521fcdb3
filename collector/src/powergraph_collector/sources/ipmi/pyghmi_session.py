"""pyghmi's session in the one mode in which a BMC that dies or reboots does not stop the others.

Everything that depends on pyghmi's inner workings is here: its callbacks, its time limits, and its input and output,
which are moved into the thread that calls `wait`. pyghmi's own receiving thread would cost about an eighth more, notice
quick answers up to a second late, and stop at 1,024 file descriptors.
"""

from __future__ import annotations

import select
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from pyghmi.exceptions import IpmiException
from pyghmi.ipmi.private import session

from powergraph_collector.sources.ipmi.message import Request, Response

PRIVILEGE_REFUSED: Final = "privilege refused"
_SET_PRIVILEGE = (0x06, 0x3B)


class Session(session.Session):  # type: ignore[misc]
    """A pyghmi session that never waits: every step, the privilege request too, ends in a callback."""

    first_hash = 256

    def __new__(cls, *args: Any, first_hash: int, **kwargs: Any) -> Session:
        """Begin with SHA-256 (first_hash 256, cipher suite 17) or with SHA-1 (1, suite 3)."""
        made = super().__new__(cls, *args, **kwargs)
        made.first_hash = first_hash
        return made  # type: ignore[no-any-return]

    def __init__(self, *args: Any, first_hash: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)

    def login(self) -> None:
        """Begin a login that fails in about 2.5 s instead of starting over."""
        super().login()
        self.logontries = 0

    def _initsession(self) -> None:
        super()._initsession()
        self.attemptedhash = self.first_hash

    def _req_priv_level(self) -> None:
        self.logged = 1
        self.logoutexpiry = None
        self.logontries = 0  # else a BMC that reboots holds everybody for 11.8 s
        self.maxtimeout = 2
        self.send(Request(*_SET_PRIVILEGE, bytes((self.privlevel,))), self._got_privilege)

    def _got_privilege(self, response: Response | None) -> None:
        self.logging = False
        if response is not None and response.code == 0:
            self.onlogon({"success": True})
            return
        self.logged = 0
        self.onlogon({"error": "timeout" if response is None else PRIVILEGE_REFUSED})

    def send(self, request: Request, received: Callable[[Response | None], None], *, in_passing: bool = False) -> None:
        """Send one request; `received` gets the response, None if there is none. One request at a time.

        In passing, it is sent once, and a BMC that says nothing to it costs nothing, the session least of all:
        `received` is not called then, and the next request goes out after `give_up`.
        """

        def answered(response: dict[str, Any]) -> None:
            self.incommand = False  # pyghmi leaves both to callbacks
            while self.evq:
                self.evq.popleft().set()
            if "error" in response:
                received(None)
            else:
                received(Response(int(response["code"]), bytes(response["data"])))

        self.raw_command(
            netfn=request.netfn,
            command=request.command,
            data=request.data,
            callback=answered,
            retry=not in_passing,
            rslun=request.lun,
        )
        # pyghmi's own keep-alives scan all sessions at every wake-up, and block when they meet a request.
        session.Session.keepalive_sessions.pop(self, None)

    def give_up(self) -> None:
        """Wait no longer for the response to what was sent in passing; one that is late answers nothing."""
        self.incommand = False
        self.request_entry.clear()
        self.seqlun = (self.seqlun + 1) & 0x3F  # type: ignore[has-type]

    @property
    def is_alive(self) -> bool:
        """Whether requests can be sent."""
        return bool(self.logged and not self.broken)

    def leave(self) -> None:
        """Tell the BMC that the session is over, without waiting for its word."""
        self.incommand = False
        self.lastpayload = None  # else the farewell would queue up behind it
        with suppress(IpmiException, OSError):  # then there is nobody left to tell
            self.logout(False)


def wait(timeout_s: float) -> None:
    """Let all sessions receive, repeat and give up; returns when something came, at the latest after timeout_s."""
    session.Session.wait_for_rsp(timeout=timeout_s)


def close() -> None:
    """Close the sockets that all sessions share, and forget the sessions."""
    for each in session.iosockets:
        each.close()
    session.iosockets.clear()
    session.sessionqueue.clear()
    for registry in ("socketpool", "bmc_handlers", "waiting_sessions", "initting_sessions", "keepalive_sessions"):
        getattr(session.Session, registry).clear()


def _receive(timeout_s: float, _address: Any = None, _events: Any = None) -> None:
    poll = select.poll()
    for each in session.iosockets:
        poll.register(each, select.POLLIN)
    if poll.poll(max(0.0, timeout_s) * 1000):
        session._io_graball(session.iosockets, {})


def _send_to(sender: socket.socket, packet: bytes, address: Any) -> None:
    with suppress(OSError):  # a datagram that is lost here is repeated like one lost on the way
        sender.sendto(packet, socket.MSG_DONTWAIT, address)


def _receive_from(receiver: socket.socket, size: int) -> tuple[bytes, Any] | None:
    try:
        return receiver.recvfrom(size, socket.MSG_DONTWAIT)
    except OSError:
        return None


# A stand-in for the thread that pyghmi starts with its first socket, and what that thread and its callers do.
session.iothread, session.iothreadready = "the caller of wait", True
session._io_wait, session._io_sendto, session._io_recvfrom = _receive, _send_to, _receive_from
