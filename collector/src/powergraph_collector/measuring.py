"""The figures of any span of one BMC, from whatever there is of it: samples, else rollup rows.

Where samples are gone and rows are left, the span snaps outward to whole rows. Where samples are far away and the span
is long, rows are its middle: they are exact, so only the ends and the two extremes take samples.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from powergraph_collector.doubts import doubt_within
from powergraph_collector.energy import interval_at
from powergraph_collector.figures import LONGEST_OF_SAMPLES_MS, Extreme, Figures, Tally, snapped
from powergraph_collector.model import Event, EventKind, Sample
from powergraph_collector.rollups import FIVE_MINUTES_MS, Row
from powergraph_collector.tariff import Tariff


@dataclass(frozen=True, slots=True)
class Context:
    """What the energy rule needs beside samples: the interval in ms before the first event, and the events."""

    interval_ms: int
    events: Sequence[Event]


@dataclass(frozen=True, slots=True)
class Rows:
    """Rollup rows, ascending, and their length."""

    rows: Sequence[Row]
    row_ms: int = FIVE_MINUTES_MS


class Records(Protocol):
    """What there is of one BMC. Spans are [from_ms, to_ms)."""

    @property
    def is_far(self) -> bool:
        """Whether reading all samples of a long span is to be avoided."""
        ...

    def context(self, from_ms: int, to_ms: int) -> Context:
        """The interval and the events of a span, those around it that count among them."""
        ...

    def has_samples(self, from_ms: int, to_ms: int) -> bool:
        """Whether there are samples wherever there are rows."""
        ...

    def samples(self, from_ms: int, to_ms: int) -> Iterable[Sample]:
        """The samples of a span in the order in which they were taken, with those around it that count."""
        ...

    def rows(self, from_ms: int, to_ms: int) -> Rows:
        """The rows that touch a span: of five minutes, or of hours where those of some month are not there."""
        ...


def measure(records: Records, from_ms: int, to_ms: int, tariff: Tariff | None = None) -> Figures:
    """The figures of a span; those of a larger one, of whole rows, where only rows are left of it."""
    found = _measured(records, from_ms, to_ms, tariff)
    # Neither rows nor published samples say what is to be doubted of them.
    events = records.context(found.from_ms, found.to_ms).events
    return replace(found, doubt=found.doubt | doubt_within(events, found.from_ms, found.to_ms))


def _measured(records: Records, from_ms: int, to_ms: int, tariff: Tariff | None) -> Figures:
    if not records.has_samples(from_ms, to_ms):
        return _of_rows(records, from_ms, to_ms, tariff)
    context = records.context(from_ms, to_ms)
    tally = Tally(from_ms, to_ms)
    if records.is_far and to_ms - from_ms > LONGEST_OF_SAMPLES_MS and not _went_back(context.events):
        middle_ms, end_ms = -(-from_ms // FIVE_MINUTES_MS) * FIVE_MINUTES_MS, to_ms // FIVE_MINUTES_MS * FIVE_MINUTES_MS
        found = records.rows(middle_ms, end_ms)
        rows = found.rows[:-1]  # the last may be about to be told again
        if rows and found.row_ms == FIVE_MINUTES_MS:
            return _of_both(records, tally, context, (middle_ms, rows), tariff)
    tally.add_samples(records.samples(from_ms, to_ms), context.interval_ms, context.events)
    return tally.figures(interval_at(from_ms, context.interval_ms, context.events), tariff)


def _of_rows(records: Records, from_ms: int, to_ms: int, tariff: Tariff | None) -> Figures:
    found = records.rows(from_ms, to_ms)
    tally = Tally(*snapped(from_ms, to_ms, found.row_ms))
    tally.add_rows(found.rows, found.row_ms)
    context = records.context(from_ms, to_ms)
    return tally.figures(interval_at(tally.from_ms, context.interval_ms, context.events), tariff)


def _of_both(
    records: Records, tally: Tally, context: Context, middle: tuple[int, Sequence[Row]], tariff: Tariff | None
) -> Figures:
    middle_ms, rows = middle

    def add_samples(to: Tally, from_ms: int, to_ms: int) -> None:
        if from_ms < to_ms:
            samples = records.samples(from_ms, to_ms)
            to.add_samples(samples, context.interval_ms, context.events, from_ms, to_ms)

    def at_sample(extreme: Extreme | None, *, of_peak: bool) -> Extreme | None:
        if extreme is None or not extreme.within_ms:
            return extreme
        row = Tally(extreme.at_ms, extreme.at_ms + extreme.within_ms)
        add_samples(row, row.from_ms, row.to_ms)
        found = row.peak if of_peak else row.minimum
        return found if found is not None and found.power_w == extreme.power_w else extreme

    add_samples(tally, tally.from_ms, middle_ms)
    tally.add_rows(rows)
    add_samples(tally, rows[-1].at_ms + FIVE_MINUTES_MS, tally.to_ms)
    mixed = tally.figures(interval_at(tally.from_ms, context.interval_ms, context.events), tariff)
    minimum, peak = at_sample(mixed.minimum, of_peak=False), at_sample(mixed.peak, of_peak=True)
    return replace(mixed, minimum=minimum, peak=peak, of_rows_ms=0)


def _went_back(events: Iterable[Event]) -> bool:
    """Whether the clock was set back, so that the order of rows is not that of samples."""
    return any(event.kind is EventKind.CLOCK_STEP and (event.value or 0) < 0 for event in events)
