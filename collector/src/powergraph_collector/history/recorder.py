"""The recording thread: from memory to the disk, bounded, so that a full or stalled disk costs only so much memory."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from powergraph_collector.history.engine import History
from powergraph_collector.history.storage_state import StorageState, Storing
from powergraph_collector.model import Event, EventKind, Reason, Sample

MOST_RECORDS: Final = 200_000  # about 60 MB; 33 minutes of 1,000 BMCs at 10 s
GATHER_S: Final = 0.2  # what comes in quick succession is synced together
RETRY_S: Final = 1.0
QUIET_S: Final = 1.0
STALLED_AFTER_S: Final = 5.0  # what a healthy disk never takes for one write

Record = Sample | Event


class Recorder:
    """Takes records from the polling thread, and writes them in its own: `run` appends, syncs and acknowledges.

    `acknowledged` gets what is safe; `upkeep` is done beside the history's own, and may raise OSError. Records wait
    `sync_interval_s`, at least GATHER_S, to be written and synced together: a kill or a power cut costs what waits,
    which nobody was told of yet. What cannot be written stays in memory, in order, until it can; beyond the bound the
    oldest sample goes, counted in `dropped`, and the hole that this makes is recorded with its reason. Events go only
    when no sample is left: they are few, and all energy depends on those of intervals and clock steps.
    """

    def __init__(
        self,
        history: History,
        acknowledged: Callable[[Sequence[Sample], Sequence[Event]], None],
        complain: Callable[[str], None],
        sync_interval_s: float = 0,
        *,
        upkeep: Callable[[], None] = lambda: None,
    ) -> None:
        self.sync_interval_s = sync_interval_s
        self._history = history
        self._upkeep = upkeep
        self._acknowledged = acknowledged
        self._complain = complain
        self._waiting: deque[Record] = deque()
        self._spared: deque[Event] = deque()  # from before all that waits
        self._something = threading.Condition()
        self._ends = False
        self._trouble = ""
        self._trouble_since_ms = 0
        self._busy_since: tuple[float, int] | None = None  # monotonic seconds, UTC ms
        self._writing = 0
        self._untidy = ""
        self._holes: dict[str, tuple[int, int]] = {}  # of what was dropped, by BMC, from its first ms to its last
        self.dropped = 0
        self.stored = 0

    def hand_on(self, records: Sequence[Record]) -> None:
        """Take records; never waits for the disk."""
        if not records:
            return
        with self._something:
            self._waiting.extend(records)
            self._bound()
            self._something.notify()

    def _bound(self) -> None:
        while self._waiting and len(self._waiting) + len(self._spared) > MOST_RECORDS:
            record = self._waiting.popleft()
            if isinstance(record, Sample):
                self.dropped += 1
                self._widen_hole(record.bmc, record.at_ms, record.at_ms)
            elif record.reason == Reason.NOT_STORED.value:  # a hole that could not be recorded itself
                self._widen_hole(record.bmc, record.begin_ms, record.end_ms or record.begin_ms)
            else:
                self._spared.append(record)
        while len(self._spared) > MOST_RECORDS:
            self._spared.popleft()
            self.dropped += 1

    def _widen_hole(self, bmc: str, first_ms: int, last_ms: int) -> None:
        known = self._holes.get(bmc, (first_ms, last_ms))
        self._holes[bmc] = min(known[0], first_ms), max(known[1], last_ms)

    def _holes_to_record(self) -> list[Event]:
        holes, self._holes = self._holes, {}
        detail = "the disk took nothing for so long that these readings had to be dropped"
        return [
            Event(bmc, EventKind.OUTAGE, first_ms, last_ms, Reason.NOT_STORED.value, detail)
            for bmc, (first_ms, last_ms) in holes.items()
        ]

    def end(self) -> None:
        """Write what is left, once more, and let `run` return."""
        with self._something:
            self._ends = True
            self._something.notify()

    @property
    def unwritten(self) -> int:
        """How many records wait, those of a write that is under way among them."""
        return len(self._spared) + len(self._waiting) + self._writing

    def storage(self) -> StorageState:
        """How storing goes; for any thread, waits for nobody."""
        busy_since, trouble = self._busy_since, self._trouble
        storing, since_ms, detail = Storing.OK, None, ""
        if busy_since is not None and time.monotonic() - busy_since[0] > STALLED_AFTER_S:
            storing, since_ms, detail = Storing.STALLED, busy_since[1], "a write does not come back"
        elif trouble:
            storing, since_ms, detail = Storing.REFUSED, self._trouble_since_ms, trouble
        return StorageState(storing, since_ms, detail, self.unwritten, self.dropped)

    def run(self) -> None:
        """Write until `end`; between batches and in quiet times, a piece of the history's upkeep."""
        while True:
            with self._something:
                is_quiet = not self._something.wait_for(lambda: self._waiting or self._spared or self._ends, QUIET_S)
                ends = self._ends
            if is_quiet:
                self._tidy()
                continue
            with self._something:
                if not ends:
                    self._something.wait_for(lambda: self._ends, max(GATHER_S, self.sync_interval_s))
                batch = [*self._holes_to_record(), *self._spared, *self._waiting]
                self._spared, self._waiting = deque(), deque()
                self._writing = len(batch)
            left = self._write(batch) if batch else []
            with self._something:
                self._writing = 0
                self._waiting.extendleft(reversed(left))
                self._bound()
                if self._ends and (left or not (self._waiting or self._spared)):
                    return
                if left:
                    self._something.wait_for(lambda: self._ends, RETRY_S)
            if not left and not ends:
                self._tidy()

    @contextmanager
    def _busy(self) -> Iterator[None]:
        """While the disk has the word: for `storage` to see how long it takes."""
        self._busy_since = (time.monotonic(), time.time_ns() // 1_000_000)
        try:
            yield
        finally:
            self._busy_since = None

    def _tidy(self) -> None:
        try:
            with self._busy():
                self._history.tidy()
                self._upkeep()
        except OSError as error:
            trouble = error.strerror or str(error)
            if trouble != self._untidy:
                self._complain(
                    f"days that are over cannot be compacted or removed ({trouble}); they stay as they are for now"
                )
            self._untidy = trouble

    def _write(self, batch: Sequence[Record]) -> list[Record]:
        """Append a batch; returns what is not safe."""
        samples = [record for record in batch if isinstance(record, Sample)]
        events = [record for record in batch if isinstance(record, Event)]
        with self._busy():
            outcome = self._history.append(samples, events)
        self._report(outcome.error)
        self.stored += len(outcome.samples)
        if outcome.samples or outcome.events:
            self._acknowledged(outcome.samples, outcome.events)
        if not outcome.error:
            return []
        safe = {id(record) for record in (*outcome.samples, *outcome.events)}
        return [record for record in batch if id(record) not in safe]

    def _report(self, trouble: str) -> None:
        if trouble and not self._trouble:
            self._trouble_since_ms = time.time_ns() // 1_000_000
            self._complain(f"samples cannot be stored ({trouble}): they wait in memory; make room or mend the disk")
        elif self._trouble and not trouble:
            lost = f"; since the start, {self.dropped} had to be dropped" if self.dropped else ""
            self._complain(f"the disk takes samples again: all that waited is stored{lost}")
        self._trouble = trouble
