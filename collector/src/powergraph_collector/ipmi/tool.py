"""Reading through the ipmitool program: a process a reading, for BMCs that only it can talk to."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Final

from powergraph_collector.ipmi.dcmi import PowerReading
from powergraph_collector.ipmi.reader import Answer, Answered, Login, NoReading, Reading
from powergraph_collector.ipmi.reading import WITHOUT_DCMI, PrivilegeTooLow, refusal
from powergraph_collector.model import Doubt, Reason, Source, Statistics

TIME_LIMIT_S: Final = 20.0
MOST_PROCESSES: Final = 16
_PRIVILEGES: Final = {"user": "USER", "operator": "OPERATOR", "administrator": "ADMINISTRATOR"}
_CIPHER_SUITES: Final = (17, 3)
_STUB_VENDORS = "0\n  unknown\n"

_WATTS = {
    "current_w": re.compile(r"Instantaneous power reading:\s*(\d+)\s*Watts"),
    "min_w": re.compile(r"Minimum during sampling period:\s*(\d+)\s*Watts"),
    "max_w": re.compile(r"Maximum during sampling period:\s*(\d+)\s*Watts"),
    "average_w": re.compile(r"Average power reading over sample period:\s*(\d+)\s*Watts"),
}
_PERIOD = re.compile(r"Sampling period:\s*(\d+)\s*(Milliseconds|Seconds)")
_STATE = re.compile(r"Power reading state is:\s*(activated|deactivated)")
_REFUSED = re.compile(r"DCMI request failed because: .*\(([0-9a-fA-F]{2})\)")
_NO_SUITE = re.compile(r"no matching cipher suite|invalid (?:authentication|integrity) algorithm", re.IGNORECASE)

# What `ipmitool -v` says of a session that did not come about, most telling first.
_LOGIN_REFUSED = "check user, password and privilege"
_COMPLAINTS = (
    (re.compile(r"RAKP 2 HMAC is invalid"), Reason.LOGIN_REFUSED, f"incorrect password; {_LOGIN_REFUSED}"),
    (re.compile(r"unauthorized name"), Reason.LOGIN_REFUSED, f"unauthorized name; {_LOGIN_REFUSED}"),
    (re.compile(r"invalid role|unauthorized role"), Reason.LOGIN_REFUSED, f"privilege refused; {_LOGIN_REFUSED}"),
    (_NO_SUITE, Reason.LOGIN_REFUSED, "no matching cipher suite"),
    (re.compile(r"insufficient resources"), Reason.NO_SESSION_SLOT, "all sessions of the BMC are taken"),
    (re.compile(r"not known|lookup for"), Reason.UNRESOLVABLE, "host name has no address"),
    (re.compile(r"unable to establish|Get Auth Capabilities error|timeout|no response", re.IGNORECASE),
     Reason.TIMEOUT, "no answer"),
)  # fmt: skip


class ToolMissing(Exception):  # noqa: N818
    """There is no ipmitool on this machine."""


def parse(text: str) -> PowerReading | None:
    """The reading in what `ipmitool dcmi power reading` printed (1.8.15 to 1.8.19), None if there is none.

    The time that it prints is in the locale's form and in the BMC's idea of time: it is not taken (`bmc_time_s` is 0).
    """
    watts = {name: pattern.search(text) for name, pattern in _WATTS.items()}
    current = watts["current_w"]
    if current is None:
        return None
    values = {name: int(found[1]) if found else 0 for name, found in watts.items()}
    period = _PERIOD.search(text)
    unit_ms = 1 if period and period[2] == "Milliseconds" else 1000
    state = _STATE.search(text)
    return PowerReading(
        **values,
        bmc_time_s=0,
        period_ms=int(period[1]) * unit_ms if period else 0,
        active=state is None or state[1] == "activated",
    )


def complaint(text: str) -> NoReading:
    """What a failed run of `ipmitool -v` says. Raises PrivilegeTooLow."""
    refused = _REFUSED.search(text)
    if refused:
        code = int(refused[1], 16)
        if code in WITHOUT_DCMI:
            return NoReading(Reason.NOT_SUPPORTED, f"no DCMI power reading (0x{code:02X})")
        return refusal(code)
    for pattern, reason, detail in _COMPLAINTS:
        if pattern.search(text):
            return NoReading(reason, detail)
    last_line = next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")
    printable = "".join(letter for letter in last_line if letter.isprintable())[:200]
    return NoReading(Reason.BAD_ANSWER, f"ipmitool says: {printable}" if printable else "ipmitool printed no reading")


class ToolReader:
    """Reads through ipmitool; see `reader.Reader`. Raises ToolMissing when made where there is no ipmitool.

    The password goes through an inherited file descriptor, so that neither the process list nor the environment shows
    it. The vendor file that ipmitool parses at every start (4.7 MB on Debian) is stood in for by a short one.
    """

    def __init__(self) -> None:
        program = shutil.which("ipmitool")
        if program is None:
            raise ToolMissing("ipmitool is not installed; do: apt install ipmitool")
        self._program = program
        self._pool = ThreadPoolExecutor(MOST_PROCESSES, "ipmitool")
        self._done: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._settled: dict[str, tuple[str, int]] = {}
        self._home = tempfile.TemporaryDirectory(prefix="powergraph-")
        folder = Path(self._home.name, ".local/usr/share/misc")
        folder.mkdir(parents=True)
        for name in ("enterprise-numbers", "enterprise-numbers.txt"):  # the name differs by version
            (folder / name).write_text(_STUB_VENDORS)

    def ask(self, login: Login, answered: Answered) -> None:
        """Start ipmitool."""
        future = self._pool.submit(self._read, login)
        future.add_done_callback(lambda future: self._done.put(lambda: answered(_outcome(future))))

    def work(self, timeout_s: float) -> None:
        """Tell the answers that have come."""
        try:
            self._done.get(timeout=max(0.0, timeout_s))()
            while True:
                self._done.get_nowait()()
        except Empty:
            return

    def _read(self, login: Login) -> Answer:
        """Try privileges and cipher suites until one is let in, and begin there next time."""
        answer: Answer = NoReading(Reason.LOGIN_REFUSED, "privilege too low for this user")
        for privilege, suite in self._ways(login):
            try:
                answer = self._ask_once(login, privilege, suite)
            except PrivilegeTooLow:
                continue
            if isinstance(answer, Reading):
                self._settled[login.name] = (privilege, suite)
                return answer
            if answer.reason is not Reason.LOGIN_REFUSED or "incorrect password" in answer.detail:
                return answer  # a further try would end alike, or lock the account
        self._settled.pop(login.name, None)
        return answer

    def _ways(self, login: Login) -> list[tuple[str, int]]:
        settled = self._settled.get(login.name)
        if settled is not None:
            return [settled]
        privileges = list(_PRIVILEGES) if login.privilege == "auto" else [login.privilege]
        suites = _CIPHER_SUITES if login.cipher_suite is None else (login.cipher_suite,)
        return [(privilege, suite) for privilege in privileges for suite in suites]

    def _ask_once(self, login: Login, privilege: str, suite: int) -> Answer:
        run = self._run(login, privilege, suite, "dcmi", "power", "reading")
        if isinstance(run, NoReading):
            return run
        reading = parse(run.stdout)
        if reading is None:
            return complaint(run.stderr)
        if reading.current_w == 0xFFFF:
            return NoReading(Reason.IMPLAUSIBLE, "the BMC answers 65535 W, its sign for no value")
        if reading.current_w == 0:
            if not reading.active:
                return NoReading(Reason.NOT_MEASURING, "the BMC says that it does not measure power now")
            chassis = self._run(login, privilege, suite, "chassis", "power", "status")
            if isinstance(chassis, NoReading) or "is off" not in chassis.stdout:
                return NoReading(Reason.IMPLAUSIBLE, "the BMC answers 0 W although the machine is on")
        return Reading(
            reading.current_w,
            Source.TOOL,
            Doubt.NONE if reading.active else Doubt.INACTIVE,
            Statistics(reading.min_w, reading.max_w, reading.average_w, reading.period_ms, reading.bmc_time_s),
        )

    def _run(
        self, login: Login, privilege: str, suite: int, *words: str
    ) -> subprocess.CompletedProcess[str] | NoReading:
        with ExitStack() as stack:
            password = os.memfd_create("password", os.MFD_CLOEXEC)
            stack.callback(os.close, password)
            os.write(password, login.password.reveal().encode() + b"\n")
            command = [
                *(self._program, "-I", "lanplus", "-H", login.host, "-p", str(login.port), "-U", login.user),
                *("-f", f"/proc/self/fd/{password}", "-L", _PRIVILEGES[privilege], "-C", str(suite)),
                *("-v", "-N", "1", "-R", "1", *words),
            ]
            try:
                return subprocess.run(
                    command,
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "HOME": self._home.name},
                    pass_fds=(password,),
                    timeout=TIME_LIMIT_S,
                    check=False,
                    text=True,
                    errors="replace",
                )
            except subprocess.TimeoutExpired:
                return NoReading(Reason.TIMEOUT, f"ipmitool did not end within {TIME_LIMIT_S:.0f} s")
            except OSError as error:
                return NoReading(Reason.UNREACHABLE, f"ipmitool cannot be started: {error.strerror}")

    def forget(self, name: str) -> None:
        """Forget what was learned about a BMC; there is no session to close."""
        self._settled.pop(name, None)

    def close(self) -> None:
        """Wait for what runs, and clean up."""
        self._pool.shutdown(cancel_futures=True)
        self._home.cleanup()


def _outcome(future: Future[Answer]) -> Answer:
    if future.cancelled():
        return NoReading(Reason.TIMEOUT, "stopped")
    error = future.exception()
    if error is not None:  # one BMC's trouble is not everybody's
        return NoReading(Reason.UNREACHABLE, f"ipmitool cannot be run: {error}")
    return future.result()
