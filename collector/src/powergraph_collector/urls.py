"""URLs of servers, as settings and options give them."""

from __future__ import annotations

from urllib.parse import urlsplit

SCHEMES = ("http://", "https://")


def valid_url(text: str) -> str:
    """An http or https URL with a host, without user, query and fragment. Raises ValueError that says what is wrong."""
    parts = urlsplit(text)
    if not text.startswith(SCHEMES) or not parts.hostname:
        raise ValueError(f"{text!r} is not a URL such as http://127.0.0.1:8428")
    if parts.username is not None or parts.password is not None:
        raise ValueError("users and passwords do not belong into a URL: the settings have places for them")
    if parts.query or parts.fragment or not text.isprintable() or " " in text or "\\" in text:
        raise ValueError(f"{text!r} has more than a URL such as http://127.0.0.1:8428 may have")
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0:
        raise ValueError(f"{text!r} has a port that is none")
    return text
