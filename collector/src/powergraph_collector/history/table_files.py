"""A table on disk: its columns file, and the log file of what came since.

The log file says which generation of the columns file it follows; a later one supersedes it. So the columns file is
replaced first, and the log file removed afterwards, and a crash in between changes nothing. For the same reason a
reader looks at the log file first.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from operator import attrgetter
from pathlib import Path
from typing import Any, Final, NoReturn, ParamSpec, TypeVar
from urllib.parse import quote, unquote

from powergraph_collector.history import columns_file, durable, log_file
from powergraph_collector.history.columns_file import Head
from powergraph_collector.history.contents import Contents
from powergraph_collector.history.log_file import LogFile

_ASIDE: Final = ".damaged-"

P = ParamSpec("P")
T = TypeVar("T")
_SUFFIXES: Final = (log_file.SUFFIX, columns_file.SUFFIX, columns_file.SUFFIX + durable.BEGUN)


@dataclass(frozen=True, slots=True)
class TableFiles:
    """The two files of a table; either may be missing, and a table without both does not exist."""

    log: Path
    columns: Path

    @classmethod
    def of(cls, root: Path, name: str) -> TableFiles:
        """The files of a table: `/` in its name makes folders, everything unusual is percent-encoded."""
        parts = [_quoted(part) for part in name.split("/")]
        folder = root.joinpath(*parts[:-1])
        return cls(folder / (parts[-1] + log_file.SUFFIX), folder / (parts[-1] + columns_file.SUFFIX))

    def exists(self) -> bool:
        """Whether the table exists, empty or not."""
        return self.log.exists() or self.columns.exists()

    def read(self, log_length: int | None = None) -> Contents:
        """All documents, or those of the columns and of the first log_length bytes of the log.

        Raises FileNotFoundError for a table that does not exist, OSError.
        """
        new = _if_there(log_file.read, self.log, log_length)
        return self._merged(_if_there(columns_file.read, self.columns), new)

    def tail(self, count: int, log_length: int | None = None) -> list[dict[str, Any]]:
        """The last count documents, oldest first, without reading the rest. Raises FileNotFoundError, OSError."""
        new = _if_there(log_file.tail, self.log, count, log_length)
        if new is None or len(new.documents) < count or self._is_superseded(new, self.head()):
            new = self._merged(_if_there(columns_file.tail, self.columns, count), new)
        documents = list(new.documents.values())
        return documents[max(0, len(documents) - count) :]

    def _merged(self, old: Contents | None, new: Contents | None) -> Contents:
        if old is None or new is None:
            found = new or old
            if found is None:
                raise FileNotFoundError(self.log)
            return found
        if self._is_superseded(new, old):
            return old
        return Contents(
            {**old.documents, **new.documents},
            max(old.highest_id, new.highest_id),
            old.generation,
            new.damaged_lines,
            old.damaged_blocks,
            new.unfinished_bytes,
        )

    @staticmethod
    def _is_superseded(new: Contents, old: Contents | Head | None) -> bool:
        if old is None or old.generation is None or new.generation is None:
            return False
        return new.generation < old.generation

    def head(self) -> Head | None:
        """What the columns file says of itself; None without one, or where it is damaged. Raises OSError."""
        return _if_there(columns_file.head, self.columns)

    def open_log(self) -> LogFile:
        """The writing end of the log file, made if need be, without what is superseded. Raises OSError."""
        new, old = _if_there(log_file.tail, self.log, 1), _if_there(columns_file.tail, self.columns, 1)
        if new is not None and self._is_superseded(new, old):
            durable.sync_folder(self.log.parent)  # that which supersedes must be there to stay
            self.log.unlink()
        log = LogFile.open(self.log)
        if old is not None:
            log.highest_id = max(log.highest_id, old.highest_id)
            log.first_line = log_file.generation_line(old.generation or 0)
        return log

    def replace(self, documents: Mapping[int, Mapping[str, Any]], *, restarts_ids: bool = False) -> None:
        """Put these in the place of all that the table held, as columns. Raises OSError.

        Ids that were given once are not given again, unless the table restarts them.
        """
        lines, head = _if_there(log_file.tail, self.log, 1), self.head()
        generation = max((lines and lines.generation) or 0, head.generation if head else 0) + 1
        spent_id = 0 if restarts_ids else max(lines.highest_id if lines else 0, head.highest_id if head else 0)
        durable.replace(self.columns, columns_file.encode(documents, spent_id, generation))
        self.log.unlink(missing_ok=True)

    def set_aside(self) -> list[str]:
        """Let the files stay as they are beside what will replace them; returns their names. Raises OSError."""
        names = []
        for path in (self.log, self.columns):
            with suppress(FileNotFoundError):
                names.append(_linked(path))
        return names

    def remove(self) -> None:
        """Remove the table. Raises OSError."""
        for path in (self.columns, self.log):
            path.unlink(missing_ok=True)
        durable.sync_folder(self.log.parent)


def _linked(path: Path) -> str:
    """The name of a new link to a file, that no reader takes for a table's. Raises OSError."""
    for number in count(1):
        aside = path.with_name(f"{path.name}{_ASIDE}{number}")
        with suppress(FileExistsError):
            aside.hardlink_to(path)
            return aside.name
    raise AssertionError


def set_aside_below(root: Path) -> list[Path]:
    """The files that were set aside, ascending."""
    return sorted(root.rglob(f"*{_ASIDE}*"))


def names_below(root: Path, folder: str = "") -> list[str]:
    """Names of the tables, or of those whose names begin with `folder/`, ascending."""
    return sorted({name for name, _ in _files_below(root, folder)})


def newest_in(root: Path, folder: str) -> Iterator[str]:
    """Names of the tables right in a folder, without it, descending as their files are named; those of days are then.

    Costs little more than listing the folder where only the first are looked at. Raises OSError.
    """
    seen = set()
    for entry in _descending(TableFiles.of(root, folder).log.with_suffix("")):
        if entry.name.endswith((log_file.SUFFIX, columns_file.SUFFIX)) and entry.is_file():
            name = name_of(entry.name)
            if name not in seen:
                seen.add(name)
                yield name


def _descending(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=attrgetter("name"), reverse=True)
    except (FileNotFoundError, NotADirectoryError):
        return []


def logs_below(root: Path, folder: str) -> list[tuple[str, int]]:
    """Names of the tables in a folder that have a log file, ascending, with its size in bytes. Raises OSError."""
    logs = [(name, path) for name, path in _files_below(root, folder) if path.endswith(log_file.SUFFIX)]
    return sorted((name, os.stat(path).st_size) for name, path in logs)  # noqa: PTH116


def stamps_below(root: Path, folder: str) -> dict[str, str]:
    """By table in a folder, what changes whenever one of its files does. Raises OSError."""
    stamps: dict[str, str] = {}
    for name, path in sorted(_files_below(root, folder)):
        status = os.stat(path)  # noqa: PTH116
        stamps[name] = f"{stamps.get(name, '')}{status.st_size:x}.{status.st_ctime_ns:x} "
    return stamps


def _files_below(root: Path, folder: str) -> Iterator[tuple[str, str]]:
    """The tables' files, each with its table's name; all text, as years of days are looked through often."""
    top = TableFiles.of(root, folder).log.with_suffix("") if folder else root
    above_root = len(os.path.join(root, ""))  # noqa: PTH118
    for here, _, files in os.walk(top):
        above = here[above_root:] and _unquoted(here[above_root:]) + "/"
        for file in files:
            if file.endswith((log_file.SUFFIX, columns_file.SUFFIX)):
                yield above + name_of(file), f"{here}/{file}"


def name_of(path: str) -> str:
    """The name of the table that a file below the root holds: the inverse of TableFiles.of."""
    return _unquoted(path.removesuffix(log_file.SUFFIX).removesuffix(columns_file.SUFFIX))


def first_other(root: Path, ours: Collection[str]) -> str | None:
    """The first thing below the root that no table can have put there, but for `ours` right in it. Raises OSError."""
    for here, folders, files in os.walk(root, onerror=_fail):
        for name, part in sorted([*zip(folders, folders, strict=True), *((name, _stem(name)) for name in files)]):
            path = os.path.relpath(f"{here}/{name}", root)
            if path not in ours and not (part.isascii() and _quoted(_unquoted(part)) == part):
                return path
    return None


def _stem(file: str) -> str:
    """The part of a table's name that a file has; empty, which no part is, for a file of another kind."""
    file = file.rpartition(_ASIDE)[0] or file
    return next((file.removesuffix(suffix) for suffix in _SUFFIXES if file.endswith(suffix)), "")


def _fail(error: OSError) -> NoReturn:
    raise error


def _quoted(part: str) -> str:
    quoted = quote(part, safe="") or "%"
    return "%2E" + quoted[1:] if quoted.startswith(".") else quoted


def _unquoted(path: str) -> str:
    if "%" not in path:
        return path
    return "/".join("" if part == "%" else unquote(part) for part in path.split("/"))


def _if_there(read: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T | None:
    with suppress(FileNotFoundError, NotADirectoryError):
        return read(*arguments, **named)
    return None
