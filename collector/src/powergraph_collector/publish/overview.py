"""`overview.json`: what every BMC drew today so far, and the last 24 hours in steps of 15 minutes.

Both are sums of five-minute rows, which a window keeps for each BMC as they are written, so that thousands of BMCs take
a few kB of memory each and no file has to be read again.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from operator import add
from typing import Any, Final
from zoneinfo import ZoneInfo

from powergraph_collector.days import LAST_MS, day_of, iso, span_of
from powergraph_collector.energy import Energy
from powergraph_collector.publish.json_files import FORMAT
from powergraph_collector.publish.rollup_files import RollupFiles
from powergraph_collector.rollups import FIVE_MINUTES_MS, Row
from powergraph_collector.settings_model import Settings

STEP_MS: Final = 900_000
STEPS: Final = 96
ROWS: Final = 27 * 12  # 24 hours, and the longest day there is, which has 26, with the quarter of an hour that is open
_ABSENT: Final = 0xFFFFFFFF  # W, where there is no row


class Window:
    """Follows the latest five-minute rows of one BMC, and reads them from the files where it has to."""

    __slots__ = ("_arrays", "_first", "_has_later", "_rollup_files", "is_changed")

    def __init__(self, rollup_files: RollupFiles) -> None:
        self._rollup_files = rollup_files
        self._first = 0  # the number of the first row, counted in five minutes since 1970
        self._arrays = _arrays(ROWS)
        self._has_later = False  # rows in the files, as where the clock was set back
        self.is_changed = True  # since somebody last asked, who takes it back

    def begin(self, now_ms: int) -> None:
        """Read the rows up to now. Raises OSError."""
        self._first = _last_row(now_ms) + 1 - ROWS
        self._arrays = _arrays(ROWS)
        end_ms = (self._first + ROWS) * FIVE_MINUTES_MS
        rows = self._rollup_files.five_minutes(max(0, self._first * FIVE_MINUTES_MS), LAST_MS)
        self._has_later = bool(rows) and rows[-1].at_ms >= end_ms
        self._place(row for row in rows if row.at_ms < end_ms)

    # -- a follower of rows --------------------------------------------------

    def grown(self, rows: Sequence[Row]) -> None:
        """Take rows that were added behind all that there were."""
        self._place(rows)

    def put(self, from_ms: int, to_ms: int, rows: Sequence[Row]) -> None:
        """Take rows that are all that there is in a span."""
        begin = max(0, from_ms // FIVE_MINUTES_MS - self._first)
        end = min(ROWS, to_ms // FIVE_MINUTES_MS - self._first)
        if begin < end:
            self._clear(begin, end)
        self._place(rows)

    def _place(self, rows: Iterable[Row]) -> None:
        for row in rows:
            index = row.at_ms // FIVE_MINUTES_MS - self._first
            if index < 0:
                continue
            if index >= ROWS:
                self._move(index - ROWS + 1)
                index = ROWS - 1
            of = row.energy
            least_w = _ABSENT if of.min_w is None else of.min_w
            try:
                for values, number in zip(
                    self._arrays, (of.samples, of.covered_ms, of.energy_ms_w, least_w, of.max_w or 0), strict=True
                ):
                    values[index] = number
            except OverflowError:  # nobody measured that: somebody wrote into the file
                self._clear(index, index + 1)
        self.is_changed = True

    def _clear(self, begin: int, end: int) -> None:
        for values, absent in zip(self._arrays, _arrays(end - begin), strict=True):
            values[begin:end] = absent

    def _move(self, count: int) -> None:
        """Let the window begin later by some rows."""
        self._first += count
        for values, absent in zip(self._arrays, _arrays(min(count, ROWS)), strict=True):
            del values[:count]
            values.extend(absent)

    # -- what the overview tells --------------------------------------------

    def follow(self, now_ms: int) -> None:
        """Let the window end now; where the clock was set back, read the files. Raises OSError."""
        behind = _last_row(now_ms) + 1 - ROWS - self._first
        if behind < 0 or (behind > 0 and self._has_later):
            self.begin(now_ms)
        elif behind > 0:
            self._move(behind)

    def since(self, from_ms: int) -> Energy:
        """The energy from a moment on."""
        begin = max(0, -(-from_ms // FIVE_MINUTES_MS) - self._first)
        samples, covered, energy, least, most = (values[begin:] for values in self._arrays)
        lowest = min(least, default=_ABSENT)
        if lowest == _ABSENT:
            return Energy(0, 0, 0, None, None)
        return Energy(sum(samples), sum(covered), sum(energy), lowest, max(most))

    def steps(self) -> tuple[list[int | None], list[int | None]]:
        """Mean and greatest watts in the last steps, None where nothing is covered."""
        begin = ROWS - STEPS * STEP_MS // FIVE_MINUTES_MS
        _, covered, energy, _, most = (values[begin:] for values in self._arrays)
        covered_ms, energy_ms_w = _by_three(covered), _by_three(energy)
        means = [(2 * ms_w + ms) // (2 * ms) if ms else None for ms, ms_w in zip(covered_ms, energy_ms_w, strict=True)]
        peaks = map(max, most[0::3], most[1::3], most[2::3])
        return means, [peak if ms else None for ms, peak in zip(covered_ms, peaks, strict=True)]


def _arrays(count: int) -> tuple[array[int], ...]:
    """Samples, covered ms, ms·W, least and greatest watts of rows that are not there."""
    zeros, absent = bytes(8 * count), b"\xff" * (4 * count)
    return (
        array("I", zeros[: 4 * count]),
        array("I", zeros[: 4 * count]),
        array("Q", zeros),
        array("I", absent),
        array("I", zeros[: 4 * count]),
    )


def _last_row(now_ms: int) -> int:
    """The number of the last row of the step that is open."""
    return (now_ms // STEP_MS + 1) * (STEP_MS // FIVE_MINUTES_MS) - 1


def _by_three(values: array[int]) -> list[int]:
    return list(map(add, map(add, values[0::3], values[1::3]), values[2::3]))


@dataclass(frozen=True, slots=True)
class Spans:
    """What an overview is of: today from day_from_ms on, steps from from_ms on."""

    day: date
    day_from_ms: int
    from_ms: int


def spans(now_ms: int, zone: ZoneInfo) -> Spans:
    """Those of an overview that is made now."""
    day = day_of(now_ms, zone)
    end_ms = (_last_row(now_ms) + 1) * FIVE_MINUTES_MS
    return Spans(day, span_of(day, zone)[0], end_ms - STEPS * STEP_MS)


def document(settings: Settings, windows: Mapping[str, Window], of: Spans, now_ms: int) -> dict[str, Any]:
    """The whole file; the windows end now."""
    return {
        "format": FORMAT,
        "collector": settings.name,
        "written_at": iso(now_ms),
        "day": of.day.isoformat(),
        "day_from": iso(of.day_from_ms),
        "from": iso(of.from_ms),
        "step_s": STEP_MS // 1000,
        "steps": STEPS,
        "bmcs": {name: _bmc(window, of.day_from_ms) for name, window in windows.items()},
    }


def _bmc(window: Window, day_from_ms: int) -> dict[str, Any]:
    today = window.since(day_from_ms)
    means, peaks = window.steps()
    return {
        "today": {
            "energy_wh": round(today.energy_wh, 9),
            "covered_s": today.covered_s,
            "min_w": today.min_w,
            "max_w": today.max_w,
            "samples": today.samples,
        },
        "mean_w": means,
        "max_w": peaks,
    }
