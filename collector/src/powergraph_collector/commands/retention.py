"""`powergraph db retention`: what will go, before it goes."""

from __future__ import annotations

import time
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from powergraph_collector import settings
from powergraph_collector.commands import frame, opening
from powergraph_collector.days import day_of, moment
from powergraph_collector.history import opening as history_opening
from powergraph_collector.history.retention import DroppingHistory, expired_samples
from powergraph_collector.publish.agreement import load as agreed_days
from powergraph_collector.publish.day_files import expired_files
from powergraph_collector.retention import FOR_EVER
from powergraph_collector.settings_model import Settings


@click.command(name="retention")
@frame.config_option
@click.option("--on", "on", metavar="DAY", help="What will have gone by then, YYYY-MM-DD; by default, today.")
def command(config: Path, on: str | None) -> None:
    """Show which days of published files and of samples will go, by the limits in the settings. Removes nothing.

    The service does, an hour after it said so in its log. Rollups and events in the store stay for ever.
    """
    loaded = settings.load(config)
    now_ms = time.time_ns() // 1_000_000
    click.echo(_published(loaded, opening.day(on) if on else day_of(now_ms, ZoneInfo(loaded.zone))))
    click.echo(_samples(loaded, opening.day(on) if on else moment(now_ms).date()))


def _published(loaded: Settings, today: date) -> str:
    kept = _kept("published days", loaded.keep_published_days)
    if loaded.publish is None or loaded.keep_published_days == FOR_EVER:
        return kept
    folders = [loaded.publish / loaded.name / bmc.name for bmc in loaded.bmcs]
    going = [expired_files(folder, today, loaded.keep_published_days) for folder in folders]
    days = sorted(day for of_bmc in going for day in of_bmc)
    paths = [path for of_bmc in going for of_day in of_bmc.values() for path in of_day]
    size = sum(path.stat().st_size for path in paths)
    return f"{kept}: {_going(days, sum(map(bool, going)), len(paths), size)}"


def _samples(loaded: Settings, today: date) -> str:
    kept = _kept("samples", loaded.keep_sample_days)
    if loaded.publish is None or loaded.keep_sample_days == FOR_EVER:
        return kept
    root = loaded.publish / loaded.name
    agreed = {bmc.name: agreed_days(root / bmc.name, loaded.zone) for bmc in loaded.bmcs}
    with history_opening.reading(loaded) as history:
        expired = expired_samples(history, today, loaded.keep_sample_days)
        going = [(bmc, day) for bmc, day in expired if day in agreed.get(bmc, {})]
        size = sum(history.day_bytes(*each) for each in going) if isinstance(history, DroppingHistory) else 0
    days = sorted(date.fromisoformat(day) for _, day in going)
    told = _going(days, len({bmc for bmc, _ in going}), len(going), size)
    waiting = len(expired) - len(going)
    return f"{kept}: {told}" + (f"; {waiting} more stay, as their rollups are not safe on the disk" if waiting else "")


def _kept(what: str, days: int) -> str:
    return f"{what} are kept {'for ever' if days == FOR_EVER else f'{days} days'}"


def _going(days: list[date], bmcs: int, files: int, size: int) -> str:
    if not days:
        return "nothing goes"
    return f"{len(days)} days of {bmcs} BMCs go, {days[0]} to {days[-1]}, {files} files, {size:,} bytes"
