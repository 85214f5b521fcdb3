"""The JSON files as `docs/published-files.md` describes them, as pure functions of what is known."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from powergraph_collector.days import iso, month_ranges, ranges, year_ranges
from powergraph_collector.doubts import doubt_names
from powergraph_collector.history.storage_state import StorageState
from powergraph_collector.model import Event, EventKind, Sample
from powergraph_collector.settings_model import Bmc, Settings, TariffRate, TariffTable

FORMAT: Final = 1
REFRESH_S: Final = 5
_VALUE_NAME: Final = {EventKind.INTERVAL: "interval_s", EventKind.CLOCK_STEP: "step_ms", EventKind.CAP: "limit_w"}


@dataclass(frozen=True, slots=True)
class Latest:
    """What is known of a BMC now: its last sample, the outage that lasts, whether it answered since the start."""

    sample: Sample | None = None
    outage: Event | None = None
    is_heard: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """Which files a BMC has, each ascending: days with samples, months with five-minute and years with hourly rows."""

    days: Sequence[date] = ()
    months: Sequence[str] = ()
    years: Sequence[str] = ()


def encode(document: Mapping[str, Any]) -> bytes:
    """A JSON file's bytes."""
    return (json.dumps(document, separators=(",", ":"), ensure_ascii=False) + "\n").encode()


def index(settings: Settings, listings: Mapping[str, Listing], written_ms: int) -> dict[str, Any]:
    """`index.json`: the BMCs and the days, months and years that have a file."""
    return {
        "format": FORMAT,
        "collector": settings.name,
        "zone": settings.zone,
        "written_at": iso(written_ms),
        "csv_interval_s": settings.csv_interval_s,
        "tail_length": settings.tail_length,
        "tariff": _tariff(settings.tariff),
        "co2_g_per_kwh": settings.co2_g_per_kwh,
        "bmcs": [_bmc(bmc, listings.get(bmc.name, Listing())) for bmc in settings.bmcs],
    }


def _tariff(tariff: TariffTable | None) -> dict[str, Any] | None:
    return None if tariff is None else {**tariff.model_dump(exclude={"rates"}), "rates": [*map(_rate, tariff.rates)]}


def _rate(rate: TariffRate) -> dict[str, Any]:
    return {"name": rate.name, "days": rate.days, "from": rate.begin, "to": rate.end, "per_kwh": rate.per_kwh}


def _bmc(bmc: Bmc, listing: Listing) -> dict[str, Any]:
    return {
        "name": bmc.name,
        "title": bmc.title,
        "group": bmc.group,
        "rack": bmc.rack,
        "interval_s": bmc.interval_s,
        "simulated": bmc.simulated,
        "days": [[first.isoformat(), last.isoformat()] for first, last in ranges(listing.days)],
        "months": month_ranges(listing.months),
        "years": year_ranges(listing.years),
    }


def now(
    settings: Settings, latest: Mapping[str, Latest], written_ms: int, storage: StorageState | None = None
) -> dict[str, Any]:
    """`now.json`: the state of every BMC, and whether samples reach the disk."""
    return {
        "format": FORMAT,
        "collector": settings.name,
        "written_at": iso(written_ms),
        "refresh_s": REFRESH_S,
        "storage": (storage or StorageState()).document(),
        "bmcs": {bmc.name: _state(latest.get(bmc.name, Latest()), written_ms) for bmc in settings.bmcs},
    }


def _state(latest: Latest, written_ms: int) -> dict[str, Any]:
    sample, outage = latest.sample, latest.outage
    return {
        "state": "silent" if outage else "fresh" if latest.is_heard else "waiting",
        "at": iso(sample.at_ms) if sample else None,
        "power_w": sample.power_w if sample else None,
        "age_s": max(0, written_ms - sample.at_ms) / 1000 if sample else None,
        "source": sample.source.value if sample else None,
        "flags": doubt_names(sample.doubt) if sample else [],
        "reason": outage.reason if outage else None,
        "detail": outage.detail if outage else None,
        "since": iso(outage.begin_ms) if outage else None,
    }


def day_events(settings: Settings, bmc: Bmc, day: date, events: Sequence[Event], interval_s: float) -> dict[str, Any]:
    """`<day>.events.json`: what happened to a BMC in a day, and the interval in force when it began."""
    return _events(settings, bmc, {"day": day.isoformat()}, events, interval_s)


def month_events(
    settings: Settings, bmc: Bmc, month: str, events: Sequence[Event], interval_s: float
) -> dict[str, Any]:
    """`<month>.events.json`: the same of a month, `YYYY-MM`."""
    return _events(settings, bmc, {"month": month}, events, interval_s)


def _events(
    settings: Settings, bmc: Bmc, span: Mapping[str, str], events: Sequence[Event], interval_s: float
) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "bmc": bmc.name,
        **span,
        "zone": settings.zone,
        "interval_s": interval_s,
        "events": [_event(event) for event in events],
    }


def _event(event: Event) -> dict[str, Any]:
    described: dict[str, Any] = {
        "kind": event.kind.value,
        "begin": iso(event.begin_ms),
        "end": None if event.end_ms is None else iso(event.end_ms),
        "reason": event.reason,
        "detail": event.detail,
    }
    if event.kind in _VALUE_NAME:
        described[_VALUE_NAME[event.kind]] = event.value
    return described
