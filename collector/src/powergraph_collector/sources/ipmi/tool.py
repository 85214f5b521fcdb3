"""Reading through the ipmitool program: a process a request, for BMCs that only it can talk to.

The conversation is that of `reading`, held by `ipmitool raw`, so that the samples are those of every other reader. Only
the SDRs, hundreds of requests, are fetched by `ipmitool sdr dump`.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Final

from powergraph_collector.model import Reason, Source
from powergraph_collector.sources.contract import Answer, Answered, NoReading, Reading
from powergraph_collector.sources.ipmi import dcmi, sdr, sdr_walk, sensors, tool_process
from powergraph_collector.sources.ipmi.knowledge import Knowledge, PrivilegeTooLow
from powergraph_collector.sources.ipmi.login import Login
from powergraph_collector.sources.ipmi.message import Request, Response, SilenceError
from powergraph_collector.sources.ipmi.reading import FindSensors, read_power
from powergraph_collector.sources.ipmi.sdr import SensorError
from powergraph_collector.sources.ipmi.sdr_walk import Conversation
from powergraph_collector.sources.ipmi.tool_process import PRIVILEGES, NoAnswer, Tool
from powergraph_collector.sources.ipmi.tool_text import DUMP_CUT, NO_LOGIN, NO_SESSION, NO_SUITE, complaint, response_of
from powergraph_collector.sources.ipmi.ways import Way

CAP_LIMIT_S: Final = 5.0  # a reading that is due meanwhile waits as long
DUMP_LIMIT_S: Final = 60.0  # some hundred SDRs of a slow BMC
MOST_PROCESSES: Final = 16
_CIPHER_SUITES: Final = (17, 3)

_TOO_LOW = NoReading(Reason.LOGIN_REFUSED, "completion code 0xD4: privilege too low")


# The last is a faster way to the sensors than asking for each record.
Begin = Callable[[Knowledge, float, FindSensors], Conversation[Any]]


@dataclass(slots=True)
class _Bmc:
    """A BMC, and what was learned about it: the way that served last is the first to be tried."""

    login: Login
    knowledge: Knowledge
    way: Way | None = None
    turn: threading.Lock = field(default_factory=threading.Lock)  # one process at a time asks a BMC

    def ways(self) -> list[Way]:
        """What to try, in this order."""
        privileges = list(PRIVILEGES) if self.login.privilege == "auto" else [self.login.privilege]
        suites = _CIPHER_SUITES if self.login.cipher_suite is None else (self.login.cipher_suite,)
        ways = [Way(privilege, suite) for privilege in privileges for suite in suites]
        return ways[ways.index(self.way) :] if self.way else ways


class ToolReader:
    """Reads through ipmitool; see `contract.Reader`. Raises ToolMissing when made where there is no ipmitool."""

    def __init__(self, *, judges_at_once: bool = False) -> None:
        self._judges_at_once = judges_at_once
        self._tool = Tool()
        self._pool = ThreadPoolExecutor(MOST_PROCESSES, "ipmitool")
        self._done: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._bmcs: dict[str, _Bmc] = {}

    def ask(self, login: Login, answered: Answered) -> None:
        """Start ipmitool."""
        bmc = self._bmc(login)
        future = self._pool.submit(self._read_in_turn, bmc)
        future.add_done_callback(lambda future: self._done.put(lambda: self._tell(bmc, answered, _outcome(future))))

    def hold(self, login: Login, begin: Begin, answered: Callable[[Any], None]) -> None:
        """Hold any conversation; `answered` gets its result, or a NoReading if it could not be held."""
        future = self._pool.submit(self._hold_in_turn, self._bmc(login), begin)
        future.add_done_callback(lambda future: self._done.put(lambda: answered(_outcome(future))))

    def way_of(self, name: str) -> Way | None:
        """How ipmitool was last let in by a BMC; None where it was not."""
        bmc = self._bmcs.get(name)
        return None if bmc is None else bmc.way

    def _bmc(self, login: Login) -> _Bmc:
        bmc = self._bmcs.get(login.name)
        if bmc is None or bmc.login != login:
            bmc = self._bmcs[login.name] = _Bmc(login, Knowledge(login.power_sensors, self._judges_at_once))
        return bmc

    def work(self, timeout_s: float) -> None:
        """Tell the answers that have come."""
        try:
            self._done.get(timeout=max(0.0, timeout_s))()
            while True:
                self._done.get_nowait()()
        except Empty:
            return

    def _tell(self, bmc: _Bmc, answered: Answered, answer: Answer) -> None:
        """Tell an answer; if it is time, the cap is asked for behind it."""
        answered(answer)
        if isinstance(answer, Reading) and answer.source is Source.TOOL and bmc.knowledge.cap.is_due(time.monotonic()):
            self._pool.submit(self._ask_for_cap, bmc)

    def _ask_for_cap(self, bmc: _Bmc) -> None:
        with bmc.turn:
            if bmc.way is None or not bmc.knowledge.cap.is_due(time.monotonic()):
                return  # or it was asked for since this began to wait
            try:
                response = self._send(bmc.login, bmc.way, dcmi.POWER_LIMIT, CAP_LIMIT_S)
            except NoAnswer:
                bmc.knowledge.cap.unanswered(time.monotonic())
            else:
                bmc.knowledge.cap.answered(response, time.monotonic())

    def _read_in_turn(self, bmc: _Bmc) -> Answer:
        with bmc.turn:
            answer = self._tried(bmc, read_power)
            if isinstance(answer, Reading) and answer.source is Source.DCMI:
                answer = replace(answer, source=Source.TOOL)
            return bmc.knowledge.cap.told_with(answer) if isinstance(answer, Reading) else answer

    def _hold_in_turn(self, bmc: _Bmc, begin: Begin) -> Any:
        with bmc.turn:
            return self._tried(bmc, begin)

    def _tried(self, bmc: _Bmc, begin: Begin) -> Any:
        """Try privileges and cipher suites until one is let in and may ask, and begin there next time."""
        answer: Any = _TOO_LOW
        of_no_use: set[str | int] = set()
        too_low = False
        for way in bmc.ways():
            privilege, suite = way
            if privilege in of_no_use or suite in of_no_use:
                continue
            try:
                answer = self._held(bmc, way, begin)
            except PrivilegeTooLow:
                answer = _TOO_LOW
                too_low = True
            if not isinstance(answer, NoReading):
                bmc.way = way
                return answer
            lacks_suite = answer.detail in {NO_SUITE, NO_LOGIN}  # some BMCs do not answer to a suite that they lack
            is_final = answer.reason is not Reason.LOGIN_REFUSED or "incorrect password" in answer.detail
            if is_final and not lacks_suite:
                return answer  # a further try would end alike, or lock the account
            of_no_use.add(suite if lacks_suite else privilege)
        bmc.way = None
        if too_low and bmc.knowledge.asks_dcmi(time.monotonic()):
            bmc.knowledge.give_up_dcmi(time.monotonic())  # the sensors may be open to the privilege that there is
            return self._tried(bmc, begin)
        return answer

    def _held(self, bmc: _Bmc, way: Way, begin: Begin) -> Any:
        """Hold the conversation, a run of ipmitool for each request. Raises PrivilegeTooLow."""
        conversation = begin(
            bmc.knowledge,
            time.monotonic(),
            lambda: sensors.find_watt_sensors(bmc.login.power_sensors, lambda: self._fetch_records(bmc.login, way)),
        )
        answer: Any = NoReading(Reason.TIMEOUT, "no answer")
        try:
            request = next(conversation)
            while True:
                try:
                    response = self._send(bmc.login, way, request)
                except NoAnswer as error:
                    answer = error.answer
                    if answer.reason is not Reason.TIMEOUT or self._tool.is_stopping:
                        break
                    request = conversation.throw(SilenceError())
                else:
                    request = conversation.send(response)
        except StopIteration as end:
            answer = end.value
        except SilenceError:
            pass  # `answer` says how it was silent
        except NoAnswer as error:
            answer = error.answer
        return answer

    def _send(self, login: Login, way: Way, request: Request, limit_s: float | None = None) -> Response:
        limit_s = max(tool_process.TIME_LIMIT_S if limit_s is None else limit_s, 3 * login.timeout_s)
        numbers = (f"0x{number:02x}" for number in (request.netfn, request.command, *request.data))
        unit = ("-l", str(request.lun)) if request.lun else ()
        run = self._tool.run(login, way, limit_s, *unit, "raw", *numbers)
        response = response_of(run.stdout, run.stderr)
        if isinstance(response, NoReading):
            raise NoAnswer(response)
        return response

    def _fetch_records(self, login: Login, way: Way) -> Conversation[list[bytes]]:
        """All SDRs: those of the repository at once, where ipmitool can; those of the device one by one."""
        count = yield from sdr_walk.record_count()
        if count is None:
            records = yield from sdr_walk.walk_repository()
        elif count:
            records = self._dumped(login, way) or (yield from sdr_walk.walk_repository())
        else:
            records = []  # ipmitool would clear the empty repository and fill it anew, of its own accord
        return records + (yield from sdr_walk.more_records(records))

    def _dumped(self, login: Login, way: Way) -> list[bytes]:
        """What `ipmitool sdr dump` gets; nothing where it does not come to an end, or only to a part of them.

        So it is with a last record that names the first one as the next, and with records that are shorter than they
        say.
        """
        try:
            return sdr.split_dump(self._dump(login, way))
        except SensorError:
            return []
        except NoAnswer as error:
            if error.answer.reason is not Reason.TIMEOUT or self._tool.is_stopping:
                raise
            return []

    def _dump(self, login: Login, way: Way) -> bytes:
        """All SDRs, one after another; at most a byte more than the largest dump. Raises SensorError."""
        with tempfile.TemporaryDirectory(dir=self._tool.home) as folder:
            path = Path(folder, "sdr")
            run = self._tool.run(login, way, DUMP_LIMIT_S, "sdr", "dump", str(path))
            if run.returncode or NO_SESSION.search(run.stderr) or not path.exists():
                raise NoAnswer(complaint(run.stderr))
            if DUMP_CUT.search(run.stderr):
                raise SensorError("ipmitool got only a part of the SDR repository")
            with path.open("rb") as file:
                return file.read(sdr.LARGEST_DUMP_BYTES + 1)

    def forget(self, name: str) -> None:
        """Forget what was learned about a BMC; there is no session to close."""
        self._bmcs.pop(name, None)

    def close(self) -> None:
        """Wait for the processes that run, at most TIME_LIMIT_S, and clean up."""
        self._tool.stop()
        self._pool.shutdown(cancel_futures=True)
        self._tool.remove()


def _outcome(future: Future[Any]) -> Any:
    if future.cancelled():
        return NoReading(Reason.TIMEOUT, "stopped")
    error = future.exception()
    if error is not None:  # one BMC's trouble is not everybody's
        return NoReading(Reason.UNREACHABLE, f"ipmitool cannot be run: {error}")
    return future.result()
