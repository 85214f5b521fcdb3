"""What a history engine does, whatever keeps the samples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from powergraph_collector.model import Event, Sample

from .contents import Contents


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """What of a batch survives a power cut from now on; `error` says why the rest, if any, does not."""

    samples: Sequence[Sample]
    events: Sequence[Event]
    error: str = ""


@dataclass(frozen=True, slots=True)
class Spool:
    """What waits on this machine's disk for a database that is away, and how much may.

    `not_kept` counts the samples that the database took and does not give back.
    """

    used_bytes: int
    limit_bytes: int
    not_kept: int


@runtime_checkable
class Spooling(Protocol):
    """A history that has a spool."""

    def spool(self) -> Spool:
        """How full it is; for any thread, waits for nobody."""
        ...


class ReadableHistory(Protocol):
    """Samples and events of BMCs, found by span. Spans are [from_ms, to_ms) in UTC milliseconds."""

    def read(self, bmc: str, from_ms: int, to_ms: int) -> Iterator[Sample]:
        """Samples of a span in the order in which they were taken."""
        ...

    def read_events(self, bmc: str, from_ms: int, to_ms: int) -> list[Event]:
        """Events that touch a span, by their beginning; one that was told twice (begun, ended) comes once."""
        ...

    def last(self, bmc: str, count: int) -> list[Sample]:
        """The last count samples, oldest first."""
        ...

    def bmcs(self) -> list[str]:
        """Names of the BMCs that have any history."""
        ...

    def utc_days(self, bmc: str) -> list[str]:
        """UTC days with samples, `YYYY-MM-DD`, ascending."""
        ...


@runtime_checkable
class StampedHistory(ReadableHistory, Protocol):
    """A history that knows, without reading it, whether a day is as it was."""

    def stamps(self, bmc: str) -> dict[str, str]:
        """By UTC day with samples, something that changes whenever its samples or events do. Raises OSError."""
        ...


@runtime_checkable
class CheckedHistory(ReadableHistory, Protocol):
    """A history that knows what of it could not be read."""

    @property
    def damage(self) -> Mapping[str, Contents]:
        """What is damaged of the tables that were read, by name, without documents."""
        ...


class History(ReadableHistory, Protocol):
    """A history that is also written.

    One writer; any number of readers in other threads and processes, each with an engine of its own, that neither wait
    for the writer nor delay it.
    """

    def append(self, samples: Sequence[Sample], events: Sequence[Event] = ()) -> Acknowledged:
        """Keep a batch; what is not acknowledged is not kept and may be appended again."""
        ...

    def reader(self) -> ReadableHistory:
        """A reader beside this writer, in the same process, that sees only what is acknowledged."""
        ...

    @property
    def repairs(self) -> list[str]:
        """What had to be repaired since it was opened, a sentence each; whoever told of one removes it."""
        ...

    def tidy(self) -> bool:
        """A small piece of upkeep, for a quiet moment; returns whether there may be more to do. Raises OSError."""
        ...

    def close(self) -> None:
        """Let go of files and locks."""
        ...


class HistoryAwayError(OSError):
    """The history cannot be read or written for now; the message is a sentence that says why. Try again later."""
