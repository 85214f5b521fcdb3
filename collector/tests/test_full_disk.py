"""A disk that is really full: the running service goes on polling, says so, and keeps what there is room for."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from powergraph_collector.history import recorder
from powergraph_collector.history.tinydb_engine import TinyDbHistory
from powergraph_collector.publish import json_files
from powergraph_collector.service import Service
from powergraph_collector.simulator.server import Simulator
from tests.running import now, running, scraped, wait_for, write_settings

COLLECTOR = Path(__file__).parents[1]
FULL = os.strerror(errno.ENOSPC)
UNWRITTEN = "powergraph_unwritten_samples"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Published files that need not be waited for."""
    monkeypatch.setattr(json_files, "REFRESH_S", 0.5)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB of its own."""
    if os.geteuid() != 0:
        pytest.skip("NOT TESTED: a full disk takes root, to mount one")
    path = tmp_path / "disk"
    path.mkdir()
    mounted = subprocess.run(
        check=False, args=["mount", "-t", "tmpfs", "-o", "size=1m", "powergraph-test", path], capture_output=True
    )
    if mounted.returncode:
        pytest.skip(f"NOT TESTED: a full disk, since nothing can be mounted here: {mounted.stderr.decode().strip()}")
    yield path
    subprocess.run(["umount", path], check=True)


def fill(disk: Path) -> Path:
    """Take all room that is left."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError as error:
            assert error.errno == errno.ENOSPC
    return ballast


def status(path: Path) -> tuple[int, str]:
    """`powergraph status`: exit code and stderr."""
    command = [sys.executable, str(COLLECTOR / "powergraph.py"), "status", "--config", str(path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


def counting(folder: Path) -> dict[str, object]:
    """A BMC whose every reading is a watt more than the one before, so that a missing one shows."""
    trace = folder / "trace.csv"
    minutes = [(hour, minute, second) for hour in range(3) for minute in range(60) for second in range(60)]
    trace.write_text("".join(f"{h:02d}:{m:02d}:{s:02d},{1 + i}\n" for i, (h, m, s) in enumerate(minutes)))
    return {"latency_s": 0.003, "power": {"kind": "trace", "file": str(trace), "step": "reading"}}


def stored_watts(store: Path) -> list[int]:
    history = TinyDbHistory(store, access_mode="r")
    watts = [sample.power_w for sample in history.read("node01", 0, 2**42)]
    history.close()
    return watts


def refused(service: Service) -> bool:
    return scraped(service).get('powergraph_storage_state{state="refused"}') == 1


def test_polling_goes_on_and_everything_is_written_when_there_is_room(
    simulate: Callable[..., Simulator], tmp_path: Path, disk: Path
) -> None:
    simulator = simulate(node01=counting(tmp_path))
    path = write_settings(tmp_path, simulator, interval_s=0.1, store=str(disk / "db"))
    with running(path) as service:
        wait_for(lambda: now(path).get("bmcs", {}).get("node01", {}).get("state") == "fresh")
        assert status(path) == (0, "")
        ballast = fill(disk)
        wait_for(lambda: refused(service))
        before, asked = scraped(service), len(simulator.served)
        wait_for(lambda: scraped(service)[UNWRITTEN] > before[UNWRITTEN] + 30)
        assert len(simulator.served) > asked + 20  # some were on their way when it was asked
        assert scraped(service)["powergraph_storage_ok"] == 0
        code, err = status(path)
        assert code == 6
        assert "samples cannot be stored since 20" in err
        assert FULL in err
        wait_for(lambda: now(path)["storage"]["state"] == "refused")
        storage = now(path)["storage"]
        assert FULL in storage["detail"]
        assert storage["dropped"] == 0
        assert storage["unwritten"] > 0
        assert storage["since"].endswith("Z")
        ballast.unlink()
        wait_for(lambda: scraped(service)["powergraph_storage_ok"] == 1)
        wait_for(lambda: now(path)["storage"]["state"] == "ok")
        wait_for(lambda: status(path) == (0, ""))
    watts = stored_watts(disk / "db")
    assert all(second == first + 1 for first, second in pairwise(watts))
    assert watts[0] == 1
    assert len(watts) >= len(simulator.served) - 1


def test_beyond_the_bound_the_oldest_are_dropped_and_counted(
    simulate: Callable[..., Simulator], tmp_path: Path, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "MOST_RECORDS", 20)
    simulator = simulate(node01=counting(tmp_path))
    path = write_settings(tmp_path, simulator, interval_s=0.1, store=str(disk / "db"))
    with running(path) as service:
        wait_for(lambda: now(path).get("bmcs", {}).get("node01", {}).get("state") == "fresh")
        ballast = fill(disk)
        wait_for(lambda: scraped(service).get("powergraph_dropped_samples_total", 0) >= 10)
        code, err = status(path)
        assert code == 6
        assert " were dropped; make room" in err
        ballast.unlink()
        wait_for(lambda: scraped(service)["powergraph_storage_ok"] == 1)
        dropped = scraped(service)["powergraph_dropped_samples_total"]
        wait_for(lambda: status(path)[0] == 0)
        assert status(path)[1].startswith(f"{dropped:.0f} samples were lost")
    watts = stored_watts(disk / "db")
    holes = [(first, second) for first, second in pairwise(watts) if second != first + 1]
    # One hole, exactly as long as was counted; the newest of what waited are there.
    assert sum(second - first - 1 for first, second in holes) == dropped
    assert len(holes) == 1
    assert watts[-1] >= len(simulator.served) - 1


def test_status_knows_it_even_if_nothing_can_be_published(
    simulate: Callable[..., Simulator], tmp_path: Path, disk: Path
) -> None:
    path = write_settings(
        tmp_path,
        simulate(node01=counting(tmp_path)),
        interval_s=0.1,
        store=str(disk / "db"),
        publish=str(disk / "data"),
    )
    with running(path) as service:
        wait_for(lambda: now(path).get("bmcs", {}).get("node01", {}).get("state") == "fresh")
        ballast = fill(disk)
        wait_for(lambda: refused(service))
        file = disk / "data/lab/now.json"
        os.utime(file, (0, 0))  # as if the disk had been full for long
        wait_for(lambda: status(path)[0] == 6)
        wait_for(lambda: FULL in status(path)[1])  # the service says what is wrong once a second
        ballast.unlink()
        wait_for(lambda: file.stat().st_mtime > 0 and now(path)["storage"]["state"] == "ok")
        wait_for(lambda: status(path) == (0, ""))


class HungSync:
    """fdatasync does not come back."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self._moves, sync = threading.Event(), os.fdatasync
        self._moves.set()

        def hanging(fd: int) -> None:
            self._moves.wait()
            sync(fd)

        monkeypatch.setattr(os, "fdatasync", hanging)

    def stall(self) -> None:
        self._moves.clear()

    def go_on(self) -> None:
        self._moves.set()


class FrozenFileSystem:
    """A file system that lets every write wait, as one does whose storage went away."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._is_frozen = False

    def stall(self) -> None:
        subprocess.run(["fsfreeze", "--freeze", self.folder], check=True)
        self._is_frozen = True

    def go_on(self) -> None:
        if self._is_frozen:
            subprocess.run(["fsfreeze", "--unfreeze", self.folder], check=True)
        self._is_frozen = False


@pytest.fixture(params=["hung sync", "frozen file system"])
def stalling(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[HungSync | FrozenFileSystem]:
    """A disk that hangs when it is told to."""
    if request.param == "hung sync":
        yield HungSync(tmp_path, monkeypatch)
        return
    if os.geteuid() != 0:
        pytest.skip("NOT TESTED: a frozen file system takes root, to mount one")
    path, image = tmp_path / "disk", tmp_path / "image"
    path.mkdir()
    with image.open("wb") as file:
        file.truncate(32 * 2**20)
    for command in (["mkfs.ext4", "-q", image], ["mount", "-o", "loop", image, path]):
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"NOT TESTED: a frozen file system, since none can be mounted here: {done.stderr.strip()}")
    frozen = FrozenFileSystem(path)
    yield frozen
    frozen.go_on()
    subprocess.run(["umount", path], check=True)


def test_a_disk_that_hangs_is_said_and_holds_up_nobody(
    simulate: Callable[..., Simulator],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    stalling: HungSync | FrozenFileSystem,
) -> None:
    monkeypatch.setattr(recorder, "STALLED_AFTER_S", 0.3)
    simulator = simulate(node01=counting(tmp_path))
    store = stalling.folder / "db"
    path = write_settings(tmp_path, simulator, interval_s=0.1, store=str(store))
    with running(path) as service:
        try:
            wait_for(lambda: now(path).get("bmcs", {}).get("node01", {}).get("state") == "fresh")
            stalling.stall()
            wait_for(lambda: scraped(service)['powergraph_storage_state{state="stalled"}'] == 1)
            before, asked = scraped(service), len(simulator.served)
            wait_for(lambda: scraped(service)[UNWRITTEN] > before[UNWRITTEN] + 20)
            wait_for(lambda: len(simulator.served) > asked + 20)  # what was asked before counts among the unwritten
            assert scraped(service)["powergraph_polling_round_age_seconds"] < 2
            wait_for(lambda: now(path)["storage"]["state"] == "stalled")
            code, err = status(path)
            assert code == 6
            assert "the disk does not answer since 20" in err
        finally:
            stalling.go_on()
        wait_for(lambda: scraped(service)["powergraph_storage_ok"] == 1)
        wait_for(lambda: status(path) == (0, ""))
    watts = stored_watts(store)
    assert watts == list(range(1, len(watts) + 1))
    assert len(watts) >= len(simulator.served) - 1
