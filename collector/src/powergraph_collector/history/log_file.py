"""What a table gained lately: an append-only file of JSON lines, each with its own checksum.

A line is the JSON array `["<crc32>",<document id>,<document>]`. The checksum is CRC-32 in eight hexadecimal digits over
the bytes between its comma and the closing bracket. Ids ascend. A first line with id 0 holds no document of the table:
it says which generation of the columns file the others follow; without it, they follow none. In files of format 1 a
line whose document is `null` says which ids are spent.
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

from powergraph_collector.history import durable, fast_json
from powergraph_collector.history.contents import Contents

SUFFIX = ".jsonl"
_HEAD = len('["00000000",')
_TAIL_BLOCK = 64 * 1024
_AT_ONCE: Final = 512  # lines that are parsed as one text
_SEPARATORS: Final = ((b"true", True), (b"false", False))
# Thousands of lines are looked at by these: what is done a line in Python is most of what reading an open day costs.
_head_of = itemgetter(slice(_HEAD))
_body_of = itemgetter(slice(_HEAD, -1))
_end_of = itemgetter(slice(-1, None))
_id_of, _document_of = itemgetter(0), itemgetter(1)
_to_json = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode

Document = Mapping[str, Any]
Records = list[tuple[int, Any]]


def encode(doc_id: int, document: Document) -> bytes:
    """One line; raises TypeError where the document is not JSON."""
    body = f"{doc_id},{_to_json(document)}".encode()
    return b'["%08x",%b]\n' % (zlib.crc32(body), body)


def generation_line(generation: int) -> bytes:
    """The first line of a log file that follows a columns file of this generation."""
    return encode(0, {"generation": generation})


def _body(line: bytes) -> bytes | None:
    """What the checksum covers, or None where line (without its newline) is not one that we wrote."""
    body = line[_HEAD:-1]
    return body if line[:_HEAD] == b'["%08x",' % zlib.crc32(body) and line[-1:] == b"]" else None


def _bodies(lines: Sequence[bytes]) -> list[bytes]:
    """What the checksums cover, of the intact lines."""
    bodies = list(map(_body_of, lines))
    checksums = struct.pack(f">{len(lines)}I", *map(zlib.crc32, bodies)).hex("|", 4)
    heads = '["' + checksums.replace("|", '",["') + '",'
    if b"".join(map(_head_of, lines)) == heads.encode() and b"".join(map(_end_of, lines)) == b"]" * len(lines):
        return bodies
    return [body for body in map(_body, lines) if body is not None]


def _records(lines: Sequence[bytes]) -> tuple[Records, int]:
    """Pairs of id and document of the intact lines, and how many lines were damaged."""
    records: Records = []
    for first in range(0, len(lines), _AT_ONCE):
        bodies = _bodies(lines[first : first + _AT_ONCE])
        together = _parsed_together(bodies)
        records += filter(None, map(_parsed, bodies)) if together is None else together
    return records, len(lines) - len(records)


def _parsed_together(bodies: Sequence[bytes]) -> Records | None:
    """The records of bodies, parsed as one text; None where that might differ from parsing each by itself."""
    for word, separator in _SEPARATORS:
        text = b"],%b,[".replace(b"%b", word).join(bodies)
        # JSON has one way to write the word: bodies without it cannot replace a separator that one of them hides.
        if text.count(word) != len(bodies) - 1:
            continue
        try:
            found = fast_json.parsed(b"[[" + text + b"]]")
        except (ValueError, RecursionError):
            return None
        records = found[::2]
        if len(found) != 2 * len(bodies) - 1 or any(each is not separator for each in found[1::2]):
            return None
        return records if _are_records(records) else None
    return None


def _parsed(body: bytes) -> tuple[int, Any] | None:
    """The record of a body; None where it is none, whatever its checksum says."""
    try:
        record = json.loads(b"[" + body + b"]")
    except (ValueError, RecursionError):
        return None
    return record if _are_records([record]) else None


def _are_records(found: Sequence[Any]) -> bool:
    return (
        set(map(len, found)) == {2}
        and set(map(type, map(_id_of, found))) == {int}
        and set(map(type, map(_document_of, found))) <= {dict, type(None)}
    )


def read(path: Path, length: int | None = None) -> Contents:
    """Everything in the file, or in its first length bytes; a last line still being written is left out. OSError."""
    with path.open("rb") as file:
        lines = file.read(-1 if length is None else length).split(b"\n")
    unfinished = lines.pop()
    return replace(_contents(lines), unfinished_bytes=len(unfinished))


def tail(path: Path, count: int, length: int | None = None) -> Contents:
    """The last count documents of `read` or more, at the cost of reading about that many. Raises OSError."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size if length is None else length
        block = _TAIL_BLOCK
        while True:
            start = max(0, size - block)
            lines = os.pread(file.fileno(), size - start, start).split(b"\n")
            lines.pop()  # nothing, or an unfinished line
            if start:
                lines = lines[1:]  # it may begin in front of this block
            for some in (lines[-count:], lines):
                contents = _contents(some)
                if start == 0 and len(some) == len(lines):
                    return contents
                if len(contents.documents) >= count:
                    return replace(contents, generation=_contents([file.readline().rstrip(b"\n")]).generation)
            block *= 4


def _contents(lines: Sequence[bytes]) -> Contents:
    records, damaged = _records(lines)
    documents = dict(records)
    highest_id = max(documents, default=0)
    of_generation = documents.pop(0, None)
    generation = _generation_in(of_generation)
    if None in documents.values():
        documents = {doc_id: document for doc_id, document in records if doc_id and document is not None}
    is_hidden = of_generation is None and bool(lines) and _body(lines[0]) is None
    return Contents(documents, highest_id, None if is_hidden else generation, damaged_lines=damaged)


def _generation_in(first: Any) -> int | None:
    """The generation that the document of a first line tells; 0 without one, None where it is not ours."""
    if first is None:
        return 0
    told = first.get("generation")
    return told if type(told) is int else None


@dataclass(slots=True)
class LogFile:
    """The writing end of a file: appends at a known length, and rolls back what could not be synced."""

    path: Path
    fd: int
    length: int
    synced_length: int
    highest_id: int
    repaired_bytes: int = 0
    first_line: bytes = b""
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
        """Write whole lines at the end, after `first_line` if the file is empty; on OSError nothing of them stays."""
        if not self.length:
            lines = self.first_line + lines
        try:
            self.clean()
            durable.write_all(self.fd, lines, self.length)
        except OSError:
            self._dirty_end = True
            self._cut()
            raise
        self.length += len(lines)
        self.highest_id = max(self.highest_id, highest_id)

    def clean(self) -> None:
        """Cut what a failed append or sync left behind the end, where that was not possible at once. Raises OSError."""
        if self._dirty_end:
            os.ftruncate(self.fd, self.length)
            self._dirty_end = False

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
        with suppress(OSError):  # tried again before the next append; readers pass over an unfinished line
            self.clean()

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
