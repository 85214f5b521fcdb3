"""Energy of a series of samples: the one rule that the store, the commands and the page's script share.

A sample holds until the next one, at most three intervals; the rest of a hole is uncovered. The last sample holds
nothing, as it has no successor. Time is the samples' UTC time, less the steps that the clock made in between: a clock
step begins at the last sample before it, and so belongs to the pair that this sample opens.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from powergraph_collector.model import Event, EventKind, Sample

HOLDS_INTERVALS: Final = 3
_MS_W_PER_WH: Final = 3_600_000


@dataclass(frozen=True, slots=True)
class Energy:
    """What a span holds: `mean_w`, `min_w` and `max_w` are None where nothing is covered or there is no sample."""

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
        """The time-weighted mean."""
        return self.energy_ms_w / self.covered_ms if self.covered_ms else None


def energy(samples: Iterable[Sample], interval_ms: int, events: Iterable[Event] = ()) -> Energy:
    """Integrate samples, in the order in which they were taken; of the events, clock steps count."""
    steps = {event.begin_ms: int(event.value or 0) for event in events if event.kind is EventKind.CLOCK_STEP}
    longest_ms = HOLDS_INTERVALS * interval_ms
    count = covered_ms = energy_ms_w = 0
    lowest: int | None = None
    highest: int | None = None
    former: Sample | None = None
    for sample in samples:
        count += 1
        lowest = sample.power_w if lowest is None else min(lowest, sample.power_w)
        highest = sample.power_w if highest is None else max(highest, sample.power_w)
        if former is not None:
            stepped_ms = steps.pop(former.at_ms, 0)
            held_ms = min(max(0, sample.at_ms - former.at_ms - stepped_ms), longest_ms)
            covered_ms += held_ms
            energy_ms_w += held_ms * former.power_w
        former = sample
    return Energy(count, covered_ms, energy_ms_w, lowest, highest)
