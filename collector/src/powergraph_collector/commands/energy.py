"""`powergraph energy`: what a BMC used over a span, from a store or from what a site publishes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo

import click

from powergraph_collector import settings, settings_types
from powergraph_collector.commands import figures_told, opening
from powergraph_collector.commands.frame import CommandError, ExitCode, FiniteRange
from powergraph_collector.commands.stored_records import StoredRecords
from powergraph_collector.measuring import Records, measure
from powergraph_collector.publish.rollup_files import RollupFiles
from powergraph_collector.published.fetching import SiteAwayError, SiteError, SiteFiles
from powergraph_collector.published.records import Site
from powergraph_collector.tariff import Tariff


class BoundedRecords(Records, Protocol):
    """Records that know when they begin and end."""

    def bounds(self) -> tuple[int, int] | None:
        """The times of the first and of the last sample."""
        ...


@dataclass(frozen=True, slots=True)
class Source:
    """Where figures come from, what to call it, what energy costs there; whether it is known to be made up."""

    records: BoundedRecords
    words: str
    tariff: Tariff | None = None
    co2_g_per_kwh: float | None = None
    is_simulated: bool = False


@click.command(name="energy")
@opening.place_options
@click.option("--site", metavar="URL", help="What a site publishes, such as http://host/powergraph, from any machine.")
@click.option("--machine", help="With --site: which machine; collector/name where two collectors have one of the name.")
@click.option("--from", "begin", help="Beginning, such as 2026-11-24T14:00 (in the zone) or 2026-11-24T13:00Z.")
@click.option("--to", "end", help="End, likewise. Without both: all samples that are there.")
@click.option("--per-kwh", type=FiniteRange(0), help="Price of a kWh, instead of the tariff of --config or --site.")
@click.option("--currency", help="Its currency, such as EUR.")
@click.option(
    "--co2", type=FiniteRange(0), metavar="G", help="g of CO2 per kWh, instead of that of --config or --site."
)
@click.option(
    "--interval",
    type=FiniteRange(settings_types.SHORTEST_INTERVAL_S, settings_types.LONGEST_INTERVAL_S),
    default=settings_types.DEFAULT_INTERVAL_S,
    show_default=True,
    help="Seconds between readings, where the store does not tell: a sample holds at most three of them.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs: exact figures, not rounded.")
@opening.reading_options
def command(
    *,
    jsonfile: Path | str | None,
    config: Path | None,
    site: str | None,
    machine: str | None,
    begin: str | None,
    end: str | None,
    per_kwh: float | None,
    currency: str | None,
    co2: float | None,
    interval: float,
    as_json: bool,
    bmc: str | None,
    zone: ZoneInfo,
    tables: dict[str, date],
) -> None:
    """Print energy, mean, extremes, base load, cost and coverage of a span; of ./powergraph.db, if nothing is named.

    95 % of the time is spent at or below p95, 5 % at or below the base load; of spans longer than 7 days these are of
    five-minute means. Where samples are gone and rollups are left, the span is that of whole rows, and shown so.

    The events that energy depends on (changes of interval, clock steps) are not in a VictoriaMetrics: --config knows
    where they are.
    """
    if currency is not None and per_kwh is None:
        raise CommandError("--currency is that of --per-kwh: give that too", ExitCode.USAGE)
    if site is not None:
        if jsonfile is not None or config is not None:
            raise CommandError("--site does not go with --jsonfile and --config: give one", ExitCode.USAGE)
        opened = _published(site, machine or bmc)
    else:
        place = opening.place(jsonfile, config, Path("powergraph.db"))
        opened = _stored(place, machine or bmc, zone, tables, round(interval * 1000))
    try:
        with opened as source:
            if per_kwh is not None:
                source = replace(source, tariff=Tariff(zone, per_kwh, currency=currency))  # noqa: PLW2901
            if co2 is not None:
                source = replace(source, co2_g_per_kwh=co2)  # noqa: PLW2901
            span = tuple(None if text is None else opening.moment(text, zone) for text in (begin, end))
            click.echo(_told(source, span[0], span[1], None if as_json else zone))
    except SiteAwayError as error:
        raise CommandError(str(error), ExitCode.UNREACHABLE) from None
    except SiteError as error:
        raise CommandError(str(error), ExitCode.STORE) from None


@contextmanager
def _published(url: str, machine: str | None) -> Iterator[Source]:
    try:
        files = SiteFiles(url)
    except ValueError as error:
        raise CommandError(f"--site: {error}", ExitCode.USAGE) from None
    with closing(files):
        site = Site(files)
        names = site.machines()
        if machine is None and len(names) != 1:
            raise CommandError(f"--machine is missing: {url} has {', '.join(names) or 'none'}", ExitCode.USAGE)
        records = site.find(machine or names[0])
        if records is None:
            raise CommandError(
                f"no machine {machine} at {url}: it has {', '.join(names) or 'none'}", ExitCode.NOTHING_FOUND
            )
        index = records.index
        words = f"{url} of {records.machine.name}"
        yield Source(records, words, index.tariff, index.co2_g_per_kwh, records.machine.is_simulated)


@contextmanager
def _stored(
    place: opening.Place, bmc: str | None, zone: ZoneInfo, tables: dict[str, date], otherwise_ms: int
) -> Iterator[Source]:
    with opening.history(place, zone, tables) as history:
        bmc = opening.chosen_bmc(history, bmc)
        words = opening.words(place)
        if not isinstance(place, settings.Settings):
            yield Source(StoredRecords(history, bmc, otherwise_ms), words)
            return
        told_ms = {each.name: round(each.interval_s * 1000) for each in place.bmcs}
        folder = place.publish / place.name / bmc if place.publish is not None else None
        rollup_files = None if folder is None else RollupFiles(folder, ZoneInfo(place.zone))
        records = StoredRecords(history, bmc, told_ms.get(bmc, otherwise_ms), rollup_files)
        tariff = None if place.tariff is None else place.tariff.tariff(place.zone)
        is_simulated = any(each.simulated for each in place.bmcs if each.name == bmc)
        yield Source(records, words, tariff, place.co2_g_per_kwh, is_simulated)


def _told(source: Source, from_ms: int | None, to_ms: int | None, zone: ZoneInfo | None) -> str:
    """The figures of a span in lines, in JSON if no zone is given. Raises CommandError where there is nothing."""
    bounds = source.records.bounds() if from_ms is None or to_ms is None else (from_ms, to_ms)
    if bounds is None:
        raise CommandError(f"{source.words} has no samples", ExitCode.NOTHING_FOUND)
    first_ms = bounds[0] if from_ms is None else from_ms
    # The last sample counts, though it holds nothing: the span ends with it.
    last_ms, until_ms = (bounds[1], bounds[1] + 1) if to_ms is None else (to_ms, to_ms)
    if first_ms >= until_ms and to_ms is not None and from_ms is not None:
        raise CommandError("--to must be after --from", ExitCode.USAGE)
    found = measure(source.records, first_ms, until_ms, source.tariff) if first_ms < until_ms else None
    if found is None or found.peak is None:
        raise CommandError(f"{source.words} has no samples in this span", ExitCode.NOTHING_FOUND)
    if not found.of_rows_ms:
        found = replace(found, to_ms=last_ms)
    of = (source.tariff, source.co2_g_per_kwh)
    if zone is None:
        return json.dumps(figures_told.document(found, *of))
    lines = figures_told.lines(found, zone, *of)
    return "\n".join([*lines, figures_told.SIMULATED] if source.is_simulated else lines)
