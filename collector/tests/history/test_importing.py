"""Exports come back without loss, imports take nothing twice, and the files of 2017 are read."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.history.test_tinydb_engine import DAY_MS, NOON_MS, SAMPLES, samples
from tinydb import TinyDB, where

from powergraph_collector.days import iso
from powergraph_collector.energy import energy
from powergraph_collector.history import exporting, importing
from powergraph_collector.history.documents import event_document
from powergraph_collector.history.importing import Imported, Meaning, import_file
from powergraph_collector.history.merging import merge
from powergraph_collector.history.storage import StoreError
from powergraph_collector.history.tinydb_engine import TinyDbHistory
from powergraph_collector.model import Event, EventKind, Sample, Source

UTC = ZoneInfo("UTC")
SAO_PAULO = ZoneInfo("America/Sao_Paulo")
EVER = (0, 1 << 62)
SAMPLE = {"at_ms": NOON_MS, "power_w": 400, "source": "dcmi"}
REAL_DAY = Path(__file__).parents[4] / "shared" / "data" / "power8-2017-07-23.csv"


def export(history: TinyDbHistory, kind: str, path: Path) -> Path:
    with path.open("w", encoding="utf-8") as file:
        form = exporting.FORMATS[kind]
        form.write(exporting.tables_of(history, filter(form.takes, history.db.storage.names())), file)
    return path


def bring_in(history: TinyDbHistory, path: Path, **meaning: Any) -> Imported:
    return import_file(history.db, path, Meaning(**{"bmc": "node09", "zone": UTC, "tables": {}, **meaning}))


def everything(history: TinyDbHistory) -> dict[str, list[dict[str, Any]]]:
    names = history.db.storage.names()
    return {name: [{"id": each.doc_id, **each} for each in history.db.table(name)] for name in names}


def told(found: Any) -> list[tuple[str, int]]:
    return [(iso(sample.at_ms), sample.power_w) for sample in found]


@pytest.mark.parametrize("kind", ["tinydb-json", "ndjson"])
@given(kept=st.lists(SAMPLES, max_size=12), notes=st.lists(st.dictionaries(st.text(), st.text()), max_size=3))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_store_that_was_exported_comes_back_whole(
    kind: str, kept: list[Sample], notes: list[dict[str, str]], tmp_path_factory: Any
) -> None:
    folder = tmp_path_factory.mktemp("export")
    history, copy = TinyDbHistory(folder / "db"), TinyDbHistory(folder / "copy")
    history.append([*kept, *samples(3)], [Event("node01", EventKind.OUTAGE, NOON_MS, NOON_MS + 5, "timeout", "é")])
    history.db.table("notes").insert_multiple(notes)
    history.db.storage.compact("node01/2026-11-23")
    path = export(history, kind, folder / "exported")
    first, second = bring_in(copy, path), bring_in(copy, path)
    assert everything(copy) == {name: found for name, found in everything(history).items() if found}
    assert (first.known, second.added) == (0, 0)
    assert first.added == second.known == len(kept) + 4 + len(notes)
    history.close()
    copy.close()


def test_stock_tinydb_opens_what_was_exported(tmp_path: Path) -> None:
    history = TinyDbHistory(tmp_path / "db")
    history.append(samples(3))
    with TinyDB(export(history, "tinydb-json", tmp_path / "stock.json"), access_mode="r") as stock:
        assert stock.tables() == {"_powergraph", "node01/2026-11-23"}
        assert stock.table("_powergraph").all() == []
        assert stock.table("node01/2026-11-23").all() == history.db.table("node01/2026-11-23").all()


@pytest.mark.parametrize("kind", ["tinydb-json", "ndjson"])
def test_whatever_a_store_has_comes_back_and_be_it_notes_alone(kind: str, tmp_path: Path) -> None:
    lasting = Event("node01", EventKind.OUTAGE, NOON_MS, None, "timeout")
    stores: dict[str, dict[str, list[dict[str, Any]]]] = {
        "empty": {},
        "events": {"node01/2026-11-23.events": [event_document(lasting)]},
        "notes": {"notes": [{"gone": 1}, {"text": "é"}, {"gone": 2}, {"text": "b"}], "2017513": [{"a": None}]},
        "a note first": {"node01/2026-11-23": [{"text": "x"}, SAMPLE], "node01/2026-11-23.events": [{"text": "y"}]},
    }
    for name, tables in stores.items():
        history, back = TinyDbHistory(tmp_path / name), TinyDbHistory(tmp_path / f"{name} back")
        for table, documents in tables.items():
            history.db.table(table).insert_multiple(documents)
            history.db.table(table).remove(where("gone").exists())
        path = export(history, kind, tmp_path / f"{name}.{kind}")
        for _ in range(2):
            bring_in(back, path)
            assert everything(back) == everything(history)
        history.close()
        back.close()


def test_an_export_without_our_mark_is_known_by_any_of_its_documents(tmp_path: Path) -> None:
    history = TinyDbHistory(tmp_path / "db")
    path = tmp_path / "other.json"
    for tables in (
        {"node01/2026-11-23": {"3": {"text": "x"}, "7": SAMPLE}},
        {"node02/2026-11-23.events": {"1": {"kind": "outage", "begin_ms": NOON_MS}}, "notes": {"2": {"text": "y"}}},
    ):
        path.write_text(json.dumps(tables))
        assert bring_in(history, path) == Imported(added=2)
    assert everything(history) == {
        "node01/2026-11-23": [{"id": 3, "text": "x"}, {"id": 7, **SAMPLE}],
        "node02/2026-11-23.events": [{"id": 1, "kind": "outage", "begin_ms": NOON_MS}],
        "notes": [{"id": 2, "text": "y"}],
    }


def test_documents_get_ids_of_their_own_where_theirs_are_taken_or_none(tmp_path: Path) -> None:
    history = TinyDbHistory(tmp_path / "db")
    history.db.table("notes").insert({"text": "a"})
    path = tmp_path / "more.ndjson"
    numbers = [1, 5, 5, "x", None, -1]
    lines = [{"table": "notes", "id": number, "document": {"text": repr(number)}} for number in numbers]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert bring_in(history, path) == Imported(added=6)
    assert [document.doc_id for document in history.db.table("notes")] == [1, 2, 3, 4, 5, 6, 7]


def test_watts_beyond_dcmi_come_back_and_its_sign_for_no_value_is_none(tmp_path: Path) -> None:
    history, back = TinyDbHistory(tmp_path / "db"), TinyDbHistory(tmp_path / "back")
    chassis = [Sample("node01", NOON_MS + watts, watts, Source.SDR) for watts in (65_534, 65_535, 65_536, 1_000_000)]
    history.append(chassis)
    assert bring_in(back, export(history, "csv", tmp_path / "all.csv")) == Imported(added=4)
    assert list(back.read("node01", *EVER)) == chassis
    path = tmp_path / "published.csv"
    path.write_text("".join(f"2026-11-23T13:00:00Z,{watts}\n" for watts in (65_534, 65_535, 65_536, 1 << 53, -1)))
    assert bring_in(back, path) == Imported(added=2, passed_over=3)


@given(kept=st.lists(SAMPLES, min_size=1, max_size=12))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_csv_takes_all_that_is_known_of_a_sample(kept: list[Sample], tmp_path_factory: Any) -> None:
    folder = tmp_path_factory.mktemp("export")
    history, copy = TinyDbHistory(folder / "db"), TinyDbHistory(folder / "copy")
    history.append(kept)
    path = export(history, "csv", folder / "exported.csv")
    bring_in(copy, path)
    assert list(copy.read("node01", *EVER)) == list(history.read("node01", *EVER))
    assert bring_in(copy, path).added == 0
    history.close()
    copy.close()


def test_what_is_merged_in_between_is_in_the_order_of_time_and_counts_as_if_it_had_always_been_there(
    tmp_path: Path,
) -> None:
    whole = samples(600)
    history, other, complete = (TinyDbHistory(tmp_path / name) for name in ("db", "other", "complete"))
    history.append([each for number, each in enumerate(whole) if number % 3])
    other.append(whole[::3])
    complete.append(whole)
    for kind in exporting.FORMATS:
        bring_in(history, export(other, kind, tmp_path / f"other.{kind}"))
    assert list(history.read("node01", *EVER)) == whole
    assert energy(history.read("node01", *EVER), 10_000) == energy(complete.read("node01", *EVER), 10_000)
    assert history.append(samples(1, from_ms=NOON_MS + DAY_MS)).samples
    assert history.last("node01", 2) == [whole[-1], *samples(1, from_ms=NOON_MS + DAY_MS)]


def test_a_second_sample_that_is_equal_is_kept_once_for_each_time_that_the_file_has_it(tmp_path: Path) -> None:
    history = TinyDbHistory(tmp_path / "db")
    path = tmp_path / "twice.csv"
    path.write_text("timestamp,consumption\n" + "2026-11-23T12:00:00.000Z,400\n" * 2)
    assert bring_in(history, path) == Imported(added=2)
    assert bring_in(history, path) == Imported(known=2)
    assert [sample.power_w for sample in history.read("node09", *EVER)] == [400, 400]


@pytest.mark.parametrize(("most", "merges"), [(100_000, 5), (40, 13)])
def test_rows_of_several_bmcs_in_the_order_of_time_are_brought_in_table_by_table_within_bounds(
    most: int, merges: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    merged: list[str] = []
    monkeypatch.setattr(importing, "MOST_WAITING", most)
    monkeypatch.setattr(importing, "merge", lambda db, table, rows: (merged.append(table), merge(db, table, rows))[1])
    whole = {bmc: samples(20, bmc) for bmc in ("n1", "n2", "n3", "n4", "n5")}
    rows = [
        f"{each.bmc},{iso(each.at_ms)},{each.power_w}\n" for tick in zip(*whole.values(), strict=True) for each in tick
    ]
    path = tmp_path / "all.csv"
    path.write_text("bmc,timestamp,consumption\n" + "".join(rows))
    history = TinyDbHistory(tmp_path / "db")
    assert bring_in(history, path) == Imported(added=100)
    assert len(merged) == merges
    assert {bmc: list(history.read(bmc, *EVER)) for bmc in whole} == whole


def test_a_csv_of_2017_is_read_in_its_zone_past_midnight_and_through_the_hour_that_comes_twice(tmp_path: Path) -> None:
    history = TinyDbHistory(tmp_path / "db")
    last = tmp_path / "last.csv"
    last.write_text('date,consumption\n"23:59:58","436"\n"0:00:00","432"\n"x","1"\n"0:00:02","-5"\n')
    outcome = bring_in(history, last, day=date(2017, 5, 13), zone=SAO_PAULO)
    assert (outcome.added, outcome.passed_over) == (2, 2)
    assert told(history.read("node09", *EVER)) == [("2017-05-14T02:59:58.000Z", 436), ("2017-05-14T03:00:00.000Z", 432)]
    twice = tmp_path / "berlin-2017-10-29.csv"
    twice.write_text('"2:10:00","1"\n"2:50:00","2"\n"2:10:00","3"\n"3:10:00","4"\n')
    bring_in(history, twice, bmc="berlin", zone=ZoneInfo("Europe/Berlin"))
    assert [at[11:16] for at, _ in told(history.read("berlin", *EVER))] == ["00:10", "00:50", "01:10", "02:10"]


@pytest.mark.parametrize(
    "content",
    [
        "timestamp,consumption\n1969-12-31T23:59:59Z,1\n2026-11-23T12:00:00Z,400\n9999-12-31T00:00:00Z,1\n",
        json.dumps(
            {
                "node09/2026-11-23": {
                    "1": {"timestamp": "1969-12-31T23:59:59Z", "watts": 1},
                    "2": {"timestamp": "2026-11-23T12:00:00Z", "watts": 400},
                    "3": {"timestamp": "9999-12-31T00:00:00Z", "watts": 1},
                }
            }
        ),
    ],
)
def test_times_that_no_history_can_tell_of_are_passed_over(content: str, tmp_path: Path) -> None:
    path = tmp_path / "node09"
    path.write_text(content)
    history = TinyDbHistory(tmp_path / "db")
    assert bring_in(history, path) == Imported(added=1, passed_over=2)
    assert history.db.storage.names() == ["node09/2026-11-23"]


def test_the_csv_files_of_the_real_day_come_in_one_to_one(tmp_path: Path) -> None:
    if not REAL_DAY.exists():
        pytest.skip("the recorded day is not here")
    history = TinyDbHistory(tmp_path / "db")
    outcome = bring_in(history, REAL_DAY, zone=SAO_PAULO)
    rows = [line.replace('"', "").split(",") for line in REAL_DAY.read_text().splitlines()]
    found = list(history.read("node09", *EVER))
    assert (outcome.added, outcome.passed_over) == (42_542, 0)
    assert [sample.power_w for sample in found] == [int(watts) for _, watts in rows]
    assert f"{energy(found, 2000).energy_wh:.2f}" == "13227.41"
    last = REAL_DAY.with_name("power8-last.csv")
    assert bring_in(history, last, zone=SAO_PAULO, day=date(2017, 7, 24)).added == 300


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("time;watts\n1;2\n", "names no columns"),
        ("5:37:27,436\n", "--date"),
        (json.dumps({"table": "a/2026-11-23", "id": 1, "document": {}}) + "\n{]\n", "line 2"),
        (json.dumps({"table": 5, "id": 1, "document": {}}) + "\n", "line 1"),
        ("\xff", "UTF-8"),
        ("[1]", "not a TinyDB file"),
        ("bmc,timestamp,consumption\nrack1/node1,2026-11-23T12:00:00Z,1\n", "row 2: 'rack1/node1' cannot name a BMC"),
        (json.dumps({".a/2026-11-23": {"1": {"time": "5:37:27", "watts": 436}}}), "'.a' cannot name a BMC"),
        ("x" * 131_073, "line 1: .*field larger"),
        ("timestamp,consumption\n1,2\n" + "x" * 131_073, "line 3: .*field larger"),
        (json.dumps({"n1/2026-11-23": {"1": SAMPLE, "2": 5}}), "table 'n1/2026-11-23', document 2"),
        (json.dumps({"n1/2026-11-23": {"1": SAMPLE, "2": {"note": "\ud800"}}}), "table 'n1/2026-11-23', document 2"),
        (json.dumps({"table": "a", "id": 1, "document": {"note": "\ud800"}}) + "\n", "line 1"),
        (json.dumps({"table": "\ud800", "id": 1, "document": {}}) + "\n", "line 1"),
        (json.dumps({"n1/2026-11-23": {"1": SAMPLE}, "\ud800": {"1": {}}}), r"table '\\ud800', document 1"),
    ],
)
def test_what_cannot_be_read_is_said_so_and_changes_nothing(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "other"
    path.write_text(content, encoding="latin-1")
    history = TinyDbHistory(tmp_path / "db")
    with pytest.raises(StoreError, match=words):
        bring_in(history, path)
    assert everything(history) == {}


@given(content=st.binary(max_size=80) | st.text(alphabet='0123456789:,"-{}[]\n', max_size=60).map(str.encode))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_file_is_read_or_refused_in_words(content: bytes, tmp_path_factory: Any) -> None:
    folder = tmp_path_factory.mktemp("import")
    (folder / "other").write_bytes(content)
    history = TinyDbHistory(folder / "db")
    try:
        bring_in(history, folder / "other", day=date(2026, 11, 23))
    except StoreError as error:
        assert "other" in str(error)
    history.close()


@pytest.mark.parametrize("kind", list(exporting.FORMATS))
def test_a_day_that_is_removed_during_an_export_is_left_out(kind: str, tmp_path: Path) -> None:
    history, copy = TinyDbHistory(tmp_path / "db"), TinyDbHistory(tmp_path / "copy")
    history.append([*samples(2), *samples(2, from_ms=NOON_MS + DAY_MS), *samples(2, "node02")])
    names = iter(history.db.storage.names())

    def retained() -> Iterator[str]:
        for name in names:
            if name == "node01/2026-11-24":
                history.drop_day("node01", "2026-11-24")
            yield name

    path = tmp_path / "exported"
    with path.open("w") as file:
        exporting.FORMATS[kind].write(exporting.tables_of(history, retained()), file)
    assert "node01/2026-11-24" not in path.read_text()
    assert bring_in(copy, path) == Imported(added=4)


def test_an_export_is_written_as_it_is_read(tmp_path: Path) -> None:
    history = TinyDbHistory(tmp_path / "db")
    history.append(samples(2))
    text = io.StringIO()
    exporting.csv_rows(exporting.tables_of(history, history.db.storage.names()), text)
    assert text.getvalue().splitlines() == [
        "bmc,timestamp,consumption,source,doubt,min_w,max_w,average_w,period_ms,bmc_time_s",
        "node01,2026-11-23T12:00:00.000Z,400,dcmi,,,,,,",
        "node01,2026-11-23T12:00:10.000Z,401,dcmi,,,,,,",
    ]
