"""What a series of answers amounts to: samples, and the events between them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from powergraph_collector.doubts import doubt_names, doubt_words
from powergraph_collector.model import Doubt, Event, EventKind, Sample, Source
from powergraph_collector.polling.clock import Step
from powergraph_collector.sources.contract import Answer, Cap, NoReading

Record = Sample | Event


@dataclass(slots=True)
class SeriesState:
    """One BMC's series as it grows."""

    bmc: str
    outage: Event | None = None
    cap: Event | None = None
    doubt: Event | None = None
    source: Source | None = None
    last_ms: int | None = None

    def add(self, answer: Answer, asked_ms: int, at_ms: int) -> list[Record]:
        """What to keep of an answer to the tick of asked_ms that came at at_ms."""
        if isinstance(answer, NoReading):
            return self._failed(answer, asked_ms)
        records = self._recovered(at_ms)
        if self.source is not None and answer.source is not self.source:
            detail = f"watts come from {answer.source.value} now, from {self.source.value} before"
            records.append(Event(self.bmc, EventKind.SOURCE, at_ms, at_ms, answer.source.value, detail))
        if answer.cap is not None:
            records += self._capped(answer.cap, at_ms)
        if self.doubt is not None or answer.doubt is not Doubt.NONE:
            records += self._doubted(answer.doubt, at_ms)
        self.source = answer.source
        self.last_ms = at_ms
        records.append(Sample(self.bmc, at_ms, answer.power_w, answer.source, answer.doubt, answer.statistics))
        return records

    def _failed(self, answer: NoReading, asked_ms: int) -> list[Record]:
        if self.outage is not None and self.outage.reason == answer.reason.value:
            return []
        begun = Event(self.bmc, EventKind.OUTAGE, asked_ms, None, answer.reason.value, answer.detail)
        records = [*self._recovered(asked_ms), *self._undoubted(asked_ms)]
        self.outage = begun
        records.append(begun)
        return records

    def _recovered(self, at_ms: int) -> list[Record]:
        outage, self.outage = self.outage, None
        return [] if outage is None else [replace(outage, end_ms=max(at_ms, outage.begin_ms))]

    def stepped(self, step: Step) -> list[Record]:
        """A jump of the clock, dated by the last sample before it; without such a sample it changes nothing."""
        if self.last_ms is None:
            return []
        detail = f"the collector's clock was set {'forward' if step.step_ms > 0 else 'back'}"
        return [Event(self.bmc, EventKind.CLOCK_STEP, self.last_ms, step.after_ms, detail=detail, value=step.step_ms)]

    def ended(self, at_ms: int) -> list[Record]:
        """The series is not polled any more: nor is it known how long its outage and its cap last."""
        return [*self._recovered(at_ms), *self._uncapped(at_ms), *self._undoubted(at_ms)]

    def restated(self) -> list[Record]:
        """The outage, the cap and the doubt that last, for the record of a new day."""
        return [event for event in (self.outage, self.cap, self.doubt) if event is not None]

    def _capped(self, cap: Cap, at_ms: int) -> list[Record]:
        """What to keep of a cap that was told: nothing while it is the one that lasts."""
        if cap.limit_w == (None if self.cap is None else self.cap.value):
            return []
        records = self._uncapped(at_ms)
        if cap.limit_w is not None:
            detail = f"the BMC limits the machine to {cap.limit_w} W"
            self.cap = Event(self.bmc, EventKind.CAP, at_ms, None, detail=detail, value=float(cap.limit_w))
            records.append(self.cap)
        return records

    def _uncapped(self, at_ms: int) -> list[Record]:
        cap, self.cap = self.cap, None
        return [] if cap is None else [replace(cap, end_ms=max(at_ms, cap.begin_ms))]

    def _doubted(self, doubt: Doubt, at_ms: int) -> list[Record]:
        """What to keep of what speaks against a sample: nothing while it is what spoke against the one before."""
        reason = " ".join(doubt_names(doubt))
        if reason == (self.doubt.reason if self.doubt else ""):
            return []
        records = self._undoubted(at_ms)
        if doubt:
            self.doubt = Event(self.bmc, EventKind.DOUBT, at_ms, None, reason, doubt_words(doubt))
            records.append(self.doubt)
        return records

    def _undoubted(self, at_ms: int) -> list[Record]:
        doubt, self.doubt = self.doubt, None
        return [] if doubt is None else [replace(doubt, end_ms=max(at_ms, doubt.begin_ms))]
