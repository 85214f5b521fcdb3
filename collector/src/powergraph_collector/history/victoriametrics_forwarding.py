"""The forwarding thread: hands the spool's segments to VictoriaMetrics, and asks for them back before they may go.

A server that has taken lines may still lose them (they are in its memory for some seconds), and one that did not answer
may have taken them. So whatever was sent is read back a while later; what is missing at two looks is sent again, and it
alone; a segment goes when nothing of it is missing. Segments found at the start may have been sent, too.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from .engine import HistoryAwayError
from .spool import Segment, Spool
from .victoriametrics_http import NotReachedError, Server
from .victoriametrics_series import DAY_BEGUN, SAMPLE_METRICS, Placed, Point, import_lines, points, points_of, selector

LOOKS: Final = 2  # a busy server may show late what it has; where in doubt, the one look is late enough
MOST_SENT_AGAIN: Final = 3  # after which the server evidently will not keep it
LONGEST_END_S: Final = 10.0  # of waiting for a request that is under way
_MOST_COMPARED: Final = 50_000
_HOUR_MS: Final = 3_600_000


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds: between two rounds; from a segment's sending to reading it back, with and without an answer.

    VictoriaMetrics shows what it took after up to four seconds, has it on the disk after about five more, and lets a
    request wait for a minute.
    """

    round_s: float = 2.0
    settled_s: float = 20.0
    doubtful_s: float = 75.0


class Forwarder:
    """Forwards in a thread of its own; `complain` hears of trouble once, and when it is over.

    `refused` counts the samples that the server took and yet does not give back: they are outside its retention, or it
    deduplicates.
    """

    def __init__(self, spool: Spool, server: Server, complain: Callable[[str], None], pace: Pace) -> None:
        self._spool = spool
        self._server = server
        self._complain = complain
        self._pace = pace
        self._stop = threading.Event()
        self.trouble = ""
        self.refused = 0
        for segment in spool.segments():
            segment.sent_at_s, segment.is_doubtful = time.monotonic(), True
        self._thread = threading.Thread(target=self._run, name="forwarding", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def end(self) -> None:
        """Forward what is left, once more, if the server is there; what is not confirmed stays in the spool."""
        self._stop.set()
        self._thread.join(LONGEST_END_S)
        if not self.trouble and not self._thread.is_alive():
            self._round()

    def _run(self) -> None:
        while not self._stop.wait(self._pace.round_s):
            self._round()

    def _round(self) -> None:
        try:
            self.step()
        except OSError as error:
            if not self.trouble:
                self._complain(f"samples wait in the spool: {error.strerror or error}")
            self.trouble = str(error)
        except Exception as error:  # whatever it is, the spool keeps filling, and somebody should know
            self._complain(f"forwarding failed: {error!r}")
            self.trouble = repr(error)
        else:
            if self.trouble:
                self._complain("VictoriaMetrics takes samples again")
            self.trouble = ""

    def step(self) -> None:
        """Send what is new, confirm what has settled. Raises OSError, HistoryAwayError among them."""
        self._spool.cut()
        for segment in self._spool.segments():
            if segment.sent_at_s is None:
                self._send(segment, import_lines(segment.placed()))
        for batch in _batches(segment for segment in self._spool.segments() if self._is_due(segment)):
            self._confirm(batch)

    def _send(self, segment: Segment, lines: bytes) -> None:
        try:
            self._server.insert(lines)
        except NotReachedError:
            raise
        except HistoryAwayError:
            segment.sent_at_s, segment.is_doubtful = time.monotonic(), True
            raise
        segment.sent_at_s, segment.is_doubtful = time.monotonic(), False

    def _is_due(self, segment: Segment) -> bool:
        if segment.sent_at_s is None:
            return False
        wait_s = self._pace.doubtful_s if segment.is_doubtful else self._pace.settled_s
        return time.monotonic() - segment.sent_at_s >= wait_s

    def _confirm(self, batch: Sequence[Segment]) -> None:
        placed = {segment.number: segment.placed() for segment in batch}
        present = self._present([each for of_segment in placed.values() for each in of_segment])
        confirmed = []
        for segment in batch:
            of_segment = placed[segment.number]
            missing = {point for each in of_segment for point, _ in points(each)} - present
            if not missing or self._is_given_up(segment, of_segment, missing):
                confirmed.append(segment)
        if confirmed:
            self._spool.remove(confirmed)

    def _is_given_up(self, segment: Segment, placed: Sequence[Placed], missing: set[Point]) -> bool:
        """Look once more, or send what is missing, or say that it is of no use."""
        segment.looks += 1
        if segment.looks < LOOKS and not segment.is_doubtful:
            segment.sent_at_s = time.monotonic()
            return False
        if segment.sent_again < MOST_SENT_AGAIN:
            segment.looks = 0
            self._send(segment, import_lines(placed, missing))
            segment.sent_again += 1
            return False
        self._refuse(placed, missing)
        return True

    def _present(self, expected: Iterable[Placed]) -> set[Point]:
        """What the server has of the times at which something is expected, an hour at a time."""
        times: dict[int, list[int]] = defaultdict(list)
        for each in expected:
            times[each.sample.at_ms // _HOUR_MS].append(each.sample.at_ms)
        wanted = selector((*SAMPLE_METRICS, DAY_BEGUN))
        return {
            point
            for of_hour in times.values()
            for series in self._server.export(wanted, min(of_hour), max(of_hour) + 1)
            for point, _ in points_of(series)
        }

    def _refuse(self, placed: Sequence[Placed], missing: set[Point]) -> None:
        count = sum(any(point in missing for point, _ in points(each)) for each in placed)
        self.refused += count
        self._complain(
            f"VictoriaMetrics took {count} samples and does not keep them: look at its retention (-retentionPeriod), "
            "its deduplication, and whether its clock and this one agree"
        )


def _batches(segments: Iterable[Segment]) -> list[list[Segment]]:
    """Segments by as many as are compared at once."""
    batches: list[list[Segment]] = []
    count = 0
    for segment in segments:
        if not batches or count + segment.count > _MOST_COMPARED:
            batches.append([])
            count = 0
        batches[-1].append(segment)
        count += segment.count
    return batches
