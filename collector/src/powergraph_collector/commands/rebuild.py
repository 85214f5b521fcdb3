"""`powergraph db rebuild`: the published files anew from the store."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress

from powergraph_collector import settings
from powergraph_collector.commands import frame
from powergraph_collector.commands.frame import CommandError, ExitCode
from powergraph_collector.history import opening as history_opening
from powergraph_collector.publish import ownership
from powergraph_collector.publish.agreement import FILE as AGREEMENT
from powergraph_collector.publish.publisher import Publisher
from powergraph_collector.settings_model import Settings


@click.command(name="rebuild")
@frame.config_option
@click.option("--bmc", help="Only this BMC; by default all of the settings.")
def command(config: Path, bmc: str | None) -> None:
    """Write the published days and rollups anew from the store, with the service stopped.

    Files that are right stay untouched. Days and rollup rows whose samples are gone from the store stay too.
    """
    loaded = settings.load(config)
    if loaded.publish is None:
        raise CommandError(
            f"{config}: nothing is published (no `publish`), so there is nothing to write", ExitCode.USAGE
        )
    known = [each.name for each in loaded.bmcs]
    if bmc is not None and bmc not in known:
        raise CommandError(f"no BMC {bmc} in {config}: it has {', '.join(known)}", ExitCode.NOTHING_FOUND)
    root = loaded.publish / loaded.name
    try:
        lock_fd = ownership.take(root)
    except BlockingIOError:
        raise CommandError(
            f"the service writes {root}: stop it first; or let it do the work, with: "
            f"rm {root}/*/{AGREEMENT}, and a reload of the service",
            ExitCode.STORE,
        ) from None
    try:
        _rebuild(loaded, loaded.publish, [bmc] if bmc else known)
    finally:
        os.close(lock_fd)


def _rebuild(loaded: Settings, publish: Path, names: list[str]) -> None:
    with (
        history_opening.reading(loaded) as history,
        Progress(console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True) as progress,
    ):
        task = progress.add_task("rebuilding", total=sum(len(history.utc_days(name)) for name in names))
        publisher = Publisher(loaded, history, publish, _complain, lambda: time.time_ns() // 1_000_000)
        rebuilt = publisher.rebuild(names, lambda days: progress.advance(task, days))
    click.echo(f"{len(names)} BMCs, {rebuilt.days} days: {rebuilt.files} files written, the others were right")
    if rebuilt.kept_rows:
        click.echo(f"{rebuilt.kept_rows} five-minute rows stay whose samples are gone from the store")


def _complain(message: str) -> None:
    raise CommandError(message, ExitCode.STORE)
