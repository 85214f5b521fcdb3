"""The publishing thread: brings the files under the web root up to what is acknowledged."""

from __future__ import annotations

import os
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from powergraph_collector.days import FIRST_MS, LAST_MS, day_of, days_between, month_of, span_of, utc_day
from powergraph_collector.history.engine import HistoryAwayError, ReadableHistory
from powergraph_collector.history.storage_state import StorageState
from powergraph_collector.model import Event, EventKind, Sample
from powergraph_collector.publish import files, json_files, overview, ownership
from powergraph_collector.publish.event_files import EventFiles
from powergraph_collector.publish.expiring import Expiring
from powergraph_collector.publish.rolling import UTC
from powergraph_collector.publish.series import Series
from powergraph_collector.retention import is_expired
from powergraph_collector.settings_model import Settings

MISSING_DAYS_A_ROUND: Final = 50
MOST_WAITING: Final = 200_000  # beyond, publishing stalled for long: it begins again from the store
STALE_ROUND_S: Final = 2.0  # of rewriting old days before the live files get their turn
ROLLUP_ROUND_S: Final = 1.0  # likewise, of bringing rollups into line
UNTIDY_MS: Final = 7_200_000  # after the end of a UTC day, for which the store may still put it into columns
DAYS_ROUND_S: Final = 0.5  # likewise, of days.csv


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What rewriting from the store came to: days looked at, files that changed, rows whose samples are gone."""

    days: int = 0
    files: int = 0
    kept_rows: int = 0

    def __add__(self, other: Rebuilt) -> Rebuilt:
        return Rebuilt(self.days + other.days, self.files + other.files, self.kept_rows + other.kept_rows)


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
        tell: Callable[[str], None] = lambda _: None,
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
        self._series: dict[str, Series] = {}
        self._old_csv: set[tuple[str, date]] = set()
        self._days_due: list[str] = []  # BMCs whose days.csv is to be looked at
        self._events = EventFiles(settings, history, self._is_expired, now_ms)
        self._index: bytes = b""
        self._overview_spans: overview.Spans | None = None  # of the file as it is
        self._has_to_begin = threading.Event()
        self._has_to_begin.set()
        self._trouble = ""
        self._beats = 0
        self._expiring = Expiring(settings.keep_published_days, tell)
        self._away = ""

    def acknowledged(self, samples: Sequence[Sample], events: Sequence[Event]) -> None:
        """Take what is safe on the disk; called by the recording thread."""
        with self._lock:
            self._new.extend(samples)
            self._new.extend(events)
            if len(self._new) > MOST_WAITING:
                self._new.clear()
                self._has_to_begin.set()

    def run(self, stop: threading.Event) -> None:
        """Publish every few seconds, tails and index every `csv_interval_s`, until told to stop; then once more."""
        lock_fd = self._lock_files(stop)
        if lock_fd is None:
            return
        try:
            self._run(stop)
        finally:
            os.close(lock_fd)

    def _lock_files(self, stop: threading.Event) -> int | None:
        while not stop.is_set():
            try:
                return ownership.take(self._root)
            except BlockingIOError:
                trouble = f"another process writes the page's files in {self._root}; publishing waits for its end"
            except OSError as error:
                trouble = f"the page's files cannot be written: {error}; samples are stored all the same"
            if trouble != self._trouble:
                self._complain(trouble)
            self._trouble = trouble
            stop.wait(json_files.REFRESH_S)
        return None

    def _run(self, stop: threading.Event) -> None:
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

    def rebuild(self, names: Collection[str], done: Callable[[int], None]) -> Rebuilt:
        """Write days and rollups of some BMCs from the store; done gets how many UTC days that brought. Raises OSError.

        Nobody else may write meanwhile. What the store has no samples of any more stays as it is.
        """
        self._prepare()
        self._old_csv.clear()
        today = day_of(self._now_ms(), self._zone)
        rebuilt = Rebuilt()
        for name in names:
            series, stamps = self._series[name], self._series[name].stamps()
            now_ms = self._now_ms()
            rebuilt += Rebuilt(files=series.rolling.rebuild(now_ms), kept_rows=series.rolling.kept_rows)
            rebuilt += Rebuilt(files=int(series.day_rows.rebuild(series.rolling.over_ms(now_ms))))
            for day, utc_days in self._days_of(stamps).items():
                if not self._is_expired(day):
                    is_changed = day < today and series.write_closed(day)
                    rebuilt += Rebuilt(days=1, files=int(is_changed))
                if day in series.days:
                    self._events.outdate(series, day)
                done(utc_days)
            self._events.outdate_months(name, series.rollup_files.months())
            for event in self._history.read_events(name, FIRST_MS, LAST_MS):
                self._events.touched(event)
            same = {day: stamp for day, stamp in series.stamps().items() if stamps.get(day) == stamp}
            series.save_agreement(same, same)
        self._events.write_all(self._series)
        self._write_tails()
        self._write_overview()
        self._write_index()
        return rebuilt

    def _days_of(self, utc_days: Iterable[str]) -> dict[date, int]:
        """The days of the zone that UTC days touch, each with how many of those begin in it, for counting."""
        found: dict[date, int] = {}
        for utc in sorted(utc_days):
            first_ms, next_ms = span_of(date.fromisoformat(utc), UTC)
            for day in days_between(first_ms, next_ms - 1, self._zone):
                found.setdefault(day, 0)
            found[day_of(first_ms, self._zone)] += 1
        return found

    def round(self, *, with_tails: bool) -> None:
        """Bring everything up to date once."""
        try:
            self._begin()
            self._beats += with_tails
            self._take_new()
            self._close_former_days()
            self._roll()
            self._write_from_history(with_tails=with_tails)
            self._write_days(all_due=with_tails)
            if with_tails:
                self._write_overview()
            self._expire()
            self._write_index()
            self._write_now()
        except HistoryAwayError as error:
            self._say_away(error)
        except OSError as error:
            if self._trouble != str(error):
                self._complain(f"the page's files cannot be written: {error}; samples are stored all the same")
            self._trouble = str(error)
            self._has_to_begin.set()  # whatever was half done: begin again from the store
        else:
            self._trouble = ""

    def _begin(self) -> None:
        """Begin with what is in the store, where there is need; should there be again meanwhile, at the next round."""
        if not self._has_to_begin.is_set():
            return
        self._has_to_begin.clear()
        try:
            self._prepare()
        except OSError:
            self._has_to_begin.set()
            raise

    def _write_from_history(self, *, with_tails: bool) -> None:
        """Write what has to be read first; while the history is away, the rest is kept up all the same."""
        try:
            self._rewrite_old()
            self._events.write_months(self._series, all_due=with_tails)
            self._roll_old(all_due=with_tails)
            if with_tails:
                self._write_tails()
                self._reopen_old()
            self._agree()
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
        tail_length = self._settings.tail_length
        self._series = {
            bmc.name: Series(bmc, self._root, self._zone, self._history, tail_length) for bmc in self._settings.bmcs
        }
        self._days_due = list(self._series)
        for name, series in self._series.items():
            old = series.begin(now_ms, today, self._is_expired)
            self._old_csv |= {(name, day) for day in old}
            self._events.outdate(series, today)
            self._events.outdate_months(name, {f"{day:%Y-%m}" for day in (*old, today)})
            self._events.outdate_months(name, series.months_without_events())

    def _take_new(self) -> None:
        with self._lock:
            new, self._new = self._new, []
        lines: dict[tuple[str, date], list[Sample]] = defaultdict(list)
        for record in new:
            if isinstance(record, Event) and (series := self._series.get(record.bmc)) is not None:
                series.rolling.take_event(record)
        for record in new:
            series = self._series.get(record.bmc)
            if series is None:
                continue
            if isinstance(record, Event):
                self._take_event(series, record)
            else:
                lines[record.bmc, day_of(record.at_ms, self._zone)].append(record)
                series.take(record)
        for (name, day), samples in lines.items():
            series = self._series[name]
            self._append(series, day, series.follow(samples))
        for series in self._series.values():
            series.count_round()

    def _take_event(self, series: Series, event: Event) -> None:
        if event.kind is EventKind.OUTAGE:
            series.take_outage(event)
        self._events.touched(event)

    def _append(self, series: Series, day: date, samples: Sequence[Sample]) -> None:
        if series.open_day is not None and day < series.open_day:
            if not self._is_expired(day):
                self._old_csv.add((series.bmc.name, day))
            return
        if day != series.open_day:
            self._close(series)
            series.open_day = day
        if series.append(samples):
            self._events.outdate(series, day)

    def _close_former_days(self) -> None:
        today = day_of(self._now_ms(), self._zone)
        for series in self._series.values():
            if series.open_day is not None and series.open_day < today:
                self._close(series)
                series.open_day = today
                self._events.outdate(series, today)  # an outage may reach into it

    def _close(self, series: Series) -> None:
        if series.open_day is not None:
            self._old_csv.add((series.bmc.name, series.open_day))

    def _rewrite_old(self) -> None:
        """Write events that changed, and a bounded number of days that are over, from the store."""
        self._events.write_days(self._series)
        until_s = time.monotonic() + STALE_ROUND_S
        for name, day in sorted(self._old_csv, key=lambda each: each[1], reverse=True)[:MISSING_DAYS_A_ROUND]:
            if time.monotonic() > until_s:
                break
            series = self._series[name]
            series.write_closed(day)
            if day in series.days:
                self._events.outdate(series, day)
            self._old_csv.discard((name, day))

    def _roll(self) -> None:
        """Add the rows that are over."""
        now_ms = self._now_ms()
        for series in self._series.values():
            series.rolling.advance(now_ms)

    def _roll_old(self, *, all_due: bool) -> None:
        """Bring the rows of what came late into line, for as long as the live files can wait."""
        now_ms = self._now_ms()
        until_s = time.monotonic() + ROLLUP_ROUND_S
        month = month_of(now_ms, self._zone)
        for series in self._series.values():
            if series.closed_month != month and time.monotonic() <= until_s:
                series.rollup_files.close_former(now_ms)
                series.closed_month = month
            if not (all_due or time.monotonic() >= series.rolling_due_s):
                continue
            while series.rolling.has_work:
                if time.monotonic() > until_s:
                    return
                series.rolling.work(now_ms)
                series.rolling_due_s = time.monotonic() + self._settings.csv_interval_s

    def _write_days(self, *, all_due: bool) -> None:
        """Bring the rows of days that are over into line, for as long as the live files can wait."""
        now_ms = self._now_ms()
        until_s = time.monotonic() + DAYS_ROUND_S
        if all_due:
            self._days_due = list(self._series)
        while self._days_due and time.monotonic() <= until_s:
            series = self._series[self._days_due[-1]]
            over_ms = series.rolling.over_ms(now_ms)
            if series.day_rows.has_work(over_ms):
                series.day_rows.work(over_ms)
            else:
                self._days_due.pop()

    def _is_expired(self, day: date) -> bool:
        return is_expired(day, day_of(self._now_ms(), self._zone), self._settings.keep_published_days)

    def _expire(self) -> None:
        """Remove the published days that were kept for long enough."""
        now_ms = self._now_ms()
        self._expiring.step(self._series, day_of(now_ms, self._zone), now_ms)

    def is_rolled_up(self, bmc: str, utc_day: str) -> bool:
        """Whether the rollups of a UTC day are safe on the disk; for any thread."""
        series = self._series.get(bmc)
        return series is not None and series.is_agreed(utc_day)

    def _agree(self) -> None:
        """Write down what the files agree with, where nothing is still to be brought into line."""
        now_ms = self._now_ms()
        until = utc_day(now_ms - UNTIDY_MS)
        old = {name for name, _ in self._old_csv}
        for name, series in self._series.items():
            if series.agreed_until != until and name not in old:
                again = series.agree(until, now_ms, self._beats, self._is_expired)
                self._old_csv |= {(name, day) for day in again}

    def _write_tails(self) -> None:
        for series in self._series.values():
            series.write_tail()

    def _reopen_old(self) -> None:
        """Put samples of open days that came late where they belong."""
        for series in self._series.values():
            series.reopen()

    def _write_index(self) -> None:
        if all(series.is_listed for series in self._series.values()):
            return
        listings = {name: series.listing() for name, series in self._series.items()}
        unchanged = json_files.encode(json_files.index(self._settings, listings, 0))
        if unchanged != self._index:
            document = json_files.index(self._settings, listings, self._now_ms())
            files.replace(self._root / "index.json", json_files.encode(document))
            self._index = unchanged

    def _write_overview(self) -> None:
        now_ms = self._now_ms()
        spans = overview.spans(now_ms, self._zone)
        windows = {name: series.window for name, series in self._series.items()}
        if spans == self._overview_spans and not any(window.is_changed for window in windows.values()):
            return
        for window in windows.values():
            window.follow(now_ms)
        document = overview.document(self._settings, windows, spans, now_ms)
        files.replace(self._root / "overview.json", json_files.encode(document), twins=files.QUICK)
        self._overview_spans = spans
        for window in windows.values():
            window.is_changed = False

    def _write_now(self) -> None:
        latest = {name: series.latest for name, series in self._series.items()}
        document = json_files.now(self._settings, latest, self._now_ms(), self._storage())
        files.replace(self._root / "now.json", json_files.encode(document), twins=files.QUICK)
