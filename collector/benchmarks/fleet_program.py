"""What `fleet.py` measures, as a process of its own: the service by its settings, or its polling alone.

`fleet_program.py {service|polling} SETTINGS COUNTS`: at SIGUSR1 it writes what it has counted to the file COUNTS. The
metrics of the service would tell the same, but writing them out for thousands of BMCs makes the polling thread late.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from fleet_room import HEALTHY
from powergraph_collector import settings
from powergraph_collector.history.recorder import Recorder
from powergraph_collector.metrics.figures import Figures
from powergraph_collector.polling.outages import Record
from powergraph_collector.polling.poller import Counts, Poller, Target
from powergraph_collector.service import Service
from powergraph_collector.sources import registry
from powergraph_collector.stopping import stop_on_signals

T = TypeVar("T")


def main() -> None:
    what, config, counts_file = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    loaded = settings.load(config)
    counter = _Counter(counts_file, len(loaded.bmcs))
    signal.signal(signal.SIGUSR1, lambda *_: counter.write())
    counts_file.touch()  # from now on the signal may come
    stop = threading.Event()
    with stop_on_signals(stop):
        if what == "service":
            Service(loaded, stop=stop).run()
        else:
            _poll(loaded, stop, counter)


def _poll(loaded: settings.Settings, stop: threading.Event, counter: _Counter) -> None:
    """The poller over BMCs by LAN as the service runs it, a thread of its own, and nobody who takes what it brings."""
    _, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))
    poller = Poller(registry.READERS["lan"](judges_at_once=False), counter.brought)
    poller.poll([Target(registry.access_of(bmc), bmc.interval_s) for bmc in loaded.bmcs])
    polling = threading.Thread(target=poller.run, args=(stop,), name="polling")
    polling.start()
    while polling.is_alive():
        polling.join(1.0)


class _Counter:
    """Finds what counts among the objects of the process, so that the service runs as it is."""

    def __init__(self, path: Path, bmcs: int) -> None:
        self._path = path
        self._bmcs = bmcs
        self._answered: set[str] = set()
        self._found: list[object] = []
        self._has_begun = False

    def brought(self, records: Sequence[Record]) -> None:
        """Note who has answered, until all have."""
        if len(self._answered) < self._bmcs:
            self._answered.update(record.bmc for record in records)

    def write(self) -> None:
        if not self._has_begun:
            self._found = [each for each in gc.get_objects() if isinstance(each, (Poller, Recorder, Figures))]
        counts = Counts()
        for poller in self._those(Poller):
            counts.add(poller.counts)
        self._has_begun = counts.ticks > 0  # all is made before the first tick, and looking is not for nothing
        figures = [each for all_figures in self._those(Figures) for each in all_figures.all()]
        content = {
            "ticks": counts.ticks,
            "answers": counts.answers,
            "skipped": counts.skipped,
            "failures": counts.failures,
            "lateness": counts.lateness.classes,
            "stored": sum(recorder.stored for recorder in self._those(Recorder)),
            "answered_bmcs": len(self._answered) or sum(each.reads > 0 for each in figures),
            "healthy_reads": sum(each.reads for each in figures if each.bmc.name.startswith(HEALTHY)),
        }
        new = self._path.with_suffix(".new")
        new.write_text(json.dumps(content))
        os.replace(new, self._path)  # noqa: PTH105 -- whole or not at all

    def _those(self, kind: type[T]) -> list[T]:
        return [each for each in self._found if isinstance(each, kind)]


if __name__ == "__main__":
    main()
