"""A disk that records what is done to it, refuses calls, runs full, and loses its power.

`Disk` stands between the store's own code and the operating system: it hooks the calls of `os` by which the store
writes. From the recorded operations, `after_power_cut` makes what may be left when the power goes after any of them:
all that was synced, and of the rest whatever chance takes, torn and out of order.
"""

from __future__ import annotations

import errno
import os
import random
import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

FOLDER = -1
CALLS = ("open", "pwrite", "pread", "ftruncate", "fsync", "fdatasync", "replace", "unlink", "mkdir")


@dataclass(frozen=True)
class Operation:
    """One change: of a file's data (`file`, `data`, `length`) or of a name (`path`, `former` of a rename)."""

    kind: str
    file: int = FOLDER
    path: Path = Path()
    former: Path = Path()
    offset: int = 0
    data: bytes = b""


class Killed(BaseException):
    """The process got SIGKILL in the middle of a call."""


@dataclass
class Disk:
    """Hooks the calls of `os` for everything below root, until `monkeypatch` undoes it.

    `refuse` is asked before each call, by its name and the number of calls so far, for an error to raise instead, or
    Killed; `room` is how many bytes may still be written.
    """

    root: Path
    monkeypatch: pytest.MonkeyPatch
    refuse: Callable[[str, int], BaseException | None] = lambda _call, _count: None
    room: int | None = None
    operations: list[Operation] = field(default_factory=list)
    calls: int = 0
    _names: dict[Path, int] = field(default_factory=dict)
    _opened: dict[int, tuple[int, Path]] = field(default_factory=dict)
    _files: int = 0
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        for call in (*CALLS, "close"):
            self.monkeypatch.setattr(os, call, self._hook(call, getattr(os, call)))

    def _hook(self, call: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def hooked(*arguments: Any, **named: Any) -> Any:
            with self._lock:
                first = arguments[0]
                ours = first in self._opened if isinstance(first, int) else Path(first).is_relative_to(self.root)
                if not ours:
                    return real(*arguments, **named)
                if call != "close":
                    self.calls += 1
                    error = self.refuse(call, self.calls)
                    if error is not None:
                        raise error
                return getattr(self, f"_{call}")(real, *arguments, **named)

        return hooked

    def _open(self, real: Any, path: Any, flags: int, *mode: int) -> int:
        path = Path(path)
        is_new = not path.exists()
        fd: int = real(path, flags, *mode)
        if path.is_dir():
            self._opened[fd] = FOLDER, path
            return fd
        if is_new:
            self._files += 1
            self._names[path] = self._files
            self.operations.append(Operation("create", self._files, path))
        file = self._names[path]
        self._opened[fd] = file, path
        if flags & os.O_TRUNC and not is_new:
            self.operations.append(Operation("truncate", file))
        return fd

    def _close(self, real: Any, fd: int) -> None:
        del self._opened[fd]
        real(fd)

    def close_all(self) -> None:
        """What the kernel does for a process that is gone."""
        for fd in list(self._opened):
            os.close(fd)

    def _pread(self, real: Any, *arguments: Any) -> Any:
        return real(*arguments)

    def _pwrite(self, real: Any, fd: int, data: bytes, offset: int) -> int:
        if self.room is not None:
            data = data[: self.room]
            if not data:
                raise OSError(errno.ENOSPC, "No space left on device")
            self.room -= len(data)
        written: int = real(fd, data, offset)
        self.operations.append(Operation("write", self._opened[fd][0], offset=offset, data=bytes(data[:written])))
        return written

    def _ftruncate(self, real: Any, fd: int, length: int) -> None:
        real(fd, length)
        self.operations.append(Operation("truncate", self._opened[fd][0], offset=length))

    def _fsync(self, real: Any, fd: int) -> None:
        del real  # the power goes only in our books
        file, path = self._opened[fd]
        self.operations.append(Operation("sync" if file != FOLDER else "sync_folder", file, path))

    _fdatasync = _fsync

    def _replace(self, real: Any, former: Any, path: Any) -> None:
        former, path = Path(former), Path(path)
        real(former, path)
        self._names[path] = self._names.pop(former)
        self.operations.append(Operation("rename", self._names[path], path, former))

    def _unlink(self, real: Any, path: Any) -> None:
        path = Path(path)
        real(path)
        self.operations.append(Operation("unlink", self._names.pop(path), path))

    def _mkdir(self, real: Any, path: Any, *mode: int) -> None:
        real(path, *mode)
        self.operations.append(Operation("mkdir", path=Path(path)))


@dataclass
class _Books:
    """What is on the disk for good, and what is under way to it."""

    names: dict[Path, int] = field(default_factory=dict)
    data: dict[int, bytes] = field(default_factory=lambda: defaultdict(bytes))
    pending_names: list[Operation] = field(default_factory=list)
    pending_data: dict[int, list[Operation]] = field(default_factory=lambda: defaultdict(list))

    def take(self, operation: Operation) -> None:
        if operation.kind in {"write", "truncate"}:
            self.pending_data[operation.file].append(operation)
        elif operation.kind == "sync":
            for pending in self.pending_data.pop(operation.file, []):
                self.change_data(pending)
        elif operation.kind == "sync_folder":
            for pending in [each for each in self.pending_names if each.path.parent == operation.path]:
                self.change_names(pending)
                self.pending_names.remove(pending)
        else:
            self.pending_names.append(operation)

    def change_data(self, operation: Operation) -> None:
        content = self.data[operation.file]
        if operation.kind == "truncate":
            self.data[operation.file] = content[: operation.offset].ljust(operation.offset, b"\0")
            return
        end = operation.offset + len(operation.data)
        front = content[: operation.offset].ljust(operation.offset, b"\0")
        self.data[operation.file] = front + operation.data + content[end:]

    def change_names(self, operation: Operation) -> None:
        if operation.kind == "unlink":
            if self.names.get(operation.path) == operation.file:
                del self.names[operation.path]
            return
        if operation.kind == "rename" and self.names.get(operation.former) == operation.file:
            del self.names[operation.former]
        self.names[operation.path] = operation.file


def after_power_cut(operations: list[Operation], chance: random.Random | None, root: Path, target: Path) -> None:
    """Make in target what is left of root: all that was synced, and by chance some of the rest; None for none of it."""
    books = _Books()
    for operation in operations:
        books.take(operation)
    if chance is not None:
        for pending in books.pending_names:
            if chance.random() < 0.5:
                books.change_names(pending)
        for changes in books.pending_data.values():
            likely = chance.choice([0.3, 0.7, 1.0])
            for change in changes:
                if chance.random() < likely:
                    books.change_data(_torn(change, chance))
    target.mkdir()
    for path, file in sorted(books.names.items()):
        here = target / path.relative_to(root)
        if not here.parent.is_dir():
            continue  # its folder is lost
        if file == FOLDER:
            here.mkdir(exist_ok=True)
        else:
            here.write_bytes(books.data[file])


def _torn(change: Operation, chance: random.Random) -> Operation:
    if change.kind != "write":
        return change
    how = chance.random()
    data = change.data
    if how < 0.3:  # cut short
        data = data[: chance.randrange(len(data) + 1)]
    elif how < 0.4:  # the length came through, the data did not
        data = bytes(len(data))
    elif how < 0.5:  # a part in front is missing
        lost = chance.randrange(len(data) + 1)
        data = bytes(lost) + data[lost:]
    return Operation("write", change.file, offset=change.offset, data=data)
