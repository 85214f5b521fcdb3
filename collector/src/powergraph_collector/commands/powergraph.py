"""`powergraph`: read one BMC and print or keep what it draws; with a word first, one of the subcommands."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import NoReturn

from powergraph_collector.commands import frame


def main() -> NoReturn:
    """Run as `powergraph`: a word as first argument is a subcommand. Only what is run is loaded."""
    is_word = len(sys.argv) > 1 and not sys.argv[1].startswith("-")
    module = import_module(f"powergraph_collector.commands.{'subcommands' if is_word else 'one_bmc'}")
    frame.run(module.command, "powergraph")
