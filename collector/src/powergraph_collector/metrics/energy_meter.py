"""Energy as a counter: the rule of energy.py, applied pair by pair as samples come."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from powergraph_collector.energy import energy
from powergraph_collector.model import Event, EventKind, Sample


@dataclass(slots=True)
class EnergyMeter:
    """What one BMC's samples amount to since the first of them; only grows. `interval_ms` is that of the beginning."""

    interval_ms: int
    energy_ms_w: int = 0
    covered_ms: int = 0
    _last: Sample | None = None
    _events: list[Event] = field(default_factory=list)

    def take(self, samples: Iterable[Sample], events: Iterable[Event] = ()) -> None:
        """Add samples in the order in which they were taken; with them or before, the events between them."""
        self._events += [event for event in events if event.kind in {EventKind.INTERVAL, EventKind.CLOCK_STEP}]
        for sample in samples:
            if self._last is not None:
                held = energy((self._last, sample), self.interval_ms, self._events)
                self.energy_ms_w += held.energy_ms_w
                self.covered_ms += held.covered_ms
            self._last = sample
        last_ms = self._last.at_ms if self._last else None
        # a clock step counts between the sample at which it begins and the next
        self._events = [
            event for event in self._events if event.kind is EventKind.INTERVAL or event.begin_ms == last_ms
        ]

    @property
    def joules(self) -> float:
        """Energy of the covered time."""
        return self.energy_ms_w / 1000

    @property
    def covered_s(self) -> float:
        """Time for which power is known."""
        return self.covered_ms / 1000
