"""The options that name one BMC and who to be there, and the settings that they come to.

`OPTIONS` says which option stands for which setting, so that a fault of a setting is told as that of an option.
"""

from __future__ import annotations

import codecs
import functools
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, TypeVar, cast, get_args

import click

from powergraph_collector import settings
from powergraph_collector.commands.frame import (
    PORT,
    CommandError,
    ExitCode,
    FiniteRange,
    GivenPath,
    needed,
    tell,
)
from powergraph_collector.settings_model import Settings
from powergraph_collector.settings_types import (
    CONTROL_CHARACTERS,
    DEFAULT_INTERVAL_S,
    DEFAULT_PROTOCOL,
    DEFAULT_READER,
    FILE_ENDINGS,
    LONGEST_NAME,
)
from powergraph_collector.sources.ipmi.settings import (
    DEFAULT_PORT,
    DEFAULT_TIMEOUT_S,
    LONGEST_TIMEOUT_S,
    SHORTEST_TIMEOUT_S,
    Privilege,
)
from powergraph_collector.sources.registry import READERS, SOURCES

PASSWORD_VARIABLE: Final = "POWERGRAPH_PASSWD"  # noqa: S105
KEY_VARIABLE: Final = "POWERGRAPH_KG"
_MOST_SECRET_BYTES: Final = 1000  # of a line in a file; what a protocol carries is less

# Which option says what a setting of a BMC says.
OPTIONS: Final[Mapping[str, str]] = {
    "protocol": "--protocol",
    "host": "--host",
    "port": "--port",
    "user": "--user",
    "password": "--passwd",
    "kg": "--kg-file",
    "reader": "--reader",
    "privilege": "--privilege",
    "cipher_suite": "--cipher-suite",
    "timeout_s": "--timeout",
    "power_sensors": "--power-sensor",
    "interval_s": "--interval",
}

_OF_THE_WHOLE: Final = ("reader", "interval_s")

C = TypeVar("C", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class BmcOptions:
    """One BMC as it was named on the command line; each field is the parameter of an option."""

    protocol: str
    host: str | None
    port: int
    user: str | None
    passwd: str | None
    passwd_file: Path | None
    kg_file: Path | None
    reader: str
    privilege: str
    cipher_suite: str
    timeout: float
    power_sensor: tuple[str, ...]


def bmc_options(command: C) -> C:
    """The options that name one BMC and who to be there, which the command gets as one parameter, `named`."""

    @functools.wraps(command)
    def gathering(*arguments: Any, **options: Any) -> Any:
        named = BmcOptions(**{each.name: options.pop(each.name) for each in fields(BmcOptions)})
        return command(*arguments, named=named, **options)

    for option in reversed((*_ADDRESS, *_WHO_TO_BE, *_HOW_TO_ASK)):
        gathering = option(gathering)
    return cast(C, gathering)


_ADDRESS: Final = (
    click.option("--host", help="Name or address of the BMC."),
    click.option("--port", type=PORT, default=DEFAULT_PORT, show_default=True, help="Its UDP port."),
    click.option(
        "--protocol",
        type=click.Choice([*SOURCES]),
        default=DEFAULT_PROTOCOL,
        show_default=True,
        help="What it speaks.",
    ),
)
_WHO_TO_BE: Final = (
    click.option("--user", help="User of the BMC; USER privilege is enough on most."),
    click.option(
        "--passwd",
        help="Its password. Everyone on this machine can read it in the process list: --passwd-file, or the "
        f"variable {PASSWORD_VARIABLE}, is better.",
    ),
    click.option("--passwd-file", type=GivenPath(), help="File whose first line is the password."),
    click.option(
        "--kg-file",
        type=GivenPath(),
        help="File whose first line is the BMC's group key (Kg), where it has one: text, or 0x and hexadecimal digits. "
        f"The variable {KEY_VARIABLE} does as well.",
    ),
    click.option(
        "--privilege",
        type=click.Choice(get_args(Privilege)),
        default="auto",
        show_default=True,
        help="What to log in with; auto tries the lowest first.",
    ),
    click.option(
        "--cipher-suite",
        metavar="[auto|3|17]",
        default="auto",
        show_default=True,
        help="How to authenticate and encrypt; auto is 17, then 3.",
    ),
)
_HOW_TO_ASK: Final = (
    click.option(
        "--reader",
        type=click.Choice([*READERS]),
        default=DEFAULT_READER,
        show_default=True,
        help="How to ask: one session kept open, or an ipmitool process each time.",
    ),
    click.option(
        "--timeout",
        type=FiniteRange(SHORTEST_TIMEOUT_S, LONGEST_TIMEOUT_S),
        default=DEFAULT_TIMEOUT_S,
        show_default=True,
        help="Seconds that the BMC may take for an answer.",
    ),
    click.option(
        "--power-sensor",
        multiple=True,
        metavar="NAME",
        help="A watt sensor to read in place of DCMI, by its name; where there are more, their sum is the power.",
    ),
)


def bmc_table(named: BmcOptions, interval_s: float = DEFAULT_INTERVAL_S) -> dict[str, Any]:
    """The table of a BMC as a settings file would have it; raises CommandError for what lacks."""
    host = needed(named.host, "--host", "give the BMC's name or address, such as --host 192.0.2.10")
    return {
        "name": name_of(host, named.port),
        "protocol": named.protocol,
        "host": host,
        "port": named.port,
        "user": needed(named.user, "--user", "give the BMC's user, such as --user powergraph"),
        "password": _password_of(named),
        "kg": _key_of(named),
        "reader": named.reader,
        "privilege": named.privilege,
        "cipher_suite": int(named.cipher_suite) if named.cipher_suite.isdecimal() else named.cipher_suite,
        "timeout_s": named.timeout,
        "power_sensors": named.power_sensor,
        "interval_s": interval_s,
    }


def settings_for(bmc: dict[str, Any], **others: object) -> Settings:
    """Settings for the one BMC of a `bmc_table`; raises CommandError that speaks of options."""
    try:
        return settings.validated({**{name: bmc[name] for name in _OF_THE_WHOLE}, **others, "bmc": [bmc]}, "options")
    except settings.SettingsError as error:
        raise CommandError(_of_options(str(error), str(bmc["name"])), ExitCode.USAGE) from None


def _of_options(fault: str, name: str) -> str:
    """A fault of settings, told of the options that were given."""
    fault = fault.removeprefix("options: ").removesuffix(f" (BMC {name!r})")
    place = re.match(r"bmc\[0\]\.(\w+)(\[\d+\])?: ", fault)
    if place and place[1] in OPTIONS:
        fault = f"{OPTIONS[place[1]]}: {fault[place.end() :]}"
    fault = re.sub(
        rf'\b({"|".join(OPTIONS)}) = ("?)([^"\s]*)\2', lambda found: f"{OPTIONS[found[1]]} {found[3]}", fault
    )
    return fault.removeprefix("bmc[0]: ")


def name_of(host: str, port: int) -> str:
    """What a BMC is called that has no name: its host as a settings file would take it, and the port where unusual."""
    name = re.sub(r"[^A-Za-z0-9._-]", "-", host).strip("-._") or "bmc"
    is_usual = port == DEFAULT_PORT and not name.lower().endswith(FILE_ENDINGS)
    ending = "" if is_usual else f"-{port}"
    if len(name + ending) > LONGEST_NAME:
        ending = f"-{sha256(host.encode()).hexdigest()[:8]}{ending}"  # hosts that begin alike are not the same
    return name[: LONGEST_NAME - len(ending)] + ending


def _password_of(named: BmcOptions) -> str:
    """The password from where the user keeps it. Raises CommandError."""
    if named.passwd is not None and named.passwd_file is not None:
        raise CommandError("--passwd and --passwd-file exclude each other: give one", ExitCode.USAGE)
    if named.passwd is not None:
        return _text(named.passwd, "--passwd")
    if named.passwd_file is not None:
        return _first_line(named.passwd_file, "--passwd-file", "password")
    if PASSWORD_VARIABLE in os.environ:
        return _text(os.environ[PASSWORD_VARIABLE], PASSWORD_VARIABLE)
    raise CommandError(f"no password: give --passwd-file FILE, or set {PASSWORD_VARIABLE}", ExitCode.USAGE)


def _key_of(named: BmcOptions) -> str:
    """The group key from where the user keeps it, empty where there is none. Raises CommandError."""
    if named.kg_file is not None:
        return _first_line(named.kg_file, "--kg-file", "group key")
    return _text(os.environ.get(KEY_VARIABLE, ""), KEY_VARIABLE)


def _first_line(path: Path, option: str, what: str) -> str:
    """A secret of a file. Raises CommandError; what is likely a mistake, and yet possible, is told."""
    where = f"{option} {path}"
    try:
        with path.open("rb") as file:
            line = file.readline(_MOST_SECRET_BYTES + 1)
        secret = line.removesuffix(b"\n").removesuffix(b"\r")
        if len(secret) > _MOST_SECRET_BYTES:
            raise CommandError(f"{where}: its first line is longer than any {what}", ExitCode.USAGE)
        if secret.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise CommandError(f"{where} begins with a byte-order mark: save it as UTF-8 without one", ExitCode.USAGE)
        text = _text(secret.decode(), where)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not text"
        raise CommandError(f"{where} cannot be read: {reason}", ExitCode.USAGE) from None
    if text != text.strip():
        tell(f"{where}: the {what} begins or ends with blanks, which are taken as part of it")
    return text


def _text(secret: str, where: str) -> str:
    try:
        secret.encode()
    except UnicodeEncodeError:
        raise CommandError(f"{where}: not valid UTF-8", ExitCode.USAGE) from None
    if CONTROL_CHARACTERS.search(secret):
        raise CommandError(f"{where}: it has control characters", ExitCode.USAGE)
    return secret
