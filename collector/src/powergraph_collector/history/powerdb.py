"""PowerDB: a TinyDB whose inserts cost what they write and survive a power cut."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Any, cast

from tinydb import TinyDB
from tinydb.table import Table

from .storage import LogStorage


class AppendTable(Table):
    """A TinyDB table whose `insert` and `insert_multiple` append instead of rewriting the database."""

    @property
    def _log(self) -> LogStorage:
        return cast(LogStorage, self._storage)

    def insert(self, document: Mapping[str, Any]) -> int:
        """Insert one document; returns its id when it is safe on the disk. Raises OSError with nothing inserted."""
        return self.insert_multiple([document])[0]

    def insert_multiple(self, documents: Iterable[Mapping[str, Any]]) -> list[int]:
        """Insert documents; returns their ids when they are safe on the disk. Raises OSError with nothing inserted."""
        documents = list(documents)
        if not all(isinstance(document, Mapping) for document in documents):
            raise ValueError("Document is not a Mapping")
        if any(isinstance(document, self.document_class) for document in documents):
            # Ids chosen by the caller need a look at all others: TinyDB's own way.
            self._next_id = None
            return super().insert_multiple(documents)
        if not documents:
            return []
        first = self._get_next_id()
        new = {first + index: dict(document) for index, document in enumerate(documents)}
        self._next_id = None  # with an error, no id is spent
        self._log.append(self.name, new)
        self.clear_cache()
        return list(new)

    def truncate(self) -> None:
        """Remove all documents; ids begin at 1 again. Raises OSError."""
        self._log.truncate(self.name)
        self.clear_cache()
        self._next_id = None

    def _get_next_id(self) -> int:
        next_id = max(self._next_id or 0, self._log.highest_id(self.name) + 1)
        self._next_id = next_id + 1  # type: ignore[assignment]  # TinyDB declares what it begins with
        return next_id


class PowerDB(TinyDB):
    """A TinyDB in a folder: `PowerDB(path)`, or `PowerDB(path, access_mode="r")` beside a running collector.

    Given another storage, it is a plain TinyDB. Raises history.storage.StoreError where the store cannot be used.
    """

    table_class = AppendTable
    default_storage_class = LogStorage  # type: ignore[assignment]  # TinyDB's annotation names its own default

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        if not isinstance(super().storage, LogStorage):
            self.table_class = Table  # type: ignore[assignment]  # as above

    @property
    def storage(self) -> LogStorage:
        """The storage, with what it can do beyond TinyDB's interface."""
        return cast(LogStorage, super().storage)

    def batch(self) -> AbstractContextManager[dict[str, OSError]]:
        """Inserts within `with db.batch() as failed:` are synced together at its end.

        Afterwards `failed` names the tables whose inserts were taken back, with the error; all others are safe.
        """
        return self.storage.batch()

    def release(self, name: str) -> None:
        """Forget a table object and close its file; the documents stay."""
        self._tables.pop(name, None)
        self.storage.release(name)
