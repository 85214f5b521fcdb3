"""Opening a history for a command that reads: which kind it is, which BMC is meant, which day, which zone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from powergraph_collector import days
from powergraph_collector.commands.frame import CommandError, ExitCode, F
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


def reading_options(command: F) -> F:
    """The options of commands that read a history."""
    for option in (
        click.option("--bmc", help="Which BMC, where the store has several."),
        click.option("--zone", callback=_zone, help="Zone of days and of local times; by default this machine's."),
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


def day(text: str) -> date:
    """A day as the options give it. Raises CommandError."""
    try:
        found = date.fromisoformat(text)
        days.span_of(found, ZoneInfo("UTC"))
    except (ValueError, OverflowError):
        raise CommandError(f"{text!r} is not a day: give it as YYYY-MM-DD", ExitCode.USAGE) from None
    return found


@contextmanager
def history(path: Path, zone: ZoneInfo, tables: dict[str, date]) -> Iterator[ReadableHistory]:
    """Open whatever path is: our store is a folder, everybody else's TinyDB a file. Raises StoreError."""
    if path.is_dir():
        store = TinyDbHistory(path, access_mode="r")
        try:
            yield store
        finally:
            store.close()
    else:
        stock = StockHistory(path, zone, tables)
        if stock.passed_over:
            click.echo(f"{path}: {stock.passed_over} documents without a readable time or watts left out", err=True)
        yield stock


def chosen_bmc(readable: ReadableHistory, bmc: str | None) -> str:
    """The BMC that is meant. Raises CommandError."""
    names = readable.bmcs()
    if bmc is None and len(names) == 1:
        return names[0]
    known = ", ".join(name or "(unnamed)" for name in names) or "none"
    if bmc is None:
        raise CommandError(f"--bmc is missing: the store has {known}", ExitCode.USAGE)
    if bmc not in names:
        raise CommandError(f"no BMC {bmc} in the store: it has {known}", ExitCode.NOTHING_FOUND)
    return bmc
