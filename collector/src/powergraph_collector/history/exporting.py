"""Taking a store elsewhere: as one stock TinyDB file, as JSON lines, or its samples as CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TextIO

from powergraph_collector.days import iso
from powergraph_collector.history.documents import STATISTICS, sample_document
from powergraph_collector.history.powerdb import PowerDB
from powergraph_collector.history.tinydb_engine import TinyDbHistory
from powergraph_collector.model import Sample

CSV_COLUMNS: Final = ("bmc", "timestamp", "consumption", "source", "doubt", *STATISTICS)
MARKER_TABLE: Final = "_powergraph"
_to_json = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode

Advance = Callable[[], None]


def tinydb_json(history: TinyDbHistory, tables: Sequence[str], file: TextIO, advance: Advance) -> None:
    """One JSON document as TinyDB's own storage writes it, table by table, so that memory holds one at a time.

    An empty table tells whoever imports it that everything in the file is as our store had it.
    """
    file.write("{" + _to_json(MARKER_TABLE) + ":{}")
    for name, documents in _documents(history.db, tables, advance):
        table = {str(doc_id): document for doc_id, document in documents.items()}
        file.write(f",{_to_json(name)}:{_to_json(table)}")
    file.write("}\n")


def ndjson(history: TinyDbHistory, tables: Sequence[str], file: TextIO, advance: Advance) -> None:
    """A line a document: `{"table": …, "id": …, "document": {…}}`."""
    for name, documents in _documents(history.db, tables, advance):
        for doc_id, document in documents.items():
            file.write(_to_json({"table": name, "id": doc_id, "document": document}) + "\n")


def csv_rows(history: TinyDbHistory, tables: Sequence[str], file: TextIO, advance: Advance) -> None:
    """All samples with all that is known of them, a row each; events and other tables are not in it."""
    file.write(_row(CSV_COLUMNS))
    wanted = set(tables)
    for bmc in history.bmcs():
        for day in history.utc_days(bmc):
            if f"{bmc}/{day}" in wanted:
                file.writelines(_row(_csv_fields(sample)) for sample in history.read_day(bmc, day))
                advance()


FORMATS: Final[dict[str, Callable[[TinyDbHistory, Sequence[str], TextIO, Advance], None]]] = {
    "tinydb-json": tinydb_json,
    "ndjson": ndjson,
    "csv": csv_rows,
}


def _documents(
    db: PowerDB, tables: Iterable[str], advance: Advance
) -> Iterator[tuple[str, Mapping[int, Mapping[str, Any]]]]:
    for name in tables:
        yield name, db.storage.contents(name).documents
        advance()


def _csv_fields(sample: Sample) -> list[Any]:
    document = sample_document(sample)
    fixed = [sample.bmc, iso(sample.at_ms), sample.power_w, sample.source.value, " ".join(document.get("doubt", ()))]
    return fixed + [document.get(name, "") for name in STATISTICS]


def _row(fields: Iterable[Any]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(fields)
    return text.getvalue()
