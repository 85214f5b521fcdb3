"""Signals that end a program: SIGTERM, Ctrl-C and a terminal that closes set an event; a second one ends at once."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_AGAIN_S: Final = 1.0  # what comes sooner is the same wish: of a terminal and a wrapper, or of a nervous finger


@contextmanager
def stop_on_signals(stop: threading.Event) -> Iterator[None]:
    """Let SIGTERM, Ctrl-C and a terminal that closes set `stop`; one that comes later than with it ends at once.

    SIGHUP is left alone where somebody cares for it: `nohup`, or a service that reloads. A terminal that closes often
    says so twice, and means no hurry.
    """
    former = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)}
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        former[signal.SIGHUP] = signal.SIG_DFL

    asked_s: list[float] = []

    def on_signal(number: int, _frame: object) -> None:
        stop.set()
        asked_s.append(time.monotonic())
        if number != signal.SIGHUP and asked_s[-1] - asked_s[0] > _AGAIN_S:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)

    for each in former:
        signal.signal(each, on_signal)
    try:
        yield
    finally:
        for each, handler in former.items():
            signal.signal(each, handler)
