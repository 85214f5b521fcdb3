"""The alert rules and the board are what Prometheus and Grafana take, and fit the metrics of a running service."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard
from tests.running import running, scraped, wait_for, write_settings

from powergraph_collector.simulator.server import Simulator

FILES = Path(__file__).parents[3] / "files" / "monitoring"
RULES, RULE_TESTS, BOARD = (
    FILES / name for name in ("powergraph-alerts.yml", "powergraph-alerts.test.yml", "grafana-powergraph.json")
)
# What Grafana fills in, here for a Prometheus that has run for seconds.
FILLED_IN = {"$__range": "1m", "$__rate_interval": "10s", "$bmc": ".*", "$group": "rack.*|"}


def program(name: str) -> str:
    found = shutil.which(name)
    assert found, f"{name} is missing: bin/test unpacks it (Debian package prometheus)"
    return found


def promtool(*arguments: object) -> None:
    done = subprocess.run([program("promtool"), *map(str, arguments)], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def alerts() -> dict[str, str]:
    """Name and expression of every rule."""
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return {rule["alert"]: rule["expr"] for group in groups for rule in group["rules"]}


def board() -> dict[str, Any]:
    return json.loads(BOARD.read_text())  # type: ignore[no-any-return]


def queries() -> list[tuple[str, str]]:
    """Panel and expression of every query."""
    return [(panel["title"], target["expr"]) for panel in board()["panels"] for target in panel.get("targets", ())]


def test_promtool_takes_the_rules_and_they_fire_when_they_should() -> None:
    promtool("check", "rules", RULES)
    promtool("test", "rules", RULE_TESTS)


def test_every_rule_is_seen_to_fire_and_not_to_fire() -> None:
    tests = [each for test in yaml.safe_load(RULE_TESTS.read_text())["tests"] for each in test["alert_rule_test"]]
    assert {each["alertname"] for each in tests if each.get("exp_alerts")} == set(alerts())
    assert {each["alertname"] for each in tests if not each.get("exp_alerts")} == set(alerts())


def lost(ours: object, theirs: object, path: str = "") -> Iterator[str]:
    """Where a document of ours has what another lacks."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key, value in ours.items():
            yield from lost(value, theirs[key], f"{path}/{key}") if key in theirs else [f"{path}/{key}"]
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for index, pair in enumerate(zip(ours, theirs, strict=True)):
            yield from lost(*pair, f"{path}/{index}")
    elif ours != theirs:
        yield path


def test_grafanas_own_model_knows_everything_in_the_board() -> None:
    register_default_plugins()
    read = json.loads(JSONEncoder().encode(Dashboard.from_json(board())))
    assert list(lost(board(), read)) == []


def test_the_panels_have_ids_of_their_own_and_do_not_overlap() -> None:
    panels = board()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for first, second in combinations((panel["gridPos"] for panel in panels), 2):
        apart = (
            first["x"] + first["w"] <= second["x"]
            or second["x"] + second["w"] <= first["x"]
            or first["y"] + first["h"] <= second["y"]
            or second["y"] + second["h"] <= first["y"]
        )
        assert apart, (first, second)
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in panels)


def test_the_board_asks_the_data_source_that_its_reader_chooses() -> None:
    variables = {each["name"]: each for each in board()["templating"]["list"]}
    assert (variables["datasource"]["type"], variables["datasource"]["query"]) == ("datasource", "prometheus")
    asked = re.findall(r'"uid": "([^"]*)"', json.dumps(board()))
    assert set(asked) == {"${datasource}", board()["uid"]}


class Prometheus:
    """Debian's Prometheus with our rules, scraping one address every second."""

    def __init__(self, folder: Path, target: str) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{taken.getsockname()[1]}"
        config = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(RULES)],
            "scrape_configs": [{"job_name": "powergraph", "static_configs": [{"targets": [target]}]}],
        }
        file = folder / "prometheus.yml"
        file.write_text(yaml.safe_dump(config))
        promtool("check", "config", file)
        paths = [f"--config.file={file}", f"--storage.tsdb.path={folder / 'tsdb'}"]
        self.process = subprocess.Popen(
            [program("prometheus"), *paths, f"--web.listen-address={self.address}"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def get(self, path: str, **parameters: str) -> Any:
        url = f"http://{self.address}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)["data"]

    def asked(self, query: str) -> list[dict[str, Any]]:
        return self.get("query", query=query)["result"]  # type: ignore[no-any-return]

    def knows(self, query: str) -> bool:
        assert self.process.poll() is None
        try:
            return bool(self.asked(query))
        except OSError:
            return False

    def end(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=60)


@pytest.fixture
def prometheus(simulate: Callable[..., Simulator], tmp_path: Path) -> Iterator[Prometheus]:
    """A Prometheus that has scraped a running service, of whose two BMCs one is silent."""
    simulator = simulate(node01={"latency_s": 0.003}, node02={"fault": "silent"})
    with running(write_settings(tmp_path, simulator, groups={"node01": "rack1"})) as service:
        wait_for(lambda: scraped(service).get('powergraph_energy_joules_total{bmc="node01",group="rack1"}'))
        assert service.settings.metrics is not None
        running_one = Prometheus(tmp_path, service.settings.metrics.listen)
        try:
            # a rate takes two scrapes, and a failure to count
            wait_for(lambda: running_one.knows("rate(powergraph_read_failures_total[10s])"))
            wait_for(lambda: running_one.knows("rate(powergraph_energy_joules_total[10s]) > 0"))
            yield running_one
        finally:
            running_one.end()


def test_a_real_prometheus_scrapes_the_service_loads_the_rules_and_answers_every_query(prometheus: Prometheus) -> None:
    (target,) = prometheus.get("targets")["activeTargets"]
    assert (target["health"], target["lastError"]) == ("up", "")
    rules = [rule for group in prometheus.get("rules")["groups"] for rule in group["rules"]]
    assert {rule["name"] for rule in rules} == set(alerts())
    wait_for(
        lambda: {
            rule["health"] for group in prometheus.get("rules")["groups"] for rule in group["rules"]
        } == {"ok"}
    )  # fmt: skip
    unanswered = []
    for panel, expression in queries():
        filled_in = expression
        for name, value in FILLED_IN.items():
            filled_in = filled_in.replace(name, value)
        if not prometheus.asked(filled_in):
            unanswered.append((panel, expression))
    assert unanswered == []
    # The rule for silence sees the silent one, and that one alone.
    assert [each["metric"]["bmc"] for each in prometheus.asked(alerts()["PowerGraphBmcSilent"])] == ["node02"]
    assert prometheus.asked(alerts()["PowerGraphNotStored"]) == []
    (watts,) = prometheus.asked("powergraph_power_watts")
    assert (watts["metric"]["group"], watts["metric"]["source"], watts["value"][1]) == ("rack1", "dcmi", "436")
    (mean_w,) = prometheus.asked(
        "rate(powergraph_energy_joules_total[10s]) / rate(powergraph_energy_covered_seconds_total[10s]) > 0"
    )
    assert float(mean_w["value"][1]) == pytest.approx(436)


def test_every_metric_that_a_rule_or_panel_names_exists(prometheus: Prometheus) -> None:
    where_there_is_a_spool = {"powergraph_spool_limit_bytes", "powergraph_spool_not_kept_samples_total"}
    known = set(prometheus.get("label/__name__/values")) | where_there_is_a_spool
    named = re.findall(
        r"\b(?:powergraph|process)_[a-z_]+\b", " ".join([*alerts().values(), *(each for _, each in queries())])
    )
    assert set(named) - known == set()
