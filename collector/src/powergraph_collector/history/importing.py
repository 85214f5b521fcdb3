"""Bringing samples from elsewhere into a store: what is there already is not taken twice, and times stay in order."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final, TextIO, cast
from zoneinfo import ZoneInfo

from tinydb.table import Document as Numbered

from powergraph_collector.days import FIRST_MS, LAST_MS, checked, to_ms, utc_day
from powergraph_collector.doubts import doubt_of
from powergraph_collector.history.documents import STATISTICS, sample_document
from powergraph_collector.history.exporting import CSV_COLUMNS, MARKER_TABLE
from powergraph_collector.history.merging import Document, merge
from powergraph_collector.history.powerdb import PowerDB
from powergraph_collector.history.stock_json import StockHistory, checked_w, stock_tables
from powergraph_collector.history.storage import StoreError
from powergraph_collector.model import Sample, Source, Statistics
from powergraph_collector.settings_types import NAME_PATTERN

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_CLOCK = re.compile(r"(\d{1,2}):(\d{2}):(\d{2})")
_FORMS: Final = (
    (re.compile(r"[^/]+/\d{4}-\d{2}-\d{2}"), {"at_ms", "power_w", "source"}),
    (re.compile(r"[^/]+/\d{4}-\d{2}-\d{2}\.events"), {"kind", "begin_ms"}),
)
_HALF_A_DAY: Final = timedelta(hours=12)
MOST_WAITING: Final = 100_000  # documents; with statistics, 150 MB
_NO_DOCUMENT: Final = "this is no document that a store can hold: no JSON object, or not all of it Unicode"
_to_json = json.JSONEncoder(ensure_ascii=False).encode

Entry = tuple[str, Document]  # its table first
Advance = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a file does not say itself: whose its samples are, the zone of local times, the days of unclear tables."""

    bmc: str
    zone: ZoneInfo
    tables: Mapping[str, date]
    day: date | None = None


@dataclass(slots=True)
class Imported:
    """What came of an import: documents added, those that were there, rows without usable time and whole watts."""

    added: int = 0
    known: int = 0
    passed_over: int = 0


def import_file(db: PowerDB, path: Path, meaning: Meaning, advance: Advance = lambda _bytes: None) -> Imported:
    """Merge a file of any known kind into a store; `advance` is told bytes of the file. Raises StoreError, OSError.

    Known are what `powergraph db export` writes, published CSV files, stock TinyDB files with a table per day, and the
    files of 2017. A second import of the same file changes nothing.
    """
    outcome = Imported()
    for table, documents in _by_table(_entries(path, meaning, outcome, advance)):
        added = merge(db, table, documents)
        outcome.added += added
        outcome.known += len(documents) - added
    return outcome


def _by_table(entries: Iterable[Entry]) -> Iterator[tuple[str, Sequence[Document]]]:
    """The documents of each table together, but never more than MOST_WAITING at a time.

    A table of fewer documents stays whole where they follow each other.
    """
    waiting: dict[str, list[Document]] = {}
    count = 0
    for table, document in entries:
        if count >= MOST_WAITING:
            for full in [name for name in waiting if name != table] or [table]:
                documents = waiting.pop(full)
                count -= len(documents)
                yield full, documents
        waiting.setdefault(table, []).append(document)
        count += 1
    yield from waiting.items()


# -- kinds of files ----------------------------------------------------------------


def _entries(path: Path, meaning: Meaning, outcome: Imported, advance: Advance) -> Iterator[Entry]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = next((line for line in file if line.strip()), "")
            if not first.lstrip().startswith(("{", "[")):
                file.seek(0)
                yield from map(_entry, _csv_samples(path, file, meaning, outcome, advance))
                return
            if _is_export_line(first):
                file.seek(0)
                yield from _ndjson(path, file, advance)
                return
    except UnicodeDecodeError:
        raise StoreError(f"{path} is not a text file in UTF-8") from None
    yield from _stock(path, meaning, outcome)
    advance(path.stat().st_size)


def _stock(path: Path, meaning: Meaning, outcome: Imported) -> Iterator[Entry]:
    tables = stock_tables(path)
    if _is_export(tables):
        for name, documents in tables.items():
            for doc_id, document in documents.items():
                if not _can_be_stored(name, document):
                    raise StoreError(f"{path}, table {name!r}, document {doc_id}: {_NO_DOCUMENT}")
                yield name, _numbered(document, doc_id)
        return
    stock = StockHistory(path, meaning.zone, meaning.tables)
    outcome.passed_over = stock.passed_over
    for bmc in stock.bmcs():
        name = _bmc(path, bmc or meaning.bmc)
        yield from (_entry(sample._replace(bmc=name)) for sample in stock.read(bmc, FIRST_MS, LAST_MS))


def _is_export(tables: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether a stock TinyDB file is of our store: by its mark, or by any document that has our form in its place."""
    return MARKER_TABLE in tables or any(
        isinstance(document, dict) and keys <= document.keys()
        for name, documents in tables.items()
        for form, keys in _FORMS
        if form.fullmatch(name)
        for document in documents.values()
    )


def _is_export_line(line: str) -> bool:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and found.keys() == {"table", "id", "document"}


def _ndjson(path: Path, file: TextIO, advance: Advance) -> Iterator[Entry]:
    for number, line in enumerate(file, start=1):
        advance(len(line))
        try:
            found = json.loads(line)
            table, doc_id, document = found["table"], found["id"], found["document"]
        except (ValueError, RecursionError, KeyError, TypeError):
            table = doc_id = document = None
        if not _can_be_stored(table, document):
            raise StoreError(f"{path}, line {number}: not a line of `powergraph db export --format ndjson`")
        yield table, _numbered(document, doc_id)


def _numbered(document: Document, doc_id: Any) -> Document:
    """A document with its id, if it has one."""
    try:
        return Numbered(document, int(doc_id))
    except (ValueError, TypeError, OverflowError):
        return document


def _can_be_stored(table: Any, document: Any) -> bool:
    """Whether a file gives a table's name and an object, and all text in them is Unicode: JSON can say less."""
    try:
        return isinstance(table, str) and isinstance(document, dict) and bool(_to_json([table, document]).encode())
    except (UnicodeEncodeError, RecursionError):
        return False


def _bmc(where: Path | str, name: str) -> str:
    """A name, if a BMC can have it. Raises StoreError."""
    if not re.fullmatch(NAME_PATTERN, name):
        raise StoreError(f"{where}: {name!r} cannot name a BMC: let it have letters, digits, dots and dashes alone")
    return name


def _entry(sample: Sample) -> Entry:
    return f"{sample.bmc}/{utc_day(sample.at_ms)}", sample_document(sample)


# -- CSV ---------------------------------------------------------------------------


def _csv_samples(path: Path, file: TextIO, meaning: Meaning, outcome: Imported, advance: Advance) -> Iterator[Sample]:
    def lines() -> Iterator[str]:
        for line in file:
            advance(len(line))
            yield line

    columns: Sequence[str] = ("timestamp", "consumption")
    clock = _Clock(path, meaning)
    for number, row in enumerate(_rows(path, lines())):
        if number == 0 and not any(field.strip().isdecimal() for field in row):
            columns = _columns(path, row)
            continue
        try:
            sample = _csv_sample(dict(zip(columns, row, strict=True)), meaning, clock)
        except (ValueError, OverflowError):
            outcome.passed_over += bool(row)
            continue
        _bmc(f"{path}, row {number + 1}", sample.bmc)
        yield sample


def _rows(path: Path, lines: Iterable[str]) -> Iterator[list[str]]:
    reader = csv.reader(lines)
    try:
        yield from reader
    except csv.Error as error:
        raise StoreError(f"{path}, line {reader.line_num}: it cannot be read as CSV: {error}") from None


def _columns(path: Path, header: Sequence[str]) -> Sequence[str]:
    names = tuple("timestamp" if name.strip() == "date" else name.strip() for name in header)
    if not {"timestamp", "consumption"} <= set(names) <= set(CSV_COLUMNS):
        raise StoreError(f"{path}: its first line names no columns timestamp and consumption, and is no row of them")
    return names


def _csv_sample(fields: Mapping[str, str], meaning: Meaning, clock: _Clock) -> Sample:
    source = Source(fields.get("source") or Source.DCMI)
    statistics = None
    if fields.get("period_ms"):
        statistics = Statistics(**{name: int(fields[name]) for name in STATISTICS})
    return Sample(
        fields.get("bmc") or meaning.bmc,
        checked(clock.at_ms(fields["timestamp"].strip())),
        checked_w(int(fields["consumption"]), source),
        source,
        doubt_of(fields.get("doubt", "").split()),
        statistics,
    )


@dataclass(slots=True)
class _Clock:
    """Times of rows: with their date, or as in 2017 a local time of day, which goes on past midnight."""

    path: Path
    meaning: Meaning
    former: datetime | None = None

    def at_ms(self, text: str) -> int:
        clock = _CLOCK.fullmatch(text)
        if clock is None:
            when = datetime.fromisoformat(text)
            return to_ms(when if when.tzinfo else when.replace(tzinfo=self.meaning.zone))
        hour, minute, second = (int(part) for part in clock.groups())
        local = datetime.combine(self._day(), time(hour, minute, second), self.meaning.zone)
        if self.former is not None and self.former.replace(tzinfo=None) - local.replace(tzinfo=None) > _HALF_A_DAY:
            local += timedelta(days=1)
        if self.former is not None and local.astimezone(UTC) < self.former.astimezone(UTC):
            local = local.replace(fold=1)  # the hour that comes twice
        self.former = local
        return to_ms(local)

    def _day(self) -> date:
        if self.former is not None:
            return self.former.date()
        named = _DAY.search(self.path.name)
        if self.meaning.day is None and named is None:
            raise StoreError(
                f"{self.path} has times without a date: say the day of its first row with --date YYYY-MM-DD"
            )
        return self.meaning.day or date.fromisoformat(cast(re.Match[str], named)[0])
