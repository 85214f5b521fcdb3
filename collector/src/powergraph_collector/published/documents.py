"""What a site publishes, taken out of its files and checked: they may be of any age, broken, or not ours (pure)."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final, TypeGuard
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from powergraph_collector.days import FIRST_MS, LAST_MS, ms_of
from powergraph_collector.model import Event, EventKind, Sample
from powergraph_collector.publish import csv_files, rollup_csv
from powergraph_collector.rollups import Row
from powergraph_collector.settings_model import TariffTable
from powergraph_collector.settings_types import LONGEST_INTERVAL_S, NAME_PATTERN, SHORTEST_INTERVAL_S
from powergraph_collector.tariff import Tariff

FORMAT: Final = 1
_MOST_COLLECTORS: Final = 100
_MOST_EVENTS: Final = 100_000
_VALUES: Final = ("interval_s", "step_ms", "limit_w")
_SAMPLE: Final = re.compile(rb"(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z),(\d{1,7})\r?\n")


class DocumentError(Exception):
    """A file that is not what it should be; the message is the rest of a sentence that begins with its URL."""


@dataclass(frozen=True, slots=True)
class Machine:
    """One BMC of an index. `days` are those of the zone that have a file of samples, ascending ranges."""

    name: str
    title: str
    interval_ms: int
    is_simulated: bool
    days: tuple[tuple[date, date], ...]

    def has_day(self, day: date) -> bool:
        """Whether the index says that there are samples of a day."""
        return any(first <= day <= last for first, last in self.days)

    def neighbour(self, day: date, step: int) -> date | None:
        """The nearest day with samples before (step -1) or after (1) a day."""
        if step > 0:
            after = (max(first, day + timedelta(1)) for first, last in self.days if last > day)
            return next(after, None)
        before = [min(last, day - timedelta(1)) for first, last in self.days if first < day]
        return before[-1] if before else None


@dataclass(frozen=True, slots=True)
class Index:
    """What a collector says of itself in `index.json`."""

    collector: str
    zone: ZoneInfo
    tariff: Tariff | None
    co2_g_per_kwh: float | None
    machines: Mapping[str, Machine]


@dataclass(frozen=True, slots=True)
class Now:
    """A machine in `now.json`: its last sample, whether it answers."""

    at_ms: int | None
    is_silent: bool
    detail: str


def collectors_of(site: Mapping[str, Any]) -> list[str]:
    """The collectors of `site.json`. Raises DocumentError."""
    names = site.get("collectors")
    found = [name for name in names if _is_name(name)] if isinstance(names, list) else []
    if not found:
        raise DocumentError("names no collectors: is it the page of PowerGraph?")
    return found[:_MOST_COLLECTORS]


def index_of(document: Mapping[str, Any], collector: str) -> Index:
    """`index.json`. Raises DocumentError where it is of another format or names no zone; else what is wrong is left."""
    _check_format(document)
    try:
        zone = ZoneInfo(str(document.get("zone")))
    except (KeyError, ValueError, OSError):
        raise DocumentError("names no zone that this machine knows") from None
    bmcs = document.get("bmcs")
    machines = [_machine(each) for each in bmcs if isinstance(each, dict)] if isinstance(bmcs, list) else []
    co2 = document.get("co2_g_per_kwh")
    return Index(
        collector,
        zone,
        _tariff(document.get("tariff"), str(document.get("zone"))),
        float(co2) if _is_number(co2) and co2 >= 0 else None,
        {machine.name: machine for machine in machines if machine is not None},
    )


def _machine(found: dict[str, Any]) -> Machine | None:
    name, interval_s, days = found.get("name"), found.get("interval_s"), found.get("days")
    if not _is_name(name):
        return None
    if not _is_number(interval_s) or not SHORTEST_INTERVAL_S <= interval_s <= LONGEST_INTERVAL_S:
        interval_s = 10.0
    ranges = sorted(filter(None, map(_range, days))) if isinstance(days, list) else []
    title = _printable(found.get("title"))
    return Machine(name, title, round(interval_s * 1000), found.get("simulated") is True, tuple(ranges))


def _range(found: object) -> tuple[date, date] | None:
    try:
        first, last = (date.fromisoformat(day) for day in found)  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        return None
    return (first, last) if date(1971, 1, 1) <= first <= last <= date(9998, 12, 31) else None


def _tariff(found: object, zone: str) -> Tariff | None:
    try:
        return TariffTable.model_validate(found).tariff(zone) if found is not None else None
    except ValidationError:
        return None


def now_of(document: Mapping[str, Any], bmc: str) -> Now:
    """A machine of `now.json`. Raises DocumentError."""
    _check_format(document)
    bmcs = document.get("bmcs")
    found = bmcs.get(bmc) if isinstance(bmcs, dict) else None
    if not isinstance(found, dict):
        return Now(None, is_silent=False, detail="")
    return Now(_moment(found.get("at")), found.get("state") == "silent", _printable(found.get("detail")))


def samples_of(content: bytes, bmc: str) -> list[Sample]:
    """The samples of a day's CSV file, as far as its lines are whole and can be read. Raises DocumentError."""
    if not content.startswith(csv_files.HEADER):
        raise DocumentError("is not a CSV file of samples")
    samples: list[Sample] = []
    for at, watts in _SAMPLE.findall(content, len(csv_files.HEADER)):
        try:
            samples.append(Sample(bmc, ms_of(at.decode()), int(watts)))
        except ValueError:
            continue
    return samples


def rows_of(content: bytes) -> list[Row]:
    """The rows of a rollup file, ascending, as far as they can be read. Raises DocumentError."""
    if not content.startswith(rollup_csv.HEADER):
        raise DocumentError("is not a CSV file of rollups")
    lines = content[len(rollup_csv.HEADER) :].splitlines(keepends=True)
    try:
        rows = rollup_csv.rows_of(line for line in lines if line.endswith(b"\n"))
    except ValueError:
        raise DocumentError("has rows that cannot be read") from None
    sound = [row for row in rows if min(row.energy.samples, row.energy.covered_ms, row.energy.energy_ms_w) >= 0]
    return sorted(sound, key=lambda row: row.at_ms)


def events_of(document: Mapping[str, Any], bmc: str) -> tuple[int | None, list[Event]]:
    """The interval in ms when a file of events begins, if it says so, and its events. Raises DocumentError."""
    _check_format(document)
    interval_s = document.get("interval_s")
    if not _is_number(interval_s) or not SHORTEST_INTERVAL_S <= interval_s <= LONGEST_INTERVAL_S:
        interval_s = None
    found = document.get("events")
    events = list(_events(found[:_MOST_EVENTS], bmc)) if isinstance(found, list) else []
    return None if interval_s is None else round(interval_s * 1000), events


def _events(found: Sequence[Any], bmc: str) -> Iterator[Event]:
    for each in found:
        if not isinstance(each, dict):
            continue
        begin_ms = _moment(each.get("begin"))
        try:
            kind = EventKind(each.get("kind"))
        except ValueError:
            continue  # of a later version
        if begin_ms is None:
            continue
        value = next((each[name] for name in _VALUES if _is_number(each.get(name))), None)
        if kind is EventKind.INTERVAL and not (value and SHORTEST_INTERVAL_S <= value <= LONGEST_INTERVAL_S):
            continue
        reason, detail = _printable(each.get("reason")), _printable(each.get("detail"))
        yield Event(bmc, kind, begin_ms, _moment(each.get("end")), reason, detail, value)


def _check_format(document: Mapping[str, Any]) -> None:
    if document.get("format") != FORMAT:
        raise DocumentError(f"has a format that this version does not know: {str(document.get('format'))[:20]!r}")


def _moment(found: object) -> int | None:
    try:
        at_ms = ms_of(str(found))
    except (ValueError, OverflowError):
        return None
    return at_ms if FIRST_MS <= at_ms <= LAST_MS else None


def _is_name(found: object) -> TypeGuard[str]:
    return isinstance(found, str) and re.fullmatch(NAME_PATTERN, found) is not None


def _is_number(found: object) -> TypeGuard[float]:
    return isinstance(found, int | float) and not isinstance(found, bool) and math.isfinite(found)


def _printable(found: object) -> str:
    return "".join(each for each in found if each.isprintable())[:200] if isinstance(found, str) else ""
