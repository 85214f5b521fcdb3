"""Running another program in our place: signals passed on to it, its end told as a shell tells it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

NOT_EXECUTABLE: Final = 126
NOT_FOUND: Final = 127
_KILLED: Final = 128  # and the signal's number
_PASSED_ON: Final = frozenset({
    signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2,
})  # fmt: skip
_BY_KERNEL: Final = 0x80  # si_code of what a terminal sends, which its whole process group gets
_IGNORED_BY_PYTHON: Final = (signal.SIGPIPE, signal.SIGXFSZ)


class NotStartedError(Exception):
    """The program cannot be run; `code` is what a shell ends with then."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended: its exit code, 128 and the signal's number if one killed it; when, by this machine's clock.

    The duration is by a clock that nobody sets.
    """

    code: int
    at_ms: int
    duration_ms: int


def run(command: Sequence[str]) -> Ended:
    """Run a program until its end, for the main thread. Raises NotStartedError."""
    former = signal.pthread_sigmask(signal.SIG_BLOCK, _PASSED_ON | {signal.SIGCHLD})
    try:
        began_ms = _steady_ms()
        try:
            pid = os.posix_spawnp(
                command[0], [*command], os.environ, setsigmask=former, setsigdef=_IGNORED_BY_PYTHON
            )  # fmt: skip
        except OSError as error:
            code = NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_EXECUTABLE
            raise NotStartedError(f"{command[0]}: {error.strerror}", code) from None
        status = _wait(pid)
        ended_ms = _steady_ms()
        at_ms = time.time_ns() // 1_000_000
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, former)
    code = os.waitstatus_to_exitcode(status)
    return Ended(code if code >= 0 else _KILLED - code, at_ms, max(1, ended_ms - began_ms))


def _wait(pid: int) -> int:
    """Pass signals on until the program ends; returns its wait status."""
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            while signal.sigtimedwait(_PASSED_ON, 0):  # what a terminal told both of us
                pass
            return status
        told = signal.sigwaitinfo(_PASSED_ON | {signal.SIGCHLD})
        if told.si_signo != signal.SIGCHLD and told.si_code != _BY_KERNEL:
            with suppress(ProcessLookupError):
                os.kill(pid, told.si_signo)


def _steady_ms() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000
