"""The figures of a span: energy, extremes and when, percentiles, cost and CO2, by one rule for commands and page.

They are made of samples, or of rollup rows, or of both where rows are the middle of a long span: rows are exact, so
that the energy is the same. `tests/vectors/statistics.json` has the rule as numbers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from powergraph_collector.energy import Energy, held, interval_at
from powergraph_collector.model import Doubt, Event, Sample
from powergraph_collector.rollups import FIVE_MINUTES_MS, Row
from powergraph_collector.tariff import Tariff

LONGEST_OF_SAMPLES_MS: Final = 7 * 86_400_000  # longer spans have percentiles of five-minute means
FEW_SAMPLES: Final = 30
_BASE: Final = 5
_PEAK: Final = 95


@dataclass(frozen=True, slots=True)
class Extreme:
    """A least or greatest power and when: the moment of a sample, or the beginning of a row of that length."""

    power_w: int
    at_ms: int
    within_ms: int = 0


@dataclass(frozen=True, slots=True)
class Figures:
    """What a span holds. Watts are None where nothing is covered (extremes: where no sample holds or lies).

    `base_w` and `p95_w` are the 5th and 95th percentile of time; they are of means of rows of `means_of_ms`, where that
    is not 0. `energies_ms_w` is the energy of each rate of the tariff, the base rate last. `of_rows_ms` is the length
    of the rows that these are figures of, 0 where samples were there. `doubt` is what speaks against some sample of it.
    """

    from_ms: int
    to_ms: int
    interval_ms: int
    energy: Energy
    minimum: Extreme | None
    peak: Extreme | None
    base_w: float | None
    p95_w: float | None
    means_of_ms: int
    energies_ms_w: tuple[int, ...]
    of_rows_ms: int = 0
    doubt: Doubt = Doubt.NONE

    @property
    def span_ms(self) -> int:
        """The length of the span."""
        return self.to_ms - self.from_ms

    @property
    def coverage(self) -> float:
        """The share of the span for which power is known, 0 to 1."""
        return min(1.0, self.energy.covered_ms / self.span_ms) if self.span_ms > 0 else 0.0

    @property
    def carried_by(self) -> int:
        """How many samples the figures rest on: one, where all that there is is held into the span."""
        return max(self.energy.samples, int(self.peak is not None))

    @property
    def end_error(self) -> float:
        """By what share of the span its two ends may be wrong: a sample's interval each."""
        return self.interval_ms / self.span_ms if self.span_ms > 0 else 0.0

    @property
    def is_carried_by_few(self) -> bool:
        """Whether that error is worth a word."""
        return 0 < self.carried_by < FEW_SAMPLES

    def co2_g(self, per_kwh_g: float) -> float:
        """The CO2 of the energy, in g, at an intensity in g per kWh."""
        return self.energy.energy_wh / 1000 * per_kwh_g


@dataclass(slots=True)
class Tally:
    """Samples and rows of a span as they come, for its figures; rows of one length only."""

    from_ms: int
    to_ms: int
    energy: Energy = field(default_factory=lambda: Energy(0, 0, 0, None, None))
    minimum: Extreme | None = None
    peak: Extreme | None = None
    row_ms: int = 0
    doubt: Doubt = Doubt.NONE
    _watts: dict[int, int] = field(default_factory=dict)  # covered ms by power
    _rows: dict[int, list[int]] = field(default_factory=dict)  # covered ms and energy by the begin of five minutes

    def add_samples(
        self,
        samples: Iterable[Sample],
        interval_ms: int,
        events: Iterable[Event] = (),
        from_ms: int | None = None,
        to_ms: int | None = None,
    ) -> None:
        """Add the part of the span in [from_ms, to_ms), by default all of it, of samples; these as to `energy`."""
        from_ms = self.from_ms if from_ms is None else max(from_ms, self.from_ms)
        to_ms = self.to_ms if to_ms is None else min(to_ms, self.to_ms)
        count = covered_ms = energy_ms_w = 0
        low = high = None
        watts = self._watts
        for sample, held_ms in held(samples, interval_ms, events):  # millions of a year
            begin_ms, power_w = sample.at_ms, sample.power_w
            end_ms = begin_ms + held_ms
            inside = from_ms <= begin_ms < to_ms
            begin_ms = max(begin_ms, from_ms)
            end_ms = min(end_ms, to_ms)
            if not inside and end_ms <= begin_ms:
                continue
            count += inside
            if sample.doubt is not Doubt.NONE:
                self.doubt |= sample.doubt
            if low is None or power_w < low.power_w:
                low = Extreme(power_w, begin_ms)
            if high is None or power_w > high.power_w:
                high = Extreme(power_w, begin_ms)
            if end_ms > begin_ms:
                within_ms = end_ms - begin_ms
                covered_ms += within_ms
                energy_ms_w += within_ms * power_w
                watts[power_w] = watts.get(power_w, 0) + within_ms
                self._cut(begin_ms, end_ms, power_w)
        if low is not None and high is not None:
            self._take(Energy(count, covered_ms, energy_ms_w, low.power_w, high.power_w), low, high)

    def _cut(self, begin_ms: int, end_ms: int, power_w: int) -> None:
        """Share what a sample holds among the five minutes in which it does."""
        while begin_ms < end_ms:
            row_ms = begin_ms - begin_ms % FIVE_MINUTES_MS
            part_ms = (end_ms if end_ms <= row_ms + FIVE_MINUTES_MS else row_ms + FIVE_MINUTES_MS) - begin_ms
            row = self._rows.get(row_ms)
            if row is None:
                self._rows[row_ms] = [part_ms, part_ms * power_w]
            else:
                row[0] += part_ms
                row[1] += part_ms * power_w
            begin_ms += part_ms

    def add_rows(self, rows: Iterable[Row], row_ms: int = FIVE_MINUTES_MS) -> None:
        """Add rollup rows that lie within the span, ascending, each of length row_ms."""
        self.row_ms = row_ms
        for row in rows:
            energy = row.energy
            if energy.min_w is None or energy.max_w is None:
                continue
            low, high = (Extreme(watts, row.at_ms, row_ms) for watts in (energy.min_w, energy.max_w))
            self._take(energy, low, high)
            if energy.covered_ms:
                sums = self._rows.setdefault(row.at_ms, [0, 0])
                sums[0] += energy.covered_ms
                sums[1] += energy.energy_ms_w

    def _take(self, energy: Energy, low: Extreme, high: Extreme) -> None:
        if self.minimum is None or low.power_w < self.minimum.power_w:
            self.minimum = low
        if self.peak is None or high.power_w > self.peak.power_w:
            self.peak = high
        self.energy = Energy(
            self.energy.samples + energy.samples,
            self.energy.covered_ms + energy.covered_ms,
            self.energy.energy_ms_w + energy.energy_ms_w,
            self.minimum.power_w,
            self.peak.power_w,
        )

    def figures(self, interval_ms: int, tariff: Tariff | None = None) -> Figures:
        """The figures of what was added; interval_ms is that in force at the beginning of the span."""
        of_means = self.row_ms or (FIVE_MINUTES_MS if self.to_ms - self.from_ms > LONGEST_OF_SAMPLES_MS else 0)
        weights: list[tuple[float, int]] = sorted(
            [(energy_ms_w / covered_ms, covered_ms) for covered_ms, energy_ms_w in self._rows.values()]
            if of_means
            else self._watts.items()
        )
        energies = ((at_ms, energy_ms_w) for at_ms, (_, energy_ms_w) in self._rows.items())
        return Figures(
            from_ms=self.from_ms,
            to_ms=self.to_ms,
            interval_ms=interval_ms,
            energy=self.energy,
            minimum=self.minimum,
            peak=self.peak,
            base_w=_percentile(weights, self.energy.covered_ms, _BASE),
            p95_w=_percentile(weights, self.energy.covered_ms, _PEAK),
            means_of_ms=of_means,
            energies_ms_w=tariff.split(energies) if tariff else (self.energy.energy_ms_w,),
            of_rows_ms=self.row_ms,
            doubt=self.doubt,
        )


def figures(
    samples: Iterable[Sample],
    interval_ms: int,
    events: Iterable[Event],
    span: tuple[int, int],
    tariff: Tariff | None = None,
) -> Figures:
    """The figures of a span (from_ms, to_ms) from samples; the other arguments as those of `energy`."""
    events = list(events)
    tally = Tally(*span)
    tally.add_samples(samples, interval_ms, events)
    return tally.figures(interval_at(span[0], interval_ms, events), tariff)


def snapped(from_ms: int, to_ms: int, row_ms: int) -> tuple[int, int]:
    """The least span of whole rows around a span."""
    return from_ms // row_ms * row_ms, -(-to_ms // row_ms) * row_ms


def _percentile(weights: Iterable[tuple[float, int]], covered_ms: int, percent: int) -> float | None:
    """The least watts at or below which at least so many percent of the covered time lie; weights ascend by watts."""
    below_ms = 0
    for watts, weight_ms in weights:
        below_ms += weight_ms
        if 100 * below_ms >= percent * covered_ms:
            return watts
    return None
