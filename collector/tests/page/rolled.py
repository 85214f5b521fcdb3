"""Rollup files of a published machine, made of its days' samples by the collector's own rule."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date
from itertools import groupby
from zoneinfo import ZoneInfo

from published import Collector, Row

from powergraph_collector.days import moment
from powergraph_collector.model import Sample
from powergraph_collector.publish import rollup_csv
from powergraph_collector.rollups import Row as RollupRow
from powergraph_collector.rollups import hours_of, merged, rows_of


def publish(lab: Collector, name: str, taken: Iterable[Row]) -> list[RollupRow]:
    """Write a machine's five-minute, hourly and daily rows, and the index that knows of them."""
    zone = ZoneInfo(lab.zone)
    samples = [Sample(name, at_ms, watts) for at_ms, watts in taken]
    rows = rows_of(samples, round(lab.bmcs[name]["interval_s"] * 1000))
    folder = lab.folder / name
    for form, of_form in (("%Y-%m", rows), ("%Y", hours_of(rows))):
        for period, group in groupby(of_form, key=lambda row: moment(row.at_ms, zone).strftime(form)):
            (folder / f"{period}.csv").write_bytes(rollup_csv.HEADER + b"".join(rollup_csv.lines(group)))
    days = [
        (day, merged(row.energy for row in of_day)) for day, of_day in groupby(rows, key=lambda row: _day(row, zone))
    ]
    lines = [rollup_csv.lines([RollupRow(0, energy)])[0].partition(b",")[2] for _, energy in days]
    table = b"".join(f"{day},".encode() + line for (day, _), line in zip(days, lines, strict=True))
    (folder / "days.csv").write_bytes(b"day" + rollup_csv.HEADER.removeprefix(b"timestamp") + table)
    for month in {f"{moment(row.at_ms, zone):%Y-%m}" for row in rows}:
        events = {"format": 1, "bmc": name, "month": month, "interval_s": lab.bmcs[name]["interval_s"], "events": []}
        (folder / f"{month}.events.json").write_text(json.dumps(events))
    months = [f"{moment(row.at_ms, zone):%Y-%m}" for row in rows]
    lab.bmcs[name] |= {"months": [[months[0], months[-1]]], "years": [[months[0][:4], months[-1][:4]]]}
    lab.write_index()
    return rows


def _day(row: RollupRow, zone: ZoneInfo) -> date:
    return moment(row.at_ms, zone).date()
