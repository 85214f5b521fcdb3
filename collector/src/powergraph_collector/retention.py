"""What has been kept for long enough: whole days, never rollups (pure)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Final

FOR_EVER: Final = 0
NOTICE_MS: Final = 3_600_000  # between saying what will go and its going


def expired(days: Iterable[date], today: date, keep_days: int) -> list[date]:
    """The days, ascending, that are more than keep_days before today; none where that is FOR_EVER."""
    if keep_days == FOR_EVER:
        return []
    return sorted(day for day in days if is_expired(day, today, keep_days))


def is_expired(day: date, today: date, keep_days: int) -> bool:
    """Whether a day is more than keep_days before today."""
    return keep_days != FOR_EVER and today - day > timedelta(days=keep_days)
