"""Rollup files for a page to read: rows of five minutes, hours and days of the zone, by the collector's own sums."""

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
from published import Collector, Row

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


def files_of(rows: list[Rollup], zone: str, today: str) -> dict[str, bytes]:
    """The content of the files of months, years and of days that are over, by name without `.csv`."""
    months: dict[str, list[Rollup]] = defaultdict(list)
    days: dict[str, list[Rollup]] = defaultdict(list)
    years: dict[str, list[Rollup]] = defaultdict(list)
    quarters: dict[int, str] = {}  # clocks of zones differ by quarters of an hour, and asking for each row is slow

    def local_day(at_ms: int) -> str:
        quarter = at_ms // 900_000
        if quarter not in quarters:
            quarters[quarter] = f"{datetime.fromtimestamp(at_ms / 1000, ZoneInfo(zone)):%Y-%m-%d}"
        return quarters[quarter]

    for row in rows:
        day = local_day(row.at_ms)
        months[day[:7]].append(row)
        days[day].append(row)
    for row in hours_of(rows):
        years[local_day(row.at_ms)[:4]].append(row)
    lines = [day_line(day, merged(row.energy for row in of)) for day, of in sorted(days.items()) if day < today]
    files = {name: rollup_csv.HEADER + b"".join(rollup_csv.lines(of)) for name, of in [*months.items(), *years.items()]}
    return files | {"days": DAYS_HEADER + b"".join(lines)}


def publish(collector: Collector, name: str, rows: list[Rollup]) -> None:
    """Write a machine's files of months, years and days, and the index that knows of them."""
    zone = ZoneInfo(collector.zone)
    today = f"{datetime.fromtimestamp(collector.now_ms() / 1000, zone):%Y-%m-%d}"
    write(collector, name, files_of(rows, collector.zone, today))


def write(collector: Collector, name: str, files: dict[str, bytes]) -> None:
    """Write files of `files_of`, no events in any month, and the index."""
    folder = collector.folder / name
    bmc = collector.bmcs[name]
    for file, content in files.items():
        (folder / f"{file}.csv").write_bytes(content)
    months = sorted(file for file in files if len(file) == len("2026-11"))
    for month in months:
        events = {"format": 1, "bmc": name, "month": month, "interval_s": bmc["interval_s"], "events": []}
        (folder / f"{month}.events.json").write_text(json.dumps(events))
    bmc["months"] = [[month, month] for month in months]
    bmc["years"] = [[year, year] for year in sorted({month[:4] for month in months})]
    collector.write_index()


def publish_samples(collector: Collector, name: str, rows: Iterable[Row]) -> None:
    """Write the rollups of samples."""
    publish(collector, name, of_samples(rows, collector.bmcs[name]["interval_s"]))


def day_line(day: str, energy: Energy) -> bytes:
    """A row of `days.csv`: as a rollup row, with the date in place of the time."""
    (line,) = rollup_csv.lines([Rollup(0, energy)])
    return day.encode() + line[line.index(b",") :]


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
