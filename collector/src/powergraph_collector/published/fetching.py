"""A site's files over HTTP: with one kind of error for all that can go wrong, and a bound on all that comes in."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Final

import urllib3
from urllib3.exceptions import HTTPError, MaxRetryError, NameResolutionError

from powergraph_collector.urls import valid_url

CONNECT_S: Final = 5.0
READ_S: Final = 20.0
LONGEST_ANSWER_S: Final = 60.0
MOST_BYTES: Final = 1 << 26  # unpacked; a day of the shortest interval, 0.1 s, is 25 MB
_MOST_REDIRECTS: Final = 3
_CHUNK_BYTES: Final = 1 << 16
_MOST_WORDS: Final = 200


class SiteError(Exception):
    """A file of a site that cannot be had or is not what it should be; the message is one line that names its URL."""


class SiteAwayError(SiteError):
    """The site does not answer, or with an error of its server: trying again may help."""


@dataclass(slots=True)
class SiteClock:
    """How far the site's clock is ahead of this machine's, in ms, as last heard; None before."""

    ahead_ms: int | None = None

    def hear(self, header: str | None, asked_ms: int, answered_ms: int) -> None:
        """Take the `Date` of an answer, which has whole seconds."""
        try:
            said_ms = round(parsedate_to_datetime(header or "").timestamp() * 1000)
        except (ValueError, TypeError, OverflowError, IndexError):
            return
        ahead_ms = said_ms + 500 - (asked_ms + answered_ms) // 2
        uncertain_ms = 500 + (answered_ms - asked_ms) // 2
        self.ahead_ms = ahead_ms if abs(ahead_ms) > uncertain_ms + 500 else 0


class SiteFiles:
    """The files below one site's URL, such as `http://host/powergraph`."""

    def __init__(self, url: str) -> None:
        """Take a URL. Raises ValueError that says what is wrong with it."""
        self.url = valid_url(url).rstrip("/").removesuffix("/index.html")
        self.clock = SiteClock()
        self._pool = urllib3.PoolManager(
            timeout=urllib3.Timeout(connect=CONNECT_S, read=READ_S),
            retries=urllib3.Retry(connect=0, read=0, status=0, other=0, redirect=_MOST_REDIRECTS),
        )
        self._headers = {"User-Agent": "powergraph", "Accept-Encoding": "gzip", "Cache-Control": "no-cache"}

    def get(self, path: str) -> bytes | None:
        """A file's content, None where there is none. Raises SiteError."""
        url = f"{self.url}/{path}"
        asked_ms = _now_ms()
        try:
            response = self._pool.request("GET", url, headers=self._headers, preload_content=False)
        except (HTTPError, OSError, ValueError) as error:
            raise SiteAwayError(f"{url} cannot be reached: {_said(error)}") from None
        try:
            self.clock.hear(response.headers.get("Date"), asked_ms, _now_ms())
            if response.status in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
                return None
            if response.status != HTTPStatus.OK:
                kind = SiteAwayError if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR else SiteError
                raise kind(f"{url} answered with HTTP {response.status}")
            return _body(response, url)
        except (HTTPError, OSError) as error:
            raise SiteAwayError(f"{url} broke off: {_said(error)}") from None
        finally:
            response.close()  # whatever was not read makes the connection useless
            response.release_conn()

    def document(self, path: str) -> dict[str, Any] | None:
        """A JSON file's object, None where there is no file. Raises SiteError."""
        content = self.get(path)
        if content is None:
            return None
        try:
            found = json.loads(content)
        except (ValueError, RecursionError):
            raise SiteError(f"{self.url}/{path} is not JSON") from None
        if not isinstance(found, dict):
            raise SiteError(f"{self.url}/{path} is not a JSON object")
        return found

    def close(self) -> None:
        """Let go of the connections."""
        self._pool.clear()


def _body(response: urllib3.BaseHTTPResponse, url: str) -> bytes:
    until_s = time.monotonic() + LONGEST_ANSWER_S
    body = bytearray()
    for chunk in response.stream(_CHUNK_BYTES, decode_content=True):
        body += chunk
        if len(body) > MOST_BYTES or time.monotonic() > until_s:
            raise SiteError(f"{url} answers without an end")
    return bytes(body)


def _said(error: Exception) -> str:
    """What went wrong, in few words, without what the library adds about itself."""
    if isinstance(error, MaxRetryError) and error.reason is not None:
        error = error.reason
    if isinstance(error, NameResolutionError):
        return "its name cannot be resolved"
    cause = error.__cause__ or error.__context__
    if isinstance(error, urllib3.exceptions.TimeoutError) and not getattr(cause, "strerror", None):
        return "no answer in time"
    text = str(getattr(cause, "strerror", None) or getattr(cause, "reason", None) or error)
    words = " ".join(text.rpartition("object at ")[2].split())
    return "".join(each for each in words if each.isprintable())[:_MOST_WORDS]


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
