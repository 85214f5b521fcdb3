"""The history that settings ask for: the one place that knows which engines there are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager

from powergraph_collector.settings_model import Settings

from .engine import History, ReadableHistory
from .tinydb_engine import TinyDbHistory
from .victoriametrics import SpoolOfOthers, VictoriaMetricsHistory, VictoriaMetricsReader, spool_folder
from .victoriametrics_http import Access, Server

_BYTES_A_MB = 1_000_000


def writer(settings: Settings, complain: Callable[[str], None]) -> History:
    """The service's history. Raises history.storage.StoreError where it cannot be used."""
    if settings.history == "tinydb":
        return TinyDbHistory(settings.store)
    return VictoriaMetricsHistory(
        access(settings),
        settings.store,
        complain,
        groups=groups(settings),
        spool_bytes=round(settings.victoriametrics.spool_mb * _BYTES_A_MB) if settings.victoriametrics else 0,
    )


def renew(history: History, settings: Settings) -> None:
    """Let a service's history go on with new groups of its BMCs, and a new password."""
    if isinstance(history, VictoriaMetricsHistory):
        history.groups = groups(settings)
        history.log_in(access(settings))


@contextmanager
def reading(settings: Settings) -> Iterator[ReadableHistory]:
    """The history of a service, read beside it, with what its spool holds. Raises StoreError, OSError."""
    with ExitStack() as stack:
        if settings.history == "tinydb":
            yield stack.enter_context(closing(TinyDbHistory(settings.store, access_mode="r")))
            return
        events = None
        if settings.store.is_dir():
            events = stack.enter_context(closing(TinyDbHistory(settings.store, access_mode="r")))
        server = stack.enter_context(closing(Server(access(settings))))
        yield VictoriaMetricsReader(server, SpoolOfOthers(spool_folder(settings.store)), events)


@contextmanager
def reading_url(url: str) -> Iterator[VictoriaMetricsReader]:
    """What a VictoriaMetrics holds, to be read; it has no events."""
    with closing(Server(Access(url, url))) as server:
        yield VictoriaMetricsReader(server)


def access(settings: Settings) -> Access:
    """How to reach the VictoriaMetrics of settings that have one."""
    assert settings.victoriametrics is not None  # noqa: S101 -- the settings are validated
    of_settings = settings.victoriametrics
    return Access(*of_settings.urls, of_settings.user, of_settings.password.get_secret_value(), of_settings.ca)


def groups(settings: Settings) -> dict[str, str]:
    """The group of each BMC."""
    return {bmc.name: bmc.group for bmc in settings.bmcs}
