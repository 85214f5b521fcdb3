"""A table's documents as compressed columns: a gzip file of JSON lines, the first its head, each other one a block.

Head and blocks are gzip members of their own, so that each has a checksum and damage costs one of them; to any gzip
they are one file. A block holds the documents of up to BLOCK_ROWS rows by column. A column of integers is written as
what they differ by from a straight line, or the differences of that, listed as `deltas` or spelled with a letter for
each; without those at its end that are zero. With `"of": [...]` besides, the integers are places in that list of
distinct values. `docs/store.md` has all of it.
"""

from __future__ import annotations

import json
import math
import re
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass
from itertools import accumulate, count, islice, repeat
from operator import add, sub
from pathlib import Path
from typing import Any, Final

from powergraph_collector.history import fast_json
from powergraph_collector.history.contents import Contents

SUFFIX: Final = ".columns.gz"
BLOCK_ROWS: Final = 4320  # half a day at 10 s
LETTERS: Final = "".join(chr(code) for code in range(ord("#"), ord("~")) if code != ord("\\"))
OTHER: Final = "~"  # the letter of what has none of its own
# gzip (RFC 1952): deflate, no flags, no time, best compression, Unix. With these ten bytes every member begins.
_MEMBER: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03"
_LONGEST_BLOCK: Final = 256 * 1024 * 1024
_MORE_THAN_A_HEAD: Final = 4096
_HIGHEST_ORDER: Final = 2
_MOST_MEMORY: Final = 9  # of zlib's memory levels: blocks are compressed as a whole
_BYTES_A_DIGIT: Final = 0.45  # of a list of numbers, compressed
# A long spelling has letters as frequent as nothing around it has: so it gets Huffman codes of its own.
_SPELLED: Final = re.compile(rb'(?<="letters":")([^"]{256,})')
_to_json = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode

Document = Mapping[str, Any]
Row = tuple[int, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Head:
    """What a columns file says of itself: the highest id ever given, and how often the table was rewritten."""

    highest_id: int
    generation: int
    blocks: int


def encode(documents: Mapping[int, Document], spent_id: int, generation: int) -> bytes:
    """A file's bytes; ids up to spent_id are not given again. Keys must be text, and values what JSON gives back."""
    rows = iter(documents.items())
    blocks = []
    while block := list(islice(rows, BLOCK_ROWS)):
        blocks.append(_member(_block(block)))
    found = Head(max((spent_id, *documents)), generation, len(blocks))
    return b"".join((_member(asdict(found)), *blocks))


def read(path: Path) -> Contents:
    """All documents of a file. Raises OSError."""
    found, blocks = _parts(path.read_bytes())
    missing = max(0, found.blocks - len(blocks)) if found else 0
    return _contents(found, [_rows(block) for block in blocks], missing)


def tail(path: Path, count: int) -> Contents:
    """The last count documents of `read` or more, decoding no more than their blocks. Raises OSError."""
    found, blocks = _parts(path.read_bytes())
    decoded: list[list[Row] | None] = []
    while blocks and sum(len(rows or ()) for rows in decoded) < count:
        decoded.insert(0, _rows(blocks.pop(), count))
    return _contents(found, decoded)


def head(path: Path) -> Head | None:
    """The head of a file, without reading the rest; None where it is damaged. Raises OSError."""
    with path.open("rb") as file:
        return _parts(file.read(_MORE_THAN_A_HEAD))[0]


def _contents(head: Head | None, blocks: Sequence[list[Row] | None], missing: int = 0) -> Contents:
    documents = {doc_id: document for rows in blocks for doc_id, document in rows or ()}
    damaged = missing + sum(rows is None for rows in blocks)
    highest_id = max(documents, default=0)
    if head is None:
        return Contents(documents, highest_id, None, damaged_blocks=max(damaged, 1))
    return Contents(documents, max(highest_id, head.highest_id), head.generation, damaged_blocks=damaged)


def _parts(data: bytes) -> tuple[Head | None, list[bytes]]:
    """The head, and all other members, damaged or not; a head that is damaged is among those."""
    # Every member begins with a sign that is too long to come about by chance.
    before, *parts = data.split(_MEMBER)
    members = ([before] if before else []) + [_MEMBER + part for part in parts]
    found = _head(members[0]) if members else None
    return found, members if found is None else members[1:]


def _member(content: Any) -> bytes:
    text = f"{_to_json(content)}\n".encode()
    deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS, _MOST_MEMORY, zlib.Z_FILTERED)
    packed = [_MEMBER]
    for part in _SPELLED.split(text):
        packed += deflate.compress(part), deflate.flush(zlib.Z_BLOCK)
    packed.append(deflate.flush())
    sizes = zlib.crc32(text).to_bytes(4, "little") + (len(text) & 0xFFFFFFFF).to_bytes(4, "little")
    return b"".join((*packed, sizes))


def _content(member: bytes) -> Any:
    """What a member holds; None where it is damaged. What follows it may be one whose beginning is damaged."""
    if not member.startswith(_MEMBER):
        return None
    inflate = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        text = inflate.decompress(member, _LONGEST_BLOCK)
        return fast_json.parsed(text) if inflate.eof else None
    except (zlib.error, ValueError, RecursionError):
        return None


def _head(member: bytes) -> Head | None:
    try:
        found = Head(**_content(member))
    except TypeError:
        return None
    return found if all(type(number) is int for number in asdict(found).values()) else None


def _rows(member: bytes, last: int = BLOCK_ROWS) -> list[Row] | None:
    """The last documents of a block with their ids, None where it is damaged or no block."""
    block = _content(member)
    try:
        return _unpacked(block, last)
    except (KeyError, IndexError, ValueError, TypeError, AttributeError, OverflowError):
        return None


# -- a block ------------------------------------------------------------------


def _block(rows: Sequence[tuple[int, Document]]) -> dict[str, Any]:
    """Rows as columns. Documents with the same keys in the same order have the same shape."""
    shapes: dict[tuple[str, ...], int] = {}
    shape_of_row = [shapes.setdefault(tuple(document), len(shapes)) for _, document in rows]
    keys = dict.fromkeys(key for shape in shapes for key in shape)
    return {
        "rows": len(rows),
        "ids": _integers([doc_id for doc_id, _ in rows]),
        "shapes": [list(shape) for shape in shapes],
        "shape": _integers(shape_of_row),
        "columns": {key: _column([document[key] for _, document in rows if key in document]) for key in keys},
    }


def _column(values: Sequence[Any]) -> dict[str, Any]:
    if all(type(value) is int for value in values):
        return _integers(values)
    places: dict[str, int] = {}  # by their JSON: to Python, 1, 1.0 and true are equal
    of_row = [places.setdefault(_to_json(value), len(places)) for value in values]
    return {**_integers(of_row), "of": [json.loads(text) for text in places]}


def _integers(values: Sequence[int]) -> dict[str, Any]:
    """Integers in the way that is likely to take the least when compressed."""
    found: dict[str, Any] = {}
    least = math.inf
    for way, differences in _ways(values):
        deltas = _without_zeros(differences)
        counts = Counter(deltas)
        listed, spelled = _bytes_listed(counts), _bytes_spelled(counts)
        if min(listed, spelled) < least:
            least = min(listed, spelled)
            found = {**way, "deltas": deltas} if listed <= spelled else {**way, **_spelled(deltas, counts)}
        if not deltas:
            break
    return found


def _ways(values: Sequence[int]) -> Iterator[tuple[dict[str, int], list[int]]]:
    """Lines and orders to choose from, with how the values differ from them."""
    first, last = values[0], values[-1]
    steps = max(1, len(values) - 1)
    mean_step = (2 * (last - first) + steps) // (2 * steps)
    for step in dict.fromkeys((mean_step, 0)):
        line = {"from": first, "step": step} if step else {"from": first} if first else {}
        distances = list(map(sub, values, count(first, step)))
        yield {"order": 0, **line}, distances
        yield {"order": 1, **line}, list(map(sub, distances, [0, *distances]))


def _bytes_listed(counts: Counter[int]) -> float:
    return _BYTES_A_DIGIT * sum(times * (len(str(delta)) + 1) for delta, times in counts.items())


def _bytes_spelled(counts: Counter[int]) -> float:
    """The entropy of the letters, their table, and what has none of its own in full."""
    by_times = counts.most_common()
    common, others = by_times[: len(LETTERS)], Counter(dict(by_times[len(LETTERS) :]))
    letters = [*(times for _, times in common), *([others.total()] if others else [])]
    bits = sum(times * math.log2(counts.total() / times) for times in letters)
    return bits / 8 + _bytes_listed(Counter(delta for delta, _ in common)) + _bytes_listed(others)


def _spelled(deltas: Sequence[int], counts: Counter[int]) -> dict[str, Any]:
    letter_of = dict(zip((delta for delta, _ in counts.most_common(len(LETTERS))), LETTERS, strict=False))
    others = {"others": found} if (found := [delta for delta in deltas if delta not in letter_of]) else {}
    return {"table": list(letter_of), **others, "letters": "".join(letter_of.get(delta, OTHER) for delta in deltas)}


def _without_zeros(deltas: list[int]) -> list[int]:
    end = len(deltas)
    while end and not deltas[end - 1]:
        end -= 1
    return deltas[:end]


def _unpacked(block: Any, last: int) -> list[Row]:
    rows = block["rows"]
    if not 0 <= rows <= BLOCK_ROWS:
        raise ValueError(rows)
    first = max(0, rows - last)
    ids = _values(block["ids"], rows)[first:]
    shapes = block["shapes"]
    if len(shapes) == 1 and shapes[0]:
        keys = shapes[0]
        columns = [_values(block["columns"][key], rows)[first:] for key in keys]
        documents = map(dict, map(zip, repeat(keys), zip(*columns, strict=True)))
        return list(zip(ids, documents, strict=True))
    shape_of_row = _values(block["shape"], rows)
    sizes = {key: sum(key in shapes[shape] for shape in shape_of_row) for key in block["columns"]}
    columns_by_key = {key: iter(_values(column, sizes[key])) for key, column in block["columns"].items()}
    mixed = [{key: next(columns_by_key[key]) for key in shapes[shape]} for shape in shape_of_row]
    return list(zip(ids, mixed[first:], strict=True))


def _values(column: Any, rows: int) -> list[Any]:
    deltas = _deltas(column)
    order, first, step = column["order"], column.get("from", 0), column.get("step", 0)
    if len(deltas) > rows or not 0 <= order <= _HIGHEST_ORDER or not set(map(type, (*deltas, first, step))) <= {int}:
        raise ValueError(column["order"])
    values: list[Any] = deltas + [0] * (rows - len(deltas))
    for _ in range(order):
        values = list(accumulate(values))
    if first or step:
        values = list(map(add, values, count(first, step)))
    of = column.get("of")
    if of is None:
        return values
    if any(isinstance(value, list | dict) for value in of):
        return [deepcopy(of[place]) for place in values]
    return [of[place] for place in values]


def _deltas(column: Any) -> list[Any]:
    """What is listed, or spelled."""
    if "letters" not in column:
        listed: list[Any] = column["deltas"]
        return listed
    meaning = dict(zip(LETTERS, column["table"], strict=False))
    others = column.get("others", [])
    if column["letters"].count(OTHER) != len(others):
        raise ValueError(OTHER)
    if not others:
        return list(map(meaning.__getitem__, column["letters"]))
    following = iter(others)
    return [next(following) if letter == OTHER else meaning[letter] for letter in column["letters"]]
