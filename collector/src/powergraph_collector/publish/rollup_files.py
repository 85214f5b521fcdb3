"""The rollup files of one BMC: `YYYY-MM.csv` with its five-minute rows, `YYYY.csv` with its hourly rows.

A row is in the file of the month, of the year, of the site's zone in which it begins. The files of the present month
and year grow by whole lines and have no twins; a file that changes otherwise is replaced at once.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo

from powergraph_collector.days import FIRST_MS, LAST_MS, iso, moment
from powergraph_collector.publish import files, rollup_csv
from powergraph_collector.publish.rollup_csv import Columns
from powergraph_collector.rollups import HOUR_MS, Row, hours_of

_FILE = re.compile(r"(?!9999)(19[7-9]\d|[2-9]\d{3})(-(0[1-9]|1[0-2]))?\.csv")  # whose spans can be told in every zone
_LAST_NAMED_MS = LAST_MS - 48 * HOUR_MS  # zones east of UTC are in the year 10000 then
_MONTH, _YEAR = "%Y-%m", "%Y"


class Follower(Protocol):
    """What is made of five-minute rows; called when they have been written."""

    def grown(self, rows: Sequence[Row]) -> None:
        """Rows were added behind all that there were."""
        ...

    def put(self, from_ms: int, to_ms: int, rows: Sequence[Row]) -> None:
        """Rows are all that there is in a span now."""
        ...


class RollupFiles:
    """The files in a BMC's folder. Everything raises OSError."""

    def __init__(self, folder: Path, zone: ZoneInfo) -> None:
        self.folder = folder
        self.has_other_files = True  # than when somebody last asked, who takes it back
        self.followers: Sequence[Follower] = ()
        self._zone = zone

    def months(self) -> list[str]:
        """The months that have rows, `YYYY-MM`, ascending."""
        return self._with_rows(_MONTH)

    def years(self) -> list[str]:
        """The years that have rows, `YYYY`, ascending."""
        return self._with_rows(_YEAR)

    def _with_rows(self, form: str) -> list[str]:
        names = [name for name in self._names() if ("-" in name) is (form == _MONTH)]
        return [name for name in names if self._path(name).stat().st_size > len(rollup_csv.HEADER)]

    def _names(self) -> list[str]:
        if not self.folder.is_dir():
            return []
        return sorted(path.stem for path in self.folder.iterdir() if _FILE.fullmatch(path.name))

    def month_of(self, at_ms: int) -> str:
        """The month whose file has the row of five minutes that begins then."""
        return self._name(_MONTH, at_ms)

    def five_minutes(self, from_ms: int, to_ms: int) -> list[Row]:
        """The five-minute rows of a span, ascending; lines that cannot be read are passed over."""
        return self.five_minute_columns(from_ms, to_ms).rows()

    def five_minute_columns(self, from_ms: int, to_ms: int) -> Columns:
        """The five-minute rows of a span as columns, for readers of months."""
        return self._read(_MONTH, from_ms, to_ms)

    def hours(self, from_ms: int, to_ms: int) -> list[Row]:
        """The hourly rows of a span, ascending."""
        return self.hour_columns(from_ms, to_ms).rows()

    def hour_columns(self, from_ms: int, to_ms: int) -> Columns:
        """The hourly rows of a span as columns, for readers of years."""
        return self._read(_YEAR, from_ms, to_ms)

    def _read(self, form: str, from_ms: int, to_ms: int) -> Columns:
        first, last = (self._name(form, at_ms) for at_ms in (from_ms, max(from_ms, to_ms - 1)))
        lines: list[bytes] = []
        for name in self._names():
            if first <= name <= last and ("-" in name) is (form == _MONTH):
                found = _content(self._path(name)).lines
                lines += found[_place(found, from_ms) : _place(found, to_ms)]
        return rollup_csv.columns_of(lines)

    def all_five_minutes(self) -> list[Row]:
        """Every five-minute row that there is, ascending, in whatever file it is."""
        rows = [row for name in self.months() for row in rollup_csv.rows_of(_content(self._path(name)).lines)]
        return sorted(rows, key=lambda row: row.at_ms)

    def put(self, from_ms: int, to_ms: int, rows: Sequence[Row], over_ms: int, now_ms: int) -> None:
        """Make rows the five-minute rows of [from_ms, to_ms), and the hours that are over by over_ms those of the rows.

        from_ms is the beginning of an hour; to_ms that of one too, or later than all rows that there are.
        """
        self._put(_MONTH, from_ms, to_ms, rows, now_ms)
        over = [hour for hour in hours_of(rows) if hour.at_ms + HOUR_MS <= over_ms]
        self._put(_YEAR, from_ms, to_ms, over, now_ms)
        for follower in self.followers:
            follower.put(from_ms, to_ms, rows)

    def _put(self, form: str, from_ms: int, to_ms: int, rows: Sequence[Row], now_ms: int) -> None:
        present = self._name(form, now_ms)
        by_name = {name: list(group) for name, group in groupby(rows, key=lambda row: self._name(form, row.at_ms))}
        first, last = self._name(form, from_ms), self._name(form, to_ms - 1)
        there = {name for name in self._names() if ("-" in name) is (form == _MONTH) and first <= name <= last}
        for name in sorted(there | set(by_name)):
            self._splice(name, from_ms, to_ms, rollup_csv.lines(by_name.get(name, ())), is_open=name >= present)

    def _splice(self, name: str, from_ms: int, to_ms: int, new: list[bytes], *, is_open: bool) -> None:
        path = self._path(name)
        old = _content(path)
        begin, end = _place(old.lines, from_ms), _place(old.lines, to_ms)
        self._write(path, old, [*old.lines[:begin], *new, *old.lines[end:]], is_open=is_open)

    def append(self, rows: Sequence[Row], hours: Sequence[Row], now_ms: int) -> None:
        """Add five-minute and hourly rows behind all that there are, at the cost of those alone."""
        for form, new in ((_MONTH, rows), (_YEAR, hours)):
            present = self._name(form, now_ms)
            for name, group in groupby(new, key=lambda row: self._name(form, row.at_ms)):
                path, added = self._path(name), rollup_csv.lines(group)
                if name >= present and path.exists() and not files.has_twins(path):
                    files.append(path, b"".join(added))
                else:
                    old = _content(path)
                    self._write(path, old, [*old.lines, *added], is_open=name >= present)
        for follower in self.followers:
            follower.grown(rows)

    def replace_all(self, rows: Sequence[Row], over_ms: int, now_ms: int) -> int:
        """Make rows all that there is; files without rows go. Returns how many files changed."""
        changed = 0
        over = [hour for hour in hours_of(rows) if hour.at_ms + HOUR_MS <= over_ms]
        names: set[str] = set()
        for form, of_form in ((_MONTH, rows), (_YEAR, over)):
            for name, group in groupby(of_form, key=lambda row: self._name(form, row.at_ms)):
                path = self._path(name)
                is_open = name >= self._name(form, now_ms)
                changed += self._write(path, _content(path), rollup_csv.lines(group), is_open=is_open)
                names.add(name)
        for name in set(self._names()) - names:
            files.remove(self._path(name))
            self.has_other_files = True
            changed += 1
        for follower in self.followers:
            follower.put(FIRST_MS, _LAST_NAMED_MS, rows)
        return changed

    def _write(self, path: Path, old: _Content, new: list[bytes], *, is_open: bool) -> bool:
        """Bring a file from what it holds to new lines in the cheapest way that readers may see; whether it changed."""
        self.has_other_files |= not new or not old.is_whole
        if not new:
            if old.exists:
                files.remove(path)
            return old.exists
        grows = old.is_whole and is_open and not files.has_twins(path) and new[: len(old.lines)] == old.lines
        if grows and len(new) > len(old.lines):
            files.append(path, b"".join(new[len(old.lines) :]))
        elif not grows and not (old.is_whole and not is_open and old.lines == new and files.is_closed(path)):
            files.replace(path, rollup_csv.HEADER + b"".join(new), twins=files.ALONE if is_open else files.THOROUGH)
        else:
            return False
        return True

    def close_former(self, now_ms: int) -> None:
        """Give twins to the files of months and years that are over."""
        for name in self._names():
            path = self._path(name)
            if name < self._name(_MONTH if "-" in name else _YEAR, now_ms) and not files.is_closed(path):
                files.replace(path, path.read_bytes())

    def sync(self) -> None:
        """Make what is written survive a power cut."""
        for name in self._names():
            files.sync(self._path(name))

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.csv"

    def _name(self, form: str, at_ms: int) -> str:
        return moment(min(at_ms, _LAST_NAMED_MS), self._zone).strftime(form)


@dataclass(frozen=True, slots=True)
class _Content:
    """A file's whole lines, each with its newline, without the header."""

    lines: list[bytes]
    exists: bool
    is_whole: bool


def _content(path: Path) -> _Content:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return _Content([], exists=False, is_whole=False)
    if not data.startswith(rollup_csv.HEADER):
        return _Content([], exists=True, is_whole=False)
    lines = data[len(rollup_csv.HEADER) :].splitlines(keepends=True)
    is_whole = data.endswith(b"\n")
    return _Content(lines if is_whole else lines[:-1], exists=True, is_whole=is_whole)


def _place(found: Sequence[bytes], at_ms: int) -> int:
    """Where the rows from at_ms on begin: times of one form are ordered as their letters are."""
    return bisect_left(found, iso(at_ms).encode())
