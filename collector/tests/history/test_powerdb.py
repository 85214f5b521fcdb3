"""PowerDB is a TinyDB, and survives what happens to disks and processes."""

from __future__ import annotations

import errno
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tinydb import Query, TinyDB
from tinydb.storages import MemoryStorage
from tinydb.table import Document

from powergraph_collector.history import durable, log_file
from powergraph_collector.history.powerdb import PowerDB
from powergraph_collector.history.storage import StoreError
from powergraph_collector.history.table_files import TableFiles, name_of

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
DOCUMENTS = st.dictionaries(st.text(max_size=8), JSON, max_size=4)
TABLES = st.sampled_from(
    ["_default", "node01/2026-11-24", "node01/2026-11-24.events", "a", "a/b", "../x", "ü /.", "", "lock/x", ".lock"]
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("insert"), TABLES, DOCUMENTS),
        st.tuples(st.just("insert_multiple"), TABLES, st.lists(DOCUMENTS, max_size=4)),
        st.tuples(st.just("batch"), TABLES, st.lists(DOCUMENTS, min_size=1, max_size=3)),
        st.tuples(st.just("update"), TABLES, st.just({"seen": True})),
        st.tuples(st.just("remove"), TABLES, st.just("seen")),
        st.tuples(st.just("truncate"), TABLES, st.none()),
        st.tuples(st.just("drop_table"), TABLES, st.none()),
        st.tuples(st.just("compact"), TABLES, st.booleans()),
        st.tuples(st.just("reopen"), TABLES, st.binary(max_size=40)),
    ),
    max_size=25,
)


def contents(db: TinyDB) -> dict[str, list[tuple[int, dict[str, Any]]]]:
    found = {name: [(doc.doc_id, dict(doc)) for doc in db.table(name)] for name in db.tables()}
    return {name: documents for name, documents in found.items() if documents}


def apply(db: TinyDB, step: str, table: str, argument: Any) -> Any:
    if step in {"insert", "insert_multiple"}:
        return getattr(db.table(table), step)(argument)
    if step == "batch":
        return [db.table(table).insert(document) for document in argument]
    if step == "update":
        return db.table(table).update(argument)
    if step == "remove":
        return db.table(table).remove(Query()[argument] == True)  # noqa: E712
    if step == "truncate":
        return db.table(table).truncate()
    db.drop_table(table)
    return None


def compact(db: PowerDB, table: str, *, crashes_before_the_end: bool) -> None:
    """Compact a table; a crash before the end leaves the log file where it was, superseded."""
    log = TableFiles.of(db.storage.root, table).log
    former = log.read_bytes() if log.exists() else None
    if db.storage.has_table(table):
        db.storage.compact(table)
        assert not log.exists()
    if crashes_before_the_end and former is not None:
        log.write_bytes(former)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_any_use_gives_the_answers_of_tinydbs_own_memory_storage(steps: list[Any], tmp_path_factory: Any) -> None:
    path = tmp_path_factory.mktemp("store") / "db"
    db, model = PowerDB(path), TinyDB(storage=MemoryStorage)
    for step, table, argument in steps:
        if step == "reopen":
            db.close()
            torn = TableFiles.of(path, table).log
            if torn.exists():  # what a kill in the middle of a write leaves
                with torn.open("ab") as file:
                    file.write(argument.replace(b"\n", b""))
            db = PowerDB(path)
            continue
        if step == "compact":
            compact(db, table, crashes_before_the_end=argument)
            continue
        if step == "batch":
            with db.batch() as failed:
                ids = apply(db, step, table, argument)
            assert not failed
        else:
            ids = apply(db, step, table, argument)
        assert ids == apply(model, step, table, argument)
    assert contents(db) == contents(model)
    with PowerDB(path, access_mode="r") as reader:
        assert contents(reader) == contents(model)
    db.close()


@given(name=st.text(max_size=30))
def test_any_table_name_has_a_file_of_its_own_within_the_store(name: str) -> None:
    root = Path("/store")
    for path in (TableFiles.of(root, name).log, TableFiles.of(root, name).columns):
        assert name_of(path.relative_to(root).as_posix()) == name
        assert ".." not in path.parts
        assert path.is_relative_to(root)


def test_a_document_with_an_id_of_its_own_is_kept_under_it(tmp_path: Path) -> None:
    with PowerDB(tmp_path / "db") as db:
        db.insert(Document({"a": 1}, doc_id=7))
        assert db.insert({"a": 2}) == 8
        with pytest.raises(ValueError, match="already exists"):
            db.insert(Document({"a": 3}, doc_id=7))
        assert [document.doc_id for document in db] == [7, 8]


def test_a_kill_in_the_middle_of_an_update_does_not_bring_back_what_it_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with PowerDB(tmp_path / "db") as db:
        db.insert_multiple([{"a": 1}, {"a": 2}, {"a": 3}])
        with monkeypatch.context() as patch:
            patch.setattr(Path, "unlink", lambda *_arguments, **_named: None)  # the log file is still there
            db.remove(doc_ids=[2, 3])
    with PowerDB(tmp_path / "db") as db:
        assert db.all() == [{"a": 1}]
        assert db.storage.tail("_default", 3) == [{"a": 1}]
        db.insert({"a": 4})
        assert db.all() == [{"a": 1}, {"a": 4}]


def test_what_is_not_json_leaves_nothing_behind(tmp_path: Path) -> None:
    with PowerDB(tmp_path / "db") as db:
        db.insert({"a": 1})
        with pytest.raises(TypeError):
            db.insert_multiple([{"a": 2}, {"a": object()}])
        assert [dict(document) for document in db] == [{"a": 1}]


@pytest.mark.parametrize("fits", [0, 1, 20, 60])
def test_an_insert_that_the_disk_has_no_room_for_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fits: int
) -> None:
    real = os.pwrite

    def pwrite(fd: int, data: bytes, offset: int) -> int:
        if len(data) <= fits:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(fd, data[:fits], offset) if fits else _no_space()

    def _no_space() -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with PowerDB(tmp_path / "db") as db:
        db.insert({"a": 1})
        with monkeypatch.context() as patch:
            patch.setattr(log_file.os, "pwrite", pwrite)
            with pytest.raises(OSError, match="No space left"):
                db.insert_multiple([{"a": index} for index in range(2, 9)])
        assert [document["a"] for document in db] == [1]
        db.insert({"a": 9})
        assert [document["a"] for document in db] == [1, 9]
    with PowerDB(tmp_path / "db") as db:
        assert [document["a"] for document in db] == [1, 9]


def test_a_batch_whose_sync_fails_is_taken_back_for_its_table_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.fdatasync
    with PowerDB(tmp_path / "db") as db:
        db.table("good").insert({"a": 1})
        db.table("bad").insert({"a": 1})
        bad_inode = TableFiles.of(tmp_path / "db", "bad").log.stat().st_ino

        def fdatasync(fd: int) -> None:
            if os.fstat(fd).st_ino == bad_inode:
                raise OSError(errno.EIO, "Input/output error")
            real(fd)

        with monkeypatch.context() as patch:
            patch.setattr(log_file.os, "fdatasync", fdatasync)
            with db.batch() as failed:
                db.table("good").insert({"a": 2})
                db.table("bad").insert({"a": 2})
        assert list(failed) == ["bad"]
        assert len(db.table("good")) == 2
        assert len(db.table("bad")) == 1


def test_a_new_folder_that_cannot_be_synced_takes_its_samples_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(folder: Path) -> None:
        raise OSError(errno.EIO, "Input/output error", str(folder))

    with PowerDB(tmp_path / "db") as db:
        with monkeypatch.context() as patch:
            patch.setattr(durable, "sync_folder", fail)
            with db.batch() as failed:
                db.table("node01/day").insert({"a": 1})
            assert list(failed) == ["node01/day"]
            with pytest.raises(OSError, match="Input/output"):
                db.table("node02/day").insert({"a": 1})
        db.table("node01/day").insert({"a": 1})
        assert [len(db.table(name)) for name in ("node01/day", "node02/day")] == [1, 0]


@given(data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_flipped_bit_costs_its_own_line_and_is_counted(data: Any, tmp_path_factory: Any) -> None:
    path = tmp_path_factory.mktemp("store") / "db"
    with PowerDB(path) as db:
        db.insert_multiple([{"at": index} for index in range(20)])
    file = TableFiles.of(path, "_default").log
    content = bytearray(file.read_bytes())
    position = data.draw(st.integers(0, len(content) - 1))
    content[position] ^= 1 << data.draw(st.integers(0, 7))
    file.write_bytes(content)
    with PowerDB(path, access_mode="r") as db:
        kept = [document["at"] for document in db]
        damaged = db.storage.contents("_default").damaged_lines
    assert set(kept) <= set(range(20))
    assert len(kept) >= 18  # a newline that is hit joins two lines
    assert damaged >= 1 or len(kept) == 19  # the last newline: an unfinished line


@given(cut=st.integers(1, 400))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_store_cut_anywhere_opens_and_says_what_it_repaired(cut: int, tmp_path_factory: Any) -> None:
    path = tmp_path_factory.mktemp("store") / "db"
    with PowerDB(path) as db:
        db.insert_multiple([{"at": index} for index in range(20)])
    file = TableFiles.of(path, "_default").log
    whole = file.read_bytes()
    kept = whole[: max(0, len(whole) - cut)]
    file.write_bytes(kept)
    with PowerDB(path) as db:
        db.insert({"at": "new"})
        expected = kept.count(b"\n")
        assert [document["at"] for document in db] == [*range(expected), "new"]
        assert bool(db.storage.repairs) == (not kept.endswith(b"\n") and bool(kept))


def test_a_second_writer_is_told_who_holds_the_store(tmp_path: Path) -> None:
    with PowerDB(tmp_path / "db"):
        with pytest.raises(StoreError, match=f"pid {os.getpid()}"):
            PowerDB(tmp_path / "db")
        PowerDB(tmp_path / "db", access_mode="r").close()
    PowerDB(tmp_path / "db").close()


def test_a_reader_sees_every_insert_at_once_and_cannot_write(tmp_path: Path) -> None:
    with PowerDB(tmp_path / "db") as writer, PowerDB(tmp_path / "db", access_mode="r") as reader:
        for number in range(1, 4):
            writer.insert({"a": number})
            assert len(reader) == number
        with pytest.raises(StoreError, match="reading only"):
            reader.insert({"a": 4})


def test_a_stock_file_is_not_overwritten(tmp_path: Path) -> None:
    stock = tmp_path / "stock.json"
    stock.write_text(json.dumps({"_default": {"1": {"a": 1}}}))
    with pytest.raises(StoreError, match="powergraph db import"):
        PowerDB(stock)
    assert json.loads(stock.read_text()) == {"_default": {"1": {"a": 1}}}


def test_a_store_of_a_later_format_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "db").mkdir()
    (tmp_path / "db" / ".format.json").write_text('{"format": 99}')
    with pytest.raises(StoreError, match="update PowerGraph"):
        PowerDB(tmp_path / "db")


@pytest.mark.parametrize(
    "damage", [None, "", "[]", "{}", '{"format": []}', '{"format": "3"}', '{"format": true}', "[" * 10**5]
)
def test_a_store_whose_format_is_not_known_any_more_opens_by_itself(tmp_path: Path, damage: str | None) -> None:
    path = tmp_path / "db"
    with PowerDB(path) as db:
        for table in ("node01/2026-11-24", "node01/2026-11-24.events", "../x", "ü /.", "", ".lock"):
            db.table(table).insert({"a": 1})
        db.storage.compact("node01/2026-11-24")
        before = contents(db)
    (path / ".format.json").unlink()
    for beginning in (".format.json.new", "node01/2026-11-24.columns.gz.new"):
        (path / beginning).write_text("")
    (path / "node02").mkdir()
    if damage is not None:
        (path / ".format.json").write_text(damage)
    with pytest.raises(StoreError, match=r"\.format\.json"):
        PowerDB(path, access_mode="r")
    with PowerDB(path) as db:
        assert db.storage.repairs == [f".format.json was {'missing' if damage is None else 'damaged'}"]
        assert contents(db) == before
    assert (path / ".format.json").read_text() == '{"format": 3}'


@pytest.mark.parametrize(
    ("other", "shown"),
    [
        ("notes.txt", "notes.txt"),
        (".bashrc", ".bashrc"),
        ("last.csv", "last.csv"),
        ("src/main.py", "src/main.py"),
        (".git/x.jsonl", ".git"),
        ("node01/.lock", "node01/.lock"),
        ("a b.jsonl", "a b.jsonl"),
        ("a/.jsonl", "a/.jsonl"),
        ("%ff.jsonl", "%ff.jsonl"),
    ],
)
@pytest.mark.parametrize("damage", [None, "{}"])
def test_a_folder_that_holds_other_things_is_not_taken_for_a_store(
    tmp_path: Path, other: str, shown: str, damage: str | None
) -> None:
    files = {tmp_path / "node01/2026-11-24.jsonl": "", tmp_path / other: "mine"}
    if damage is not None:
        files[tmp_path / ".format.json"] = damage
    for path, text in files.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    with pytest.raises(StoreError, match=re.escape(repr(shown))):
        PowerDB(tmp_path)
    assert {path: path.read_text() for path in tmp_path.rglob("*") if path.is_file()} == files


def test_what_was_taken_back_and_could_not_be_cut_is_not_compacted_into_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with PowerDB(tmp_path / "db") as db:
        db.insert({"a": 1})
        with monkeypatch.context() as patch:
            patch.setattr(os, "fdatasync", fail)
            patch.setattr(os, "ftruncate", fail)
            with pytest.raises(OSError, match="Input/output"):
                db.insert({"a": 2})
            with pytest.raises(OSError, match="Input/output"):
                db.storage.compact("_default")
        assert db.storage.compact("_default")
        assert db.all() == [{"a": 1}]
        assert db.insert({"a": 3}) == 2
