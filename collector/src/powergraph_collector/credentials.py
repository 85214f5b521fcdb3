"""What IPMI lets a user's name and password be, for settings and simulators alike (IPMI 2.0, 22.28 and 22.30)."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import AfterValidator, SecretStr

MOST_USER_BYTES: Final = 16
MOST_PASSWORD_BYTES: Final = 20


def _user_fits(value: str) -> str:
    if len(value.encode()) > MOST_USER_BYTES:
        raise ValueError(f"an IPMI user name has at most {MOST_USER_BYTES} bytes")
    return value


def password_fits(value: SecretStr) -> SecretStr:
    """The password itself; raises ValueError for one that IPMI cannot carry, which is not shown."""
    if len(value.get_secret_value().encode()) > MOST_PASSWORD_BYTES:
        raise ValueError(f"an IPMI password has at most {MOST_PASSWORD_BYTES} bytes")
    return value


UserName = Annotated[str, AfterValidator(_user_fits)]
Password = Annotated[SecretStr, AfterValidator(password_fits)]
