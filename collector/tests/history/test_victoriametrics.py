"""The engine for machine rooms gives the same answers as the embedded one, through a real VictoriaMetrics."""

from __future__ import annotations

import errno
import itertools
import json
import random
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Barrier, Thread
from threading import Event as Signal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.victoria_server import VictoriaServer, certificate, free_port

from powergraph_collector.history import durable, victoriametrics_http
from powergraph_collector.history.begun_again import begun_again
from powergraph_collector.history.engine import HistoryAwayError
from powergraph_collector.history.spool import Spool
from powergraph_collector.history.tinydb_engine import TinyDbHistory
from powergraph_collector.history.victoriametrics import VictoriaMetricsHistory, VictoriaMetricsReader
from powergraph_collector.history.victoriametrics_forwarding import Pace
from powergraph_collector.history.victoriametrics_http import Access, Server
from powergraph_collector.history.victoriametrics_series import NotOursError, Placed, Series, import_lines, series_of
from powergraph_collector.model import Doubt, Event, EventKind, Sample, Source, Statistics
from powergraph_collector.settings_model import Bmc

DAY_MS = 86_400_000
NOON_MS = (time.time_ns() // 1_000_000 // DAY_MS - 3) * DAY_MS + DAY_MS // 2  # VictoriaMetrics wants no future
FAST = Pace(round_s=0.05, settled_s=0.05, doubtful_s=0.05)
WATTS = st.integers(0, 65_534)
# Few different times, so that the clock goes back, stands still, and changes the day in both directions.
TIMES = st.integers(0, 40).map(lambda step: NOON_MS + (step - 20) * DAY_MS // 9)
SAMPLES = st.builds(
    Sample,
    st.sampled_from(["node01", "node02"]),
    TIMES,
    WATTS,
    st.sampled_from(Source),
    st.sampled_from(Doubt),
    st.none() | st.builds(Statistics, WATTS, WATTS, WATTS, st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1)),
)
numbers = itertools.count()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VictoriaServer]:
    running = VictoriaServer(tmp_path_factory.mktemp("vm")).start()
    yield running
    running.stop()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., VictoriaServer]]:
    """Start a server of its own with further options."""
    running: list[VictoriaServer] = []

    def started(*options: str, scheme: str = "http") -> VictoriaServer:
        running.append(VictoriaServer(tmp_path / f"vm{len(running)}", *options, scheme=scheme))
        return running[-1].start()

    yield started
    for each in running:
        each.stop()


@pytest.fixture
def own_server(start: Callable[..., VictoriaServer]) -> VictoriaServer:
    return start()


@pytest.fixture
def shown_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the server show what it took whenever it is asked, instead of seconds later."""
    export = Server.export

    def flushed(asked: Server, *arguments: Any) -> Iterator[Series]:
        with suppress(OSError):
            urllib.request.urlopen(asked._select_url.replace("api/v1/export", "internal/force_flush")).close()
        return export(asked, *arguments)

    monkeypatch.setattr(Server, "export", flushed)


def opened(
    url: str, store: Path, complain: Callable[[str], None] = lambda _: None, pace: Pace = FAST, mb: float = 100
) -> VictoriaMetricsHistory:
    return VictoriaMetricsHistory(
        Access(url, url), store, complain, groups={}, spool_bytes=int(mb * 1_000_000), pace=pace
    )


def until(holds: Callable[[], bool]) -> None:
    for _ in range(1200):
        if holds():
            return
        time.sleep(0.05)
    raise AssertionError("it never came to pass")


def row(number: int, bmc: str = "node01") -> Sample:
    return Sample(bmc, NOON_MS + number * 1000, 400 + number % 50)


@given(
    batches=st.lists(st.lists(SAMPLES, max_size=8), max_size=6),
    span=st.tuples(TIMES, TIMES),
    count=st.integers(1, 30),
)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_it_answers_like_the_embedded_engine_on_the_way_and_once_everything_is_forwarded(
    batches: list[list[Sample]],
    span: tuple[int, int],
    count: int,
    server: VictoriaServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("stores")
    names = {name: f"{name}-{next(numbers)}" for name in ("node01", "node02")}
    embedded = TinyDbHistory(folder / "embedded")
    history = opened(server.url, folder / "db", pace=Pace(round_s=3600))
    for batch in batches:
        renamed = [
            Sample(names[each.bmc], each.at_ms, each.power_w, each.source, each.doubt, each.statistics)
            for each in batch
        ]
        assert history.append(renamed).samples == renamed
        embedded.append(renamed)
        if len(batch) % 2:
            history.forwarder.step()

    def answers(readable: TinyDbHistory | VictoriaMetricsHistory | VictoriaMetricsReader) -> list[object]:
        return [
            (
                list(readable.read(bmc, *span)),
                list(readable.read(bmc, 0, 1 << 48)),
                readable.last(bmc, count),
                readable.last(bmc, 1),
                readable.utc_days(bmc),
                bmc in readable.bmcs(),
            )
            for bmc in names.values()
        ]

    expected = answers(embedded)
    assert answers(history.reader()) == expected
    history.forwarder.step()
    server.flush()
    assert answers(VictoriaMetricsReader(Server(Access(server.url, server.url)))) == expected
    embedded.close()
    history.close()


def test_events_are_kept_beside_the_samples(server: VictoriaServer, tmp_path: Path) -> None:
    history = opened(server.url, tmp_path / "db")
    event = Event("node09", EventKind.OUTAGE, NOON_MS, None, "timeout", 'no answer, "twice"')
    assert history.append([], [event]).events == [event]
    assert history.reader().read_events("node09", NOON_MS, NOON_MS + 1) == [event]
    assert "node09" in history.bmcs()
    history.close()


@pytest.mark.usefixtures("shown_at_once")
def test_an_outage_of_the_server_costs_nothing_and_stores_nothing_twice(
    own_server: VictoriaServer, tmp_path: Path
) -> None:
    said: list[str] = []
    history = opened(own_server.url, tmp_path / "db", said.append)
    sent = [row(number) for number in range(60)]
    history.append(sent[:20])
    until(lambda: history.spooled.depth == 0)
    own_server.stop()
    history.append(sent[20:40])
    until(lambda: bool(said))
    assert history.last("node01", 1) == [sent[39]]
    with pytest.raises(HistoryAwayError, match="cannot be reached"):
        history.reader().last("node01", 300)
    history.close()
    history = opened(own_server.url, tmp_path / "db", said.append)
    history.append(sent[40:])
    until(lambda: len(said) == 2)
    own_server.start()
    until(lambda: history.spooled.depth == 0 and said[-1] == "VictoriaMetrics takes samples again")
    history.close()
    assert own_server.stored() == {("node01", sample.at_ms): 1 for sample in sent}
    assert said[0].startswith("samples wait in the spool: ")


def test_what_a_killed_server_forgot_is_sent_again(own_server: VictoriaServer, tmp_path: Path) -> None:
    history = opened(own_server.url, tmp_path / "db", pace=Pace(0.02, settled_s=5.0, doubtful_s=5.0))
    sent = []
    for round_number in range(4):
        for number in range(40):
            sent.append(row(round_number * 40 + number))
            history.append([sent[-1]])
            time.sleep(0.01)
        until(lambda: all(segment.sent_at_s is not None for segment in history.spooled.segments()))
        own_server.stop(kill=True)
        own_server.start()
    until(lambda: history.spooled.depth == 0)
    history.close()
    assert own_server.stored() == {("node01", sample.at_ms): 1 for sample in sent}


WRITER = """
import sys, time
from pathlib import Path
from powergraph_collector.history.victoriametrics import VictoriaMetricsHistory
from powergraph_collector.history.victoriametrics_forwarding import Pace
from powergraph_collector.history.victoriametrics_http import Access
from powergraph_collector.model import Sample, Statistics

url, number = sys.argv[2], int(sys.argv[3])
pace = Pace(round_s=0.01, settled_s=5.0, doubtful_s=5.0)
history = VictoriaMetricsHistory(Access(url, url), Path(sys.argv[1]), print, spool_bytes=10**8, pace=pace)
while True:
    batch = [Sample(f"node{index}", number, 400 + index) for index in range(3)]
    for sample in history.append(batch).samples:
        print(sample.bmc, sample.at_ms)
    sys.stdout.flush()
    number += 1
    time.sleep(0.002)
"""


@pytest.mark.usefixtures("shown_at_once")
def test_kills_of_the_writer_lose_no_acknowledged_sample_and_store_none_twice(
    own_server: VictoriaServer, tmp_path: Path
) -> None:
    chance = random.Random(2)
    acknowledged: set[tuple[str, int]] = set()
    for kill in range(12):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path / "db"), own_server.url, str(NOON_MS + kill * 100_000)],
            stdout=subprocess.PIPE,
            text=True,
            env={"PYTHONPATH": str(Path(__file__).parents[2] / "src"), "PATH": ""},
        )
        assert process.stdout is not None
        first = process.stdout.readline()
        assert first, "the spool did not open after a kill"
        time.sleep(chance.uniform(0, 0.4))
        process.kill()
        lines = [first, *process.stdout.read().split("\n")[:-1]]
        process.wait()
        process.stdout.close()
        acknowledged.update((bmc, int(at_ms)) for bmc, at_ms in (line.split() for line in lines))
    history = opened(own_server.url, tmp_path / "db", pace=Pace(0.05, settled_s=2.0, doubtful_s=2.0))
    until(lambda: history.spooled.depth == 0)
    history.close()
    stored = own_server.stored()
    assert set(stored.values()) == {1}
    assert acknowledged <= set(stored)
    assert len(acknowledged) >= 36


class Answers(BaseHTTPRequestHandler):
    """Says what `answer` gives for a path and a body: a status and a text; or hands on and says nothing."""

    answer: Callable[[str, bytes], tuple[int, bytes]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status, text = type(self).answer(self.path, body)
        if status:
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def answering() -> Iterator[Callable[[Callable[[str, bytes], tuple[int, bytes]]], str]]:
    """Start a server that answers by a function; returns its URL."""
    running: list[ThreadingHTTPServer] = []

    def start(answer: Callable[[str, bytes], tuple[int, bytes]]) -> str:
        handler = type("Handler", (Answers,), {"answer": staticmethod(answer)})
        running.append(ThreadingHTTPServer(("127.0.0.1", 0), handler))
        Thread(target=running[-1].serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{running[-1].server_port}"

    yield start
    for each in running:
        each.shutdown()
        each.server_close()


@pytest.mark.usefixtures("shown_at_once")
def test_an_answer_that_got_lost_stores_nothing_twice(
    own_server: VictoriaServer, tmp_path: Path, answering: Callable[..., str]
) -> None:
    lost = [0]

    def hands_on_and_says_nothing(path: str, body: bytes) -> tuple[int, bytes]:
        with urllib.request.urlopen(f"{own_server.url}{path}", body) as response:
            text = response.read()
        if "import" in path and lost[0] < 3:
            lost[0] += 1
            own_server.flush()
            return (0, b"") if lost[0] % 2 else (502, b"bad gateway")
        return 200, text

    history = opened(answering(hands_on_and_says_nothing), tmp_path / "db")
    sent = [row(number) for number in range(30)]
    for first in range(0, 30, 10):
        history.append(sent[first : first + 10])
        history.spooled.cut()
    until(lambda: history.spooled.depth == 0)
    history.close()
    assert lost[0] == 3
    assert own_server.stored() == {("node01", sample.at_ms): 1 for sample in sent}


def first_half(lines: bytes) -> bytes:
    """These import lines, each with the first half of its values alone."""
    series = [json.loads(line) for line in lines.splitlines()]
    halves = [
        {**each, **{name: each[name][: len(each[name]) // 2] for name in ("values", "timestamps")}} for each in series
    ]
    return b"".join(json.dumps(half).encode() + b"\n" for half in halves if half["values"])


@dataclass(frozen=True)
class ImportFault:
    """What becomes of an import: how much of its lines gets through, the status that is told, None for none in time."""

    takes: Callable[[bytes], bytes]
    status: int | None
    said: str = ""


IMPORT_FAULTS = {
    "an error": ImportFault(lambda _: b"", 500, "HTTP 500"),
    "no access": ImportFault(lambda _: b"", 401, "check user and password"),
    "garbage, and nothing taken": ImportFault(lambda _: b"", 200),
    "slower than anybody waits": ImportFault(bytes, None, "did not answer"),
    "half of it taken, and an error": ImportFault(first_half, 400, "HTTP 400"),
    "half of it taken, and all well": ImportFault(first_half, 204),
}


@pytest.mark.parametrize("fault", IMPORT_FAULTS.values(), ids=IMPORT_FAULTS)
@pytest.mark.usefixtures("shown_at_once")
def test_whatever_the_server_makes_of_samples_each_is_stored_once_in_the_end(
    own_server: VictoriaServer,
    tmp_path: Path,
    answering: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    fault: ImportFault,
) -> None:
    met: list[str] = []
    ends = Signal()

    def faulty(path: str, body: bytes) -> tuple[int, bytes]:
        is_faulty = "import" in path and len(met) < 3
        taken = fault.takes(body) if is_faulty else body
        text = b""
        if taken:
            with urllib.request.urlopen(f"{own_server.url}{path}", taken) as response:
                text = response.read()
            own_server.flush()
        if not is_faulty:
            return 200, text
        met.append(path)
        if fault.status is None:
            ends.wait(30)
            return 0, b""
        return fault.status, b"" if fault.status == 204 else b"<html>hello</html>"

    if fault.status is None:
        monkeypatch.setattr(victoriametrics_http, "READ_S", 1.0)
    said: list[str] = []
    history = opened(answering(faulty), tmp_path / "db", said.append)
    sent = [row(number) for number in range(30)]
    for first in range(0, 30, 10):
        history.append(sent[first : first + 10])
        history.spooled.cut()
        assert history.last("node01", 1) == [sent[first + 9]]
    until(lambda: history.spooled.depth == 0)
    ends.set()
    history.close()
    assert len(met) == 3
    assert own_server.stored() == {("node01", sample.at_ms): 1 for sample in sent}
    if fault.said:
        assert fault.said in said[0]
        assert said[-1] == "VictoriaMetrics takes samples again"


def test_a_full_spool_keeps_nothing_more_and_says_why(tmp_path: Path) -> None:
    history = opened(f"http://127.0.0.1:{free_port()}", tmp_path / "db", mb=0.01)
    kept = []
    for number in range(1000):
        outcome = history.append([row(number)])
        kept += outcome.samples
        if outcome.error:
            break
    until(lambda: bool(history.forwarder.trouble))
    outcome = history.append([row(1000)], [Event("node01", EventKind.MARKER, NOON_MS)])
    assert (list(outcome.samples), len(outcome.events)) == ([], 1)
    assert "the spool has reached its 0.01 MB; " in outcome.error
    assert "cannot be reached" in outcome.error
    assert 20 < len(kept) < 1000
    folder = tmp_path / "db.spool"
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 10_000
    history.close()


def test_nothing_is_acknowledged_in_a_spool_file_whose_name_may_be_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool(tmp_path / "spool", 1_000_000)
    sync, synced = durable.sync_folder, []

    def fails_once(folder: Path) -> None:
        if not synced:
            synced.append("failed")
            raise OSError(errno.EIO, "Input/output error")
        sync(folder)
        synced.append("synced")

    monkeypatch.setattr(durable, "sync_folder", fails_once)
    with pytest.raises(OSError, match="Input/output"):
        spool.append([row(0)], {})
    spool.append([row(0)], {})
    assert synced == ["failed", "synced"]
    assert len([*(tmp_path / "spool").iterdir()]) == 1
    spool.cut()


@pytest.mark.usefixtures("shown_at_once")
def test_samples_that_the_server_will_not_keep_are_told_and_do_not_hold_up_others(
    start: Callable[..., VictoriaServer], tmp_path: Path
) -> None:
    server = start("-retentionPeriod=1d")
    said: list[str] = []
    history = opened(server.url, tmp_path / "db", said.append)
    history.append([row(number) for number in range(30)])
    until(lambda: history.spooled.depth == 0)
    assert history.spool().not_kept == 30
    now = Sample("node01", time.time_ns() // 1_000_000, 400)
    history.append([now])
    until(lambda: history.spooled.depth == 0)
    assert list(history.read("node01", 0, 1 << 48)) == [now]
    assert "took 30 samples and does not keep them: look at its retention" in said[0]
    history.close()


def test_what_a_cluster_gives_in_part_confirms_nothing_and_is_told(
    own_server: VictoriaServer, tmp_path: Path, answering: Callable[..., str]
) -> None:
    is_partial = [True]

    def in_part(path: str, body: bytes) -> tuple[int, bytes]:
        own_server.flush()
        with urllib.request.urlopen(f"{own_server.url}{path}", body) as response:
            text = response.read()
        if "export" in path:
            assert b"deny_partial_response=1" in body
            text += b'{"status":"success","isPartial":true}\n' * is_partial[0]
        return 200, text

    said: list[str] = []
    history = opened(answering(in_part), tmp_path / "db", said.append)
    sent = [row(number) for number in range(30)]
    history.append(sent)
    until(lambda: bool(said))
    for ask in (history.utc_days, history.reader().stamps, lambda bmc: history.reader().last(bmc, 40)):
        with pytest.raises(HistoryAwayError, match="does not answer in full: a storage node of the cluster is away"):
            ask("node01")
    assert history.spooled.depth == 30
    is_partial[0] = False
    until(lambda: history.spooled.depth == 0)
    assert history.last("node01", 40) == sent
    history.close()
    assert own_server.stored() == {("node01", sample.at_ms): 1 for sample in sent}


def test_a_reader_is_not_shown_a_part_of_what_is_on_its_way(server: VictoriaServer, tmp_path: Path) -> None:
    history = opened(server.url, tmp_path / "db", pace=Pace(round_s=3600))
    history.spooled._most_held = 10
    history.append([row(number, "many") for number in range(20)])
    assert len(list(history.reader().read("many", 0, 1 << 48))) == 20
    history.spooled.cut()
    with pytest.raises(HistoryAwayError, match="20 samples are still on their way"):
        list(history.reader().read("many", 0, 1 << 48))
    history.close()
    assert len(history.spooled.segments()[0].placed()) == 20


def test_damage_in_the_spool_costs_its_line_and_is_told(server: VictoriaServer, tmp_path: Path) -> None:
    history = opened(f"http://127.0.0.1:{free_port()}", tmp_path / "db")
    history.append([row(number, "flipped") for number in range(10)])
    history.close()
    [path] = (tmp_path / "db.spool").glob("*.jsonl")
    lines = path.read_bytes().splitlines(keepends=True)
    lines[4] = lines[4].replace(b"404", b"405")
    path.write_bytes(b"".join(lines) + b'["torn')
    history = opened(server.url, tmp_path / "db")
    assert history.repairs == [f"{path}: 1 damaged lines left out"]
    assert [sample.power_w - 400 for sample in history.read("flipped", 0, 1 << 48)] == [0, 1, 2, 3, 5, 6, 7, 8, 9]
    history.close()


@pytest.mark.usefixtures("shown_at_once")
def test_on_a_full_disk_the_spool_makes_room_and_keeps_count_of_the_clock(
    own_server: VictoriaServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    said: list[str] = []
    history = opened(own_server.url, tmp_path / "db", said.append)
    with monkeypatch.context() as patched:
        patched.setattr(durable, "replace", full)
        for number in range(10):
            history.append([row(number)])
            history.spooled.cut()
        until(lambda: len(history.spooled.segments()) == 1 and bool(said))
        history.close()
    assert said[0] == "samples wait in the spool: No space left on device"
    history = opened(own_server.url, tmp_path / "db")
    history.append([row(9), row(3)])  # the clock went back
    assert [sample.at_ms for sample in history.last("node01", 3)] == [row(9).at_ms, row(9).at_ms, row(3).at_ms]
    history.close()


def test_a_dead_server_does_not_keep_a_start_waiting_once_for_every_bmc(tmp_path: Path) -> None:
    asked = [0]

    class Silent(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked[0] += 1

    with ThreadingHTTPServer(("127.0.0.1", 0), Silent) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        history = opened(f"http://127.0.0.1:{server.server_port}", tmp_path / "db")
        event = Event("node05", EventKind.OUTAGE, NOON_MS, None, "timeout")
        history.append([], [event])
        bmcs = [Bmc(name=f"node{number:02}") for number in range(30)]
        events = begun_again(history, bmcs, NOON_MS + 5000)
        server.shutdown()
    assert asked == [1]
    outages = [event for event in events if event.kind is EventKind.OUTAGE]
    assert outages == [Event("node05", EventKind.OUTAGE, NOON_MS, NOON_MS + 5000, "timeout")]
    history.close()


def test_long_series_go_in_lines_that_servers_take() -> None:
    lines = import_lines(Placed(row(number)) for number in range(25_000)).splitlines()
    assert [len(series_of(line).values) for line in lines] == [10_000, 10_000, 5_000]


DAY_LINE = b'{"metric":{"__name__":"powergraph_day_begun","bmc":"node01"},"values":[1],"timestamps":[1700000000000]}\n'


@pytest.mark.parametrize(
    ("status", "text", "words"),
    [
        (200, b"<html>hello</html>", "does not answer like VictoriaMetrics"),
        (200, b"[" * 100_000, "does not answer like VictoriaMetrics"),
        (200, b'{"metric":{"__name__":"x"},"values":[1,2],"timestamps":[1]}', "does not answer like VictoriaMetrics"),
        (200, b'{"metric":{"__name__":"x"},"values":[1],"timestamps":["1"]}', "does not answer like VictoriaMetrics"),
        (200, b'{"metric":[],"values":[],"timestamps":[]}', "does not answer like VictoriaMetrics"),
        (200, b'{"status":"success","isPartial":true,"data":{"result":[]}}', "a storage node of the cluster is away"),
        (200, DAY_LINE + b'{"isPartial":true}\n', "a storage node of the cluster is away"),
        (200, DAY_LINE + b'{"status":"error","errorType":"422","error":"x"}\n', "does not answer like VictoriaMetrics"),
        (503, b'{"status":"error","error":"cannot fetch data"}', "refused with HTTP 503: {"),
        (401, b"", "check user and password"),
        (400, b'cannot find the auth token "Basic bm9ib2R5Og==" in config', "HTTP 400: check user and password"),
        (404, b"", "check the URL"),
        (302, b"", "it redirects, which is not followed"),
        (500, b"\x1b[2Jboom\n\nboom", "refused with HTTP 500: [2Jboom boom"),
        (0, b"", "did not answer"),
    ],
)
def test_a_server_that_answers_nonsense_is_told_from_one_that_has_nothing(
    status: int, text: bytes, words: str, answering: Callable[..., str]
) -> None:
    url = answering(lambda _path, _body: (status, text))
    reader = VictoriaMetricsReader(Server(Access(url, url)))
    with pytest.raises(HistoryAwayError) as caught:
        reader.bmcs()
    assert words in str(caught.value)
    assert url in str(caught.value)
    with pytest.raises(HistoryAwayError):
        list(reader.read("node01", 0, 1 << 48))


def test_names_and_values_that_cannot_be_ours_are_passed_over(answering: Callable[..., str]) -> None:
    def line(metric: str, labels: str, value: str, at_ms: int = NOON_MS) -> str:
        return f'{{"metric":{{"__name__":"{metric}",{labels}}},"values":[{value}],"timestamps":[{at_ms}]}}\n'

    lines = [
        line("powergraph_day_begun", '"bmc":"../../etc"', "1"),
        line("powergraph_day_begun", r'"bmc":"a\u001b[2J"', "1"),
        line("powergraph_day_begun", '"bmc":"node01"', "1"),
        line("powergraph_power_watts", '"bmc":"node01","source":"dcmi"', "400"),
        line("powergraph_power_watts", '"bmc":"node01","source":"dcmi"', "401", NOON_MS + DAY_MS),
        line("powergraph_power_watts", '"bmc":"node02","source":"dcmi"', "402"),
        line("powergraph_power_watts", '"bmc":"node01","source":"dream"', "403"),
        line("powergraph_power_watts", '"bmc":"node01","source":"dcmi","lap":"1e9"', "404"),
        line("powergraph_power_watts", '"bmc":"node01","source":"dcmi"', "405.5", NOON_MS + 1),
        line("powergraph_power_watts", '"bmc":"node01","source":"dcmi"', "NaN", NOON_MS + 2),
        line("powergraph_power_watts", '"bmc":"node01","source":"dcmi"', '"406"', NOON_MS + 3),
        line("powergraph_power_watts", '"bmc":"node01","source":"dcmi"', "null", NOON_MS + 4),
        line("something_else", '"bmc":"node01","source":"dcmi"', "407", NOON_MS + 5),
    ]
    url = answering(lambda _path, _body: (200, "".join(lines).encode()))
    reader = VictoriaMetricsReader(Server(Access(url, url)))
    assert reader.bmcs() == ["node01"]
    assert list(reader.read("node01", NOON_MS - 1000, NOON_MS + 1000)) == [Sample("node01", NOON_MS, 400)]


@given(line=st.binary(max_size=200))
def test_no_line_breaks_the_parser(line: bytes) -> None:
    with pytest.raises(NotOursError):
        series_of(line)


def test_threads_that_ask_at_once_are_no_matter_for_the_log(
    answering: Callable[..., str], caplog: pytest.LogCaptureFixture
) -> None:
    all_are_there = Barrier(3)

    def answer(_path: str, _body: bytes) -> tuple[int, bytes]:
        all_are_there.wait(30)
        return 204, b""

    url = answering(answer)
    to = Server(Access(url, url))
    asking = [Thread(target=to.insert, args=(b"",)) for _ in range(3)]
    for each in asking:
        each.start()
    for each in asking:
        each.join()
    assert caplog.messages == []


def test_users_and_certificates_are_checked(start: Callable[..., VictoriaServer], tmp_path: Path) -> None:
    ca, key = tmp_path / "ca.pem", tmp_path / "key.pem"
    certificate(ca, key)
    options = ["-tls", f"-tlsCertFile={ca}", f"-tlsKeyFile={key}"]
    options += ["-httpAuth.username=powergraph", "-httpAuth.password=a-secret"]
    server = start(*options, scheme="https")

    def ask(user: str, password: str, trusted: Path | None) -> list[str]:
        access = Access(server.url, server.url, user, password, trusted)
        assert "a-secret" not in repr(access)
        return VictoriaMetricsReader(Server(access)).bmcs()

    assert ask("powergraph", "a-secret", ca) == []
    to = Server(Access(server.url, server.url, "powergraph", "wrong", ca))
    with pytest.raises(HistoryAwayError, match="HTTP 401: check user and password"):
        to.insert(b"")
    to.log_in(Access(server.url, server.url, "powergraph", "a-secret"))
    to.insert(b"")
    with pytest.raises(HistoryAwayError, match="HTTP 401: check user and password"):
        ask("powergraph", "wrong", ca)
    with pytest.raises(HistoryAwayError, match=r"cannot be reached: .*certificate"):
        ask("powergraph", "a-secret", None)
