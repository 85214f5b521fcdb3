"""Samples on their way to a server: segments of lines on the disk, which stay until the server has given them back.

A folder of `<number>.jsonl`, in the store's format of lines (`log_file`), and of `last.json`: the last sample of each
BMC, from which the places of the next ones follow. A segment goes once it is confirmed; `last.json` is written first.
"""

from __future__ import annotations

import errno
import json
import os
import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from powergraph_collector.model import Sample

from . import durable, log_file
from .documents import sample_document, sample_of
from .engine import HistoryAwayError
from .storage import StoreError
from .victoriametrics_series import Placed, place

MOST_HELD: Final = 200_000  # samples in memory, beside their lines on the disk; about 80 MB
SEGMENT_BYTES: Final = 4_000_000
_MB: Final = 1_000_000
_LAST: Final = "last.json"


@dataclass(slots=True, eq=False)
class Segment:
    """A file of the spool that is no longer appended to. How it stands is the forwarding thread's to say."""

    number: int
    path: Path
    length: int
    count: int
    held: Sequence[Placed] | None
    sent_at_s: float | None = None  # monotonic; None while the server surely has nothing of it
    is_doubtful: bool = False  # it may have been sent, without an answer
    looks: int = 0  # that found something missing since it was sent
    sent_again: int = 0

    def placed(self) -> Sequence[Placed]:
        """Its samples, from memory or from the disk. Raises OSError."""
        return _read(self.path, self.length)[0] if self.held is None else self.held


@dataclass(slots=True)
class _Growing:
    number: int
    path: Path
    fd: int
    length: int = 0
    placed: list[Placed] = field(default_factory=list)


class Spool:
    """The writing end, for one process. `repairs` says what was damaged when it was opened.

    Raises StoreError where the folder cannot be used.
    """

    def __init__(self, folder: Path, most_bytes: int, most_held: int = MOST_HELD) -> None:
        self._folder = folder
        self.most_bytes = most_bytes
        self._most_held = most_held
        self._lock = threading.Lock()  # of what is in memory; never kept while the disk works
        self._writing = threading.RLock()  # of the files
        self._growing: _Growing | None = None
        self._segments: list[Segment] = []
        self._held: dict[str, dict[int, list[Placed]]] = defaultdict(dict)
        self._held_count = 0
        self._size_bytes = 0
        self._last: dict[str, Placed] = {}
        self.repairs: list[str] = []
        try:
            folder.mkdir(mode=0o750, exist_ok=True)
            durable.sync_folder(folder.parent)
            self._open()
        except OSError as error:
            raise StoreError(f"{folder} cannot be used as a spool: {error.strerror}") from None

    def _open(self) -> None:
        self._last = _last_samples(self._folder / _LAST, self.repairs)
        for number, path in _segment_paths(self._folder):
            placed, damaged = _read(path)
            if damaged:
                self.repairs.append(f"{path}: {damaged} damaged lines left out")
            for each in placed:
                former = self._last.get(each.sample.bmc)
                if former is None or (former.lap, former.sample.at_ms) < (each.lap, each.sample.at_ms):
                    self._last[each.sample.bmc] = each
            self._hold(number, placed)
            self._complete(Segment(number, path, path.stat().st_size, len(placed), placed))
        self._next_number = self._segments[-1].number + 1 if self._segments else 1

    def append(self, samples: Sequence[Sample], groups: Mapping[str, str]) -> None:
        """Keep samples; on return they are safe on the disk. Raises OSError with none kept."""
        with self._writing:
            last = {sample.bmc: self._last.get(sample.bmc) for sample in samples}
            placed: list[Placed] = []
            for sample in samples:
                placed.append(place(sample, last[sample.bmc], groups.get(sample.bmc, "")))
                last[sample.bmc] = placed[-1]
            growing = self._growing or self._new_file()
            first = len(growing.placed) + 1
            lines = b"".join(log_file.encode(first + index, _document(each)) for index, each in enumerate(placed))
            if self._size_bytes + len(lines) > self.most_bytes:
                raise OSError(errno.ENOSPC, f"the spool has reached its {self.most_bytes / _MB:g} MB")
            try:
                _write(growing.fd, lines, growing.length)
                os.fdatasync(growing.fd)
            except OSError:
                with suppress(OSError):  # where this fails too, the length bounds what is read
                    os.ftruncate(growing.fd, growing.length)
                self.cut()
                raise
            growing.length += len(lines)
            growing.placed += placed
            with self._lock:
                self._size_bytes += len(lines)
                self._last.update((bmc, each) for bmc, each in last.items() if each is not None)
                self._hold(growing.number, placed)
            if growing.length > SEGMENT_BYTES:
                self.cut()

    def _new_file(self) -> _Growing:
        path = self._folder / f"{self._next_number:012d}{log_file.SUFFIX}"
        self._next_number += 1
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
        try:
            durable.sync_folder(self._folder)
        except OSError:  # the next try must not take a file whose name may be lost
            os.close(fd)
            with suppress(OSError):
                path.unlink()
            raise
        self._growing = _Growing(self._next_number - 1, path, fd)
        return self._growing

    def cut(self) -> None:
        """Let what was appended so far be a segment."""
        with self._writing:
            growing, self._growing = self._growing, None
            if growing is None:
                return
            os.close(growing.fd)
            if not growing.length:
                with suppress(OSError):
                    growing.path.unlink()
                return
            with self._lock:
                self._size_bytes -= growing.length
                placed = growing.placed
                self._complete(Segment(growing.number, growing.path, growing.length, len(placed), placed))

    def _complete(self, segment: Segment) -> None:
        """Take a segment in; beyond the bound, its samples are on the disk alone."""
        if self._held_count > self._most_held:
            self._let_go(segment)
            segment.held = None
        self._segments.append(segment)
        self._size_bytes += segment.length

    def _hold(self, number: int, placed: Iterable[Placed]) -> None:
        for each in placed:
            self._held[each.sample.bmc].setdefault(number, []).append(each)
            self._held_count += 1

    def _let_go(self, segment: Segment) -> None:
        for bmc in {each.sample.bmc for each in segment.held or ()}:
            self._held_count -= len(self._held[bmc].pop(segment.number))
            if not self._held[bmc]:
                del self._held[bmc]

    def segments(self) -> list[Segment]:
        """What is complete, oldest first."""
        with self._lock:
            return list(self._segments)

    def remove(self, confirmed: Sequence[Segment]) -> None:
        """Forget segments that the server has. Raises OSError with all of them still there, or some of their files."""
        with self._lock:
            last = {bmc: _document(each) for bmc, each in self._last.items()}
        gone = set(confirmed)
        try:
            durable.replace(self._folder / _LAST, json.dumps(last, separators=(",", ":")).encode())
        except OSError:  # on a full disk, room comes from the segments that no BMC's last sample is in
            gone = {segment for segment in confirmed if not self._has_a_last(segment)}
            if not gone:
                raise
        with self._lock:
            for segment in gone:
                self._let_go(segment)
                self._size_bytes -= segment.length
            self._segments = [segment for segment in self._segments if segment not in gone]
        for segment in gone:
            segment.path.unlink(missing_ok=True)

    def _has_a_last(self, segment: Segment) -> bool:
        return any(self._last.get(each.sample.bmc) == each for each in segment.placed())

    def samples_of(self, bmc: str) -> list[Placed]:
        """A BMC's samples that are not confirmed yet. Raises HistoryAwayError where they are too many for memory."""
        with self._lock:
            self._refuse_part()
            return [each for placed in self._held.get(bmc, {}).values() for each in placed]

    def bmcs(self) -> list[str]:
        """BMCs with samples that are not confirmed yet. Raises HistoryAwayError likewise."""
        with self._lock:
            self._refuse_part()
            return list(self._held)

    def _refuse_part(self) -> None:
        if any(segment.held is None for segment in self._segments):
            raise HistoryAwayError(f"{self._count()} samples are still on their way to VictoriaMetrics")

    def last(self, bmc: str) -> Placed | None:
        """The last sample of a BMC that was kept here, confirmed or not."""
        with self._lock:
            return self._last.get(bmc)

    def adopt(self, placed: Placed) -> None:
        """Let the next sample of a BMC, of which nothing was kept here, follow this one."""
        with self._lock:
            self._last.setdefault(placed.sample.bmc, placed)

    def _count(self) -> int:
        return sum(segment.count for segment in self._segments) + (len(self._growing.placed) if self._growing else 0)

    @property
    def depth(self) -> int:
        """How many samples are not confirmed yet."""
        with self._lock:
            return self._count()

    @property
    def size_bytes(self) -> int:
        """What they take on the disk."""
        return self._size_bytes

    def close(self) -> None:
        """Close the file."""
        self.cut()


def unconfirmed(folder: Path) -> dict[str, list[Placed]]:
    """What a spool that another process writes holds, by BMC. Raises OSError."""
    found: dict[str, list[Placed]] = defaultdict(list)
    if folder.is_dir():
        for _, path in _segment_paths(folder):
            with suppress(FileNotFoundError):  # it was confirmed meanwhile
                for each in _read(path)[0]:
                    found[each.sample.bmc].append(each)
    return found


def _segment_paths(folder: Path) -> list[tuple[int, Path]]:
    paths = folder.glob(f"*{log_file.SUFFIX}")
    return sorted((int(path.stem), path) for path in paths if path.stem.isdecimal() and path.stem.isascii())


def _read(path: Path, length: int | None = None) -> tuple[list[Placed], int]:
    contents = log_file.read(path, length)
    placed, damaged = [], contents.damaged_lines
    for document in contents.documents.values():
        try:
            placed.append(_placed(document))
        except (KeyError, ValueError, TypeError, OverflowError):
            damaged += 1
    return placed, damaged


def _document(placed: Placed) -> dict[str, Any]:
    own = {"lap": placed.lap, "opens": placed.opens, "group": placed.group}
    return {
        "bmc": placed.sample.bmc,
        **sample_document(placed.sample),
        **{name: value for name, value in own.items() if value},
    }


def _placed(document: Mapping[str, Any]) -> Placed:
    return Placed(
        sample_of(str(document["bmc"]), document),
        int(document.get("lap", 0)),
        bool(document.get("opens", False)),
        str(document.get("group", "")),
    )


def _last_samples(path: Path, repairs: list[str]) -> dict[str, Placed]:
    try:
        found = json.loads(path.read_bytes())
        return {str(bmc): _placed(document) for bmc, document in found.items()}
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
        repairs.append(f"{path}: damaged, left out; the server tells the same")
        return {}


def _write(fd: int, data: bytes, offset: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(fd, view, offset)
        offset += written
        view = view[written:]
