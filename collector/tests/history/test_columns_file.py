"""Columns files give back what was put in, say what is damaged, and lose no more than that."""

from __future__ import annotations

import gzip
import json
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


def test_any_gzip_and_json_program_can_read_it(tmp_path: Path) -> None:
    watts = [400, 398, 390, 402]
    documents = {doc_id: {"power_w": power_w, "source": "dcmi"} for doc_id, power_w in enumerate(watts, 1)}
    path = tmp_path / "a"
    path.write_bytes(columns_file.encode(documents, 0, 1))
    head, block = (json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines())
    assert head == {"highest_id": 4, "generation": 1, "blocks": 1}
    assert block["columns"]["power_w"] == {"deltas": [400, -2, -8, 12], "order": 1}
    assert block["columns"]["source"] == {"deltas": [], "order": 0, "of": ["dcmi"]}


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


@pytest.mark.parametrize(
    "block",
    [
        {**BLOCK, "columns": {}},
        {**BLOCK, "columns": {"a": {**COLUMN, "of": []}}},
        {**BLOCK, "columns": {"a": {**COLUMN, "order": 10**9}}},
        {**BLOCK, "columns": {"a": {**COLUMN, "deltas": ["x", 1], "order": 1}}, "rows": 2},
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
