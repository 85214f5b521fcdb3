"""The collector's settings, checked; what a BMC's source wants of it besides is the source's own model.

What only uses settings imports this module, and learns nothing of sources by it; `settings` reads the files.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Annotated, Any, ClassVar
from zoneinfo import ZoneInfo

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    SerializeAsAny,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from powergraph_collector.retention import FOR_EVER
from powergraph_collector.settings_types import (
    DEFAULT_CSV_INTERVAL_S,
    DEFAULT_INTERVAL_S,
    DEFAULT_KEEP_PUBLISHED_DAYS,
    DEFAULT_KEEP_SAMPLE_DAYS,
    DEFAULT_PROTOCOL,
    DEFAULT_READER,
    DEFAULT_SPOOL_MB,
    DEFAULT_TAIL_LENGTH,
    FEWEST_SAMPLE_DAYS,
    FILE_ENDINGS,
    LONGEST_CSV_INTERVAL_S,
    LONGEST_TAIL,
    MOST_RATES,
    DayTime,
    GivenPath,
    HistoryName,
    Interval,
    KeepDays,
    Name,
    Price,
    Printable,
    ReaderName,
    ServerUrl,
    Strict,
    in_form,
)
from powergraph_collector.tariff import WEEKDAYS, Rate, Tariff, Weekday


class Bmc(Strict):
    """One BMC to poll: what is asked of every one. Its protocol's model adds how to reach it and who to be there.

    `secret_tables` names, by field, the table of the secrets file that a secret comes from.
    """

    secret_tables: ClassVar[Mapping[str, str]] = {}

    name: Name
    protocol: str = DEFAULT_PROTOCOL
    title: Printable = ""
    group: Printable = ""
    rack: Printable = ""
    interval_s: Interval = DEFAULT_INTERVAL_S
    simulated: bool = False

    @property
    def place(self) -> str:
        """Where it is, for people; two BMCs are never at one place."""
        return self.name

    @field_validator("name")
    @classmethod
    def _name_is_no_files(cls, value: str) -> str:
        if value.lower().endswith(FILE_ENDINGS):
            raise ValueError(f"a BMC's name must not end like a file ({', '.join(FILE_ENDINGS)})")
        return value


BmcModels = Mapping[str, type[Bmc]]  # by protocol


def _by_its_protocol(value: Any, info: ValidationInfo) -> Any:
    """A BMC as the model of its protocol has it, of the models that the context of the validation names."""
    if not isinstance(value, dict):
        return value
    models: BmcModels = (info.context or {}).get("bmc_models", {})
    protocol = value.get("protocol", DEFAULT_PROTOCOL)
    if not isinstance(protocol, str) or protocol not in models:
        expected = " or ".join(map(repr, models))
        fault = {"type": "literal_error", "loc": ("protocol",), "input": protocol, "ctx": {"expected": expected}}
        raise ValidationError.from_exception_data("Bmc", [fault])  # type: ignore[list-item]
    return models[protocol].model_validate(value)


AnyBmc = Annotated[SerializeAsAny[Bmc], BeforeValidator(_by_its_protocol)]


class Metrics(Strict):
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


class VictoriaMetrics(Strict):
    """The server that keeps the samples: a single one by `url`, a cluster by `insert_url` and `select_url`."""

    url: ServerUrl | None = None
    insert_url: ServerUrl | None = None
    select_url: ServerUrl | None = None
    user: Annotated[str, Field(max_length=255), in_form(r"[^\x00-\x1f\x7f:]*", "a user name: no colon in it")] = ""
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


class TariffRate(Strict):
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


class TariffTable(Strict):
    """What energy costs: a base rate, and rates that hold instead at their times."""

    model_config = ConfigDict(populate_by_name=True)

    currency: Annotated[str, in_form(r"[A-Z]{3}", "an ISO 4217 code such as EUR")] | None = None
    per_kwh: Price
    rates: Annotated[tuple[TariffRate, ...], Field(alias="rate", max_length=MOST_RATES)] = ()

    def tariff(self, zone: str) -> Tariff:
        """The tariff as figures need it; its times are local ones of a zone of the tz database."""
        return Tariff(ZoneInfo(zone), self.per_kwh, tuple(rate.rate() for rate in self.rates), self.currency)


class Settings(Strict):
    """What the service does: whom it polls, where it keeps and publishes."""

    name: Name = "powergraph"
    zone: str = "UTC"
    reader: ReaderName = DEFAULT_READER
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
    bmcs: Annotated[tuple[AnyBmc, ...], Field(alias="bmc", min_length=1)]

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
    def _places_are_unique(self) -> Settings:
        seen: dict[str, str] = {}
        for bmc in self.bmcs:
            other = seen.setdefault(bmc.place.lower(), bmc.name)
            if other != bmc.name:
                raise ValueError(f"{other} and {bmc.name} are the same BMC: both at {bmc.place}")
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
