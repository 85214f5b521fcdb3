"""Columns files give back what was put in, say what is damaged, and lose no more than that."""

from __future__ import annotations

import gzip
import json
import random
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.history.test_powerdb import JSON

from powergraph_collector.history import columns_file
from powergraph_collector.history.columns_file import BLOCK_ROWS, Head

KEYS = st.sampled_from(["at_ms", "power_w", "source", "", "ü", "doubt"])
NUMBERS = st.integers(-(2**70), 2**70) | st.sampled_from([0, 1, True, False, 1.0, -0.0, None, "1"])
DOCUMENTS = st.dictionaries(KEYS, NUMBERS | JSON, max_size=5)
SERIES = st.one_of(
    st.lists(st.integers(-(2**70), 2**70), min_size=1, max_size=300),
    st.builds(  # a line with noise, jumps and steps, of few kinds or of many
        lambda first, step, noise: [first + step * row + each for row, each in enumerate(noise)],
        st.integers(-(2**45), 2**45),
        st.integers(-(2**20), 2**20),
        st.integers(0, 200).flatmap(lambda most: st.lists(st.integers(-most, most), min_size=1, max_size=300)),
    ),
)
FRESH_FOLDER = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


def exact(documents: dict[int, dict[str, Any]]) -> str:
    """Text that tells 1 from 1.0 and true, and keeps the order of keys."""
    return json.dumps(list(documents.items()))


def many(count: int) -> dict[int, dict[str, Any]]:
    return {3 * number: {"at_ms": 10_000 * number, "power_w": number % 7, "source": "dcmi"} for number in range(count)}


@given(rows=st.lists(st.tuples(st.integers(1, 9), DOCUMENTS), max_size=30), spent=st.integers(0, 500))
@FRESH_FOLDER
def test_any_documents_come_back_as_they_were(
    rows: list[tuple[int, dict[str, Any]]], spent: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("columns") / "a"
    documents, doc_id = {}, 0
    for step, document in rows:
        doc_id += step
        documents[doc_id] = document
    path.write_bytes(columns_file.encode(documents, spent, 3))
    found = columns_file.read(path)
    assert exact(found.documents) == exact(documents)
    assert found.is_whole
    assert columns_file.head(path) == Head(found.highest_id, 3, int(bool(rows)))
    assert found.highest_id == max(spent, doc_id)


def by_the_book(path: Path) -> dict[int, dict[str, Any]]:
    """The documents of a file, read by nothing but gzip, JSON and what docs/store.md says."""

    def integers(column: dict[str, Any], rows: int) -> list[Any]:
        if "letters" in column:
            others = iter(column.get("others", []))
            alphabet = [chr(code) for code in range(35, 126) if chr(code) != "\\"]
            deltas = [
                next(others) if letter == "~" else column["table"][alphabet.index(letter)]
                for letter in column["letters"]
            ]
        else:
            deltas = list(column["deltas"])
        deltas += [0] * (rows - len(deltas))
        for _ in range(column["order"]):
            for row in range(1, rows):
                deltas[row] += deltas[row - 1]
        return [column.get("from", 0) + column.get("step", 0) * row + delta for row, delta in enumerate(deltas)]

    documents: dict[int, dict[str, Any]] = {}
    for block in map(json.loads, gzip.decompress(path.read_bytes()).splitlines()[1:]):
        found: list[dict[str, Any]] = [{} for _ in range(block["rows"])]
        keys_of = [block["shapes"][shape] for shape in integers(block["shape"], block["rows"])]
        for key, column in block["columns"].items():
            mine = [row for row, keys in enumerate(keys_of) if key in keys]
            for row, value in zip(mine, integers(column, len(mine)), strict=True):
                found[row][key] = column["of"][value] if "of" in column else value
        in_order = [{key: document[key] for key in keys} for keys, document in zip(keys_of, found, strict=True)]
        documents |= dict(zip(integers(block["ids"], block["rows"]), in_order, strict=True))
    return documents


def test_the_example_of_the_documentation_means_what_it_says_there(tmp_path: Path) -> None:
    block = {
        "rows": 7,
        "ids": {"order": 0, "from": 1, "step": 1, "deltas": []},
        "shapes": [["at_ms", "power_w", "source"]],
        "shape": {"order": 0, "deltas": []},
        "columns": {
            "at_ms": {"order": 0, "from": 1795435200004, "step": 10000, "deltas": [0, 7, -2]},
            "power_w": {"order": 1, "from": 400, "step": 0, "table": [0, 2, -1], "letters": "#$%$##%"},
            "source": {"order": 0, "deltas": [], "of": ["dcmi"]},
        },
    }
    path = tmp_path / "a"
    head = {"highest_id": 7, "generation": 1, "blocks": 1}
    path.write_bytes(columns_file._member(head) + columns_file._member(block))
    found = columns_file.read(path)
    assert found.is_whole
    assert [document["power_w"] for document in found.documents.values()] == [400, 402, 401, 403, 403, 403, 402]
    assert found.documents[6]["at_ms"] == 1795435250004
    assert by_the_book(path) == found.documents


@given(rows=st.lists(st.tuples(st.integers(1, 9), DOCUMENTS), min_size=1, max_size=30))
@FRESH_FOLDER
def test_what_the_documentation_says_is_enough_to_read_it(
    rows: list[tuple[int, dict[str, Any]]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("columns") / "a"
    ids = list(accumulate(step for step, _ in rows))
    documents = {doc_id: document for doc_id, (_, document) in zip(ids, rows, strict=True)}
    path.write_bytes(columns_file.encode(documents, 0, 1))
    assert exact(by_the_book(path)) == exact(documents)


@given(values=SERIES, sparse=st.booleans())
@FRESH_FOLDER
def test_any_series_comes_back_by_either_reader(
    values: list[int], sparse: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("columns") / "a"
    documents: dict[int, dict[str, Any]] = {row: {"power_w": value} for row, value in enumerate(values, 1)}
    if sparse:
        documents[len(values) // 2 + 1]["doubt"] = ["inactive"]
    path.write_bytes(columns_file.encode(documents, 0, 1))
    assert columns_file.read(path).documents == documents
    assert by_the_book(path) == documents


def test_more_kinds_of_differences_than_there_are_letters_come_back(tmp_path: Path) -> None:
    chance = random.Random(1)
    often = [chance.choice(range(len(columns_file.LETTERS))) for _ in range(2000)]
    seldom = [chance.choice(range(10**6)) for _ in range(40)]
    values = chance.sample(often + seldom, len(often) + len(seldom))
    documents = {row: {"power_w": value} for row, value in enumerate(values, 1)}
    path = tmp_path / "a"
    path.write_bytes(columns_file.encode(documents, 0, 1))
    column = json.loads(gzip.decompress(path.read_bytes()).splitlines()[1])["columns"]["power_w"]
    assert len(column["table"]) == len(columns_file.LETTERS)
    assert column["letters"].count("~") == len(column["others"]) > 0
    assert columns_file.read(path).documents == documents
    assert by_the_book(path) == documents


def test_a_regular_series_is_written_in_less_than_its_watts_would_take_as_bytes(tmp_path: Path) -> None:
    chance = random.Random(2)
    levels = [300 + 100 * (row // 500 % 2) + chance.randint(-6, 6) for row in range(8640)]
    documents = {row: {"at_ms": 10_000 * row, "power_w": power_w} for row, power_w in enumerate(levels, 1)}
    size = len(columns_file.encode(documents, 0, 1))
    assert size < 0.65 * len(levels)


@pytest.mark.parametrize("count", [0, 1, BLOCK_ROWS - 1, BLOCK_ROWS, BLOCK_ROWS + 1, 3 * BLOCK_ROWS + 5])
def test_the_tail_is_the_end_of_the_whole(tmp_path: Path, count: int) -> None:
    path = tmp_path / "a"
    path.write_bytes(columns_file.encode(many(count), 0, 1))
    whole = list(columns_file.read(path).documents.items())
    assert dict(whole) == many(count)
    for wanted in (1, 5, BLOCK_ROWS, BLOCK_ROWS + 1):
        tail = list(columns_file.tail(path, wanted).documents.items())
        assert tail[-wanted:] == whole[-wanted:]


def test_values_that_are_equal_are_not_the_same_object(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(columns_file.encode({1: {"doubt": ["inactive"]}, 2: {"doubt": ["inactive"]}}, 2, 1))
    first, second = columns_file.read(path).documents.values()
    first["doubt"].append("changed")
    assert second == {"doubt": ["inactive"]}


def test_any_gzip_and_json_program_can_show_it(tmp_path: Path) -> None:
    watts = [400, 398, 390, 402, 403]
    documents = {doc_id: {"power_w": power_w, "source": "dcmi"} for doc_id, power_w in enumerate(watts, 1)}
    path = tmp_path / "a"
    path.write_bytes(columns_file.encode(documents, 0, 1))
    head, block = (json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines())
    assert head == {"highest_id": 5, "generation": 1, "blocks": 1}
    assert block["ids"] == {"order": 0, "from": 1, "step": 1, "deltas": []}
    assert block["columns"]["power_w"] == {"order": 1, "from": 400, "step": 1, "deltas": [0, -3, -9, 11]}
    assert block["columns"]["source"] == {"order": 0, "deltas": [], "of": ["dcmi"]}


@given(data=st.data())
@FRESH_FOLDER
def test_a_flipped_bit_costs_one_block_at_most_and_is_noticed(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    documents = many(2 * BLOCK_ROWS + 10)
    content = bytearray(columns_file.encode(documents, 0, 1))
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path = tmp_path_factory.mktemp("columns") / "a"
    path.write_bytes(content)
    found = columns_file.read(path)
    assert (
        found.damaged_blocks == 1 or found.documents == documents
    )  # the last bits of deflate's last byte mean nothing
    assert found.documents.items() <= documents.items()
    assert len(found.documents) >= len(documents) - BLOCK_ROWS
    columns_file.tail(path, 5)


@given(data=st.data())
@FRESH_FOLDER
def test_a_file_cut_short_is_noticed_and_keeps_the_blocks_in_front(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    documents = many(2 * BLOCK_ROWS + 10)
    whole = columns_file.encode(documents, 0, 1)
    kept = data.draw(st.integers(0, len(whole) - 1))
    path = tmp_path_factory.mktemp("columns") / "a"
    path.write_bytes(whole[:kept])
    found = columns_file.read(path)
    assert not found.is_whole
    blocks = whole[:kept].count(whole[:10]) - 2  # less the head, and the block that was cut
    assert found.documents.items() <= documents.items()
    assert len(found.documents) >= blocks * BLOCK_ROWS


BLOCK = {"rows": 1, "ids": {"deltas": [1], "order": 0}, "shapes": [["a"]], "shape": {"deltas": [], "order": 0}}
COLUMN = {"deltas": [1], "order": 0}
SPELLED = {"letters": "#", "table": [1], "order": 0}


@pytest.mark.parametrize(
    "block",
    [
        {**BLOCK, "columns": {}},
        {**BLOCK, "columns": {"a": {**COLUMN, "of": []}}},
        {**BLOCK, "columns": {"a": {**COLUMN, "order": 10**9}}},
        {**BLOCK, "columns": {"a": {**COLUMN, "deltas": ["x", 1], "order": 1}}, "rows": 2},
        {**BLOCK, "columns": {"a": {**COLUMN, "deltas": ["x"]}}},
        {**BLOCK, "columns": {"a": {**COLUMN, "deltas": [1.5]}}},
        {**BLOCK, "columns": {"a": {**COLUMN, "step": "x"}}},
        {**BLOCK, "columns": {"a": {**COLUMN, "from": None}}},
        {**BLOCK, "columns": {"a": {**COLUMN, "step": 1e308}}},
        {**BLOCK, "columns": {"a": {**SPELLED, "letters": "##"}}},
        {**BLOCK, "columns": {"a": {**SPELLED, "letters": "$"}}},
        {**BLOCK, "columns": {"a": {**SPELLED, "letters": "~"}}},
        {**BLOCK, "columns": {"a": {**SPELLED, "letters": 5}}},
        {**BLOCK, "columns": {"a": {**SPELLED, "table": ["x"]}}},
        {**BLOCK, "columns": {"a": {**SPELLED, "table": None}}},
        {**BLOCK, "columns": {"a": {**SPELLED, "others": [1]}}},
        {**BLOCK, "columns": {"a": {**SPELLED, "letters": "~", "others": {"a": 1}}}},
        {**BLOCK, "columns": {"a": COLUMN}, "rows": 10**12},
        {**BLOCK, "columns": {"a": COLUMN}, "rows": -1},
        {**BLOCK, "columns": {"a": COLUMN}, "shape": {"deltas": [1], "order": 0}, "shapes": [["a"], 5]},
        {**BLOCK, "columns": {"a": COLUMN}, "shape": {"deltas": [7], "order": 0}, "shapes": [["a"], ["a"]]},
        {**BLOCK, "columns": {"a": COLUMN}, "ids": None},
        [],
        "text",
        None,
    ],
)
def test_a_block_of_somebody_elses_making_is_damage_and_no_crash(tmp_path: Path, block: object) -> None:
    path = tmp_path / "a"
    path.write_bytes(
        columns_file._member({"highest_id": 1, "generation": 1, "blocks": 1}) + columns_file._member(block)
    )
    assert columns_file.read(path).documents == {}
    assert columns_file.read(path).damaged_blocks == 1


@given(content=st.binary(max_size=200))
@FRESH_FOLDER
def test_any_bytes_are_damage_and_no_crash(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("columns") / "a"
    path.write_bytes(content)
    assert columns_file.read(path).damaged_blocks >= 1
    assert not columns_file.tail(path, 5).documents
    assert columns_file.head(path) is None
