"""A cluster is reached by two URLs with a tenant in their paths, and either may be away while the other answers.

There is no cluster in Debian: a real vmauth, with TLS and a user, routes a cluster's URLs to stand-ins for vminsert and
vmselect, which share a single server.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from tests.history.test_victoriametrics import FAST, row, until
from tests.victoria_server import Stand, VictoriaServer, VmAuth

from powergraph_collector.history import copying
from powergraph_collector.history.engine import HistoryAwayError
from powergraph_collector.history.tinydb_engine import TinyDbHistory
from powergraph_collector.history.victoriametrics import VictoriaMetricsHistory, VictoriaMetricsReader
from powergraph_collector.history.victoriametrics_http import Access, Server


@dataclass
class Cluster:
    """What stands for one."""

    server: VictoriaServer
    insert: Stand
    select: Stand
    access: Access

    def open(self, store: Path, complain: Callable[[str], None] = lambda _: None) -> VictoriaMetricsHistory:
        return VictoriaMetricsHistory(self.access, store, complain, spool_bytes=10**8, pace=FAST)

    def reader(self) -> VictoriaMetricsReader:
        return VictoriaMetricsReader(Server(self.access))


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    server = VictoriaServer(tmp_path / "vm").start()
    insert, select = Stand("/insert/0", server).start(), Stand("/select/0", server).start()
    front = VmAuth(tmp_path / "vmauth", "powergraph", "a-secret", insert, select)
    urls = f"{front.url}/insert/0/prometheus", f"{front.url}/select/0/prometheus"
    yield Cluster(server, insert, select, Access(*urls, "powergraph", "a-secret", front.ca))
    for each in (front, insert, select, server):
        each.stop()


def test_samples_go_in_by_one_url_and_come_back_by_the_other(cluster: Cluster, tmp_path: Path) -> None:
    history = cluster.open(tmp_path / "db")
    sent = [row(number) for number in range(300)]
    history.append(sent)
    until(lambda: history.spooled.depth == 0)
    assert list(history.reader().read("node01", 0, 1 << 48)) == sent
    history.close()
    source = TinyDbHistory(tmp_path / "source")
    source.append([row(number) for number in range(310)])
    target = copying.ServerTarget(Server(cluster.access), {}, None, lambda _: None)
    copies = list(copying.copied(source, target, copying.days_of(source)))
    target.finish()
    assert copies == [(310, 10)]
    assert cluster.reader().last("node01", 20) == source.last("node01", 20)
    source.close()
    assert set(cluster.server.stored().values()) == {1}


def test_while_only_inserting_is_away_all_can_be_read_and_nothing_is_lost(cluster: Cluster, tmp_path: Path) -> None:
    said: list[str] = []
    history = cluster.open(tmp_path / "db", said.append)
    sent = [row(number) for number in range(60)]
    history.append(sent[:20])
    until(lambda: history.spooled.depth == 0)
    cluster.insert.stop()
    history.append(sent[20:40])
    until(lambda: bool(said))
    assert history.reader().last("node01", 50) == sent[:40]
    history.append(sent[40:])
    assert list(history.reader().read("node01", 0, 1 << 48)) == sent
    cluster.insert.start()
    until(lambda: history.spooled.depth == 0)
    history.close()
    assert "/insert/0/prometheus/api/v1/import" in said[0]
    assert said[-1] == "VictoriaMetrics takes samples again"
    assert cluster.server.stored() == {("node01", sample.at_ms): 1 for sample in sent}


def test_while_only_selecting_is_away_samples_go_on_being_sent_and_wait_to_be_confirmed(
    cluster: Cluster, tmp_path: Path
) -> None:
    said: list[str] = []
    history = cluster.open(tmp_path / "db", said.append)
    sent = [row(number) for number in range(40)]
    history.append(sent[:20])
    until(lambda: history.spooled.depth == 0)
    cluster.select.stop()
    history.append(sent[20:])
    until(lambda: bool(said))
    until(lambda: cluster.server.stored() == {("node01", sample.at_ms): 1 for sample in sent})
    with pytest.raises(HistoryAwayError, match="/select/0/prometheus/api/v1/export"):
        history.reader().last("node01", 30)
    assert history.spooled.depth == 20
    cluster.select.start()
    until(lambda: history.spooled.depth == 0)
    history.close()
    assert cluster.server.stored() == {("node01", sample.at_ms): 1 for sample in sent}


def test_who_is_unknown_and_what_leads_nowhere_is_said(cluster: Cluster) -> None:
    def complaint(access: Access) -> str:
        with pytest.raises(HistoryAwayError) as caught:
            VictoriaMetricsReader(Server(access)).bmcs()
        return str(caught.value)

    access = cluster.access
    refused = complaint(replace(access, password="a-wrong-one"))
    assert refused.endswith(": check user and password of VictoriaMetrics in the settings")  # 1.79 tells the password
    assert "certificate" in complaint(replace(access, ca=None))
    without_tenant = replace(access, select_url=access.select_url.replace("/select/0/prometheus", ""))
    assert "of a cluster it ends in /insert/0/prometheus or /select/0/prometheus" in complaint(without_tenant)
