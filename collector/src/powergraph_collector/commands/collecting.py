"""Collecting from one BMC that the command line names; `powergraph` and `graph_csv` without `--config` both do it."""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click

from powergraph_collector import settings_types
from powergraph_collector.commands.feedback import Feedback
from powergraph_collector.commands.frame import (
    EXIT_CODE_OF_REASON,
    CommandError,
    ExitCode,
    F,
    FiniteRange,
    has_left,
    nobody_reads,
    tell,
)
from powergraph_collector.doubts import doubt_words
from powergraph_collector.model import Doubt, Event, Reason, Sample
from powergraph_collector.polling.poller import Poller
from powergraph_collector.publish.csv_files import HEADER, rows
from powergraph_collector.service import Service, targets_of
from powergraph_collector.settings_model import Bmc, Settings
from powergraph_collector.sources import registry
from powergraph_collector.sources.contract import Answer, NoReading
from powergraph_collector.stopping import stop_on_signals


def collecting_options(command: F) -> F:
    """The options that say how often to read, how long, and what to publish."""
    for option in reversed((
        click.option(
            "--interval",
            type=FiniteRange(settings_types.SHORTEST_INTERVAL_S, settings_types.LONGEST_INTERVAL_S),
            default=settings_types.DEFAULT_INTERVAL_S,
            show_default=True,
            help="Seconds between readings.",
        ),
        click.option(
            "--nread",
            type=click.IntRange(1),
            help="How often to read, readings that bring no watts included; without it, until stopped.",
        ),
        click.option(
            "--csv_interval",
            type=FiniteRange(0, settings_types.LONGEST_CSV_INTERVAL_S, min_open=True),
            default=settings_types.DEFAULT_CSV_INTERVAL_S,
            show_default=True,
            help="Seconds between CSV files.",
        ),
        click.option(
            "--tail_length",
            type=click.IntRange(1, settings_types.LONGEST_TAIL),
            default=settings_types.DEFAULT_TAIL_LENGTH,
            show_default=True,
            help="Lines of the CSV.",
        ),
    )):  # fmt: skip
        command = option(command)
    return command


@dataclass(slots=True)
class FirstContact:
    """Ends collecting when the very first answer is a failure: a person who waits wants to know it."""

    stop: threading.Event
    feedback: Feedback | None = None
    failure: NoReading | None = None
    last: NoReading | None = None
    doubt: Doubt = Doubt.NONE
    has_answered: bool = field(default=False)

    def told(self, bmc: str, at_ms: int, answer: Answer) -> None:
        """See an answer."""
        if self.feedback is not None:
            self.feedback.told(bmc, at_ms, answer)
        if not isinstance(answer, NoReading):
            self.has_answered = True
            if self.last is not None:
                tell(f"{bmc}: answers again")
            self.last = None
            self._doubted(bmc, answer.doubt)
            return
        if not self.has_answered:
            self.failure = answer
            self.stop.set()
        elif self.last is None or self.last.reason is not answer.reason:
            tell(f"{bmc}: no reading: {answer.detail}; still trying")
        self.last = answer

    def _doubted(self, bmc: str, doubt: Doubt) -> None:
        """Say what readings are to be doubted for from here on, as CSV has no column for it."""
        if doubt is not self.doubt and self.feedback is None:
            tell(f"{bmc}: in doubt from here on: {doubt_words(doubt)}" if doubt else f"{bmc}: in doubt no more")
        self.doubt = doubt

    def acknowledged(self, samples: Sequence[Sample], events: Sequence[Event]) -> None:
        """See what was stored."""
        if self.feedback is not None:
            self.feedback.acknowledged(samples, events)

    def check(self, bmc: Bmc) -> None:
        """Raise CommandError if the first contact failed."""
        if self.failure is not None:
            code = EXIT_CODE_OF_REASON.get(self.failure.reason, ExitCode.NO_POWER)
            raise CommandError(f"{bmc.place}: {self.failure.detail}. {advice(self.failure.reason)}", code)


def advice(reason: Reason) -> str:
    """What a person can do about a failed contact."""
    if reason is Reason.NO_SESSION_SLOT:
        return "Wait for more than a minute, or close other sessions of the BMC."
    if reason is Reason.PORT_CLOSED:
        return (
            "Check --port, or switch IPMI over LAN on at the BMC (iLO: Security, Access Settings, IPMI/DCMI over LAN; "
            "iDRAC: Connectivity, Network, IPMI Settings; XCC: Network, IPMI over LAN; eBMC: Security and access, "
            "Policies, Network IPMI)."
        )
    if reason is Reason.TIMEOUT:
        return "Check --host and --port, and that IPMI over LAN is enabled; a slow BMC wants a longer --timeout."
    return {
        ExitCode.UNREACHABLE: "Check --host and --port, and that IPMI over LAN is enabled on the BMC.",
        ExitCode.LOGIN: "Check --user and the password, and that the user may log in over LAN.",
        ExitCode.NO_POWER: "powergraph probe shows what this BMC offers.",
    }[EXIT_CODE_OF_REASON.get(reason, ExitCode.NO_POWER)]


def store(collected: Settings, ticks: int | None, feedback: Feedback | None) -> None:
    """Collect into the store of the settings until told to stop. Raises CommandError, StoreError."""
    parent = Path(collected.store).parent
    if not parent.is_dir():
        raise CommandError(f"--jsonfile: there is no folder {parent}", ExitCode.STORE)
    stop = threading.Event()
    contact = FirstContact(stop, feedback)
    service = Service(collected, ticks=ticks, watcher=contact, stop=stop)
    with stop_on_signals(stop):
        if feedback is None:
            in_order = service.run()
        else:
            with feedback:
                in_order = service.run()
    contact.check(collected.bmcs[0])
    check_end(service, in_order)


def check_end(service: Service, in_order: bool) -> None:
    """Raise CommandError unless a service ended in order with everything stored."""
    if service.unwritten:
        lost = f"{service.unwritten} records could not be stored: the disk did not take them"
        raise CommandError(lost, ExitCode.STORE)
    if not in_order:
        raise CommandError("collecting ended unexpectedly; the lines above say why", ExitCode.FAILED)


def print_readings(collected: Settings, ticks: int | None) -> None:
    """Print CSV rows until told to stop. Raises CommandError."""
    stop = threading.Event()
    contact = FirstContact(stop)
    header = [HEADER.decode()]

    def show(records: Sequence[Sample | Event]) -> None:
        samples = [record for record in records if isinstance(record, Sample)]
        if not samples:
            return
        try:
            click.echo("".join(header) + rows(samples).decode(), nl=False)
        except OSError as error:
            if not has_left(error):
                raise
            nobody_reads(sys.stdout)
            stop.set()
        header.clear()

    ((name, target),) = targets_of(collected)
    reader = registry.READERS[name](judges_at_once=True)
    poller = Poller(reader, show, told=contact.told, ticks=ticks)
    poller.poll([target])
    with stop_on_signals(stop):
        poller.run(stop)
    contact.check(collected.bmcs[0])
