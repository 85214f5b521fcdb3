"""What a source of watts is asked, and what it answers: targets in, readings or reasons out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from powergraph_collector.model import Doubt, Reason, Source, Statistics


class Access(Protocol):
    """How to reach one BMC and who to be there: what it holds is its source's own; equal ones are the same way in."""

    @property
    def name(self) -> str:
        """The name of the BMC."""
        ...


class ToolMissing(Exception):  # noqa: N818
    """A program that a source needs is not on this machine; the message says how to get it."""


class Secret:
    """A password that does not show itself in logs and tracebacks."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The password itself."""
        return self._value

    def __repr__(self) -> str:
        return "Secret()"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


@dataclass(frozen=True, slots=True)
class Cap:
    """What a BMC limits its machine to, in W; None where it does not."""

    limit_w: int | None


@dataclass(frozen=True, slots=True)
class Reading:
    """Power at the moment of the answer, with the source and what the BMC said besides.

    `cap` is there where something was learned of it since the last reading, changed or not. `doubt_detail` is a clause
    for people on what speaks against the reading. `at_ms` is when the answer arrived, in UTC; 0 where the source knows
    no better than when it tells of it.
    """

    power_w: int
    source: Source
    doubt: Doubt = Doubt.NONE
    statistics: Statistics | None = None
    cap: Cap | None = None
    doubt_detail: str = field(default="", compare=False)
    at_ms: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class NoReading:
    """Why there is no power now: `detail` is a clause for people, `again_soon` says that a retry in the tick helps."""

    reason: Reason
    detail: str
    again_soon: bool = False


@dataclass(frozen=True, slots=True)
class ProbedSensor:
    """A sensor in watts: its reading, if it has one, whether it is one of those that are summed, and why or why not."""

    name: str
    power_w: float | None
    is_chosen: bool
    why: str


@dataclass(frozen=True, slots=True)
class Probed:
    """What one look at a BMC found: `verdict` is what a command that reads it once gets, or why it gets nothing.

    `by` says for people how the watts were got, `advice` what to try where there are none. `lines` are all else that
    there is, each a name and words; `warnings` are of what is dangerous. `login` has the settings that worked, `entry`
    those that the BMC's own settings should name since the defaults do not serve it. `record` is what was said, for
    those who have no such BMC: it names neither it nor its owner.
    """

    verdict: Reading | NoReading
    by: str = ""
    advice: str = ""
    lines: tuple[tuple[str, str], ...] = ()
    sensors: tuple[ProbedSensor, ...] = ()
    warnings: tuple[str, ...] = ()
    slowest_s: float | None = None
    login: Mapping[str, str | int] = field(default_factory=dict)
    entry: Mapping[str, str | int | float | tuple[str, ...]] = field(default_factory=dict)
    record: str = ""


class Interrupted(Exception):  # noqa: N818
    """A probe was told to stop before it knew anything."""


AccessT_contra = TypeVar("AccessT_contra", bound=Access, contravariant=True)
Answer = Reading | NoReading
Answered = Callable[[Answer], None]


class Reader(Protocol[AccessT_contra]):
    """Asks BMCs and tells the answers, all from the thread that calls it."""

    def ask(self, access: AccessT_contra, answered: Answered) -> None:
        """Begin a reading and return at once; `answered` is called from `work`.

        A BMC is asked again only after it has answered. After an answer of Reason.TIMEOUT, `answered` may be called
        once more, with a Reading that came late, as long as the BMC was not asked again.
        """
        ...

    def work(self, timeout_s: float) -> None:
        """Move what is under way; returns when something happened, at the latest after timeout_s."""
        ...

    def forget(self, name: str) -> None:
        """Close the session of a BMC that is no longer polled."""
        ...

    def close(self) -> None:
        """Close all sessions, so that BMCs need not time them out."""
        ...
