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
from powergraph_collector.commands.frame import CommandError, ExitCode

DEFAULT_CONFIG: Final = Path("/etc/powergraph/powergraph.toml")
_STALE_S: Final = 60.0


@click.command(name="status")
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    default=DEFAULT_CONFIG,
    show_default=True,
    help="The service's settings.",
)
def command(config: Path) -> int:
    """Show watts, age and state of every BMC; exit code 3 if one is silent, 1 if the service stands still."""
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
    _show(now["bmcs"])
    if age_s > _STALE_S:
        raise CommandError(f"the service stands still: {path} is {age_s:.0f} s old", ExitCode.FAILED)
    return ExitCode.DONE if all(bmc["state"] == "fresh" for bmc in now["bmcs"].values()) else ExitCode.UNREACHABLE


def _show(bmcs: dict[str, dict[str, Any]]) -> None:
    rows = [
        (
            name,
            "-" if bmc["power_w"] is None else f"{bmc['power_w']} W",
            "-" if bmc["age_s"] is None else f"{bmc['age_s']:.0f} s ago",
            bmc["state"] + (f": {bmc['detail'] or bmc['reason']}" if bmc["reason"] else ""),
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
