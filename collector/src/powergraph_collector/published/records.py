"""A machine as its site publishes it: its samples, events and rollup rows, fetched as they are needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import cache
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from powergraph_collector.days import FIRST_MS, LAST_MS, day_of, days_between, span_of
from powergraph_collector.energy import HOLDS_INTERVALS
from powergraph_collector.figures import snapped
from powergraph_collector.measuring import Context, Rows
from powergraph_collector.model import Event, EventKind, Sample
from powergraph_collector.published import documents
from powergraph_collector.published.documents import DocumentError, Index, Machine, Now
from powergraph_collector.published.fetching import SiteError, SiteFiles
from powergraph_collector.rollups import FIVE_MINUTES_MS, HOUR_MS, Row
from powergraph_collector.settings_types import LONGEST_INTERVAL_S

FEW_DAYS: Final = 3  # up to which events are read a day at a time
MOST_YEARS: Final = 100
_AROUND_MS: Final = round(HOLDS_INTERVALS * LONGEST_INTERVAL_S * 1000)
_ONE_DAY: Final = timedelta(days=1)
_T = TypeVar("_T")


class Site:
    """A site's collectors, and the machines that they have. Everything raises SiteError."""

    def __init__(self, files: SiteFiles, collector: str | None = None) -> None:
        """Read the site as a whole, or one collector of it."""
        self.files = files
        if collector is None:
            site = files.document("site.json")
            if site is None:
                raise SiteError(f"{files.url}/site.json is not there: is {files.url} the page of PowerGraph?")
            collectors = _sound(files, "site.json", lambda: documents.collectors_of(site))
        else:
            collectors = [collector]
        self.indexes = {name: self._index(name) for name in collectors}

    def _index(self, collector: str) -> Index:
        path = f"data/{collector}/index.json"
        found = self.files.document(path)
        if found is None:
            raise SiteError(f"{self.files.url}/{path} is not there: the site has no collector {collector}")
        return _sound(self.files, path, lambda: documents.index_of(found, collector))

    def machines(self) -> list[str]:
        """All machines: by name, or as collector/name where two collectors have one of the name."""
        names = [name for index in self.indexes.values() for name in index.machines]
        return sorted(
            name if names.count(name) == 1 else f"{collector}/{name}"
            for collector, index in self.indexes.items()
            for name in index.machines
        )

    def find(self, text: str) -> PublishedRecords | None:
        """The machine that a text means: collector/name, or a name that only one collector has."""
        collector, _, name = text.rpartition("/")
        found = [
            index
            for index in self.indexes.values()
            if name in index.machines and collector in {"", index.collector}
        ]  # fmt: skip
        return PublishedRecords(self.files, found[0], found[0].machines[name]) if len(found) == 1 else None


class PublishedRecords:
    """One machine. Everything raises SiteError. What was fetched is not fetched again: a new one sees what is new."""

    is_far = True

    def __init__(self, files: SiteFiles, index: Index, machine: Machine) -> None:
        self.index = index
        self.machine = machine
        self._files = files
        self._folder = f"data/{index.collector}/{machine.name}"
        self._zone: ZoneInfo = index.zone
        self._day_samples = cache(self._read_day)
        self._rows_of_file = cache(self._read_rows)
        self._events_of_file = cache(self._read_events)

    def now(self) -> Now:
        """What `now.json` says of it at this moment."""
        path = f"data/{self.index.collector}/now.json"
        found = self._files.document(path)
        if found is None:
            raise SiteError(f"{self._files.url}/{path} is not there")
        return _sound(self._files, path, lambda: documents.now_of(found, self.machine.name))

    def bounds(self) -> tuple[int, int] | None:
        """The times of the first and of the last published sample."""
        if not self.machine.days:
            return None
        first, last = (self._day_samples(self.machine.days[end][end]) for end in (0, -1))
        return (first[0].at_ms, last[-1].at_ms) if first and last else None

    def context(self, from_ms: int, to_ms: int) -> Context:
        """The interval and the events of a span."""
        from_ms = max(FIRST_MS, from_ms - _AROUND_MS)
        interval_ms, events = self.machine.interval_ms, set[Event]()
        is_told = False
        for name in self._event_files(from_ms, max(from_ms, to_ms - 1)):
            told_ms, found = self._events_of_file(name) or (None, [])
            events |= set(found)
            if not is_told and told_ms is not None:
                interval_ms, is_told = told_ms, True
        return Context(interval_ms, sorted(events, key=lambda event: (event.begin_ms, event.kind.value)))

    def _event_files(self, from_ms: int, last_ms: int) -> Iterator[str]:
        days = self._present(from_ms, last_ms)
        if len(days) > FEW_DAYS:
            for month in sorted({f"{day:%Y-%m}" for day in days}):
                if self._events_of_file(month) is None:
                    yield from (day.isoformat() for day in days if f"{day:%Y-%m}" == month)
                else:
                    yield month
        else:
            yield from (day.isoformat() for day in days)

    def _read_events(self, name: str) -> tuple[int | None, list[Event]] | None:
        path = f"{self._folder}/{name}.events.json"
        document = self._files.document(path)
        if document is None:
            return None
        return _sound(self._files, path, lambda: documents.events_of(document, self.machine.name))

    def _present(self, from_ms: int, last_ms: int) -> list[date]:
        """The days that have samples, of those that a span touches."""
        first, last = day_of(from_ms, self._zone), day_of(last_ms, self._zone)
        days: list[date] = []
        for begin, end in self.machine.days:
            day = max(begin, first)
            while day <= min(end, last):
                days.append(day)
                day += _ONE_DAY
        return days

    def has_samples(self, from_ms: int, to_ms: int) -> bool:
        """Whether every day with rows in the span has its samples published."""
        days = days_between(max(from_ms, FIRST_MS), min(to_ms, LAST_MS) - 1, self._zone)
        missing = [day for day in days if not self.machine.has_day(day)]
        if not missing:
            return True
        begin_ms, end_ms = span_of(missing[0], self._zone)[0], span_of(missing[-1], self._zone)[1]
        rows = self.rows(max(from_ms, begin_ms), min(to_ms, end_ms)).rows
        return not any(row.energy.samples and not self.machine.has_day(day_of(row.at_ms, self._zone)) for row in rows)

    def samples(self, from_ms: int, to_ms: int) -> Iterator[Sample]:
        """The samples of a span, from those that may hold into it to the first after it."""
        context = self.context(from_ms, to_ms)
        changed = (round((event.value or 0) * 1000) for event in context.events if event.kind is EventKind.INTERVAL)
        around_ms = HOLDS_INTERVALS * max(context.interval_ms, *changed, 0)
        day: date | None = None
        for day in self._present(max(FIRST_MS, from_ms - around_ms), max(from_ms, to_ms - 1)):
            yield from self._day_samples(day)
        following = self.machine.neighbour(day or day_of(to_ms - 1, self._zone), 1)
        if following is not None:
            yield from self._day_samples(following)[:1]

    def _read_day(self, day: date) -> list[Sample]:
        path = f"{self._folder}/{day.isoformat()}.csv"
        content = self._files.get(path)
        if content is None:
            raise SiteError(f"{self._files.url}/{path} is not there, though the index has the day")
        return _sound(self._files, path, lambda: documents.samples_of(content, self.machine.name))

    def rows(self, from_ms: int, to_ms: int) -> Rows:
        """The rows of a span: of five minutes where every month with hours has them, else of hours."""
        from_ms, to_ms = snapped(from_ms, to_ms, FIVE_MINUTES_MS)
        months = self._names("%Y-%m", from_ms, to_ms)
        missing = {month for month in months if self._rows_of_file(month) is None}
        hours_from_ms, hours_to_ms = snapped(from_ms, to_ms, HOUR_MS)
        hours = self._span("%Y", hours_from_ms, hours_to_ms) if missing else []
        if any(f"{day_of(row.at_ms, self._zone):%Y-%m}" in missing for row in hours if row.energy.samples):
            return Rows(hours, HOUR_MS)
        return Rows(self._span("%Y-%m", from_ms, to_ms))

    def _span(self, form: str, from_ms: int, to_ms: int) -> list[Row]:
        rows = (row for name in self._names(form, from_ms, to_ms) for row in self._rows_of_file(name) or ())
        return [row for row in rows if from_ms <= row.at_ms < to_ms]

    def _names(self, form: str, from_ms: int, to_ms: int) -> list[str]:
        if to_ms <= from_ms:
            return []
        first, last = day_of(from_ms, self._zone), day_of(to_ms - 1, self._zone)
        if last.year - first.year > MOST_YEARS:
            raise SiteError(f"{self._files.url}: a span is of {MOST_YEARS} years at most")
        months = (date(year, month, 1) for year in range(first.year, last.year + 1) for month in range(1, 13))
        names = (day.strftime(form) for day in months if first.replace(day=1) <= day <= last)
        return list(dict.fromkeys(names))

    def _read_rows(self, name: str) -> list[Row] | None:
        path = f"{self._folder}/{name}.csv"
        content = self._files.get(path)
        return None if content is None else _sound(self._files, path, lambda: documents.rows_of(content))


def _sound(files: SiteFiles, path: str, take: Callable[[], _T]) -> _T:
    try:
        return take()
    except DocumentError as error:
        raise SiteError(f"{files.url}/{path} {error}") from None
