"""`powergraph run`: what a command cost, from the published files of a site, on any machine."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from contextlib import closing, nullcontext, suppress
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Final
from urllib.parse import quote, urlencode

import click
from rich.console import Console

from powergraph_collector import days, showing
from powergraph_collector.commands import child, figures_told
from powergraph_collector.commands.frame import CommandError, ExitCode, FiniteRange
from powergraph_collector.doubts import doubt_words
from powergraph_collector.figures import Figures
from powergraph_collector.measuring import measure
from powergraph_collector.published.fetching import SiteAwayError, SiteError, SiteFiles
from powergraph_collector.published.records import PublishedRecords, Site

DEFAULT_WAIT_S: Final = 60.0
LOOK_S: Final = 2.0
BASELINE_MS: Final = 86_400_000
_MOST_LABEL: Final = 60  # as many as the page shows
_MS_W_PER_WH: Final = 3_600_000


@dataclass(frozen=True, slots=True)
class Baseline:
    """What a machine draws when it idles, and how that is known."""

    power_w: float
    words: str


@dataclass(frozen=True, slots=True)
class Cost:
    """What a command cost on one machine."""

    name: str
    records: PublishedRecords
    figures: Figures
    baseline: Baseline | None
    is_whole: bool
    page: str

    @property
    def is_simulated(self) -> bool:
        """Whether nothing was measured: the machine is made up."""
        return self.records.machine.is_simulated

    @property
    def above_idle_wh(self) -> float | None:
        """The energy above the baseline within the covered time."""
        if self.baseline is None:
            return None
        energy = self.figures.energy
        return (energy.energy_ms_w - self.baseline.power_w * energy.covered_ms) / _MS_W_PER_WH


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of which machines, where."""

    files: SiteFiles
    collector: str | None
    machines: Sequence[str]
    wait_s: float
    idle_w: float | None
    label: str

    def find(self) -> list[tuple[str, PublishedRecords]]:
        """The machines as they are published now. Raises SiteError, CommandError."""
        site = Site(self.files, self.collector)
        found = [(name, site.find(name)) for name in self.machines]
        for name, records in found:
            if records is None:
                there = ", ".join(site.machines()) or "none"
                raise CommandError(f"no machine {name} at {self.files.url}: it has {there}", ExitCode.NOTHING_FOUND)
        return [(name, records) for name, records in found if records is not None]


@click.command(name="run", context_settings={"allow_interspersed_args": False})
@click.option("--site", required=True, metavar="URL", help="The site that publishes, such as http://host/powergraph.")
@click.option(
    "--machine",
    "machines",
    required=True,
    multiple=True,
    help="Which machine, as the page calls it, or collector/name; may be given several times.",
)
@click.option("--collector", help="Of which collector, where several have a machine of the name.")
@click.option("--label", help="What the page shall call the span; by default the command's name.")
@click.option(
    "--idle-w", type=FiniteRange(0), help="What the machine draws when idle; by default its base load before."
)
@click.option(
    "--wait",
    "wait_s",
    type=FiniteRange(0, 3600),
    default=DEFAULT_WAIT_S,
    show_default=True,
    help="Seconds to wait for the last readings to be published.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the figures as one line of JSON, exact, on stderr.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def command(
    *,
    site: str,
    machines: tuple[str, ...],
    collector: str | None,
    label: str | None,
    idle_w: float | None,
    wait_s: float,
    as_json: bool,
    command: tuple[str, ...],
) -> int:
    """Run a command, and print what it cost: mean, peak, energy, energy above idle, coverage, the page of its span.

    Works on any machine, without rights on the collector. The figures go to stderr; the exit code is that of the
    command (127 if it is not found, 128 and more if a signal killed it), whatever becomes of the figures.

    \b
    powergraph run --site http://host/powergraph --machine node01 -- make -j8
    """
    try:
        files = SiteFiles(site)
    except ValueError as error:
        raise CommandError(f"--site: {error}", ExitCode.USAGE) from None
    if label is not None and (not label.isprintable() or len(label) > _MOST_LABEL):
        raise CommandError(f"--label: at most {_MOST_LABEL} printable characters", ExitCode.USAGE)
    name = PurePath(command[0]).name
    label = name[:_MOST_LABEL] if label is None else label
    asked = Question(files, collector, list(dict.fromkeys(machines)), wait_s, idle_w, label)
    with closing(files):
        try:
            asked.find()
        except SiteAwayError as error:
            _say(f"{error}; the command runs all the same, and its figures are asked for afterwards")
        except SiteError as error:
            raise CommandError(str(error), ExitCode.STORE) from None
        try:
            ended = child.run(command)
        except child.NotStartedError as error:
            _say(str(error))
            return error.code
        try:
            _tell(asked, ended, as_json=as_json)
        except KeyboardInterrupt:
            _say("interrupted: no figures")
        except (SiteError, CommandError) as error:
            _say(f"no figures: {error}")
        except Exception as error:  # whatever it is, the command's exit code counts
            _say(f"no figures: {type(error).__name__}: {error}")
    return ended.code


def _tell(asked: Question, ended: child.Ended, *, as_json: bool) -> None:
    """Wait for the figures of a command that ended, and print them. Raises SiteError, CommandError."""
    with _progress(asked):
        found, is_whole = _published(asked, ended)
    ahead_ms = asked.files.clock.ahead_ms or 0
    from_ms, to_ms = _span(ended, ahead_ms)
    costs = [_cost(asked, name, records, (from_ms, to_ms), is_whole) for name, records in found]
    if as_json:
        click.echo(json.dumps(_document(costs, ended, ahead_ms)), err=True)
        return
    if ahead_ms:
        _say(f"the site's clock is {ahead_ms / 1000:+,.0f} s from this machine's: the span is told by the site's")
    if not is_whole:
        _say("not all of it is published yet, or the machine is silent: the page may show more later")
    for line in _lines(costs):
        click.echo(line, err=True)


def _progress(asked: Question) -> Any:
    """A sign of life while waiting, on a terminal."""
    if not sys.stderr.isatty():
        return nullcontext()
    return Console(stderr=True).status(f"waiting for {', '.join(asked.machines)} to be published; Ctrl-C ends that")


def _span(ended: child.Ended, ahead_ms: int) -> tuple[int, int]:
    """The command's time by the site's clock, in whole seconds: what the page's address can say."""
    to_ms = ended.at_ms + ahead_ms
    first_s, last_s = (round(at_ms / 1000) for at_ms in (to_ms - ended.duration_ms, to_ms))
    return first_s * 1000, max(last_s, first_s + 1) * 1000


def _published(asked: Question, ended: child.Ended) -> tuple[list[tuple[str, PublishedRecords]], bool]:
    """The machines once all is published until the end, or as they are when the wait is over, and whether it is all."""
    until_s = time.monotonic() + asked.wait_s
    while True:
        trouble: SiteAwayError | None = None
        try:
            found = asked.find()
            to_ms = _span(ended, asked.files.clock.ahead_ms or 0)[1]
            states = [records.now() for _, records in found]
            missing = [state for state in states if (state.at_ms or 0) < to_ms]
            if all(state.is_silent for state in missing) or time.monotonic() >= until_s:
                return asked.find(), not missing  # anew: a day may have begun
        except SiteAwayError as error:
            trouble = error
        if time.monotonic() >= until_s and trouble is not None:
            raise trouble
        time.sleep(max(0.0, min(LOOK_S, until_s - time.monotonic())))


def _cost(asked: Question, name: str, records: PublishedRecords, span: tuple[int, int], is_whole: bool) -> Cost:
    figures = measure(records, *span, records.index.tariff)
    baseline: Baseline | None = None
    if asked.idle_w is not None:
        baseline = Baseline(asked.idle_w, "as told by --idle-w")
    else:
        before = measure(records, span[0] - BASELINE_MS, span[0])
        if before.base_w is not None:
            share = showing.coverage(before.energy.covered_ms, BASELINE_MS)
            baseline = Baseline(before.base_w, f"the base load of the 24 h before, {share} of which are known")
    return Cost(name, records, figures, baseline, is_whole, _page(asked, name, records, span))


def _page(asked: Question, name: str, records: PublishedRecords, span: tuple[int, int]) -> str:
    """The address of the span in the page, with a quarter of it on either side."""
    around_ms = max(60_000, (span[1] - span[0]) // 4000 * 1000)
    machine = name if asked.collector is None else f"{records.index.collector}/{records.machine.name}"
    begin, end, first, last = (
        f"{days.moment(at_ms):%Y-%m-%dT%H:%M:%SZ}" for at_ms in (span[0] - around_ms, span[1] + around_ms, *span)
    )
    query = {"machine": machine, "from": begin, "to": end, "sel": f"{first}/{last}"}
    if asked.label:
        query["label"] = asked.label
    return f"{asked.files.url}/machine.html?{urlencode(query, safe=':/', quote_via=quote)}"


def _lines(costs: Sequence[Cost]) -> list[str]:
    if len(costs) == 1:
        (cost,) = costs
        index = cost.records.index
        lines = figures_told.lines(cost.figures, index.zone, index.tariff, index.co2_g_per_kwh)
        if cost.is_simulated:
            lines.append(figures_told.SIMULATED)
        return [f"machine    {cost.name}", *lines, f"above idle {_above_idle(cost)}", f"page       {cost.page}"]
    lines = [_line(cost.name, cost.figures.energy.mean_w, cost.figures, cost.above_idle_wh) for cost in costs]
    lines.append(f"sum: {_sum_words(costs)}")
    if simulated := [cost.name for cost in costs if cost.is_simulated]:
        lines.append(f"simulated, not measured: {', '.join(simulated)}")
    for cost in costs:
        lines.append(f"{cost.name}: above idle is {_above_idle(cost)}")
        if (words := figures_told.error_words(cost.figures)) is not None:
            lines.append(f"{cost.name}: {words}")
        if cost.figures.doubt:
            lines.append(f"{cost.name}: in doubt: {doubt_words(cost.figures.doubt)}")
    return [*lines, *(f"{cost.name}: {cost.page}" for cost in costs)]


def _line(name: str, mean_w: float | None, figures: Figures, above_idle_wh: float | None) -> str:
    above = showing.NOTHING if above_idle_wh is None else showing.energy(above_idle_wh)
    coverage = showing.coverage(figures.energy.covered_ms, figures.span_ms)
    return (
        f"{name}: mean {showing.watts(mean_w, 1)}, peak {showing.watts(figures.energy.max_w)}, energy "
        f"{showing.energy(figures.energy.energy_wh)}, above idle {above}, coverage {coverage}, "
        f"samples {showing.number(figures.energy.samples)}"
    )


def _sum_words(costs: Sequence[Cost]) -> str:
    mean_w, energy_wh, above_wh = _sums(costs)
    above = showing.NOTHING if above_wh is None else showing.energy(above_wh)
    return f"mean {showing.watts(mean_w, 1)}, energy {showing.energy(energy_wh)}, above idle {above}"


def _sums(costs: Sequence[Cost]) -> tuple[float | None, float, float | None]:
    """Mean and energies together; None where that of one machine is not known."""
    means = [cost.figures.energy.mean_w for cost in costs]
    above = [cost.above_idle_wh for cost in costs]
    energy_wh = sum(cost.figures.energy.energy_ms_w for cost in costs) / _MS_W_PER_WH
    return (
        sum(mean for mean in means if mean is not None) if None not in means else None,
        energy_wh,
        sum(wh for wh in above if wh is not None) if None not in above else None,
    )


def _above_idle(cost: Cost) -> str:
    if cost.baseline is None or cost.above_idle_wh is None:
        return f"{showing.NOTHING} (nothing is published of the 24 h before: give --idle-w)"
    return (
        f"{showing.energy(cost.above_idle_wh)} (idle {showing.watts(cost.baseline.power_w, 1)}: {cost.baseline.words})"
    )


def _document(costs: Sequence[Cost], ended: child.Ended, ahead_ms: int) -> dict[str, Any]:
    mean_w, energy_wh, above_wh = _sums(costs)
    return {
        "exit_code": ended.code,
        "duration_s": ended.duration_ms / 1000,
        "clock_ahead_s": ahead_ms / 1000,
        "machines": [
            {
                "machine": cost.name,
                **figures_told.document(cost.figures, cost.records.index.tariff, cost.records.index.co2_g_per_kwh),
                "baseline_w": cost.baseline and cost.baseline.power_w,
                "baseline_of": cost.baseline and cost.baseline.words,
                "above_idle_wh": cost.above_idle_wh,
                "complete": cost.is_whole,
                "simulated": cost.is_simulated,
                "page": cost.page,
            }
            for cost in costs
        ],
        "sum": {"mean_w": mean_w, "energy_wh": energy_wh, "above_idle_wh": above_wh},
    }


def _say(words: str) -> None:
    with suppress(OSError):  # whoever read it has left; the exit code still counts
        click.echo(f"powergraph run: {' '.join(words.split())}", err=True)
