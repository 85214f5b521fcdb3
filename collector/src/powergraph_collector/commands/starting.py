"""How the programs start, before their slow imports: standard streams that are there, and quiet ends by signals."""

from __future__ import annotations

import os
import signal
import sys
from importlib import import_module
from typing import Final, NoReturn

_STREAMS: Final = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))


def powergraph() -> NoReturn:
    """Run as `powergraph`: a word as first argument is a subcommand. Only what is run is loaded."""
    is_word = len(sys.argv) > 1 and not sys.argv[1].startswith("-")
    if is_word:
        _begin("subcommands", "powergraph")
    _begin("one_bmc", "powergraph", collects=True)


def graph_csv() -> NoReturn:
    """Run as `graph_csv`; as the service, it reads its settings later than a first SIGHUP: no reload is missed."""
    if any(argument.partition("=")[0] == "--config" for argument in sys.argv):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    _begin("graph_csv", "graph_csv", collects=True)


def csvcreator() -> NoReturn:
    """Run as `csvcreator`."""
    _begin("csvcreator", "csvcreator")


def _begin(module: str, name: str, *, collects: bool = False) -> NoReturn:
    _open_streams()
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not so in the background of a script
        signal.signal(signal.SIGINT, _end_at_once if collects else signal.SIG_DFL)
    if collects:
        signal.signal(signal.SIGTERM, _end_at_once)
    from powergraph_collector.commands import frame  # noqa: PLC0415 -- with the command, a third of a second

    frame.run(import_module(f"powergraph_collector.commands.{module}").command, name)


def _end_at_once(_number: int, _frame: object) -> NoReturn:
    """Who collects until told otherwise was told so; nothing has begun that would have to be ended."""
    os._exit(0)


def _open_streams() -> None:
    """Let streams that were closed (`>&-`) go nowhere, before a file that is opened takes the number of one."""
    for number, (name, mode) in enumerate(_STREAMS):
        if getattr(sys, name) is None:
            os.dup2(os.open(os.devnull, os.O_RDWR), number)
            os.set_inheritable(number, True)
            setattr(sys, name, os.fdopen(number, mode, closefd=False))
