"""Reading settings: one TOML file and its secrets file, checked by `settings_model` and the models of the sources."""

from __future__ import annotations

import codecs
import os
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from powergraph_collector import settings_faults
from powergraph_collector.settings_faults import Place
from powergraph_collector.settings_model import Bmc, Settings
from powergraph_collector.settings_types import CONTROL_CHARACTERS, DEFAULT_INTERVAL_S, DEFAULT_PROTOCOL, DEFAULT_READER
from powergraph_collector.sources.registry import BMC_MODELS

__all__ = ["Bmc", "Settings", "SettingsError", "load", "validated"]  # what is loaded is imported with `load`

MOST_BYTES: Final = 64 * 1024 * 1024  # of a settings file; 50,000 BMCs are 10 MB
_ALL: Final = "*"  # in a table of secrets: every BMC that is not named
# What a BMC has of the whole, where it says nothing and its protocol has such a setting.
_INHERITED: Final[Mapping[str, Any]] = {"interval_s": DEFAULT_INTERVAL_S, "reader": DEFAULT_READER}
_SECRET_TABLES: Final = sorted({table for model in BMC_MODELS.values() for table in model.secret_tables.values()})


class SettingsError(Exception):
    """A settings or secrets file that cannot be used; the message is one line and says where and what."""


@dataclass(frozen=True, slots=True)
class _Secrets:
    """A secrets file: by table and name of a BMC what is secret of it, and the password of VictoriaMetrics."""

    path: Path
    tables: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    database_password: str | None = None


def load(path: Path) -> Settings:
    """Read the settings file and the secrets file that it names; raise SettingsError with one clear line."""
    table = _toml(path, "name a settings file (TOML) that is there and may be read")
    if isinstance(table.get("victoriametrics"), dict) and "password" in table["victoriametrics"]:
        raise SettingsError(f"{path}: the password of VictoriaMetrics belongs into the secrets file, not here")
    secrets = _secrets_of(path, table.pop("secrets", None))
    if secrets.database_password is not None and isinstance(table.get("victoriametrics"), dict):
        table["victoriametrics"].setdefault("password", secrets.database_password)
    bmcs = table.get("bmc", [])
    if not isinstance(bmcs, list) or not all(isinstance(bmc, dict) for bmc in bmcs):
        raise SettingsError(f"{path}: BMCs are tables that begin with [[bmc]]")
    if not bmcs:
        raise SettingsError(f"{path}: no BMC in it: each is a table that begins with [[bmc]]")
    places: dict[Place, str] = {}
    for index, bmc in enumerate(bmcs):
        places |= _give_secrets(path, index, bmc, secrets)
    return validated(table, str(path), places)


def validated(table: dict[str, Any], where: str, places: Mapping[Place, str] | None = None) -> Settings:
    """Make Settings of plain values; raise SettingsError that names the first wrong one, never a secret.

    `places` says where those values were written that are not in the file that `where` names.
    """
    given = {**table, "bmc": _with_inherited(table)} if isinstance(table.get("bmc"), list) else table
    try:
        return Settings.model_validate(given, context={"bmc_models": BMC_MODELS})
    except ValidationError as error:
        raise SettingsError(f"{where}: {settings_faults.told(error, given, BMC_MODELS, places or {})}") from None


def _with_inherited(table: Mapping[str, Any]) -> list[Any]:
    """The BMCs with what they have of the whole."""
    whole = {name: table.get(name, default) for name, default in _INHERITED.items()}
    return [
        {**{name: value for name, value in whole.items() if name in _fields_of(bmc)}, **bmc}
        if isinstance(bmc, dict)
        else bmc
        for bmc in table["bmc"]
    ]


def _model_of(bmc: Mapping[str, Any]) -> type[Bmc]:
    """The model of a BMC's protocol; that of every BMC, where there is no such protocol."""
    protocol = bmc.get("protocol", DEFAULT_PROTOCOL)
    return BMC_MODELS.get(protocol, Bmc) if isinstance(protocol, str) else Bmc


def _fields_of(bmc: Mapping[str, Any]) -> Mapping[str, object]:
    return _model_of(bmc).model_fields


def _give_secrets(path: Path, index: int, bmc: dict[str, Any], secrets: _Secrets) -> dict[Place, str]:
    """Put into a BMC's table what the secrets file has for it; returns where those values were written."""
    name = bmc.get("name")
    places: dict[Place, str] = {}
    for setting, table in _model_of(bmc).secret_tables.items():
        if setting in bmc:
            which = repr(name) if isinstance(name, str) else f"number {index + 1}"
            raise SettingsError(
                f"{path}: {setting} belongs into the secrets file, table [{table}], not here (BMC {which})"
            )
        values = secrets.tables.get(table, {})
        key = name if isinstance(name, str) and name in values else _ALL
        if key in values:
            bmc[setting] = values[key]
            places["bmc", index, setting] = f"{secrets.path}: {_written(table, key)}"
    return places


def _secrets_of(path: Path, named: object) -> _Secrets:
    """The secrets file that a settings file names, an empty one where it names none."""
    if named is None:
        return _Secrets(path)
    if not isinstance(named, str) or not named or "\0" in named:
        raise SettingsError(f'{path}: secrets: not a path in quotes, such as "secrets.toml"')
    advice = f"{path} names it as its secrets file: make it, with a table [passwords], or correct that line"
    return _read_secrets(path.parent / named, advice)


def _read_secrets(path: Path, advice: str) -> _Secrets:
    """What a secrets file holds; advice is what to do where it is missing."""
    table = _toml(path, advice, is_secret=True)
    for name in _SECRET_TABLES:
        values = table.get(name, {})
        if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
            raise SettingsError(f'{path}: expected a table [{name}] of lines like node01 = "…"')
        for key, value in values.items():
            if CONTROL_CHARACTERS.search(value):
                raise SettingsError(
                    f"{path}: {name}.{key if key.isprintable() else repr(key)}: it has control characters"
                )
    database = table.get("victoriametrics", {})
    password = database.get("password") if isinstance(database, dict) else 0
    if not isinstance(password, str | None):
        raise SettingsError(f'{path}: expected a table [victoriametrics] with a line password = "…"')
    return _Secrets(path, {name: table.get(name, {}) for name in _SECRET_TABLES}, password)


def _written(table: str, key: str) -> str:
    return f"{table}.{key if key.isprintable() else repr(key)}"


def _toml(path: Path, advice: str, *, is_secret: bool = False) -> dict[str, Any]:
    """A file's tables; advice is what to do where it cannot be read. Raises SettingsError."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}; {advice}") from None
    if is_secret and mode & stat.S_IRWXO:
        raise SettingsError(f"{path}: anyone can read the passwords in it; do: chmod o= {path}")
    if len(content) > MOST_BYTES:
        raise SettingsError(f"{path}: larger than any settings file is: name another")
    if content.startswith(codecs.BOM_UTF8):
        raise SettingsError(f"{path}: begins with a byte-order mark: save it as UTF-8 without one")
    try:
        return tomllib.loads(content.decode())
    except RecursionError:
        raise SettingsError(f"{path}: not valid TOML: lists or tables within each other without end") from None
    except ValueError as error:
        raise SettingsError(f"{path}: not valid TOML: {error}") from None
