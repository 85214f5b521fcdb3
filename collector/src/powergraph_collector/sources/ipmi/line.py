"""The line to one BMC: logging in, asking, noticing that a session is gone. No socket: packets in, packets out.

Its state is `state`, one value; `line_state` says what each means. Silence alone never ends a session: a packet may be
lost, a BMC may say nothing to one command. Only a session that says nothing to Get Device ID either is given up, and
the login follows at once.
"""

from __future__ import annotations

import socket
import time
from typing import Any, Final

from powergraph_collector.model import Source
from powergraph_collector.sources.contract import NoReading, Reading
from powergraph_collector.sources.ipmi import dcmi, refusals
from powergraph_collector.sources.ipmi.knowledge import Knowledge, PrivilegeTooLow
from powergraph_collector.sources.ipmi.late_answers import LateAnswers
from powergraph_collector.sources.ipmi.line_owner import Answered, Begin, Owner
from powergraph_collector.sources.ipmi.line_state import State
from powergraph_collector.sources.ipmi.logging_in import Again, LoggingIn, Next, Refused, Send, Wait
from powergraph_collector.sources.ipmi.login import Login
from powergraph_collector.sources.ipmi.message import SUCCESS, Request, Response, SilenceError
from powergraph_collector.sources.ipmi.reading import read_power, usual_reading
from powergraph_collector.sources.ipmi.sdr_walk import Conversation
from powergraph_collector.sources.ipmi.session import Drop, Session
from powergraph_collector.sources.ipmi.ways import Way

ASIDE_WAIT_S: Final = 1.0  # for an answer that nobody waits for; a reading that is due meanwhile waits as long
REQUEST_RESENDS: Final = 0.4  # a repeated request bears the number of the first, and is answered once
_GET_DEVICE_ID: Final = Request(0x06, 0x01)
_APPLICATION, _SET_PRIVILEGE, _CLOSE_SESSION = 0x06, 0x3B, 0x3C


class Line:
    """The line to one BMC; see the module."""

    __slots__ = (
        "_answered", "_begin", "_conversation", "_is_last_try", "_is_raised", "_is_silent", "_late", "_logging_in",
        "_owner", "_request", "_session", "deadline_s", "knowledge", "login", "place", "socket", "state",
        "used_at_s",
    )  # fmt: skip

    def __init__(self, login: Login, owner: Owner[Line], *, judges_at_once: bool = False) -> None:
        self.login = login
        self.knowledge = Knowledge(login.power_sensors, judges_at_once)
        self.state = State.CLOSED
        self.deadline_s = float("inf")
        self.used_at_s = 0.0
        self.socket: socket.socket | None = None  # this and the place are the owner's
        self.place: tuple[str, int] | None = None
        self._owner = owner
        self._logging_in = LoggingIn(login, self.knowledge)
        self._session: Session | None = None
        self._begin: Begin | None = None
        self._answered: Answered | None = None
        self._conversation: Conversation[Any] | None = None
        self._request: Request | None = None
        self._late = LateAnswers(login.timeout_s)
        self._is_last_try = False
        self._is_silent = False
        self._is_raised = False

    @property
    def way(self) -> Way | None:
        """How the session that there is was let in; None without one."""
        return self._logging_in.way if self._session is not None else None

    def ask(self, begin: Begin, answered: Answered) -> None:
        """Hold a conversation; `answered` gets its result, or a NoReading if it could not be held."""
        self._begin, self._answered = begin, answered
        self._late.forget()
        if self.state is not State.ASIDE:  # else when that is over
            self._go_on()

    def _go_on(self) -> None:
        """Do the next thing towards an answer."""
        if self._session is not None and self._session.is_worn:
            self._leave()
        if self._session is None:
            self._logging_in.stop_clock()
            self._connect()
        elif self._is_silent:
            self._request_in(State.CHECKING, _GET_DEVICE_ID)
        elif not self._is_raised:
            self._logging_in.start_clock()
            self._raise_privilege()
        elif self._begin is read_power and self.knowledge.expects_dcmi(time.monotonic()):
            self._request_in(State.ASKING, dcmi.POWER_READING)  # the conversation is held if more has to be said
        else:
            self._conversation = self._begun()
            self._step(None)

    def _request_in(self, state: State, request: Request) -> None:
        assert self._session is not None  # noqa: S101 -- the states that ask have one
        self.state, self._request, self._is_last_try = state, request, False
        self._owner.send(self, self._session.seal(request))
        self._owner.wait(self, self._late.patience_s * REQUEST_RESENDS)

    def received(self, packet: bytes, at_ms: int) -> Drop | None:
        """Take what the socket brought; returns why it was dropped, if it was."""
        session = self._session
        if session is None:
            step = self._logging_in.received(packet) if self.state is State.SHAKING else None
            if step is None:
                return Drop.FOREIGN
            self._do(step)
            return None
        response = session.open(packet)
        if isinstance(response, Drop):
            if response is Drop.UNASKED and self.state is State.CHECKING:
                self._is_silent = False  # it was late, but nobody else could have said it
                self._go_on()
            return response
        self.knowledge.heard_ms = at_ms
        if self.state is State.ASKING:
            if self._conversation is None and (reading := usual_reading(self.knowledge, response, time.monotonic())):
                self._ended(reading)
            else:
                self._step(response)
        elif self.state is State.RAISING:
            self._raised(response)
        elif self.state is State.CHECKING:
            self._is_silent = False
            self._go_on()
        elif self.state is State.ASIDE:
            self._end_aside(response)
        else:
            self._is_silent = False
            late = self._late.reading_of(response, self.knowledge)
            if late is not None:
                self._owner.tell(*late)
        return None

    def _begun(self) -> Conversation[Any]:
        assert self._begin is not None  # noqa: S101 -- somebody asked
        return self._begin(self.knowledge, time.monotonic())

    def _step(self, came: Response | SilenceError | None) -> None:
        """Give the conversation what came, None at its beginning, and the BMC the conversation's next request."""
        conversation = self._conversation
        if conversation is None:
            conversation = self._conversation = self._begun()
            next(conversation)  # the power reading, which was asked for
        try:
            if came is None:
                request = next(conversation)
            else:
                request = conversation.throw(came) if isinstance(came, SilenceError) else conversation.send(came)
            self._request_in(State.ASKING, request)
        except StopIteration as end:
            self._ended(end.value)
        except SilenceError:
            self._ended(self._late.answer)
        except PrivilegeTooLow:
            self._wants_more()

    def _ended(self, result: Any) -> None:
        """The conversation is over. What was learned of the cap goes with a reading; if it is time, it is asked for."""
        self.state, self._conversation = State.IDLE, None
        self.deadline_s = float("inf")
        cap = self.knowledge.cap
        if self.knowledge.steps_down():
            self._logging_in.privileges.rung = 0
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

    def expired(self) -> None:
        """The time is over for which the line waited."""
        if self.state is State.SHAKING:
            self._do(self._logging_in.expired())
        elif self.state is State.ASIDE:
            self._end_aside(None)
        elif not self._is_last_try and self._session is not None:
            self._is_last_try = True
            self._owner.send(self, self._session.seal_again())
            delay_s = self._late.patience_s * (1 - REQUEST_RESENDS)
            self._owner.wait(self, self._logging_in.within(delay_s) if self.state is State.RAISING else delay_s)
        else:
            self._fell_silent()

    def _fell_silent(self) -> None:
        if self.state is State.CHECKING:  # the session is gone
            self._leave()
            self._go_on()
            return
        self._is_silent = True
        if self.state is State.RAISING:
            self.fail(self._late.answer)
            return
        if self._request and self._begin and self._answered:
            self._late.expect(self._request, self._begin, self._answered)
        self._step(SilenceError())
        if self.state is State.ASKING:  # the conversation goes on with another request
            self._late.forget()

    def closed_port(self) -> None:
        """The BMC's system, or one between, says that there is nobody at its port; only believed of a login."""
        if self.state is State.SHAKING and (step := self._logging_in.closed_port()) is not None:
            self._do(step)

    def fail(self, answer: NoReading) -> None:
        """Answer without a conversation, as where there is no way to the BMC; the session, if there is one, stays."""
        self.state = State.CLOSED if self._session is None else State.IDLE
        self.deadline_s = float("inf")
        if self._session is None:
            self._owner.disconnect(self)
        self._answer(answer)

    def connected(self) -> None:
        """There is a socket, and it is this line's turn."""
        self.state = State.SHAKING
        self._do(self._logging_in.begin())

    def _do(self, step: Next) -> None:
        """Do what is next in a login."""
        if isinstance(step, Send):
            self._owner.send(self, step.packet)
            self._owner.wait(self, step.delay_s)
        elif isinstance(step, Wait):
            self._owner.wait(self, step.delay_s)
        elif isinstance(step, Again):
            self._connect()
        elif isinstance(step, Refused):
            self.fail(step.answer)
        else:
            self._session = Session(step)
            self._is_silent = self._is_raised = False
            self._raise_privilege()

    def _connect(self) -> None:
        self._owner.disconnect(self)
        self.state = State.CONNECTING
        self._owner.connect(self)

    def _raise_privilege(self) -> None:
        level = bytes((self._logging_in.privileges.level,))
        self._request_in(State.RAISING, Request(_APPLICATION, _SET_PRIVILEGE, level))
        self._owner.wait(self, self._logging_in.within(self._late.patience_s * REQUEST_RESENDS))

    def _raised(self, response: Response) -> None:
        if response.code == SUCCESS:
            self._is_raised = True
            self.knowledge.begin_session(time.monotonic(), can_climb=self._logging_in.privileges.can_climb)
            self._go_on()
        elif response.code in refusals.BUSY_CODES:  # for a while after a reboot
            self.fail(refusals.privilege_busy(response.code))
        else:
            self._leave()
            self._do(self._logging_in.refused_privilege(refusals.privilege_refused(response.code)))

    def _wants_more(self) -> None:
        self._conversation = None
        self._leave()
        self._do(self._logging_in.dcmi_wants_more())

    def _leave(self) -> None:
        """Tell the BMC that the session is over, without waiting for its word."""
        session, self._session = self._session, None
        if session is not None:
            farewell = session.keys.bmc_session.to_bytes(4, "little")
            self._owner.send(self, session.seal(Request(_APPLICATION, _CLOSE_SESSION, farewell)))
        self._owner.disconnect(self)  # with its time limit
        self.state, self._is_silent = State.CLOSED, False

    def leave(self) -> None:
        """Log out; what is under way stays unanswered."""
        self._answered = self._begin = self._conversation = None
        self._late.forget()
        self._leave()
