"""How a host is written in settings and options: a name or an address, as sockets take it, and nothing besides."""

from __future__ import annotations

import re
from ipaddress import IPv6Address
from typing import Final

_NAME_OR_IPV4: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_IPV6: Final = re.compile(r"[0-9A-Fa-f:.]+(%[A-Za-z0-9._-]+)?")
_IN_BRACKETS: Final = re.compile(r"\[(?P<host>[^][]+)\](:(?P<port>[0-9]{1,5}))?")
_WITH_A_PORT: Final = re.compile(r"(?P<host>[^:]+):(?P<port>[0-9]{1,5})")


def valid_host(value: str) -> str:
    """The host itself; raises ValueError for what is none, with the settings that are meant where that is clear."""
    if _is_host(value):
        return value
    parts = _IN_BRACKETS.fullmatch(value) or _WITH_A_PORT.fullmatch(value)
    if parts and _is_host(parts["host"]):
        if parts["port"] is None:
            raise ValueError(f'{value!r} has brackets, which belong to URLs: write host = "{parts["host"]}"')
        if 1 <= int(parts["port"]) <= 65535:
            raise ValueError(f'{value!r} names a port: write host = "{parts["host"]}" and port = {parts["port"]}')
    raise ValueError(f"{value[:80]!r} is not a host name or address")


def _is_host(value: str) -> bool:
    if _NAME_OR_IPV4.fullmatch(value):
        return True
    try:
        return bool(_IPV6.fullmatch(value) and IPv6Address(value))
    except ValueError:
        return False
