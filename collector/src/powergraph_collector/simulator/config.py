"""The simulator's TOML file, validated: which BMCs, what they draw, how they misbehave."""

from __future__ import annotations

import stat
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator

from powergraph_collector.credentials import Password, UserName
from powergraph_collector.simulator.power import (
    HIGHEST_W,
    Constant,
    Office,
    PowerSource,
    TraceByReading,
    TraceByTime,
    read_trace,
)
from powergraph_collector.simulator.quirks import Quirk

Fault = Literal[
    "none",
    "silent",
    "no-dcmi",
    "dcmi-ignored",
    "busy-first",
    "empty-first",
    "inactive-zero",
    "inactive-value",
    "zero",
    "max",
    "reboot",
    "no-slots",
    "slow",
]
Privilege = Literal["user", "operator", "administrator"]
PRIVILEGES: dict[Privilege, int] = {"user": 2, "operator": 3, "administrator": 4}


def _checked_group_key(key: SecretStr) -> SecretStr:
    if not 1 <= len(_group_key(key)) <= 20:
        raise ValueError("a group key has 1 to 20 bytes")
    return key


def _group_key(key: SecretStr) -> bytes:
    text = key.get_secret_value()
    if not text.startswith("0x"):
        return text.encode()
    try:
        return bytes.fromhex(text[2:])
    except ValueError:
        raise ValueError("no hexadecimal digits after 0x") from None


GroupKey = Annotated[SecretStr, AfterValidator(_checked_group_key)]
Seconds = Annotated[float, Field(ge=0, le=86_400)]
Watts = Annotated[int, Field(ge=0, le=HIGHEST_W)]
Byte = Annotated[int, Field(ge=0, le=0xFF)]
_BMC = 0x20  # its address, which is its id as an owner of sensors


class ConfigError(Exception):
    """A config that cannot be used; the message is one line and says where and what, never a password."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ConstantPower(_Strict):
    """Always the same watts."""

    kind: Literal["constant"]
    watts: Watts

    def source(self) -> PowerSource:
        """Return what draws these watts."""
        return Constant(self.watts)


class OfficePower(_Strict):
    """A server that people use, between idle and peak."""

    kind: Literal["office"]
    seed: Annotated[int, Field(ge=0, le=2**63)] = 1
    idle_w: Watts
    peak_w: Watts

    @model_validator(mode="after")
    def _peak_is_above(self) -> OfficePower:
        if self.peak_w < self.idle_w:
            raise ValueError("peak_w is below idle_w")
        return self

    def source(self) -> PowerSource:
        """Return what draws these watts."""
        return Office(self.seed, self.idle_w, self.peak_w)


class TracePower(_Strict):
    """A recorded CSV trace; a path is relative to the config file."""

    kind: Literal["trace"]
    file: Path
    step: Literal["reading", "time"] = "time"
    speed: Annotated[float, Field(gt=0, le=1e6)] = 1.0
    loop: bool = False

    def source(self) -> PowerSource:
        """Return what replays the trace from its first row; raise TraceError."""
        times_s, rows = read_trace(self.file)
        if self.step == "reading":
            return TraceByReading(rows, self.loop)
        return TraceByTime(times_s, rows, self.speed, self.loop)


class Sensor(_Strict):
    """A watt sensor of the SDR repository: fixed `watts`, or a `share` of what the machine draws.

    Its reading is one byte: watts are (`step_w` times the byte + `b` times 10 to the `b_exp`) times 10 to the `r_exp`.
    What is below `step_w` is for sensors as awkward as those of real BMCs.
    """

    name: Annotated[str, Field(min_length=1, max_length=16, pattern=r"^[\x20-\x7e]+$")]
    entity: Byte = 0x07
    instance: Annotated[int, Field(ge=0, le=0x7F)] = 1
    watts: Annotated[int, Field(ge=-HIGHEST_W, le=HIGHEST_W)] | None = None
    share: Annotated[float, Field(ge=0, le=1)] = 1.0
    step_w: Annotated[int, Field(ge=1, le=511)] = 4
    b: Annotated[int, Field(ge=-512, le=511)] = 0
    b_exp: Annotated[int, Field(ge=-8, le=7)] = 0
    r_exp: Annotated[int, Field(ge=-8, le=7)] = 0
    format: Literal["unsigned", "ones", "twos", "none"] = "unsigned"
    state: Byte = 0xC0
    code: Byte = 0
    number: Annotated[int, Field(ge=1, le=0xFE)] | None = None
    owner: Byte = _BMC
    lun: Annotated[int, Field(ge=0, le=3)] = 0
    unit: Byte = 6
    modifier: Annotated[int, Field(ge=0, le=0x3F)] = 0
    linearization: Annotated[int, Field(ge=0, le=0x7F)] = 0
    record: Literal["full", "compact"] = "full"
    record_excess: Annotated[int, Field(ge=-40, le=40)] = 0
    coding: Literal["ascii", "packed", "bcd"] = "ascii"

    @model_validator(mode="after")
    def _name_fits_its_coding(self) -> Sensor:
        if self.coding == "bcd" and set(self.name) - set("0123456789 -.:,_"):
            raise ValueError("a name in bcd has digits, blanks and -.:,_ alone")
        return self

    @property
    def is_own(self) -> bool:
        """Whether the BMC answers for it; others only have a record in its repository."""
        return self.owner == _BMC


class SdrQuirks(_Strict):
    """How a BMC is awkward about its records: each is off by default.

    `device`: they are the device's, and the repository is empty. `loops`: the last one names the first as the next.
    """

    device: bool = False
    silent_device: bool = False
    loops: bool = False
    largest_chunk: Annotated[int, Field(ge=1, le=0xFF)] = 0xFF
    lost_reservations: Annotated[int, Field(ge=0)] = 0


class BmcConfig(_Strict):
    """One simulated BMC on its own UDP address; port 0 takes a free one."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]
    host: Annotated[str, Field(min_length=1, max_length=253)] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 623
    user: UserName
    password: Password
    power: Annotated[ConstantPower | OfficePower | TracePower, Field(discriminator="kind")]
    limit_w: Watts | None = None
    fault: Fault = "none"
    delay_s: Annotated[float, Field(gt=0, le=60)] = 1.5
    latency_s: Annotated[float, Field(ge=0, le=60)] = 0.0
    cipher_suites: Annotated[tuple[Literal[3, 17], ...], Field(min_length=1)] = (3, 17)
    privilege_limit: Privilege = "administrator"
    required_privilege: Privilege = "user"
    slots: Annotated[int, Field(ge=1, le=255)] = 4
    sdr: Annotated[tuple[Sensor, ...], Field(max_length=254)] = ()
    sdr_quirks: SdrQuirks = SdrQuirks()
    quirks: tuple[Quirk, ...] = ()
    loss: Annotated[float, Field(ge=0, le=1)] = 0.0
    kg: GroupKey | None = None
    user_refused_status: Annotated[int, Field(ge=1, le=0xFF)] = 0x09
    busy_code: Annotated[int, Field(ge=1, le=0xFF)] = 0xC0
    booting_s: Seconds = 0.0
    booting_answers: Annotated[int, Field(ge=0)] = 3
    idle_s: Annotated[float, Field(gt=0, le=86_400)] = 60.0
    every: Annotated[int, Field(ge=1)] = 10
    dcmi_code: Annotated[int, Field(ge=1, le=0xFF)] | None = None
    dcmi_code_within_s: Seconds = 0.0

    @property
    def group_key(self) -> bytes | None:
        """The key Kg of the BMC, None without one."""
        return None if self.kg is None else _group_key(self.kg)


class Config(_Strict):
    """All BMCs of one process; `served_log` gets a line `bmc,at_ms,watts` for each reading that was sent.

    With `slot_s`, all that came in so many seconds is answered in one go.
    """

    served_log: Path | None = None
    slot_s: Annotated[float, Field(ge=0, le=1)] = 0.0
    bmcs: Annotated[tuple[BmcConfig, ...], Field(alias="bmc", min_length=1)]

    @model_validator(mode="after")
    def _all_differ(self) -> Config:
        names = [bmc.name for bmc in self.bmcs]
        if len(set(names)) < len(names):
            raise ValueError(f"two BMCs are called {_first_twice(names)}")
        places = [f"{bmc.host}:{bmc.port}" for bmc in self.bmcs if bmc.port]
        if len(set(places)) < len(places):
            raise ValueError(f"two BMCs listen on {_first_twice(places)}")
        return self


def load(path: Path) -> Config:
    """Read the config file; raise ConfigError."""
    try:
        with path.open("rb") as file:
            if stat.S_IMODE(path.stat().st_mode) & stat.S_IRWXO:
                raise ConfigError(f"{path}: anyone can read the passwords in it; do: chmod o= {path}")
            table = tomllib.load(file)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from None
    _paths_from(path.parent, table)
    return validated(table, str(path))


def validated(table: dict[str, Any], where: str) -> Config:
    """Make a Config of plain values; raise ConfigError that names the first wrong one."""
    try:
        return Config.model_validate(table)
    except ValidationError as error:
        fault = error.errors(include_input=False, include_url=False)[0]
        place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in fault["loc"]).lstrip(".")
        raise ConfigError(f"{where}: {place}{': ' if place else ''}{fault['msg']}") from None


def _paths_from(folder: Path, table: dict[str, Any]) -> None:
    if isinstance(table.get("served_log"), str):
        table["served_log"] = folder / table["served_log"]
    bmcs = table.get("bmc")
    for bmc in bmcs if isinstance(bmcs, list) else []:
        power = bmc.get("power") if isinstance(bmc, dict) else None
        if isinstance(power, dict) and isinstance(power.get("file"), str):
            power["file"] = folder / power["file"]


def _first_twice(values: list[str]) -> str:
    return next(value for position, value in enumerate(values) if value in values[:position])
