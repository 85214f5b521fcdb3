"""Stock TinyDB files, those of 2017 included: what is certain is read, what is not is refused with what it may mean."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from tinydb import TinyDB

from powergraph_collector.days import iso
from powergraph_collector.history.stock_json import StockHistory, candidates
from powergraph_collector.history.storage import StoreError
from powergraph_collector.model import Sample

SAO_PAULO = ZoneInfo("America/Sao_Paulo")
ALL = (0, 1 << 62)


def stock(folder: Path, **tables: list[dict[str, Any]]) -> Path:
    path = folder / "powergraph.json"
    with TinyDB(path) as db:
        for name, documents in tables.items():
            db.table(name.lstrip("_")).insert_multiple(documents)
    return path


def told(samples: Any) -> list[tuple[str, int]]:
    return [(iso(sample.at_ms), sample.power_w) for sample in samples]


@pytest.mark.parametrize(
    ("table", "days"),
    [
        ("2017513", ["2017-05-13"]),
        ("20170513", ["2017-05-13"]),
        ("2017112", ["2017-01-12", "2017-11-02"]),
        ("2017111", ["2017-01-11", "2017-11-01"]),
        ("2017131", ["2017-01-31"]),
        ("201711", ["2017-01-01"]),
        ("20171231", ["2017-12-31"]),
        ("2017231", []),
        ("node01/2026-11-24", ["2026-11-24"]),
        ("_default", []),
        ("20171332", []),
    ],
)
def test_a_tables_name_means_the_days_that_it_may_mean(table: str, days: list[str]) -> None:
    assert [day.isoformat() for day in candidates(table)] == days


def test_a_file_of_2017_is_read_in_the_zone_of_its_site(tmp_path: Path) -> None:
    path = stock(
        tmp_path,
        _2017513=[{"time": "5:37:27", "watts": "436"}, {"time": "5:37:27", "watts": "436"}],
        _2017723=[
            {"time": "00:05:03", "watts": "423"},
            {"time": "25:00:00", "watts": "1"},
            {"time": "0:0:1", "watts": "x"},
            {"watts": "2"},
            {"time": "00:05:04"},
        ],
    )
    found = StockHistory(path, SAO_PAULO)
    assert told(found.read("", *ALL)) == [
        ("2017-05-13T08:37:27.000Z", 436),
        ("2017-05-13T08:37:27.000Z", 436),
        ("2017-07-23T03:05:03.000Z", 423),
    ]
    assert found.passed_over == 4


def test_an_unclear_table_is_refused_with_what_it_may_mean_until_that_is_said(tmp_path: Path) -> None:
    path = stock(tmp_path, _2017112=[{"time": "5:37:27", "watts": "436"}], _2017113=[{"time": "0:00:00", "watts": "1"}])
    with pytest.raises(StoreError) as refused:
        StockHistory(path, SAO_PAULO)
    for words in ("2017112 (2017-01-12 or 2017-11-02)", "2017113 (2017-01-13 or 2017-11-03)", "--table 2017112="):
        assert words in str(refused.value)
    meant = {"2017112": date(2017, 11, 2), "2017113": date(2017, 1, 13)}
    found = StockHistory(path, ZoneInfo("UTC"), meant)
    assert told(found.read("", *ALL)) == [("2017-01-13T00:00:00.000Z", 1), ("2017-11-02T05:37:27.000Z", 436)]


def test_the_hour_that_comes_twice_keeps_its_order(tmp_path: Path) -> None:
    clocks = ["2:10:00", "2:50:00", "2:10:00", "2:50:00", "3:10:00"]  # Berlin, 2017-10-29
    path = stock(tmp_path, _20171029=[{"time": clock, "watts": 400} for clock in clocks])
    samples: list[Sample] = list(StockHistory(path, ZoneInfo("Europe/Berlin")).read("", *ALL))
    assert [sample.at_ms - samples[0].at_ms for sample in samples] == [
        minutes * 60_000 for minutes in (0, 40, 60, 100, 120)
    ]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"2017513": [1]}', "[" * 100_000, json.dumps({"a": {}})])
def test_what_is_no_such_file_is_said_so(tmp_path: Path, content: str) -> None:
    path = tmp_path / "other.json"
    path.write_text(content)
    with pytest.raises(StoreError, match=r"other\.json"):
        StockHistory(path, SAO_PAULO)


def test_a_day_that_is_certain_is_read_though_another_table_is_not(tmp_path: Path) -> None:
    path = stock(tmp_path, _2017513=[{"time": "5:37:27", "watts": "436"}], _2017112=[{"time": "0:00:00", "watts": "1"}])
    found = StockHistory(path, ZoneInfo("UTC"), wanted=date(2017, 5, 13))
    assert told(found.read("", *ALL)) == [("2017-05-13T05:37:27.000Z", 436)]
    with pytest.raises(StoreError, match="2017112"):
        StockHistory(path, ZoneInfo("UTC"), wanted=date(2017, 11, 2))


def test_watts_that_are_no_whole_number_are_left_out_and_counted_never_changed(tmp_path: Path) -> None:
    odd = [440.7, True, "440.7", -1, 65_535, None, [440]]
    documents = [{"time": f"0:00:{second:02d}", "watts": watts} for second, watts in enumerate([440.0, "441", *odd])]
    ours = [{"at_ms": 1_000 + number, "power_w": watts, "source": "dcmi"} for number, watts in enumerate([440, *odd])]
    found = StockHistory(stock(tmp_path, _20170513=documents, **{"node01/1970-01-01": ours}), ZoneInfo("UTC"))
    assert [sample.power_w for sample in found.read("", *ALL)] == [440, 441]
    assert [sample.power_w for sample in found.read("node01", *ALL)] == [440]
    assert found.passed_over == 2 * len(odd)


@pytest.mark.parametrize("table", ["2017112", "2017513"])
def test_a_table_is_not_of_a_day_that_its_name_cannot_mean(tmp_path: Path, table: str) -> None:
    path = stock(tmp_path, **{f"_{table}": [{"time": "5:37:27", "watts": "436"}]})
    possible = " or ".join(day.isoformat() for day in candidates(table))
    with pytest.raises(StoreError, match=f"table {table} cannot be of 2018-11-02: .* {possible}"):
        StockHistory(path, SAO_PAULO, {table: date(2018, 11, 2)})
    assert StockHistory(path, SAO_PAULO, {table: candidates(table)[0]}).bmcs() == [""]
