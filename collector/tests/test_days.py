"""Months as files have them, in zones where they begin at other moments than in UTC."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from powergraph_collector.days import LAST_MS, month_of, month_ranges, month_span, months_between, ms_of, year_ranges

ZONES = ("UTC", "Asia/Kolkata", "America/Sao_Paulo", "Europe/Berlin", "Pacific/Apia")
_A_YEAR_MS = 366 * 86_400_000


@given(st.integers(_A_YEAR_MS, LAST_MS - _A_YEAR_MS), st.integers(0, _A_YEAR_MS), st.sampled_from(ZONES))
def test_the_months_of_a_span_follow_one_another_and_hold_it(first_ms: int, length_ms: int, key: str) -> None:
    zone = ZoneInfo(key)
    months = list(months_between(first_ms, first_ms + length_ms, zone))
    spans = [month_span(month, zone) for month in months]
    assert spans[0][0] <= first_ms < spans[0][1]
    assert spans[-1][0] <= first_ms + length_ms < spans[-1][1]
    assert [begin for begin, _ in spans[1:]] == [end for _, end in spans[:-1]]
    assert [month_of(begin, zone) for begin, _ in spans] == [month_of(end - 1, zone) for _, end in spans] == months


def test_a_month_begins_when_it_does_in_the_zone() -> None:
    assert month_span("2026-12", ZoneInfo("Asia/Kolkata")) == (
        ms_of("2026-11-30T18:30:00.000Z"),
        ms_of("2026-12-31T18:30:00.000Z"),
    )
    with pytest.raises(ValueError, match="month"):
        month_span("2026-13", ZoneInfo("UTC"))


def test_months_and_years_that_follow_one_another_are_one_range() -> None:
    assert month_ranges(["2025-11", "2025-12", "2026-01", "2026-03"]) == [
        ("2025-11", "2026-01"),
        ("2026-03", "2026-03"),
    ]
    assert year_ranges(["2019", "2025", "2026"]) == [("2019", "2019"), ("2025", "2026")]
    assert month_ranges([]) == []
