"""The counter of energy is the rule of energy.py, however the samples come in."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from powergraph_collector.energy import energy
from powergraph_collector.metrics.energy_meter import EnergyMeter
from powergraph_collector.model import Event, EventKind, Sample


@st.composite
def batches(draw: st.DrawFn) -> list[tuple[list[Sample], list[Event]]]:
    """A BMC's history as the recording thread tells of it: an event never later than the sample after it."""
    at_ms = 1_795_435_200_000
    told: list[tuple[list[Sample], list[Event]]] = [([], [])]
    last_ms: int | None = None

    def perhaps_the_next_batch() -> None:
        if draw(st.booleans()):
            told.append(([], []))

    for _ in range(draw(st.integers(0, 30))):
        perhaps_the_next_batch()
        if last_ms is not None and draw(st.integers(0, 9)) == 0:
            step_ms = draw(st.integers(-100_000, 100_000))
            told[-1][1].append(Event("a", EventKind.CLOCK_STEP, last_ms, last_ms + step_ms, value=step_ms))
            at_ms += max(step_ms, 0)
            perhaps_the_next_batch()
        if draw(st.integers(0, 9)) == 0:
            interval_s = draw(st.sampled_from([0.1, 1.0, 60.0]))
            told[-1][1].append(Event("a", EventKind.INTERVAL, at_ms, at_ms, value=interval_s))
            perhaps_the_next_batch()
        at_ms += draw(st.integers(1, 100_000))
        last_ms = at_ms
        told[-1][0].append(Sample("a", at_ms, draw(st.integers(0, 65535))))
    return told


@given(batches(), st.sampled_from([100, 10_000, 60_000]))
def test_any_batches_amount_to_what_the_rule_says_of_the_whole(
    told: list[tuple[list[Sample], list[Event]]], interval_ms: int
) -> None:
    meter = EnergyMeter(interval_ms)
    former = 0
    for samples, events in told:
        meter.take(samples, events)
        assert meter.energy_ms_w >= former
        former = meter.energy_ms_w
    whole = energy(
        [sample for samples, _ in told for sample in samples],
        interval_ms,
        [each for _, events in told for each in events],
    )
    assert (meter.energy_ms_w, meter.covered_ms) == (whole.energy_ms_w, whole.covered_ms)


def test_a_hole_counts_three_intervals_and_the_rest_is_not_covered() -> None:
    meter = EnergyMeter(10_000)
    meter.take([Sample("a", 0, 100), Sample("a", 3_600_000, 500)])
    assert (meter.joules, meter.covered_s) == (3000.0, 30.0)
