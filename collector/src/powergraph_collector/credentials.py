"""What IPMI lets names, passwords and keys be, for settings and simulators alike (IPMI 2.0, 22.28, 22.30 and 22.25)."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import AfterValidator, SecretStr

MOST_USER_BYTES: Final = 16
MOST_PASSWORD_BYTES: Final = 20
MOST_KEY_BYTES: Final = 20


def _user_fits(value: str) -> str:
    if len(value.encode()) > MOST_USER_BYTES:
        raise ValueError(f"an IPMI user name has at most {MOST_USER_BYTES} bytes")
    return value


def password_fits(value: SecretStr) -> SecretStr:
    """The password itself; raises ValueError for one that IPMI cannot carry, which is not shown."""
    if len(value.get_secret_value().encode()) > MOST_PASSWORD_BYTES:
        raise ValueError(f"an IPMI password has at most {MOST_PASSWORD_BYTES} bytes")
    return value


def key_bytes(text: str) -> bytes:
    """A group key (Kg) as the BMC has it, of text or of `0x` and hexadecimal digits. Raises ValueError, without it."""
    if not text.lower().startswith("0x"):
        return text.encode()
    if not re.fullmatch(r"(?:[0-9A-Fa-f]{2})+", text[2:]):
        raise ValueError("a key that begins with 0x is pairs of hexadecimal digits")
    return bytes.fromhex(text[2:])


def key_fits(value: SecretStr) -> SecretStr:
    """The group key itself; raises ValueError for one that IPMI cannot carry, which is not shown."""
    if len(key_bytes(value.get_secret_value())) > MOST_KEY_BYTES:
        raise ValueError(f"an IPMI group key (Kg) has at most {MOST_KEY_BYTES} bytes")
    return value


UserName = Annotated[str, AfterValidator(_user_fits)]
Password = Annotated[SecretStr, AfterValidator(password_fits)]
Key = Annotated[SecretStr, AfterValidator(key_fits)]
