"""TinyDB 4.9.0's own tests, unchanged, run against PowerDB and its storage in the place of TinyDB and JSONStorage.

They are from its source package, under the licence beside them. test_queries and test_utils are not among them: they
touch no storage.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tinydb.middlewares import CachingMiddleware

from powergraph_collector.history.powerdb import PowerDB
from powergraph_collector.history.storage import LogStorage

_INNER = "looks into the inner workings of the storage that it was written for"
_NO_TABLES = "writes, straight into the storage, what is no database of tables"
CANNOT_APPLY = {
    "test_caching_write_many": _INNER,
    "test_caching_flush": _INNER,
    "test_caching_flush_manually": _INNER,
    "test_caching_json_write": _INNER,
    "test_caching_write": _NO_TABLES,
    "test_json": _NO_TABLES,
    "test_json_kwargs": "compares the bytes of a JSON file, laid out by options of JSON",
    "test_encoding": "names an encoding of the file; a store is UTF-8",
    "test_json_read": "expects FileNotFoundError of a store that is not there; ours says in words what to do",
    "test_create_dirs": "removes the store as one file; it is a folder",
    "test_json_invalid_mode_warning": "expects a warning about an access mode; ours is refused",
    "test_table_repr": "expects the names of TinyDB's own classes",
    "test_repr": "expects the names of TinyDB's own classes",
}


class OurDb(PowerDB):
    """PowerDB, without an option of JSON that stands for what it does anyway."""

    def __init__(self, *arguments: Any, ensure_ascii: bool = False, **named: Any) -> None:
        assert not ensure_ascii
        super().__init__(*arguments, **named)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What cannot apply must fail: else it is to be taken off the list."""
    for item in items:
        name = getattr(item, "originalname", item.name)
        if item.path.is_relative_to(Path(__file__).parent) and name in CANNOT_APPLY:
            item.add_marker(pytest.mark.xfail(strict=True, reason=CANNOT_APPLY[name]))


@pytest.fixture(autouse=True)
def ours(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put our classes into the test's module."""
    for name, replacement in {"TinyDB": OurDb, "JSONStorage": LogStorage}.items():
        if hasattr(request.module, name):
            monkeypatch.setattr(request.module, name, replacement)


@pytest.fixture(params=["lines", "columns"])
def db(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[PowerDB]:
    """The database that most tests begin with, in either form of our files."""
    with PowerDB(tmp_path / "test.db") as made:
        made.drop_tables()
        made.insert_multiple({"int": 1, "char": char} for char in "abc")
        if request.param == "columns":
            made.storage.compact("_default")
        yield made


@pytest.fixture
def storage(tmp_path: Path) -> Any:
    """What the tests of the caching middleware begin with."""
    return CachingMiddleware(LogStorage)(tmp_path / "cached.db")
