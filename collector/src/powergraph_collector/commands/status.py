"""`powergraph status`: what the service published last, for people and, by its exit code, for scripts."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from powergraph_collector import settings
from powergraph_collector.commands import frame
from powergraph_collector.commands.frame import CommandError, ExitCode
from powergraph_collector.doubts import words_of_names
from powergraph_collector.service import STORAGE_FILE

_STALE_S: Final = 60.0
_STORAGE_WORDS: Final = {"refused": "samples cannot be stored", "stalled": "the disk does not answer"}


@click.command(name="status")
@frame.config_option
def command(config: Path) -> int:
    """Show watts, age and state of every BMC.

    Exit code 1 if the service stands still, 6 if samples cannot be stored or published, 3 if a BMC is silent.
    """
    loaded = settings.load(config)
    if loaded.publish is None:
        raise CommandError(f"{config}: nothing is published (no `publish`), so there is no status", ExitCode.USAGE)
    path = loaded.publish / loaded.name / "now.json"
    try:
        now = json.loads(path.read_bytes())
        age_s = time.time() - path.stat().st_mtime
    except FileNotFoundError:
        raise CommandError(f"{path} is not there: has the service been started?", ExitCode.NOTHING_FOUND) from None
    except ValueError:
        raise CommandError(f"{path} is not valid JSON", ExitCode.STORE) from None
    alive = _told_by_the_living(loaded.runtime)
    _show(now["bmcs"])
    storage = alive or now.get("storage", {})
    if storage.get("state") in _STORAGE_WORDS and (alive or age_s <= _STALE_S):
        raise CommandError(_storage_words(storage), ExitCode.STORE)
    if age_s > _STALE_S and alive:
        raise CommandError(f"collecting goes on, but {path} cannot be written: see the service's log", ExitCode.STORE)
    if age_s > _STALE_S:
        raise CommandError(f"the service stands still: {path} is {age_s:.0f} s old", ExitCode.FAILED)
    if storage.get("dropped"):
        click.echo(f"{storage['dropped']} samples were lost since the service began: too many waited", err=True)
    return ExitCode.DONE if all(bmc["state"] == "fresh" for bmc in now["bmcs"].values()) else ExitCode.UNREACHABLE


def _told_by_the_living(runtime: Path | None) -> dict[str, Any]:
    """What a running service says of its storage once a second, in memory; empty if there is none."""
    try:
        if runtime is None or time.time() - (runtime / STORAGE_FILE).stat().st_mtime > _STALE_S:
            return {}
        told = json.loads((runtime / STORAGE_FILE).read_bytes())
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def _storage_words(storage: dict[str, Any]) -> str:
    what = _STORAGE_WORDS[storage["state"]]
    lost = f", {storage['dropped']} were dropped" if storage.get("dropped") else ""
    return (
        f"{what} since {storage.get('since')} ({storage.get('detail')}): collecting goes on, "
        f"{storage.get('unwritten')} samples wait in memory{lost}; make room or mend the disk"
    )


def _state_words(bmc: dict[str, Any]) -> str:
    """A BMC's state, why it is silent, and what to doubt of a reading that holds."""
    if bmc["reason"]:
        return f"{bmc['state']}: {bmc['detail'] or bmc['reason']}"
    doubts = words_of_names(bmc.get("flags", ()))
    return f"{bmc['state']}, in doubt: {doubts}" if doubts else str(bmc["state"])


def _show(bmcs: dict[str, dict[str, Any]]) -> None:
    rows = [
        (
            name,
            "-" if bmc["power_w"] is None else f"{bmc['power_w']} W",
            "-" if bmc["age_s"] is None else f"{bmc['age_s']:.0f} s ago",
            _state_words(bmc),
        )
        for name, bmc in sorted(bmcs.items())
    ]
    if not sys.stdout.isatty():
        for row in rows:
            click.echo("\t".join(row))
        return
    table = Table("BMC", "power", "taken", "state")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))  # text of a BMC is no markup
    Console().print(table)
