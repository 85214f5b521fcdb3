"""A past for BMCs that do not exist: samples and events made up so that every view has something to show.

Nothing here is a measurement. The same name, watts, zone and moment always give the same past.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from random import Random
from typing import Final
from zoneinfo import ZoneInfo

from powergraph_collector.days import day_of, days_between, span_of, to_ms
from powergraph_collector.model import Event, EventKind, Reason, Sample

DEFAULT_DAYS: Final = 365
DEFAULT_INTERVAL_S: Final = 60.0
FORMER_INTERVALS: Final = (
    3  # before CHANGED_DAYS_AGO, the interval was so many times as long: a year takes a third of the time
)
CHANGED_DAYS_AGO: Final = 30

_DAY_MS: Final = 86_400_000
_HOUR_MS: Final = 3_600_000
_MINUTE_MS: Final = 60_000
_UTC: Final = ZoneInfo("UTC")
_FULL: Final = 0.95  # of what is between idle and peak: the rest is for the season, the room and noise
_LIMIT: Final = 0.6  # likewise, where a cap holds


@dataclass(frozen=True, slots=True)
class Range:
    """What a machine draws when it does nothing, and at most, in W."""

    idle_w: int
    peak_w: int


@dataclass(frozen=True, slots=True)
class _Work:
    """Something that the machine does, and how much of what is between idle and peak it takes."""

    begin_ms: int
    end_ms: int
    load: float


@dataclass(frozen=True, slots=True)
class Past:
    """What a BMC would have told in the `days` before today (days of `zone`), and today until `now_ms`.

    Working hours, quiet nights and weekends, jobs of hours near the peak, some through the night; a season; and, as
    far as `days` goes back: an interval that changed, outages with their reasons, a day without samples, a power cap,
    markers. `interval_s` is the interval of the last CHANGED_DAYS_AGO days.
    """

    bmc: str
    power: Range
    zone: ZoneInfo
    now_ms: int
    days: int = DEFAULT_DAYS
    interval_s: float = DEFAULT_INTERVAL_S

    @property
    def from_ms(self) -> int:
        """When it begins."""
        return self._ago(self.days)

    def events(self) -> list[Event]:
        """What happened, by its beginning."""
        told = [*self._intervals(), *self._outages(), *self._caps(), *self._markers()]
        return sorted(told, key=lambda event: (event.begin_ms, event.kind.value))

    def samples(self) -> Iterator[list[Sample]]:
        """The samples, a UTC day at a time."""
        holes = [(event.begin_ms, event.end_ms or self.now_ms) for event in self._outages()]
        intervals = self._intervals()
        until_ms = [event.begin_ms for event in intervals[1:]] + [self.now_ms + 1]
        works = lru_cache(maxsize=8)(self._works)
        for day in days_between(self.from_ms, self.now_ms, _UTC):
            first_ms, next_ms = span_of(day, _UTC)
            around = [day + timedelta(days) for days in (-2, -1, 0, 1)]  # the longest job, the farthest zone
            at_work = [work for each in around for work in works(each)]
            noise = Random(f"{self.bmc}/noise/{day}")  # noqa: S311 -- made up, and the same each time
            made: list[Sample] = []
            for event, end_ms in zip(intervals, until_ms, strict=True):
                step_ms = round(1000 * (event.value or 0))
                ticks = -(-max(0, first_ms - event.begin_ms) // step_ms)
                times = range(event.begin_ms + ticks * step_ms, min(next_ms, end_ms), step_ms)
                made += self._drawn(times, at_work, noise)
            yield [each for each in made if not any(begin <= each.at_ms < end for begin, end in holes)]

    def _drawn(self, times: range, at_work: list[_Work], noise: Random) -> list[Sample]:
        if not times:
            return []
        loads = [0.0] * len(times)
        for work in at_work:
            first = max(0, -(-(work.begin_ms - times[0]) // times.step))
            for index in range(first, min(len(loads), -(-(work.end_ms - times[0]) // times.step))):
                loads[index] += work.load
        span_w = self.power.peak_w - self.power.idle_w
        quiet = _quiet(times[0])
        powers_w = [
            round(self.power.idle_w + span_w * min(quiet + min(load, _FULL) + 0.015 * noise.random(), 1.0))
            for load in loads
        ]
        for cap in self._caps():
            if cap.begin_ms < times[-1] and times[0] < (cap.end_ms or 0):
                held_w = int(cap.value or 0)
                powers_w = [
                    min(power_w, held_w) if cap.begin_ms <= at_ms < (cap.end_ms or 0) else power_w
                    for at_ms, power_w in zip(times, powers_w, strict=True)
                ]
        return [Sample(self.bmc, at_ms, power_w) for at_ms, power_w in zip(times, powers_w, strict=True)]

    def _works(self, day: date) -> list[_Work]:
        """What the machine begins to do on a day of the zone."""
        chance = Random(f"{self.bmc}/work/{day}")  # noqa: S311 -- made up, and the same each time
        midnight_ms, _ = span_of(day, self.zone)
        is_weekday = day.weekday() < 5
        works = [
            _Work(midnight_ms + 150 * _MINUTE_MS, midnight_ms + 190 * _MINUTE_MS, 0.12)
        ]  # a backup at half past two
        at_ms = midnight_ms + 8 * _HOUR_MS
        while is_weekday and at_ms < midnight_ms + 18 * _HOUR_MS:
            at_ms += round(chance.uniform(2, 20) * _MINUTE_MS)
            length_ms = round(chance.uniform(5, 45) * _MINUTE_MS)
            works.append(_Work(at_ms, at_ms + length_ms, chance.uniform(0.05, 0.3)))
            at_ms += length_ms
        if chance.random() < (0.6 if is_weekday else 0.15):
            begin_ms = midnight_ms + round(chance.uniform(9, 23) * _HOUR_MS)
            works.append(_Work(begin_ms, begin_ms + round(chance.uniform(2, 11) * _HOUR_MS), chance.uniform(0.7, 0.9)))
        named = (event for event in self._markers() if event.begin_ms != event.end_ms)
        works += [
            _Work(event.begin_ms, event.end_ms or 0, 0.9)
            for event in named
            if midnight_ms <= event.begin_ms < midnight_ms + _DAY_MS
        ]
        return works

    # -- what happened ------------------------------------------------------

    def _ago(self, days: int, hour: int = 0, minute: int = 0) -> int:
        day = day_of(self.now_ms, self.zone) - timedelta(days)
        return to_ms(datetime.combine(day, time(hour, minute), self.zone))

    def _intervals(self) -> list[Event]:
        def told(at_ms: int, interval_s: float) -> Event:
            return Event(self.bmc, EventKind.INTERVAL, at_ms, at_ms, value=interval_s)

        if self.days <= CHANGED_DAYS_AGO:
            return [told(self.from_ms, self.interval_s)]
        changed_ms = self._ago(CHANGED_DAYS_AGO, 12)
        return [told(self.from_ms, FORMER_INTERVALS * self.interval_s), told(changed_ms, self.interval_s)]

    def _outages(self) -> list[Event]:
        shift = Random(f"{self.bmc}/outages").randrange(3)  # noqa: S311 -- a collector stops for all, a BMC for itself
        refused, silent = 23 - shift, 9 - shift
        holes = (
            (self._ago(40), self._ago(39), Reason.UNREACHABLE, "cannot send to the BMC: Network is unreachable"),
            (
                self._ago(refused, 8),
                self._ago(refused, 11, 40),
                Reason.LOGIN_REFUSED,
                "Incorrect password provided",
            ),
            (self._ago(16, 2), self._ago(16, 6, 30), Reason.COLLECTOR_STOPPED, "the collector was not running"),
            (self._ago(silent, 13, 10), self._ago(silent, 17, 25), Reason.TIMEOUT, "no answer within 2.5 s"),
        )
        return [
            Event(self.bmc, EventKind.OUTAGE, begin_ms, end_ms, reason.value, detail)
            for begin_ms, end_ms, reason, detail in holes
            if begin_ms >= self.from_ms
        ]

    def _caps(self) -> list[Event]:
        begin_ms = self._ago(26, 9)
        if begin_ms < self.from_ms:
            return []
        limit_w = round(self.power.idle_w + _LIMIT * (self.power.peak_w - self.power.idle_w))
        detail = f"the BMC limits the machine to {limit_w} W"
        return [Event(self.bmc, EventKind.CAP, begin_ms, self._ago(12, 9), detail=detail, value=float(limit_w))]

    def _markers(self) -> list[Event]:
        marked = (
            (self._ago(65, 10), self._ago(65, 10), "new power supply"),
            (self._ago(5, 20), self._ago(4, 4), "job 41"),
            (self._ago(2, 14), self._ago(2, 17, 30), "job 42"),
        )
        return [
            Event(self.bmc, EventKind.MARKER, begin_ms, end_ms, "marker", detail)
            for begin_ms, end_ms, detail in marked
            if begin_ms >= self.from_ms
        ]


def range_of(bmc: str) -> Range:
    """What a BMC draws of which nothing is known but its name."""
    chance = Random(f"{bmc}/range")  # noqa: S311 -- made up, and the same each time
    idle_w = chance.randrange(80, 240)
    return Range(idle_w, round(idle_w * chance.uniform(2.5, 3.8)))


def _quiet(at_ms: int) -> float:
    """How much a machine draws above idle that does nothing: more in summer, when its fans turn faster."""
    return 0.025 + 0.025 * math.cos(2 * math.pi * (at_ms / _DAY_MS - 200) / 365.25)
