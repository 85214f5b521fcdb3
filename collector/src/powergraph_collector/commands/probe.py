"""`powergraph probe`: what an owner runs first at a BMC, before anybody relies on it."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import click

from powergraph_collector.commands import output, probe_report
from powergraph_collector.commands.bmc_options import (
    BmcOptions,
    bmc_options,
    bmc_table,
    settings_for,
)
from powergraph_collector.commands.frame import (
    EXIT_CODE_OF_REASON,
    EXIT_CODES_HELP,
    CommandError,
    ExitCode,
    GivenPath,
    needed,
    tell,
)
from powergraph_collector.sources import registry
from powergraph_collector.sources.contract import Interrupted, NoReading, Probed
from powergraph_collector.stopping import stop_on_signals

_OF_THE_PLACE = ("name", "host", "port", "user")


@click.command(name="probe", epilog=EXIT_CODES_HELP)
@bmc_options
@click.option("--json", "as_json", is_flag=True, help="Tell it as JSON.")
@click.option(
    "--record",
    type=GivenPath(),
    help="Also write what the BMC said to this file, without names, addresses, serial numbers and secrets: for those "
    "who have no such BMC. It can be replayed as a test; read it before you send it.",
)
def command(*, named: BmcOptions, as_json: bool, record: Path | None) -> ExitCode:
    """Tell whether a BMC gives power, how, and what to write into the inventory.

    Shows DCMI, power limit, chassis, every watt sensor with which are chosen and why, and what login worked. Without
    --user it tells what can be known before a login, which is never enough to end with 0.
    """
    stop = threading.Event()
    try:
        with stop_on_signals(stop):
            if _is_stranger(named):
                found, entry, place = *_knock(named), f"{named.host} port {named.port}"
            else:
                found, entry, place = _probe(named, stop, keeps_record=record is not None)
    except Interrupted:
        return ExitCode.INTERRUPTED
    if as_json:
        click.echo(json.dumps(probe_report.fields(found, entry), indent=2, ensure_ascii=False))
    else:
        click.echo(probe_report.text(found, entry), nl=False)
    if record is not None:
        _write(record, found)
    if isinstance(found.verdict, NoReading):
        code = EXIT_CODE_OF_REASON.get(found.verdict.reason, ExitCode.NO_POWER)
        raise CommandError(f"{place}: {probe_report.verdict_words(found)}. {found.advice}", code)
    return ExitCode.DONE


def _is_stranger(named: BmcOptions) -> bool:
    """Whether nobody is named to log in as; a password without a user is a mistake, which is told."""
    return named.user is None and named.passwd is None and named.passwd_file is None


def _knock(named: BmcOptions) -> tuple[Probed, dict[str, Any]]:
    host = needed(named.host, "--host", "give the BMC's name or address, such as --host 192.0.2.10")
    return registry.SOURCES[named.protocol].knock(host, named.port, named.timeout), {}


def _probe(named: BmcOptions, stop: threading.Event, *, keeps_record: bool) -> tuple[Probed, dict[str, Any], str]:
    table = bmc_table(named)
    bmc = settings_for(table).bmcs[0]
    found = registry.SOURCES[bmc.protocol].probe(bmc, is_stopped=stop.is_set, keeps_record=keeps_record)
    default = type(bmc).model_fields["port"].default
    place = {key: table[key] for key in _OF_THE_PLACE if key != "port" or table[key] != default}
    return found, {**place, **found.entry}, bmc.place


def _write(path: Path, found: Probed) -> None:
    if not found.record:
        tell(f"--record {path}: nothing was said after a login, so that there is nothing to keep")
        return
    with output.opened(path) as file:
        file.write(found.record)
