"""What the settings of a BMC that speaks IPMI may say, and within which limits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator

from powergraph_collector.credentials import Key, Password, UserName, key_bytes
from powergraph_collector.settings_model import Bmc
from powergraph_collector.settings_types import DEFAULT_READER, Host, ReaderName, in_form

DEFAULT_PORT: Final = 623
DEFAULT_TIMEOUT_S: Final = 2.5
SHORTEST_TIMEOUT_S: Final = 0.2
LONGEST_TIMEOUT_S: Final = 60.0
MOST_POWER_SENSORS: Final = 16
LONGEST_SENSOR_NAME: Final = 16  # of a full sensor record (IPMI 2.0, table 43-1)

# What each cipher suite lacks (IPMI 2.0, table 22-20); 3 and 17 lack nothing.
_OPEN: Final = "it has no authentication at all: whoever reaches the BMC may do anything"
_UNPROTECTED: Final = "it neither protects nor encrypts what follows the login"
_PLAIN: Final = "it does not encrypt"
_RC4: Final = "it encrypts by RC4, which is broken"
_MD5: Final = "it authenticates by MD5, which is broken"
_LACKS: Final[Mapping[int, str]] = {
    0: _OPEN,
    **dict.fromkeys((1, 6, 15), _UNPROTECTED),
    **dict.fromkeys((2, 7, 11, 16), _PLAIN),
    **dict.fromkeys((4, 5, 9, 10, 13, 14, 18, 19), _RC4),
    **dict.fromkeys((8, 12), _MD5),
}


def _suite_is_safe(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool) and value in _LACKS:
        raise ValueError(f'cipher suite {value} is refused, since {_LACKS[value]}; there are 3, 17 and "auto"')
    return value


def _names_differ(names: tuple[str, ...]) -> tuple[str, ...]:
    """A sensor that is named twice would count twice."""
    twice = [name for index, name in enumerate(names) if name in names[:index]]
    if twice:
        raise ValueError(f"{twice[0]!r} is named twice, and would count twice")
    return names


Privilege = Literal["auto", "user", "operator", "administrator"]
CipherSuite = Annotated[Literal["auto", 3, 17], BeforeValidator(_suite_is_safe)]
SensorName = Annotated[
    str,
    in_form(r"(?! ).*(?<! )", "the name of a sensor: no blanks at its ends"),
    in_form(
        rf"[\x20-\x7e\xa1-\xac\xae-\xff]{{1,{LONGEST_SENSOR_NAME}}}",
        f"the name of a sensor: 1 to {LONGEST_SENSOR_NAME} printable characters of Latin-1",
    ),
]
PowerSensors = Annotated[tuple[SensorName, ...], Field(max_length=MOST_POWER_SENSORS), AfterValidator(_names_differ)]


class IpmiBmc(Bmc):
    """A BMC that speaks IPMI over LAN."""

    secret_tables: ClassVar[Mapping[str, str]] = {"password": "passwords", "kg": "kg"}

    host: Host
    port: Annotated[int, Field(ge=1, le=65535)] = DEFAULT_PORT
    user: Annotated[UserName, in_form(r"[^\x00-\x1f\x7f]*", "free of control characters")] = ""
    password: Password = SecretStr("")
    kg: Key = SecretStr("")
    reader: ReaderName = DEFAULT_READER
    privilege: Privilege = "auto"
    cipher_suite: CipherSuite = "auto"
    timeout_s: Annotated[float, Field(ge=SHORTEST_TIMEOUT_S, le=LONGEST_TIMEOUT_S)] = DEFAULT_TIMEOUT_S
    power_sensors: PowerSensors = ()

    @model_validator(mode="after")
    def _reader_can_take_the_key(self) -> IpmiBmc:
        if self.reader == "ipmitool" and b"\0" in key_bytes(self.kg.get_secret_value()).rstrip(b"\0"):
            raise ValueError('kg has a zero byte within, which ipmitool cannot be given: reader = "lan" can')
        return self

    @property
    def place(self) -> str:
        """Its address."""
        return f"{self.host} port {self.port}"
