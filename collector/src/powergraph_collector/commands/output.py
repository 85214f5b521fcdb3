"""Where a command writes what it was asked for: a file, whole or not at all, or whatever else has the name."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TextIO

_DEADLY: Final = (signal.SIGTERM, signal.SIGHUP)  # and leave no time; Ctrl-C is an exception


@contextmanager
def opened(path: Path | None) -> Iterator[TextIO]:
    """Open an output for UTF-8 text: stdout where there is no path, a pipe or a device as it is.

    A file comes into its place at once, when all of it is safe on the disk; until then the former one stays, and
    whatever breaks off leaves nothing beside it. Raises OSError.
    """
    if path is None:
        yield sys.stdout
        sys.stdout.flush()
        return
    is_special = path.exists() and not path.is_file()
    try:
        with path.open("w", encoding="utf-8") if is_special else _replacing(path.resolve()) as file:  # a link stays one
            yield file
    except OSError as error:
        if error.errno and error.filename is None:
            error.filename = str(path)
        raise


@contextmanager
def _replacing(path: Path) -> Iterator[TextIO]:
    temporary = path.with_name(f".{path.name}.new")

    def remove_and_die(number: int, _frame: object) -> None:
        temporary.unlink(missing_ok=True)
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)

    former = {each: handler for each in _DEADLY if (handler := signal.getsignal(each)) is signal.SIG_DFL}
    for each in former:
        signal.signal(each, remove_and_die)
    try:
        temporary.unlink(missing_ok=True)
        with temporary.open("x", encoding="utf-8") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    finally:
        for each, handler in former.items():
            signal.signal(each, handler)
