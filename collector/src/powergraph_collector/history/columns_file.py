"""A table's documents as compressed columns: a gzip file of JSON lines, the first its head, each other one a block.

Head and blocks are gzip members of their own, so that each has a checksum and damage costs one of them; to any gzip
they are one file. A block holds the documents of up to BLOCK_ROWS rows by column. A column is
`{"deltas": [...], "order": n}`: integers, of which differences were taken n times, without the zeros at their end. With
`"of": [...]` besides, the integers are places in that list of distinct values. `docs/store.md` has all of it.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass
from itertools import accumulate, islice, pairwise
from pathlib import Path
from typing import Any, Final

from powergraph_collector.history.contents import Contents

SUFFIX: Final = ".columns.gz"
BLOCK_ROWS: Final = 2048
# gzip (RFC 1952): deflate, no flags, no time, best compression, Unix. With these ten bytes every member begins.
_MEMBER: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03"
_LONGEST_BLOCK: Final = 256 * 1024 * 1024
_MORE_THAN_A_HEAD: Final = 4096
_HIGHEST_ORDER: Final = 2
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
    deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    sizes = zlib.crc32(text).to_bytes(4, "little") + (len(text) & 0xFFFFFFFF).to_bytes(4, "little")
    return _MEMBER + deflate.compress(text) + deflate.flush() + sizes


def _content(member: bytes) -> Any:
    """What a member holds; None where it is damaged. What follows it may be one whose beginning is damaged."""
    if not member.startswith(_MEMBER):
        return None
    inflate = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        text = inflate.decompress(member, _LONGEST_BLOCK)
        return json.loads(text) if inflate.eof else None
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


def _integers(values: Iterable[int]) -> dict[str, Any]:
    """Differences of the order that is shortest to write."""
    deltas = list(values)
    found = best = {"deltas": _without_zeros(deltas), "order": 0}
    shortest = len(_to_json(found["deltas"]))
    for order in range(1, _HIGHEST_ORDER + 1):
        deltas = deltas[:1] + [following - value for value, following in pairwise(deltas)]
        found = {"deltas": _without_zeros(deltas), "order": order}
        length = len(_to_json(found["deltas"]))
        if length < shortest:
            shortest, best = length, found
    return best


def _without_zeros(deltas: list[int]) -> list[int]:
    end = len(deltas)
    while end and not deltas[end - 1]:
        end -= 1
    return deltas[:end]


def _unpacked(block: Any, last: int) -> list[Row]:
    count = block["rows"]
    if not 0 <= count <= BLOCK_ROWS:
        raise ValueError(count)
    first = max(0, count - last)
    ids = _values(block["ids"], count)[first:]
    shapes = block["shapes"]
    if len(shapes) == 1 and shapes[0]:
        keys = shapes[0]
        columns = [_values(block["columns"][key], count)[first:] for key in keys]
        return list(zip(ids, (dict(zip(keys, row, strict=True)) for row in zip(*columns, strict=True)), strict=True))
    shape_of_row = _values(block["shape"], count)
    sizes = {key: sum(key in shapes[shape] for shape in shape_of_row) for key in block["columns"]}
    columns_by_key = {key: iter(_values(column, sizes[key])) for key, column in block["columns"].items()}
    documents = [{key: next(columns_by_key[key]) for key in shapes[shape]} for shape in shape_of_row]
    return list(zip(ids, documents[first:], strict=True))


def _values(column: Any, count: int) -> list[Any]:
    deltas = column["deltas"]
    if len(deltas) > count or not 0 <= column["order"] <= _HIGHEST_ORDER:
        raise ValueError(column["order"])
    values: list[Any] = deltas + [0] * (count - len(deltas))
    for _ in range(column["order"]):
        values = list(accumulate(values))
    of = column.get("of")
    if of is None:
        return values
    if any(isinstance(value, list | dict) for value in of):
        return [deepcopy(of[place]) for place in values]
    return [of[place] for place in values]
