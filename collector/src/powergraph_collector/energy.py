"""Energy of a series of samples: the one rule that the store, the commands and the page's script share.

A sample holds until the next one, at most three intervals; the rest of a hole is uncovered. The last sample holds
nothing, as it has no successor. Time is the samples' UTC time, less the steps that the clock made in between: a clock
step begins at the last sample before it, and so belongs to the pair that this sample opens. Of a span, a sample counts
for as much of the time that it holds as lies within.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Final

from powergraph_collector.days import FIRST_MS, LAST_MS
from powergraph_collector.model import Event, EventKind, Sample

HOLDS_INTERVALS: Final = 3
_MS_W_PER_WH: Final = 3_600_000


@dataclass(frozen=True, slots=True)
class Energy:
    """What a span holds: `min_w` and `max_w` are None where no sample holds or lies within."""

    samples: int
    covered_ms: int
    energy_ms_w: int
    min_w: int | None
    max_w: int | None

    @property
    def covered_s(self) -> float:
        """Seconds for which power is known."""
        return self.covered_ms / 1000

    @property
    def energy_wh(self) -> float:
        """Watt hours within the covered time."""
        return self.energy_ms_w / _MS_W_PER_WH

    @property
    def mean_w(self) -> float | None:
        """The time-weighted mean, None where nothing is covered."""
        return self.energy_ms_w / self.covered_ms if self.covered_ms else None


def energy(
    samples: Iterable[Sample],
    interval_ms: int,
    events: Iterable[Event] = (),
    from_ms: int = FIRST_MS,
    to_ms: int = LAST_MS,
) -> Energy:
    """Integrate samples, in the order in which they were taken, over [from_ms, to_ms).

    Give the samples around the span too, from three intervals before it to the first after it: they hold into it and
    end what holds in it. interval_ms is that of the beginning; events of kind interval change it, clock steps count.
    """
    count = covered_ms = energy_ms_w = 0
    lowest: int | None = None
    highest: int | None = None
    for sample, held_ms in held(samples, interval_ms, events):
        inside = from_ms <= sample.at_ms < to_ms
        within_ms = max(0, min(sample.at_ms + held_ms, to_ms) - max(sample.at_ms, from_ms))
        count += inside
        if inside or within_ms:
            lowest = sample.power_w if lowest is None else min(lowest, sample.power_w)
            highest = sample.power_w if highest is None else max(highest, sample.power_w)
        covered_ms += within_ms
        energy_ms_w += within_ms * sample.power_w
    return Energy(count, covered_ms, energy_ms_w, lowest, highest)


def first_interval_ms(events: Iterable[Event], otherwise_ms: int) -> int:
    """The interval before the first change of it: as the events of a whole history begin, otherwise as is said.

    The collector tells a BMC's interval when it first polls it, so what came before was brought from elsewhere.
    """
    told = (event.value for event in events if event.kind is EventKind.INTERVAL and event.value)
    return next((round(interval_s * 1000) for interval_s in told), otherwise_ms)


def held(samples: Iterable[Sample], interval_ms: int, events: Iterable[Event]) -> Iterator[tuple[Sample, int]]:
    """Each sample with the ms for which it holds; arguments as those of `energy`."""
    events = list(events)
    steps: Counter[int] = Counter()  # by the sample before them, which several may share
    for step in dict.fromkeys(event for event in events if event.kind is EventKind.CLOCK_STEP):
        steps[step.begin_ms] += int(step.value or 0)
    changes = _changes(events)
    longest_ms = HOLDS_INTERVALS * interval_ms
    for sample, following in pairwise(chain(samples, [None])):
        if sample is None:
            return
        if following is None:
            yield sample, 0
            return
        if changes:
            longest_ms = HOLDS_INTERVALS * _interval_at(sample.at_ms, interval_ms, changes)
        held_ms = following.at_ms - sample.at_ms
        if steps and (held_ms or steps[sample.at_ms] < 0):  # a step forward comes after all samples of its moment
            held_ms -= steps.pop(sample.at_ms, 0)
        yield sample, 0 if held_ms < 0 else longest_ms if held_ms > longest_ms else held_ms


def interval_at(at_ms: int, interval_ms: int, events: Iterable[Event]) -> int:
    """The interval in force at a moment, in ms; arguments as those of `energy`."""
    return _interval_at(at_ms, interval_ms, _changes(events))


def _changes(events: Iterable[Event]) -> list[tuple[int, int]]:
    told = (event for event in events if event.kind is EventKind.INTERVAL and event.value)
    return [(event.begin_ms, round((event.value or 0) * 1000)) for event in told]


def _interval_at(at_ms: int, interval_ms: int, changes: Iterable[tuple[int, int]]) -> int:
    for since_ms, changed_ms in changes:
        if since_ms <= at_ms:
            interval_ms = changed_ms
    return interval_ms
