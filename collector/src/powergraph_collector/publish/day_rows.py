"""The file of a BMC's days, `days.csv`: a row a day of the site's zone, for all years.

Rows are the sums of the five-minute rows in the files of months, and nothing else: so they can be made without the
store, for what was published before there was such a file too, and stay where those stay.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from powergraph_collector.days import day_of, span_of
from powergraph_collector.energy import Energy
from powergraph_collector.publish import files, rollup_csv
from powergraph_collector.publish.rollup_csv import Columns
from powergraph_collector.publish.rollup_files import RollupFiles
from powergraph_collector.rollups import Row

FILE: Final = "days.csv"
HEADER: Final = b"day," + rollup_csv.CELLS
_LINE: Final = re.compile(rb"(\d{4}-\d{2}-\d{2}),[\d.]*(,[\d.]+){5}\n")


class DayRows:
    """Follows the five-minute rows of one BMC. Whatever reads or writes raises OSError; then, begin with a new one."""

    def __init__(self, rollup_files: RollupFiles, zone: ZoneInfo) -> None:
        self._rollup_files = rollup_files
        self._path = rollup_files.folder / FILE
        self._zone = zone
        self._old: set[date] = set()  # days whose row may have to be another
        self._put: list[tuple[int, int]] = []  # spans in which days may have gone
        self._open_until_ms = 0  # the end of the last day that is not over
        self._is_there = False

    def begin(self) -> None:
        """Find the months that have five-minute rows and no days, as where the file is new or was torn."""
        lines = self._lines()
        self._is_there = lines is not None
        known = {f"{day:%Y-%m}" for day in lines or ()}
        self._outdate_months(month for month in self._rollup_files.months() if month not in known)

    def _outdate_months(self, months: Iterable[str]) -> None:
        for month in months:
            first = date.fromisoformat(f"{month}-01")
            days = (first + timedelta(days=number) for number in range(31))
            self._old.update(day for day in days if day.month == first.month)

    # -- a follower of rows --------------------------------------------------

    def grown(self, rows: Sequence[Row]) -> None:
        """Take rows that were added behind all that there were."""
        if rows and rows[-1].at_ms >= self._open_until_ms:
            self._outdate(rows)
            self._open_until_ms = span_of(day_of(rows[-1].at_ms, self._zone), self._zone)[1]

    def put(self, from_ms: int, to_ms: int, rows: Sequence[Row]) -> None:
        """Take rows that are all that there is in a span."""
        self._put.append((from_ms, to_ms))
        self._outdate(rows)
        self._open_until_ms = 0

    def _outdate(self, rows: Iterable[Row]) -> None:
        end_ms = 0
        for row in rows:
            if row.at_ms >= end_ms:
                day = day_of(row.at_ms, self._zone)
                end_ms = span_of(day, self._zone)[1]
                self._old.add(day)

    # -- bringing the file into line ----------------------------------------

    def has_work(self, over_ms: int) -> bool:
        """Whether rows may have to be others, of days that are over where all rows before over_ms are written."""
        return bool(self._put) or any(self._is_over(day, over_ms) for day in self._old)

    def _is_over(self, day: date, over_ms: int) -> bool:
        return span_of(day, self._zone)[1] <= over_ms

    def work(self, over_ms: int) -> bool:
        """Bring the days of one month into line, the latest first; returns whether the file changed."""
        former = self._lines()
        if former is None and self._is_there:  # somebody took it away
            self._is_there = False
            self._outdate_months(self._rollup_files.months())
        for from_ms, to_ms in self._put:
            first, last = (day_of(at_ms, self._zone) for at_ms in (from_ms, to_ms))
            self._old.update(day for day in former or () if first <= day <= last)
        self._put.clear()
        days = self._next(over_ms)
        if not days:
            return False
        lines = {day: line for day, line in (former or {}).items() if day not in days} | self._made(days)
        self._old.difference_update(days)
        return self._write(lines, former)

    def rebuild(self, over_ms: int) -> bool:
        """Make all rows of the files of months; returns whether the file changed."""
        lines: dict[date, bytes] = {}
        self._put.clear()
        self._outdate_months(self._rollup_files.months())
        while days := self._next(over_ms):
            lines |= self._made(days)
            self._old.difference_update(days)
        return self._write(lines, self._lines())

    def _next(self, over_ms: int) -> list[date]:
        """The old days that are over of the latest month that has any, ascending."""
        over = sorted(day for day in self._old if self._is_over(day, over_ms))
        return [day for day in over if (day.year, day.month) == (over[-1].year, over[-1].month)]

    def _made(self, days: Sequence[date]) -> dict[date, bytes]:
        """The lines of ascending days of one month, those that have five-minute rows."""
        spans = [span_of(day, self._zone) for day in days]
        rows = self._rollup_files.five_minute_columns(spans[0][0], spans[-1][1])
        lines: dict[date, bytes] = {}
        for day, (from_ms, to_ms) in zip(days, spans, strict=True):
            begin, end = bisect_left(rows.at_ms, from_ms), bisect_left(rows.at_ms, to_ms)
            if begin < end:
                lines[day] = f"{day.isoformat()},{rollup_csv.cells(_sum(rows, begin, end))}\n".encode()
        return lines

    def _lines(self) -> dict[date, bytes] | None:
        """The lines of the file by day; None where it is not there, or not wholly as it should be."""
        try:
            header, *lines = self._path.read_bytes().splitlines(keepends=True)
            return {_day(line): line for line in lines} if header == HEADER else None
        except (FileNotFoundError, ValueError):
            return None

    def _write(self, lines: Mapping[date, bytes], former: Mapping[date, bytes] | None) -> bool:
        self._is_there = bool(lines)
        if not lines:
            is_there = self._path.exists()
            files.remove(self._path)
            return is_there
        if lines == former and files.is_closed(self._path):
            return False
        files.replace(self._path, HEADER + b"".join(lines[day] for day in sorted(lines)))
        return True

    def sync(self) -> None:
        """Make what is written survive a power cut."""
        if self._path.exists():
            files.sync(self._path)


def _day(line: bytes) -> date:
    """The day of a line. Raises ValueError where it is none."""
    match = _LINE.fullmatch(line)
    if match is None:
        raise ValueError("not a row of a day")
    return date.fromisoformat(match[1].decode())


def _sum(rows: Columns, begin: int, end: int) -> Energy:
    """The energy of some rows together."""
    return Energy(
        sum(rows.samples[begin:end]),
        sum(rows.covered_ms[begin:end]),
        sum(rows.energy_ms_w[begin:end]),
        min(rows.min_w[begin:end]),
        max(rows.max_w[begin:end]),
    )
