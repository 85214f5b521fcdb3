"""Running the ipmitool program: arguments, secrets, time limits.

The password goes through an inherited file descriptor, so that neither the process list nor the environment shows it; a
group key through the environment, since ipmitool takes it from there or from its arguments only.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
import time
from contextlib import ExitStack
from math import ceil
from pathlib import Path
from typing import Final

from powergraph_collector.model import Reason
from powergraph_collector.sources.contract import NoReading, ToolMissing
from powergraph_collector.sources.ipmi.login import Login
from powergraph_collector.sources.ipmi.ways import Way

TIME_LIMIT_S: Final = 20.0
_LOOK_UP_S: Final = 0.5  # from waiting for a process, for whether the reader is being closed
PRIVILEGES: Final = {"user": "USER", "operator": "OPERATOR", "administrator": "ADMINISTRATOR"}
_STUB_VENDORS = "0\n  unknown\n"


class NoAnswer(Exception):  # noqa: N818
    """A run of ipmitool brought nothing; `answer` says why."""

    def __init__(self, answer: NoReading) -> None:
        super().__init__(answer.detail)
        self.answer = answer


class Tool:
    """ipmitool on this machine. Raises ToolMissing when made where there is none.

    The vendor file that ipmitool parses at every start (4.7 MB on Debian) is stood in for by a short one.
    """

    def __init__(self) -> None:
        program = shutil.which("ipmitool")
        if program is None:
            raise ToolMissing("ipmitool is not installed; do: apt install ipmitool")
        self._program = program
        self._closing = threading.Event()
        self._home = tempfile.TemporaryDirectory(prefix="powergraph-")
        folder = Path(self._home.name, ".local/usr/share/misc")
        folder.mkdir(parents=True)
        for name in ("enterprise-numbers", "enterprise-numbers.txt"):  # the name differs by version
            (folder / name).write_text(_STUB_VENDORS)

    @property
    def home(self) -> str:
        """The folder that ipmitool takes for its user's, for what it writes."""
        return self._home.name

    @property
    def is_stopping(self) -> bool:
        """Whether no further process is to begin."""
        return self._closing.is_set()

    def stop(self) -> None:
        """Let no further process begin; those that run get TIME_LIMIT_S."""
        self._closing.set()

    def remove(self) -> None:
        """Remove what was written, after the last process."""
        self._home.cleanup()

    def run(self, login: Login, way: Way, limit_s: float, *words: str) -> subprocess.CompletedProcess[str]:
        """Run ipmitool for at most limit_s. Raises NoAnswer."""
        if self._closing.is_set():
            raise NoAnswer(NoReading(Reason.TIMEOUT, "stopped"))
        privilege, suite = way
        with ExitStack() as stack:
            password = os.memfd_create("password", os.MFD_CLOEXEC)
            stack.callback(os.close, password)
            os.write(password, login.password.reveal().encode() + b"\n")
            command = [
                *(self._program, "-I", "lanplus", "-H", login.host, "-p", str(login.port), "-U", login.user),
                *("-f", f"/proc/self/fd/{password}", "-L", PRIVILEGES[privilege], "-C", str(suite)),
                *("-v", "-N", str(ceil(login.timeout_s)), "-R", "1", *words),
            ]
            environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "HOME": self._home.name}
            if login.group_key is not None:
                command.insert(1, "-K")
                # Zeros at its end are as good as none: HMAC fills keys up with them.
                environment["IPMI_KGKEY"] = os.fsdecode(login.group_key.rstrip(b"\0"))
            try:
                process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    env=environment,
                    pass_fds=(password,),
                    text=True,
                    errors="replace",
                )
            except OSError as error:
                reason = f"ipmitool cannot be started: {error.strerror}"
                raise NoAnswer(NoReading(Reason.UNREACHABLE, reason)) from None
        with process:
            printed, complaints = self._wait(process, limit_s)
        return subprocess.CompletedProcess(command, process.returncode, printed, complaints)

    def _wait(self, process: subprocess.Popen[str], limit_s: float) -> tuple[str, str]:
        begin_s = time.monotonic()
        while True:
            try:
                return process.communicate(timeout=_LOOK_UP_S)
            except subprocess.TimeoutExpired:
                longest_s = min(limit_s, TIME_LIMIT_S) if self._closing.is_set() else limit_s
                if time.monotonic() - begin_s > longest_s:
                    process.kill()
                    reason = f"ipmitool did not end within {longest_s:.0f} s"
                    raise NoAnswer(NoReading(Reason.TIMEOUT, reason)) from None
