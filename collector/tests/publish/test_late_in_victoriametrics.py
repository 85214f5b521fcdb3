"""Samples that come into a VictoriaMetrics late end in the same published files as on the embedded engine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.history.test_victoriametrics import DAY_MS, NOON_MS, numbers, opened
from tests.victoria_server import VictoriaServer

from powergraph_collector.days import utc_day
from powergraph_collector.history import copying
from powergraph_collector.history.engine import ReadableHistory, StampedHistory
from powergraph_collector.history.tinydb_engine import TinyDbHistory
from powergraph_collector.history.victoriametrics import VictoriaMetricsReader
from powergraph_collector.history.victoriametrics_forwarding import Pace
from powergraph_collector.history.victoriametrics_http import Access, Server
from powergraph_collector.model import Event, EventKind, Sample
from powergraph_collector.publish.publisher import Publisher
from powergraph_collector.settings import validated

STEP_MS = 600_000
MIDNIGHT_MS = NOON_MS - DAY_MS // 2
CHANGE = Event("", EventKind.INTERVAL, MIDNIGHT_MS - 2 * DAY_MS, MIDNIGHT_MS - 2 * DAY_MS, value=STEP_MS / 1000)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VictoriaServer]:
    running = VictoriaServer(tmp_path_factory.mktemp("vm")).start()
    yield running
    running.stop()


class Site:
    """A collector that keeps one BMC's samples in VictoriaMetrics, as far as its files are concerned, and a clock."""

    def __init__(self, folder: Path, server: VictoriaServer, bmc: str) -> None:
        self.folder, self.server, self.bmc = folder, server, bmc
        self.now_ms = NOON_MS
        self.complaints: list[str] = []
        self.history = opened(server.url, folder / "db", pace=Pace(round_s=3600))
        self.publisher = self.start()

    def start(self) -> Publisher:
        self.publisher = self._published_by(self.history.reader(), self.folder / "data")
        return self.publisher

    def _published_by(self, history: ReadableHistory, root: Path) -> Publisher:
        bmc = {"name": self.bmc, "host": "192.0.2.1", "interval_s": STEP_MS / 1000}
        table = {"name": "lab", "zone": "Asia/Kathmandu", "store": self.folder / "db", "bmc": [bmc]}
        return Publisher(validated(table, "test"), history, root, self.complaints.append, lambda: self.now_ms)

    def keep(self, samples: Sequence[Sample], events: Sequence[Event] = ()) -> None:
        """As the service does: it tells its publisher, and forwards."""
        outcome = self.history.append(samples, events)
        self.publisher.acknowledged(outcome.samples, outcome.events)
        self.history.forwarder.step()
        self.server.flush()

    def bring(self, samples: Sequence[Sample]) -> None:
        """As somebody else does, who only knows the server."""
        target = copying.ServerTarget(
            Server(Access(self.server.url, self.server.url)), {}, None, lambda _: self.server.flush()
        )
        for day in sorted({utc_day(sample.at_ms) for sample in samples}):
            target.add(self.bmc, day, [sample for sample in samples if utc_day(sample.at_ms) == day])
        target.finish()

    def rounds(self, count: int = 4) -> None:
        for _ in range(count):
            self.publisher.round(with_tails=True)
        assert self.complaints == []

    def files(self, root: Path) -> dict[str, bytes]:
        folder = root / "lab" / self.bmc
        return {path.name: path.read_bytes() for path in sorted(folder.glob("[0-9]*.csv"))}

    def check(self, samples: Sequence[Sample], events: Sequence[Event], root: str) -> None:
        """The files are those that a new publisher on the embedded engine makes of all samples."""
        store = TinyDbHistory(self.folder / root)
        store.append(sorted(samples, key=lambda sample: sample.at_ms), events)
        fresh = self._published_by(store, self.folder / f"{root}.data")
        for _ in range(4):
            fresh.round(with_tails=True)
        store.close()
        assert self.files(self.folder / "data") == self.files(self.folder / f"{root}.data")

    def close(self) -> None:
        self.history.close()


@pytest.fixture
def site(server: VictoriaServer, tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path, server, f"late-{next(numbers)}")
    yield made
    made.close()


def series(bmc: str, places: Sequence[int]) -> list[Sample]:
    return [Sample(bmc, MIDNIGHT_MS + place * STEP_MS, 400 + place % 97) for place in places]


@given(
    places=st.sets(st.integers(-350, 70), min_size=1, max_size=120),
    late=st.sets(st.integers(-350, 70), max_size=60),
    flags=st.tuples(st.booleans(), st.booleans()),
)
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_brought_late_is_published_as_on_the_embedded_engine(
    places: set[int],
    late: set[int],
    flags: tuple[bool, bool],
    server: VictoriaServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    is_running, again = flags
    site = Site(tmp_path_factory.mktemp("site"), server, f"late-{next(numbers)}")
    own, others = series(site.bmc, sorted(places)), series(site.bmc, sorted(late - places))
    change = Event(site.bmc, CHANGE.kind, CHANGE.begin_ms, CHANGE.end_ms, value=CHANGE.value)
    site.keep(own, [change])
    site.rounds()
    site.bring(others)
    if again:
        site.bring(others)
    if is_running:
        site.now_ms += DAY_MS
    else:
        site.start()
    site.rounds(6)
    site.check([*own, *others], [change], "embedded")
    site.close()


def test_the_tail_of_a_day_that_comes_late_changes_its_stamp_and_no_other(site: Site) -> None:
    site.keep(series(site.bmc, [*range(-144, -20), *range(20)]))
    reader = site.history.reader()
    assert isinstance(reader, StampedHistory)
    before = reader.stamps(site.bmc)
    site.bring(series(site.bmc, [-3]))
    after = reader.stamps(site.bmc)
    yesterday, today = sorted(before)
    assert after[today] == before[today]
    assert after[yesterday] != before[yesterday]
    site.bring(series(site.bmc, [-3]))
    assert reader.stamps(site.bmc) == after


def test_what_is_on_its_way_and_what_is_known_of_events_is_in_the_stamps(site: Site) -> None:
    site.keep(series(site.bmc, [-10, 3]))
    reader = VictoriaMetricsReader(
        Server(Access(site.server.url, site.server.url)), site.history.spooled, TinyDbHistory(site.folder / "db", "r")
    )
    before = reader.stamps(site.bmc)
    site.history.append(series(site.bmc, [4]))
    waiting = reader.stamps(site.bmc)
    site.history.append([], [Event(site.bmc, EventKind.OUTAGE, NOON_MS, NOON_MS + 1, "timeout")])
    told = reader.stamps(site.bmc)
    yesterday, today = sorted(before)
    assert waiting[yesterday] == told[yesterday] == before[yesterday]
    assert len({before[today], waiting[today], told[today]}) == 3


def test_a_day_that_a_running_service_knows_of_is_rewritten_when_somebody_brings_more_of_it(site: Site) -> None:
    own, others = series(site.bmc, range(-300, 60, 2)), series(site.bmc, range(-300, -150, 5))
    site.keep(own)
    site.rounds()
    assert (site.folder / "data/lab" / site.bmc / ".agreed.json").exists()
    site.bring(others)
    site.now_ms += DAY_MS
    site.rounds(6)
    site.check([*own, *(each for each in others if each not in own)], [], "embedded")


@pytest.mark.parametrize("own_places", [range(0, 60, 2), [-35]])
def test_what_is_brought_into_the_open_day_is_published_once_it_is_over(site: Site, own_places: Sequence[int]) -> None:
    own, others = series(site.bmc, own_places), series(site.bmc, range(1, 40, 4))
    site.keep(own)
    site.rounds()
    site.bring(others)
    site.now_ms += DAY_MS
    site.rounds(6)
    site.check([*own, *others], [], "embedded")
