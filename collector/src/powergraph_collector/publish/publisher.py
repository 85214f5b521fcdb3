"""The publishing thread: brings the files under the web root up to what is acknowledged."""

from __future__ import annotations

import os
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from powergraph_collector.days import FIRST_MS, LAST_MS, day_of, days_between, moment, span_of, utc_day
from powergraph_collector.history.engine import HistoryAwayError, ReadableHistory, StampedHistory
from powergraph_collector.history.storage_state import StorageState
from powergraph_collector.model import Event, EventKind, Sample
from powergraph_collector.publish import agreement, csv_files, files, json_files, ownership
from powergraph_collector.publish.day_files import expired_files
from powergraph_collector.publish.json_files import Latest
from powergraph_collector.publish.rolling import UTC, Rolling, taken
from powergraph_collector.publish.rollup_files import RollupFiles
from powergraph_collector.retention import NOTICE_MS, is_expired
from powergraph_collector.settings import Bmc, Settings

MISSING_DAYS_A_ROUND: Final = 50
ROUNDS_TO_ACKNOWLEDGE: Final = 3  # after which nothing that was read then is still to be told of
MOST_WAITING: Final = 200_000  # beyond, publishing stalled for long: it begins again from the store
STALE_ROUND_S: Final = 2.0  # of rewriting old days before the live files get their turn
EXPIRE_ROUND_S: Final = 0.5
ROLLUP_ROUND_S: Final = 1.0  # likewise, of bringing rollups into line
UNTIDY_MS: Final = 7_200_000  # after the end of a UTC day, for which the store may still put it into columns


@dataclass(slots=True)
class _Series:
    """What is published of one BMC."""

    bmc: Bmc
    folder: Path
    rollup_files: RollupFiles
    rolling: Rolling
    rolling_due_s: float = 0.0
    month: str = ""  # whose former ones are closed
    agreed: dict[str, str] = field(default_factory=dict)
    agreed_until: str = ""
    found_old: dict[str, str] = field(default_factory=dict)  # stamps of days that were brought into line since then
    begun_on: str = ""  # the UTC day since which samples are told of
    stamps_before: dict[str, str] | None = None
    stamped_at: int = 0
    open_day_is_old: bool = False
    days: set[date] = field(default_factory=set)
    open_day: date | None = None
    latest: Latest = field(default_factory=Latest)
    tail_is_old: bool = True
    tail: deque[bytes] | None = None  # its lines; None: to be read from the store
    tail_read: Sample | None = None  # the last of what was read, some of which may still be told of
    last_read: Sample | None = None
    rounds_since_read: int = 0

    def csv(self, day: date) -> Path:
        return self.folder / f"{day.isoformat()}.csv"

    def events(self, day: date) -> Path:
        return self.folder / f"{day.isoformat()}.events.json"


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
        self._tell = tell
        self._settings = settings
        self._history = history
        self._zone = ZoneInfo(settings.zone)
        self._root = root / settings.name
        self._complain = complain
        self._now_ms = now_ms
        self._storage = storage
        self._lock = threading.Lock()
        self._new: list[Sample | Event] = []
        self._series: dict[str, _Series] = {}
        self._old_csv: set[tuple[str, date]] = set()
        self._old_events: set[tuple[str, date]] = set()
        self._index: bytes = b""
        self._index_is_old = True
        self._is_prepared = False
        self._trouble = ""
        self._beats = 0
        self._expired_on: date | None = None
        self._expiring: deque[tuple[_Series, date, list[Path]]] = deque()
        self._expire_at_ms = 0
        self._expired = 0
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
            series, stamps = self._series[name], self._stamps(self._series[name])
            rebuilt += Rebuilt(files=series.rolling.rebuild(self._now_ms()), kept_rows=series.rolling.kept_rows)
            for day, utc_days in self._days_of(stamps).items():
                if not self._is_expired(day):
                    is_changed = day < today and self._write_closed(series, day)
                    rebuilt += Rebuilt(days=1, files=int(is_changed))
                if day in series.days:
                    self._old_events.add((name, day))
                done(utc_days)
            for event in self._history.read_events(name, FIRST_MS, LAST_MS):
                self._old_events |= {(name, day) for day in self._days_touched(event)}
            same = {day: stamp for day, stamp in self._stamps(series).items() if stamps.get(day) == stamp}
            self._sync(series, same)
            agreement.save(series.folder, self._settings.zone, same)
        self._rewrite_old()
        self._write_tails()
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
            if not self._is_prepared:
                self._prepare()
                self._is_prepared = True
            self._beats += with_tails
            self._take_new()
            self._close_former_days()
            self._roll()
            self._write_from_history(with_tails=with_tails)
            self._expire()
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
        self._index_is_old = True
        now_ms = self._now_ms()
        today = day_of(now_ms, self._zone)
        self._series = {bmc.name: self._new_series(bmc) for bmc in self._settings.bmcs}
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
            self._find_old_days(series)

    def _new_series(self, bmc: Bmc) -> _Series:
        folder = self._root / bmc.name
        rollup_files = RollupFiles(folder, self._zone)
        rolling = Rolling(bmc.name, self._history, rollup_files, round(bmc.interval_s * 1000))
        return _Series(bmc, folder, rollup_files, rolling)

    def _stamps(self, series: _Series) -> dict[str, str]:
        if isinstance(self._history, StampedHistory):
            return self._history.stamps(series.bmc.name)
        return dict.fromkeys(self._history.utc_days(series.bmc.name), "")

    def _find_old_days(self, series: _Series) -> None:
        """Find the days whose files may not be what the store says: after a crash, an import, an absence."""
        series.begun_on = utc_day(self._now_ms())
        series.agreed = agreement.load(series.folder, self._settings.zone)
        months = set(series.rollup_files.months())
        old: list[str] = []
        for utc, stamp in self._stamps(series).items():
            first_ms, next_ms = span_of(date.fromisoformat(utc), UTC)
            is_rolled = bool(months & {f"{moment(at_ms, self._zone):%Y-%m}" for at_ms in (first_ms, next_ms - 1)})
            is_old = series.agreed.get(utc) != stamp or not is_rolled
            if is_old:
                old.append(utc)
                series.found_old[utc] = stamp
            touched = self._closed_days_of(utc)
            is_old = is_old or series.days.isdisjoint(touched)
            for day in touched:
                if is_old or (day in series.days and not files.is_closed(series.csv(day))):
                    self._old_csv.add((series.bmc.name, day))
        series.rolling.begin(old)

    def _taken(self, series: _Series, day: date) -> list[Sample]:
        """The samples of a zone's day in the order in which they were taken."""
        from_ms, to_ms = span_of(day, self._zone)
        samples: list[Sample] = []
        for utc in days_between(from_ms, to_ms - 1, UTC):
            of_day = taken(self._history, series.bmc.name, utc.isoformat(), series.rolling.events)
            samples += (sample for sample in of_day if from_ms <= sample.at_ms < to_ms)
        return samples

    def _open(self, series: _Series, day: date) -> None:
        """Write the day that grows from the store, without twins."""
        samples = self._taken(series, day)
        series.open_day = day
        series.last_read = samples[-1] if samples else None
        series.rounds_since_read = 0
        if samples:
            whole = csv_files.table(samples)
            if day not in series.days or series.csv(day).read_bytes() != whole:
                files.replace(series.csv(day), whole, with_twins=False)
            self._publish_day(series, day)

    def _publish_day(self, series: _Series, day: date) -> None:
        series.days.add(day)
        self._index_is_old = True

    def _reopen_old(self) -> None:
        """Put samples of the open day that came late where they belong."""
        for series in self._series.values():
            if series.open_day_is_old and series.open_day is not None:
                self._open(series, series.open_day)
                series.open_day_is_old = False

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
                series.open_day_is_old |= not series.rolling.take(record)
                series.latest = replace(series.latest, sample=record, is_heard=True)
                series.tail_is_old = True
        for (name, day), samples in lines.items():
            series = self._series[name]
            if series.tail is not None:
                series.tail += csv_files.lines(_after(samples, series.tail_read))
                series.tail_read = None if series.tail_read in samples else series.tail_read
            self._append(series, day, _after(samples, series.last_read))
            if series.last_read in samples:
                series.last_read = None
        for series in self._series.values():
            series.rounds_since_read += 1
            if series.rounds_since_read > ROUNDS_TO_ACKNOWLEDGE:
                series.last_read = series.tail_read = None

    def _take_event(self, series: _Series, event: Event) -> None:
        if event.kind is EventKind.OUTAGE:
            lasts = event.end_ms is None
            if lasts or (series.latest.outage and series.latest.outage.begin_ms == event.begin_ms):
                series.latest = replace(series.latest, outage=event if lasts else None)
        self._old_events |= {(series.bmc.name, day) for day in self._days_touched(event)}

    def _days_touched(self, event: Event) -> Iterator[date]:
        end_ms = max(event.begin_ms, self._now_ms()) if event.end_ms is None else event.end_ms
        days = days_between(min(event.begin_ms, end_ms), max(event.begin_ms, end_ms), self._zone)
        return (day for day in days if not self._is_expired(day))

    def _append(self, series: _Series, day: date, samples: Sequence[Sample]) -> None:
        if series.open_day is not None and day < series.open_day:
            if not self._is_expired(day):
                self._old_csv.add((series.bmc.name, day))
            return
        if day != series.open_day:
            self._close(series)
            series.open_day = day
        path = series.csv(day)
        if samples and day not in series.days:
            files.replace(path, csv_files.HEADER, with_twins=False)
            self._publish_day(series, day)
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
        if series.open_day is not None:
            self._old_csv.add((series.bmc.name, series.open_day))

    def _rewrite_old(self) -> None:
        """Write events that changed, and a bounded number of days that are over, from the store."""
        while self._old_events:
            name, day = due = next(iter(self._old_events))
            series = self._series[name]
            from_ms, to_ms = span_of(day, self._zone)
            events = self._history.read_events(name, from_ms, to_ms)
            interval_s = series.rolling.interval_at(from_ms) / 1000
            document = json_files.day_events(self._settings, series.bmc, day, events, interval_s)
            files.replace_if_other(series.events(day), json_files.encode(document))
            self._old_events.discard(due)
        until_s = time.monotonic() + STALE_ROUND_S
        for name, day in sorted(self._old_csv, key=lambda each: each[1], reverse=True)[:MISSING_DAYS_A_ROUND]:
            if time.monotonic() > until_s:
                break
            series = self._series[name]
            self._write_closed(series, day)
            if day in series.days and not series.events(day).exists():
                self._old_events.add((name, day))
            self._old_csv.discard((name, day))

    def _write_closed(self, series: _Series, day: date) -> bool:
        """Write a day that is over, if its file is not as it should be; returns whether that was so."""
        path, samples = series.csv(day), self._taken(series, day)
        old = path.read_bytes() if day in series.days and path.exists() else b""
        new = csv_files.table(samples)
        if not samples or old.count(b"\n") > new.count(b"\n"):
            if not old or files.is_closed(path):
                return False
            files.replace(path, old)  # its samples are gone from the store: it is all that there is of them
            return True
        if old == new and files.is_closed(path):
            return False
        if old != new:  # somebody else may have brought samples to it while it was open
            from_ms, to_ms = span_of(day, self._zone)
            series.rolling.begin(utc.isoformat() for utc in days_between(from_ms, to_ms - 1, UTC))
        files.replace(path, new)
        self._publish_day(series, day)
        return True

    def _roll(self) -> None:
        """Add the rows that are over."""
        now_ms = self._now_ms()
        for series in self._series.values():
            series.rolling.advance(now_ms)

    def _roll_old(self, *, all_due: bool) -> None:
        """Bring the rows of what came late into line, for as long as the live files can wait."""
        now_ms = self._now_ms()
        until_s = time.monotonic() + ROLLUP_ROUND_S
        month = f"{moment(now_ms, self._zone):%Y-%m}"
        for series in self._series.values():
            if series.month != month and time.monotonic() <= until_s:
                series.rollup_files.close_former(now_ms)
                series.month = month
            if not (all_due or time.monotonic() >= series.rolling_due_s):
                continue
            while series.rolling.has_work:
                if time.monotonic() > until_s:
                    return
                series.rolling.work(now_ms)
                series.rolling_due_s = time.monotonic() + self._settings.csv_interval_s

    def _is_expired(self, day: date) -> bool:
        return is_expired(day, day_of(self._now_ms(), self._zone), self._settings.keep_published_days)

    def _expire(self) -> None:
        """Remove the published days that were kept for long enough, an hour after saying so."""
        now_ms = self._now_ms()
        today = day_of(now_ms, self._zone)
        if self._expired_on != today:
            self._expired_on, self._expire_at_ms = today, now_ms + NOTICE_MS
            self._expiring = deque(
                (series, day, paths)
                for series in self._series.values()
                for day, paths in expired_files(series.folder, today, self._settings.keep_published_days).items()
            )
            if self._expiring:
                last = max(day for _, day, _ in self._expiring)
                self._tell(f"retention: {len(self._expiring)} published days, up to {last}, will be removed in an hour")
        until_s = time.monotonic() + EXPIRE_ROUND_S
        while self._expiring and now_ms >= self._expire_at_ms and time.monotonic() < until_s:
            series, day, paths = self._expiring.popleft()
            for path in paths:
                path.unlink(missing_ok=True)
            self._series[series.bmc.name].days.discard(day)
            self._index_is_old = True
            self._expired += 1
        if self._expired and not self._expiring:
            self._tell(f"retention: {self._expired} published days were removed; their samples and rollups stay")
            self._expired = 0

    def is_rolled_up(self, bmc: str, utc_day: str) -> bool:
        """Whether the rollups of a UTC day are safe on the disk; for any thread."""
        series = self._series.get(bmc)
        return series is not None and utc_day in series.agreed

    def _agree(self) -> None:
        """Write down what the files agree with, once a day, and after they were brought into line."""
        now_ms = self._now_ms()
        until, today = utc_day(now_ms - UNTIDY_MS), utc_day(now_ms)
        old = {name for name, _ in self._old_csv}
        for name, series in self._series.items():
            if series.agreed_until == until or series.rolling.has_work or name in old:
                continue
            if series.stamps_before is None:
                series.stamps_before, series.stamped_at = self._stamps(series), self._beats
            elif self._beats > series.stamped_at:  # all that the stamps speak of was told of in between
                stamps = self._stamps(series)
                same = {day: it for day, it in series.stamps_before.items() if stamps.get(day) == it and day < today}
                series.stamps_before = None
                if self._outdate(series, same):
                    continue
                if same != series.agreed:
                    self._sync(series, same.keys() - series.agreed.keys())
                    agreement.save(series.folder, self._settings.zone, same)
                series.agreed, series.agreed_until, series.found_old = same, until, {}

    def _outdate(self, series: _Series, stamps: dict[str, str]) -> bool:
        """Find the days that somebody else brought samples to since it began; they are looked at again."""
        changed = {
            utc: stamp
            for utc, stamp in stamps.items()
            if stamp not in (series.agreed.get(utc), series.found_old.get(utc))
            and (utc in series.agreed or utc < series.begun_on)
        }
        series.found_old |= changed
        series.rolling.begin(changed)
        for utc in changed:
            self._old_csv |= {(series.bmc.name, day) for day in self._closed_days_of(utc)}
        return bool(changed)

    def _closed_days_of(self, utc: str) -> list[date]:
        """The days of the zone that a UTC day touches, that are over, and whose files are kept."""
        first_ms, next_ms = span_of(date.fromisoformat(utc), UTC)
        today = day_of(self._now_ms(), self._zone)
        days = days_between(first_ms, next_ms - 1, self._zone)
        return [day for day in days if day < today and not self._is_expired(day)]

    def _sync(self, series: _Series, utc_days: Iterable[str]) -> None:
        series.rollup_files.sync()
        for utc in utc_days:
            first_ms, next_ms = span_of(date.fromisoformat(utc), UTC)
            for day in days_between(first_ms, next_ms - 1, self._zone):
                if day in series.days:
                    files.sync(series.csv(day))

    def _write_tails(self) -> None:
        for series in self._series.values():
            if not series.tail_is_old:
                continue
            if series.tail is None:
                last = self._history.last(series.bmc.name, self._settings.tail_length)
                series.tail = deque(csv_files.lines(last), self._settings.tail_length)
                series.tail_read = last[-1] if last else None
                series.rounds_since_read = 0
            whole = csv_files.HEADER + b"".join(series.tail)
            files.replace(series.folder / "last.csv", whole, effort=files.QUICK)
            series.tail_is_old = False

    def _write_index(self) -> None:
        if not self._index_is_old:
            return
        days = {name: sorted(series.days) for name, series in self._series.items()}
        unchanged = json_files.encode(json_files.index(self._settings, days, 0))
        if unchanged != self._index:
            document = json_files.index(self._settings, days, self._now_ms())
            files.replace(self._root / "index.json", json_files.encode(document))
            self._index = unchanged
        self._index_is_old = False

    def _write_now(self) -> None:
        latest = {name: series.latest for name, series in self._series.items()}
        document = json_files.now(self._settings, latest, self._now_ms(), self._storage())
        files.replace(self._root / "now.json", json_files.encode(document), effort=files.QUICK)


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
