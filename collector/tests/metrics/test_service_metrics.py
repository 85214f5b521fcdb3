"""What `/metrics` of a running service says is what happened."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.running import now, running, scraped, wait_for, write_settings

from powergraph_collector import settings
from powergraph_collector.energy import energy
from powergraph_collector.history.engine import Spool
from powergraph_collector.history.storage_state import StorageState, Storing
from powergraph_collector.history.tinydb_engine import TinyDbHistory
from powergraph_collector.metrics.families import ServiceCollector, Sources, registry_of
from powergraph_collector.metrics.figures import Figures
from powergraph_collector.model import Doubt, Reason, Source
from powergraph_collector.polling.poller import Counts
from powergraph_collector.settings_model import Bmc
from powergraph_collector.simulator.server import Simulator
from powergraph_collector.sources.contract import NoReading, Reading

DOCUMENTATION = Path(__file__).parents[3] / "docs" / "metrics.md"
PATIENT = {"latency_s": 0.003}
NODE01, NODE02 = '{bmc="node01",group="rack1"}', '{bmc="node02",group=""}'


def test_watts_failures_and_energy_of_a_running_service(simulate: Callable[..., Simulator], tmp_path: Path) -> None:
    simulator = simulate(node01=PATIENT, node02=PATIENT | {"fault": "silent"})
    path = write_settings(tmp_path, simulator, groups={"node01": "rack1"})
    with running(path) as service:
        wait_for(lambda: scraped(service).get(f"powergraph_energy_joules_total{NODE01}"))
        failures = f'powergraph_read_failures_total{NODE02.replace("}", ",reason=")}"timeout"}}'
        wait_for(lambda: scraped(service).get(failures))
        told = scraped(service)
    watts = {series: value for series, value in told.items() if series.startswith("powergraph_power_watts")}
    assert watts == {'powergraph_power_watts{bmc="node01",group="rack1",source="dcmi"}': 436}
    assert (told[f"powergraph_up{NODE01}"], told[f"powergraph_up{NODE02}"]) == (1, 0)
    assert told[f"powergraph_interval_seconds{NODE01}"] == 0.2
    assert 0 <= told[f"powergraph_sample_age_seconds{NODE01}"] < 60
    assert f"powergraph_sample_age_seconds{NODE02}" not in told
    assert told[f"powergraph_reads_total{NODE01}"] >= 2
    assert told["powergraph_ticks_total"] == told["powergraph_tick_lateness_seconds_count"] >= 3
    assert told["powergraph_storage_ok"] == told['powergraph_storage_state{state="ok"}'] == 1
    assert told["powergraph_dropped_samples_total"] == 0
    assert told["process_resident_memory_bytes"] > 0
    history = TinyDbHistory(tmp_path / "db", access_mode="r")
    stored = list(history.read("node01", 0, 2**42))
    history.close()
    # What was scraped is the energy of the stored samples up to that moment.
    sums = [energy(stored[: end + 1], 200) for end in range(len(stored))]
    joules, covered = (told[f"powergraph_energy_{name}_total{NODE01}"] for name in ("joules", "covered_seconds"))
    assert (joules, covered) in [(each.energy_ms_w / 1000, each.covered_s) for each in sums]


def test_a_bmc_that_falls_silent_gives_no_watts_once_its_last_sample_holds_no_longer(
    simulate: Callable[..., Simulator], tmp_path: Path
) -> None:
    simulator = simulate(node01=PATIENT)
    with running(write_settings(tmp_path, simulator)) as service:
        power = 'powergraph_power_watts{bmc="node01",group="",source="dcmi"}'
        wait_for(lambda: power in scraped(service))
        simulator.set_fault("node01", "silent")
        wait_for(lambda: power not in scraped(service))
        wait_for(lambda: scraped(service)['powergraph_up{bmc="node01",group=""}'] == 0)
        simulator.set_fault("node01", "none")
        wait_for(lambda: power in scraped(service))


def test_now_json_says_that_storing_goes_well(simulate: Callable[..., Simulator], tmp_path: Path) -> None:
    path = write_settings(tmp_path, simulate(node01=PATIENT))
    with running(path):
        wait_for(lambda: now(path).get("bmcs", {}).get("node01", {}).get("state") == "fresh")
    storage = now(path)["storage"]
    assert (storage["state"], storage["since"], storage["detail"], storage["dropped"]) == ("ok", None, None, 0)


def sources(figures: Figures, **changed: object) -> Sources:
    usual = {
        "name": "lab",
        "figures": figures,
        "counts": Counts,
        "last_round_s": lambda: 1.0,
        "storage": StorageState,
        "stored": lambda: 0,
        "most_unwritten": 1000,
        "spool": lambda: None,
    }
    return Sources(**(usual | changed))  # type: ignore[arg-type]


def everything() -> Sources:
    """Sources of which no metric is absent."""
    figures = Figures([Bmc(name="node01", group="rack1")])
    figures.told("node01", 0, Reading(436, Source.DCMI))
    figures.told("node01", 1, NoReading(Reason.TIMEOUT, "no answer"))
    stalled = StorageState(Storing.STALLED, 1, "a write does not come back", 7, 3)
    return sources(figures, storage=lambda: stalled, spool=lambda: Spool(10, 100, 4))


def test_the_storage_and_the_spool_are_told() -> None:
    told = {each.name: each.value for family in ServiceCollector(everything()).collect() for each in family.samples}
    assert told["powergraph_storage_ok"] == 0
    assert told["powergraph_storage_state"] == 1  # the last one: stalled
    assert (told["powergraph_unwritten_samples"], told["powergraph_dropped_samples_total"]) == (7, 3)
    assert (told["powergraph_spool_bytes"], told["powergraph_spool_limit_bytes"]) == (10, 100)
    assert told["powergraph_spool_not_kept_samples_total"] == 4


def test_doubtful_readings_are_counted_by_flag() -> None:
    figures = Figures([Bmc(name="a", group="rack1"), Bmc(name="b")])
    for doubt in (Doubt.NONE, Doubt.INACTIVE, Doubt.INACTIVE | Doubt.PARTIAL):
        figures.told("a", 0, Reading(100, Source.DCMI, doubt))
    figures.told("b", 0, Reading(100, Source.DCMI))
    (family,) = [
        each for each in ServiceCollector(sources(figures)).collect() if each.name == "powergraph_doubtful_reads"
    ]
    told = {(each.labels["bmc"], each.labels["group"], each.labels["flag"]): each.value for each in family.samples}
    assert told == {("a", "rack1", "inactive"): 2, ("a", "rack1", "partial"): 1}


def test_settings_taken_anew_keep_the_counts_of_the_bmcs_that_stay() -> None:
    stays, goes, comes = (Bmc(name=name) for name in ("a", "b", "c"))
    figures = Figures([stays, goes])
    for name in ("a", "b"):
        figures.told(name, 0, Reading(100, Source.DCMI))
    figures.use([stays.model_copy(update={"group": "rack2"}), comes])
    figures.told("b", 1, Reading(100, Source.DCMI))
    assert [(each.bmc.name, each.bmc.group, each.reads) for each in figures.all()] == [("a", "rack2", 1), ("c", "", 0)]


def test_every_metric_is_documented_and_nothing_else_is() -> None:
    names = {
        each.name + {"counter": "_total"}.get(each.type, "")
        for each in registry_of(everything()).collect()
        if each.name.startswith("powergraph_")
    }
    documented = set(re.findall(r"^\| `(powergraph_[a-z_]+)", DOCUMENTATION.read_text(), re.M))
    assert documented == names


@pytest.mark.parametrize("metrics", [None, {"listen": "127.0.0.1:10623"}])
def test_metrics_are_off_unless_the_settings_say_where(metrics: dict[str, str] | None) -> None:
    table = {"bmc": [{"name": "a", "host": "192.0.2.1"}]} | ({"metrics": metrics} if metrics else {})
    assert (settings.validated(table, "test").metrics is None) == (metrics is None)
