"""Days: of UTC, for the store, and of a site's zone, for people; those have 23 or 25 hours at times."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

FIRST_MS = 0
LAST_MS = 253_402_300_799_999  # the end of the year 9999
LAST_NAMED_MS = LAST_MS - 48 * 3_600_000  # until here, every zone has a day after
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ONE_DAY = timedelta(days=1)
_MS = timedelta(milliseconds=1)


def local_zone() -> ZoneInfo:
    """This machine's zone, UTC where it has none."""
    try:
        with Path("/etc/localtime").open("rb") as file:
            return ZoneInfo.from_file(file, "local")
    except (OSError, ValueError):
        return ZoneInfo("UTC")


def moment(at_ms: int, zone: ZoneInfo | None = None) -> datetime:
    """A UTC time in ms as a datetime, in UTC or in a zone; held within the years 1970 to 9999."""
    utc = _EPOCH + timedelta(milliseconds=min(max(at_ms, FIRST_MS), LAST_MS))
    return utc.astimezone(zone) if zone else utc


def to_ms(when: datetime) -> int:
    """The inverse of moment, for datetimes with a zone."""
    return (when - _EPOCH) // _MS


def checked(at_ms: int) -> int:
    """A UTC time in ms that every zone has a day for, and a day after. Raises ValueError for any other."""
    if not FIRST_MS <= at_ms <= LAST_NAMED_MS:
        raise ValueError(at_ms)
    return at_ms


def iso(at_ms: int) -> str:
    """`2026-11-24T01:50:09.123Z`, the form of all published files."""
    minute, in_minute_ms = divmod(min(max(at_ms, FIRST_MS), LAST_MS), 60_000)
    return f"{_minute(minute)}:{in_minute_ms // 1000:02d}.{in_minute_ms % 1000:03d}Z"


@lru_cache(maxsize=2048)
def _minute(minutes: int) -> str:
    return moment(minutes * 60_000).strftime("%Y-%m-%dT%H:%M")


def ms_of(text: str) -> int:
    """The inverse of iso. Raises ValueError."""
    if not text.endswith("Z"):
        raise ValueError(f"{text!r} is not a time like 2026-11-24T01:50:09.123Z")
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def utc_day(at_ms: int) -> str:
    """The UTC day, `YYYY-MM-DD`, of a UTC time in ms."""
    return moment(at_ms).strftime("%Y-%m-%d")


def day_of(at_ms: int, zone: ZoneInfo) -> date:
    """The day in a zone."""
    return moment(at_ms, zone).date()


def span_of(day: date, zone: ZoneInfo) -> tuple[int, int]:
    """The first ms of a zone's day, and the first of the next one."""
    return tuple(to_ms(datetime.combine(each, time(), zone)) for each in (day, day + _ONE_DAY))  # type: ignore[return-value]


def utc_span_of(day: str) -> tuple[int, int]:
    """The first ms of a UTC day, `YYYY-MM-DD`, and the first of the next one, be it beyond the last that there is."""
    first_ms = to_ms(datetime.combine(date.fromisoformat(day), time(), UTC))
    return first_ms, first_ms + _ONE_DAY // _MS


def days_between(first_ms: int, last_ms: int, zone: ZoneInfo) -> Iterator[date]:
    """The days of a zone from the one that holds first_ms to the one that holds last_ms."""
    day, last = day_of(first_ms, zone), day_of(last_ms, zone)
    while day <= last:
        yield day
        day += _ONE_DAY


def month_of(at_ms: int, zone: ZoneInfo) -> str:
    """The month in a zone, `YYYY-MM`."""
    return f"{moment(at_ms, zone):%Y-%m}"


def month_span(month: str, zone: ZoneInfo) -> tuple[int, int]:
    """The first ms of a zone's month, `YYYY-MM`, and the first of the next one. Raises ValueError."""
    first = date.fromisoformat(f"{month}-01")
    following = (first + timedelta(days=31)).replace(day=1)
    return span_of(first, zone)[0], span_of(following, zone)[0]


def months_between(first_ms: int, last_ms: int, zone: ZoneInfo) -> Iterator[str]:
    """The months of a zone from the one that holds first_ms to the one that holds last_ms."""
    month, last = day_of(first_ms, zone).replace(day=1), day_of(last_ms, zone)
    while month <= last:
        yield f"{month:%Y-%m}"
        month = (month + timedelta(days=31)).replace(day=1)


def ranges(days: Iterable[date]) -> list[tuple[date, date]]:
    """Ascending days as ranges without holes, both ends included."""
    found: list[tuple[date, date]] = []
    for day in days:
        if found and found[-1][1] + _ONE_DAY == day:
            found[-1] = (found[-1][0], day)
        else:
            found.append((day, day))
    return found


def year_ranges(years: Iterable[str]) -> list[tuple[str, str]]:
    """Ascending years, `YYYY`, as ranges without holes, both ends included."""
    return _ranges(years, int)


def month_ranges(months: Iterable[str]) -> list[tuple[str, str]]:
    """Ascending months, `YYYY-MM`, as ranges without holes, both ends included."""
    return _ranges(months, lambda month: 12 * int(month[:4]) + int(month[5:]))


def _ranges(names: Iterable[str], number: Callable[[str], int]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name in names:
        if found and number(found[-1][1]) + 1 == number(name):
            found[-1] = (found[-1][0], name)
        else:
            found.append((name, name))
    return found
