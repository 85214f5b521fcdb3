"""The inbox: marks are stored once, whatever happens between; hostile files harm nobody."""

from __future__ import annotations

import errno
import grp
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from powergraph_collector import inbox, settings
from powergraph_collector.days import iso
from powergraph_collector.history.tinydb_engine import TinyDbHistory
from powergraph_collector.inbox import Inbox, Mark, MarkError, mark_of, put
from powergraph_collector.model import Event, EventKind
from tests.commands.test_commands import complaint, run, start
from tests.running import running, write_settings
from tests.series import NOON_MS

KNOWN = ["node01", "node02"]


class Taken:
    """An inbox whose events go straight into a store, when told to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "inbox"
        self.folder.mkdir(exist_ok=True)
        self.history = TinyDbHistory(folder / "db")
        self.waiting: list[Event] = []
        self.complaints: list[str] = []
        self.begin()

    def begin(self) -> None:
        """As a service that was killed and starts anew."""
        self.waiting.clear()
        self.inbox = Inbox(self.waiting.extend, self.complaints.append, lambda: NOON_MS)

    def look(self) -> None:
        self.inbox.look(self.folder, KNOWN, self.history)

    def store(self) -> None:
        events = [*self.waiting]
        self.waiting.clear()
        self.inbox.acknowledged(self.history.append((), events).events)

    def markers(self, bmc: str = "node01") -> list[tuple[int, int | None, str]]:
        events = self.history.read_events(bmc, 0, 2 * NOON_MS)
        return [(event.begin_ms - NOON_MS, event.end_ms and event.end_ms - NOON_MS, event.detail) for event in events]

    def files(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())


@pytest.fixture
def taken(tmp_path: Path) -> Taken:
    return Taken(tmp_path)


def mark(text: str = "job 42", machines: Sequence[str] = ("node01",), to_ms: int = NOON_MS) -> Mark:
    return Mark(text, tuple(machines), NOON_MS, to_ms)


def test_a_mark_stays_until_its_event_is_on_the_disk(taken: Taken) -> None:
    path = put(taken.folder, mark(to_ms=NOON_MS + 5000))
    taken.look()
    taken.look()
    assert (path.exists(), len(taken.waiting)) == (True, 1)
    taken.store()
    taken.look()
    assert (path.exists(), taken.markers()) == (False, [(0, 5000, "job 42")])
    assert taken.markers("node02") == []
    assert taken.complaints == []


@pytest.mark.parametrize("is_stored", [False, True])
def test_a_kill_before_or_after_storing_neither_loses_nor_doubles(taken: Taken, is_stored: bool) -> None:
    put(taken.folder, mark(machines=()))
    taken.look()
    if is_stored:
        taken.history.append((), taken.waiting)  # and the acknowledgement is lost
    taken.begin()
    taken.look()
    taken.store()
    taken.look()
    assert (taken.markers(), taken.markers("node02"), taken.files()) == ([(0, 0, "job 42")], [(0, 0, "job 42")], [])


def test_marks_at_one_moment_are_kept_apart_and_equal_ones_are_one(taken: Taken) -> None:
    for text in ("a", "b", "a", "c"):
        put(taken.folder, mark(text))
    taken.look()
    taken.store()
    put(taken.folder, mark("b"))
    put(taken.folder, mark("d"))
    taken.look()
    taken.store()
    taken.look()
    assert sorted(text for _, _, text in taken.markers()) == ["a", "b", "c", "d"]
    assert [begin for begin, _, _ in taken.markers()] == [0, 1, 2, 3]
    assert taken.files() == []


@given(st.text(st.characters(categories=("L", "N", "P", "S")), min_size=1, max_size=200), st.integers(0, 10**12))
def test_a_mark_is_read_as_it_was_written(text: str, from_ms: int) -> None:
    written = Mark(text, ("node01", "x"), from_ms, from_ms + 1)
    assert mark_of(written.document()) == written


@given(st.binary(max_size=200) | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps))
def test_no_content_does_more_than_be_refused(content: bytes | str) -> None:
    with pytest.raises(MarkError):
        mark_of(content if isinstance(content, bytes) else content.encode())


def document(**changed: Any) -> bytes:
    usual = {"format": 1, "text": "x", "machines": [], "from": iso(NOON_MS), "to": iso(NOON_MS)}
    return json.dumps(usual | changed).encode()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b" " * (1 << 20) + b"{}", "too large"),
        (document(format=2), "format"),
        (document(text="a\nb"), "printable"),
        (document(text="\x1b[2J"), "printable"),
        (document(text="x" * 201), "printable"),
        (document(text=" "), "printable"),
        (document(text=7), "missing"),
        (document(machines=["node01", "node03"]), "no machine 'node03'"),
        (document(machines=["../../etc"]), "no machine"),
        (document(machines=[1]), "names"),
        (document(machines="node01"), "missing"),
        (document(to=iso(NOON_MS - 1)), "end after it begins"),
        (document(to=iso(NOON_MS + 2 * 86_400_000)), "a day from now"),
        (document(**{"from": iso(NOON_MS - 40 * 86_400_000)}), "31 days"),
        (document(**{"from": "9999-99-99"}), "times"),
        (document(**{"from": iso(0), "to": iso(1)}), "ten years"),
    ],
)
def test_a_mark_that_is_not_within_reason_is_refused_once_with_its_reason(
    taken: Taken, content: bytes, words: str
) -> None:
    path = taken.folder / f"{'0' * 32}.json"
    path.write_bytes(content)
    taken.look()
    taken.look()
    assert taken.waiting == []
    assert len(taken.complaints) == 1
    assert words in taken.complaints[0]
    assert words in (inbox.refusal(path) or "")
    assert taken.files() == [f"{'0' * 32}.refused"]


def test_a_refusal_can_be_read_before_its_mark_goes(taken: Taken, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put(taken.folder, mark(machines=["node03"]))
    words: list[str | None] = []

    def killed(mark_path: Path) -> bool:
        words.append(inbox.refusal(mark_path))
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(inbox, "_remove", killed)
        with pytest.raises(KeyboardInterrupt):
            taken.look()
    assert words == ["no machine 'node03'"]
    taken.begin()
    taken.look()
    assert inbox.refusal(path) == "no machine 'node03'"
    assert taken.files() == [path.with_suffix(".refused").name]


def test_a_mark_whose_refusal_cannot_be_written_stays(taken: Taken, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put(taken.folder, mark(machines=["node03"]))

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(inbox, "_write_refusal", full)
        taken.look()
        taken.look()
    assert path.exists()
    assert len(taken.complaints) == 1
    taken.look()
    assert inbox.refusal(path) == "no machine 'node03'"
    assert not path.exists()


def test_what_is_no_file_of_ours_is_removed_or_left_alone_and_told_once(taken: Taken, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    (taken.folder / f"{'1' * 32}.json").symlink_to(secret)
    os.mkfifo(taken.folder / f"{'2' * 32}.json")
    (taken.folder / "notes\n.txt").write_text("hello")
    (taken.folder / "empty").mkdir()
    (taken.folder / "full").mkdir()
    (taken.folder / "full/x").write_text("")
    put(taken.folder, mark())
    taken.look()
    taken.look()
    assert secret.read_text() == "secret"
    assert [name for name in taken.files() if not name.endswith((".refused", ".json"))] == ["full"]
    (complaint,) = taken.complaints
    assert complaint.endswith("(and 4 more)")
    assert "\n" not in complaint
    assert len(taken.waiting) == 1


def test_leftovers_and_words_that_were_read_go_in_time(taken: Taken) -> None:
    for name, age_s in ((".a.new", 4000), (".b.new", 10), ("c.refused", 100), ("d.refused", 10)):
        (taken.folder / name).write_text("")
        os.utime(taken.folder / name, (NOON_MS / 1000 - age_s,) * 2)
    taken.look()
    assert taken.files() == [".b.new", "d.refused"]


def test_an_inbox_that_is_not_there_is_told_once(taken: Taken) -> None:
    taken.folder.rmdir()
    taken.look()
    taken.look()
    assert taken.complaints == [f"marks cannot be taken from {taken.folder}: No such file or directory"]
    taken.folder.mkdir()
    taken.look()
    taken.folder.rmdir()
    taken.look()
    assert len(taken.complaints) == 2


def test_a_file_can_be_read_by_the_service_whatever_the_umask(taken: Taken) -> None:
    former = os.umask(0o077)
    try:
        path = put(taken.folder, mark())
    finally:
        os.umask(former)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_mark_is_stored_and_published_by_the_service(simulate: Any, tmp_path: Path) -> None:
    (tmp_path / "inbox").mkdir()
    config = write_settings(tmp_path, simulate(node01={"latency_s": 0.003}), inbox=str(tmp_path / "inbox"))
    before = start(tmp_path, "powergraph", "mark", "before", "--wait", 0, "--config", config)
    assert before.communicate(timeout=60)[0] == "will be taken when the service runs\n"
    with running(config):
        code, out, err = run(
            tmp_path, "powergraph", "mark", "job 42", "--machine", "node01", "--wait", 50, "--config", config
        )
        assert (code, out, err) == (0, "stored\n", "")
        folder = settings.load(config).publish
        assert folder is not None
        wait_for(
            lambda: "job 42" in "".join(path.read_text() for path in folder.glob("lab/node01/????-??-??.events.json"))
        )
    (path,) = folder.glob("lab/node01/????-??-??.events.json")
    found = [event for event in json.loads(path.read_text())["events"] if event["kind"] == "marker"]
    assert [(event["reason"], event["detail"]) for event in found] == [("marker", "before"), ("marker", "job 42")]
    assert all(event["begin"] == event["end"] for event in found)
    assert [*(tmp_path / "inbox").iterdir()] == []
    with_store = TinyDbHistory(tmp_path / "db", access_mode="r").read_events("node01", 0, 1 << 60)
    assert len([event for event in with_store if event.kind is EventKind.MARKER]) == 2


def test_who_marks_what_the_service_does_not_know_learns_it(simulate: Any, tmp_path: Path) -> None:
    folder = tmp_path / "inbox"
    folder.mkdir()
    config = write_settings(tmp_path, simulate(node01={"latency_s": 0.003}), inbox=str(folder))
    with running(config):
        code, _, err = run(tmp_path, "powergraph", "mark", "x", "--machine", "node07", "--wait", 50, "--inbox", folder)
    assert (code, complaint(err)) == (7, "powergraph: the service refused the mark: no machine 'node07'")
    code, _, err = run(tmp_path, "powergraph", "mark", "x", "--machine", "node07", "--config", config)
    assert (code, complaint(err)) == (7, "powergraph: no machine node07: there are node01")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["a\nb"], 2, "its text must be of 1 to 200 printable characters"),
        (["x", "--from", "soon"], 2, "'soon' is not a time"),
        (["x", "--from", "2001-01-01"], 2, "less than ten years ago"),
        (["x"], 6, "nowhere is not there: does the service of PowerGraph run here?"),
    ],
)
def test_what_is_wrong_with_a_mark_is_one_line(tmp_path: Path, arguments: list[str], code: int, words: str) -> None:
    found, out, err = run(tmp_path, "powergraph", "mark", *arguments, "--inbox", "nowhere")
    assert (found, out) == (code, "")
    assert words in complaint(err)


AS_SOMEBODY = """
import os, sys
sys.path[:0] = {path!r}
from pathlib import Path
from powergraph_collector import inbox
from powergraph_collector.commands import mark
from powergraph_collector.commands.frame import CommandError
os.setgroups([]); os.setgid({gid}); os.setuid(65534)
made = inbox.Mark("x", (), 0, 0)
try:
    print(mark._put(Path({folder!r}), made).name)
    os.listdir({folder!r})
except (CommandError, OSError) as error:
    print(error)
"""


@pytest.mark.parametrize("is_member", [True, False])
def test_members_of_the_group_may_put_files_in_and_nothing_else(tmp_path: Path, is_member: bool) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can be somebody else")
    folder = Path(tempfile.mkdtemp(prefix="powergraph-inbox-", dir="/tmp"))  # where others may go
    try:
        os.chown(folder, 0, 7)
        folder.chmod(0o3730)
        script = AS_SOMEBODY.format(path=sys.path, folder=str(folder), gid=7 if is_member else 65534)
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        names = [path.name for path in folder.iterdir()]
        group = grp.getgrgid(7).gr_name
        if is_member:
            assert done.stdout.splitlines() == [*names, f"[Errno 13] Permission denied: '{folder}'"]
        else:
            advice = f"be added to the group {group} (usermod -aG {group} YOU, then log in again)"
            assert (done.stdout, names) == (f"you may not mark here: {advice}\n", [])
    finally:
        shutil.rmtree(folder)


def test_looks_and_acknowledgements_of_two_threads_lose_nothing(taken: Taken) -> None:
    stop = threading.Event()

    def store() -> None:
        while not stop.is_set() or taken.waiting:
            taken.store()

    storing = threading.Thread(target=store)
    storing.start()
    for number in range(30):
        put(taken.folder, mark(f"job {number}"))
        taken.look()
    stop.set()
    storing.join()
    wait_for(lambda: (taken.look(), taken.store(), not taken.files())[-1])
    assert len(taken.markers()) == 30
