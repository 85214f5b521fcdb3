"""The line to one BMC: logging in, asking, noticing that a session is gone. No socket: packets in, packets out.

Its state is `state`, one value, which only the methods of Line change, all called by one thread:

CLOSED       no session, and nothing under way
CONNECTING   the owner looks up the address, opens a socket, waits for its turn to log in; then `connected`
SHAKING      the handshake is under way
RAISING      the session is there, and Set Session Privilege Level was asked
IDLE         the session is there, and nothing is under way; an answer that is late may still come
ASKING       a request of the conversation is under way
CHECKING     the last request got no answer: Get Device ID tells whether the session still lives
ASIDE        a request is under way that nobody waits for: the power cap, or what keeps the session alive

Silence alone never ends a session: a packet may be lost, a BMC may say nothing to one command. Only a session that says
nothing to Get Device ID either is given up, and the login follows at once.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from enum import Enum, auto
from typing import Any, Final, Protocol

from powergraph_collector.model import Reason, Source
from powergraph_collector.sources.contract import NoReading, Reading
from powergraph_collector.sources.ipmi import dcmi, refusals
from powergraph_collector.sources.ipmi.handshake import Fault, Handshake, Objection, Step
from powergraph_collector.sources.ipmi.knowledge import Knowledge, PrivilegeTooLow
from powergraph_collector.sources.ipmi.login import Login
from powergraph_collector.sources.ipmi.message import SUCCESS, Request, Response, SilenceError
from powergraph_collector.sources.ipmi.sdr_walk import Conversation
from powergraph_collector.sources.ipmi.session import SUITES, Drop, Session
from powergraph_collector.sources.ipmi.ways import Privileges, Suites, Way

ASIDE_WAIT_S: Final = 1.0  # for an answer that nobody waits for; a reading that is due meanwhile waits as long
GRACE_S: Final = 0.3  # for something better than an objection, which anybody may have sent
LOGIN_TIMEOUTS: Final = 3  # a login takes at most so many times `timeout_s`, whatever the BMC does or does not say
LOGIN_RESENDS: Final = 0.6  # of timeout_s: a BMC that makes new numbers for a repeated RAKP 1 spoils the login
REQUEST_RESENDS: Final = 0.4  # a repeated request bears the number of the first, and is answered once
LATE_FACTOR: Final = 1.5  # a BMC that answered late gets that much more time, up to LOGIN_TIMEOUTS times timeout_s
_GET_DEVICE_ID: Final = Request(0x06, 0x01)
_APPLICATION, _SET_PRIVILEGE, _CLOSE_SESSION = 0x06, 0x3B, 0x3C

Begin = Callable[[Knowledge, float], Conversation[Any]]
Answered = Callable[[Any], None]


class State(Enum):
    """See the module."""

    CLOSED = auto()
    CONNECTING = auto()
    SHAKING = auto()
    RAISING = auto()
    IDLE = auto()
    ASKING = auto()
    CHECKING = auto()
    ASIDE = auto()


class Owner(Protocol):
    """Who has the socket and the clock of a line."""

    def connect(self, line: Line) -> None:
        """Look up the address, open a socket, and call `connected` in turn, or `unreachable`."""
        ...

    def send(self, line: Line, packet: bytes) -> None:
        """Send a packet; one that cannot be sent is lost."""
        ...

    def wait(self, line: Line, delay_s: float) -> None:
        """Call `expired` after delay_s, unless another wait comes before."""
        ...

    def disconnect(self, line: Line) -> None:
        """Close the socket, and call nothing any more."""
        ...

    def tell(self, answered: Answered, answer: Any) -> None:
        """Call `answered` with an answer, soon."""
        ...


class Line:
    """The line to one BMC; see the module."""

    __slots__ = (
        "_answered", "_begin", "_conversation", "_handshake", "_is_last_try", "_is_raised", "_is_silent", "_late",
        "_owner", "_patience_s", "_privileges", "_request", "_session", "_suites", "_until_s", "deadline_s",
        "knowledge", "login", "place", "socket", "state", "used_at_s",
    )  # fmt: skip

    def __init__(self, login: Login, owner: Owner, *, judges_at_once: bool = False) -> None:
        self.login = login
        self.knowledge = Knowledge(login.power_sensors, judges_at_once)
        self.state = State.CLOSED
        self.deadline_s = float("inf")
        self.used_at_s = 0.0
        self.socket: socket.socket | None = None  # this and the place are the owner's
        self.place: tuple[str, int] | None = None
        self._owner = owner
        self._privileges = Privileges.named(login.privilege)
        self._suites = Suites(login.cipher_suite)
        self._session: Session | None = None
        self._handshake: Handshake | None = None
        self._begin: Begin | None = None
        self._answered: Answered | None = None
        self._conversation: Conversation[Any] | None = None
        self._request: Request | None = None
        self._late: tuple[Request, Begin, Answered] | None = None
        self._patience_s = login.timeout_s
        self._until_s = 0.0
        self._is_last_try = False
        self._is_silent = False
        self._is_raised = False

    @property
    def way(self) -> Way | None:
        """How the session that there is was let in; None without one."""
        return Way(self._privileges.name, self._suites.suite) if self._session is not None else None

    def ask(self, begin: Begin, answered: Answered) -> None:
        """Hold a conversation; `answered` gets its result, or a NoReading if it could not be held."""
        self._begin, self._answered, self._late = begin, answered, None
        if self.state is not State.ASIDE:  # else when that is over
            self._go_on()

    def _go_on(self) -> None:
        """Do the next thing towards an answer."""
        if self._session is not None and self._session.is_worn:
            self._leave()
        if self._session is None:
            if self.state is State.CLOSED:
                self.state = State.CONNECTING
                self._until_s = 0.0
                self._owner.connect(self)
        elif self._is_silent:
            self._request_in(State.CHECKING, _GET_DEVICE_ID)
        elif not self._is_raised:
            self._until_s = time.monotonic() + LOGIN_TIMEOUTS * self.login.timeout_s
            self._raise_privilege()
        else:
            assert self._begin is not None  # noqa: S101 -- somebody asked
            self._conversation = self._begin(self.knowledge, time.monotonic())
            self._step(None)

    # Requests and their answers

    def _request_in(self, state: State, request: Request) -> None:
        assert self._session is not None  # noqa: S101 -- the states that ask have one
        self.state, self._request, self._is_last_try = state, request, False
        self._owner.send(self, self._session.seal(request))
        self._owner.wait(self, self._patience_s * REQUEST_RESENDS)

    def received(self, packet: bytes, at_ms: int) -> Drop | None:
        """Take what the socket brought; returns why it was dropped, if it was."""
        session = self._session
        if session is None:
            return self._shake(packet)
        response = session.open(packet)
        if isinstance(response, Drop):
            if response is Drop.UNASKED and self.state is State.CHECKING:
                self._lives()  # late, but nobody else could have said it
            return response
        self.knowledge.heard_ms = at_ms
        if self.state is State.ASKING:
            self._step(response)
        elif self.state is State.RAISING:
            self._raised(response)
        elif self.state is State.CHECKING:
            self._lives()
        elif self.state is State.ASIDE:
            self._end_aside(response)
        else:
            self._came_late(response)
        return None

    def _step(self, response: Response | None) -> None:
        """Give the conversation its response, and the BMC the conversation's next request."""
        conversation = self._conversation
        assert conversation is not None  # noqa: S101 -- it began before anything was asked
        try:
            self._request_in(State.ASKING, next(conversation) if response is None else conversation.send(response))
        except StopIteration as end:
            self._ended(end.value)
        except SilenceError:
            self._ended(self._silence())
        except PrivilegeTooLow:
            self._wants_more()

    def _ended(self, result: Any) -> None:
        """The conversation is over. What was learned of the cap goes with a reading; if it is time, it is asked for."""
        self.state, self._conversation = State.IDLE, None
        self.deadline_s = float("inf")
        cap = self.knowledge.cap
        if self.knowledge.steps_down():
            self._privileges.rung = 0
            self._leave()
        self._answer(cap.told_with(result) if isinstance(result, Reading) else result)
        if self._session is None or self._is_silent or not isinstance(result, Reading):
            return
        if result.source is Source.DCMI and cap.is_due(time.monotonic()):
            self._request_in(State.ASIDE, dcmi.POWER_LIMIT)
            self._owner.wait(self, ASIDE_WAIT_S)

    def _answer(self, answer: Any) -> None:
        self.used_at_s = time.monotonic()
        answered, self._answered, self._begin = self._answered, None, None
        if answered is not None:
            self._owner.tell(answered, answer)

    def _silence(self) -> NoReading:
        return NoReading(Reason.TIMEOUT, f"no answer within {self._patience_s:g} s")

    def _lives(self) -> None:
        self._is_silent = False
        self._go_on()

    def _came_late(self, response: Response) -> None:
        """An answer that came when nothing newer was asked counts, and shows how slow the BMC is."""
        self._is_silent = False
        late, self._late = self._late, None
        if late is None:
            return
        request, begin, answered = late
        took_s = time.monotonic() - self.used_at_s + self._patience_s
        self._patience_s = min(max(self._patience_s, took_s * LATE_FACTOR), LOGIN_TIMEOUTS * self.login.timeout_s)
        conversation = begin(self.knowledge, time.monotonic())
        try:
            if next(conversation) == request:
                conversation.send(response)
        except StopIteration as end:
            if isinstance(end.value, Reading):
                self._owner.tell(answered, end.value)
        except (SilenceError, PrivilegeTooLow):
            return

    # Beside readings

    def keep_alive(self) -> None:
        """Say something in a session that would be closed for being idle."""
        if self.state is State.IDLE and not self._is_silent:
            self.used_at_s = time.monotonic()
            self._request_in(State.ASIDE, _GET_DEVICE_ID)
            self._owner.wait(self, ASIDE_WAIT_S)

    def _end_aside(self, response: Response | None) -> None:
        self.state = State.IDLE
        self.deadline_s = float("inf")
        if self._request == dcmi.POWER_LIMIT:
            now_s = time.monotonic()
            if response is None:
                self.knowledge.cap.unanswered(now_s)
            else:
                self.knowledge.cap.answered(response, now_s)
        if self._answered is not None:  # somebody asked meanwhile
            self._go_on()

    # Time limits and errors

    def expired(self) -> None:
        """The time is over for which the line waited."""
        if self.state is State.SHAKING:
            self._shake_expired()
        elif self.state is State.ASIDE:
            self._end_aside(None)
        elif not self._is_last_try and self._session is not None:
            self._is_last_try = True
            self._owner.send(self, self._session.seal_again())
            delay_s = self._patience_s * (1 - REQUEST_RESENDS)
            if self.state is State.RAISING:
                self._wait_for_login(delay_s)
            else:
                self._owner.wait(self, delay_s)
        else:
            self._fell_silent()

    def _fell_silent(self) -> None:
        if self.state is State.CHECKING:  # the session is gone
            self._leave()
            self._go_on()
            return
        self._is_silent = True
        if self.state is State.RAISING:
            self._fail(self._silence())
            return
        assert self._conversation is not None  # noqa: S101 -- ASKING
        if self._request is not None and self._begin is not None and self._answered is not None:
            self._late = self._request, self._begin, self._answered
        try:
            self._request_in(State.ASKING, self._conversation.throw(SilenceError()))
            self._late = None
        except StopIteration as end:
            self._ended(end.value)
        except SilenceError:
            self._ended(self._silence())
        except PrivilegeTooLow:
            self._wants_more()

    def closed_port(self) -> None:
        """The BMC's system, or one between, says that there is nobody at its port; only believed of a login."""
        if self.state is State.SHAKING and self._handshake is not None and self._handshake.objection is None:
            self._handshake.object(Fault.CLOSED_PORT)
            self._owner.wait(self, min(GRACE_S, self.login.timeout_s))

    def unreachable(self, answer: NoReading) -> None:
        """There is no way to the BMC: no address, no socket."""
        self._fail(answer)

    def _fail(self, answer: NoReading) -> None:
        """Answer without a conversation; the session, if there is one, stays."""
        self.state = State.CLOSED if self._session is None else State.IDLE
        self.deadline_s = float("inf")
        if self._session is None:
            self._handshake = None
            self._owner.disconnect(self)
        self._answer(answer)

    # Logging in

    def connected(self) -> None:
        """There is a socket, and it is this line's turn."""
        login = self.login
        self.state = State.SHAKING
        if not self._until_s:
            self._until_s = time.monotonic() + LOGIN_TIMEOUTS * login.timeout_s
        self._handshake = Handshake(
            login.user.encode(),
            login.password.reveal().encode(),
            login.group_key,
            self._privileges.level,
            SUITES[self._suites.suite],
        )
        self._send_step()

    def _send_step(self) -> None:
        assert self._handshake is not None  # noqa: S101 -- SHAKING
        self._is_last_try = False
        self._owner.send(self, self._handshake.packet)
        self._wait_for_login(self.login.timeout_s * LOGIN_RESENDS)

    def _wait_for_login(self, delay_s: float) -> None:
        self._owner.wait(self, max(0.0, min(delay_s, self._until_s - time.monotonic())))

    def _shake(self, packet: bytes) -> Drop | None:
        handshake = self._handshake
        if handshake is None:
            return Drop.FOREIGN
        had_objection = handshake.objection is not None
        if not handshake.feed(packet):
            if handshake.objection is not None and not had_objection:
                self._wait_for_login(min(GRACE_S, self.login.timeout_s))
                return None
            return Drop.FOREIGN
        if handshake.keys is None:
            self._send_step()
            return None
        self._session, self._handshake = Session(handshake.keys), None
        self._is_silent = self._is_raised = False
        self._suites.worked()
        self._raise_privilege()
        return None

    def _raise_privilege(self) -> None:
        level = bytes((self._privileges.level,))
        self._request_in(State.RAISING, Request(_APPLICATION, _SET_PRIVILEGE, level))
        self._wait_for_login(self._patience_s * REQUEST_RESENDS)

    def _raised(self, response: Response) -> None:
        if response.code == SUCCESS:
            self._is_raised = True
            self.knowledge.begin_session(time.monotonic(), can_climb=self._privileges.can_climb)
            self._go_on()
        elif response.code in refusals.BUSY_CODES:  # for a while after a reboot
            self._fail(NoReading(Reason.BUSY, refusals.privilege_busy(response.code), again_soon=True))
        else:
            self._leave()
            self._refused_privilege(NoReading(Reason.LOGIN_REFUSED, refusals.privilege_refused(response.code)))

    def _shake_expired(self) -> None:
        handshake = self._handshake
        assert handshake is not None  # noqa: S101 -- SHAKING
        is_over = time.monotonic() >= self._until_s
        if handshake.objection is None and not self._is_last_try and not is_over:
            self._is_last_try = True
            self._owner.send(self, handshake.packet)
            self._wait_for_login(self.login.timeout_s * (1 - LOGIN_RESENDS))
        elif handshake.objection is not None:
            self._objected(handshake.objection)
        else:
            self._said_nothing(handshake.step)

    def _said_nothing(self, step: Step) -> None:
        answer = NoReading(Reason.TIMEOUT, refusals.silence_at(step, self.login.timeout_s))
        is_another_next = step is Step.OPEN_SESSION and self._suites.is_not_answered()
        if is_another_next and self.knowledge.judges_at_once and time.monotonic() < self._until_s:
            self._log_in_again()
        else:
            self._fail(answer)

    def _objected(self, objection: Objection) -> None:
        answer = refusals.answer_to(objection)
        if refusals.is_of_role(objection):
            self._refused_privilege(answer)
        elif refusals.is_of_suite(objection):
            if self._suites.is_refused(answer):
                self._log_in_again()
            else:
                self._fail(self._suites.first_refusal or answer)
        elif objection.fault in {Fault.WRONG_CODE, Fault.ZERO_CODE}:
            if self._suites.is_defective(answer):
                self._log_in_again()
            else:
                self._fail(answer)
        else:
            self._fail(answer)

    def _log_in_again(self) -> None:
        """Another attempt for the same answer, since the BMC said what was wrong with the one before."""
        self._handshake = None
        if time.monotonic() >= self._until_s:
            self._fail(NoReading(Reason.TIMEOUT, f"no login within {LOGIN_TIMEOUTS * self.login.timeout_s:g} s"))
            return
        self._owner.disconnect(self)
        self.state = State.CONNECTING
        self._owner.connect(self)

    def _wants_more(self) -> None:
        self._conversation = None
        self._leave()
        self._privileges.wanted_by_dcmi = True
        self._refused_privilege(refusals.TOO_LOW)

    def _refused_privilege(self, answer: NoReading) -> None:
        """Go on with the next higher privilege, else with what there is without DCMI, else say so."""
        if self._privileges.climb():
            self._log_in_afresh()
            return
        if self._privileges.came_for_dcmi():
            self.knowledge.privilege_is_refused(time.monotonic())
            self._log_in_afresh()
            return
        self._fail(answer)

    def _log_in_afresh(self) -> None:
        if self.state is State.SHAKING:
            self._log_in_again()
        else:
            self._until_s = time.monotonic() + LOGIN_TIMEOUTS * self.login.timeout_s
            self.state = State.CONNECTING
            self._owner.connect(self)

    # Leaving

    def _leave(self) -> None:
        """Tell the BMC that the session is over, without waiting for its word."""
        session, self._session = self._session, None
        if session is not None:
            farewell = session.keys.bmc_session.to_bytes(4, "little")
            self._owner.send(self, session.seal(Request(_APPLICATION, _CLOSE_SESSION, farewell)))
        self._owner.disconnect(self)
        self.state, self._handshake = State.CLOSED, None
        self.deadline_s = float("inf")
        self._is_silent = False

    def leave(self) -> None:
        """Log out; what is under way stays unanswered."""
        self._answered = self._begin = self._conversation = self._late = None
        self._leave()
