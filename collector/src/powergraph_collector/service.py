"""The collector at work: threads that poll, record and publish, and the signals that stop and reload them."""

from __future__ import annotations

import logging
import resource
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from powergraph_collector import heartbeat
from powergraph_collector.history import opening
from powergraph_collector.history.begun_again import begun_again
from powergraph_collector.history.engine import History, Spooling
from powergraph_collector.history.recorder import MOST_RECORDS, Recorder
from powergraph_collector.history.retention import DroppingHistory, SampleRetention
from powergraph_collector.history.storage_state import StorageState, Storing
from powergraph_collector.inbox import Inbox
from powergraph_collector.metrics.families import Sources, registry_of
from powergraph_collector.metrics.figures import Figures
from powergraph_collector.metrics.server import MetricsServer
from powergraph_collector.model import Event, EventKind, Sample
from powergraph_collector.polling.clock import Clock
from powergraph_collector.polling.outages import Record
from powergraph_collector.polling.poller import Target
from powergraph_collector.polling.pollers import Pollers
from powergraph_collector.publish import files, json_files
from powergraph_collector.publish.publisher import Publisher
from powergraph_collector.publish.tail import TAIL_FILE, TailPublisher
from powergraph_collector.settings import Settings, SettingsError
from powergraph_collector.sources import registry
from powergraph_collector.sources.contract import Answer, Reader, ToolMissing

HEARTBEAT_FILE: Final = "heartbeat"
STORAGE_FILE: Final = "storage.json"  # beside it: the storage object of now.json, for when that cannot be written
_BEAT_S: Final = 1.0
_LEAST_FILES: Final = 65_536

_log = logging.getLogger("powergraph")


class Watcher(Protocol):
    """Somebody who looks on, such as `--feedback`; called from the polling and recording threads."""

    def told(self, bmc: str, at_ms: int, answer: Answer) -> None:
        """An answer came."""
        ...

    def acknowledged(self, samples: Sequence[Sample], events: Sequence[Event]) -> None:
        """Samples are safe on the disk."""
        ...


class Publishing(Protocol):
    """What the publishing thread runs."""

    def acknowledged(self, samples: Sequence[Sample], events: Sequence[Event]) -> None:
        """Take what is safe on the disk."""
        ...

    def run(self, stop: threading.Event) -> None:
        """Publish until told to stop."""
        ...


def readers_of(settings: Settings) -> list[str]:
    """The name of each BMC's reader."""
    return [registry.reader_of(bmc) for bmc in settings.bmcs]


def targets_of(settings: Settings, begun: Iterable[Event] = ()) -> list[tuple[str, Target]]:
    """All BMCs of the settings with their readers and intervals, and the caps that last by `begun_again`'s events."""
    caps = {event.bmc: event for event in begun if event.kind is EventKind.CAP}
    return [
        (registry.reader_of(bmc), Target(registry.access_of(bmc), bmc.interval_s, caps.get(bmc.name)))
        for bmc in settings.bmcs
    ]


@dataclass(slots=True)
class Service:
    """Collects by settings until stopped. `ticks` limits the ticks per BMC; `watcher` looks on.

    Who sets `reload_asked` has the settings taken anew from `reload`.

    `run` raises history.storage.StoreError and sources.contract.ToolMissing before anything is begun.
    """

    settings: Settings
    reload: Callable[[], Settings] | None = None
    ticks: int | None = None
    watcher: Watcher | None = None
    stop: threading.Event = field(default_factory=threading.Event)
    reload_asked: threading.Event = field(default_factory=threading.Event)
    unwritten: int = 0
    _failed: bool = False
    _figures: Figures = field(init=False)
    _inbox: Inbox = field(init=False)
    _recorder: Recorder = field(init=False)
    _storage: Callable[[], StorageState] = StorageState
    _storage_told: StorageState = field(default_factory=StorageState)
    _publishing: Publishing | None = None
    _publishing_stop: threading.Event = field(default_factory=threading.Event)
    _publishing_thread: threading.Thread | None = None

    def run(self) -> bool:
        """Collect; returns whether it ended in order: stopped or through, with everything stored."""
        _raise_file_limit()
        pollers = Pollers(self._reader, self._hand_on, self._told, self.ticks, self.stop, self._guarded)
        pollers.make(readers_of(self.settings))
        history = opening.writer(self.settings, _log.warning)
        clock = Clock()
        self._figures = Figures(self.settings.bmcs)
        recorder = Recorder(
            history,
            self._acknowledged,
            _log.error,
            self.settings.sync_interval_s,
            upkeep=self._upkeep(history, clock),
        )
        self._recorder = recorder
        self._storage = recorder.storage
        self._inbox = Inbox(recorder.hand_on, _log.warning, clock.utc_ms)
        metrics = MetricsServer(registry_of(self._sources(pollers, recorder, history)), _log.error, clock.monotonic_s)
        begun = begun_again(history, self.settings.bmcs, clock.utc_ms())
        recorder.hand_on(begun)
        pollers.poll(targets_of(self.settings, begun))
        recording = threading.Thread(target=self._guarded, args=(recorder.run,), name="recording")
        beating = threading.Thread(target=self._beat, args=(pollers,), name="heartbeat", daemon=True)
        self._start_publishing(history, clock)
        recording.start()
        pollers.start()
        beating.start()
        try:
            self._watch(
                pollers=pollers,
                recording=recording,
                recorder=recorder,
                history=history,
                clock=clock,
                metrics=metrics,
            )
        finally:
            metrics.stop()
            self.stop.set()
            pollers.join()
            recorder.end()
            recording.join()
            self._stop_publishing()
            history.close()
        self.unwritten = recorder.unwritten
        return not self._failed and not self.unwritten

    def _reader(self, name: str) -> Reader[Any]:
        return registry.READERS[name](judges_at_once=self.ticks is not None)

    def _guarded(self, work: Callable[..., None], *arguments: object) -> None:
        """Run a thread's work; should it fail, the service ends and says so."""
        try:
            work(*arguments)
        except Exception:
            self._failed = True
            _log.exception("the %s thread failed", threading.current_thread().name)

    def _watch(
        self,
        *,
        pollers: Pollers,
        recording: threading.Thread,
        recorder: Recorder,
        history: History,
        clock: Clock,
        metrics: MetricsServer,
    ) -> None:
        """The main thread: reload, marks, and an eye on the others."""
        stored = history.reader()
        while pollers.are_at_work and recording.is_alive() and not self.stop.is_set():
            metrics.keep(self.settings.metrics)
            self._tell_of_storage()
            if self.settings.inbox is not None:
                self._inbox.look(self.settings.inbox, [bmc.name for bmc in self.settings.bmcs], stored)
            while history.repairs:
                _log.warning("store repaired: %s", history.repairs.pop(0))
            if self.reload is not None and self.reload_asked.is_set():
                self.reload_asked.clear()
                self._take_new_settings(pollers, recorder, history, clock)
            if self._publishing_thread is not None and not self._publishing_thread.is_alive():
                if not self._publishing_stop.is_set():
                    _log.error("publishing ended unexpectedly, it begins again; collecting goes on")
                self._start_publishing(history, clock)
            pollers.join(_BEAT_S) if self.ticks is not None else self.stop.wait(_BEAT_S)

    def _beat(self, pollers: Pollers) -> None:
        """The polling loop's sign of life, told by a thread that waits for nobody else."""
        told = ""
        while not self.stop.wait(_BEAT_S):
            folder, trouble = self.settings.runtime, ""
            if folder is None or not pollers.last_round_s:
                continue
            try:
                heartbeat.write(folder / HEARTBEAT_FILE, pollers.last_round_s)
            except OSError as error:
                trouble = f"{folder} cannot be written: {error.strerror}"
            if trouble and trouble != told:
                _log.error("no sign of life for the watchdog: %s", trouble)
            told = trouble

    def _tell_of_storage(self) -> None:
        """Say what the recording thread cannot while it hangs: in the log when it changes, and for `status`."""
        state, told = self._storage(), self._storage_told
        if state.storing is Storing.STALLED and told.storing is not Storing.STALLED:
            _log.error("the disk does not answer: samples wait in memory until a write comes back")
        elif told.storing is Storing.STALLED and state.storing is not Storing.STALLED:
            _log.error("the disk answers again")
        if state.dropped and not told.dropped:
            _log.error("too many samples wait to be written: the oldest are dropped from now on, and counted")
        self._storage_told = state
        if self.settings.runtime is not None:
            with suppress(OSError):  # the heartbeat complains of the folder
                content = json_files.encode(state.document())
                files.replace(self.settings.runtime / STORAGE_FILE, content, twins=files.ALONE)

    def _sources(self, pollers: Pollers, recorder: Recorder, history: History) -> Sources:
        return Sources(
            name=self.settings.name,
            figures=self._figures,
            counts=lambda: pollers.counts,
            last_round_s=lambda: pollers.last_round_s,
            storage=recorder.storage,
            stored=lambda: recorder.stored,
            most_unwritten=MOST_RECORDS,
            spool=lambda: history.spool() if isinstance(history, Spooling) else None,
        )

    def _take_new_settings(self, pollers: Pollers, recorder: Recorder, history: History, clock: Clock) -> None:
        """Take what was reloaded, or go on with what was before: whatever is wrong with it, collecting goes on."""
        assert self.reload is not None  # noqa: S101 -- the caller saw it
        try:
            settings = self.reload()
            for name in ("history", "database", "store", "runtime", "keep_sample_days"):
                if getattr(settings, name) != getattr(self.settings, name):
                    _log.error("settings not reloaded: a new %s needs a restart", name)
                    return
            known = {bmc.name for bmc in self.settings.bmcs}
            begun = begun_again(history, [bmc for bmc in settings.bmcs if bmc.name not in known], clock.utc_ms())
            pollers.make(readers_of(settings))
        except (SettingsError, ToolMissing, OSError) as error:
            _log.error("settings not reloaded, going on with those before: %s", error)
            return
        except Exception:
            _log.exception("settings not reloaded, going on with those before")
            return
        self.settings = settings
        self._figures.use(settings.bmcs)
        recorder.sync_interval_s = settings.sync_interval_s
        opening.renew(history, settings)
        recorder.hand_on(begun)
        pollers.poll(targets_of(settings, begun))
        pollers.start()
        self._publishing_stop.set()  # when it has ended, _watch begins anew: not before, and without waiting for it
        _log.info("settings reloaded: %d BMCs", len(settings.bmcs))

    def _start_publishing(self, history: History, clock: Clock) -> None:
        settings = self.settings
        reader = history.reader()
        if settings.publish is not None:
            self._publishing = Publisher(
                settings,
                reader,
                settings.publish,
                _log.error,
                clock.utc_ms,
                storage=self._storage,
                tell=_log.info,
            )
        else:
            self._publishing = TailPublisher(
                reader,
                settings.bmcs[0].name,
                settings.store.parent / TAIL_FILE,
                count=settings.tail_length,
                interval_s=settings.csv_interval_s,
                complain=_log.error,
            )
        self._publishing_stop = threading.Event()
        self._publishing_thread = threading.Thread(
            target=self._publishing.run, args=(self._publishing_stop,), name="publishing"
        )
        self._publishing_thread.start()

    def _upkeep(self, history: History, clock: Clock) -> Callable[[], None]:
        if not isinstance(history, DroppingHistory):
            return lambda: None
        keep_days = self.settings.keep_sample_days
        return SampleRetention(history, keep_days, self._is_rolled_up, _log.info, clock.utc_ms).step

    def _is_rolled_up(self, bmc: str, day: str) -> bool:
        return isinstance(self._publishing, Publisher) and self._publishing.is_rolled_up(bmc, day)

    def _stop_publishing(self) -> None:
        self._publishing_stop.set()
        if self._publishing_thread is not None:
            self._publishing_thread.join()

    def _hand_on(self, records: Sequence[Record]) -> None:
        self._recorder.hand_on(records)

    def _told(self, bmc: str, at_ms: int, answer: Answer) -> None:
        self._figures.told(bmc, at_ms, answer)
        if self.watcher is not None:
            self.watcher.told(bmc, at_ms, answer)

    def _acknowledged(self, samples: Sequence[Sample], events: Sequence[Event]) -> None:
        self._figures.acknowledged(samples, events)
        self._inbox.acknowledged(events)
        if self._publishing is not None:
            self._publishing.acknowledged(samples, events)
        if self.watcher is not None:
            self.watcher.acknowledged(samples, events)


def _raise_file_limit() -> None:
    """A file per BMC is open all day."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _LEAST_FILES if hard == resource.RLIM_INFINITY else min(hard, _LEAST_FILES)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
