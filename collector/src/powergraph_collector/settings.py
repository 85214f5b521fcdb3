"""The collector's settings: one TOML file, one secrets file, validated; the one place of defaults."""

from __future__ import annotations

import os
import re
import stat
import tomllib
from difflib import get_close_matches
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from powergraph_collector.credentials import Password, UserName, password_fits
from powergraph_collector.retention import FOR_EVER
from powergraph_collector.tariff import WEEKDAYS, Rate, Tariff, Weekday
from powergraph_collector.urls import valid_url

LONGEST_NAME = 63
NAME_PATTERN = rf"^[A-Za-z0-9][A-Za-z0-9._-]{{0,{LONGEST_NAME - 1}}}$"
HOST_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9.:%_-]*$|^::[0-9A-Fa-f:.]*$"
FILE_ENDINGS = (".json", ".csv", ".gz", ".br", ".new")  # of the published files, beside which a BMC has its folder
DEFAULT_PORT = 623
DEFAULT_INTERVAL_S = 10.0
DEFAULT_CSV_INTERVAL_S = 300.0
LONGEST_CSV_INTERVAL_S = 86_400
LONGEST_TAIL = 100_000
DEFAULT_TAIL_LENGTH = 300
DEFAULT_KEEP_PUBLISHED_DAYS = 400  # so that a year ago can be compared; about 110 MB of a BMC at 10 s
DEFAULT_KEEP_SAMPLE_DAYS = FOR_EVER
FEWEST_SAMPLE_DAYS = 7  # by then the rollups are safe, and somebody has looked
SHORTEST_INTERVAL_S = 0.1
LONGEST_INTERVAL_S = 3600.0
MOST_RATES = 20
MOST_BYTES = 64 * 1024 * 1024  # of a settings file; 50,000 BMCs are 10 MB
DEFAULT_SPOOL_MB = 1000.0  # ten hours of 1,000 BMCs at 10 s


def _in_form(pattern: str, form: str) -> AfterValidator:
    """A check against a pattern whose complaint a person understands."""

    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(f"{value[:80]!r} is not {form}")
        return value

    return AfterValidator(check)


def _is_path(value: Any) -> Any:
    """The empty path would be the folder that one happens to be in."""
    if isinstance(value, str) and (not value or "\0" in value):
        raise ValueError("empty, or not a path")
    return value


Name = Annotated[str, _in_form(NAME_PATTERN, f"a name: letters and digits, then also . _ -, at most {LONGEST_NAME}")]
Host = Annotated[str, Field(max_length=253), _in_form(HOST_PATTERN, "a host name or address")]
Interval = Annotated[float, Field(ge=SHORTEST_INTERVAL_S, le=LONGEST_INTERVAL_S)]
KeepDays = Annotated[int, Field(ge=FOR_EVER, le=36_500)]
Printable = Annotated[str, Field(max_length=200), _in_form(r"[^\x00-\x1f\x7f]*", "free of control characters")]
Privilege = Literal["auto", "user", "operator", "administrator"]
CipherSuite = Literal["auto", 3, 17]
ReaderName = Literal["pyghmi", "ipmitool"]
HistoryName = Literal["tinydb", "victoriametrics"]
Price = Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)]
DayTime = Annotated[str, _in_form(r"([01][0-9]|2[0-3]):[0-5][05]", "a time such as 22:00: a multiple of five minutes")]
GivenPath = Annotated[Path, BeforeValidator(_is_path)]
ServerUrl = Annotated[str, Field(max_length=2000), AfterValidator(valid_url)]


class SettingsError(Exception):
    """A settings or secrets file that cannot be used; the message is one line and says where and what."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Bmc(_Strict):
    """One BMC to poll."""

    name: Name
    host: Host
    port: Annotated[int, Field(ge=1, le=65535)] = DEFAULT_PORT
    user: Annotated[UserName, _in_form(r"[^\x00-\x1f\x7f]*", "free of control characters")] = ""
    password: Password = SecretStr("")
    title: Printable = ""
    group: Printable = ""
    rack: Printable = ""
    interval_s: Interval = DEFAULT_INTERVAL_S
    privilege: Privilege = "auto"
    cipher_suite: CipherSuite = "auto"
    simulated: bool = False

    @field_validator("name")
    @classmethod
    def _name_is_no_files(cls, value: str) -> str:
        if value.lower().endswith(FILE_ENDINGS):
            raise ValueError(f"a BMC's name must not end like a file ({', '.join(FILE_ENDINGS)})")
        return value


class Metrics(_Strict):
    """Where Prometheus is answered: an IP address and a port, `127.0.0.1:10623` or `[2001:db8::1]:10623`."""

    listen: Annotated[str, Field(max_length=60)]

    @field_validator("listen")
    @classmethod
    def _listen_is_an_address_and_a_port(cls, value: str) -> str:
        found = re.fullmatch(r"(\[(?P<v6>[^][]+)\]|(?P<v4>[0-9.]+)):(?P<port>[0-9]{1,5})", value)
        try:
            if found and 1 <= int(found["port"]) <= 65535:
                _ = IPv6Address(found["v6"]) if found["v6"] else IPv4Address(found["v4"])
                return value
        except ValueError:
            pass
        raise ValueError(f"{value!r} is not an IP address and a port, such as 127.0.0.1:10623 or [::1]:10623")

    @property
    def address(self) -> str:
        """The IP address."""
        return self.listen.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """The TCP port."""
        return int(self.listen.rpartition(":")[2])


class VictoriaMetrics(_Strict):
    """The server that keeps the samples: a single one by `url`, a cluster by `insert_url` and `select_url`."""

    url: ServerUrl | None = None
    insert_url: ServerUrl | None = None
    select_url: ServerUrl | None = None
    user: Annotated[str, Field(max_length=255), _in_form(r"[^\x00-\x1f\x7f:]*", "a user name: no colon in it")] = ""
    password: SecretStr = SecretStr("")
    ca: GivenPath | None = None
    spool_mb: Annotated[float, Field(ge=1, le=1_000_000)] = DEFAULT_SPOOL_MB

    @model_validator(mode="after")
    def _urls_go_together(self) -> VictoriaMetrics:
        if (self.url is None) != (self.insert_url is not None and self.select_url is not None) or (
            self.url is not None and (self.insert_url is not None or self.select_url is not None)
        ):
            raise ValueError("give either url, or for a cluster both insert_url and select_url")
        return self

    @property
    def urls(self) -> tuple[str, str]:
        """Where to write, and where to read."""
        return self.insert_url or self.url or "", self.select_url or self.url or ""


class TariffRate(_Strict):
    """A price that holds at certain times; see tariff.Rate, which it is in text."""

    name: Annotated[Printable, Field(min_length=1)]
    days: Annotated[tuple[Weekday, ...], Field(min_length=1)] = WEEKDAYS
    begin: Annotated[DayTime, Field(alias="from")]
    end: Annotated[DayTime, Field(alias="to")]
    per_kwh: Price

    @field_validator("days")
    @classmethod
    def _days_are_in_order(cls, value: tuple[Weekday, ...]) -> tuple[Weekday, ...]:
        return tuple(day for day in WEEKDAYS if day in value)

    def rate(self) -> Rate:
        """The rate as figures need it."""
        begin, end = (int(time[:2]) * 60 + int(time[3:]) for time in (self.begin, self.end))
        return Rate(self.name, frozenset(map(WEEKDAYS.index, self.days)), begin, end, self.per_kwh)


class TariffTable(_Strict):
    """What energy costs: a base rate, and rates that hold instead at their times."""

    model_config = ConfigDict(populate_by_name=True)

    currency: Annotated[str, _in_form(r"[A-Z]{3}", "an ISO 4217 code such as EUR")] | None = None
    per_kwh: Price
    rates: Annotated[tuple[TariffRate, ...], Field(alias="rate", max_length=MOST_RATES)] = ()

    def tariff(self, zone: str) -> Tariff:
        """The tariff as figures need it; its times are local ones of a zone of the tz database."""
        return Tariff(ZoneInfo(zone), self.per_kwh, tuple(rate.rate() for rate in self.rates), self.currency)


class Settings(_Strict):
    """What the service does: whom it polls, where it keeps and publishes."""

    name: Name = "powergraph"
    zone: str = "UTC"
    reader: ReaderName = "pyghmi"
    interval_s: Interval = DEFAULT_INTERVAL_S
    csv_interval_s: Annotated[float, Field(gt=0, le=LONGEST_CSV_INTERVAL_S)] = DEFAULT_CSV_INTERVAL_S
    tail_length: Annotated[int, Field(ge=1, le=LONGEST_TAIL)] = DEFAULT_TAIL_LENGTH
    keep_published_days: KeepDays = DEFAULT_KEEP_PUBLISHED_DAYS
    keep_sample_days: KeepDays = DEFAULT_KEEP_SAMPLE_DAYS
    history: HistoryName = "tinydb"
    victoriametrics: VictoriaMetrics | None = None
    store: GivenPath = Path("powergraph.db")
    sync_interval_s: Annotated[float, Field(ge=0, le=3600)] = 0  # 0: at every tick
    publish: GivenPath | None = None
    runtime: GivenPath | None = None
    inbox: GivenPath | None = None
    metrics: Metrics | None = None
    tariff: TariffTable | None = None
    co2_g_per_kwh: Price | None = None
    bmcs: Annotated[tuple[Bmc, ...], Field(alias="bmc", min_length=1)]

    @property
    def database(self) -> VictoriaMetrics | None:
        """The server without its password, which may change while the service runs."""
        return self.victoriametrics and self.victoriametrics.model_copy(update={"password": SecretStr("")})

    @field_validator("zone")
    @classmethod
    def _zone_is_known(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            raise ValueError("not a zone of the tz database, such as Europe/Berlin or UTC") from None
        return value

    @model_validator(mode="after")
    def _rollups_outlive_samples(self) -> Settings:
        if self.keep_sample_days != FOR_EVER and self.publish is None:
            raise ValueError("keep_sample_days needs publish: without rollups nothing would be left of the samples")
        if FOR_EVER < self.keep_sample_days < FEWEST_SAMPLE_DAYS:
            raise ValueError(f"keep_sample_days is at least {FEWEST_SAMPLE_DAYS}, or {FOR_EVER} for ever")
        if self.keep_sample_days != FOR_EVER and self.history != "tinydb":
            raise ValueError("keep_sample_days is of the embedded store: VictoriaMetrics has -retentionPeriod")
        return self

    @model_validator(mode="after")
    def _history_is_somewhere(self) -> Settings:
        if self.history == "victoriametrics" and self.victoriametrics is None:
            raise ValueError("history is victoriametrics, but there is no table [victoriametrics] with its url")
        return self

    @model_validator(mode="after")
    def _addresses_are_unique(self) -> Settings:
        seen: dict[tuple[str, int], str] = {}
        for bmc in self.bmcs:
            other = seen.setdefault((bmc.host.lower(), bmc.port), bmc.name)
            if other != bmc.name:
                raise ValueError(f"{other} and {bmc.name} are the same BMC: both at {bmc.host} port {bmc.port}")
        return self

    @model_validator(mode="after")
    def _names_are_unique(self) -> Settings:
        seen: set[str] = set()
        for bmc in self.bmcs:
            folded = bmc.name.lower()
            if folded in seen:
                raise ValueError(f"two BMCs are called {bmc.name} (upper and lower case count as equal)")
            seen.add(folded)
        return self


_MODELS: Final[dict[tuple[str, ...], type[_Strict]]] = {
    (): Settings,
    ("bmc",): Bmc,
    ("metrics",): Metrics,
    ("victoriametrics",): VictoriaMetrics,
    ("tariff",): TariffTable,
    ("tariff", "rate"): TariffRate,
}
# By pydantic's type of error, what is wrong; in braces, what pydantic says more of it, and the `heading` of a table.
_WORDS: Final = {
    "missing": "missing",
    "string_type": "not text in quotes",
    "path_type": "not a path in quotes",
    "int_type": "not a whole number",
    "int_parsing": "not a whole number",
    "int_parsing_size": "not a whole number of usual size",
    "int_from_float": "not a whole number",
    "float_type": "not a number",
    "float_parsing": "not a number",
    "finite_number": "not a finite number",
    "bool_type": "neither true nor false",
    "bool_parsing": "neither true nor false",
    "tuple_type": "not a list",
    "model_type": "not a table, which begins with {heading}",
    "literal_error": "must be {expected}",
    "greater_than_equal": "must be at least {ge:.15g}",
    "greater_than": "must be more than {gt:.15g}",
    "less_than_equal": "must be at most {le:.15g}",
    "string_too_long": "must have at most {max_length} characters",
    "too_short": "must not be empty",
    "too_long": "must have at most {max_length} entries",
    "value_error": "{error}",
}


def load(path: Path) -> Settings:
    """Read the settings file and the secrets file that it names; raise SettingsError with one clear line."""
    table = _toml(path, "name a settings file (TOML) that is there and may be read")
    if isinstance(table.get("victoriametrics"), dict) and "password" in table["victoriametrics"]:
        raise SettingsError(f"{path}: the password of VictoriaMetrics belongs into the secrets file, not here")
    secrets = table.pop("secrets", None)
    passwords: dict[str, str] = {}
    if secrets is not None:
        if not isinstance(secrets, str) or not secrets or "\0" in secrets:
            raise SettingsError(f'{path}: secrets: not a path in quotes, such as "secrets.toml"')
        advice = f"{path} names it as its secrets file: make it, with a table [passwords], or correct that line"
        passwords, database_password = _passwords(path.parent / secrets, advice)
        if database_password is not None and isinstance(table.get("victoriametrics"), dict):
            table["victoriametrics"].setdefault("password", database_password)
    bmcs = table.get("bmc", [])
    if not isinstance(bmcs, list) or not all(isinstance(bmc, dict) for bmc in bmcs):
        raise SettingsError(f"{path}: BMCs are tables that begin with [[bmc]]")
    if not bmcs:
        raise SettingsError(f"{path}: no BMC in it: each is a table that begins with [[bmc]]")
    interval_s = table.get("interval_s", DEFAULT_INTERVAL_S)
    for index, bmc in enumerate(bmcs):
        name = bmc.get("name")
        if "password" in bmc:
            which = repr(name) if isinstance(name, str) else f"number {index + 1}"
            raise SettingsError(f"{path}: passwords belong into the secrets file, not here (BMC {which})")
        bmc.setdefault("interval_s", interval_s)
        bmc["password"] = passwords.get(name if isinstance(name, str) else "*", passwords.get("*", ""))
    return validated(table, str(path))


def validated(table: dict[str, Any], where: str) -> Settings:
    """Make Settings of plain values; raise SettingsError that names the first wrong one, never a secret."""
    try:
        return Settings.model_validate(table)
    except ValidationError as error:
        raise SettingsError(f"{where}: {_first_fault(error)}") from None


def _first_fault(error: ValidationError) -> str:
    faults = error.errors(include_input=False, include_url=False)
    # A name that is mistyped is the reason for another that is missing.
    fault = min(faults, key=lambda each: each["type"] != "extra_forbidden")
    parts = [part if isinstance(part, int) or part.isprintable() else repr(part) for part in fault["loc"]]
    place = re.sub(r"\.(\d+)", lambda found: f"[{int(found[1])}]", ".".join(map(str, parts)))
    if fault["type"] == "extra_forbidden":
        words = _unknown(fault["loc"])
    else:
        heading = f"[[{place.rpartition('[')[0]}]]" if place.endswith("]") else f"[{place}]"
        words = _WORDS.get(fault["type"], fault["msg"]).format_map({"heading": heading, **fault.get("ctx", {})})
    return f"{place}: {words}" if place else words


def _unknown(place: tuple[int | str, ...]) -> str:
    """What to say of a name that no setting has."""
    tables = tuple(part for part in place[:-1] if isinstance(part, str))
    known = [field.alias or name for name, field in _MODELS[tables].model_fields.items()]
    known += [] if tables else ["secrets"]
    near = get_close_matches(str(place[-1]), known, 1)
    rest = f", perhaps {near[0]} is meant" if near else f"; there are {', '.join(known)}"
    return f"no such setting{rest}"


def _passwords(path: Path, advice: str) -> tuple[dict[str, str], str | None]:
    """The passwords of BMCs by name, and that of VictoriaMetrics; advice is what to do where the file is missing."""
    table = _toml(path, advice, is_secret=True)
    passwords = table.get("passwords", {})
    if not isinstance(passwords, dict) or not all(isinstance(value, str) for value in passwords.values()):
        raise SettingsError(f'{path}: expected a table [passwords] of lines like node01 = "…"')
    for name, value in passwords.items():
        try:
            password_fits(SecretStr(value))
        except ValueError as error:
            raise SettingsError(f"{path}: passwords.{name if name.isprintable() else repr(name)}: {error}") from None
    database = table.get("victoriametrics", {})
    password = database.get("password") if isinstance(database, dict) else 0
    if not isinstance(password, str | None):
        raise SettingsError(f'{path}: expected a table [victoriametrics] with a line password = "…"')
    return passwords, password


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
    try:
        return tomllib.loads(content.decode())
    except RecursionError:
        raise SettingsError(f"{path}: not valid TOML: lists or tables within each other without end") from None
    except ValueError as error:
        raise SettingsError(f"{path}: not valid TOML: {error}") from None
