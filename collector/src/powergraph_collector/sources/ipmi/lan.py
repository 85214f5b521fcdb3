"""IPMI over LAN through pyghmi: one session kept open per BMC, all of them moved by one thread.

pyghmi is used in its callback mode, which is the only one in which a BMC that dies does not stop the others. What that
takes is gathered in `pyghmi_session`.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from pyghmi.exceptions import IpmiException
from pyghmi.ipmi.private import constants

from powergraph_collector.model import Reason, Source
from powergraph_collector.sources.contract import Answered, NoReading, Reading
from powergraph_collector.sources.ipmi import dcmi
from powergraph_collector.sources.ipmi.login import Login
from powergraph_collector.sources.ipmi.message import Request, Response
from powergraph_collector.sources.ipmi.pyghmi_session import PRIVILEGE_REFUSED, Session, close, wait
from powergraph_collector.sources.ipmi.reading import Knowledge, PrivilegeTooLow, read_power
from powergraph_collector.sources.ipmi.sdr_walk import Conversation
from powergraph_collector.sources.resolver import Resolver

PRIVILEGES: Final = {"user": 2, "operator": 3, "administrator": 4}
CAP_WAIT_S: Final = 1.0  # for an answer that is asked for in passing; a reading that is due meanwhile waits as long
KEEP_ALIVE_S: Final = 25.0  # BMCs close sessions that were idle for 60 s, some for 30 s
_NO_ANSWER = "no answer within 2.5 s"
_GET_DEVICE_ID = Request(0x06, 0x01)

_INCORRECT_PASSWORD = "Incorrect password"  # noqa: S105 -- what pyghmi says, not a secret
_STATUS_OF = {text: code for code, text in constants.rmcp_codes.items()}
_NO_SLOT_STATUS = frozenset({0x01, 0x0B})
_ROLE_STATUS = frozenset({0x09, 0x0A, 0x0D})

Begin = Callable[[Knowledge, float], Conversation[Any]]

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Line:
    """The line to one BMC: its session, what is under way on it, and what was learned about it."""

    login: Login
    knowledge: Knowledge = field(default_factory=Knowledge)
    privileges: list[int] = field(default_factory=list)
    refused_dcmi: bool = False
    first_hash: int = 256
    session: Session | None = None
    address: str = ""
    begin: Begin = read_power
    answered: Callable[[Any], None] | None = None
    used_at_s: float = 0.0


class LanReader:
    """Reads through pyghmi; see `reader.Reader`. Only one may exist at a time, as pyghmi's state is global."""

    def __init__(self) -> None:
        self._lines: dict[str, _Line] = {}
        self._at: dict[tuple[str, int], _Line] = {}
        self._resolver = Resolver()
        self._keep_alive_at_s = 0.0
        self._again: deque[_Line] = deque()
        self._answers: deque[tuple[Callable[[Any], None], Any]] = deque()
        self._outbox: deque[tuple[_Line, Conversation[Any], Request]] = deque()
        self._caps_due: deque[_Line] = deque()
        self._in_passing: dict[str, _Line] = {}  # whose caps are asked for, by name

    def ask(self, login: Login, answered: Answered) -> None:
        """Begin a reading on the open session, or log in first."""
        self.hold(login, read_power, answered)

    def hold(self, login: Login, begin: Begin, answered: Callable[[Any], None]) -> None:
        """Begin any conversation; `answered` gets its result, or a NoReading if it could not be held."""
        line = self._lines.get(login.name)
        if line is not None and line.login != login:
            self.forget(login.name)
            line = None
        if line is None:
            line = self._lines[login.name] = _Line(login, privileges=_privileges(login))
            line.first_hash = 1 if login.cipher_suite == 3 else 256
        line.begin, line.answered = begin, answered
        if login.name not in self._in_passing:  # else it is read when that is over, within CAP_WAIT_S
            self._read(line)

    def _read(self, line: _Line) -> None:
        if line.session is not None and line.session.is_alive:
            self._step(line, line.begin(line.knowledge, time.monotonic()), None)
        else:
            line.session = None
            self._resolver.resolve(line.login.host, lambda address: self._log_in(line, address))

    def _log_in(self, line: _Line, address: str | None) -> None:
        login = line.login
        if line.answered is None:
            return  # forgotten while its name was looked up
        if address is None:
            self._answer(line, NoReading(Reason.UNRESOLVABLE, f"host name {login.host} has no address"))
            return
        other = self._at.setdefault((address, login.port), line)
        if other is not line and self._lines.get(other.login.name) is other and other.address == address:
            # pyghmi would hand out the other's session, and the other's answers with it
            detail = f"it is the same BMC as {other.login.name}, at {address} port {login.port}: list it once"
            self._answer(line, NoReading(Reason.UNREACHABLE, detail))
            return
        self._at[address, login.port] = line
        line.address = address
        try:
            line.session = Session(
                address,
                # Bytes: with str pyghmi keeps the half-open session and hands it out again, dead.
                login.user.encode(),
                login.password.reveal().encode(),
                login.port,
                onlogon=lambda outcome: self._logged_in(line, outcome),
                privlevel=line.privileges[0],
                first_hash=line.first_hash,
            )
        except (OSError, IpmiException) as error:
            line.session = None
            self._answer(line, NoReading(Reason.UNREACHABLE, f"cannot send to {address}: {error}"))

    def _logged_in(self, line: _Line, outcome: dict[str, Any]) -> None:
        session = line.session
        if session is None or line.answered is None:
            return
        if "error" not in outcome:
            line.first_hash = session.attemptedhash
            line.knowledge.cap.begin_session()
            self._step(line, line.begin(line.knowledge, time.monotonic()), None)
            return
        line.session = None
        text = str(outcome["error"])
        status = _STATUS_OF.get(text.removesuffix(" in RAKP2").removesuffix(" reported in RAKP4"), 0)
        if text == PRIVILEGE_REFUSED or status in _ROLE_STATUS:
            self._refused_privilege(line, text)
        elif status in _NO_SLOT_STATUS:
            detail = f"RMCP+ status 0x{status:02X}: all sessions of the BMC are taken"
            self._answer(line, NoReading(Reason.NO_SESSION_SLOT, detail))
        elif status or _INCORRECT_PASSWORD in text or "integrity code" in text:
            self._answer(line, NoReading(Reason.LOGIN_REFUSED, _login_refusal(text, status)))
        else:
            if session.sessioncontext == "OPENSESSION" and line.login.cipher_suite is None:
                line.first_hash = 257 - line.first_hash  # some BMCs do not answer to a suite that they lack
            self._answer(line, NoReading(Reason.TIMEOUT, _NO_ANSWER))

    def _refused_privilege(self, line: _Line, text: str) -> None:
        """Go on with the next higher privilege, else with what there is without DCMI, else say so."""
        if len(line.privileges) > 1:
            del line.privileges[0]  # and remembered: the next login begins here
            self._again.append(line)
            return
        line.privileges = _privileges(line.login)
        if line.refused_dcmi and line.knowledge.asks_dcmi(time.monotonic()):
            line.knowledge.give_up_dcmi(time.monotonic())  # the sensors may be open to the privilege that there is
            self._again.append(line)
            return
        status = _STATUS_OF.get(text.removesuffix(" in RAKP2"), 0)
        self._answer(line, NoReading(Reason.LOGIN_REFUSED, _login_refusal(text, status)))

    def _step(self, line: _Line, conversation: Conversation[Any], response: Response | None) -> None:
        """Give the conversation its response, and the BMC the conversation's next request."""
        session = line.session
        try:
            request = next(conversation) if response is None else conversation.send(response)
        except StopIteration as end:
            self._answer(line, self._with_cap(line, end.value))
        except PrivilegeTooLow:
            if session is not None:
                session.leave()
            line.session = None
            line.refused_dcmi = True
            self._refused_privilege(line, "completion code 0xD4: privilege too low")
        else:
            self._outbox.append((line, conversation, request))

    def _with_cap(self, line: _Line, result: Any) -> Any:
        """What was learned of the cap goes with a reading; if it is time, the cap is asked for behind it."""
        if not isinstance(result, Reading):
            return result
        if result.source is Source.DCMI and line.knowledge.cap.is_due(time.monotonic()):
            self._caps_due.append(line)
        return line.knowledge.cap.told_with(result)

    def _ask_for_caps(self) -> None:
        """Ask those BMCs that have nothing else to do; of the others, the next reading is behind."""
        while self._caps_due:
            line = self._caps_due.popleft()
            session = line.session
            if session is None or not session.is_alive or session.incommand or line.answered is not None:
                continue
            line.used_at_s = time.monotonic()
            self._in_passing[line.login.name] = line
            session.send(dcmi.POWER_LIMIT, partial(self._received_cap, line), in_passing=True)

    def _received_cap(self, line: _Line, response: Response | None) -> None:
        if response is not None and self._in_passing.get(line.login.name) is line:
            line.knowledge.cap.answered(response, time.monotonic())
            self._end_passing(line)

    def _give_up_caps(self) -> None:
        now_s = time.monotonic()
        for line in [line for line in self._in_passing.values() if now_s - line.used_at_s > CAP_WAIT_S]:
            line.knowledge.cap.unanswered(now_s)
            if line.session is not None:
                line.session.give_up()
            self._end_passing(line)

    def _end_passing(self, line: _Line) -> None:
        del self._in_passing[line.login.name]
        if line.answered is not None:  # somebody waits for a reading
            self._again.append(line)

    def _send(self) -> None:
        """Log in again, and send what conversations want to send. Never from a callback.

        There, pyghmi would hand out the session that it is about to close, and forget the request on return.
        """
        while self._again:
            line = self._again.popleft()
            if line.answered is not None:
                self._read(line)
        while self._outbox:
            line, conversation, request = self._outbox.popleft()
            if line.session is None or not line.session.is_alive:
                self._lost(line)
                continue
            line.used_at_s = time.monotonic()
            line.session.send(request, partial(self._received, line, conversation))

    def _received(self, line: _Line, conversation: Conversation[Any], response: Response | None) -> None:
        if response is None:
            self._lost(line)
        else:
            self._step(line, conversation, response)

    def _lost(self, line: _Line) -> None:
        line.session = None  # the next reading logs in again
        self._answer(line, NoReading(Reason.TIMEOUT, _NO_ANSWER))

    def _answer(self, line: _Line, answer: Any) -> None:
        answered, line.answered = line.answered, None
        if answered is not None:
            self._answers.append((answered, answer))

    def work(self, timeout_s: float) -> None:
        """Let pyghmi receive, repeat and give up."""
        self._resolver.work()
        if self._in_passing:
            self._give_up_caps()
        self._keep_alive()
        self._send()
        try:
            wait(0.0 if self._answers else timeout_s)
        except Exception:
            # Malformed packets make pyghmi's parser raise anything; what they were to answer runs into its time limit.
            _log.warning("a packet was dropped that pyghmi could not handle", exc_info=True)
        self._send()
        self._tell()
        self._ask_for_caps()

    def _tell(self) -> None:
        """Tell answers, outside of pyghmi, so that what their receivers raise is not taken for its trouble."""
        while self._answers:
            answered, answer = self._answers.popleft()
            answered(answer)

    def _keep_alive(self) -> None:
        now_s = time.monotonic()
        if now_s < self._keep_alive_at_s:
            return
        self._keep_alive_at_s = now_s + 1.0
        for line in self._lines.values():
            session = line.session
            if session is None or line.answered is not None or now_s - line.used_at_s < KEEP_ALIVE_S:
                continue
            if session.is_alive and not session.incommand:
                line.used_at_s = now_s
                session.send(_GET_DEVICE_ID, lambda _: None)

    def forget(self, name: str) -> None:
        """Log out of one BMC; what is under way there stays unanswered."""
        line = self._lines.pop(name, None)
        self._in_passing.pop(name, None)
        if line is None:
            return
        line.answered = None
        if line.session is not None and line.session.is_alive:
            line.session.leave()
        line.session = None

    def close(self) -> None:
        """Log out everywhere."""
        for name in list(self._lines):
            self.forget(name)
        close()


def _privileges(login: Login) -> list[int]:
    return list(PRIVILEGES.values()) if login.privilege == "auto" else [PRIVILEGES[login.privilege]]


def _login_refusal(text: str, status: int) -> str:
    code = f"RMCP+ status 0x{status:02X}: " if status else ""
    return f"{code}{text.rstrip('.')}"
