"""Samples as time series of VictoriaMetrics, and back; pure.

    powergraph_power_watts{bmc, group, source}            the sample
    powergraph_bmc_minimum_watts{…} and its like          the BMC's own statistics, at the same time, where it gave any
    powergraph_day_begun{bmc}                             1 at the first sample of each UTC day, and of what came late

A label `doubt` is there where something speaks against a sample. VictoriaMetrics sorts by time; a label `lap` says how
often the clock had gone back before a sample, which gives the order of keeping again, and lets a series and a time name
one sample alone.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from powergraph_collector.days import FIRST_MS, LAST_MS, utc_day
from powergraph_collector.doubts import doubt_names, doubt_of
from powergraph_collector.model import Sample, Source, Statistics

POWER: Final = "powergraph_power_watts"
DAY_BEGUN: Final = "powergraph_day_begun"
_MINIMUM: Final = "powergraph_bmc_minimum_watts"
_MAXIMUM: Final = "powergraph_bmc_maximum_watts"
_AVERAGE: Final = "powergraph_bmc_average_watts"
_PERIOD: Final = "powergraph_bmc_period_seconds"
_CLOCK: Final = "powergraph_bmc_clock_seconds"
SAMPLE_METRICS: Final = (POWER, _MINIMUM, _MAXIMUM, _AVERAGE, _PERIOD, _CLOCK)
ROWS_A_LINE: Final = 10_000  # servers skip lines that are too long
_BMC_NAME: Final = re.compile(r"[^\x00-\x1f\x7f/]{1,255}")
_SOURCES: Final = {source.value: source for source in Source}
_DOUBT_SEPARATOR: Final = ","
_LARGEST: Final = 1 << 53  # beyond, floating point has no exact integers


@dataclass(frozen=True, slots=True)
class Placed:
    """A sample with its place in the order of keeping: `lap` counts how often the clock had gone back before it.

    `opens` marks the first one of its UTC day and lap, and of what was added to a day later. Two that have the same key
    are the same sample.
    """

    sample: Sample
    lap: int = 0
    opens: bool = False
    group: str = ""

    @property
    def order(self) -> tuple[str, int, int]:
        """Sorts as the embedded engine keeps: by UTC day, in it as they came."""
        return utc_day(self.sample.at_ms), self.lap, self.sample.at_ms

    @property
    def key(self) -> Key:
        """Which sample this is."""
        sample = self.sample
        return Key(sample.bmc, sample.source.value, _DOUBT_SEPARATOR.join(doubt_names(sample.doubt)), self.lap)


@dataclass(frozen=True, slots=True)
class Key:
    """The labels that tell the samples of one time apart; a group may change, and tells nothing."""

    bmc: str
    source: str
    doubt: str
    lap: int


Point = tuple[str, Key, int]  # metric, labels, UTC ms


@dataclass(frozen=True, slots=True)
class Series:
    """One line of an export, checked: its metric, its labels and its points."""

    metric: str
    labels: Mapping[str, str]
    values: list[float]
    times_ms: list[int]


class NotOursError(ValueError):
    """A line of an export that is no series."""


class PartialError(NotOursError):
    """An answer that says of itself that it is not whole."""


def place(sample: Sample, after: Placed | None, group: str = "") -> Placed:
    """The place of a sample that is kept after another one of its BMC."""
    if after is None:
        return Placed(sample, 0, opens=True, group=group)
    lap = after.lap + (sample.at_ms <= after.sample.at_ms)
    opens = lap != after.lap or utc_day(sample.at_ms) != utc_day(after.sample.at_ms)
    return Placed(sample, lap, opens, group)


def points(placed: Placed) -> Iterator[tuple[Point, float]]:
    """The points that a sample is."""
    sample, key = placed.sample, placed.key
    yield (POWER, key, sample.at_ms), sample.power_w
    statistics = sample.statistics
    if statistics is not None:
        yield (_MINIMUM, key, sample.at_ms), statistics.min_w
        yield (_MAXIMUM, key, sample.at_ms), statistics.max_w
        yield (_AVERAGE, key, sample.at_ms), statistics.average_w
        yield (_PERIOD, key, sample.at_ms), statistics.period_ms / 1000
        yield (_CLOCK, key, sample.at_ms), statistics.bmc_time_s
    if placed.opens:
        yield (DAY_BEGUN, Key(sample.bmc, "", "", placed.lap), sample.at_ms), 1


def import_lines(wanted: Iterable[Placed], only: set[Point] | None = None) -> bytes:
    """What `/api/v1/import` takes: JSON lines, each a part of a series. `only` leaves out what is not in it."""
    series: dict[tuple[str, Key, str], list[tuple[list[float], list[int]]]] = defaultdict(list)
    for placed in wanted:
        for point, value in points(placed):
            if only is None or point in only:
                parts = series[point[0], point[1], placed.group]
                if not parts or len(parts[-1][0]) >= ROWS_A_LINE:
                    parts.append(([], []))
                parts[-1][0].append(value)
                parts[-1][1].append(point[2])
    lines = (
        json.dumps(
            {"metric": _labels(metric, key, group), "values": values, "timestamps": times_ms},
            ensure_ascii=False,
            separators=(",", ":"),
        )
        for (metric, key, group), parts in series.items()
        for values, times_ms in parts
    )
    return "".join(line + "\n" for line in lines).encode()


def _labels(metric: str, key: Key, group: str) -> dict[str, str]:
    labels = {"__name__": metric, "bmc": key.bmc, "group": "" if metric == DAY_BEGUN else group}
    labels.update(source=key.source, doubt=key.doubt, lap=str(key.lap) if key.lap else "")
    return {name: value for name, value in labels.items() if value}


def selector(metrics: Iterable[str], bmcs: Iterable[str] = ()) -> str:
    """Selects our series: those that a scraper writes have a job and an instance, and are left out."""
    names = "|".join(metrics)
    wanted = "|".join(re.escape(bmc) for bmc in bmcs)
    of_bmcs = f",bmc=~{_quoted(wanted)}" if wanted else ""
    return f'{{__name__=~"{names}",job="",instance=""{of_bmcs}}}'


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def series_of(line: bytes) -> Series:
    """A line of `/api/v1/export`. Raises NotOursError for whatever else, PartialError for a part."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        raise NotOursError("it is not a line of an export") from None
    if isinstance(found, dict) and found.get("isPartial"):
        raise PartialError("a storage node of the cluster is away, so this is but a part")
    try:
        labels, values, times_ms = found["metric"], found["values"], found["timestamps"]
        metric = labels["__name__"]
    except (KeyError, TypeError):
        raise NotOursError("it is not a line of an export") from None
    texts = isinstance(labels, dict) and all(isinstance(value, str) for value in labels.values())
    if not texts or not isinstance(values, list) or not isinstance(times_ms, list) or len(values) != len(times_ms):
        raise NotOursError("its parts do not fit")
    if not all(type(at_ms) is int and FIRST_MS <= at_ms <= LAST_MS for at_ms in times_ms):
        raise NotOursError("its times are none")
    return Series(metric, labels, values, times_ms)


def points_of(series: Series) -> Iterator[tuple[Point, float]]:
    """The points of a series of ours that hold a number; none of others, and of names that can be none."""
    labels = series.labels
    bmc, source, doubt, lap = (labels.get(name, "") for name in ("bmc", "source", "doubt", "lap"))
    if not _BMC_NAME.fullmatch(bmc) or bmc in {".", ".."} or not re.fullmatch(r"(-?[0-9]{1,9})?", lap):
        return
    if series.metric != DAY_BEGUN and source not in _SOURCES:
        return
    key = Key(bmc, source, doubt, int(lap or 0))
    for value, at_ms in zip(series.values, series.times_ms, strict=True):
        if type(value) in (int, float) and abs(value) < _LARGEST:
            yield (series.metric, key, at_ms), value


def samples_of(found: Iterable[tuple[Point, float]]) -> list[Placed]:
    """The samples that points make up, in the order of keeping; what is stored twice comes once."""
    values: dict[str, dict[tuple[Key, int], float]] = {metric: {} for metric in SAMPLE_METRICS}
    for (metric, key, at_ms), value in found:
        if metric in values:
            values[metric][key, at_ms] = value
    placed = []
    for (key, at_ms), watts in values[POWER].items():
        if watts != int(watts):
            continue
        statistics = _statistics(values, (key, at_ms))
        doubt = doubt_of(key.doubt.split(_DOUBT_SEPARATOR) if key.doubt else ())
        placed.append(Placed(Sample(key.bmc, at_ms, int(watts), _SOURCES[key.source], doubt, statistics), key.lap))
    return sorted(placed, key=lambda each: each.order)


def _statistics(values: Mapping[str, Mapping[tuple[Key, int], float]], at: tuple[Key, int]) -> Statistics | None:
    found = [values[metric].get(at) for metric in SAMPLE_METRICS[1:]]
    if any(value is None for value in found):
        return None
    minimum, maximum, average, period_s, clock_s = (value for value in found if value is not None)
    return Statistics(int(minimum), int(maximum), int(average), round(period_s * 1000), int(clock_s))
