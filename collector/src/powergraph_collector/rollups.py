"""Rollup rows: what a BMC drew in each five minutes and in each hour, by the rule of `energy`, exactly.

Five minutes and hours are those of UTC. Rows merge by sum, minimum and maximum, so that hours, days, months and years
are made of five minutes; only a day of a zone at :30 or :45 cannot be made of hours.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from powergraph_collector.days import FIRST_MS, LAST_MS
from powergraph_collector.energy import Energy, held
from powergraph_collector.model import Event, Sample

FIVE_MINUTES_MS: Final = 300_000
HOUR_MS: Final = 3_600_000


@dataclass(frozen=True, slots=True)
class Row:
    """The energy of the span that begins at at_ms, a multiple of its length since 1970."""

    at_ms: int
    energy: Energy


def rows_of(
    samples: Iterable[Sample],
    interval_ms: int,
    events: Iterable[Event] = (),
    from_ms: int = FIRST_MS,
    to_ms: int = LAST_MS,
) -> list[Row]:
    """The five-minute rows of [from_ms, to_ms), ascending: those in which a sample lies or holds.

    Both ends are multiples of five minutes, or the defaults. Give the samples around the span too, as to `energy`.
    """
    sums: dict[int, list[int]] = {}
    for sample, held_ms in held(samples, interval_ms, events):
        at_ms, power_w = sample.at_ms, sample.power_w
        end_ms = min(at_ms + held_ms, to_ms)
        begin_ms = at_ms - at_ms % FIVE_MINUTES_MS
        count = 1
        while begin_ms < to_ms and (count or begin_ms < end_ms):
            next_ms = begin_ms + FIVE_MINUTES_MS
            if begin_ms >= from_ms:
                within_ms = max(0, min(end_ms, next_ms) - max(at_ms, begin_ms))
                row = sums.get(begin_ms)
                if row is None:
                    sums[begin_ms] = [count, within_ms, within_ms * power_w, power_w, power_w]
                else:
                    row[0] += count
                    row[1] += within_ms
                    row[2] += within_ms * power_w
                    if power_w < row[3]:
                        row[3] = power_w
                    elif power_w > row[4]:
                        row[4] = power_w
            begin_ms, count = next_ms, 0
    return [Row(at_ms, Energy(*sums[at_ms])) for at_ms in sorted(sums)]


def merged(energies: Iterable[Energy]) -> Energy:
    """The energy of spans together."""
    parts = list(energies)
    return Energy(
        sum(part.samples for part in parts),
        sum(part.covered_ms for part in parts),
        sum(part.energy_ms_w for part in parts),
        min((part.min_w for part in parts if part.min_w is not None), default=None),
        max((part.max_w for part in parts if part.max_w is not None), default=None),
    )


def hours_of(rows: Sequence[Row]) -> list[Row]:
    """The hourly rows of five-minute rows, ascending."""
    by_hour: dict[int, list[Energy]] = {}
    for row in rows:
        by_hour.setdefault(row.at_ms - row.at_ms % HOUR_MS, []).append(row.energy)
    return [Row(at_ms, merged(by_hour[at_ms])) for at_ms in sorted(by_hour)]
