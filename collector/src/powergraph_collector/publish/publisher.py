"""The publishing thread: brings the files under the web root up to what is acknowledged."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from powergraph_collector.days import day_of, days_between, span_of
from powergraph_collector.history.engine import HistoryAwayError, ReadableHistory
from powergraph_collector.history.storage_state import StorageState
from powergraph_collector.model import Event, EventKind, Sample
from powergraph_collector.publish import csv_files, files, json_files
from powergraph_collector.publish.json_files import Latest
from powergraph_collector.settings import Bmc, Settings

MISSING_DAYS_A_ROUND: Final = 50
ROUNDS_TO_ACKNOWLEDGE: Final = 3  # after which nothing that was read then is still to be told of
MOST_WAITING: Final = 200_000  # beyond, publishing stalled for long: it begins again from the store
STALE_ROUND_S: Final = 2.0  # of rewriting old days before the live files get their turn


@dataclass(slots=True)
class _Series:
    """What is published of one BMC."""

    bmc: Bmc
    folder: Path
    days: set[date] = field(default_factory=set)
    open_day: date | None = None
    latest: Latest = field(default_factory=Latest)
    tail_is_old: bool = True
    last_read: Sample | None = None
    rounds_since_read: int = 0

    def csv(self, day: date) -> Path:
        return self.folder / f"{day.isoformat()}.csv"

    def events(self, day: date) -> Path:
        return self.folder / f"{day.isoformat()}.events.json"


class Publisher:
    """Writes the files of `docs/published-files.md` for one collector; all but `acknowledged` is for one thread.

    `history` is a reader of its own; `storage` says whether samples reach the disk. Trouble with the published files
    is told once, and tried again at the next round.
    """

    def __init__(
        self,
        settings: Settings,
        history: ReadableHistory,
        root: Path,
        complain: Callable[[str], None],
        now_ms: Callable[[], int],
        *,
        storage: Callable[[], StorageState] = StorageState,
    ) -> None:
        self._settings = settings
        self._history = history
        self._zone = ZoneInfo(settings.zone)
        self._root = root / settings.name
        self._complain = complain
        self._now_ms = now_ms
        self._storage = storage
        self._lock = threading.Lock()
        self._new: list[Sample | Event] = []
        self._series = {bmc.name: _Series(bmc, self._root / bmc.name) for bmc in settings.bmcs}
        self._old_csv: set[tuple[str, date]] = set()
        self._old_events: set[tuple[str, date]] = set()
        self._index: bytes = b""
        self._is_prepared = False
        self._trouble = ""
        self._away = ""

    def acknowledged(self, samples: Sequence[Sample], events: Sequence[Event]) -> None:
        """Take what is safe on the disk; called by the recording thread."""
        with self._lock:
            self._new.extend(samples)
            self._new.extend(events)
            if len(self._new) > MOST_WAITING:
                self._new.clear()
                self._is_prepared = False

    def run(self, stop: threading.Event) -> None:
        """Publish every few seconds, tails and index every `csv_interval_s`, until told to stop; then once more."""
        tails_at_s = 0.0
        while True:
            stopped = stop.is_set()
            with_tails = stopped or time.monotonic() >= tails_at_s
            if with_tails:
                tails_at_s = time.monotonic() + self._settings.csv_interval_s
            self.round(with_tails=with_tails)
            if stopped:
                return
            stop.wait(json_files.REFRESH_S)

    def round(self, *, with_tails: bool) -> None:
        """Bring everything up to date once."""
        try:
            if not self._is_prepared:
                self._prepare()
                self._is_prepared = True
            self._take_new()
            self._close_former_days()
            self._write_from_history(with_tails=with_tails)
            self._write_index()
            self._write_now()
        except HistoryAwayError as error:
            self._say_away(error)
        except OSError as error:
            if self._trouble != str(error):
                self._complain(f"the page's files cannot be written: {error}; samples are stored all the same")
            self._trouble = str(error)
            self._is_prepared = False  # whatever was half done: begin again from the store
        else:
            self._trouble = ""

    def _write_from_history(self, *, with_tails: bool) -> None:
        """Write what has to be read first; while the history is away, the rest is kept up all the same."""
        try:
            self._rewrite_old()
            if with_tails:
                self._write_tails()
        except HistoryAwayError as error:
            self._say_away(error)
        else:
            self._away = ""

    def _say_away(self, error: HistoryAwayError) -> None:
        if not self._away:
            self._complain(f"some of the page's files wait: {error}")
        self._away = str(error)

    def _prepare(self) -> None:
        """Find out what is published already; the open day is written anew from the store."""
        files.make_folder(self._root)
        self._old_csv.clear()
        now_ms = self._now_ms()
        today = day_of(now_ms, self._zone)
        for series in self._series.values():
            files.make_folder(series.folder)
            series.days = {
                day for path in series.folder.glob("*.csv") if (day := _day_named(path.name.removesuffix(".csv")))
            }
            last = self._history.last(series.bmc.name, 1)
            since_ms = last[-1].at_ms if last else now_ms
            outages = [
                event
                for event in self._history.read_events(series.bmc.name, since_ms, now_ms + 1)
                if event.kind is EventKind.OUTAGE and event.end_ms is None
            ]
            series.latest = Latest(last[-1] if last else None, outages[-1] if outages else None)
            series.tail_is_old = True
            self._open(series, today)
            self._old_events.add((series.bmc.name, today))
            self._find_missing_days(series, today)

    def _find_missing_days(self, series: _Series, today: date) -> None:
        for utc in self._history.utc_days(series.bmc.name):
            first_ms, next_ms = span_of(date.fromisoformat(utc), ZoneInfo("UTC"))
            for day in days_between(first_ms, next_ms - 1, self._zone):
                if day < today and (day not in series.days or not self._has_twins(series, day)):
                    self._old_csv.add((series.bmc.name, day))

    def _has_twins(self, series: _Series, day: date) -> bool:
        path = series.csv(day)
        return path.stat().st_size <= len(csv_files.HEADER) or path.with_name(path.name + ".br").exists()

    def _open(self, series: _Series, day: date) -> None:
        """Write the day that grows from the store, without twins."""
        samples = list(self._history.read(series.bmc.name, *span_of(day, self._zone)))
        series.open_day = day
        series.last_read = samples[-1] if samples else None
        series.rounds_since_read = 0
        if samples:
            files.replace(series.csv(day), csv_files.table(samples), with_twins=False)
            series.days.add(day)

    def _take_new(self) -> None:
        with self._lock:
            new, self._new = self._new, []
        lines: dict[tuple[str, date], list[Sample]] = defaultdict(list)
        for record in new:
            series = self._series.get(record.bmc)
            if series is None:
                continue
            if isinstance(record, Event):
                self._take_event(series, record)
            else:
                lines[record.bmc, day_of(record.at_ms, self._zone)].append(record)
                series.latest = replace(series.latest, sample=record, is_heard=True)
                series.tail_is_old = True
        for (name, day), samples in lines.items():
            series = self._series[name]
            self._append(series, day, _after(samples, series.last_read))
            if series.last_read in samples:
                series.last_read = None
        for series in self._series.values():
            series.rounds_since_read += 1
            if series.rounds_since_read > ROUNDS_TO_ACKNOWLEDGE:
                series.last_read = None

    def _take_event(self, series: _Series, event: Event) -> None:
        if event.kind is EventKind.OUTAGE:
            lasts = event.end_ms is None
            if lasts or (series.latest.outage and series.latest.outage.begin_ms == event.begin_ms):
                series.latest = replace(series.latest, outage=event if lasts else None)
        end_ms = max(event.begin_ms, self._now_ms()) if event.end_ms is None else event.end_ms
        for day in days_between(min(event.begin_ms, end_ms), max(event.begin_ms, end_ms), self._zone):
            self._old_events.add((series.bmc.name, day))

    def _append(self, series: _Series, day: date, samples: Sequence[Sample]) -> None:
        if series.open_day is not None and day < series.open_day:
            self._old_csv.add((series.bmc.name, day))
            return
        if day != series.open_day:
            self._close(series)
            series.open_day = day
        path = series.csv(day)
        if samples and day not in series.days:
            files.replace(path, csv_files.HEADER, with_twins=False)
            series.days.add(day)
            self._old_events.add((series.bmc.name, day))
        if samples:
            files.append(path, csv_files.rows(samples))

    def _close_former_days(self) -> None:
        today = day_of(self._now_ms(), self._zone)
        for series in self._series.values():
            if series.open_day is not None and series.open_day < today:
                self._close(series)
                series.open_day = today
                self._old_events.add((series.bmc.name, today))  # an outage may reach into it

    def _close(self, series: _Series) -> None:
        if series.open_day is not None and series.open_day in series.days:
            self._old_csv.add((series.bmc.name, series.open_day))

    def _rewrite_old(self) -> None:
        """Write events that changed, and a bounded number of days that are over, from the store."""
        while self._old_events:
            name, day = self._old_events.pop()
            series = self._series[name]
            events = self._history.read_events(name, *span_of(day, self._zone))
            document = json_files.day_events(self._settings, series.bmc, day, events)
            files.replace(series.events(day), json_files.encode(document))
        until_s = time.monotonic() + STALE_ROUND_S
        for name, day in sorted(self._old_csv, key=lambda each: each[1], reverse=True)[:MISSING_DAYS_A_ROUND]:
            if time.monotonic() > until_s:
                break
            series = self._series[name]
            samples = list(self._history.read(name, *span_of(day, self._zone)))
            if samples:
                files.replace(series.csv(day), csv_files.table(samples))
                series.days.add(day)
                if not series.events(day).exists():
                    self._old_events.add((name, day))
            self._old_csv.discard((name, day))

    def _write_tails(self) -> None:
        for series in self._series.values():
            if series.tail_is_old:
                write_tail(self._history, series.bmc.name, series.folder / "last.csv", self._settings.tail_length)
                series.tail_is_old = False

    def _write_index(self) -> None:
        days = {name: sorted(series.days) for name, series in self._series.items()}
        unchanged = json_files.encode(json_files.index(self._settings, days, 0))
        if unchanged != self._index:
            document = json_files.index(self._settings, days, self._now_ms())
            files.replace(self._root / "index.json", json_files.encode(document))
            self._index = unchanged

    def _write_now(self) -> None:
        latest = {name: series.latest for name, series in self._series.items()}
        document = json_files.now(self._settings, latest, self._now_ms(), self._storage())
        files.replace(self._root / "now.json", json_files.encode(document))


def write_tail(history: ReadableHistory, bmc: str, path: Path, count: int) -> None:
    """Write the last count samples of a BMC as a CSV file. Raises OSError."""
    files.replace(path, csv_files.table(history.last(bmc, count)))


def _after(samples: list[Sample], last_read: Sample | None) -> list[Sample]:
    """Those that were not in the store yet when it was read; they may be told of later than that."""
    if last_read is None:
        return samples
    if last_read in samples:
        return samples[samples.index(last_read) + 1 :]
    return [sample for sample in samples if sample.at_ms > last_read.at_ms]


def _day_named(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
