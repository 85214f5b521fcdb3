"""Log files are read fast, and give for any bytes what looking at each line by itself gives."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.history.test_powerdb import DOCUMENTS

from powergraph_collector.history import fast_json, log_file

FRESH_FOLDER = settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
# Parts of which JSON is made, and what its readers disagree about.
TOKENS = [b"[", b"]", b"{", b"}", b",", b":", b'"', b"1", b"-0", b"0.1", b"1e400", b"01", b"null", b"true", b"false"]
TOKENS += [b'"a"', b'"true"', b'{"k":', b'{"k":1}', b"],[", b"],true,[", b"],false,[", b"[[", b"]]", b"1,{}", b"2,{}"]
TOKENS += [b"NaN", b"-Infinity", b"18446744073709551616", b"9" * 5000, b'"\\ud800"', b"\xed\xa0\x80", b"\xff", b"\t"]
TOKENS += [b"\\", b"\\u0041", b"\x00", b" ", b"[" * 250, b"]" * 250, b'{"a":1,"a":2}', b"\xef\xbb\xbf", b"5e-324"]
JSON_LIKE = st.lists(st.sampled_from(TOKENS), max_size=12).map(b"".join) | st.binary(max_size=12)
RECORDS = st.builds(
    lambda doc_id, document: f"{doc_id},{json.dumps(document, ensure_ascii=False)}".encode(),
    st.integers(-3, 10),
    DOCUMENTS | st.none(),
)
BODIES = (RECORDS | JSON_LIKE).map(lambda body: body.replace(b"\n", b""))


def line(body: bytes) -> bytes:
    return b'["%08x",%b]' % (zlib.crc32(body), body)


LINES = st.one_of(
    BODIES.map(line),
    BODIES.map(lambda body: line(body)[:-1]),
    BODIES.map(lambda body: line(body)[:-1] + b"}"),
    BODIES.map(lambda body: line(body).upper()),
    BODIES,
)


def outcome(parse: Any, text: bytes) -> str:
    try:
        return repr(parse(text))
    except (ValueError, RecursionError):
        return "refused"


@given(text=JSON_LIKE | DOCUMENTS.map(lambda document: json.dumps(document).encode()))
@settings(max_examples=1000)
def test_the_fast_parser_gives_what_pythons_own_gives(text: bytes) -> None:
    assert outcome(fast_json.parsed, text) == outcome(json.loads, text)


def one_by_one(lines: list[bytes]) -> tuple[list[Any], int]:
    """What the lines hold, in the plainest of ways."""
    records = []
    for each in lines:
        body = each[12:-1]
        if each != line(body):
            continue
        try:
            doc_id, document = json.loads(b"[" + body + b"]")
        except (ValueError, RecursionError, TypeError):
            continue
        if type(doc_id) is int and (document is None or type(document) is dict):
            records.append([doc_id, document])
    return records, len(lines) - len(records)


@given(lines=st.lists(LINES.map(lambda each: each.replace(b"\n", b"")), max_size=8))
@example(lines=[line(b"1,{}],true,[2,{}"), line(b'3,{"k":[['), line(b"4,[]]]}")])
@example(lines=[line(b"1,{}],false,[2,{}"), line(b'3,{"k":[["true'), line(b'true"]]}')])
@example(lines=[line(b'1,{"k":true}'), line(b'2,{"k":false}'), line(b"3,{}")])
@settings(max_examples=1000)
def test_lines_read_together_give_what_each_gives_by_itself(lines: list[bytes]) -> None:
    assert repr(log_file._records(lines)) == repr(one_by_one(lines))


@pytest.mark.parametrize("count", [0, 1, 511, 512, 513, 2000])
def test_damage_costs_its_own_line_however_many_there_are(tmp_path: Path, count: int) -> None:
    lines = [log_file.encode(number, {"at": number}) for number in range(1, count + 1)]
    path = tmp_path / "a"
    for number in {0, count // 2, count - 1} & set(range(count)):
        damaged = [*lines[:number], lines[number].replace(b"at", b"as"), *lines[number + 1 :]]
        path.write_bytes(b"".join(damaged))
        found = log_file.read(path)
        assert found.damaged_lines == 1
        assert list(found.documents) == [each for each in range(1, count + 1) if each != number + 1]
    path.write_bytes(b"".join(lines))
    assert log_file.read(path).documents == {number: {"at": number} for number in range(1, count + 1)}


@pytest.mark.parametrize("count", [1, 3, 20, 2000, 9000])
@pytest.mark.parametrize("damaged", [set(), {8999}, {8998, 8990}, set(range(8000, 9000)), {0}])
def test_the_tail_is_the_end_of_the_whole_whatever_is_damaged(tmp_path: Path, count: int, damaged: set[int]) -> None:
    lines = [log_file.generation_line(7), *(log_file.encode(number, {"at": number}) for number in range(1, 9001))]
    for number in damaged:
        lines[number] = lines[number].replace(b'":', b'";')
    path = tmp_path / "a"
    path.write_bytes(b"".join(lines))
    whole, end = log_file.read(path), log_file.tail(path, count)
    assert list(end.documents.items())[-count:] == list(whole.documents.items())[-count:]
    assert (end.highest_id, end.generation) == (whole.highest_id, whole.generation)


@given(lines=st.lists(LINES.map(lambda each: each.replace(b"\n", b"")), max_size=5), first=st.binary(max_size=30))
@FRESH_FOLDER
def test_any_bytes_are_documents_or_damage_and_no_crash(
    lines: list[bytes], first: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("log") / "a"
    path.write_bytes(b"\n".join([line(b"0," + first.replace(b"\n", b"")), *lines, b""]))
    whole = log_file.read(path)
    assert len(whole.documents) + whole.damaged_lines <= len(lines) + 1
    end = log_file.tail(path, 3)
    assert end.documents.items() <= whole.documents.items()
    assert len(end.documents) >= min(3, len(whole.documents))
    log_file.LogFile.open(path).close()
