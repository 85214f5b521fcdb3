"""Logging in to one BMC: when to send a step of the handshake again, whom to believe, when to give up.

No socket: its line gives it packets and time limits, and does what it says is next. It lasts as long as the line, and
remembers which cipher suite and which privilege serve; `begin` starts an attempt. One login may take several attempts
where the BMC says what was wrong with the one before, but at most LOGIN_TIMEOUTS times `timeout_s` in all.

An attempt has three states. WAITING: a step was sent once. REPEATED: it was sent a second time. DOUBTING: something
spoke against the login, which anybody may have sent; it counts unless something better comes within GRACE_S.
"""

from __future__ import annotations

import time
from enum import Enum, auto
from typing import Final, NamedTuple

from powergraph_collector.model import Reason
from powergraph_collector.sources.contract import NoReading
from powergraph_collector.sources.ipmi import refusals
from powergraph_collector.sources.ipmi.handshake import Fault, Handshake, Objection, Step
from powergraph_collector.sources.ipmi.knowledge import Knowledge
from powergraph_collector.sources.ipmi.login import Login
from powergraph_collector.sources.ipmi.session import SUITES, Keys
from powergraph_collector.sources.ipmi.ways import Privileges, Suites, Way

GRACE_S: Final = 0.3
LOGIN_TIMEOUTS: Final = 3
RESENT_AFTER: Final = 0.6  # of timeout_s: a BMC that makes new numbers for a repeated RAKP 1 spoils the login


class _State(Enum):
    WAITING = auto()
    REPEATED = auto()
    DOUBTING = auto()


class Send(NamedTuple):
    """Send a packet, and come back when `delay_s` is over."""

    packet: bytes
    delay_s: float


class Wait(NamedTuple):
    """Come back when `delay_s` is over, unless a packet comes before."""

    delay_s: float


class Again(NamedTuple):
    """Begin another attempt at once."""


class Refused(NamedTuple):
    """The login is over, and this is why."""

    answer: NoReading


Next = Send | Wait | Again | Refused | Keys


class LoggingIn:
    """The logins of one line; see the module."""

    __slots__ = ("_handshake", "_knowledge", "_login", "_state", "_until_s", "privileges", "suites")

    def __init__(self, login: Login, knowledge: Knowledge) -> None:
        self.privileges = Privileges.named(login.privilege)
        self.suites = Suites(login.cipher_suite)
        self._login = login
        self._knowledge = knowledge
        self._handshake: Handshake | None = None
        self._state = _State.WAITING
        self._until_s = 0.0

    @property
    def way(self) -> Way:
        """The way of the present attempt, or of the last one."""
        return Way(self.privileges.name, self.suites.suite)

    def stop_clock(self) -> None:
        """A login is wanted: its time runs from its first attempt on, not while it waits for its turn among others."""
        self._until_s = 0.0

    def start_clock(self) -> None:
        """A login begins, of one attempt or several: its time runs from here on."""
        self._until_s = time.monotonic() + LOGIN_TIMEOUTS * self._login.timeout_s

    @property
    def is_over(self) -> bool:
        """Whether the login's time is up."""
        return 0.0 < self._until_s <= time.monotonic()

    def within(self, delay_s: float) -> float:
        """A delay that ends no later than the login's time."""
        return max(0.0, min(delay_s, self._until_s - time.monotonic()))

    def begin(self) -> Next:
        """Begin an attempt."""
        if not self._until_s:
            self.start_clock()
        login = self._login
        password = login.password.reveal().encode()
        suite = SUITES[self.suites.suite]
        self._handshake = Handshake(login.user.encode(), password, login.group_key, self.privileges.level, suite)
        return self._send()

    def _send(self) -> Send:
        assert self._handshake is not None  # noqa: S101 -- an attempt is under way
        self._state = _State.WAITING
        return Send(self._handshake.packet, self.within(self._login.timeout_s * RESENT_AFTER))

    def received(self, packet: bytes) -> Next | None:
        """Take a packet; None if it is of no use."""
        handshake = self._handshake
        if handshake is None:
            return None
        if handshake.feed(packet):
            if handshake.keys is None:
                return self._send()
            self._handshake = None
            self.suites.worked()
            return handshake.keys
        return self._doubt() if handshake.objection is not None else None

    def closed_port(self) -> Next | None:
        """The BMC's system, or one between, says that there is nobody at its port."""
        if self._handshake is None:
            return None
        self._handshake.object(Fault.CLOSED_PORT)
        return self._doubt()

    def _doubt(self) -> Next | None:
        if self._state is _State.DOUBTING:
            return None
        self._state = _State.DOUBTING
        return Wait(self.within(min(GRACE_S, self._login.timeout_s)))

    def expired(self) -> Next:
        """The time is over that the last answer of this object named."""
        handshake = self._handshake
        assert handshake is not None  # noqa: S101 -- an attempt is under way
        if handshake.objection is not None:
            return self._objected(handshake.objection)
        if self._state is _State.WAITING and not self.is_over:
            self._state = _State.REPEATED
            return Send(handshake.packet, self.within(self._login.timeout_s * (1 - RESENT_AFTER)))
        answer = NoReading(Reason.TIMEOUT, refusals.silence_at(handshake.step, self._login.timeout_s))
        is_another_next = handshake.step is Step.OPEN_SESSION and self.suites.is_not_answered()
        return (
            self._again()
            if is_another_next and self._knowledge.judges_at_once and not self.is_over
            else Refused(answer)
        )

    def _objected(self, objection: Objection) -> Next:
        answer = refusals.answer_to(objection)
        if refusals.is_of_suite(objection):
            return self._again() if self.suites.is_refused(answer) else Refused(self.suites.first_refusal or answer)
        if objection.fault in {Fault.WRONG_CODE, Fault.ZERO_CODE} and self.suites.is_defective(answer):
            return self._again()
        return self.refused_privilege(answer) if refusals.is_of_role(objection) else Refused(answer)

    def dcmi_wants_more(self) -> Next:
        """A session was open, and DCMI wants a higher privilege than it has."""
        self.stop_clock()
        self.privileges.wanted_by_dcmi = True
        return self.refused_privilege(refusals.TOO_LOW)

    def refused_privilege(self, answer: NoReading) -> Next:
        """Go on with the next higher privilege, else with what there is without DCMI, else say so."""
        if self.privileges.climb():
            return self._again()
        if self.privileges.came_for_dcmi():
            self._knowledge.privilege_is_refused(time.monotonic())
            return self._again()
        return Refused(answer)

    def _again(self) -> Next:
        """Another attempt, since the BMC said what was wrong with the one before."""
        if not self.is_over:
            return Again()
        return Refused(NoReading(Reason.TIMEOUT, f"no login within {LOGIN_TIMEOUTS * self._login.timeout_s:g} s"))
