"""The words that `powergraph` takes as its first argument."""

from __future__ import annotations

import click

from powergraph_collector.commands import (
    db,
    energy,
    frame,
    mark,
    probe,
    rebuild,
    retention,
    run,
    simulate,
    status,
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]}, epilog=frame.EXIT_CODES_HELP)
def group() -> None:
    """What servers draw: look, ask, compute. Without a word, powergraph reads a BMC: see powergraph --help."""


for _command in (status.command, probe.command, energy.command, run.command, mark.command, db.group):
    group.add_command(_command)
for _command in (rebuild.command, retention.command, simulate.command):
    db.group.add_command(_command)
