"""What PowerGraph measures: samples of power and the events around them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, Flag
from typing import NamedTuple


class Source(str, Enum):
    """Where a sample's watts come from. One series has one source at a time.

    `TOOL` is DCMI through ipmitool; `SDR` is the BMC's watt sensors, whoever read them.
    """

    DCMI = "dcmi"
    SDR = "sdr"
    TOOL = "tool"


class Doubt(Flag):
    """What speaks against a sample that was kept all the same."""

    NONE = 0
    INACTIVE = 1  # the BMC says that it does not measure, yet gave a value
    PARTIAL = 2  # a supply has no reading: the sum is that of the others
    JUMP = 4  # above twice the maximum that the BMC itself has seen
    AVERAGED = 8  # the BMC's mean over an interval, not the power of the moment


class Reason(str, Enum):
    """Why a tick brought no sample; the `reason` of an outage."""

    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    PORT_CLOSED = "port-closed"
    UNRESOLVABLE = "unresolvable"
    LOGIN_REFUSED = "login-refused"
    NO_SESSION_SLOT = "no-session-slot"
    BUSY = "busy"
    NOT_SUPPORTED = "not-supported"
    BAD_ANSWER = "bad-answer"
    IMPLAUSIBLE = "implausible"
    NOT_MEASURING = "not-measuring"
    COLLECTOR_STOPPED = "collector-stopped"
    NOT_STORED = "not-stored"


class EventKind(str, Enum):
    """Kinds of events; `docs/published-files.md` tells what each carries."""

    OUTAGE = "outage"
    SOURCE = "source"
    INTERVAL = "interval"
    CLOCK_STEP = "clock_step"
    CAP = "cap"
    DOUBT = "doubt"
    MARKER = "marker"


class Statistics(NamedTuple):  # made in a third of a frozen dataclass's time, thousands at a time
    """The BMC's own minimum, maximum and average, over the BMC's own window.

    The window is `period_ms` long by the BMC's word, which differs by vendor: time since its reset, one second, or a
    constant. These are never the statistics of our interval. `bmc_time_s` is the BMC's clock (Unix seconds), often
    unset, and 0 where it is not told.
    """

    min_w: int
    max_w: int
    average_w: int
    period_ms: int
    bmc_time_s: int


class Sample(NamedTuple):
    """One reading of one BMC, dated by the collector's UTC clock when the answer arrived."""

    bmc: str
    at_ms: int
    power_w: int
    source: Source = Source.DCMI
    doubt: Doubt = Doubt.NONE
    statistics: Statistics | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """Something with a beginning and an end: `end_ms` is None while it lasts.

    `value` is a number whose meaning the kind gives: `step_ms` of a clock step, `interval_s`, `limit_w` of a cap.
    """

    bmc: str
    kind: EventKind
    begin_ms: int
    end_ms: int | None = None
    reason: str = ""
    detail: str = ""
    value: float | None = None

    @property
    def key(self) -> tuple[str, str, int, int | None]:
        """What tells events apart, however often and with whatever end each is told.

        The clock may step more than once after the same sample; what else begins at a moment is one event.
        """
        return self.bmc, self.kind.value, self.begin_ms, self.end_ms if self.kind is EventKind.CLOCK_STEP else None
