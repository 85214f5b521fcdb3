"""`powergraph db simulate`: a made-up past for simulated BMCs, so that a demo has something to show at once."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import click
from rich.console import Console
from rich.progress import Progress

from powergraph_collector import settings
from powergraph_collector.commands import frame
from powergraph_collector.commands.frame import CommandError, ExitCode, FiniteRange
from powergraph_collector.history.storage import StoreError
from powergraph_collector.history.tinydb_engine import TinyDbHistory
from powergraph_collector.settings_model import Settings
from powergraph_collector.simulator.past import (
    CHANGED_DAYS_AGO,
    DEFAULT_DAYS,
    DEFAULT_INTERVAL_S,
    FORMER_INTERVALS,
    Past,
    Range,
    range_of,
)
from powergraph_collector.simulator.power import HIGHEST_W

_MOST_DAYS: Final = 3660
_SHORTEST_INTERVAL_S: Final = 10.0  # of which a year takes half a minute a BMC
_LONGEST_INTERVAL_S: Final = 600.0


def _ranges(_context: click.Context, _option: click.Parameter, values: tuple[str, ...]) -> dict[str, Range]:
    ranges = {}
    for value in values:
        found = re.fullmatch(r"(?P<bmc>[^=]+)=(?P<idle>[0-9]{1,5})-(?P<peak>[0-9]{1,5})", value)
        if not found or not int(found["idle"]) <= int(found["peak"]) < HIGHEST_W:
            raise click.BadParameter(f"{value!r} is not of the form node01=180-620, from idle to peak in W")
        ranges[found["bmc"]] = Range(int(found["idle"]), int(found["peak"]))
    return ranges


@click.command(name="simulate")
@frame.config_option
@click.option("--bmc", "bmcs", multiple=True, help="Only this BMC; by default all simulated ones of the settings.")
@click.option(
    "--days", type=click.IntRange(1, _MOST_DAYS), default=DEFAULT_DAYS, show_default=True, help="How far back."
)
@click.option(
    "--interval",
    "interval_s",
    type=FiniteRange(_SHORTEST_INTERVAL_S, _LONGEST_INTERVAL_S),
    default=DEFAULT_INTERVAL_S,
    show_default=True,
    help=f"Seconds between samples of the last {CHANGED_DAYS_AGO} days; before, {FORMER_INTERVALS} times as many.",
)
@click.option(
    "--watts",
    "ranges",
    multiple=True,
    metavar="BMC=IDLE-PEAK",
    callback=_ranges,
    help="What a BMC draws, such as node01=180-620; by default, something by its name. May be given several times.",
)
def command(*, config: Path, bmcs: tuple[str, ...], days: int, interval_s: float, ranges: dict[str, Range]) -> None:
    """Make up a past for simulated BMCs, with the service stopped: days, nights, jobs, outages, a cap, markers.

    Only BMCs that the settings call `simulated` get one, and only those without samples in that time; so it may be
    repeated. `powergraph db rebuild` publishes it at once; else the service does, bit by bit.
    """
    loaded = settings.load(config)
    if loaded.history != "tinydb":
        raise CommandError(f'{config}: only the embedded store (history = "tinydb") takes a past', ExitCode.USAGE)
    names = _simulated(loaded, config, [*bmcs, *ranges])
    zone, now_ms = ZoneInfo(loaded.zone), time.time_ns() // 1_000_000
    pasts = [
        Past(name, ranges.get(name) or range_of(name), zone, now_ms, days, interval_s)
        for name in names
        if not bmcs or name in bmcs
    ]
    wanted = _without_samples(loaded.store, pasts)
    for past in pasts:
        if past not in wanted:
            click.echo(f"{past.bmc}: left alone, it has samples of that time")
    if wanted:
        _store(loaded.store, wanted)


def _simulated(loaded: Settings, config: Path, named: Sequence[str]) -> list[str]:
    """The simulated BMCs; raises CommandError if one that was named is none of them."""
    simulated = [bmc.name for bmc in loaded.bmcs if bmc.simulated]
    known = [bmc.name for bmc in loaded.bmcs]
    for name in named:
        if name not in known:
            raise CommandError(f"no BMC {name} in {config}: it has {', '.join(known)}", ExitCode.NOTHING_FOUND)
        if name not in simulated:
            raise CommandError(f"{name} is a real BMC: nothing is made up for it", ExitCode.USAGE)
    if not simulated:
        raise CommandError(f"{config}: none of its BMCs is `simulated = true`", ExitCode.USAGE)
    return simulated


def _without_samples(store: Path, pasts: Sequence[Past]) -> list[Past]:
    if not store.is_dir():
        return list(pasts)
    with closing(TinyDbHistory(store, access_mode="r")) as history:
        return [past for past in pasts if not any(history.read(past.bmc, past.from_ms, past.now_ms + 1))]


def _store(store: Path, pasts: Sequence[Past]) -> None:
    """Keep pasts; raises StoreError."""
    with (
        closing(TinyDbHistory(store)) as history,
        Progress(console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True) as progress,
    ):
        task = progress.add_task("making up", total=sum(past.days + 1 for past in pasts))
        for past in pasts:
            count = 0
            events = past.events()
            for samples in past.samples():
                # Events go first: samples without their interval would be energy of another length.
                outcome = history.append(samples, events)
                if outcome.error:
                    raise StoreError(f"the past of {past.bmc} could not be stored: {outcome.error}")
                events = []
                count += len(samples)
                progress.advance(task)
            click.echo(f"{past.bmc}: {count} samples and {len(past.events())} events of {past.days} days made up")
        progress.update(task, description="compacting")
        while history.tidy():
            pass
