"""`graph_csv`: collect and publish; with `--config` for many BMCs, which is the service."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import click

from powergraph_collector import settings
from powergraph_collector.commands import collecting, frame
from powergraph_collector.commands.bmc_options import BmcOptions, bmc_options, bmc_table, settings_for
from powergraph_collector.commands.frame import CommandError, ExitCode
from powergraph_collector.service import Service
from powergraph_collector.stopping import stop_on_signals


@click.command(context_settings={"help_option_names": ["-h", "--help"]}, epilog=frame.EXIT_CODES_HELP)
@frame.version_option
@bmc_options
@click.option("--jsonfile", type=frame.GivenPath(), help="The TinyDB store; last.csv goes beside it.")
@collecting.collecting_options
@click.option("--config", type=frame.GivenPath(), help="Settings of many BMCs (TOML), instead of the above.")
@click.option("--check", is_flag=True, help="With --config: only say whether it is valid.")
@click.pass_context
def command(
    context: click.Context,
    *,
    named: BmcOptions,
    jsonfile: Path | None,
    interval: float,
    nread: int | None,
    csv_interval: float,
    tail_length: int,
    config: Path | None,
    check: bool,
) -> None:
    """Collect from BMCs all the time, and publish CSV files from time to time.

    With --host, --user, a password and --jsonfile: one BMC, last.csv beside the store. With --config: the service.
    It reloads its settings and passwords on SIGHUP, and stops on SIGTERM with everything stored.
    """
    if config is not None:
        if other := frame.typed(context, context.params.keys() - {"config", "check"}):
            raise CommandError(f"{other} does not go with --config: the settings file says it", ExitCode.USAGE)
        _serve(config, check)
        return
    if check:
        raise CommandError("--check goes with --config", ExitCode.USAGE)
    named_table = bmc_table(named, interval)
    if jsonfile is None:
        raise CommandError("--jsonfile is missing: name the store, such as --jsonfile powergraph.db", ExitCode.USAGE)
    collected = settings_for(named_table, store=jsonfile, csv_interval_s=csv_interval, tail_length=tail_length)
    collecting.store(collected, nread, None)


def _serve(config: Path, check: bool) -> None:
    if check:
        click.echo(f"{config}: valid, {len(settings.load(config).bmcs)} BMCs")
        return
    stop, reload_asked = threading.Event(), threading.Event()
    signal.signal(signal.SIGHUP, lambda *_: reload_asked.set())  # before the settings are read: no change is missed
    loaded = settings.load(config)
    service = Service(loaded, reload=lambda: settings.load(config), stop=stop, reload_asked=reload_asked)
    with stop_on_signals(stop):
        in_order = service.run()
    collecting.check_end(service, in_order)
