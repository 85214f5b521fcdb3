"""TinyDB's Storage over a folder: two files a table, read lazily, with one writer."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote

from tinydb.storages import Storage

from . import durable, format_file, log_file, table_files
from .contents import Contents
from .format_file import Unknown
from .log_file import LogFile
from .table_files import TableFiles

_LOCK_FILE = ".lock"  # with a leading dot, which no table's file has
_OWN_FILES = (_LOCK_FILE, format_file.NAME, format_file.NAME + durable.BEGUN)
_SYNC_THREADS = 8

AccessMode = Literal["r", "r+"]
TableDocuments = Mapping[str, Mapping[str, Any]]
TableOfIds = Mapping[int, Mapping[str, Any]]


class StoreError(OSError):
    """A store that cannot be opened or used; the message is one sentence that says what to do."""


class Tables(MutableMapping[str, TableDocuments]):
    """What TinyDB takes for the whole database: names now, documents when asked for; remembers what was changed."""

    def __init__(self, storage: LogStorage) -> None:
        self._storage = storage
        self.changed: dict[str, TableDocuments] = {}
        self.deleted: set[str] = set()

    def __getitem__(self, name: str) -> TableDocuments:
        if name in self.deleted:
            raise KeyError(name)
        if name in self.changed:
            return self.changed[name]
        return self._storage.read_table(name)

    def __setitem__(self, name: str, documents: TableDocuments) -> None:
        self.deleted.discard(name)
        self.changed[name] = documents

    def __delitem__(self, name: str) -> None:
        if name not in self:
            raise KeyError(name)
        self.changed.pop(name, None)
        self.deleted.add(name)

    def __contains__(self, name: object) -> bool:
        return name in self.changed or (
            name not in self.deleted and isinstance(name, str) and self._storage.has_table(name)
        )

    def __iter__(self) -> Iterator[str]:
        yield from self.changed
        yield from (name for name in self._storage.names() if name not in self.changed and name not in self.deleted)

    def __len__(self) -> int:
        return sum(1 for _ in self)


class LogStorage(Storage):
    """A folder of append-only files behind TinyDB's Storage interface.

    With access mode `r+` (the default) the folder is made if need be and locked against a second writer; with `r`
    nothing is locked, written or repaired, so that readers never wait and never disturb. Raises StoreError.
    """

    def __init__(self, path: str | os.PathLike[str], access_mode: AccessMode = "r+") -> None:
        if access_mode not in ("r", "r+"):
            raise ValueError(f"access_mode {access_mode!r} is neither 'r' nor 'r+'")
        self.root = Path(path)
        self.access_mode = access_mode
        self.writer: LogStorage | None = None
        self.repairs: list[str] = []
        self._open: dict[str, LogFile] = {}
        self._unsynced: dict[str, LogFile] = {}
        self._new_folders: set[Path] = set()
        self._known_folders: set[Path] = set()
        self._batches = 0
        self._pool: ThreadPoolExecutor | None = None
        self._lock_fd: int | None = None
        if access_mode == "r+":
            self._refuse_what_is_no_store()
            self._prepare()
        try:
            self._check_format()
        except StoreError:
            self.close()
            raise

    # -- opening ------------------------------------------------------------

    def _prepare(self) -> None:
        if self.root.exists() and not self.root.is_dir():
            raise StoreError(
                f"{self.root} is a file, not a PowerGraph store: collect into a new name and bring the old samples "
                f"along with: powergraph db import {self.root} --jsonfile NEW"
            )
        try:
            self.root.mkdir(mode=0o750, exist_ok=True)
            self._lock_fd = os.open(self.root / _LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
            fcntl.flock(self._lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._lock_fd or 0, 20, 0).decode(errors="replace").strip()
            os.close(self._lock_fd or 0)
            self._lock_fd = None
            raise StoreError(
                f"{self.root} is being written by another process (pid {holder or 'unknown'}): "
                "stop that one first, or give another --jsonfile"
            ) from None
        except OSError as error:
            if self._lock_fd is not None:
                os.close(self._lock_fd)
                self._lock_fd = None
            raise StoreError(f"{self.root} cannot be opened for writing: {error.strerror}") from None
        with suppress(OSError):  # the pid is for people; the lock itself needs no space on the disk
            os.ftruncate(self._lock_fd, 0)
            os.pwrite(self._lock_fd, f"{os.getpid()}\n".encode(), 0)

    def _refuse_what_is_no_store(self) -> None:
        """Before anything is made in a folder: one that tells no format is a store only if all in it can be of one."""
        try:
            if not self.root.is_dir() or not isinstance(self._format(), Unknown):
                return
            other = table_files.first_other(self.root, _OWN_FILES)
        except StoreError:
            raise
        except OSError as error:
            raise StoreError(f"{error.filename} cannot be read: {error.strerror}") from None
        if other is not None:
            raise StoreError(
                f"{self.root} is not a PowerGraph store, {other!r} is in it: give a new name, such as "
                f"{self.root / 'powergraph.db'}, or, if it is a store all the same, move out what is not of it"
            )

    def _format(self) -> int | Unknown:
        try:
            return format_file.read(self.root)
        except NotADirectoryError:
            raise StoreError(f"{self.root} is a file, not a PowerGraph store") from None
        except OSError as error:
            raise StoreError(f"{self.root / format_file.NAME} cannot be read: {error.strerror}") from None

    def _check_format(self) -> None:
        found, name = self._format(), format_file.NAME
        if found not in (*format_file.READABLE_FORMATS, *Unknown):
            raise StoreError(
                f"{self.root} has format {found}, this PowerGraph reads {format_file.FORMAT}: update PowerGraph"
            )
        if self.access_mode == "r":
            if found is Unknown.MISSING:
                raise StoreError(f"{self.root} is not a PowerGraph store (it has no {name})")
            if found is Unknown.DAMAGED:
                raise StoreError(
                    f"{self.root / name} is damaged: let the collector open the store once, it writes it anew"
                )
        elif found != format_file.FORMAT:
            if found is Unknown.DAMAGED or (found is Unknown.MISSING and any(table_files.names_below(self.root))):
                self.repairs.append(f"{name} was {found}")
            self._write_format()

    def _write_format(self) -> None:
        try:
            format_file.write(self.root)
        except OSError as error:
            raise StoreError(
                f"{self.root} cannot be written: {error.strerror}; make room or another --jsonfile"
            ) from None

    # -- reading ------------------------------------------------------------

    def names(self, folder: str = "") -> list[str]:
        """Names of the tables, or of those whose names begin with `folder/`."""
        return table_files.names_below(self.root, folder)

    def newest_in(self, folder: str) -> Iterator[str]:
        """Names of the tables right in a folder, without it, descending as their files are named. Raises OSError."""
        return table_files.newest_in(self.root, folder)

    def tables_with_lines(self, folder: str) -> list[tuple[str, int]]:
        """Names of the tables in a folder that have lines, with how many bytes of them. Raises OSError."""
        return table_files.logs_below(self.root, folder)

    def set_aside(self) -> list[str]:
        """Files of damaged tables that were rewritten, below the root."""
        return [str(path.relative_to(self.root)) for path in table_files.set_aside_below(self.root)]

    def size(self, name: str) -> int:
        """Bytes of a table's files. Raises OSError."""
        files = self._files(name)
        return sum(path.stat().st_size for path in (files.log, files.columns) if path.exists())

    def stamps(self, folder: str) -> dict[str, str]:
        """By table in a folder, what changes whenever the table does. Raises OSError."""
        return table_files.stamps_below(self.root, folder)

    def folders(self) -> list[str]:
        """What stands in front of the first `/` of table names."""
        with os.scandir(self.root) as entries:
            return sorted(unquote(entry.name) for entry in entries if entry.is_dir())

    def has_table(self, name: str) -> bool:
        """Whether the table exists, empty or not."""
        return self._files(name).exists()

    def read(self) -> Tables | None:  # type: ignore[override]  # lazy: a mapping, where TinyDB names dict
        """All tables, lazily; None while there are none, as TinyDB wants it."""
        tables = Tables(self)
        return tables if next(iter(tables), None) is not None else None

    def contents(self, name: str) -> Contents:
        """One table with what is known of its damage. Raises KeyError, OSError."""
        try:
            return self._files(name).read(self._readable_length(name))
        except FileNotFoundError:
            raise KeyError(name) from None

    def read_table(self, name: str) -> TableDocuments:
        """The documents of one table by id, ids as TinyDB's strings. Raises KeyError, OSError."""
        return {str(doc_id): document for doc_id, document in self.contents(name).documents.items()}

    def tail(self, name: str, count: int) -> list[dict[str, Any]]:
        """The last count documents of a table, oldest first, without reading the rest. Raises KeyError, OSError."""
        try:
            return self._files(name).tail(count, self._readable_length(name))
        except FileNotFoundError:
            raise KeyError(name) from None

    def _files(self, name: str) -> TableFiles:
        return TableFiles.of(self.root, name)

    def _readable_length(self, name: str) -> int | None:
        """With a writer at hand, how much of a table is synced; None for all of it."""
        log = self.writer._open.get(name) if self.writer is not None else None
        return None if log is None else log.synced_length

    # -- writing ------------------------------------------------------------

    def write(self, data: Mapping[str, TableDocuments]) -> None:
        """What TinyDB calls for everything but inserts: rewrites the tables that changed."""
        self._must_be_writer()
        if isinstance(data, Tables):
            changed, deleted = dict(data.changed), set(data.deleted)
        else:
            changed, deleted = dict(data), set(self.names()) - set(data)
        for name, documents in changed.items():
            # As JSON would give them back, whatever keys and values a caller has in mind.
            plain = json.loads(json.dumps({str(doc_id): document for doc_id, document in documents.items()}))
            if self.has_table(name) and not self._settled(name).is_whole:
                aside = " and ".join(self._files(name).set_aside())
                self.repairs.append(f"{name}: damaged, rewritten from what can be read; kept beside it: {aside}")
            self._replace(name, {int(doc_id): document for doc_id, document in plain.items()})
        for name in deleted:
            self.release(name)
            self._files(name).remove()

    def compact(self, name: str) -> bool:
        """Put a table that has lines into columns; False, with nothing done, if it is damaged. KeyError, OSError."""
        self._must_be_writer()
        contents = self._settled(name)
        if contents.is_whole:
            self._replace(name, contents.documents)
        return contents.is_whole

    def _settled(self, name: str) -> Contents:
        """A table's contents, without what was taken back or never finished: else that would be in it for good."""
        if name in self._open:
            self._open[name].clean()
        contents = self.contents(name)
        if not contents.unfinished_bytes:
            return contents
        self._log(name)  # cuts it off, and says so
        return self.contents(name)

    def truncate(self, name: str) -> None:
        """Leave nothing of a table but its name; ids begin at 1 again. Raises OSError."""
        self._must_be_writer()
        self._replace(name, {}, restarts_ids=True)

    def _replace(self, name: str, documents: TableOfIds, *, restarts_ids: bool = False) -> None:
        files = self._files(name)
        self._make_folders(files.columns.parent)
        try:
            files.replace(documents, restarts_ids=restarts_ids)
        finally:
            self._close(name)  # whatever came of it: what is appended next must follow what is there then
        self._sync_new_folders()

    def highest_id(self, name: str) -> int:
        """The highest document id that the table has spent. Raises OSError."""
        return self._log(name).highest_id

    def append(self, name: str, documents: Mapping[int, Mapping[str, Any]]) -> None:
        """Add documents to a table at the cost of those alone; outside `batch()`, return when they are safe.

        Raises OSError with nothing of them in the table, TypeError where a document is not JSON.
        """
        if not documents:
            return
        lines = b"".join(log_file.encode(doc_id, document) for doc_id, document in documents.items())
        log = self._log(name)
        log.append(lines, max(documents))
        self._unsynced[name] = log
        if not self._batches:
            failed: dict[str, OSError] = {}
            self._sync_all(failed)
            if name in failed:
                raise failed[name]

    @contextmanager
    def batch(self) -> Iterator[dict[str, OSError]]:
        """Sync once, all files side by side, at the end; then the yielded dict names the tables that lost the batch."""
        failed: dict[str, OSError] = {}
        self._batches += 1
        try:
            yield failed
        finally:
            self._batches -= 1
            if not self._batches:
                self._sync_all(failed)

    def _sync_all(self, failed: dict[str, OSError]) -> None:
        unsynced, self._unsynced = self._unsynced, {}
        try:
            self._sync_new_folders()
        except OSError as error:
            for log in unsynced.values():
                log.roll_back()
            failed.update(dict.fromkeys(unsynced, error))
            return
        if len(unsynced) > 1 and self._pool is None:
            self._pool = ThreadPoolExecutor(_SYNC_THREADS, "sync")
        run = self._pool.map if self._pool is not None and len(unsynced) > 1 else map
        logs = list(unsynced.items())
        for failures in run(_sync_each, [logs[first::_SYNC_THREADS] for first in range(min(_SYNC_THREADS, len(logs)))]):
            failed.update(failures)

    def _log(self, name: str) -> LogFile:
        self._must_be_writer()
        log = self._open.get(name)
        if log is None:
            files = self._files(name)
            self._make_folders(files.log.parent)
            log = files.open_log()
            self._new_folders.add(files.log.parent)
            if log.repaired_bytes:
                self.repairs.append(f"{name}: cut {log.repaired_bytes} bytes of an unfinished write")
            self._open[name] = log
        return log

    def _make_folders(self, folder: Path) -> None:
        """Have a folder, whose name is synced with the next batch: a process that was killed may not have done it."""
        if folder in self._known_folders and folder.is_dir():
            return
        if folder != self.root:
            self._make_folders(folder.parent)
        folder.mkdir(mode=0o750, exist_ok=True)
        self._new_folders.add(folder.parent)
        self._known_folders.add(folder)

    def _sync_new_folders(self) -> None:
        while self._new_folders:
            folder = next(iter(self._new_folders))
            # A folder that we may write into and not read is not ours; nor can it be synced.
            with suppress(PermissionError) if folder == self.root.parent else nullcontext():
                durable.sync_folder(folder)
            self._new_folders.discard(folder)

    def _must_be_writer(self) -> None:
        if self.access_mode == "r":
            raise StoreError(f"{self.root} was opened for reading only")

    def release(self, name: str) -> None:
        """Close the file of a table that is not written any more for now, unless its end cannot be cut clean yet."""
        log = self._open.get(name)
        if log is None:
            return
        with suppress(OSError):
            log.clean()
            self._close(name)

    def _close(self, name: str) -> None:
        self._unsynced.pop(name, None)
        log = self._open.pop(name, None)
        if log is not None:
            log.close()

    def close(self) -> None:
        """Sync and close everything and let go of the lock."""
        if self._unsynced:
            self._sync_all({})
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None
        for name in list(self._open):
            self.release(name)
        for name in list(self._open):
            self._close(name)
        if self._lock_fd is not None:
            os.close(self._lock_fd)
            self._lock_fd = None


def _sync_each(logs: Iterable[tuple[str, LogFile]]) -> dict[str, OSError]:
    failed: dict[str, OSError] = {}
    for name, log in logs:
        try:
            log.sync()
        except OSError as error:
            failed[name] = error
    return failed
