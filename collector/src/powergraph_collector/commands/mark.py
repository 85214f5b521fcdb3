"""`powergraph mark`: a text on the charts of machines, put there by anybody of a group on the collector's host."""

from __future__ import annotations

import grp
import time
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import click

from powergraph_collector import inbox, settings
from powergraph_collector.commands import opening
from powergraph_collector.commands.frame import DEFAULT_CONFIG, CommandError, ExitCode, FiniteRange, GivenPath
from powergraph_collector.inbox import DEFAULT_INBOX, Mark, MarkError
from powergraph_collector.settings import Settings, SettingsError

DEFAULT_WAIT_S: Final = 5.0
LOOK_S: Final = 0.2


@click.command(name="mark")
@click.argument("text")
@click.option("--machine", "machines", multiple=True, help="Which machine; may be given several times. By default all.")
@click.option("--from", "begin", help="Since when, such as 2026-11-24T14:00 (in the zone); by default now.")
@click.option("--to", "end", help="Until when, likewise; by default a moment.")
@click.option("--config", type=GivenPath(), help=f"The service's settings; by default {DEFAULT_CONFIG}.")
@click.option("--inbox", "folder", type=GivenPath(), help=f"Its inbox; by default {DEFAULT_INBOX}.")
@click.option(
    "--wait",
    "wait_s",
    type=FiniteRange(0, 3600),
    default=DEFAULT_WAIT_S,
    show_default=True,
    help="Seconds to wait for the service to store it.",
)
@opening.zone_option
def command(
    *,
    text: str,
    machines: tuple[str, ...],
    begin: str | None,
    end: str | None,
    config: Path | None,
    folder: Path | None,
    wait_s: float,
    zone: ZoneInfo,
) -> None:
    """Mark a moment or a span, such as a job, on the charts of machines.

    Needs no right but to be in the group of the inbox (powergraph-mark, where Ansible made it). The settings need not
    be readable.

    \b
    powergraph mark "job 42" --machine node01
    """
    loaded = _settings(config, folder)
    if loaded is not None and folder is None:
        folder = loaded.inbox
        if folder is None:
            raise CommandError("marks are not taken here: the settings name no `inbox`", ExitCode.USAGE)
    now_ms = time.time_ns() // 1_000_000
    from_ms = now_ms if begin is None else opening.moment(begin, zone)
    mark = Mark(text, tuple(dict.fromkeys(machines)), from_ms, from_ms if end is None else opening.moment(end, zone))
    try:
        mark.check(now_ms)
    except MarkError as error:
        raise CommandError(f"the mark cannot be taken: {error}", ExitCode.USAGE) from None
    if loaded is not None:
        _check_machines(machines, loaded)
    path = _put(folder or DEFAULT_INBOX, mark)
    click.echo(_outcome(path, wait_s))


def _settings(config: Path | None, folder: Path | None) -> Settings | None:
    """The settings, where they are named or may be read."""
    if config is not None:
        return settings.load(config)
    if folder is not None:
        return None
    try:
        return settings.load(DEFAULT_CONFIG)
    except SettingsError:
        return None  # they are not for everybody


def _check_machines(machines: tuple[str, ...], loaded: Settings) -> None:
    known = [bmc.name for bmc in loaded.bmcs]
    for name in machines:
        if name not in known:
            raise CommandError(f"no machine {name}: there are {', '.join(known)}", ExitCode.NOTHING_FOUND)


def _put(folder: Path, mark: Mark) -> Path:
    try:
        return inbox.put(folder, mark)
    except FileNotFoundError:
        raise CommandError(f"{folder} is not there: does the service of PowerGraph run here?", ExitCode.STORE) from None
    except PermissionError:
        raise CommandError(f"you may not mark here: {_group_words(folder)}", ExitCode.STORE) from None


def _group_words(folder: Path) -> str:
    try:
        group = grp.getgrgid(folder.stat().st_gid).gr_name
    except (OSError, KeyError):
        return f"{folder} does not admit you"
    return f"be added to the group {group} (usermod -aG {group} YOU, then log in again)"


def _outcome(path: Path, wait_s: float) -> str:
    """What became of a mark, as far as can be told soon. Raises CommandError."""
    until_s = time.monotonic() + wait_s
    while path.exists():
        if time.monotonic() >= until_s:
            return "will be taken when the service runs"
        time.sleep(LOOK_S)
    why = inbox.refusal(path)
    if why is not None:
        said = "".join(each if each.isprintable() else " " for each in why)[:300]
        raise CommandError(f"the service refused the mark: {said}", ExitCode.NOTHING_FOUND)
    return "stored"
