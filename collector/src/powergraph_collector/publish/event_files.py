"""The files of events: a day's, which follow at once, and a month's, which follow with the tails."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date
from typing import Final
from zoneinfo import ZoneInfo

from powergraph_collector.days import days_between, month_span, months_between, span_of
from powergraph_collector.history.engine import ReadableHistory
from powergraph_collector.model import Event
from powergraph_collector.publish import files, json_files
from powergraph_collector.publish.series import Series
from powergraph_collector.settings_model import Settings

MONTHS_ROUND_S: Final = 0.5  # of writing months before the live files get their turn
LEAST_REST: Final = 100  # times as long as months took; for a BMC that fails and answers thousands of times a day


class EventFiles:
    """Which files of events may not be what the store says, of all BMCs of a collector.

    Files of days that are expired are left alone; those of months stay for ever. Writing raises OSError.
    """

    def __init__(
        self,
        settings: Settings,
        history: ReadableHistory,
        is_expired: Callable[[date], bool],
        now_ms: Callable[[], int],
    ) -> None:
        self._settings = settings
        self._history = history
        self._zone = ZoneInfo(settings.zone)
        self._is_expired = is_expired
        self._now_ms = now_ms
        self._days: set[tuple[str, date]] = set()
        self._months: dict[str, set[str]] = defaultdict(set)
        self._due: set[str] = set()  # BMCs whose months have their turn
        self._rests_until_s: dict[str, float] = {}

    def outdate(self, series: Series, day: date) -> None:
        """Have a day written anew, and its month where there is none yet."""
        self._days.add((series.bmc.name, day))
        month = f"{day:%Y-%m}"
        if not series.month_events(month).exists():
            self._months[series.bmc.name].add(month)

    def outdate_months(self, bmc: str, months: Iterable[str]) -> None:
        """Have months written anew."""
        self._months[bmc].update(months)

    def touched(self, event: Event) -> None:
        """Have what an event touches written anew."""
        end_ms = max(event.begin_ms, self._now_ms()) if event.end_ms is None else event.end_ms
        first_ms, last_ms = min(event.begin_ms, end_ms), max(event.begin_ms, end_ms)
        days = days_between(first_ms, last_ms, self._zone)
        self._days |= {(event.bmc, day) for day in days if not self._is_expired(day)}
        self._months[event.bmc].update(months_between(first_ms, last_ms, self._zone))

    def write_days(self, series: dict[str, Series]) -> None:
        """Write the days that changed."""
        while self._days:
            name, day = due = next(iter(self._days))
            of_bmc = series[name]
            from_ms, to_ms = span_of(day, self._zone)
            events = self._history.read_events(name, from_ms, to_ms)
            interval_s = of_bmc.rolling.interval_at(from_ms) / 1000
            document = json_files.day_events(self._settings, of_bmc.bmc, day, events, interval_s)
            files.replace_if_other(of_bmc.day_events(day), json_files.encode(document))
            self._days.discard(due)

    def write_months(self, series: dict[str, Series], *, all_due: bool) -> None:
        """Write months that changed, for as long as the live files can wait; all_due gives every BMC its turn."""
        now_s = time.monotonic()
        if all_due:
            self._due |= {name for name in self._months if self._rests_until_s.get(name, now_s) <= now_s}
        while self._due and time.monotonic() <= now_s + MONTHS_ROUND_S:
            name = next(iter(self._due))
            began_s = time.monotonic()
            self._write_months_of(series[name])
            self._due.discard(name)
            self._rests_until_s[name] = time.monotonic() + LEAST_REST * (time.monotonic() - began_s)

    def write_all(self, series: dict[str, Series]) -> None:
        """Write all that changed, however long it takes."""
        self.write_days(series)
        for name in list(self._months):
            self._write_months_of(series[name])

    def _write_months_of(self, series: Series) -> None:
        name = series.bmc.name
        months = sorted(self._months[name])
        spans = [month_span(month, self._zone) for month in months]
        events = self._history.read_events(name, spans[0][0], spans[-1][1]) if spans else []
        for month, (from_ms, to_ms) in zip(months, spans, strict=True):
            touching = [event for event in events if _touches(event, from_ms, to_ms)]
            interval_s = series.rolling.interval_at(from_ms) / 1000
            document = json_files.month_events(self._settings, series.bmc, month, touching, interval_s)
            files.replace_if_other(series.month_events(month), json_files.encode(document))
        del self._months[name]


def _touches(event: Event, from_ms: int, to_ms: int) -> bool:
    """Whether an event is one of a span, as histories see it."""
    return event.begin_ms < to_ms and (event.end_ms is None or event.end_ms >= from_ms)
