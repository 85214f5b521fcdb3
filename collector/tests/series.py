"""Series of samples for tests: made up ones with all that happens to a series, and a real day."""

from __future__ import annotations

import csv
import os
from pathlib import Path

from hypothesis import strategies as st

from powergraph_collector.model import Event, EventKind, Sample

_BESIDE_THE_CHECKOUT = Path(__file__).resolve().parents[3] / "shared" / "data" / "power8-2017-07-23.csv"
RECORDED_DAY = Path(os.environ.get("POWERGRAPH_REAL_DAY", _BESIDE_THE_CHECKOUT))
NOON_MS = 1_795_521_600_000  # 2026-11-24T12:00:00Z


@st.composite
def made_up_series(draw: st.DrawFn, begin_ms: int = NOON_MS, most: int = 60) -> tuple[list[Sample], list[Event], int]:
    """Samples as they were taken, the events that count for energy, and the interval of the beginning in ms.

    Holes from a tick to hours, clocks set forward and back, intervals that change.
    """
    interval_ms = first_interval_ms = draw(st.sampled_from([2_000, 10_000, 60_000, 700_000]))
    at_ms = begin_ms + draw(st.integers(0, 900_000))
    samples: list[Sample] = []
    events: list[Event] = []
    for _ in range(draw(st.integers(1, most))):
        samples.append(Sample("n", at_ms, draw(st.integers(0, 65_534))))
        what = draw(st.sampled_from(["tick"] * 12 + ["hole", "long hole", "step", "interval"]))
        passed_ms = max(1, interval_ms + draw(st.integers(-900, 900)))
        if what == "hole":
            passed_ms += draw(st.integers(1, 5 * interval_ms))
        elif what == "long hole":
            passed_ms += draw(st.integers(1, 4 * 3_600_000))
        elif what == "step":
            step_ms = draw(st.integers(-2_400_000, 2_400_000))
            events.append(Event("n", EventKind.CLOCK_STEP, at_ms, at_ms + passed_ms // 2 + step_ms, value=step_ms))
            at_ms += step_ms
        elif what == "interval":
            interval_ms = draw(st.sampled_from([1_000, 5_000, 30_000, 400_000]))
            changed_ms = at_ms + draw(st.integers(1, passed_ms))
            events.append(Event("n", EventKind.INTERVAL, changed_ms, changed_ms, value=interval_ms / 1000))
        at_ms += passed_ms
    return samples, sorted(events, key=lambda event: (event.begin_ms, event.kind.value)), first_interval_ms


def real_day() -> list[Sample] | None:
    """The recorded day of a POWER8 server, a sample every 2 s or so; None where it is not at hand."""
    if not RECORDED_DAY.exists():
        return None
    with RECORDED_DAY.open() as file:
        rows = [(clock.split(":"), int(watts)) for clock, watts in csv.reader(file)]
    midnight_ms = 1_500_768_000_000  # 2017-07-23T00:00:00Z
    return [
        Sample("power8", midnight_ms + (int(hour) * 3600 + int(minute) * 60 + int(second)) * 1000, watts)
        for (hour, minute, second), watts in rows
    ]
