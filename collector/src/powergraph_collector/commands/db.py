"""`powergraph db`: export, import, check and copy stores; rebuild and expire published files."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack, closing
from datetime import date
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import click
from rich.console import Console
from rich.progress import Progress

from powergraph_collector import settings
from powergraph_collector.commands import opening, output, rebuild, retention, simulate
from powergraph_collector.commands.frame import CommandError, ExitCode, GivenPath, tell
from powergraph_collector.history import copying, exporting
from powergraph_collector.history import opening as history_opening
from powergraph_collector.history.contents import Contents
from powergraph_collector.history.engine import CheckedHistory
from powergraph_collector.history.importing import Meaning, import_file
from powergraph_collector.history.storage import LogStorage
from powergraph_collector.history.tinydb_engine import TinyDbHistory
from powergraph_collector.history.victoriametrics_http import Access, Server
from powergraph_collector.settings_types import NAME_PATTERN

_A_WRITE_S: Final = 0.5  # longer than a healthy disk takes for one


@click.group(name="db")
def command() -> None:
    """Export, import, check and copy stores; rebuild and expire published files."""


def _progress() -> Progress:
    return Progress(console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True)


@command.command()
@click.argument("store", type=GivenPath())
def check(store: Path) -> int:
    """Read every table of STORE and compare the checksums; exit code 6 if something is damaged or cut off.

    What was cut off exactly behind a line cannot be seen in a day that still consists of lines. Damaged tables that
    were rewritten have left the former files beside them: remove those once they are of no use any more.
    """
    with closing(TinyDbHistory(store, access_mode="r")) as history, _progress() as progress:
        storage = history.db.storage
        names = progress.track(storage.names(), description="checking")
        tables, documents, cut = 0, 0, False
        for name, contents in exporting.tables_of(history, names):
            tables, documents = tables + 1, documents + len(contents.documents)
            at_rest = _at_rest(storage, name, contents)
            cut |= bool(at_rest.unfinished_bytes)
            if at_rest.unfinished_bytes or not at_rest.is_whole:
                click.echo(_damaged(name, at_rest))
        aside = storage.set_aside()
    for path in aside:
        click.echo(f"{path}: damaged, set aside when its table was rewritten")
    lines = sum(contents.damaged_lines for contents in history.damage.values())
    blocks = sum(contents.damaged_blocks for contents in history.damage.values())
    click.echo(f"{tables} tables, {documents} documents, {lines} damaged lines, {blocks} damaged blocks")
    return ExitCode.STORE if history.damage or cut or aside else ExitCode.DONE


def _at_rest(storage: LogStorage, name: str, contents: Contents) -> Contents:
    """A table's contents; a line that is just being written is waited for."""
    if not contents.unfinished_bytes:
        return contents
    time.sleep(_A_WRITE_S)
    try:
        return storage.contents(name)
    except KeyError:  # gone by now
        return contents


def _damaged(name: str, contents: Contents) -> str:
    end = f", {contents.unfinished_bytes} bytes of a line that was cut off" if contents.unfinished_bytes else ""
    return f"{name}: {contents.damaged_lines} damaged lines, {contents.damaged_blocks} damaged blocks{end}"


def _tell_of_damage(store: object, damage: Mapping[str, Contents]) -> None:
    """Say what is missing, once everything else is safe. Raises CommandError."""
    for name, contents in damage.items():
        tell(_damaged(name, contents))
    if damage:
        raise CommandError(
            f"{len(damage)} tables of {store} are damaged: all that could be read of them and of the others was taken",
            ExitCode.STORE,
        )


@command.command()
@click.argument("store", type=GivenPath(exists=True, file_okay=False))
@click.option(
    "--format",
    "kind",
    type=click.Choice(list(exporting.FORMATS)),
    required=True,
    help="tinydb-json: one file that stock TinyDB opens. ndjson: a line a document. csv: samples alone, a row each.",
)
@click.option("--output", "path", type=GivenPath(dir_okay=False), help="The file; by default, stdout.")
@click.option("--bmc", "bmcs", multiple=True, help="Only this BMC; may be given several times.")
def export(*, store: Path, kind: str, path: Path | None, bmcs: tuple[str, ...]) -> None:
    """Write all of STORE in a form that others read; `powergraph db import` reads it back. STORE may be in use.

    Of damaged tables it writes what can be read, tells what is missing, and ends with exit code 6.
    """
    form = exporting.FORMATS[kind]
    with closing(TinyDbHistory(store, access_mode="r")) as history:
        names = history.db.storage.names()
        unknown = [bmc for bmc in bmcs if bmc not in history.bmcs()]
        if unknown:
            known = ", ".join(history.bmcs()) or "none"
            raise CommandError(f"no BMC {unknown[0]} in the store: it has {known}", ExitCode.NOTHING_FOUND)
        wanted = [name for name in names if form.takes(name) and (not bmcs or name.partition("/")[0] in bmcs)]
        with output.opened(path) as file, _progress() as progress:
            tables = exporting.tables_of(history, progress.track(wanted, description="exporting"))
            form.write(tables, file)
        if path is not None:
            click.echo(f"{path}: {len(wanted)} tables exported", err=True)
        _tell_of_damage(store, history.damage)


@command.command(name="import")
@click.argument("files", type=GivenPath(exists=True, dir_okay=False), nargs=-1, required=True)
@click.option("--jsonfile", type=GivenPath(), required=True, help="The store to import into.")
@click.option("--date", "day", help="The day of the first row, where a CSV file of 2017 has times of day alone.")
@opening.reading_options
def import_(
    *,
    files: tuple[Path, ...],
    jsonfile: Path,
    day: str | None,
    bmc: str | None,
    zone: ZoneInfo,
    tables: dict[str, date],
) -> None:
    """Bring the samples of FILES into a store that is not in use.

    FILES are what `db export` wrote, published CSV files, TinyDB JSON files with a table per day, or the JSON and CSV
    files of 2017. Samples that a file gives no BMC for go to --bmc, by default the file's name. What the store has
    already is not taken twice, so that an import may be repeated; samples stay in the order of their times. Rows
    without usable time and watts are left out and counted.
    """
    for file in files:
        name = bmc or file.name.partition(".")[0]
        if not re.fullmatch(NAME_PATTERN, name):
            raise CommandError(
                f"{name!r} cannot name a BMC: give --bmc (letters, digits, dots, dashes)", ExitCode.USAGE
            )
    store = TinyDbHistory(jsonfile)
    try:
        for file in files:
            meaning = Meaning(bmc or file.name.partition(".")[0], zone, tables, opening.day(day) if day else None)
            with _progress() as progress:
                task = progress.add_task(f"importing {file.name}", total=file.stat().st_size)
                outcome = import_file(store.db, file, meaning, lambda size: progress.advance(task, size))  # noqa: B023
            known = f", {outcome.known} were there already" if outcome.known else ""
            lack = "without usable time and whole watts left out"
            left_out = f", {outcome.passed_over} {lack}" if outcome.passed_over else ""
            click.echo(f"{file}: {outcome.added} documents imported into {jsonfile}{known}{left_out}")
        with _progress() as progress:
            progress.add_task("compacting", total=None)
            while store.tidy():
                pass
    finally:
        store.close()


def _place(_context: click.Context, _option: click.Parameter, text: str) -> opening.Place:
    """A path or a URL; a settings file stands for the history that its service keeps."""
    if text.endswith(".toml"):
        return settings.load(Path(text))
    return opening.PathOrUrl().convert(text, _option, _context)


_PLACES = "STORE_OR_URL"


@command.command(name="copy")
@click.option("--from", "source", metavar=_PLACES, required=True, callback=_place, help="What to copy. Only read.")
@click.option("--to", "target", metavar=_PLACES, required=True, callback=_place, help="Where to add what it lacks.")
def copy_(*, source: opening.Place, target: opening.Place) -> None:
    """Copy history from one engine to another; what is there already is left alone, so it may be repeated.

    Each end is a store, the URL of a VictoriaMetrics, or a settings file (.toml), which stands for the history of its
    service, with groups, users and passwords, and is the way to a cluster. A VictoriaMetrics holds samples alone:
    events go along between stores and settings files. Of damaged tables it copies what can be read, tells what is
    missing, and ends with exit code 6.
    """
    if source == target:
        raise CommandError("--from and --to are the same history", ExitCode.USAGE)
    with ExitStack() as stack:
        readable = stack.enter_context(opening.history(source, ZoneInfo("UTC"), {}))
        if "" in readable.bmcs():
            raise CommandError(
                f"{source} names no BMCs: bring it into a store with powergraph db import", ExitCode.USAGE
            )
        adding = _target(target, source, stack)
        days = copying.days_of(readable)
        total = new = 0
        with _progress() as progress:
            task = progress.add_task("copying", total=len(days))
            for of_day, missing in copying.copied(readable, adding, days):
                total, new = total + of_day, new + missing
                progress.advance(task)
            events = copying.copy_events(readable, adding)
            progress.update(task, description="making sure")
            adding.finish()
        click.echo(f"{new} samples copied, {total - new} were there already; {events} events copied")
        _tell_of_damage(opening.words(source), readable.damage if isinstance(readable, CheckedHistory) else {})


def _target(place: opening.Place, source: opening.Place, stack: ExitStack) -> copying.Target:
    """Where to copy to; for events of a store that stays the service's own there is nothing to do."""
    if isinstance(place, Path):
        return copying.StoreTarget(stack.enter_context(closing(TinyDbHistory(place))))
    if isinstance(place, str):
        return copying.ServerTarget(stack.enter_context(closing(Server(Access(place, place)))), {}, None)
    if place.history == "tinydb":
        return copying.StoreTarget(stack.enter_context(closing(TinyDbHistory(place.store))))
    server = stack.enter_context(closing(Server(history_opening.access(place))))
    events = None
    if not (isinstance(source, Path) and source.resolve() == place.store.resolve()):
        events = copying.StoreTarget(stack.enter_context(closing(TinyDbHistory(place.store))))
    return copying.ServerTarget(server, history_opening.groups(place), events)


for _each in (rebuild.command, retention.command, simulate.command):
    command.add_command(_each)
