"""What a store holds of one BMC, and where its samples are gone, what the service's rollup files have of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from powergraph_collector import days
from powergraph_collector.energy import HOLDS_INTERVALS, first_interval_ms
from powergraph_collector.figures import snapped
from powergraph_collector.history.engine import ReadableHistory
from powergraph_collector.measuring import Context, Rows
from powergraph_collector.model import Sample
from powergraph_collector.order import in_order
from powergraph_collector.publish.rollup_files import RollupFiles
from powergraph_collector.rollups import FIVE_MINUTES_MS, HOUR_MS
from powergraph_collector.settings_types import LONGEST_INTERVAL_S

_DAY_MS = 86_400_000
_AROUND_MS = round(HOLDS_INTERVALS * LONGEST_INTERVAL_S * 1000)


class StoredRecords:
    """One BMC of a history. otherwise_ms is its interval where no event tells it. Raises StoreError, OSError."""

    is_far = False

    def __init__(
        self, history: ReadableHistory, bmc: str, otherwise_ms: int, rollup_files: RollupFiles | None = None
    ) -> None:
        self._history = history
        self._bmc = bmc
        self._rollup_files = rollup_files
        events = history.read_events(bmc, days.FIRST_MS, days.LAST_MS)
        self._context = Context(first_interval_ms(events, otherwise_ms), events)

    def bounds(self) -> tuple[int, int] | None:
        """The times of the first and of the last sample."""
        there = self._history.utc_days(self._bmc)
        if not there:
            return None
        first_ms, last_ms = (_begin_ms(day) for day in (there[0], there[-1]))
        first, last = (
            [sample.at_ms for sample in self._history.read(self._bmc, begin_ms, begin_ms + _DAY_MS)]
            for begin_ms in (first_ms, last_ms)
        )
        return (min(first), max(last)) if first and last else None

    def context(self, from_ms: int, to_ms: int) -> Context:
        """All events: they are few."""
        del from_ms, to_ms
        return self._context

    def has_samples(self, from_ms: int, to_ms: int) -> bool:
        """Whether every UTC day with rollup rows in the span has its samples."""
        if self._rollup_files is None:
            return True
        there = set(self._history.utc_days(self._bmc))
        rows = self._rollup_files.hours(*snapped(from_ms, to_ms, HOUR_MS))
        return not any(row.energy.samples and days.utc_day(row.at_ms) not in there for row in rows)

    def samples(self, from_ms: int, to_ms: int) -> Iterator[Sample]:
        """Samples of whole UTC days: those of a span, those that may hold into it, and the first ones after it."""
        context_ms = max(days.FIRST_MS, from_ms - _AROUND_MS)
        after: str | None = None
        stored = self._history.read(self._bmc, context_ms - context_ms % _DAY_MS, days.LAST_MS)
        for sample in in_order(stored, self._context.events):
            if after is not None and days.utc_day(sample.at_ms) != after:
                return
            yield sample
            if sample.at_ms >= to_ms:
                after = after or days.utc_day(sample.at_ms)

    def rows(self, from_ms: int, to_ms: int) -> Rows:
        """The published rows of a span: of five minutes where every month with hours has them, else of hours."""
        files = self._rollup_files
        if files is None:
            return Rows([])
        hours = files.hours(*snapped(from_ms, to_ms, HOUR_MS))
        five_minutes = files.five_minutes(*snapped(from_ms, to_ms, FIVE_MINUTES_MS))
        months = set(files.months())
        if any(files.month_of(row.at_ms) not in months for row in hours if row.energy.samples):
            return Rows(hours, HOUR_MS)
        return Rows(five_minutes)


def _begin_ms(day: str) -> int:
    return days.to_ms(datetime.fromisoformat(day).replace(tzinfo=UTC))
