"""Reading what others kept: stock TinyDB JSON files with a table per day, the form of 2017 included.

The form of 2017 names its tables `2017513`, year, month and day without padding, and keeps
`{"time": "5:37:27", "watts": "436"}` in the site's local time. `2017112` may be two days: such a table is refused with
its candidates until the caller says which.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from tinydb.storages import JSONStorage

from powergraph_collector.days import checked, to_ms, utc_day
from powergraph_collector.history.documents import sample_of, whole
from powergraph_collector.history.storage import StoreError
from powergraph_collector.model import Event, Sample, Source

UNNAMED: Final = ""
_OURS = re.compile(r"(?P<bmc>[^/]+)/(?P<day>\d{4}-\d{2}-\d{2})")
_PACKED = re.compile(r"(?P<year>(?:19|20)\d\d)(?P<rest>\d{2,4})")
_POWER_NAMES: Final = ("power_w", "watts", "consumption", "power")
_TIME_NAMES: Final = ("time", "timestamp", "date")
_CLOCK = re.compile(r"(\d{1,2}):(\d{2}):(\d{2})")
_NO_VALUE_W: Final = 65_535  # what BMCs answer that have none, by DCMI
_MOST_W: Final = (1 << 53) - 1  # which either engine keeps exactly


def checked_w(power_w: int, source: Source = Source.DCMI) -> int:
    """Watts that a store may hold. Raises ValueError for any other."""
    if not 0 <= power_w <= _MOST_W or (power_w == _NO_VALUE_W and source is not Source.SDR):
        raise ValueError(power_w)
    return power_w


def candidates(table: str) -> list[date]:
    """The days that a table's name may mean, in order; none if it names no day."""
    iso = table.rpartition("/")[2]
    try:
        return [date.fromisoformat(iso)] if "-" in iso else _unpacked(iso)
    except ValueError:
        return []


def _unpacked(name: str) -> list[date]:
    found = _PACKED.fullmatch(name)
    if not found:
        return []
    year, rest = int(found["year"]), found["rest"]
    padded = len(rest) == 4
    days = []
    for cut in (1, 2):
        month, day = rest[:cut], rest[cut:]
        if not 1 <= len(day) <= 2 or (not padded and (month.startswith("0") or day.startswith("0"))):
            continue
        try:
            days.append(date(year, int(month), int(day)))
        except ValueError:
            continue
    return days


def stock_tables(path: Path) -> dict[str, dict[str, Any]]:
    """The tables of a stock TinyDB file, documents by id. Raises StoreError for a file that is none."""
    try:
        storage = JSONStorage(str(path), access_mode="r")
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}") from None
    try:
        tables = storage.read() or {}
    except (ValueError, RecursionError):
        raise StoreError(f"{path} is not a TinyDB file: its content is not JSON") from None
    finally:
        storage.close()
    if not isinstance(tables, dict) or not all(isinstance(table, dict) for table in tables.values()):
        raise StoreError(f"{path} is not a TinyDB file: its content is not tables of documents")
    return tables


def _words(possible: Iterable[date]) -> str:
    return " or ".join(day.isoformat() for day in possible)


@dataclass(slots=True)
class StockHistory:
    """A stock TinyDB file as a history to read. Raises StoreError for a file that is none, or with an unclear table.

    `zone` is what local times in it mean; `meant` says what day an ambiguous table holds. Where one day is `wanted`,
    tables that cannot be of it may be unclear. `passed_over` counts documents without usable time and whole watts.
    `tables` are the names of all.
    """

    path: Path
    zone: ZoneInfo
    meant: Mapping[str, date] = field(default_factory=dict)
    wanted: date | None = None
    passed_over: int = 0
    tables: frozenset[str] = frozenset()
    _samples: dict[str, list[Sample]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        tables = stock_tables(self.path)
        self.tables = frozenset(tables)
        days = self._days(tables)
        for table in sorted(days, key=lambda name: (days[name], name)):
            named = _OURS.fullmatch(table)
            bmc = named["bmc"] if named else UNNAMED
            self._samples.setdefault(bmc, []).extend(self._read(bmc, days[table], tables[table].values()))

    def _days(self, tables: Iterable[str]) -> dict[str, date]:
        days: dict[str, date] = {}
        unclear: list[str] = []
        for table in sorted(tables):
            possible = self._possible(table)
            if self.wanted is not None and len(possible) > 1 and self.wanted not in possible:
                continue
            if len(possible) > 1:
                unclear.append(f"{table} ({_words(possible)})")
            elif possible:
                days[table] = possible[0]
        if unclear:
            raise StoreError(
                f"{self.path}: it is not certain which day these tables hold: {', '.join(unclear)}; "
                f"say it with --table {unclear[0].partition(' ')[0]}=YYYY-MM-DD"
            )
        if not days:
            raise StoreError(f"{self.path}: no table in it is named after a day")
        return days

    def _possible(self, table: str) -> list[date]:
        """The days that a table may hold: the one that is meant, if its name does not say otherwise."""
        possible = candidates(table)
        meant = self.meant.get(table)
        if meant is None:
            return possible
        if possible and meant not in possible:
            raise StoreError(f"{self.path}: table {table} cannot be of {meant}: its name says {_words(possible)}")
        return [meant]

    def _read(self, bmc: str, day: date, documents: Iterable[Mapping[str, Any]]) -> Iterator[Sample]:
        former_ms = 0
        for document in documents:
            try:
                sample = self._sample(bmc, day, document, former_ms)
                former_ms = checked(sample.at_ms)
            except (StopIteration, KeyError, ValueError, TypeError, OverflowError):
                self.passed_over += 1
                continue
            yield sample

    def _sample(self, bmc: str, day: date, document: Mapping[str, Any], former_ms: int) -> Sample:
        if "at_ms" in document and "source" in document:
            sample = sample_of(bmc, document)
            checked_w(sample.power_w, sample.source)
            return sample
        power_w = checked_w(whole(next(document[name] for name in _POWER_NAMES if name in document)))
        text = str(next(document[name] for name in _TIME_NAMES if name in document))
        clock = _CLOCK.fullmatch(text)
        if clock is None:
            when = datetime.fromisoformat(text)
            return Sample(bmc, to_ms(when if when.tzinfo else when.replace(tzinfo=self.zone)), power_w)
        hour, minute, second = (int(part) for part in clock.groups())
        local = datetime.combine(day, time(hour, minute, second), self.zone)
        at_ms, again_ms = to_ms(local), to_ms(local.replace(fold=1))
        # In the hour that comes twice, local times start over: the second pass is the later one.
        return Sample(bmc, again_ms if at_ms < former_ms <= again_ms else at_ms, power_w)

    def read(self, bmc: str, from_ms: int, to_ms: int) -> Iterator[Sample]:
        """Samples of a span."""
        return (sample for sample in self._samples.get(bmc, ()) if from_ms <= sample.at_ms < to_ms)

    def read_events(self, bmc: str, from_ms: int, to_ms: int) -> list[Event]:
        """None: these files keep none."""
        del bmc, from_ms, to_ms
        return []

    def last(self, bmc: str, count: int) -> list[Sample]:
        """The last count samples."""
        return self._samples.get(bmc, [])[-count:]

    def bmcs(self) -> list[str]:
        """BMC names; `UNNAMED` for tables that name none."""
        return sorted(self._samples)

    def utc_days(self, bmc: str) -> list[str]:
        """UTC days with samples."""
        return sorted({utc_day(sample.at_ms) for sample in self._samples.get(bmc, ())})
