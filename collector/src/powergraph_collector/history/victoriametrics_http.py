"""VictoriaMetrics over HTTP: lines in by `/api/v1/import`, series out by `/api/v1/export`; nothing of samples."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

import urllib3
from urllib3.exceptions import HTTPError, NameResolutionError, NewConnectionError, SSLError

from .engine import HistoryAwayError
from .storage import StoreError
from .victoriametrics_series import ROWS_A_LINE, NotOursError, PartialError, Series, series_of

THREADS: Final = 4  # that may ask at once: recording, forwarding, publishing, and the one that begins
CONNECT_S: Final = 3.0
READ_S: Final = 20.0
LONGEST_ANSWER_S: Final = 120.0
MOST_ANSWER_BYTES: Final = 1 << 30
MOST_LINE_BYTES: Final = 1 << 26
LATEST_MS: Final = ((1 << 32) - 1) * 1000  # in 2106; newer servers take larger seconds for milliseconds
_CHUNK_BYTES: Final = 1 << 16
_MOST_COMPLAINT: Final = 200  # characters of what a server says against a request
_MOST_COMPLAINT_BYTES: Final = 4096  # that are looked at
_CHECK_URL: Final = "check the URL: of a cluster it ends in /insert/0/prometheus or /select/0/prometheus"
_CHECK_LOGIN: Final = "check user and password of VictoriaMetrics in the settings"


@dataclass(frozen=True, slots=True)
class Access:
    """Where the server is, and who to be there. Of a cluster, both URLs differ."""

    insert_url: str
    select_url: str
    user: str = ""
    password: str = field(default="", repr=False)
    ca: Path | None = None


class NotReachedError(HistoryAwayError):
    """There was no connection: the server has seen nothing of a request."""


class Server:
    """One VictoriaMetrics, by URL; connections are kept and shared between threads.

    Every call raises HistoryAwayError with a sentence that names the URL: NotReachedError where the server surely got
    nothing; else it may have worked all the same.
    """

    def __init__(self, access: Access) -> None:
        self._insert_url = _endpoint(access.insert_url, "import")
        self._select_url = _endpoint(access.select_url, "export")
        self.log_in(access)
        self._pool = urllib3.PoolManager(
            retries=False,
            maxsize=THREADS,
            timeout=urllib3.Timeout(connect=CONNECT_S, read=READ_S),
            ssl_context=_trust(access.ca),
        )

    def log_in(self, access: Access) -> None:
        """Be this user from now on; URLs and CA stay."""
        self._password = access.password
        credentials = f"{access.user}:{access.password}" if access.user else None
        self._headers = {"User-Agent": "powergraph", **urllib3.make_headers(basic_auth=credentials)}

    def insert(self, lines: bytes) -> None:
        """Hand lines over; on return the server has taken them, though neither shown nor synced them yet."""
        response = self._post(self._insert_url, lines, "application/json")
        try:
            self._check(response, self._insert_url)
        finally:
            response.release_conn()

    def export(self, selector: str, from_ms: int, to_ms: int) -> Iterator[Series]:
        """The raw series of [from_ms, to_ms) and, by the server's rounding, a ms around it."""
        form = {
            "match[]": selector,
            "start": _seconds(max(0, from_ms - 1)),
            "end": _seconds(min(to_ms, LATEST_MS)),
            "max_rows_per_line": str(ROWS_A_LINE),
            "deny_partial_response": "1",  # of a cluster; its exports are whole anyway, as far as is known
        }
        response = self._post(self._select_url, urlencode(form).encode(), "application/x-www-form-urlencoded")
        try:
            self._check(response, self._select_url)
            for line in _lines(response, self._select_url):
                try:
                    yield series_of(line)
                except PartialError as error:
                    raise HistoryAwayError(f"{self._select_url} does not answer in full: {error}") from None
                except NotOursError as error:
                    raise HistoryAwayError(
                        f"{self._select_url} does not answer like VictoriaMetrics: {error}"
                    ) from None
        except (HTTPError, OSError) as error:
            if isinstance(error, HistoryAwayError):
                raise
            raise HistoryAwayError(f"{self._select_url} broke off: {_said(error)}") from None
        finally:
            response.close()  # whatever was not read makes the connection useless
            response.release_conn()

    def _post(self, url: str, body: bytes, content_type: str) -> urllib3.BaseHTTPResponse:
        headers = {**self._headers, "Content-Type": content_type}
        try:
            return self._pool.request("POST", url, body=body, headers=headers, redirect=False, preload_content=False)
        except (NewConnectionError, NameResolutionError, SSLError, urllib3.exceptions.ConnectTimeoutError) as error:
            raise NotReachedError(f"{url} cannot be reached: {_said(error)}") from None
        except (HTTPError, OSError, ValueError) as error:
            raise HistoryAwayError(f"{url} did not answer: {_said(error)}") from None

    def _check(self, response: urllib3.BaseHTTPResponse, url: str) -> None:
        if response.status in {200, 204}:
            return
        try:
            text = response.read(_MOST_COMPLAINT_BYTES, decode_content=True).decode("utf-8", "replace")
        except (HTTPError, OSError):
            text = ""
        says = " ".join("".join(each if each.isprintable() else " " for each in text).split())
        advice = {
            401: _CHECK_LOGIN,
            403: "the user may not do that; check user and password",
            404: _CHECK_URL,
        }.get(response.status, says[:_MOST_COMPLAINT] or response.reason or "no reason given")
        if "Basic " in says or (self._password and self._password in says):  # vmauth tells whom it does not know
            advice = _CHECK_LOGIN
        if "missing route for" in says:  # vmauth's word for 404
            advice = _CHECK_URL
        if "unsupported path" in says:  # a single server's word for 404
            advice = "check the URL: a single server has no path in it, a cluster's ends in prometheus"
        if 300 <= response.status < 400:
            advice = "it redirects, which is not followed; give the URL that it redirects to"
        raise HistoryAwayError(f"{url} refused with HTTP {response.status}: {advice}")

    def close(self) -> None:
        """Let go of the connections."""
        self._pool.clear()


def _endpoint(url: str, what: str) -> str:
    return f"{url.rstrip('/')}/api/v1/{what}"


def _trust(ca: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca)
    except (OSError, ssl.SSLError) as error:
        reason = "it holds no certificate" if isinstance(error, ssl.SSLError) else error.strerror
        raise StoreError(f"{ca} cannot be used as the CA of VictoriaMetrics: {reason}") from None


def _seconds(at_ms: int) -> str:
    return f"{at_ms // 1000}.{at_ms % 1000:03d}"


def _lines(response: urllib3.BaseHTTPResponse, url: str) -> Iterator[bytes]:
    """Lines of an answer, as they come; none is endless, nor the answer."""
    until_s = time.monotonic() + LONGEST_ANSWER_S
    rest, total = b"", 0
    for chunk in response.stream(_CHUNK_BYTES, decode_content=True):
        total += len(chunk)
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (line for line in whole if line)
        if total > MOST_ANSWER_BYTES or len(rest) > MOST_LINE_BYTES or time.monotonic() > until_s:
            raise HistoryAwayError(f"{url} answers without an end")
    if rest:
        yield rest


def _said(error: Exception) -> str:
    """What went wrong, in few words, without what a library adds about itself."""
    if isinstance(error, NameResolutionError):
        return "its name cannot be resolved"
    cause = error.__cause__ or error.__context__
    if isinstance(error, urllib3.exceptions.TimeoutError) and not getattr(cause, "strerror", None):
        return "no answer in time"
    text = str(getattr(cause, "strerror", None) or getattr(cause, "reason", None) or error)
    return " ".join(text.rpartition("object at ")[2].split())[:_MOST_COMPLAINT]
