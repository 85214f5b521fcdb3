"""`powergraph db`: a store is checked, taken elsewhere and brought back."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.commands.test_commands import complaint, run, start, wait_for
from tinydb import TinyDB

from powergraph_collector.history.powerdb import PowerDB
from powergraph_collector.history.tinydb_engine import TinyDbHistory
from powergraph_collector.model import Sample

NOON_MS = 1_795_435_200_000  # 2026-11-23T12:00:00Z


@pytest.fixture
def store(tmp_path: Path) -> Path:
    history = TinyDbHistory(tmp_path / "powergraph.db")
    history.append(
        [Sample(bmc, NOON_MS + 10_000 * number, 400 + number) for bmc in ("node01", "node02") for number in range(300)]
    )
    while history.tidy():
        pass
    history.close()
    return tmp_path / "powergraph.db"


@pytest.mark.parametrize("kind", ["tinydb-json", "ndjson", "csv"])
def test_an_export_in_a_pipe_is_the_data_alone_and_comes_back(store: Path, tmp_path: Path, kind: str) -> None:
    code, out, err = run(tmp_path, "powergraph", "db", "export", store, "--format", kind)
    assert (code, err) == (0, "")
    (tmp_path / "exported").write_text(out)
    code, out, err = run(tmp_path, "powergraph", "db", "import", "exported", "--jsonfile", "copy.db")
    assert (code, out, err) == (0, "exported: 600 documents imported into copy.db\n", "")
    code, out, err = run(tmp_path, "powergraph", "db", "import", "exported", "--jsonfile", "copy.db")
    assert out == "exported: 0 documents imported into copy.db, 600 were there already\n"
    found = TinyDbHistory(tmp_path / "copy.db", access_mode="r")
    assert [sample.power_w for sample in found.read("node02", 0, 1 << 62)] == list(range(400, 700))


def test_an_export_to_a_file_may_be_of_one_bmc(store: Path, tmp_path: Path) -> None:
    code, out, err = run(
        tmp_path,
        "powergraph",
        "db",
        "export",
        store,
        "--format",
        "tinydb-json",
        "--output",
        "one.json",
        "--bmc",
        "node02",
    )
    assert (code, out, err) == (0, "", "one.json: 1 tables exported\n")
    with TinyDB(tmp_path / "one.json", access_mode="r") as stock:
        assert stock.tables() == {"_powergraph", "node02/2026-11-23"}
    code, _, err = run(tmp_path, "powergraph", "db", "export", store, "--format", "csv", "--bmc", "node03")
    assert code == 7
    assert "it has node01, node02" in complaint(err)


def damage(columns: Path) -> None:
    content = bytearray(columns.read_bytes())
    content[-20] ^= 1
    columns.write_bytes(content)


def test_a_check_names_damage_and_everything_else_goes_on(store: Path, tmp_path: Path) -> None:
    assert run(tmp_path, "powergraph", "db", "check", store)[:2] == (
        0,
        "2 tables, 600 documents, 0 damaged lines, 0 damaged blocks\n",
    )
    damage(store / "node01" / "2026-11-23.columns.gz")
    code, out, err = run(tmp_path, "powergraph", "db", "check", store)
    assert (code, err) == (6, "")
    assert out.splitlines()[0] == "node01/2026-11-23: 0 damaged lines, 1 damaged blocks"
    assert run(tmp_path, "csvcreator", "--jsonfile", store, "--bmc", "node02")[0] == 0


@pytest.mark.parametrize(
    "arguments",
    [["check", ""], ["export", "", "--format", "csv"], ["import", "x", "--jsonfile", ""]],
    ids=lambda each: each[0],
)
def test_an_empty_path_is_no_path(tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "x").write_text("timestamp,consumption\n")
    code, _, err = run(tmp_path, "powergraph", "db", *arguments)
    assert code == 2
    assert "is empty: name a file or folder" in complaint(err)
    assert [*tmp_path.iterdir()] == [tmp_path / "x"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:-20],
        lambda content: content[:-2011],
        lambda content: content[:-1] + b"\x0b",  # the last newline
        lambda content: content[: len(content) // 2] + bytes(byte ^ 1 for byte in content[len(content) // 2 :]),
    ],
)
def test_a_check_names_what_is_no_whole_line_any_more(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    history = TinyDbHistory(tmp_path / "db")
    history.append([Sample("node01", NOON_MS + second, 400) for second in range(100)])
    history.close()
    log = tmp_path / "db/node01/2026-11-23.jsonl"
    log.write_bytes(damage(log.read_bytes()))
    code, out, _ = run(tmp_path, "powergraph", "db", "check", "db")
    assert code == 6
    assert out.splitlines()[0].endswith(" bytes of a line that was cut off")


def test_a_check_names_what_was_set_aside(store: Path, tmp_path: Path) -> None:
    columns = store / "node01" / "2026-11-23.columns.gz"
    columns.write_bytes(columns.read_bytes()[:-20] + b"?" * 20)
    with PowerDB(store) as db:
        db.table("node01/2026-11-23").update({"note": "x"})
    code, out, _ = run(tmp_path, "powergraph", "db", "check", store)
    assert code == 6
    assert out.splitlines()[0].startswith("node01/2026-11-23.columns.gz.damaged-1: damaged, set aside")


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        ("5:37:27,436\n", 6, "--date YYYY-MM-DD"),
        ("a,b\n1,2\n", 6, "names no columns"),
        (json.dumps({"2017112": {"1": {"time": "5:37:27", "watts": "436"}}}), 6, "--table 2017112="),
    ],
)
def test_what_cannot_be_imported_is_said_in_one_line(tmp_path: Path, content: str, code: int, words: str) -> None:
    (tmp_path / "old").write_text(content)
    found, _, err = run(tmp_path, "powergraph", "db", "import", "old", "--jsonfile", "new.db")
    assert found == code
    assert words in complaint(err)


@pytest.mark.parametrize("kind", ["tinydb-json", "ndjson", "csv"])
def test_an_export_of_a_damaged_store_has_the_rest_and_says_what_is_missing(
    store: Path, tmp_path: Path, kind: str
) -> None:
    damage(store / "node01" / "2026-11-23.columns.gz")
    with (store / "node01" / "2026-11-23.events.jsonl").open("w") as events:
        events.write('["00000000",1,{}]\n')
    code, out, err = run(tmp_path, "powergraph", "db", "export", store, "--format", kind, "--output", "exported")
    assert (code, out) == (6, "")
    told = ["node01/2026-11-23: 0 damaged lines, 1 damaged blocks"]
    told += ["node01/2026-11-23.events: 1 damaged lines, 0 damaged blocks"] * (kind != "csv")
    assert err.splitlines()[:-1] == [f"exported: {2 if kind == 'csv' else 3} tables exported", *told]
    assert err.splitlines()[-1].startswith(f"powergraph: {len(told)} tables of {store} are damaged: ")
    code, out, _ = run(tmp_path, "powergraph", "db", "import", "exported", "--jsonfile", "copy.db")
    assert (code, out) == (0, "exported: 300 documents imported into copy.db\n")


def test_a_copy_of_a_damaged_store_has_the_rest_and_says_what_is_missing(store: Path, tmp_path: Path) -> None:
    damage(store / "node01" / "2026-11-23.columns.gz")
    code, out, err = run(tmp_path, "powergraph", "db", "copy", "--from", store, "--to", "copy.db")
    assert (code, out) == (6, "300 samples copied, 0 were there already; 0 events copied\n")
    assert err.splitlines()[0] == "node01/2026-11-23: 0 damaged lines, 1 damaged blocks"
    assert err.splitlines()[1].startswith(f"powergraph: 1 tables of {store} are damaged: ")


def export_to(output: object, store: Path) -> list[object]:
    return ["db", "export", store, "--format", "ndjson", "--output", output]


def test_an_export_writes_into_a_pipe_and_leaves_a_link_what_it_is(store: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to("file")
    process = start(tmp_path, "powergraph", *export_to("fifo", store))
    lines = (tmp_path / "fifo").read_text().splitlines()
    _, err = process.communicate(timeout=60)
    assert (process.returncode, len(lines), err) == (0, 600, "fifo: 2 tables exported\n")
    assert (tmp_path / "fifo").is_fifo()
    assert run(tmp_path, "powergraph", *export_to("link", store))[0] == 0
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_text().splitlines() == lines


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, None])
def test_an_export_that_is_broken_off_leaves_what_was_there_before(
    store: Path, tmp_path: Path, number: signal.Signals | None
) -> None:
    (tmp_path / "output").write_text("former")
    temporary = tmp_path / ".output.new"
    if number is None:
        before = ("sh", "-c", 'ulimit -f 20; exec "$@"', "sh", sys.executable)  # no file may grow beyond it
        process = start(tmp_path, "powergraph", *export_to("output", store), before=before)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 6
        assert complaint(err) == "powergraph: output: File too large"
    else:
        os.mkfifo(store / "node02" / "2026-11-24.jsonl")  # opening it waits for a writer
        process = start(tmp_path, "powergraph", *export_to("output", store))
        wait_for(temporary.exists, process)
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
        assert (process.returncode, err.strip()) == (130 if number == signal.SIGINT else -number, "")
    assert not temporary.exists()
    assert (tmp_path / "output").read_text() == "former"
