"""What is published of one BMC: its days while they grow and once they are over, its last samples, its rollups."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from powergraph_collector.days import day_of, days_between, months_between, span_of, utc_day
from powergraph_collector.history.engine import ReadableHistory, StampedHistory
from powergraph_collector.model import Event, EventKind, Sample
from powergraph_collector.publish import agreement, csv_files, files
from powergraph_collector.publish.day_rows import DayRows
from powergraph_collector.publish.json_files import Latest, Listing
from powergraph_collector.publish.overview import Window
from powergraph_collector.publish.rolling import UTC, Rolling, taken
from powergraph_collector.publish.rollup_files import RollupFiles
from powergraph_collector.settings_model import Bmc

ROUNDS_TO_ACKNOWLEDGE: Final = 3  # after which nothing that was read then is still to be told of


class Series:
    """The files of one BMC, and what is known of them. Whatever reads or writes raises OSError."""

    def __init__(self, bmc: Bmc, root: Path, zone: ZoneInfo, history: ReadableHistory, tail_length: int) -> None:
        self.bmc = bmc
        self.folder = root / bmc.name
        files.make_folder(self.folder)
        self.rollup_files = RollupFiles(self.folder, zone)
        self.day_rows = DayRows(self.rollup_files, zone)
        self.window = Window(self.rollup_files)
        self.rollup_files.followers = (self.day_rows, self.window)
        self.rolling = Rolling(bmc.name, history, self.rollup_files, round(bmc.interval_s * 1000))
        self.rolling_due_s = 0.0
        self.closed_month = ""  # before which all files of rollups have their twins
        self.days = {day for path in self.folder.glob("*.csv") if (day := _day_named(path.name.removesuffix(".csv")))}
        self.open_day: date | None = None
        self.latest = Latest()
        self.agreed_until = ""  # the UTC day for which it was written down last what agrees with the store
        self._listing: Listing | None = None  # what index.json says of it; None: to be found out
        self._zone = zone
        self._history = history
        self._open_day_is_old = False
        self._tail_length = tail_length
        self._tail_is_old = True
        self._tail: deque[bytes] | None = None  # its lines; None: to be read from the store
        self._tail_read: Sample | None = None  # the last of what was read, some of which may still be told of
        self._last_read: Sample | None = None
        self._rounds_since_read = 0
        self._agreed: dict[str, str] = {}
        self._found_old: dict[str, str] = {}  # stamps of days that were brought into line since then
        self._begun_on = ""  # the UTC day since which samples are told of
        self._stamps_before: dict[str, str] | None = None
        self._stamped_at = 0

    def csv(self, day: date) -> Path:
        """The file of a day's samples."""
        return self.folder / f"{day.isoformat()}.csv"

    def day_events(self, day: date) -> Path:
        """The file of a day's events."""
        return self.folder / f"{day.isoformat()}.events.json"

    def month_events(self, month: str) -> Path:
        """The file of a month's events."""
        return self.folder / f"{month}.events.json"

    @property
    def is_listed(self) -> bool:
        """Whether the files are those that were listed last."""
        return self._listing is not None and not self.rollup_files.has_other_files

    def listing(self) -> Listing:
        """Which files there are."""
        if self._listing is None or self.rollup_files.has_other_files:
            self.rollup_files.has_other_files = False
            self._listing = Listing(sorted(self.days), self.rollup_files.months(), self.rollup_files.years())
        return self._listing

    def months_without_events(self) -> list[str]:
        """The months that have rows, but no file of events."""
        return [month for month in self.rollup_files.months() if not self.month_events(month).exists()]

    # -- from the store -----------------------------------------------------

    def begin(self, now_ms: int, today: date, is_expired: Callable[[date], bool]) -> set[date]:
        """Start from the store: the open day anew; returns the days whose files may not be what the store says.

        That may be so after a crash, an import, an absence.
        """
        self._read_latest(now_ms)
        self.open(today)
        self._begun_on = utc_day(now_ms)
        self._agreed = agreement.load(self.folder, str(self._zone))
        months = set(self.rollup_files.months())
        old_utc: list[str] = []
        old: set[date] = set()
        for utc, stamp in self.stamps().items():
            first_ms, next_ms = span_of(date.fromisoformat(utc), UTC)
            is_rolled = not months.isdisjoint(months_between(first_ms, next_ms - 1, self._zone))
            is_old = self._agreed.get(utc) != stamp or not is_rolled
            if is_old:
                old_utc.append(utc)
                self._found_old[utc] = stamp
            touched = self._closed_days_of(utc, today, is_expired)
            is_old = is_old or self.days.isdisjoint(touched)
            for day in touched:
                if is_old or (day in self.days and not files.is_closed(self.csv(day))):
                    old.add(day)
        self.rolling.begin(old_utc)
        self.day_rows.begin()
        self.window.begin(now_ms)
        return old

    def _closed_days_of(self, utc: str, today: date, is_expired: Callable[[date], bool]) -> list[date]:
        """The days of the zone that a UTC day touches, that are over, and whose files are kept."""
        first_ms, next_ms = span_of(date.fromisoformat(utc), UTC)
        days = days_between(first_ms, next_ms - 1, self._zone)
        return [day for day in days if day < today and not is_expired(day)]

    def _read_latest(self, now_ms: int) -> None:
        last = self._history.last(self.bmc.name, 1)
        since_ms = last[-1].at_ms if last else now_ms
        outages = [
            event
            for event in self._history.read_events(self.bmc.name, since_ms, now_ms + 1)
            if event.kind is EventKind.OUTAGE and event.end_ms is None
        ]
        self.latest = Latest(last[-1] if last else None, outages[-1] if outages else None)

    def stamps(self) -> dict[str, str]:
        """By UTC day with samples, what changes whenever they do, where the history knows."""
        if isinstance(self._history, StampedHistory):
            return self._history.stamps(self.bmc.name)
        return dict.fromkeys(self._history.utc_days(self.bmc.name), "")

    def _taken(self, day: date) -> list[Sample]:
        """The samples of a zone's day in the order in which they were taken."""
        return [sample for utc in self._utc_days_of(day) for sample in self._taken_of(day, utc)]

    def _taken_of(self, day: date, utc: str) -> list[Sample]:
        """Those of them that are of a UTC day."""
        from_ms, to_ms = span_of(day, self._zone)
        of_utc_day = taken(self._history, self.bmc.name, utc, self.rolling.events)
        return [sample for sample in of_utc_day if from_ms <= sample.at_ms < to_ms]

    def _utc_days_of(self, day: date) -> list[str]:
        """The UTC days that a zone's day touches."""
        from_ms, to_ms = span_of(day, self._zone)
        return [utc.isoformat() for utc in days_between(from_ms, to_ms - 1, UTC)]

    def open(self, day: date) -> None:
        """Write the day that grows from the store, without twins."""
        samples = self._taken(day)
        self.open_day = day
        self._last_read = samples[-1] if samples else None
        self._rounds_since_read = 0
        if samples:
            whole = csv_files.table(samples)
            if day not in self.days or self.csv(day).read_bytes() != whole:
                files.replace(self.csv(day), whole, twins=files.ALONE)
            self._publish(day)

    def reopen(self) -> None:
        """Put samples of the open day that came late where they belong."""
        if self._open_day_is_old and self.open_day is not None:
            self.open(self.open_day)
            self._open_day_is_old = False

    def write_closed(self, day: date) -> bool:
        """Write a day that is over, if its file is not as it should be; returns whether that was so."""
        path = self.csv(day)
        old = path.read_bytes() if day in self.days and path.exists() else b""
        new = self._closed(day, old)
        if new == csv_files.HEADER:
            return False
        if old == new and files.holds(path, new):
            return False
        if old != new:  # somebody else may have brought samples to it while it was open
            self.rolling.begin(self._utc_days_of(day))
        files.replace(path, new)
        self._publish(day)
        return True

    def _closed(self, day: date, old: bytes) -> bytes:
        """A day's file: from the store, but for UTC days that it has lost, or a part of, which are nowhere else."""
        rows: list[bytes] = []
        for utc in self._utc_days_of(day):
            stored = csv_files.lines(self._taken_of(day, utc))
            published = [row for row in old.splitlines(keepends=True) if row.startswith(utc.encode())]
            rows += published if len(published) > len(stored) else stored
        return csv_files.HEADER + b"".join(rows)

    def _publish(self, day: date) -> None:
        self.days.add(day)
        self._listing = None

    def withdraw(self, day: date) -> None:
        """Take note that a day's files were removed."""
        self.days.discard(day)
        self._listing = None

    # -- as samples come ----------------------------------------------------

    def take(self, sample: Sample) -> None:
        """Take a sample that is new in the store, for all but the files that grow by it."""
        self._open_day_is_old |= not self.rolling.take(sample)
        self.latest = Latest(sample, self.latest.outage, is_heard=True)
        self._tail_is_old = True

    def take_outage(self, event: Event) -> None:
        """Take an outage that began or ended."""
        lasts = event.end_ms is None
        if lasts or (self.latest.outage and self.latest.outage.begin_ms == event.begin_ms):
            self.latest = Latest(self.latest.sample, event if lasts else None, is_heard=self.latest.is_heard)

    def follow(self, samples: list[Sample]) -> list[Sample]:
        """Add samples to the tail; returns those that the open day lacks."""
        if self._tail is not None:
            self._tail += csv_files.lines(_after(samples, self._tail_read))
            self._tail_read = None if self._tail_read in samples else self._tail_read
        new = _after(samples, self._last_read)
        if self._last_read in samples:
            self._last_read = None
        return new

    def append(self, samples: Sequence[Sample]) -> bool:
        """Add samples to the open day's file; returns whether they are its first."""
        if not samples or self.open_day is None:
            return False
        is_first = self.open_day not in self.days
        if is_first:
            files.replace(self.csv(self.open_day), csv_files.HEADER, twins=files.ALONE)
            self._publish(self.open_day)
        files.append(self.csv(self.open_day), csv_files.rows(samples))
        return is_first

    def count_round(self) -> None:
        """Note that a round has passed, in which all was told that had been acknowledged before it."""
        self._rounds_since_read += 1
        if self._rounds_since_read > ROUNDS_TO_ACKNOWLEDGE:
            self._last_read = self._tail_read = None

    def write_tail(self) -> None:
        """Write `last.csv`, if there is something new."""
        if not self._tail_is_old:
            return
        if self._tail is None:
            last = self._history.last(self.bmc.name, self._tail_length)
            self._tail = deque(csv_files.lines(last), self._tail_length)
            self._tail_read = last[-1] if last else None
            self._rounds_since_read = 0
        whole = csv_files.HEADER + b"".join(self._tail)
        files.replace(self.folder / "last.csv", whole, twins=files.QUICK)
        self._tail_is_old = False

    # -- what agrees with the store -----------------------------------------

    def is_agreed(self, day: str) -> bool:
        """Whether the rollups of a UTC day are safe on the disk; for any thread."""
        return day in self._agreed

    def agree(self, until: str, now_ms: int, beats: int, is_expired: Callable[[date], bool]) -> set[date]:
        """Write down what the files agree with, if all of them do; beats counts those of the tails.

        It is done once for each UTC day that until names. Returns the days to be looked at again: somebody else
        brought samples to them.
        """
        if self.rolling.has_work or self.day_rows.has_work(self.rolling.over_ms(now_ms)):
            return set()
        if self._stamps_before is None:
            self._stamps_before, self._stamped_at = self.stamps(), beats
        elif beats > self._stamped_at:  # all that the stamps speak of was told of in between
            stamps, today = self.stamps(), utc_day(now_ms)
            same = {day: it for day, it in self._stamps_before.items() if stamps.get(day) == it and day < today}
            self._stamps_before = None
            if changed := self._changed_by_others(same):
                self._found_old |= changed
                self.rolling.begin(changed)
                here = day_of(now_ms, self._zone)
                return {day for utc in changed for day in self._closed_days_of(utc, here, is_expired)}
            if same != self._agreed:
                self.save_agreement(same, [utc for utc, stamp in same.items() if self._agreed.get(utc) != stamp])
            self._agreed, self.agreed_until, self._found_old = same, until, {}
        return set()

    def _changed_by_others(self, stamps: dict[str, str]) -> dict[str, str]:
        """The UTC days that changed without being told of, with their stamps."""
        return {
            utc: stamp
            for utc, stamp in stamps.items()
            if stamp not in (self._agreed.get(utc), self._found_old.get(utc))
            and (utc in self._agreed or utc < self._begun_on)
        }

    def save_agreement(self, stamps: dict[str, str], changed: Iterable[str]) -> None:
        """Write down the stamps that the files agree with, once those of changed UTC days are safe on the disk."""
        self.rollup_files.sync()
        self.day_rows.sync()
        for utc in changed:
            first_ms, next_ms = span_of(date.fromisoformat(utc), UTC)
            for day in days_between(first_ms, next_ms - 1, self._zone):
                if day in self.days:
                    files.sync(self.csv(day))
        agreement.save(self.folder, str(self._zone), stamps)


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
