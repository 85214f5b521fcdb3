"""What settings are made of: the base of their models, types with complaints that a person understands, limits."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from powergraph_collector.hosts import valid_host
from powergraph_collector.retention import FOR_EVER
from powergraph_collector.urls import valid_url

LONGEST_NAME = 63
NAME_PATTERN = rf"^[A-Za-z0-9][A-Za-z0-9._-]{{0,{LONGEST_NAME - 1}}}$"
FILE_ENDINGS = (".json", ".csv", ".gz", ".br", ".new")  # of the published files, beside which a BMC has its folder
DEFAULT_INTERVAL_S = 10.0
DEFAULT_PROTOCOL = "ipmi"
DEFAULT_READER: Literal["lan"] = "lan"
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
CONTROL_CHARACTERS: Final = re.compile(r"[\x00-\x1f\x7f\ufeff]")  # and the byte-order mark: in no secret
DEFAULT_SPOOL_MB = 1000.0  # ten hours of 1,000 BMCs at 10 s


def in_form(pattern: str, form: str) -> AfterValidator:
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


def _is_no_former_reader(value: Any) -> Any:
    """The reader over LAN was called by the library that it used."""
    if value == "pyghmi":
        raise ValueError('"pyghmi" is called "lan" now: write reader = "lan"')
    return value


Name = Annotated[str, in_form(NAME_PATTERN, f"a name: letters and digits, then also . _ -, at most {LONGEST_NAME}")]
Host = Annotated[str, Field(max_length=253), AfterValidator(valid_host)]
Interval = Annotated[float, Field(ge=SHORTEST_INTERVAL_S, le=LONGEST_INTERVAL_S)]
KeepDays = Annotated[int, Field(ge=FOR_EVER, le=36_500)]
Printable = Annotated[str, Field(max_length=200), in_form(r"[^\x00-\x1f\x7f]*", "free of control characters")]
ReaderName = Annotated[Literal["lan", "ipmitool"], BeforeValidator(_is_no_former_reader)]
HistoryName = Literal["tinydb", "victoriametrics"]
Price = Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)]
DayTime = Annotated[str, in_form(r"([01][0-9]|2[0-3]):[0-5][05]", "a time such as 22:00: a multiple of five minutes")]
GivenPath = Annotated[Path, BeforeValidator(_is_path)]
ServerUrl = Annotated[str, Field(max_length=2000), AfterValidator(valid_url)]


class SettingsError(Exception):
    """A settings or secrets file that cannot be used; the message is one line and says where and what."""


class Strict(BaseModel):
    """A table of a settings file: fixed once it is read, and without names that nobody knows."""

    model_config = ConfigDict(frozen=True, extra="forbid")
