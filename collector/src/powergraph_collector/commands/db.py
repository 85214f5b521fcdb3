"""`powergraph db`: look after a store."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import click
from rich.console import Console
from rich.progress import Progress

from powergraph_collector.commands import opening
from powergraph_collector.commands.frame import CommandError, ExitCode
from powergraph_collector.history.powerdb import PowerDB
from powergraph_collector.history.stock_json import StockHistory, import_into
from powergraph_collector.history.tinydb_engine import TinyDbHistory
from powergraph_collector.model import Sample
from powergraph_collector.settings import NAME_PATTERN


@click.group(name="db")
def group() -> None:
    """Check and import stores."""


def _progress() -> Progress:
    return Progress(console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True)


@group.command()
@click.argument("store", type=click.Path(path_type=Path))
def check(store: Path) -> int:
    """Read every table of STORE and compare the checksums; exit code 6 if a line or a block is damaged."""
    with PowerDB(store, access_mode="r") as db, _progress() as progress:
        names = sorted(db.tables())
        documents = lines = blocks = 0
        for name in progress.track(names, description="checking"):
            contents = db.storage.contents(name)
            documents += len(contents.documents)
            lines += contents.damaged_lines
            blocks += contents.damaged_blocks
            if not contents.is_whole:
                click.echo(f"{name}: {contents.damaged_lines} damaged lines, {contents.damaged_blocks} damaged blocks")
    click.echo(f"{len(names)} tables, {documents} documents, {lines} damaged lines, {blocks} damaged blocks")
    return ExitCode.STORE if lines or blocks else ExitCode.DONE


@group.command(name="import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--jsonfile", type=click.Path(path_type=Path), required=True, help="The store to import into.")
@opening.reading_options
def import_(*, file: Path, jsonfile: Path, bmc: str | None, zone: ZoneInfo, tables: dict[str, date]) -> None:
    """Bring the samples of a TinyDB JSON FILE, of 2017 or later, into a store.

    Samples that the file gives no BMC for go to --bmc, by default the file's name.
    """
    name = bmc or file.name.partition(".")[0]
    if not re.fullmatch(NAME_PATTERN, name):
        raise CommandError(f"{name!r} cannot name a BMC: give --bmc (letters, digits, dots, dashes)", ExitCode.USAGE)
    stock = StockHistory(file, zone, tables)
    store = TinyDbHistory(jsonfile)

    def append(samples: Sequence[Sample]) -> None:
        outcome = store.append(samples)
        if outcome.error:
            raise CommandError(f"{jsonfile}: not everything was imported: {outcome.error}", ExitCode.STORE)

    try:
        with _progress() as progress:
            task = progress.add_task("importing", total=sum(len(stock.last(each, 1 << 60)) for each in stock.bmcs()))
            total = import_into(append, stock, name, lambda count: progress.advance(task, count))
            while store.tidy():
                pass
    finally:
        store.close()
    left_out = f", {stock.passed_over} documents without a readable time or watts left out" if stock.passed_over else ""
    click.echo(f"{total} samples imported into {jsonfile}{left_out}")
