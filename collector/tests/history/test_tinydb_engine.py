"""The embedded engine keeps and finds samples and events, through TinyDB alone."""

from __future__ import annotations

import errno
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from powergraph_collector.history import columns_file, durable, log_file
from powergraph_collector.history.documents import event_document, event_of, sample_document, sample_of
from powergraph_collector.history.powerdb import AppendTable, PowerDB
from powergraph_collector.history.storage import LogStorage
from powergraph_collector.history.tinydb_engine import TinyDbHistory
from powergraph_collector.model import Doubt, Event, EventKind, Sample, Source, Statistics

NOON_MS = 1_795_435_200_000  # 2026-11-23T12:00:00Z
DAY_MS = 86_400_000
WATTS = st.integers(0, 65_534)
TIMES = st.integers(0, 4_102_444_800_000)
SAMPLES = st.builds(
    Sample,
    st.just("node01"),
    TIMES,
    WATTS,
    st.sampled_from(Source),
    st.sampled_from(Doubt),
    st.none() | st.builds(Statistics, WATTS, WATTS, WATTS, st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1)),
)
EVENTS = st.builds(
    Event,
    st.just("node01"),
    st.sampled_from(EventKind),
    TIMES,
    st.none() | TIMES,
    st.text(max_size=10),
    st.text(max_size=10),
    st.none() | st.integers(-(2**40), 2**40),
)


def samples(count: int, bmc: str = "node01", from_ms: int = NOON_MS, step_ms: int = 10_000) -> list[Sample]:
    return [Sample(bmc, from_ms + index * step_ms, 400 + index % 50) for index in range(count)]


@given(sample=SAMPLES)
def test_a_sample_comes_back_from_its_document(sample: Sample) -> None:
    assert sample_of("node01", sample_document(sample)) == sample


@given(event=EVENTS)
def test_an_event_comes_back_from_its_document(event: Event) -> None:
    assert event_of("node01", event_document(event)) == event


@given(batches=st.lists(st.lists(SAMPLES, max_size=5), max_size=5), span=st.tuples(TIMES, TIMES))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_span_gives_its_samples_day_by_day_in_the_order_of_keeping(
    batches: list[list[Sample]], span: tuple[int, int], tmp_path_factory: Any
) -> None:
    history = TinyDbHistory(tmp_path_factory.mktemp("store") / "db")
    for batch in batches:
        assert history.append(batch).samples is not None
    kept = [sample for batch in batches for sample in batch]
    expected = sorted(
        (sample for sample in kept if span[0] <= sample.at_ms < span[1]), key=lambda sample: sample.at_ms // DAY_MS
    )
    assert list(history.read("node01", *span)) == expected
    history.close()


def test_the_last_samples_are_found_across_days(tmp_path: Path) -> None:
    history = TinyDbHistory(tmp_path / "db")
    kept = samples(5000, step_ms=60_000)
    history.append(kept)
    assert len(history.utc_days("node01")) == 4
    for count in (0, 1, 300, 2000, 5000, 9000):
        assert history.last("node01", count) == kept[max(0, 5000 - count) :]
    history.close()


def test_the_last_samples_are_found_beside_columns_late_lines_and_tables_of_others(tmp_path: Path) -> None:
    history = TinyDbHistory(tmp_path / "db", now_ms=lambda: NOON_MS + 30 * DAY_MS)
    kept = samples(5000, step_ms=60_000)
    history.append(kept, [Event("node01", EventKind.OUTAGE, NOON_MS, None, "timeout")])
    while history.tidy():
        pass
    last_day = history.utc_days("node01")[-1]
    late = Sample("node01", kept[-1].at_ms, 7, Source.DCMI)
    history.append([late])
    history.db.table("node01/9999-99-99").insert({"at": "never"})
    history.db.table("node01/9999-12-31.jsonl/of somebody").insert({"at": "never"})
    assert {file.name for file in (tmp_path / "db" / "node01").glob(f"{last_day}*")} == {
        f"{last_day}.columns.gz",
        f"{last_day}.jsonl",
    }
    for count in (1, 2, 300, 5001, 9000):
        assert history.last("node01", count) == [*kept, late][max(0, 5001 - count) :]
    history.close()


def test_an_event_that_is_told_twice_comes_once_with_its_end(tmp_path: Path) -> None:
    history = TinyDbHistory(tmp_path / "db")
    begun = Event("node01", EventKind.OUTAGE, NOON_MS, None, "timeout")
    ended = Event("node01", EventKind.OUTAGE, NOON_MS, NOON_MS + 3 * DAY_MS, "timeout")
    history.append([], [begun])
    assert history.read_events("node01", NOON_MS, NOON_MS + 1) == [begun]
    history.append([], [ended])
    for day in range(4):
        at_ms = NOON_MS + day * DAY_MS
        assert history.read_events("node01", at_ms, at_ms + 1) == [ended]
    assert history.read_events("node01", NOON_MS + 3 * DAY_MS + 1, NOON_MS + 4 * DAY_MS) == []
    history.close()


def test_two_steps_of_the_clock_after_the_same_sample_are_two_events(tmp_path: Path) -> None:
    history = TinyDbHistory(tmp_path / "db")
    forward = Event("node01", EventKind.CLOCK_STEP, NOON_MS, NOON_MS + 3_603_000, "", "forward", 3_600_000)
    back = Event("node01", EventKind.CLOCK_STEP, NOON_MS, NOON_MS + 1_007_000, "", "back", -2_600_000)
    history.append([], [forward, back])
    history.append([], [back])  # told twice, it is still one
    assert history.read_events("node01", NOON_MS, NOON_MS + 1) == [forward, back]
    history.close()


def test_an_event_that_lasts_is_found_on_the_day_on_which_it_was_told_again(tmp_path: Path) -> None:
    now_ms = [NOON_MS]
    history = TinyDbHistory(tmp_path / "db", now_ms=lambda: now_ms[0])
    begun = Event("node01", EventKind.OUTAGE, NOON_MS, None, "timeout")
    history.append([], [begun])
    now_ms[0] += DAY_MS
    history.append([], [begun])
    assert history.read_events("node01", NOON_MS + DAY_MS, NOON_MS + DAY_MS + 1) == [begun]
    history.close()


def test_a_reader_beside_the_writer_sees_only_what_is_synced(tmp_path: Path) -> None:
    history = TinyDbHistory(tmp_path / "db")
    kept = samples(4)
    history.append(kept[:2])
    reader = history.reader()
    with history.db.batch():
        history.db.table("node01/2026-11-23").insert_multiple([sample_document(sample) for sample in kept[2:]])
        assert list(reader.read("node01", 0, NOON_MS + DAY_MS)) == kept[:2]
        assert reader.last("node01", 9) == kept[:2]
    assert list(reader.read("node01", 0, NOON_MS + DAY_MS)) == kept
    history.close()


def test_a_table_that_is_called_almost_like_a_day_is_none(tmp_path: Path) -> None:
    history = TinyDbHistory(tmp_path / "db")
    history.db.table("node01/2026-99-99").insert({"at_ms": 1, "power_w": 2, "source": "dcmi"})
    history.db.table("node01/2026-11-23").insert({"at_ms": float("inf"), "power_w": 2, "source": "dcmi"})
    assert history.utc_days("node01") == ["2026-11-23"]
    assert list(history.read("node01", 0, NOON_MS + DAY_MS)) == []
    history.close()


def test_samples_reach_the_disk_through_tinydb_and_in_no_other_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inserted: list[Any] = []
    storing = [0]
    insert_multiple, append = AppendTable.insert_multiple, LogStorage.append

    def through_tinydb(table: AppendTable, documents: Any) -> list[int]:
        inserted.extend((table.name, dict(document)) for document in documents)
        storing[0] += 1
        try:
            return insert_multiple(table, documents)
        finally:
            storing[0] -= 1

    def only_then(storage: LogStorage, name: str, documents: Any) -> None:
        assert storing[0], "the storage was written to past TinyDB's interface"
        append(storage, name, documents)

    monkeypatch.setattr(AppendTable, "insert_multiple", through_tinydb)
    monkeypatch.setattr(LogStorage, "append", only_then)
    history = TinyDbHistory(tmp_path / "db")
    history.append(samples(10), [Event("node01", EventKind.MARKER, NOON_MS, NOON_MS, "job")])
    history.close()
    with PowerDB(tmp_path / "db", access_mode="r") as db:
        stored = [(name, dict(document)) for name in sorted(db.tables()) for document in db.table(name)]
    assert stored == sorted(inserted, key=lambda each: each[0])
    assert len(stored) == 11


def test_a_table_that_cannot_be_written_does_not_hold_back_the_others(tmp_path: Path) -> None:
    history = TinyDbHistory(tmp_path / "db")
    (tmp_path / "db" / "node02").write_text("a file where a folder belongs")
    outcome = history.append(samples(2) + samples(2, "node02") + samples(2, "node03"))
    assert {sample.bmc for sample in outcome.samples} == {"node01", "node03"}
    assert "node02" in outcome.error
    (tmp_path / "db" / "node02").unlink()
    assert history.append(samples(2, "node02")).error == ""
    history.close()


def test_a_damaged_or_foreign_document_does_not_hide_the_rest(tmp_path: Path) -> None:
    history = TinyDbHistory(tmp_path / "db")
    history.append(samples(3))
    history.db.table("node01/2026-11-23").insert({"at_ms": "never", "note": "by hand"})
    history.append(samples(3, from_ms=NOON_MS + 60_000))
    assert len(list(history.read("node01", 0, NOON_MS + DAY_MS))) == 6
    assert len(history.last("node01", 4)) == 4
    history.close()


def two_days_later() -> int:
    return NOON_MS + 2 * DAY_MS


def files(path: Path) -> list[str]:
    return sorted(file.name for file in (path / "db" / "node01").iterdir())


def test_a_day_that_is_over_becomes_columns_and_gives_the_same_samples(tmp_path: Path) -> None:
    statistics = Statistics(400, 500, 450, 1000, 1_795_435_200)
    kept = [*samples(2500), Sample("node01", NOON_MS - 5, 0, Source.SDR, Doubt.INACTIVE, statistics)]
    history = TinyDbHistory(tmp_path / "db", now_ms=two_days_later)
    history.append(kept)
    reader = history.reader()
    assert history.tidy()
    assert not history.tidy()
    assert files(tmp_path) == ["2026-11-23.columns.gz"]
    for each in (history, reader):
        assert list(each.read("node01", 0, 2 * NOON_MS)) == kept
        assert each.last("node01", 7) == kept[-7:]
        assert each.utc_days("node01") == ["2026-11-23"]


def test_the_day_under_way_and_small_tables_stay_lines(tmp_path: Path) -> None:
    history = TinyDbHistory(tmp_path / "db", now_ms=lambda: NOON_MS + 13 * 3_600_000 - 1)  # 00:59:59 of the next day
    history.append([*samples(200), *samples(3, from_ms=NOON_MS - DAY_MS)])
    assert not history.tidy()
    assert files(tmp_path) == ["2026-11-22.jsonl", "2026-11-23.jsonl"]


def test_a_late_sample_of_a_compacted_day_is_kept_and_found(tmp_path: Path) -> None:
    history = TinyDbHistory(tmp_path / "db", now_ms=two_days_later)
    early, late = samples(200), samples(200, from_ms=NOON_MS + 4_000_000)
    history.append(early)
    assert history.tidy()
    assert history.append(late).samples == late
    assert list(history.read("node01", 0, 2 * NOON_MS)) == early + late
    assert history.last("node01", 201) == [early[-1], *late]
    history.close()
    history = TinyDbHistory(tmp_path / "db", now_ms=two_days_later)
    assert history.tidy()
    assert files(tmp_path) == ["2026-11-23.columns.gz"]
    assert list(history.read("node01", 0, 2 * NOON_MS)) == early + late
    assert len(history.db.table("node01/2026-11-23").all()) == 400


def test_a_line_that_was_cut_off_is_told_when_its_day_is_compacted(tmp_path: Path) -> None:
    history = TinyDbHistory(tmp_path / "db", now_ms=two_days_later)
    history.append(samples(200))
    history.close()
    log = tmp_path / "db" / "node01" / "2026-11-23.jsonl"
    log.write_bytes(log.read_bytes()[:-20])
    history = TinyDbHistory(tmp_path / "db", now_ms=two_days_later)
    assert history.tidy()
    (repair,) = history.repairs
    assert repair.startswith("node01/2026-11-23: cut ")
    assert len(list(history.read("node01", 0, 2 * NOON_MS))) == 199
    history.close()


def test_a_damaged_table_that_is_rewritten_leaves_its_former_files(tmp_path: Path) -> None:
    for number in (1, 2):
        history = TinyDbHistory(tmp_path / "db", now_ms=two_days_later)
        history.append(samples(200))
        while history.tidy():
            pass
        history.close()
        columns = tmp_path / "db" / "node01" / "2026-11-23.columns.gz"
        damaged = columns.read_bytes()[:-30] + b"?" * 30
        columns.write_bytes(damaged)
        with PowerDB(tmp_path / "db") as db:
            db.table("node01/2026-11-23").update({"note": "x"})
            (repair,) = db.storage.repairs
            assert repair.endswith(f"kept beside it: {columns.name}.damaged-{number}")
            assert db.tables() == {"node01/2026-11-23"}
        assert columns.with_name(f"{columns.name}.damaged-{number}").read_bytes() == damaged
    (tmp_path / "db" / ".format.json").unlink()
    PowerDB(tmp_path / "db").close()  # they are no other files than a store's


def test_a_damaged_day_is_not_compacted_so_that_its_bytes_stay(tmp_path: Path) -> None:
    history = TinyDbHistory(tmp_path / "db", now_ms=two_days_later)
    history.append(samples(200))
    history.close()
    log = tmp_path / "db" / "node01" / "2026-11-23.jsonl"
    content = log.read_bytes()
    log.write_bytes(content[:100] + b"?" + content[101:])
    history = TinyDbHistory(tmp_path / "db", now_ms=two_days_later)
    assert not history.tidy()
    assert log.stat().st_size == len(content)
    assert len(list(history.read("node01", 0, 2 * NOON_MS))) == 199


@pytest.mark.parametrize("call", ["open", "fsync", "replace", "sync_folder"])
def test_a_compaction_that_the_disk_refuses_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    history = TinyDbHistory(tmp_path / "db", now_ms=two_days_later)
    history.append(samples(200))

    def fail(*_arguments: object, **_named: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(durable if call == "sync_folder" else durable.os if call == "fsync" else Path, call, fail)
        with pytest.raises(OSError, match="No space left"):
            history.tidy()
    assert list(history.read("node01", 0, 2 * NOON_MS)) == samples(200)
    assert not [name for name in files(tmp_path) if name.endswith(".new")] or call == "replace"
    more = samples(5, from_ms=NOON_MS + 4_000_000)
    assert history.append(more).samples == more
    assert list(history.read("node01", 0, 2 * NOON_MS)) == samples(200) + more


@pytest.mark.parametrize("version", [1, 2])
def test_a_store_of_a_former_format_opens_and_goes_on(tmp_path: Path, version: int) -> None:
    shutil.copytree(Path(__file__).parent / f"format{version}", tmp_path / "db")
    for history in (TinyDbHistory(tmp_path / "db", access_mode="r"), TinyDbHistory(tmp_path / "db")):
        found = list(history.read("node01", 0, 2 * NOON_MS))
        assert [(sample.at_ms - NOON_MS, sample.power_w) for sample in found] == [
            (10_000 * index, 400 + index) for index in range(4)
        ]
        assert found[1].statistics == Statistics(400, 500, 450, 1000, 1_795_435_210)
        assert found[2].doubt == Doubt.INACTIVE
        assert [event.reason for event in history.read_events("node01", 0, 2 * NOON_MS)] == ["timeout"]
        assert history.db.table("notes").all() == [{"text": "first", "seen": True}, {"text": "second"}]
    assert history.append(samples(1)).samples
    assert history.db.table("notes").insert({"text": "third"}) == 3
    assert (tmp_path / "db" / ".format.json").read_text() == '{"format": 3}'


def test_columns_of_the_former_format_are_read_and_written_anew(tmp_path: Path) -> None:
    shutil.copytree(Path(__file__).parent / "format2", tmp_path / "db")
    history = TinyDbHistory(tmp_path / "db")
    kept = [Sample("node02", NOON_MS + 10_000 * row + row % 7, 400 + row * row % 83) for row in range(2100)]
    assert list(history.read("node02", 0, 2 * NOON_MS)) == kept
    assert history.last("node02", 60) == kept[-60:]
    assert history.append([late := Sample("node02", NOON_MS + 30_000_000, 1)]).samples == [late]
    assert history.db.storage.compact("node02/2026-11-23")
    assert list(history.read("node02", 0, 2 * NOON_MS)) == [*kept, late]
    history.close()


READER = """
import sys
import errno
import shutil
import subprocess
import sys
from pathlib import Path
from powergraph_collector.history.tinydb_engine import TinyDbHistory

history = TinyDbHistory(Path(sys.argv[1]), access_mode="r")
print("ready", flush=True)
for line in sys.stdin:
    expected = int(line)
    # The writer goes on between the two.
    tail = [sample.at_ms for sample in history.last("node01", 20)]
    found = [sample.at_ms for sample in history.read("node01", 0, 2_000_000_000_000)]
    at = found.index(tail[0])
    whole = len(tail) >= min(20, expected) and found[at : at + len(tail)] == tail
    print(len(found) >= expected, found == sorted(set(found)), whole, flush=True)
"""


def test_a_compaction_between_two_looks_of_a_reader_hides_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    history = TinyDbHistory(tmp_path / "db")
    history.append(samples(100))
    looks: list[str] = []

    def compacting(look: Callable[..., Any]) -> Callable[..., Any]:
        def looked(path: Path, *rest: Any) -> Any:
            looks.append(path.suffix)
            try:
                return look(path, *rest)
            finally:
                if len(looks) == 1:
                    assert history.db.storage.compact("node01/2026-11-23")

        return looked

    reader = TinyDbHistory(tmp_path / "db", access_mode="r")
    for module in (log_file, columns_file):
        monkeypatch.setattr(module, "read", compacting(module.read))
    assert list(reader.read("node01", NOON_MS, NOON_MS + DAY_MS)) == samples(100)
    assert len(looks) >= 2


def test_a_reader_in_another_process_sees_all_that_is_acknowledged_while_days_are_compacted(tmp_path: Path) -> None:
    history = TinyDbHistory(tmp_path / "db")
    environment = {"PYTHONPATH": str(Path(__file__).parents[2] / "src"), "PATH": ""}
    with subprocess.Popen(
        [sys.executable, "-c", READER, str(tmp_path / "db")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as reader:
        assert reader.stdin is not None
        assert reader.stdout is not None
        assert reader.stdout.readline() == "ready\n"
        for number in range(150):
            history.append(samples(3, from_ms=NOON_MS + number * 30_000))
            print(3 * number + 3, file=reader.stdin, flush=True)  # it reads while the next lines run
            history.db.storage.compact("node01/2026-11-23")
        reader.stdin.close()
        assert set(reader.stdout.read().splitlines()) == {"True True True"}
