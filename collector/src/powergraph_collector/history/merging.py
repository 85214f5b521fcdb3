"""Adding documents to a table where their times put them, so that the last ones taken stay its end."""

from __future__ import annotations

import heapq
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .powerdb import PowerDB

Document = Mapping[str, Any]
_text_of = json.JSONEncoder(sort_keys=True).encode


def merge(db: PowerDB, table: str, documents: Iterable[Document]) -> int:
    """Put those documents into a table that it lacks, by their times; returns how many. Raises OSError."""
    known = Counter(map(_text_of, db.table(table)))
    new = []
    for document in documents:
        text = _text_of(document)
        if known[text]:
            known[text] -= 1
        else:
            new.append(document)
    add_in_order(db, table, new)
    return len(new)


def add_in_order(db: PowerDB, table: str, new: Sequence[Document]) -> None:
    """Put documents into a table by their times; the table changes as a whole or not at all. Raises OSError."""
    if not new:
        return
    existing = [dict(document) for document in db.table(table)]
    if not existing or _time(existing[-1]) <= min(map(_time, new)):
        db.table(table).insert_multiple(new)
    else:
        tables = db.storage.read()
        assert tables is not None  # noqa: S101 -- the table has documents
        merged = heapq.merge(existing, new, key=_time)
        tables[table] = {str(number): document for number, document in enumerate(merged, 1)}
        db.storage.write(tables)
    db.release(table)


def _time(document: Document) -> float:
    at_ms = document.get("at_ms", document.get("begin_ms", 0))
    return at_ms if isinstance(at_ms, int | float) else 0
