"""Ticks lie on a grid, spread over the interval, and thin out while nobody answers."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from powergraph_collector.model import Reason
from powergraph_collector.polling import schedule

INTERVALS = st.floats(0.1, 3600)


@given(now_s=st.floats(0, 1e7), phase_s=st.floats(0, 1e7), interval_s=INTERVALS)
def test_the_next_tick_is_later_by_at_most_an_interval_and_on_the_grid(
    now_s: float, phase_s: float, interval_s: float
) -> None:
    tick_s = schedule.next_tick_s(now_s, phase_s, interval_s)
    assert 0 < tick_s - now_s <= interval_s * 1.001 + 1e-3
    ticks = (tick_s - phase_s) / interval_s
    assert math.isclose(ticks, round(ticks), abs_tol=1e-2)


@given(count=st.integers(1, 3000), interval_s=INTERVALS)
def test_bmcs_are_spread_over_the_interval_in_whole_batches(count: int, interval_s: float) -> None:
    phases = [schedule.phase_s(index, count, interval_s) for index in range(count)]
    assert phases == sorted(phases)
    assert 0 <= phases[0] <= phases[-1] < interval_s
    batches = [phase_s / schedule.batch_s(interval_s) for phase_s in phases]
    assert all(math.isclose(batch, round(batch), abs_tol=1e-6) for batch in batches)


@given(reason=st.sampled_from(Reason), failures=st.integers(1, 10_000), interval_s=INTERVALS)
def test_pauses_grow_to_a_bound_and_spare_accounts(reason: Reason, failures: int, interval_s: float) -> None:
    pause_s = schedule.pause_s(reason, failures, interval_s)
    assert schedule.pause_s(reason, failures + 1, interval_s) >= pause_s
    assert pause_s <= max(600.0, interval_s)
    if reason in {Reason.LOGIN_REFUSED, Reason.NO_SESSION_SLOT}:
        assert pause_s >= 60


def test_one_lost_answer_costs_no_further_tick() -> None:
    assert schedule.pause_s(Reason.TIMEOUT, 1, 10.0) == 0
