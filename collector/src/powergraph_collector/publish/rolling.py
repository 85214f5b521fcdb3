"""The rollups of one BMC: kept up as its samples come, and brought into line with the store where they are not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import chain, pairwise
from typing import Final
from zoneinfo import ZoneInfo

from powergraph_collector.days import FIRST_MS, LAST_MS, days_between, span_of, utc_day
from powergraph_collector.energy import HOLDS_INTERVALS, first_interval_ms, interval_at
from powergraph_collector.history.engine import ReadableHistory
from powergraph_collector.model import Event, EventKind, Sample
from powergraph_collector.order import in_order
from powergraph_collector.publish.rollup_files import RollupFiles
from powergraph_collector.rollups import FIVE_MINUTES_MS, HOUR_MS, Row, hours_of, rows_of

UTC: Final = ZoneInfo("UTC")
SILENT_MS: Final = FIVE_MINUTES_MS  # after which rows do not wait for a successor of their last sample
LONGEST_HOLD_MS: Final = HOLDS_INTERVALS * HOUR_MS  # intervals are at most an hour
MOST_DAYS_ONE_BY_ONE: Final = 31  # with more to do, all of it at once costs less
_RULE_EVENTS: Final = frozenset({EventKind.INTERVAL, EventKind.CLOCK_STEP})
_END_MS: Final = LAST_MS - LAST_MS % HOUR_MS - 48 * HOUR_MS  # which every zone can name


class Rolling:
    """Rows of five minutes that are over: a later sample came, or five more minutes passed without one.

    The rows from the last sample's on are provisional: its successor says for how long it held. Everything that reads
    or writes raises OSError; then, begin again with a new one.
    """

    def __init__(self, bmc: str, history: ReadableHistory, files: RollupFiles, interval_ms: int) -> None:
        self._bmc = bmc
        self._history = history
        self._files = files
        self._interval_ms = interval_ms
        self._events = rule_events(history, bmc)
        self._is_seeded = False
        self._tail: list[Sample] = []  # from the last sample before `_open_ms` on
        self._frontier_ms = FIRST_MS  # of the latest sample
        self._open_ms = FIRST_MS  # rows before are settled
        self._written_ms = FIRST_MS  # rows before are written
        self._has_new_in_written = False
        self._settled: list[Row] = []  # of the hour that `_open_ms` lies in
        self._provisional: list[Row] = []
        self._read_ahead: set[Sample] = set()
        self.old_days: set[str] = set()
        self._is_all_old = False
        self.kept_rows = 0  # of the last rebuild: rows whose samples are gone

    @property
    def events(self) -> Sequence[Event]:
        """The events of the BMC that count for order and energy."""
        return self._events

    def interval_at(self, at_ms: int) -> int:
        """The interval in force at a moment, in ms."""
        return interval_at(at_ms, first_interval_ms(self._events, self._interval_ms), self._events)

    def over_ms(self, now_ms: int) -> int:
        """The moment before which all rows are written that are over."""
        return max(self._written_ms, self._silent_ms(now_ms)) if self._is_seeded else self._written_ms

    # -- as samples come ----------------------------------------------------

    def take_event(self, event: Event) -> None:
        """Take an event that is new in the store; tell of events before samples."""
        if event.kind not in _RULE_EVENTS or event in self._events:
            return
        self._events = sorted([*self._events, event], key=lambda each: (each.begin_ms, each.kind.value))
        first_ms = until_ms = event.begin_ms
        if event.kind is EventKind.INTERVAL:
            changes = self._interval_changes()
            until_ms = min((at_ms for at_ms in changes if at_ms > first_ms), default=max(first_ms, self._frontier_ms))
            self._is_all_old |= first_ms == changes[0]  # it says what was before it, too
        is_ahead = self._is_seeded and self._tail and first_ms >= max(self._tail[0].at_ms, self._open_ms)
        if not is_ahead:
            self._outdate(first_ms, until_ms)

    def _interval_changes(self) -> list[int]:
        return [each.begin_ms for each in self._events if each.kind is EventKind.INTERVAL]

    def take(self, sample: Sample) -> bool:
        """Take a sample that is new in the store; returns whether it came in order."""
        if sample in self._read_ahead:
            self._read_ahead.discard(sample)
            return True
        is_next = sample.at_ms >= self._frontier_ms and (not self._tail or self._tail[-1].at_ms == self._frontier_ms)
        if not self._is_seeded or not is_next:
            self._outdate(sample.at_ms, sample.at_ms)
            return not self._is_seeded or is_next
        self._read_ahead.clear()
        self._tail.append(sample)
        self._has_new_in_written |= sample.at_ms < self._written_ms
        self._frontier_ms = sample.at_ms
        return True

    def _outdate(self, from_ms: int, to_ms: int) -> None:
        self.old_days |= {day.isoformat() for day in days_between(from_ms, to_ms, UTC)}

    def advance(self, now_ms: int) -> None:
        """Write the rows that are over by now."""
        if not self._is_seeded or not self._tail:
            return
        over_ms = max(self._written_ms, self._over_ms(now_ms))
        if over_ms == self._written_ms and not self._has_new_in_written:
            return
        if self._tail[-1].at_ms != self._frontier_ms:  # the clock was set back: the store has to tell
            self._is_seeded = False
            return
        new = self._rows(self._tail, self._open_ms, over_ms)
        rows = [*self._settled, *new]
        more = new[len(self._provisional) :]
        if new[: len(self._provisional)] == self._provisional and all(row.at_ms >= self._written_ms for row in more):
            hours = [hour for hour in hours_of(rows) if self._written_ms < hour.at_ms + HOUR_MS <= over_ms]
            if more or hours:
                self._files.append(more, hours, now_ms)
        else:
            self._files.put(self._open_ms - self._open_ms % HOUR_MS, _END_MS, rows, over_ms, now_ms)
        self._settle(rows, over_ms)

    def _settle(self, rows: Sequence[Row], over_ms: int) -> None:
        self._open_ms = self._frontier_ms - self._frontier_ms % FIVE_MINUTES_MS
        hour_ms = self._open_ms - self._open_ms % HOUR_MS
        self._settled = [row for row in rows if hour_ms <= row.at_ms < self._open_ms]
        self._provisional = [row for row in rows if row.at_ms >= self._open_ms]
        self._written_ms = over_ms
        self._has_new_in_written = False
        self._tail = self._reaching(self._tail)

    def _reaching(self, samples: Sequence[Sample]) -> list[Sample]:
        """Of samples in order, from the first one that may count in what is not settled."""
        from_ms = self._open_ms
        changed_ms = (int(1000 * (each.value or 0)) for each in self._events if each.kind is EventKind.INTERVAL)
        reach_ms = HOLDS_INTERVALS * max(self._interval_ms, *changed_ms, 0)
        if any(step.begin_ms >= from_ms - reach_ms for step in self._events if is_step_back(step)):
            from_ms -= reach_ms  # a sample before a step back holds beyond the next one's time
        first = next((index for index, sample in enumerate(samples) if sample.at_ms >= from_ms), len(samples))
        return list(samples[max(0, first - 1) :])

    def _over_ms(self, now_ms: int) -> int:
        return max(self._frontier_ms - self._frontier_ms % FIVE_MINUTES_MS, self._silent_ms(now_ms))

    def _silent_ms(self, now_ms: int) -> int:
        latest_ms = min(now_ms - SILENT_MS, _END_MS)
        return latest_ms - latest_ms % FIVE_MINUTES_MS

    def _rows(self, samples: Iterable[Sample], from_ms: int, to_ms: int) -> list[Row]:
        return rows_of(samples, first_interval_ms(self._events, self._interval_ms), self._events, from_ms, to_ms)

    # -- from the store -----------------------------------------------------

    def begin(self, old_days: Iterable[str]) -> None:
        """Start with days of the store whose rows may not be what the store says.

        An interval may have come to them since the rows were made: it counts until the next one.
        """
        old = set(old_days)
        self.old_days |= old
        changes = self._interval_changes()
        for begin_ms, next_ms in pairwise([*changes, LAST_MS]):
            if (first := utc_day(begin_ms)) in old:
                last = utc_day(next_ms)
                self.old_days.update(day for day in self._history.utc_days(self._bmc) if first <= day <= last)
        self._is_all_old |= bool(changes) and utc_day(changes[0]) in old  # it says what was before it, too

    @property
    def has_work(self) -> bool:
        """Whether there is something to bring into line."""
        return self._is_all_old or bool(self.old_days) or not self._is_seeded

    def work(self, now_ms: int) -> str | None:
        """Bring a piece of it into line, the latest day first; returns the UTC day, None for all of them."""
        days = self._history.utc_days(self._bmc)
        self.old_days.intersection_update(days)
        if self._is_all_old or len(self.old_days) > MOST_DAYS_ONE_BY_ONE:
            self.rebuild(now_ms)
            self.old_days.clear()
            self._is_all_old = False
        if not days:
            self._is_seeded = True
            return None
        if not self._is_seeded:
            self._recompute(days[-1], days, now_ms)
            self.old_days.discard(days[-1])
            return days[-1]
        if not self.old_days:
            return None
        day = max(self.old_days)
        self._recompute(day, days, now_ms)
        self.old_days.discard(day)
        return day

    def _recompute(self, day: str, days: Sequence[str], now_ms: int) -> None:
        begin_ms, end_ms = span_of(date.fromisoformat(day), UTC)
        place = days.index(day)
        first, beyond = max(0, place - 1), place + 2
        samples = list(chain.from_iterable(self._taken(each) for each in days[first:beyond]))
        from_ms = begin_ms - LONGEST_HOLD_MS
        before = [sample.at_ms for sample in samples if sample.at_ms < begin_ms]
        if before:  # it may have had no successor until now
            from_ms = min(from_ms, before[-1] - before[-1] % HOUR_MS)
        from_ms = max(FIRST_MS, from_ms)
        is_last = day == days[-1]
        to_ms = _END_MS if is_last else end_ms + LONGEST_HOLD_MS
        if first > 0 and _end_of(days[first - 1]) > from_ms - LONGEST_HOLD_MS:  # it may hold into the rows
            samples = [*self._taken(days[first - 1]), *samples]
        if beyond < len(days) and not any(sample.at_ms >= to_ms for sample in reversed(samples)):
            samples += self._taken(days[beyond])  # the last one in the rows may have its successor there
        if is_last:
            self._frontier_ms = max((sample.at_ms for sample in samples), default=FIRST_MS)
        over_ms = self._over_ms(now_ms)
        rows = reconciled(
            self._files.five_minutes(max(FIRST_MS, from_ms - LONGEST_HOLD_MS - 24 * HOUR_MS), to_ms),
            self._rows(samples, from_ms, min(to_ms, over_ms)),
            from_ms,
            frozenset(days),
        )
        self._files.put(from_ms, to_ms, rows, over_ms, now_ms)
        if is_last:
            self._seed(samples, rows, over_ms)
        elif to_ms > self._open_ms - self._open_ms % HOUR_MS:
            self._is_seeded = False

    def _seed(self, samples: Sequence[Sample], rows: Sequence[Row], over_ms: int) -> None:
        context_ms = self._frontier_ms - self._frontier_ms % FIVE_MINUTES_MS
        self._tail = list(samples)
        self._read_ahead = {sample for sample in samples if sample.at_ms >= context_ms - FIVE_MINUTES_MS}
        self._is_seeded = True
        self._settle(rows, over_ms)

    def _taken(self, day: str) -> Iterator[Sample]:
        return taken(self._history, self._bmc, day, self._events)

    def rebuild(self, now_ms: int) -> int:
        """Write all files from the store; rows whose samples are gone from it stay. Returns how many files changed."""
        days = self._history.utc_days(self._bmc)
        self._frontier_ms = max((sample.at_ms for day in days[-1:] for sample in self._taken(day)), default=FIRST_MS)
        over_ms = self._over_ms(now_ms)
        computed = self._rows(chain.from_iterable(self._taken(day) for day in days), FIRST_MS, over_ms)
        rows = reconciled(self._files.all_five_minutes(), computed, FIRST_MS, frozenset(days))
        made = set(computed)
        self.kept_rows = sum(row not in made for row in rows)
        self._is_seeded = False
        changed = self._files.replace_all(rows, over_ms, now_ms)
        self._written_ms = over_ms
        return changed


def _end_of(day: str) -> int:
    return span_of(date.fromisoformat(day), UTC)[1]


def is_step_back(event: Event) -> bool:
    """Whether the clock was set back."""
    return event.kind is EventKind.CLOCK_STEP and (event.value or 0) < 0


def rule_events(history: ReadableHistory, bmc: str) -> list[Event]:
    """All events of a BMC that count for order and energy, by their beginning."""
    return [event for event in history.read_events(bmc, FIRST_MS, LAST_MS) if event.kind in _RULE_EVENTS]


def taken(history: ReadableHistory, bmc: str, day: str, events: Sequence[Event]) -> Iterator[Sample]:
    """The samples of a UTC day in the order in which they were taken."""
    return in_order(history.read(bmc, *span_of(date.fromisoformat(day), UTC)), events)


def reconciled(
    existing: Sequence[Row], computed: Sequence[Row], from_ms: int, stored_days: frozenset[str]
) -> list[Row]:
    """The rows from from_ms on: as computed from the store, but existing ones where their samples are gone from it.

    They are gone where a row was made of more samples than there are now; and the last of a day that is gone held into
    the next one.
    """
    rows = {row.at_ms: row for row in computed}
    gone = {utc_day(row.at_ms) for row in existing if row.energy.samples} - stored_days
    for row in existing:
        if row.at_ms < from_ms:
            continue
        new = rows.get(row.at_ms)
        samples, covered_ms = (new.energy.samples, new.energy.covered_ms) if new else (0, 0)
        reached = {utc_day(row.at_ms), utc_day(row.at_ms - LONGEST_HOLD_MS)}
        is_held_over = row.energy.samples == samples and row.energy.covered_ms > covered_ms
        if row.energy.samples > samples or (is_held_over and gone & reached):
            rows[row.at_ms] = row
    return [rows[at_ms] for at_ms in sorted(rows)]
