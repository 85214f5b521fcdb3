"""`/metrics` is answered where the settings say, and nothing else depends on it."""

from __future__ import annotations

import socket
import urllib.error
import urllib.request

import pytest
from prometheus_client import CollectorRegistry, Gauge

from powergraph_collector.metrics.server import AGAIN_S, MetricsServer
from powergraph_collector.settings import SettingsError, validated
from powergraph_collector.settings_model import Metrics


class Bench:
    def __init__(self) -> None:
        self.now_s = 0.0
        self.said: list[str] = []
        registry = CollectorRegistry()
        Gauge("answer", "The answer.", registry=registry).set(42)
        self.server = MetricsServer(registry, self.said.append, lambda: self.now_s)


@pytest.fixture
def bench():
    bench = Bench()
    yield bench
    bench.server.stop()


def free_port(family: socket.AddressFamily = socket.AF_INET, host: str = "127.0.0.1") -> int:
    with socket.socket(family) as taken:
        taken.bind((host, 0))
        return taken.getsockname()[1]


def got(address: str) -> str:
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as answer:
        return answer.read().decode()


def test_it_answers_and_stops_answering_when_no_longer_wanted(bench: Bench) -> None:
    listen = f"127.0.0.1:{free_port()}"
    bench.server.keep(Metrics(listen=listen))
    assert "answer 42.0\n" in got(listen)
    bench.server.keep(None)
    with pytest.raises(urllib.error.URLError):
        got(listen)
    assert bench.said == []


def test_it_moves_when_the_settings_do(bench: Bench) -> None:
    first, second = (f"127.0.0.1:{free_port()}" for _ in range(2))
    bench.server.keep(Metrics(listen=first))
    bench.server.keep(Metrics(listen=second))
    assert "answer 42.0\n" in got(second)
    with pytest.raises(urllib.error.URLError):
        got(first)


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6")
def test_it_answers_over_ipv6(bench: Bench) -> None:
    try:
        listen = f"[::1]:{free_port(socket.AF_INET6, '::1')}"
    except OSError:
        pytest.skip("no IPv6 loopback here")
    bench.server.keep(Metrics(listen=listen))
    assert "answer 42.0\n" in got(listen)


def test_a_taken_port_is_said_once_and_had_when_it_is_free(bench: Bench) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        listen = f"127.0.0.1:{other.getsockname()[1]}"
        for _ in range(3):
            bench.server.keep(Metrics(listen=listen))
            bench.now_s += AGAIN_S
        assert len(bench.said) == 1
        assert listen in bench.said[0]
        assert "Address already in use" in bench.said[0]
    bench.server.keep(Metrics(listen=listen))
    assert "answer 42.0\n" in got(listen)


def test_a_client_that_says_nothing_holds_up_nobody(bench: Bench) -> None:
    listen = f"127.0.0.1:{free_port()}"
    bench.server.keep(Metrics(listen=listen))
    address, port = listen.split(":")
    with socket.create_connection((address, int(port))):
        assert "answer 42.0\n" in got(listen)


@pytest.mark.parametrize(
    "listen",
    ["", "10623", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:65536", "::1:10623", "[::1", "localhost:1", "1.2.3:4"],
)
def test_what_is_no_address_and_port_is_refused(listen: str) -> None:
    table = {"bmc": [{"name": "a", "host": "192.0.2.1"}], "metrics": {"listen": listen}}
    with pytest.raises(SettingsError, match=r"is not an IP address and a port, such as 127\.0\.0\.1:10623"):
        validated(table, "test")
