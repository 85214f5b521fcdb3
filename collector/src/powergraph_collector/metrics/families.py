"""The metrics by name, as `docs/metrics.md` describes them; collected when Prometheus asks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from powergraph_collector import __version__
from powergraph_collector.history.engine import Spool
from powergraph_collector.history.storage_state import StorageState, Storing
from powergraph_collector.metrics.figures import BmcFigures, Figures
from powergraph_collector.polling.lateness import BOUNDS_S
from powergraph_collector.polling.poller import Counts

_BMC: Final = ("bmc", "group")


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the figures come from; every part may be asked from any thread at any time, and waits for nobody.

    `last_round_s` is when the polling loop last went round, in monotonic seconds.
    """

    name: str
    figures: Figures
    counts: Callable[[], Counts]
    last_round_s: Callable[[], float]
    storage: Callable[[], StorageState]
    stored: Callable[[], int]
    most_unwritten: int
    spool: Callable[[], Spool | None]


class ServiceCollector(Collector):
    """All metrics of a service, for a registry of the Prometheus client."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def collect(self) -> Iterator[Metric]:
        """The metrics as they are now."""
        build = GaugeMetricFamily("powergraph_build_info", "1; says what runs here.", labels=("version", "collector"))
        build.add_metric((__version__, self._sources.name), 1)
        yield build
        yield from _of_bmcs(self._sources.figures.all())
        yield from _of_polling(self._sources.counts(), self._sources.last_round_s())
        yield from self._of_storage()

    def _of_storage(self) -> Iterator[Metric]:
        sources = self._sources
        state, spool = sources.storage(), sources.spool()
        yield GaugeMetricFamily(
            "powergraph_storage_ok",
            "Whether samples reach the disk: 0 while writes fail or hang.",
            value=state.storing is Storing.OK,
        )
        states = GaugeMetricFamily("powergraph_storage_state", "1 for the state that storing is in.", labels=("state",))
        for storing in Storing:
            states.add_metric((storing.value,), state.storing is storing)
        yield states
        yield GaugeMetricFamily(
            "powergraph_unwritten_samples", "Samples and events that wait in memory to be written.", state.unwritten
        )
        yield GaugeMetricFamily(
            "powergraph_unwritten_samples_limit",
            "How many may wait before the oldest are dropped.",
            sources.most_unwritten,
        )
        yield CounterMetricFamily(
            "powergraph_dropped_samples",
            "Samples and events lost because too many waited to be written.",
            state.dropped,
        )
        yield CounterMetricFamily("powergraph_stored_samples", "Samples that are safe on the disk.", sources.stored())
        yield GaugeMetricFamily(
            "powergraph_spool_bytes",
            "What waits on disk for the database that is away; 0 for engines without a spool.",
            0 if spool is None else spool.used_bytes,
        )
        if spool is not None:
            yield GaugeMetricFamily(
                "powergraph_spool_limit_bytes", "What the spool may hold at most.", spool.limit_bytes
            )
            yield CounterMetricFamily(
                "powergraph_spool_not_kept_samples", "Samples that the database took and does not keep.", spool.not_kept
            )


def _of_bmcs(all_figures: Sequence[BmcFigures]) -> Iterator[Metric]:
    power = GaugeMetricFamily(
        "powergraph_power_watts",
        "The last reading, for as long as it holds: three intervals, or until the next.",
        labels=(*_BMC, "source"),
    )
    up = GaugeMetricFamily("powergraph_up", "Whether the BMC answered when last asked.", labels=_BMC)
    age = GaugeMetricFamily("powergraph_sample_age_seconds", "Age of the last reading.", labels=_BMC)
    interval = GaugeMetricFamily("powergraph_interval_seconds", "How often the BMC is asked.", labels=_BMC)
    reads = CounterMetricFamily("powergraph_reads", "Ticks that brought a reading.", labels=_BMC)
    failures = CounterMetricFamily(
        "powergraph_read_failures", "Ticks that brought none, by reason.", labels=(*_BMC, "reason")
    )
    doubted = CounterMetricFamily(
        "powergraph_doubtful_reads", "Readings that were kept, and are to be doubted, by flag.", labels=(*_BMC, "flag")
    )
    joules = CounterMetricFamily(
        "powergraph_energy_joules", "Energy of the stored samples since the service began.", labels=_BMC
    )
    covered = CounterMetricFamily(
        "powergraph_energy_covered_seconds", "Time for which that energy is known.", labels=_BMC
    )
    for figures in all_figures:
        labels = (figures.bmc.name, figures.bmc.group)
        reading, age_s = figures.holding(), figures.age_s()
        if reading is not None:
            power.add_metric((*labels, reading.source.value), reading.power_w)
        if age_s is not None:
            age.add_metric(labels, age_s)
        up.add_metric(labels, figures.is_up)
        interval.add_metric(labels, figures.bmc.interval_s)
        reads.add_metric(labels, figures.reads)
        for reason, count in tuple(figures.failures.items()):
            failures.add_metric((*labels, reason), count)
        for flag, count in tuple(figures.doubted.items()):
            doubted.add_metric((*labels, flag), count)
        joules.add_metric(labels, figures.meter.joules)
        covered.add_metric(labels, figures.meter.covered_s)
    yield from (power, up, age, interval, reads, failures, doubted, joules, covered)


def _of_polling(counts: Counts, last_round_s: float) -> Iterator[Metric]:
    lateness = counts.lateness
    upper = [*map(str, BOUNDS_S), "+Inf"]
    yield HistogramMetricFamily(
        "powergraph_tick_lateness_seconds",
        "How late ticks begin against their grid.",
        buckets=list(zip(upper, accumulate(lateness.classes), strict=True)),
        sum_value=lateness.sum_s,
    )
    yield CounterMetricFamily("powergraph_ticks", "Ticks at which a BMC was asked.", counts.ticks)
    yield CounterMetricFamily("powergraph_ticks_late", "Ticks that began over half a second late.", lateness.late)
    yield CounterMetricFamily(
        "powergraph_ticks_skipped",
        "Ticks left out: the BMC had not answered yet, or polling was held up.",
        counts.skipped,
    )
    if last_round_s:
        yield GaugeMetricFamily(
            "powergraph_polling_round_age_seconds",
            "Since when the polling loop has not gone round; under a second while it lives.",
            time.monotonic() - last_round_s,
        )


def registry_of(sources: Sources) -> CollectorRegistry:
    """A registry with all metrics of a service, and those of its process."""
    registry = CollectorRegistry()
    registry.register(ServiceCollector(sources))
    ProcessCollector(registry=registry)
    return registry
