"""Taking a store elsewhere: as one stock TinyDB file, as JSON lines, or its samples as CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TextIO

from powergraph_collector.days import iso
from powergraph_collector.history.contents import Contents
from powergraph_collector.history.documents import STATISTICS, sample_document, samples_of
from powergraph_collector.history.tinydb_engine import TinyDbHistory, is_day
from powergraph_collector.model import Sample

CSV_COLUMNS: Final = ("bmc", "timestamp", "consumption", "source", "doubt", *STATISTICS)
MARKER_TABLE: Final = "_powergraph"
_to_json = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode

Table = tuple[str, Contents]


def tinydb_json(tables: Iterable[Table], file: TextIO) -> None:
    """One JSON document as TinyDB's own storage writes it, table by table, so that memory holds one at a time.

    An empty table tells whoever imports it that everything in the file is as our store had it.
    """
    file.write("{" + _to_json(MARKER_TABLE) + ":{}")
    for name, contents in tables:
        table = {str(doc_id): document for doc_id, document in contents.documents.items()}
        file.write(f",{_to_json(name)}:{_to_json(table)}")
    file.write("}\n")


def ndjson(tables: Iterable[Table], file: TextIO) -> None:
    """A line a document: `{"table": …, "id": …, "document": {…}}`."""
    for name, contents in tables:
        for doc_id, document in contents.documents.items():
            file.write(_to_json({"table": name, "id": doc_id, "document": document}) + "\n")


def csv_rows(tables: Iterable[Table], file: TextIO) -> None:
    """Samples with all that is known of them, a row each."""
    file.write(_row(CSV_COLUMNS))
    for name, contents in tables:
        samples = samples_of(name.partition("/")[0], contents.documents.values())
        file.writelines(_row(_csv_fields(sample)) for sample in samples)


@dataclass(frozen=True, slots=True)
class Format:
    """How to write tables, and which of them."""

    write: Callable[[Iterable[Table], TextIO], None]
    takes: Callable[[str], bool] = lambda _name: True


def _is_of_samples(name: str) -> bool:
    return is_day(name.partition("/")[2])


FORMATS: Final[Mapping[str, Format]] = {
    "tinydb-json": Format(tinydb_json),
    "ndjson": Format(ndjson),
    "csv": Format(csv_rows, _is_of_samples),
}


def tables_of(history: TinyDbHistory, names: Iterable[str]) -> Iterator[Table]:
    """Those tables, but for any that are gone by then, read one after the other. Raises OSError.

    Their damage is in `history.damage` afterwards.
    """
    for name in names:
        try:
            contents = history.contents(name)
        except KeyError:
            continue
        yield name, contents


def _csv_fields(sample: Sample) -> list[Any]:
    document = sample_document(sample)
    fixed = [sample.bmc, iso(sample.at_ms), sample.power_w, sample.source.value, " ".join(document.get("doubt", ()))]
    return fixed + [document.get(name, "") for name in STATISTICS]


def _row(fields: Iterable[Any]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(fields)
    return text.getvalue()
