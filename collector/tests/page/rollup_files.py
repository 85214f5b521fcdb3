"""Rollup files for a page to read: months of five-minute rows, years of hours, days of the zone, by the collector."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from powergraph_collector.energy import Energy
from powergraph_collector.model import Sample
from powergraph_collector.publish import rollup_csv
from powergraph_collector.rollups import FIVE_MINUTES_MS, hours_of, merged, rows_of
from powergraph_collector.rollups import Row as Rollup
from published import Collector, Row, iso

DAYS_HEADER = b"day,mean_w,min_w,max_w,energy_wh,covered_s,samples\n"


def of_samples(rows: Iterable[Row], interval_s: float = 10.0) -> list[Rollup]:
    """The five-minute rows of samples."""
    return rows_of([Sample("n", at, watts) for at, watts in rows], round(interval_s * 1000))


def made_up(
    begin_ms: int, end_ms: int, watts: Callable[[int], int | None], interval_s: float = 10.0, covered: float = 1.0
) -> list[Rollup]:
    """Five-minute rows without samples behind them: the mean of each by its time, None for none; peaks 40 W above."""
    found = []
    for at in range(begin_ms, end_ms, FIVE_MINUTES_MS):
        mean = watts(at)
        if mean is not None:
            covered_ms = round(FIVE_MINUTES_MS * covered)
            count = round(covered_ms / interval_s / 1000)
            found.append(Rollup(at, Energy(count, covered_ms, covered_ms * mean, mean - 20, mean + 40)))
    return found


def publish(collector: Collector, name: str, rows: list[Rollup]) -> None:
    """Write a machine's months, years and days that are over, and the index that knows of them."""
    zone = ZoneInfo(collector.zone)

    def local(row: Rollup) -> datetime:
        return datetime.fromtimestamp(row.at_ms / 1000, zone)

    folder = collector.folder / name
    months, years, days = (defaultdict(list) for _ in range(3))
    for row in rows:
        when = local(row)
        months[f"{when:%Y-%m}"].append(row)
        days[f"{when:%Y-%m-%d}"].append(row)
    for row in hours_of(rows):
        years[f"{local(row):%Y}"].append(row)
    for file, content in [*months.items(), *years.items()]:
        (folder / f"{file}.csv").write_bytes(rollup_csv.HEADER + b"".join(rollup_csv.lines(content)))
    today = f"{datetime.fromtimestamp(collector.now_ms() / 1000, zone):%Y-%m-%d}"
    lines = [day_line(day, merged(row.energy for row in of)) for day, of in sorted(days.items()) if day < today]
    (folder / "days.csv").write_bytes(DAYS_HEADER + b"".join(lines))
    bmc = collector.bmcs[name]
    bmc["months"], bmc["years"] = ([[each, each] for each in sorted(of)] for of in (months, years))
    collector.write_index()


def day_line(day: str, energy: Energy) -> bytes:
    """A row of `days.csv`: as a rollup row, with the date in place of the time."""
    (line,) = rollup_csv.lines([Rollup(0, energy)])
    return day.encode() + line[line.index(b",") :]


def write_overview(collector: Collector, day: str, today: dict[str, dict[str, Any]]) -> None:
    """`overview.json` with what each machine has of today, and no sparklines."""
    now = collector.now_ms()
    content = {
        "format": 1,
        "collector": collector.name,
        "written_at": iso(now),
        "day": day,
        "day_from": iso(collector.midnight(day)),
        "from": iso(now - 86_400_000),
        "step_s": 900,
        "steps": 96,
        "bmcs": {
            name: {"today": figures, "mean_w": [None] * 96, "max_w": [None] * 96} for name, figures in today.items()
        },
    }
    (collector.folder / "overview.json").write_text(json.dumps(content))


def today_of(rows: Iterable[Rollup]) -> dict[str, Any]:
    """What the overview says of a day so far."""
    energy = merged(row.energy for row in rows)
    return {
        "energy_wh": round(energy.energy_wh, 6),
        "covered_s": energy.covered_s,
        "min_w": energy.min_w,
        "max_w": energy.max_w,
        "samples": energy.samples,
    }
