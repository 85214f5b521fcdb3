"""The embedded history: a TinyDB table per BMC and UTC day."""

from __future__ import annotations

import re
import time
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, Final

from powergraph_collector.days import utc_day
from powergraph_collector.model import Event, Sample

from .contents import Contents
from .documents import event_document, event_of, sample_document, samples_of
from .engine import Acknowledged
from .powerdb import PowerDB
from .storage import AccessMode
from .uncollected import without_cycle_search

EVENTS_SUFFIX = ".events"
CLOSED_AFTER_MS: Final = 3_600_000  # late samples of a day are few by then; they come as lines beside its columns
SMALLEST_COMPACTED: Final = 8192  # bytes; a disk gives a file no less than half of that
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


class TinyDbHistory:
    """History in a PowerDB: samples in table `<bmc>/<UTC day>`, events in `<bmc>/<UTC day>.events`.

    An event that lasts is kept on the day on which it is told, so that telling it again on each day puts it there; one
    that ended, on the day of its end. Readers merge by kind and beginning. `damage` is that of the tables that were
    read, by name, without their documents. Raises history.storage.StoreError where the store cannot be used.
    """

    def __init__(
        self,
        path: Path,
        access_mode: AccessMode = "r+",
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self.db = PowerDB(path, access_mode=access_mode)
        self.damage: dict[str, Contents] = {}
        self._now_ms = now_ms
        self._current: dict[str, str] = {}
        self._compacted_before = ""
        self._to_compact: Iterator[str] = iter(())

    def reader(self) -> TinyDbHistory:
        """A reader beside this writer, in the same process, that sees only what is acknowledged."""
        reader = TinyDbHistory(self.db.storage.root, access_mode="r")
        reader.db.storage.writer = self.db.storage
        return reader

    @property
    def repairs(self) -> list[str]:
        """What had to be repaired since the store was opened, a sentence each."""
        return self.db.storage.repairs

    def append(self, samples: Sequence[Sample], events: Sequence[Event] = ()) -> Acknowledged:
        """Keep a batch: every table is appended once, all are synced side by side."""
        by_table: dict[str, tuple[list[Sample], list[Event]]] = defaultdict(lambda: ([], []))
        for sample in samples:
            by_table[f"{sample.bmc}/{utc_day(sample.at_ms)}"][0].append(sample)
        for event in events:
            last_ms = max(event.begin_ms, self._now_ms()) if event.end_ms is None else event.end_ms
            by_table[f"{event.bmc}/{utc_day(last_ms)}{EVENTS_SUFFIX}"][1].append(event)
        self._release_former_days(by_table)
        errors: dict[str, OSError] = {}
        with self.db.batch() as failed:
            for name, (of_samples, of_events) in by_table.items():
                documents = [sample_document(sample) for sample in of_samples]
                documents += [event_document(event) for event in of_events]
                try:
                    self.db.table(name).insert_multiple(documents)
                except OSError as error:
                    errors[name] = error
        errors.update(failed)
        safe = [contents for name, contents in by_table.items() if name not in errors]
        return Acknowledged(
            [sample for of_samples, _ in safe for sample in of_samples],
            [event for _, of_events in safe for event in of_events],
            next((f"{name}: {error.strerror}" for name, error in errors.items()), ""),
        )

    def _release_former_days(self, names: Iterable[str]) -> None:
        """Close the tables of a day that is over, so that the number of open files follows the number of BMCs."""
        for name in names:
            bmc, _, table = name.partition("/")
            series = f"{bmc}/{EVENTS_SUFFIX}" if table.endswith(EVENTS_SUFFIX) else bmc
            former = self._current.get(series, name)
            if former != name:
                self.db.release(former)
            self._current[series] = name

    def tidy(self) -> bool:
        """Put one table of a day that is over into columns; returns whether there was one. Raises OSError."""
        day = utc_day(self._now_ms() - CLOSED_AFTER_MS)
        if day != self._compacted_before:
            self._compacted_before, self._to_compact = day, self._closed_before(day)
        return any(self.db.storage.compact(name) for name in self._to_compact)

    def _closed_before(self, day: str) -> Iterator[str]:
        for bmc in self.bmcs():
            for name, size in self.db.storage.tables_with_lines(bmc):
                of_day = name.removeprefix(f"{bmc}/").removesuffix(EVENTS_SUFFIX)
                if size >= SMALLEST_COMPACTED and is_day(of_day) and of_day < day:
                    yield name

    def read(self, bmc: str, from_ms: int, to_ms: int) -> Iterator[Sample]:
        """Samples of a span; documents that are none of ours are passed over."""
        for day in self._days_touching(bmc, from_ms, to_ms):
            yield from [sample for sample in self.read_day(bmc, day) if from_ms <= sample.at_ms < to_ms]

    def read_day(self, bmc: str, day: str) -> list[Sample]:
        """Samples of a UTC day, `YYYY-MM-DD`; documents that are none of ours are passed over."""
        with without_cycle_search():
            return samples_of(bmc, self._documents(f"{bmc}/{day}"))

    def read_events(self, bmc: str, from_ms: int, to_ms: int) -> list[Event]:
        """Events that touch a span, merged over the tables that tell of them."""
        merged: dict[Hashable, Event] = {}
        for day in self._event_days(bmc):
            if day < utc_day(from_ms):
                continue
            for document in self._documents(f"{bmc}/{day}{EVENTS_SUFFIX}"):
                try:
                    event = event_of(bmc, document)
                except (KeyError, ValueError, TypeError, OverflowError):
                    continue
                if event.end_ms is not None or event.key not in merged:
                    merged[event.key] = event
        touching = [
            event
            for event in merged.values()
            if event.begin_ms < to_ms and (event.end_ms is None or event.end_ms >= from_ms)
        ]
        return sorted(touching, key=lambda event: (event.begin_ms, event.kind.value))

    def last(self, bmc: str, count: int) -> list[Sample]:
        """The last count samples; reads only the end of the newest tables."""
        found: list[Sample] = []
        for day in filter(is_day, self.db.storage.newest_in(bmc)):
            wanted = count - len(found)
            if wanted <= 0:
                break
            name = f"{bmc}/{day}"
            samples = samples_of(bmc, self.db.storage.tail(name, wanted))
            if len(samples) < wanted:  # the day is short, or has documents of somebody else
                samples = samples_of(bmc, self._documents(name))[-wanted:]
            found[:0] = samples
        return found

    def bmcs(self) -> list[str]:
        """Names of the BMCs with tables of their own."""
        return self.db.storage.folders()

    def utc_days(self, bmc: str) -> list[str]:
        """UTC days with a table of samples."""
        return [day for day in self._tables(bmc) if is_day(day)]

    def drop_day(self, bmc: str, day: str) -> None:
        """Remove the samples of a UTC day. Raises OSError."""
        self.db.drop_table(f"{bmc}/{day}")

    def day_bytes(self, bmc: str, day: str) -> int:
        """Bytes of the samples of a UTC day on the disk. Raises OSError."""
        return self.db.storage.size(f"{bmc}/{day}")

    def stamps(self, bmc: str) -> dict[str, str]:
        """By UTC day with samples, what changes whenever its tables do. Raises OSError."""
        stamps = self._table_stamps(bmc)
        return {day: stamp + stamps.get(day + EVENTS_SUFFIX, "") for day, stamp in stamps.items() if is_day(day)}

    def event_stamps(self, bmc: str) -> dict[str, str]:
        """By UTC day with events, what changes whenever they do. Raises OSError."""
        stamps = self._table_stamps(bmc)
        return {name.removesuffix(EVENTS_SUFFIX): it for name, it in stamps.items() if name.endswith(EVENTS_SUFFIX)}

    def _table_stamps(self, bmc: str) -> dict[str, str]:
        return {name.partition("/")[2]: stamp for name, stamp in self.db.storage.stamps(bmc).items()}

    def _event_days(self, bmc: str) -> list[str]:
        days = (name.removesuffix(EVENTS_SUFFIX) for name in self._tables(bmc) if name.endswith(EVENTS_SUFFIX))
        return [day for day in days if is_day(day)]

    def _tables(self, bmc: str) -> list[str]:
        return [name.partition("/")[2] for name in self.db.storage.names(bmc)]

    def _days_touching(self, bmc: str, from_ms: int, to_ms: int) -> list[str]:
        if to_ms <= from_ms:
            return []
        first, last = utc_day(from_ms), utc_day(to_ms - 1)
        return [day for day in self.utc_days(bmc) if first <= day <= last]

    def _documents(self, name: str) -> Iterable[Mapping[str, Any]]:
        try:
            return self.contents(name).documents.values()
        except KeyError:
            return ()

    def contents(self, name: str) -> Contents:
        """A table; what of it is damaged is remembered in `damage`. Raises KeyError, OSError."""
        contents = self.db.storage.contents(name)
        if not contents.is_whole:
            self.damage[name] = replace(contents, documents={})
        return contents

    def close(self) -> None:
        """Close the store."""
        self.db.close()


def is_day(text: str) -> bool:
    """Whether text is a day as tables have it in their names, `YYYY-MM-DD`."""
    if not _DAY.fullmatch(text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
