"""What is known of every BMC since the service began: noted by its threads as it happens, read when somebody asks."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from powergraph_collector.doubts import doubt_names
from powergraph_collector.energy import HOLDS_INTERVALS
from powergraph_collector.metrics.energy_meter import EnergyMeter
from powergraph_collector.model import Event, Sample
from powergraph_collector.settings_model import Bmc
from powergraph_collector.sources.contract import Answer, NoReading, Reading


@dataclass(slots=True)
class BmcFigures:
    """One BMC's figures; times are monotonic seconds."""

    bmc: Bmc
    meter: EnergyMeter
    is_up: bool = False
    reads: int = 0
    failures: dict[str, int] = field(default_factory=dict)
    doubted: dict[str, int] = field(default_factory=dict)
    last: tuple[Reading, float] | None = None

    def age_s(self) -> float | None:
        """How old the last reading is."""
        return None if self.last is None else time.monotonic() - self.last[1]

    def holding(self) -> Reading | None:
        """The last reading while it holds, as long as it would count for energy."""
        if self.last is None or time.monotonic() - self.last[1] > HOLDS_INTERVALS * self.bmc.interval_s:
            return None
        return self.last[0]


class Figures:
    """Looks on as a Watcher of the service: readings from the polling thread, what is stored from the recording one."""

    def __init__(self, bmcs: Iterable[Bmc]) -> None:
        self._by_name: dict[str, BmcFigures] = {}
        self.use(bmcs)

    def use(self, bmcs: Iterable[Bmc]) -> None:
        """Go on with these BMCs; those that were there before keep their counts."""
        former = self._by_name
        by_name = {}
        for bmc in bmcs:
            figures = former.get(bmc.name)
            if figures is None:
                figures = BmcFigures(bmc, EnergyMeter(round(bmc.interval_s * 1000)))
            figures.bmc = bmc
            by_name[bmc.name] = figures
        self._by_name = by_name

    def all(self) -> tuple[BmcFigures, ...]:
        """Every BMC's figures, in the order of the settings."""
        return tuple(self._by_name.values())

    def told(self, bmc: str, at_ms: int, answer: Answer) -> None:
        """Note an answer."""
        del at_ms
        figures = self._by_name.get(bmc)
        if figures is None:
            return
        if isinstance(answer, NoReading):
            figures.is_up = False
            figures.failures[answer.reason.value] = figures.failures.get(answer.reason.value, 0) + 1
        else:
            figures.is_up = True
            figures.reads += 1
            figures.last = (answer, time.monotonic())
            for name in doubt_names(answer.doubt) if answer.doubt else ():
                figures.doubted[name] = figures.doubted.get(name, 0) + 1

    def acknowledged(self, samples: Sequence[Sample], events: Sequence[Event]) -> None:
        """Add what is safe on the disk to the energy."""
        by_bmc: dict[str, tuple[list[Sample], list[Event]]] = defaultdict(lambda: ([], []))
        for sample in samples:
            by_bmc[sample.bmc][0].append(sample)
        for event in events:
            by_bmc[event.bmc][1].append(event)
        for name, (new, happened) in by_bmc.items():
            figures = self._by_name.get(name)
            if figures is not None:
                figures.meter.take(new, happened)
