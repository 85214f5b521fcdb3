"""Power cuts, full disks and errors, at every place: what was acknowledged is there, and nothing else came in.

How much is tried is in POWERGRAPH_FAULTS: 1 in the unit tests, more in `bin/test soak`. Every run is seeded.
"""

from __future__ import annotations

import errno
import itertools
import os
import random
import shutil
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.history.faults import CALLS, Disk, Killed, Operation, after_power_cut

from powergraph_collector.history.storage import StoreError
from powergraph_collector.history.tinydb_engine import TinyDbHistory
from powergraph_collector.model import Event, EventKind, Sample, Statistics

EFFORT = int(os.environ.get("POWERGRAPH_FAULTS", "1"))
NOON_MS = 1_795_435_200_000  # 2026-11-23T12:00:00Z
DAY_MS = 86_400_000
BMCS = ("node01", "node02", "node03")


def sample(number: int, bmc: str, day: int) -> Sample:
    statistics = Statistics(1, 2, 3, number, 5) if number % 3 else None
    return Sample(bmc, NOON_MS + day * DAY_MS + number, 300 + number % 400, statistics=statistics)


@dataclass
class Life:
    """A store that is written to: what was tried, what was acknowledged, and after which operation of the disk."""

    disk: Disk
    chance: random.Random
    tried: dict[Sample, int] = field(default_factory=dict)
    acknowledged: list[tuple[int, Sample]] = field(default_factory=list)
    again: list[Sample] = field(default_factory=list)
    number: int = 0
    kills: bool = False
    history: TinyDbHistory | None = None

    def live(self, steps: int, *, closes: bool = True) -> None:
        for step in range(steps):
            try:
                self._step(step * 2 // steps)  # two days
            except Killed:
                self._die()
            except OSError:
                continue
        if closes:
            self._close()

    def store_what_waits(self) -> None:
        waits = list(self.again)
        self._append(0)
        assert set(waits) <= {each for _, each in self.acknowledged}
        self._close()

    def _step(self, day: int) -> None:
        self._open()
        assert self.history is not None
        what = self.chance.random()
        if self.kills and self.chance.random() < 0.15:
            self._kill_within(self.chance.randrange(1, 12))
        if what < 0.70:
            self._append(day if what < 0.6 else 0)
        elif what < 0.85:
            names = self.history.db.storage.names()
            self.history.db.storage.compact(self.chance.choice(names or ["none"])) if names else None
        elif what < 0.92:
            notes = self.history.db.table("notes")
            notes.insert({"note": self.number})
            notes.update({"seen": True})
        else:
            self._close()

    def _open(self) -> None:
        if self.history is None:
            self.history = TinyDbHistory(self.disk.root / "db")

    def _append(self, day: int) -> None:
        self._open()
        assert self.history is not None
        batch = list(self.again)
        for _ in range(self.chance.randrange(1, 4)):
            self.number += 1
            batch.append(sample(self.number, self.chance.choice(BMCS), day))
        events = [Event("node01", EventKind.MARKER, NOON_MS + self.number, NOON_MS + self.number, "job")]
        for each in batch:
            self.tried.setdefault(each, len(self.disk.operations))
        outcome = self.history.append(batch, events[: self.chance.randrange(2)])
        self.acknowledged += [(len(self.disk.operations), each) for each in outcome.samples]
        self.again = [each for each in batch if each not in outcome.samples]  # as the recorder does

    def _kill_within(self, calls: int) -> None:
        last = self.disk.calls + calls
        self.disk.refuse = lambda _call, count: Killed() if count == last else None

    def _die(self) -> None:
        """Let go of files and lock as the kernel does, without another word to the disk."""
        self.disk.refuse = lambda _call, _count: None
        self.history, self.again = None, []
        self.disk.close_all()

    def _close(self) -> None:
        history, self.history = self.history, None
        self.again = []  # a new process knows nothing of it
        if history is not None:
            history.close()

    def tried_before(self, cut: int) -> set[Sample]:
        return {each for each, since in self.tried.items() if since <= cut}

    def acknowledged_before(self, cut: int) -> list[Sample]:
        return [each for after, each in self.acknowledged if after <= cut]


def check(path: Path, acknowledged: list[Sample], tried: set[Sample]) -> None:
    """The store opens, holds all that was acknowledged, in order and once, nothing unheard of, and takes more."""
    history = TinyDbHistory(path)
    for bmc in BMCS:
        found = list(history.read(bmc, 0, 2 * NOON_MS))
        assert max(Counter(found).values(), default=1) == 1, "a sample came twice"
        assert set(found) <= tried, "a sample came in that nobody gave"
        promised = sorted((each for each in acknowledged if each.bmc == bmc), key=lambda each: each.at_ms // DAY_MS)
        kept = set(promised)
        assert [each for each in found if each in kept] == promised
        assert history.last(bmc, 5) == found[-5:]
    more = [sample(10**6 + index, bmc, 2) for index, bmc in enumerate(BMCS)]
    assert history.append(more).samples == more
    history.close()
    reader = TinyDbHistory(path, access_mode="r")
    assert all(reader.last(each.bmc, 1) == [each] for each in more)
    reader.db.table("notes").all()


@pytest.mark.parametrize("seed", range(2 * EFFORT))
def test_a_power_cut_after_any_operation_loses_nothing_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    root = tmp_path / "disk"
    root.mkdir()
    with monkeypatch.context() as patch:
        life = Life(Disk(root, patch), random.Random(seed), kills=True)
        life.live(30)
    operations = life.disk.operations
    kinds = Counter(operation.kind for operation in operations)
    assert len(life.acknowledged) > 20
    assert kinds.keys() >= {"create", "write", "sync", "rename", "unlink", "mkdir", "sync_folder"}
    for cut in range(len(operations) + 1):
        for variant in range(1 + 2 * min(EFFORT, 4)):
            chance = random.Random(f"{seed} {cut} {variant}") if variant else None
            left = tmp_path / "left"
            after_power_cut(operations[:cut], chance, root, left)
            check(left / "db", life.acknowledged_before(cut), life.tried_before(cut))
            shutil.rmtree(left)


def on_call(number: int, code: int, *, for_good: bool) -> object:
    def refuse(_call: str, count: int) -> OSError | None:
        hit = count >= number if for_good else count == number
        return OSError(code, os.strerror(code)) if hit else None

    return refuse


@pytest.mark.parametrize("for_good", [False, True], ids=["once", "from-then-on"])
@pytest.mark.parametrize("seed", range(EFFORT))
def test_an_error_of_any_call_costs_nothing_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, for_good: bool, seed: int
) -> None:
    for number in itertools.count(1, 3 if EFFORT == 1 else 1):
        root = tmp_path / f"disk{number}"
        root.mkdir()
        with monkeypatch.context() as patch:
            disk = Disk(root, patch)
            disk.refuse = on_call(number, errno.EIO, for_good=for_good)  # type: ignore[assignment]
            life = Life(disk, random.Random(seed))
            life.live(25)
            disk.refuse = lambda _call, _count: None
            life.store_what_waits()  # the disk is well again
        assert life.number
        check(root / "db", life.acknowledged_before(len(disk.operations)), set(life.tried))
        shutil.rmtree(root)
        if disk.calls < number:
            break


@pytest.mark.parametrize("what", ["append", "compaction"])
def test_a_disk_that_is_full_at_any_byte_costs_nothing_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    before = [sample(number, "node01", 0) for number in range(40)]
    batch = [sample(100 + number, bmc, 0) for number, bmc in enumerate((*BMCS, *BMCS))]
    for room in itertools.count(0):
        root = tmp_path / f"db{room}"
        with monkeypatch.context() as patch:
            disk = Disk(root, patch)
            history = TinyDbHistory(root)
            history.append(before)
            disk.room = room
            acknowledged = list(before)
            if what == "append":
                acknowledged += history.append(batch).samples
                is_through = len(acknowledged) == len(before) + len(batch)
            else:
                is_through = compacts(history)
            assert list(history.read("node01", 0, 2 * NOON_MS)) == [
                each for each in acknowledged if each.bmc == "node01"
            ]
            disk.room = None
            left = [each for each in batch if each not in acknowledged]
            assert set(history.append(left).samples) == set(left)
            history.close()
        check(root, acknowledged + left, {*before, *batch})
        shutil.rmtree(root)
        if is_through:
            break
    assert room > 300


def compacts(history: TinyDbHistory) -> bool:
    try:
        return history.db.storage.compact("node01/2026-11-23")
    except OSError:
        return False


def test_every_call_by_which_the_store_writes_is_among_those_that_fail_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the books say is what is on the disk: no call goes past them."""
    root = tmp_path / "disk"
    root.mkdir()
    with monkeypatch.context() as patch:
        life = Life(Disk(root, patch), random.Random(7))
        life.live(40)
    synced = [*life.disk.operations]
    synced += [Operation("sync", file) for file in {operation.file for operation in synced}]
    synced += [Operation("sync_folder", path=path) for path in {operation.path.parent for operation in synced}]
    after_power_cut(synced, None, root, tmp_path / "left")
    assert contents(tmp_path / "left") == contents(root)
    assert CALLS


def contents(root: Path) -> dict[Path, bytes]:
    return {path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_a_store_that_cannot_be_opened_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        disk = Disk(tmp_path / "db", patch)
        disk.room = 0
        with pytest.raises(StoreError, match="No space left"):
            TinyDbHistory(tmp_path / "db")
        disk.room = None
        TinyDbHistory(tmp_path / "db").close()
