"""The order in which samples were taken, whatever the order in which they came into the store.

Samples come late where stores are merged and old files imported: they go where their time puts them. Times also go back
where the clock was set back, which is an event; there, the order of the store is that of the taking.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, pairwise

from powergraph_collector.days import utc_day
from powergraph_collector.model import Event, EventKind, Sample


def in_order(stored: Iterable[Sample], events: Sequence[Event] = ()) -> Iterator[Sample]:
    """Samples of whole UTC days, as the history gives them, in the order in which they were taken.

    Each UTC day is ordered by itself, so that any days together have the order that they have among all.
    """
    back = [event for event in events if event.kind is EventKind.CLOCK_STEP and (event.value or 0) < 0]
    for _, samples in groupby(stored, key=lambda sample: sample.at_ms // 86_400_000):
        yield from _day_in_order(list(samples), back)


def _day_in_order(stored: list[Sample], back: Sequence[Event]) -> list[Sample]:
    if all(first.at_ms <= second.at_ms for first, second in pairwise(stored)):
        return stored
    runs: list[list[Sample]] = [[]]  # each ascending; between two of them the clock was set back
    unused = list(back)
    for sample in stored:
        run = runs[-1]
        if not run or sample.at_ms >= run[-1].at_ms:
            run.append(sample)
            continue
        step = next((each for each in unused if _explains(each, run[-1].at_ms, sample.at_ms)), None)
        if step is not None:
            unused.remove(step)
            runs.append([sample])
            continue
        home = next((each for each in reversed(runs) if each[0].at_ms <= sample.at_ms), runs[0])
        insort(home, sample, key=lambda each: each.at_ms)
    return [sample for run in runs for sample in run]


def _explains(step: Event, before_ms: int, after_ms: int) -> bool:
    """Whether a clock step lies between two samples; the last sample before it may be in the table of another day."""
    ends_ms = step.begin_ms if step.end_ms is None else step.end_ms
    is_last = step.begin_ms == before_ms or (step.begin_ms > before_ms and utc_day(step.begin_ms) != utc_day(before_ms))
    return is_last and ends_ms <= after_ms
