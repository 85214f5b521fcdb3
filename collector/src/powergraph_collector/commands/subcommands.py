"""The words that `powergraph` takes as its first argument; what a word needs is loaded when it is said."""

from __future__ import annotations

from importlib import import_module
from typing import Final

import click

from powergraph_collector.commands import frame

# All but `db` are commands, and modules of this package.
_WORDS: Final = ("status", "probe", "energy", "run", "mark", "db")


class _Words(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order in which one meets them."""
        return list(_WORDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load it; None where there is no such word."""
        if cmd_name not in _WORDS:
            return None
        found: click.Command = import_module(f"powergraph_collector.commands.{cmd_name}").command
        return found


@click.group(cls=_Words, context_settings={"help_option_names": ["-h", "--help"]}, epilog=frame.EXIT_CODES_HELP)
def command() -> None:
    """What servers draw: look, ask, compute. Without a word, powergraph reads a BMC: see powergraph --help."""
