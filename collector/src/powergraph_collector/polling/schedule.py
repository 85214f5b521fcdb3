"""When a BMC is due: a grid of ticks, spread over the interval, and thinned out while it does not answer."""

from __future__ import annotations

import math
from typing import Final

from powergraph_collector.model import Reason

# Requests that leave together cost pyghmi a fraction of those paced evenly, since every wake-up looks at all sessions.
# The longer the interval, the more a batch may gather, for the same share of it.
SHORTEST_BATCH_S: Final = 0.05
LONGEST_BATCH_S: Final = 0.5
_BATCHES: Final = 20
RETRY_S: Final = (0.2, 0.6)  # within a tick, drawn between the two

_SHORTEST_PAUSE_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 30.0
_LONGEST_PAUSE_OF: Final = {Reason.LOGIN_REFUSED: 600.0, Reason.NOT_SUPPORTED: 600.0, Reason.NO_SESSION_SLOT: 600.0}
_SHORTEST_PAUSE_OF: Final = {
    Reason.LOGIN_REFUSED: 60.0,  # accounts get locked
    Reason.NO_SESSION_SLOT: 65.0,  # BMCs end idle sessions after 60 s
    Reason.NOT_SUPPORTED: 60.0,
}


def batch_s(interval_s: float) -> float:
    """How far apart requests to different BMCs begin, at least."""
    return min(max(interval_s / _BATCHES, SHORTEST_BATCH_S), LONGEST_BATCH_S)


def phase_s(index: int, count: int, interval_s: float) -> float:
    """Where in its interval the index-th of count BMCs is asked: spread evenly, in whole batches."""
    batch = batch_s(interval_s)
    return math.floor(index * interval_s / max(1, count) / batch) * batch


def next_tick_s(after_s: float, phase: float, interval_s: float) -> float:
    """The first tick of the grid later than a time; all in monotonic seconds."""
    tick_s = (math.floor((after_s - phase) / interval_s) + 1) * interval_s + phase
    return tick_s if tick_s > after_s else tick_s + interval_s  # rounding may land on after_s itself


def pause_s(reason: Reason, failures: int, interval_s: float) -> float:
    """How long to leave a BMC alone after so many failures in a row; the first failure costs no tick, mostly."""
    shortest = _SHORTEST_PAUSE_OF.get(reason, 0.0)
    longest = max(_LONGEST_PAUSE_OF.get(reason, _LONGEST_PAUSE_S), interval_s)
    doubled = max(interval_s, _SHORTEST_PAUSE_S) * 2.0 ** min(failures - 1, 16)
    return min(max(shortest, doubled if failures > 1 else 0.0), longest)
