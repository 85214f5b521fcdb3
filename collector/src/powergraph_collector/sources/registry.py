"""The sources that there are, and what of a BMC's settings each of them takes. A new source is a line in SOURCES."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final, Protocol

from powergraph_collector.settings_model import Bmc, BmcModels
from powergraph_collector.sources.contract import Access, Probed, Reader
from powergraph_collector.sources.ipmi import probing
from powergraph_collector.sources.ipmi.lan import LanReader
from powergraph_collector.sources.ipmi.login import login_of
from powergraph_collector.sources.ipmi.settings import IpmiBmc
from powergraph_collector.sources.ipmi.tool import ToolReader


class MakesReader(Protocol):
    """Makes a reader; `judges_at_once` is for a command that reads a few times and remembers nothing."""

    def __call__(self, *, judges_at_once: bool) -> Reader[Any]:
        """Make it; raises ToolMissing where a program lacks."""
        ...


class Probes(Protocol):
    """Looks at a BMC of the settings from all sides, in bounded time."""

    def __call__(self, bmc: Any, *, is_stopped: Callable[[], bool], keeps_record: bool) -> Probed:
        """Look; raises Interrupted, and ToolMissing where a program lacks."""
        ...


class Knocks(Protocol):
    """Finds what a BMC tells before anybody logs in, in bounded time."""

    def __call__(self, host: str, port: int, timeout_s: float) -> Probed:
        """Look; `timeout_s` is for each answer."""
        ...


@dataclass(frozen=True, slots=True)
class Registered:
    """A source: the model of its BMCs' settings, what its readers want of one of them, and the readers by name.

    `probe` and `knock` are what an owner runs first, with and without a user and a password.
    """

    model: type[Bmc]
    access_of: Callable[[Any], Access]
    reader_of: Callable[[Any], str]
    readers: Mapping[str, MakesReader]
    probe: Probes
    knock: Knocks


SOURCES: Final[Mapping[str, Registered]] = {  # by the protocol that a BMC's settings name
    "ipmi": Registered(
        IpmiBmc,
        login_of,
        lambda bmc: bmc.reader,
        {"lan": LanReader, "ipmitool": ToolReader},
        probing.probe,
        probing.knock,
    ),
}
BMC_MODELS: Final[BmcModels] = {protocol: source.model for protocol, source in SOURCES.items()}
READERS: Final = dict(chain.from_iterable(source.readers.items() for source in SOURCES.values()))


def access_of(bmc: Bmc) -> Access:
    """A BMC of the settings as the readers of its source want it."""
    return SOURCES[bmc.protocol].access_of(bmc)


def reader_of(bmc: Bmc) -> str:
    """Which of READERS reads a BMC."""
    return SOURCES[bmc.protocol].reader_of(bmc)
