"""What every command shares: one line for what went wrong, an exit code for scripts, options that mean the same."""

from __future__ import annotations

import errno
import logging
import math
import os
import signal
import stat
import sys
from collections.abc import Callable, Collection
from enum import IntEnum
from pathlib import Path
from typing import Any, NoReturn, TextIO, TypeVar

import click

from powergraph_collector import __version__
from powergraph_collector.history.storage import StoreError
from powergraph_collector.model import Reason
from powergraph_collector.settings import SettingsError
from powergraph_collector.sources.contract import ToolMissing

F = TypeVar("F", bound=Callable[..., Any])


class FiniteRange(click.FloatRange):
    """A range of numbers that nan is not in."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Refuse what compares with nothing."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return number


class GivenPath(click.Path[Path]):
    """A path, but not the empty one, which would be the folder that one happens to be in."""

    def __init__(self, *, exists: bool = False, file_okay: bool = True, dir_okay: bool = True) -> None:
        super().__init__(exists=exists, file_okay=file_okay, dir_okay=dir_okay, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Refuse what names nothing."""
        if value == "":
            self.fail("is empty: name a file or folder.", param, ctx)
        return super().convert(value, param, ctx)


PORT = click.IntRange(1, 65535)
DEFAULT_CONFIG = Path("/etc/powergraph/powergraph.toml")


class ExitCode(IntEnum):
    """What a script learns; the help of every command lists them."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    UNREACHABLE = 3
    LOGIN = 4
    NO_POWER = 5
    STORE = 6
    NOTHING_FOUND = 7
    INTERRUPTED = 130


EXIT_CODES_HELP = """\b
Exit codes: 0 done (also after SIGTERM and Ctrl-C, where it collects),
1 unexpected failure, 2 wrong options or settings, 3 BMC not reached, 4 login
refused or no session free, 5 BMC gives no power, 6 store or file cannot be
used, 7 nothing found, 130 Ctrl-C before it was done."""

EXIT_CODE_OF_REASON = {
    Reason.TIMEOUT: ExitCode.UNREACHABLE,
    Reason.UNREACHABLE: ExitCode.UNREACHABLE,
    Reason.PORT_CLOSED: ExitCode.UNREACHABLE,
    Reason.UNRESOLVABLE: ExitCode.UNREACHABLE,
    Reason.NO_SESSION_SLOT: ExitCode.LOGIN,
    Reason.LOGIN_REFUSED: ExitCode.LOGIN,
}


class CommandError(Exception):
    """Ends a command with one line on stderr and an exit code."""

    def __init__(self, message: str, code: ExitCode) -> None:
        super().__init__(message)
        self.code = code


def run(command: click.Command, name: str, arguments: list[str] | None = None) -> NoReturn:
    """Run a click command as the program `name`, and exit."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)  # what is open can be closed from here on
    logging.basicConfig(level=logging.INFO, format="%(levelname)s: %(message)s", stream=sys.stderr)
    try:
        outcome = command.main(arguments, prog_name=name, standalone_mode=False)
        code = int(outcome) if isinstance(outcome, int) else ExitCode.DONE
    except click.ClickException as error:
        code = _complain(name, f"{error.format_message()} See {name} --help.", ExitCode.USAGE)
    except SettingsError as error:
        code = _complain(name, str(error), ExitCode.USAGE)
    except CommandError as error:
        code = _complain(name, str(error), error.code)
    except StoreError as error:
        code = _complain(name, str(error), ExitCode.STORE)
    except ToolMissing as error:
        code = _complain(name, str(error), ExitCode.USAGE)
    except (click.Abort, KeyboardInterrupt):
        code = ExitCode.INTERRUPTED
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        code = _complain(name, f"{where}{error.strerror or error}", ExitCode.STORE)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # all is done and said: one that comes now changes no exit code
    sys.exit(code)


def has_left(error: OSError) -> bool:
    """Whether output failed since its reader is gone: the end of a pipe, or a terminal that was closed."""
    is_terminal = stat.S_ISCHR(os.fstat(sys.__stdout__.fileno()).st_mode) if sys.__stdout__ else False
    return error.errno == errno.EPIPE or (error.errno == errno.EIO and is_terminal)


def nobody_reads(stream: TextIO) -> None:
    """Let the rest of an output go nowhere: whoever read it has seen enough."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _complain(name: str, message: str, code: ExitCode) -> ExitCode:
    tell(f"{name}: {' '.join(message.split())}")
    return code


def tell(line: str) -> None:
    """A line on stderr, if somebody is there to read it: what tells of trouble must not be trouble."""
    try:
        click.echo(line, err=True)
    except OSError:
        nobody_reads(sys.stderr)  # what waits in its buffer would be tried again at the exit, and change the exit code


def version_option(command: F) -> F:
    """`--version`: that of the program."""
    return click.version_option(__version__, message="%(prog)s %(version)s")(command)


def config_option(command: F) -> F:
    """The option that names the service's settings."""
    return click.option(
        "--config",
        type=GivenPath(),
        default=DEFAULT_CONFIG,
        show_default=True,
        help="The service's settings.",
    )(command)


def typed(context: click.Context, names: Collection[str]) -> str | None:
    """The first of a command's parameters that was given on the command line, as it is written there; None if none."""
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if parameter.name in names and source is click.core.ParameterSource.COMMANDLINE:
            return parameter.opts[0]
    return None


def needed(value: str | None, option: str, advice: str) -> str:
    """The value of an option that must be there. Raises CommandError."""
    if not value:
        raise CommandError(f"{option} is missing: {advice}", ExitCode.USAGE)
    return value
