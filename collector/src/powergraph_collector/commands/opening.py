"""Opening a history for a command that reads: which kind it is, which BMC is meant, which day, which zone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click

from powergraph_collector import days, settings, urls
from powergraph_collector.commands.frame import CommandError, ExitCode, F, GivenPath
from powergraph_collector.history import opening
from powergraph_collector.history.engine import ReadableHistory
from powergraph_collector.history.stock_json import StockHistory
from powergraph_collector.history.tinydb_engine import TinyDbHistory


def _zone(_context: click.Context, _option: click.Parameter, value: str | None) -> ZoneInfo:
    if value is None:
        return days.local_zone()
    try:
        return ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise click.BadParameter(f"{value} is no zone of the tz database, such as Europe/Berlin or UTC") from None


def _tables(_context: click.Context, _option: click.Parameter, values: tuple[str, ...]) -> dict[str, date]:
    return {name: day(text) for name, _, text in (value.rpartition("=") for value in values)}


def zone_option(command: F) -> F:
    """The option that says in which zone times without one are."""
    return click.option("--zone", callback=_zone, help="Zone of days and of local times; by default this machine's.")(
        command
    )


def reading_options(command: F) -> F:
    """The options of commands that read a history."""
    for option in (
        click.option("--bmc", help="Which BMC, where the store has several."),
        zone_option,
        click.option(
            "--table",
            "tables",
            multiple=True,
            metavar="TABLE=DAY",
            callback=_tables,
            help="What day a table of a 2017 file holds where its name is not clear.",
        ),
    ):
        command = option(command)
    return command


class PathOrUrl(click.ParamType[Path | str]):
    """A path, or the URL of a VictoriaMetrics, which stays text."""

    _path = GivenPath()

    name = "path or URL"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path | str:
        """Tell which it is."""
        if isinstance(value, Path) or "://" not in value:
            return self._path.convert(value, param, ctx)
        try:
            return urls.valid_url(value)
        except ValueError as error:
            self.fail(f"{error}.", param, ctx)


Place = Path | str | settings.Settings  # a store or a TinyDB file; a URL; a service and all that its settings say


def place_options(command: F) -> F:
    """The options that say which history to read."""
    for option in (
        click.option("--config", type=GivenPath(), help="The history of the service of these settings."),
        click.option(
            "--jsonfile",
            type=PathOrUrl(),
            metavar="PATH_OR_URL",
            help="The store, or a TinyDB JSON file, or the URL of a VictoriaMetrics (of a cluster, where it is read; "
            "with a password, --config is the way). Only read.",
        ),
    ):
        command = option(command)
    return command


def place(jsonfile: Path | str | None, config: Path | None, default: Path | None = None) -> Place:
    """The history that the options name. Raises CommandError, SettingsError."""
    if config is not None:
        if jsonfile is not None:
            raise CommandError("--jsonfile does not go with --config: the settings file says it", ExitCode.USAGE)
        return settings.load(config)
    chosen = default if jsonfile is None else jsonfile
    if chosen is None:
        raise CommandError("--jsonfile is missing: name the store, such as --jsonfile powergraph.db", ExitCode.USAGE)
    return chosen


def words(place: Place) -> str:
    """What to call a history."""
    return str(place) if not isinstance(place, settings.Settings) else f"the history of {place.name}"


def day(text: str) -> date:
    """A day as the options give it. Raises CommandError."""
    try:
        found = date.fromisoformat(text)
        days.span_of(found, ZoneInfo("UTC"))
    except (ValueError, OverflowError):
        raise CommandError(f"{text!r} is not a day: give it as YYYY-MM-DD", ExitCode.USAGE) from None
    return found


def moment(text: str, zone: ZoneInfo) -> int:
    """A time as the options give it, in ms; one without a zone is in this one. Raises CommandError."""
    try:
        when = datetime.fromisoformat(text)
        at_ms = days.to_ms(when if when.tzinfo else when.replace(tzinfo=zone))
    except (ValueError, OverflowError):
        raise CommandError(f"{text!r} is not a time: give it as 2026-11-24T14:00", ExitCode.USAGE) from None
    return min(max(at_ms, days.FIRST_MS), days.LAST_NAMED_MS)


@contextmanager
def history(
    place: Place, zone: ZoneInfo, tables: dict[str, date], wanted: date | None = None
) -> Iterator[ReadableHistory]:
    """Open a history: our store is a folder, everybody else's TinyDB a file. Raises CommandError, StoreError, OSError.

    Where one day is wanted, it does not matter that tables of other days are unclear.
    """
    if tables and (not isinstance(place, Path) or place.is_dir()):
        raise CommandError(
            f"--table goes with a TinyDB JSON file, which {words(place)} is not: leave it out", ExitCode.USAGE
        )
    if isinstance(place, settings.Settings):
        with opening.reading(place) as readable:
            yield readable
    elif isinstance(place, str):
        with opening.reading_url(place) as readable:
            yield readable
    elif place.is_dir():
        with closing(TinyDbHistory(place, access_mode="r")) as readable:
            yield readable
    else:
        stock = StockHistory(place, zone, tables, wanted)
        if absent := sorted(tables.keys() - stock.tables):
            raise CommandError(f"--table: there is no table {absent[0]} in {place}", ExitCode.USAGE)
        if stock.passed_over:
            left_out = "documents without usable time and whole watts left out"
            click.echo(f"{place}: {stock.passed_over} {left_out}", err=True)
        yield stock


def chosen_bmc(readable: ReadableHistory, bmc: str | None) -> str:
    """The BMC that is meant. Raises CommandError."""
    # A name that was mistyped once has an outage to tell of, and nothing to read.
    names = [name for name in readable.bmcs() if readable.utc_days(name)] or readable.bmcs()
    if bmc is None and len(names) == 1:
        return names[0]
    known = ", ".join(name or "(unnamed)" for name in names) or "none"
    if bmc is None:
        raise CommandError(f"--bmc is missing: there is history of {known}", ExitCode.USAGE)
    if bmc not in names:
        raise CommandError(f"no BMC {bmc} in the store: it has {known}", ExitCode.NOTHING_FOUND)
    return bmc
