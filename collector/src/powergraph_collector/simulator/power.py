"""What a simulated machine draws: always the same, like an office's server, or as once measured."""

from __future__ import annotations

import csv
import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple, Protocol

HIGHEST_W = 0xFFFF
_DAY_S = 86_400


class TraceError(Exception):
    """A trace file that cannot be replayed; the message is one line and says where and why."""


class PowerSource(Protocol):
    """Gives the watts of a reading; None when it has no more."""

    def watts(self, at_s: float) -> int | None:
        """Return the watts at `at_s`, seconds of Unix time."""


@dataclass(frozen=True, slots=True)
class Constant:
    """The same at every reading."""

    power_w: int

    def watts(self, at_s: float) -> int | None:  # noqa: D102
        return self.power_w


class _Job(NamedTuple):
    """What one job of an office server adds to its load, within a slot of its lane."""

    begin_s: float
    end_s: float
    load: float


_NO_JOB = _Job(0, 0, 0)


class Office:
    """A server that people use: the same moment always gives the same watts.

    Idle with a daily swing of the room's temperature; jobs of minutes to hours, more of them in working hours and long
    ones begun at night; short spikes; noise. Working hours are in UTC.

    The jobs that run are remembered, since they are the same for minutes, and every chance costs much arithmetic.
    """

    __slots__ = ("_jobs", "_slots", "_spike", "idle_w", "peak_w", "seed")

    def __init__(self, seed: int, idle_w: int, peak_w: int) -> None:
        self.seed, self.idle_w, self.peak_w = seed, idle_w, peak_w
        self._slots: list[int | None] = [None] * len(_JOB_LANES)
        self._jobs = [_NO_JOB] * len(_JOB_LANES)
        self._spike: tuple[int | None, float] = (None, 0.0)

    def watts(self, at_s: float) -> int | None:  # noqa: D102
        load = 0.02 + 0.02 * math.sin(2 * math.pi * (at_s % _DAY_S) / _DAY_S)
        for lane, (slot_s, _, _) in enumerate(_JOB_LANES):
            slot = int(at_s // slot_s)
            if slot != self._slots[lane]:
                self._slots[lane], self._jobs[lane] = slot, self._job(lane, slot)
            job = self._jobs[lane]
            if job.begin_s <= at_s % slot_s < job.end_s:
                load += job.load
        minute = int(at_s // 60)
        if minute != self._spike[0]:
            is_spike = _chance(self.seed, 9, 1, minute) < 0.03
            self._spike = (minute, 0.5 * _chance(self.seed, 9, 2, minute) if is_spike else 0.0)
        if at_s % 60 < 12:
            load += self._spike[1]
        load += 0.03 * (_chance(self.seed, 10, 1, int(at_s)) - 0.5)
        return round(self.idle_w + (self.peak_w - self.idle_w) * min(max(load, 0.0), 1.0))

    def _job(self, lane: int, slot: int) -> _Job:
        slot_s, by_day, by_night = _JOB_LANES[lane]
        begin_s = slot_s * 0.4 * _chance(self.seed, lane, 1, slot)
        lasts_s = slot_s * (0.15 + 0.45 * _chance(self.seed, lane, 2, slot))
        busy = by_day if _working_hours(slot * slot_s + begin_s) else by_night
        if _chance(self.seed, lane, 3, slot) >= busy:
            return _NO_JOB
        return _Job(begin_s, begin_s + lasts_s, 0.2 + 0.4 * _chance(self.seed, lane, 4, slot))


# Seconds from one job to the next, and how likely there is one by day and by night.
_JOB_LANES = ((1_500, 0.7, 0.08), (7_000, 0.65, 0.2), (31_000, 0.45, 0.5))


def _working_hours(at_s: float) -> bool:
    days, second = divmod(at_s, _DAY_S)
    weekday = (int(days) + 3) % 7  # 1970-01-01 was a Thursday
    return weekday < 5 and 8 * 3600 <= second < 19 * 3600


def _chance(seed: int, lane: int, what: int, slot: int) -> float:
    """Return a number from 0 to 1 that looks random and depends on the arguments alone (the SplitMix64 mixer)."""
    mixed = seed * 0x9E3779B97F4A7C15 + (lane << 8 | what) * 0xD1B54A32D192ED03 + slot * 0x8CB92BA72F3D8DD7
    mixed = ((mixed ^ (mixed & (2**64 - 1)) >> 30) * 0xBF58476D1CE4E5B9) & (2**64 - 1)
    mixed = ((mixed ^ mixed >> 27) * 0x94D049BB133111EB) & (2**64 - 1)
    return (mixed ^ mixed >> 31) / 2**64


class TraceByReading:
    """Row after row, one for each reading, whatever the clock says: a test gets back the very same numbers in order."""

    def __init__(self, rows: Sequence[int], loop: bool) -> None:
        self._rows = rows
        self._loop = loop
        self._next = 0

    def watts(self, at_s: float) -> int | None:  # noqa: D102
        if self._next == len(self._rows):
            if not self._loop:
                return None
            self._next = 0
        self._next += 1
        return self._rows[self._next - 1]


class TraceByTime:
    """The trace at its own pace times `speed`, from the first reading on; each row holds until the next."""

    def __init__(self, times_s: Sequence[float], rows: Sequence[int], speed: float, loop: bool) -> None:
        self._times_s = times_s
        self._rows = rows
        self._speed = speed
        self._loop = loop
        self._begin_s: float | None = None
        # The last row holds as long as rows hold on average.
        self._length_s = times_s[-1] * len(rows) / max(len(rows) - 1, 1) or 1.0

    def watts(self, at_s: float) -> int | None:  # noqa: D102
        if self._begin_s is None:
            self._begin_s = at_s
        inside_s = max(at_s - self._begin_s, 0.0) * self._speed
        if inside_s >= self._length_s:
            if not self._loop:
                return None
            inside_s %= self._length_s
        return self._rows[bisect_right(self._times_s, inside_s) - 1]


def read_trace(path: Path) -> tuple[list[float], list[int]]:
    """Read a CSV trace: seconds since its first row, never going back, and watts.

    Two columns: `HH:MM:SS,watts` or `timestamp,watts` with ISO 8601 timestamps; quotes and a header line are optional.
    Raise TraceError.
    """
    times_s: list[float] = []
    watts: list[int] = []
    try:
        with path.open(encoding="utf-8", newline="") as file:
            parse: Callable[[str], float] | None = None
            for number, row in enumerate(csv.reader(file), start=1):
                if not row or (number == 1 and not _is_number(row[-1])):
                    continue
                try:
                    time, power = row
                    parse = parse or (_iso_s if "-" in time else _clock_s)
                    times_s.append(parse(time))
                    watts.append(_whole_watts(power))
                except ValueError:
                    raise TraceError(f"{path}, line {number}: expected a time and whole watts") from None
    except OSError as error:
        raise TraceError(f"{path}: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error):
        raise TraceError(f"{path}: not a CSV file in UTF-8") from None
    if not watts:
        raise TraceError(f"{path}: no rows")
    if parse is _clock_s:
        times_s = _past_midnight(times_s)
    return [time - times_s[0] for time in accumulate(times_s, max)], watts


def _is_number(text: str) -> bool:
    return text.strip().isdecimal()


def _whole_watts(text: str) -> int:
    watts = int(text)
    if not 0 <= watts <= HIGHEST_W:
        raise ValueError(text)
    return watts


def _iso_s(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _clock_s(text: str) -> float:
    hours, minutes, seconds = (int(part) for part in text.split(":"))
    return hours * 3600 + minutes * 60 + seconds


def _past_midnight(times_s: list[float]) -> list[float]:
    days = 0
    previous = times_s[0]
    unwrapped = []
    for time in times_s:
        if time < previous - _DAY_S / 2:
            days += 1
        previous = time
        unwrapped.append(time + days * _DAY_S)
    return unwrapped
