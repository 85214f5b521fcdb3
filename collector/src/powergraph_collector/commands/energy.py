"""`powergraph energy`: what a BMC used over a span, from a store."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from powergraph_collector import days, settings
from powergraph_collector.commands import opening
from powergraph_collector.commands.frame import CommandError, ExitCode, FiniteRange
from powergraph_collector.energy import HOLDS_INTERVALS, Energy, energy, first_interval_ms
from powergraph_collector.history.engine import ReadableHistory
from powergraph_collector.model import Event, Sample
from powergraph_collector.order import in_order

_DAY_MS = 86_400_000


@click.command(name="energy")
@opening.place_options
@click.option("--from", "begin", help="Beginning, such as 2026-11-24T14:00 (in the zone) or 2026-11-24T13:00Z.")
@click.option("--to", "end", help="End, likewise. Without both: all that is there.")
@click.option(
    "--interval",
    type=FiniteRange(settings.SHORTEST_INTERVAL_S, settings.LONGEST_INTERVAL_S),
    default=settings.DEFAULT_INTERVAL_S,
    show_default=True,
    help="Seconds between readings, where the store does not tell: a sample holds at most three of them.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@opening.reading_options
def command(
    *,
    jsonfile: Path | str | None,
    config: Path | None,
    begin: str | None,
    end: str | None,
    interval: float,
    as_json: bool,
    bmc: str | None,
    zone: ZoneInfo,
    tables: dict[str, date],
) -> None:
    """Print energy, mean, minimum, peak and coverage of a span; of ./powergraph.db, if nothing else is named.

    The events that energy depends on (changes of interval, clock steps) are not in a VictoriaMetrics: --config knows
    where they are.
    """
    place = opening.place(jsonfile, config, Path("powergraph.db"))
    from_ms = days.FIRST_MS if begin is None else _moment(begin, zone)
    to_ms = days.LAST_MS if end is None else _moment(end, zone)
    with opening.history(place, zone, tables) as history:
        bmc = opening.chosen_bmc(history, bmc)
        events = history.read_events(bmc, days.FIRST_MS, days.LAST_MS)
        samples = _around(history, bmc, from_ms, to_ms, events)
        result = energy(samples, first_interval_ms(events, round(interval * 1000)), events, from_ms, to_ms)
    if not result.samples:
        raise CommandError(f"{opening.words(place)} has no samples in this span", ExitCode.NOTHING_FOUND)
    first_ms = samples[0].at_ms if begin is None else from_ms
    last_ms = samples[-1].at_ms if end is None else to_ms
    span_s = (last_ms - first_ms) / 1000
    click.echo(json.dumps(_figures(result, span_s)) if as_json else _lines(result, span_s))


def _around(history: ReadableHistory, bmc: str, from_ms: int, to_ms: int, events: Sequence[Event]) -> list[Sample]:
    """Samples of whole UTC days: those of a span, those that may hold into it, and the first one after it."""
    context_ms = max(days.FIRST_MS, from_ms - round(HOLDS_INTERVALS * settings.LONGEST_INTERVAL_S * 1000))
    found: list[Sample] = []
    after: str | None = None
    for sample in in_order(history.read(bmc, context_ms - context_ms % _DAY_MS, days.LAST_MS), events):
        if after is not None and days.utc_day(sample.at_ms) != after:
            break
        found.append(sample)
        if sample.at_ms >= to_ms:
            after = after or days.utc_day(sample.at_ms)
    return found


def _moment(text: str, zone: ZoneInfo) -> int:
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(f"{text!r} is not a time: give it as 2026-11-24T14:00", ExitCode.USAGE) from None
    return days.to_ms(when if when.tzinfo else when.replace(tzinfo=zone))


def _figures(result: Energy, span_s: float) -> dict[str, float | int | None]:
    return {
        "samples": result.samples,
        "energy_wh": result.energy_wh,
        "mean_w": result.mean_w,
        "min_w": result.min_w,
        "max_w": result.max_w,
        "covered_s": result.covered_s,
        "span_s": span_s,
    }


def _lines(result: Energy, span_s: float) -> str:
    mean = "-" if result.mean_w is None else f"{result.mean_w:.1f} W"
    share = f" ({min(1.0, result.covered_s / span_s):.1%})" if span_s > 0 else ""
    return "\n".join((
        f"energy    {result.energy_wh:,.2f} Wh",
        f"mean      {mean}",
        f"minimum   {result.min_w} W",
        f"peak      {result.max_w} W",
        f"coverage  {result.covered_s:,.0f} s of {span_s:,.0f} s{share}",
        f"samples   {result.samples}",
    ))  # fmt: skip
