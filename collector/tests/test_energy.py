"""Energy by the one rule: a sample holds until the next one, at most three intervals."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from powergraph_collector.energy import energy
from powergraph_collector.model import Event, EventKind, Sample
from tests.series import real_day


def series(*points: tuple[int, int]) -> list[Sample]:
    return [Sample("n", at_ms, power_w) for at_ms, power_w in points]


def test_a_steady_load_is_its_power_times_its_time() -> None:
    result = energy(series(*((second * 1000, 360) for second in range(0, 3601, 10))), 10_000)
    assert result.energy_wh == 360
    assert result.covered_s == 3600
    assert result.mean_w == 360


def test_a_hole_is_covered_for_three_intervals_and_no_longer() -> None:
    result = energy(series((0, 100), (100_000, 100)), 10_000)
    assert result.covered_s == 30
    assert result.energy_wh == pytest.approx(100 * 30 / 3600)


def test_one_sample_has_a_power_but_no_energy() -> None:
    result = energy(series((0, 100)), 10_000)
    assert (result.energy_wh, result.covered_s, result.mean_w, result.max_w) == (0, 0, None, 100)
    assert energy([], 10_000).max_w is None


@pytest.mark.parametrize("step_ms", [-3_600_000, -5000, 7000, 86_400_000])
def test_a_step_of_the_clock_changes_no_energy(step_ms: int) -> None:
    noon_ms = 1_795_435_200_000
    before = [(noon_ms + second * 1000, 200) for second in range(0, 60, 10)]
    after = [(noon_ms + second * 1000 + step_ms, 300) for second in range(60, 120, 10)]
    step = Event("n", EventKind.CLOCK_STEP, noon_ms + 50_000, noon_ms + 55_000 + step_ms, value=step_ms)
    steady = energy(series(*before, *((at_ms - step_ms, power_w) for at_ms, power_w in after)), 10_000)
    assert energy(series(*before, *after), 10_000, [step]) == steady


def test_two_steps_of_the_clock_between_the_same_two_samples_add_up() -> None:
    noon_ms = 1_795_435_200_000
    steps = [
        Event("n", EventKind.CLOCK_STEP, noon_ms, noon_ms + 3_603_000, value=3_600_000),
        Event("n", EventKind.CLOCK_STEP, noon_ms, noon_ms + 1_007_000, value=-2_600_000),
    ]
    points = series((noon_ms, 200), (noon_ms + 1_010_000, 300))
    assert energy(points, 10_000, steps).covered_s == 10


def test_of_a_span_a_sample_counts_for_the_time_that_lies_within() -> None:
    points = series((0, 100), (10_000, 200), (20_000, 400), (30_000, 100))
    result = energy(points, 10_000, (), 5_000, 25_000)
    assert result.energy_ms_w == 5_000 * 100 + 10_000 * 200 + 5_000 * 400
    assert (result.samples, result.covered_s, result.max_w) == (2, 20, 400)


@given(st.lists(st.integers(0, 10_000), min_size=2, max_size=30, unique=True), st.integers(0, 10_000))
def test_two_halves_of_a_span_have_the_energy_of_the_whole(times: list[int], cut_ms: int) -> None:
    points = series(*((at_ms, at_ms % 97) for at_ms in sorted(times)))
    whole = energy(points, 500)
    parts = energy(points, 500, (), 0, cut_ms), energy(points, 500, (), cut_ms, 10_001)
    assert sum(part.energy_ms_w for part in parts) == whole.energy_ms_w
    assert sum(part.covered_ms for part in parts) == whole.covered_ms


def test_a_change_of_the_interval_changes_how_long_samples_hold() -> None:
    change = Event("n", EventKind.INTERVAL, 100_000, 100_000, value=2.0)
    result = energy(series((0, 100), (100_000, 100), (200_000, 100)), 10_000, [change])
    assert result.covered_s == 30 + 6


@given(st.lists(st.tuples(st.integers(0, 10**7), st.integers(0, 65534)), max_size=30), st.integers(100, 60_000))
def test_energy_is_bounded_by_the_extremes_over_the_covered_time(
    points: list[tuple[int, int]], interval_ms: int
) -> None:
    result = energy(series(*sorted(points)), interval_ms)
    assert result.samples == len(points)
    if result.mean_w is not None:
        assert result.min_w is not None
        assert result.max_w is not None
        assert result.min_w - 1e-9 <= result.mean_w <= result.max_w + 1e-9


def test_the_real_day_of_a_power8_server_has_its_known_energy() -> None:
    samples = real_day()
    if samples is None:
        pytest.skip("the recorded day is not at hand")
    result = energy(samples, 2000)
    assert round(result.energy_wh, 2) == 13_227.41
    assert result.covered_s == 86_094
    assert result.max_w == 842
