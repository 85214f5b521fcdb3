"""Markers that people of a group hand to the service: a folder into which they put files, and may do nothing else.

`put` writes a mark, on the collector's host, as anybody. `Inbox` takes marks, as the service: a mark's file goes once
its events are on the disk, so that a kill loses none; one that is found again makes no second event, as the events of
equal marks are equal. Files are hostile until checked; what is refused is said in the log, and to who waits for it.
"""

from __future__ import annotations

import json
import os
import re
import stat
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from powergraph_collector.days import iso, ms_of
from powergraph_collector.history.engine import ReadableHistory
from powergraph_collector.history.storage import StoreError
from powergraph_collector.model import Event, EventKind

DEFAULT_INBOX: Final = Path("/var/spool/powergraph")
MOST_TEXT: Final = 200
MOST_MACHINES: Final = 10_000
MARKER: Final = "marker"  # the reason of its events
_FORMAT: Final = 1
_DAY_MS: Final = 86_400_000
_MOST_PAST_MS: Final = 3660 * _DAY_MS
_MOST_AHEAD_MS: Final = _DAY_MS
_MOST_LENGTH_MS: Final = 31 * _DAY_MS
_MOST_BYTES: Final = 1 << 20
_MOST_ENTRIES: Final = 10_000  # of a folder that are looked at
_FILES_A_LOOK: Final = 20
_LEFTOVER_S: Final = 3600.0  # after which a file that was never finished goes
_WORD_S: Final = 60.0  # for which a refusal stays to be read
_MARK = re.compile(r"[0-9a-f]{32}\.json")
_REFUSED: Final = ".refused"
_FILE_MODE: Final = 0o644  # for the service, which is not of the group; nobody else gets into the folder


class MarkError(ValueError):
    """A mark that cannot be taken; the message says why."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A text about a span of some machines, of all where none is named. A moment is a span that ends as it begins."""

    text: str
    machines: tuple[str, ...]
    from_ms: int
    to_ms: int

    def check(self, now_ms: int) -> None:
        """Raise MarkError unless its text and times are within reason."""
        if not self.text.strip() or not self.text.isprintable() or len(self.text) > MOST_TEXT:
            raise MarkError(f"its text must be of 1 to {MOST_TEXT} printable characters")
        if not now_ms - _MOST_PAST_MS <= self.from_ms <= self.to_ms <= now_ms + _MOST_AHEAD_MS:
            raise MarkError("it must end after it begins, at most a day from now, and begin less than ten years ago")
        if self.to_ms - self.from_ms > _MOST_LENGTH_MS:
            raise MarkError("it must not be longer than 31 days")

    def document(self) -> bytes:
        """The content of its file."""
        fields = {"text": self.text, "machines": self.machines, "from": iso(self.from_ms), "to": iso(self.to_ms)}
        return json.dumps({"format": _FORMAT} | fields, ensure_ascii=False).encode()


def mark_of(content: bytes) -> Mark:
    """The inverse of Mark.document; its check is still to be made. Raises MarkError."""
    try:
        found: Any = json.loads(content)
    except (ValueError, RecursionError):
        raise MarkError("it is not JSON") from None
    if not isinstance(found, dict) or found.get("format") != _FORMAT:
        raise MarkError("it is of a format that is not known here")
    text, machines = found.get("text"), found.get("machines")
    if not isinstance(text, str) or not isinstance(machines, list) or len(machines) > MOST_MACHINES:
        raise MarkError("text or machines are missing")
    if not all(isinstance(name, str) for name in machines):
        raise MarkError("machines are names")
    try:
        from_ms, to_ms = ms_of(str(found.get("from"))), ms_of(str(found.get("to")))
    except (ValueError, OverflowError):
        raise MarkError("its times are not like 2026-11-24T01:50:09.123Z") from None
    return Mark(text, tuple(dict.fromkeys(machines)), from_ms, to_ms)


def put(folder: Path, mark: Mark) -> Path:
    """Hand a mark over; on return it survives a power cut. Raises OSError."""
    path = folder / f"{uuid4().hex}.json"
    beginning = folder / f".{path.name}.new"
    fd = os.open(beginning, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, _FILE_MODE)
    try:
        with os.fdopen(fd, "wb") as file:
            os.fchmod(fd, _FILE_MODE)
            file.write(mark.document())
            file.flush()
            os.fsync(fd)
        beginning.rename(path)
    except OSError:
        with suppress(OSError):
            beginning.unlink()
        raise
    return path


def refusal(path: Path) -> str | None:
    """Why the service refused a mark whose file is gone, None where it did not."""
    try:
        return path.with_suffix(_REFUSED).read_text()
    except OSError:
        return None


class Inbox:
    """Takes marks as they come; all but `acknowledged` is for one thread. `hand_on` takes what is to be stored."""

    def __init__(
        self, hand_on: Callable[[Sequence[Event]], None], complain: Callable[[str], None], now_ms: Callable[[], int]
    ) -> None:
        self._hand_on = hand_on
        self._complain = complain
        self._now_ms = now_ms
        self._lock = threading.Lock()
        self._pending: dict[str, set[Event]] = {}  # by file name, what of it is not stored yet
        self._stored: set[Event] = set()
        self._awaited: set[Event] = set()
        self._left_alone: set[str] = set()
        self._trouble = ""

    def acknowledged(self, events: Sequence[Event]) -> None:
        """See what is safe on the disk; called by the recording thread."""
        with self._lock:
            self._stored.update(event for event in events if event in self._awaited)

    def look(self, folder: Path, known: Collection[str], history: ReadableHistory) -> None:
        """Take a few of the marks that are there, and remove those that are stored; known are the machines."""
        try:
            self._finish(folder)
            names = self._names(folder)
        except OSError as error:
            self._say(f"marks cannot be taken from {folder}: {error.strerror}")
            return
        refused: list[str] = []
        for name in names[:_FILES_A_LOOK]:
            try:
                why = self._settle(folder, name, known, history)
            except (OSError, StoreError) as error:
                self._say(f"a mark waits: {getattr(error, 'strerror', None) or error}")
                return
            if why:
                refused.append(f"{name!r}: {why}")
        if refused:
            others = f" (and {len(refused) - 1} more)" if len(refused) > 1 else ""
            self._complain(f"a mark in {folder} was refused: {refused[0]}{others}")
        self._trouble = ""

    def _say(self, trouble: str) -> None:
        if trouble != self._trouble:
            self._complain(trouble)
        self._trouble = trouble

    def _finish(self, folder: Path) -> None:
        with self._lock:
            stored, self._stored = self._stored, set()
            self._awaited -= stored
        for name, events in list(self._pending.items()):
            events.difference_update(stored)
            if not events:
                (folder / name).unlink(missing_ok=True)
                del self._pending[name]

    def _names(self, folder: Path) -> list[str]:
        """Files that are to be taken, the oldest names of any form first; leftovers go."""
        found: list[str] = []
        now_s = self._now_ms() / 1000
        with os.scandir(folder) as entries:
            for entry in islice(entries, _MOST_ENTRIES):
                if entry.name in self._pending or entry.name in self._left_alone:
                    continue
                is_leftover = entry.name.startswith(".")
                if is_leftover or entry.name.endswith(_REFUSED):
                    with suppress(OSError):
                        age_s = now_s - entry.stat(follow_symlinks=False).st_mtime
                        if age_s > (_LEFTOVER_S if is_leftover else _WORD_S):
                            _remove(folder / entry.name)
                    continue
                found.append(entry.name)
        return sorted(found)

    def _settle(self, folder: Path, name: str, known: Collection[str], history: ReadableHistory) -> str:
        """Take a mark or refuse it; why it was refused, if it was. Raises OSError, StoreError."""
        try:
            self._take(folder, name, known, history)
        except MarkError as error:
            self._refuse(folder / name, str(error))
            return str(error)
        return ""

    def _take(self, folder: Path, name: str, known: Collection[str], history: ReadableHistory) -> None:
        """Hand the events of a mark on. Raises MarkError, OSError."""
        if not _MARK.fullmatch(name):
            raise MarkError("no file of `powergraph mark`")
        mark = mark_of(_content(folder / name))
        mark.check(self._now_ms())
        unknown = [machine for machine in mark.machines if machine not in known]
        if unknown:
            raise MarkError(f"no machine {unknown[0]!r}")
        new = {event for bmc in mark.machines or known if (event := self._event(mark, bmc, history)) is not None}
        with self._lock:
            self._awaited |= new
        self._pending[name] = new
        self._hand_on(sorted(new, key=lambda event: event.bmc))

    def _event(self, mark: Mark, bmc: str, history: ReadableHistory) -> Event | None:
        """The event of a mark, None if it is stored. Each begins at a ms of its own: by that the store tells them."""
        there = {
            event.begin_ms: event
            for event in history.read_events(bmc, mark.from_ms, mark.from_ms + 1000)
            if event.kind is EventKind.MARKER
        }
        there |= {event.begin_ms: event for event in self._awaited if event.bmc == bmc}
        for begin_ms in _moments(mark.from_ms):
            end_ms = max(begin_ms, mark.to_ms)
            event = Event(bmc, EventKind.MARKER, begin_ms, end_ms, MARKER, mark.text)
            other = there.get(begin_ms)
            if other is None:
                return event
            if (other.end_ms, other.detail) == (end_ms, mark.text):
                return None
        raise MarkError("too many marks at one moment")

    def _refuse(self, path: Path, why: str) -> None:
        """Remove a mark. Who waits for it takes it for stored once it is gone, unless a refusal is there by then."""
        if _MARK.fullmatch(path.name):
            _write_refusal(path, why)
        if not _remove(path):
            self._left_alone.add(path.name)


def _write_refusal(path: Path, why: str) -> None:
    word = path.with_suffix(_REFUSED)
    with suppress(OSError):
        word.unlink()  # what a kill or a full disk left of it
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    with suppress(FileExistsError), os.fdopen(os.open(word, flags, _FILE_MODE), "w") as file:
        file.write(why)


def _moments(from_ms: int) -> Iterator[int]:
    return iter(range(from_ms, from_ms + 1000))


def _content(path: Path) -> bytes:
    """A regular file's content. Raises MarkError, OSError."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise MarkError(f"it cannot be read: {error.strerror}") from None
    with os.fdopen(fd, "rb") as file:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise MarkError("it is no file")
        content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise MarkError("it is too large")
    return content


def _remove(path: Path) -> bool:
    """Remove what is there, whatever it is; whether that was possible."""
    try:
        path.unlink()
    except FileNotFoundError:
        return True
    except OSError:
        try:
            path.rmdir()
        except OSError:
            return False
    return True
