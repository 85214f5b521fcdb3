"""`csvcreator`: CSV files from a history, from any TinyDB file with a table per day, or from the files of 2017."""

from __future__ import annotations

from contextlib import suppress
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from powergraph_collector import days
from powergraph_collector.commands import frame, opening
from powergraph_collector.commands.frame import CommandError, ExitCode
from powergraph_collector.publish import csv_files, files
from powergraph_collector.publish.tail import TAIL_FILE
from powergraph_collector.settings_model import Settings


@click.command(context_settings={"help_option_names": ["-h", "--help"]}, epilog=frame.EXIT_CODES_HELP)
@frame.version_option
@opening.place_options
@click.option("--date", "day", help="Only that day, YYYY-MM-DD, in the zone.")
@click.option("--name", help="Name of the CSV file, in this folder; by default the day's or the store's.")
@opening.reading_options
def command(
    *,
    jsonfile: Path | str | None,
    config: Path | None,
    day: str | None,
    name: str | None,
    bmc: str | None,
    zone: ZoneInfo,
    tables: dict[str, date],
) -> None:
    """Write samples as CSV: `timestamp,consumption`, UTC times and watts, in the order in which they were taken.

    Documents of a TinyDB JSON file without usable time and whole watts are left out, and counted on stderr.
    """
    place = opening.place(jsonfile, config)
    wanted = None if day is None else opening.day(day)
    path = _csv_path(name, (wanted.isoformat() if wanted else _stem(place)) or "samples")
    _refuse_what_others_need(path, place, config)
    with opening.history(place, zone, tables, wanted) as history:
        bmc = opening.chosen_bmc(history, bmc)
        span = (days.FIRST_MS, days.LAST_MS) if wanted is None else days.span_of(wanted, zone)
        samples = list(history.read(bmc, *span))
        if not samples:
            present = history.utc_days(bmc)
            known = f"there are days from {present[0]} to {present[-1]}" if present else "the store is empty"
            raise CommandError(
                f"{opening.words(place)} has no samples of {day or 'any day'}: {known}", ExitCode.NOTHING_FOUND
            )
        _write(path, csv_files.table(samples))
    click.echo(f"{path}: {len(samples)} rows")


def _write(path: Path, table: bytes) -> None:
    try:
        files.write(path, table)
    except OSError as error:
        raise CommandError(
            f"{path} cannot be written: {error.strerror}; give another --name, or do it in another folder",
            ExitCode.STORE,
        ) from None


def _stem(place: opening.Place) -> str:
    stem = place.name.partition(".")[0] if isinstance(place, Path) else ""
    return stem if stem.isprintable() else ""


def _csv_path(name: str | None, otherwise: str) -> Path:
    chosen = otherwise if name is None else name
    if "/" in chosen or chosen in {"", ".", ".."} or not chosen.isprintable():
        raise CommandError(f"--name {chosen!r} is not a plain file name: leave out folders", ExitCode.USAGE)
    return Path(chosen if chosen.endswith(".csv") else f"{chosen}.csv")


def _refuse_what_others_need(path: Path, place: opening.Place, config: Path | None) -> None:
    """Raise CommandError for a name that what is read has, or what the collector writes."""
    store = place.store if isinstance(place, Settings) else place
    if any(isinstance(each, Path) and _are_same(path, each) for each in (store, config)):
        raise CommandError(f"{path} is what is read here: give the CSV another --name", ExitCode.USAGE)
    if isinstance(store, Path) and store.is_dir() and Path.cwd() / path == store.parent.resolve() / TAIL_FILE:
        raise CommandError(
            f"{path} is the collector's, which writes it beside its store: give the CSV another --name", ExitCode.USAGE
        )


def _are_same(path: Path, other: Path) -> bool:
    with suppress(OSError):
        return path.samefile(other)
    return False
