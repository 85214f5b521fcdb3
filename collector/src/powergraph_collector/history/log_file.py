"""One table on disk: an append-only file of JSON lines, each with its own checksum.

A line is the JSON array `["<crc32>",<document id>,<document>]`. The checksum is CRC-32 in eight hexadecimal digits over
the bytes between its comma and the closing bracket. A line whose document is `null` holds no document: it only says
which ids are spent. The last line therefore always carries the highest id.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SUFFIX = ".jsonl"
_HEAD = len('["00000000",')
_TAIL_BLOCK = 64 * 1024
_to_json = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode

Document = Mapping[str, Any]
Record = tuple[int, dict[str, Any] | None]


def encode(doc_id: int, document: Document | None) -> bytes:
    """One line; raises TypeError where the document is not JSON."""
    body = f"{doc_id},{_to_json(document)}".encode()
    return b'["%08x",%b]\n' % (zlib.crc32(body), body)


def _body(line: bytes) -> bytes | None:
    """What the checksum covers, or None where line (without its newline) is not one that we wrote."""
    body = line[_HEAD:-1]
    return body if line[:_HEAD] == b'["%08x",' % zlib.crc32(body) and line[-1:] == b"]" else None


def _records(lines: Iterable[bytes]) -> tuple[list[Record], int]:
    """The records of the intact lines, and how many lines were damaged."""
    bodies: list[bytes] = []
    damaged = 0
    for line in lines:
        body = _body(line)
        if body is None:
            damaged += 1
        else:
            bodies.append(body)
    if not bodies:
        return [], damaged
    return [(doc_id, document) for doc_id, document in json.loads(b"[[" + b"],[".join(bodies) + b"]]")], damaged


@dataclass(frozen=True, slots=True)
class Contents:
    """What a file holds: documents by id in the order of writing, and the number of damaged lines passed over."""

    documents: dict[int, dict[str, Any]]
    highest_id: int
    damaged_lines: int


def read(path: Path, length: int | None = None) -> Contents:
    """Everything in the file, or in its first length bytes; a last line still being written is left out. OSError."""
    with path.open("rb") as file:
        lines = file.read(-1 if length is None else length).split(b"\n")
    lines.pop()  # what follows the last newline: nothing, or an unfinished line
    records, damaged = _records(lines)
    documents = {doc_id: document for doc_id, document in records if document is not None}
    return Contents(documents, max((doc_id for doc_id, _ in records), default=0), damaged)


def tail(path: Path, count: int, length: int | None = None) -> list[dict[str, Any]]:
    """The last count documents of `read`, at the cost of reading about that many. Raises OSError."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size if length is None else length
        block = _TAIL_BLOCK
        while True:
            start = max(0, size - block)
            lines = os.pread(file.fileno(), size - start, start).split(b"\n")
            lines.pop()  # nothing, or an unfinished line
            if start:
                lines = lines[1:]  # it may begin in front of this block
            documents = [document for _, document in _records(lines)[0] if document is not None]
            if len(documents) >= count or start == 0:
                return documents[max(0, len(documents) - count) :]
            block *= 4


@dataclass(slots=True)
class LogFile:
    """The writing end of a file: appends at a known length, and rolls back what could not be synced."""

    path: Path
    fd: int
    length: int
    synced_length: int
    highest_id: int
    repaired_bytes: int = 0
    _dirty_end: bool = field(default=False)

    @classmethod
    def open(cls, path: Path) -> LogFile:
        """Open or create; cuts what a crash left behind the last intact line. Raises OSError."""
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            size = os.fstat(fd).st_size
            good, highest_id = _intact_end(fd, size)
            if good < size:
                os.ftruncate(fd, good)
                os.fsync(fd)
        except BaseException:
            os.close(fd)
            raise
        return cls(path, fd, good, good, highest_id, repaired_bytes=size - good)

    def append(self, lines: bytes, highest_id: int) -> None:
        """Write whole lines at the end; on OSError nothing of them stays."""
        try:
            if self._dirty_end:
                os.ftruncate(self.fd, self.length)
                self._dirty_end = False
            written = 0
            while written < len(lines):
                written += os.pwrite(self.fd, lines[written:], self.length + written)
        except OSError:
            self._dirty_end = True
            self._cut()
            raise
        self.length += len(lines)
        self.highest_id = max(self.highest_id, highest_id)

    def sync(self) -> None:
        """Make what was appended survive a power cut; on OSError all since the last sync is taken back."""
        try:
            os.fdatasync(self.fd)
        except OSError:
            self.roll_back()
            raise
        self.synced_length = self.length

    def roll_back(self) -> None:
        """Take back all since the last sync."""
        self.length = self.synced_length
        self._dirty_end = True
        self._cut()

    def _cut(self) -> None:
        try:
            os.ftruncate(self.fd, self.length)
            self._dirty_end = False
        except OSError:
            pass  # tried again before the next append; readers pass over an unfinished line

    def close(self) -> None:
        """Close the file; what was not synced may be lost."""
        os.close(self.fd)


def _intact_end(fd: int, size: int) -> tuple[int, int]:
    """Offset behind the last intact line, and its id. Damage in front of it stays where it is."""
    end = size
    block = _TAIL_BLOCK
    while True:
        start = max(0, size - block)
        data = os.pread(fd, size - start, start)
        end = size
        while (newline := data.rfind(b"\n", 0, end - start)) >= 0:
            line_start = data.rfind(b"\n", 0, newline) + 1
            if line_start == 0 and start > 0:
                break  # the line begins in front of this block
            records, _ = _records([data[line_start:newline]])
            if records:
                return start + newline + 1, records[0][0]
            end = start + line_start
        if start == 0:
            return 0, 0
        block *= 2


def rewrite(path: Path, documents: Mapping[int, Document], highest_id: int) -> None:
    """Replace the whole file at once, synced. Raises OSError with the old file untouched."""
    temporary = path.with_name(path.name + ".new")
    lines = b"".join(encode(doc_id, document) for doc_id, document in documents.items())
    with temporary.open("wb") as file:
        file.write(lines + encode(highest_id, None))
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make new names in folder survive a power cut. Raises OSError."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
