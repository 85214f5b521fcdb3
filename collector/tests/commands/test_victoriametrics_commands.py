"""The service and the commands on a VictoriaMetrics: the same answers as on a TinyDB store."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.commands.test_commands import PATIENT, complaint, config, now, run, start, wait_for
from tests.history.test_victoriametrics import NOON_MS
from tests.victoria_server import VictoriaServer, free_port

from powergraph_collector.history.tinydb_engine import TinyDbHistory
from powergraph_collector.model import Event, EventKind, Sample, Statistics
from powergraph_collector.simulator.server import Simulator


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VictoriaServer]:
    running = VictoriaServer(tmp_path_factory.mktemp("vm")).start()
    yield running
    running.stop()


def on_server(path: Path, url: str) -> Path:
    """Let settings ask for the server, with a table at the end."""
    path.write_text(f'history = "victoriametrics"\n{path.read_text()}\n[victoriametrics]\nurl = "{url}"\n')
    return path


def rows(path: Path) -> list[str]:
    return path.read_text().splitlines()[1:]


def test_the_service_collects_while_the_server_is_away_and_gives_back_what_was_served(
    simulate: Callable[..., Simulator], tmp_path: Path
) -> None:
    server = VictoriaServer(tmp_path / "vm")
    office = {"kind": "office", "idle_w": 200, "peak_w": 60_000}
    simulator = simulate(node01={**PATIENT, "power": office}, node02={**PATIENT, "power": {**office, "seed": 2}})
    path = on_server(config(tmp_path, simulator), server.url)
    process = start(tmp_path, "graph_csv", "--config", path)
    try:
        wait_for(lambda: len(simulator.served) >= 10, process)
        server.start()
        wait_for(lambda: {bmc["state"] for bmc in now(tmp_path).values()} == {"fresh"}, process)
        wait_for((tmp_path / "data/lab/node01/last.csv").exists, process)
        server.stop()
        before = now(tmp_path)["node01"]["at"]
        wait_for(lambda: now(tmp_path)["node01"]["at"] != before, process)  # the live files go on
        server.start()
        process.terminate()
        _, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        assert "samples wait in the spool: " in err
        for name in ("node01", "node02"):
            code, _, err = run(tmp_path, "csvcreator", "--config", path, "--bmc", name, "--name", name)
            assert (code, err) == (0, "")
            served = [str(power_w) for bmc, _, power_w in simulator.served if bmc == name]
            assert len(set(served)) > 2
            assert [row.partition(",")[2] for row in rows(tmp_path / f"{name}.csv")] == served
    finally:
        process.kill()
        process.wait()
        server.stop()


def test_copied_history_has_the_same_csv_files_and_energy_to_the_last_digit(
    server: VictoriaServer, simulate: Callable[..., Simulator], tmp_path: Path
) -> None:
    store = TinyDbHistory(tmp_path / "s.db")
    statistics = Statistics(1, 65_534, 400, 7947, 4_294_967_295)
    taken = [
        Sample(
            "node01", NOON_MS + number * 1009 - (5000 if number > 7000 else 0), 400 + number % 97, statistics=statistics
        )
        for number in range(10_000)
    ]
    step = Event("node01", EventKind.CLOCK_STEP, taken[7000].at_ms, taken[7000].at_ms, value=-5000.0)
    change = Event("node01", EventKind.INTERVAL, taken[5000].at_ms, taken[5000].at_ms, value=0.3)
    store.append(taken, [step, change])
    store.close()
    path = on_server(config(tmp_path, simulate(node01={}), store=str(tmp_path / "events.db")), server.url)
    code, out, err = run(tmp_path, "powergraph", "db", "copy", "--from", "s.db", "--to", path)
    assert (code, out, err) == (0, "10000 samples copied, 0 were there already; 2 events copied\n", "")
    code, out, _ = run(tmp_path, "powergraph", "db", "copy", "--from", "s.db", "--to", server.url)
    assert (code, out) == (0, "0 samples copied, 10000 were there already; 0 events copied\n")
    code, out, _ = run(tmp_path, "powergraph", "db", "copy", "--from", path, "--to", "back.db")
    assert (code, out) == (0, "10000 samples copied, 0 were there already; 2 events copied\n")
    places: list[list[object]] = [["--jsonfile", "s.db"], ["--config", path], ["--jsonfile", "back.db"]]
    figures = [run(tmp_path, "powergraph", "energy", *place, "--interval", 2, "--json") for place in places]
    assert figures == [figures[0]] * 3
    assert json.loads(figures[0][1])["samples"] == 10_000
    for number, place in enumerate([*places, ["--jsonfile", server.url]]):
        assert run(tmp_path, "csvcreator", *place, "--name", f"{number}")[0] == 0
    files = [(tmp_path / f"{number}.csv").read_bytes() for number in range(4)]
    assert files == [files[0]] * 4
    assert len(rows(tmp_path / "0.csv")) == 10_000
    code, _, err = run(tmp_path, "csvcreator", "--jsonfile", server.url, "--date", "2001-01-01")
    assert code == 7
    assert f"{server.url} has no samples of 2001-01-01" in complaint(err)


def test_what_is_wrong_is_said_in_one_line(tmp_path: Path) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    TinyDbHistory(tmp_path / "s.db").close()
    for arguments, code, words in (
        (["csvcreator", "--jsonfile", nobody], 6, f"{nobody}/api/v1/export cannot be reached: Connection refused"),
        (["csvcreator", "--jsonfile", "http://me:hidden-word@127.0.0.1"], 2, "do not belong into a URL"),
        (["csvcreator", "--jsonfile", "ftp://127.0.0.1"], 2, "is not a URL such as http://127.0.0.1:8428"),
        (["csvcreator", "--jsonfile", nobody, "--config", "x.toml"], 2, "--jsonfile does not go with --config"),
        (["powergraph", "energy", "--jsonfile", nobody], 6, "cannot be reached"),
        (["powergraph", "db", "copy", "--from", "s.db", "--to", "s.db"], 2, "are the same history"),
        (["powergraph", "db", "copy", "--from", "s.db", "--to", "x.toml"], 2, "x.toml"),
        (["powergraph", "db", "copy", "--from", nobody, "--to", "new.db"], 6, "cannot be reached"),
    ):
        found, out, err = run(tmp_path, *arguments)
        assert (found, out) == (code, ""), err
        assert words in complaint(err)
        assert "hidden-word" not in err
    assert not (tmp_path / "new.db").exists()
