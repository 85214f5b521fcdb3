"""What simulated machines draw: traces come back row by row, offices have nights and jobs."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from powergraph_collector.simulator.power import Office, TraceByReading, TraceByTime, TraceError, read_trace

MONDAY_S = datetime(2026, 11, 23, tzinfo=UTC).timestamp()


@given(st.integers(0, 2**63), st.integers(0, 1000), st.integers(0, 4000), st.floats(0, 4e9))
def test_an_office_stays_between_idle_and_peak_and_is_a_function_of_time(seed, idle_w, above_w, at_s) -> None:
    watts = Office(seed, idle_w, idle_w + above_w).watts(at_s)
    assert idle_w <= watts <= idle_w + above_w
    assert Office(seed, idle_w, idle_w + above_w).watts(at_s) == watts


def test_an_office_works_by_day_idles_at_night_and_has_peaks() -> None:
    def hours(first: int, last: int) -> list[int]:
        return [
            office.watts(MONDAY_S + week * 7 * 86400 + day * 86400 + second)
            for office in (Office(seed, 180, 620) for seed in range(3))
            for week in range(4)
            for day in range(5)
            for second in range(first * 3600, last * 3600, 97)
        ]

    day, night = hours(9, 19), hours(0, 7)
    assert fmean(day) > fmean(night) + 40
    assert min(day) < 220
    assert max(day) > 560


def test_another_seed_is_another_machine() -> None:
    one, other = (
        [Office(seed, 100, 500).watts(MONDAY_S + second) for second in range(0, 86400, 60)] for seed in (1, 2)
    )
    assert sum(a != b for a, b in zip(one, other, strict=True)) > 500


@pytest.mark.parametrize(
    "text",
    [
        '"23:59:58","423"\n"23:59:59","423"\n"00:00:01","422"\n',
        "timestamp,consumption\n2026-11-24T01:50:09.000Z,423\n2026-11-24T01:50:10Z,423\n2026-11-24T02:50:12+01:00,422\n",
        "date,consumption\n5:37:27,423\n5:37:28,423\n5:37:30,422\n",
    ],
)
def test_traces_of_every_form_are_read(tmp_path: Path, text: str) -> None:
    (tmp_path / "trace.csv").write_text(text)
    assert read_trace(tmp_path / "trace.csv") == ([0, 1, 3], [423, 423, 422])


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "no rows"),
        (b"timestamp,consumption\n", "no rows"),
        (b"00:00:01,12\n00:00:02,-1\n", "line 2"),
        (b"00:00:01,12\n00:00:02\n", "line 2"),
        (b"00:00:01,12\n00:00:02,65536\n", "line 2"),
        (b"00:00:01,12\nyesterday,1\n", "line 2"),
        (b"\xff\xfe\x00", "UTF-8"),
    ],
)
def test_a_bad_trace_is_refused_in_one_line(tmp_path: Path, content: bytes, complaint: str) -> None:
    (tmp_path / "trace.csv").write_bytes(content)
    with pytest.raises(TraceError, match=complaint) as caught:
        read_trace(tmp_path / "trace.csv")
    assert "\n" not in str(caught.value)


def test_a_trace_by_reading_ignores_the_clock_and_ends_or_loops() -> None:
    once, again = TraceByReading([5, 5, 7], loop=False), TraceByReading([5, 5, 7], loop=True)
    assert [once.watts(0) for _ in range(5)] == [5, 5, 7, None, None]
    assert [again.watts(0) for _ in range(5)] == [5, 5, 7, 5, 5]


def test_a_trace_by_time_holds_each_row_until_the_next_at_its_speed() -> None:
    def seen(loop: bool) -> list[int | None]:
        trace = TraceByTime([0, 1, 1, 4], [10, 20, 30, 40], speed=2, loop=loop)
        return [trace.watts(1000 + quarter / 4) for quarter in range(12)]

    assert seen(loop=False) == [10, 10, 30, 30, 30, 30, 30, 30, 40, 40, 40, None]
    assert seen(loop=True)[-1] == 10


@given(st.lists(st.floats(0, 40_000), min_size=2, max_size=20))
def test_an_office_that_remembers_its_jobs_draws_what_a_new_one_does(moments_s: list[float]) -> None:
    office = Office(7, 100, 60_000)
    at_s = [MONDAY_S + moment_s * 10 for moment_s in moments_s]
    assert [office.watts(at) for at in at_s] == [Office(7, 100, 60_000).watts(at) for at in at_s]
