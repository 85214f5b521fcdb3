"""Adding documents to a table where their times put them, so that the last ones taken stay its end."""

from __future__ import annotations

import heapq
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .powerdb import PowerDB
from .storage import Tables

Document = Mapping[str, Any]
Existing = Mapping[int, Document]
_text_of = json.JSONEncoder(sort_keys=True).encode


def merge(db: PowerDB, table: str, documents: Iterable[Document]) -> int:
    """Put those documents into a table that it lacks, by their times; returns how many. Raises OSError."""
    existing = _existing(db, table)
    known = Counter(map(_text_of, existing.values()))
    new = []
    for document in documents:
        text = _text_of(document)
        if known[text]:
            known[text] -= 1
        else:
            new.append(document)
    _add(db, table, existing, new)
    return len(new)


def add_in_order(db: PowerDB, table: str, new: Sequence[Document]) -> None:
    """Put documents into a table by their times. Raises OSError."""
    _add(db, table, _existing(db, table), new)


def _existing(db: PowerDB, table: str) -> Existing:
    try:
        return db.storage.contents(table).documents
    except KeyError:
        return {}


def _add(db: PowerDB, table: str, existing: Existing, new: Sequence[Document]) -> None:
    """The table changes as a whole or not at all.

    Documents of TinyDB's kind keep their ids, if these are free and nothing that is there comes after.
    """
    if not new:
        return
    ids = [getattr(document, "doc_id", 0) for document in new]
    if existing and _time(list(existing.values())[-1]) > min(map(_time, new)):
        _replace(db, table, dict(enumerate(heapq.merge(existing.values(), new, key=_time), 1)))
    elif min(ids) > 0 and len({*existing, *ids}) == len(existing) + len(ids):
        _replace(db, table, {**existing, **dict(zip(ids, new, strict=True))})
    else:
        db.table(table).insert_multiple(map(dict, new))
    db.release(table)


def _replace(db: PowerDB, table: str, documents: Existing) -> None:
    tables = Tables(db.storage)
    tables[table] = {str(doc_id): document for doc_id, document in documents.items()}
    db.storage.write(tables)


def _time(document: Document) -> float:
    at_ms = document.get("at_ms", document.get("begin_ms", 0))
    return at_ms if isinstance(at_ms, int | float) else 0
