"""`powergraph` without a word: read one BMC, and print or keep what it draws."""

from __future__ import annotations

from pathlib import Path

import click

from powergraph_collector.commands import collecting, frame
from powergraph_collector.commands.bmc_options import BmcOptions, bmc_options, bmc_table, settings_for
from powergraph_collector.commands.feedback import Feedback
from powergraph_collector.commands.frame import CommandError, ExitCode

_EPILOG = f"""{frame.EXIT_CODES_HELP}

\b
Subcommands (powergraph WORD --help tells more):
  status   what the service sees now
  probe    whether a BMC gives power, how, and what the inventory should say
  energy   energy and cost of a BMC over a span, from a store or a site
  run      run a command and tell what it cost, from any machine
  mark     mark a moment or a span of machines, on the collector's host
  db       check, export, import, copy stores; rebuild and expire published files"""

_OF_THE_STORE = {"feedback", "jsonfile", "csv_interval", "tail_length"}


@click.command(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=_EPILOG,
)
@frame.version_option
@bmc_options
@click.option("--store", is_flag=True, help="Keep the samples in TinyDB, and write CSV files, instead of printing.")
@click.option("--feedback", is_flag=True, help="With --store: show each measure's status.")
@collecting.collecting_options
@click.option(
    "--jsonfile",
    type=frame.GivenPath(),
    default=Path("powergraph.db"),
    show_default=True,
    help="With --store: the TinyDB store; last.csv goes beside it.",
)
@click.pass_context
def command(
    context: click.Context,
    *,
    named: BmcOptions,
    store: bool,
    feedback: bool,
    interval: float,
    nread: int | None,
    csv_interval: float,
    tail_length: int,
    jsonfile: Path,
) -> None:
    """Read what a server draws from its BMC, over IPMI (DCMI power reading, else its watt sensors).

    Prints CSV rows, `timestamp,consumption`, or keeps every sample with --store. A sample counts as stored when it
    would survive a power cut. The required options are --host, --user and a password.
    """
    if not store and (other := frame.typed(context, _OF_THE_STORE)):
        raise CommandError(f"{other} goes with --store: without it, readings are only printed", ExitCode.USAGE)
    collected = settings_for(
        bmc_table(named, interval), store=jsonfile, csv_interval_s=csv_interval, tail_length=tail_length
    )
    if store:
        collecting.store(collected, nread, Feedback() if feedback else None)
    else:
        collecting.print_readings(collected, nread)
