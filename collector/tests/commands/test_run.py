"""`powergraph run`: the command runs as if it ran alone; what it cost is that of the published files."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.commands.test_commands import COLLECTOR, run, start
from tests.running import running, write_settings
from tests.site_server import WebSite, serving

from powergraph_collector.days import iso, moment
from powergraph_collector.model import Sample
from powergraph_collector.publish import csv_files

SLOW = {"latency_s": 0.003}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[WebSite]:
    """Published files of node01, 200 W, and node02, 300 W, of the last 25 hours and, a minute of them, to come."""
    with serving(tmp_path / "data", "lab") as site:
        publish(site)
        yield site


def publish(site: WebSite, ahead_ms: int = 0, names: dict[str, int] | None = None) -> None:
    now_ms = time.time_ns() // 1_000_000 + ahead_ms
    recent_ms = now_ms - 600_000
    bmcs: list[dict[str, Any]] = []
    for name, power_w in (names or {"node01": 200, "node02": 300}).items():
        by_day: dict[str, list[Sample]] = {}
        # Long ago, each holds for as long as a reading can.
        for at_ms in chain(range(now_ms - 25 * 3_600_000, recent_ms, 3000), range(recent_ms, now_ms + 60_000, 1000)):
            by_day.setdefault(f"{moment(at_ms):%Y-%m-%d}", []).append(Sample(name, at_ms, power_w))
        for day, samples in by_day.items():
            path = site.folder / "lab" / name / f"{day}.csv"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(csv_files.table(samples))
        days = [[min(by_day), max(by_day)]]
        bmcs.append({"name": name, "title": "", "group": "", "interval_s": 1.0, "simulated": True, "days": days})
    head = {"format": 1, "collector": "lab", "written_at": iso(now_ms)}
    (site.folder / "lab/index.json").write_text(json.dumps(head | {"zone": "UTC", "bmcs": bmcs, "co2_g_per_kwh": 500}))
    tell_now(site, now_ms + 59_000)


def tell_now(site: WebSite, at_ms: int, **fields: object) -> None:
    state = {"state": "fresh", "at": iso(at_ms), "power_w": 200, "detail": None} | fields
    (site.folder / "lab/now.json").write_text(
        json.dumps({"format": 1, "collector": "lab", "bmcs": {"node01": state, "node02": state}})
    )


def figures(err: str) -> dict[str, Any]:
    found = json.loads(err.splitlines()[-1])
    assert isinstance(found, dict)
    return found


def test_figures_go_to_stderr_and_output_and_exit_code_are_the_commands(site: WebSite, tmp_path: Path) -> None:
    code, out, err = run(
        tmp_path, "powergraph", "run", "--site", site.url, "--machine", "node01", "--idle-w", 150, "--label", "job 42",
        "--", "sh", "-c", "echo out; echo err >&2; sleep 1.2; exit 3",
    )  # fmt: skip
    assert (code, out) == (3, "out\n")
    lines = err.splitlines()
    assert lines[0] == "err"
    told = {line[:10].strip(): line[10:].strip() for line in lines[1:]}
    assert (told["machine"], told["note"]) == ("node01", "these readings are simulated, not measured")
    assert (told["mean"], told["peak"].split(" at ")[0], told["coverage"][:5]) == ("200.0 W", "200 W", "100 %")
    assert told["error"].endswith(" %")
    assert told["above idle"].endswith(" Wh (idle 150.0 W: as told by --idle-w)")
    query = parse_qs(urlsplit(told["page"]).query)
    assert told["page"].startswith(f"{site.url}/machine.html?machine=node01&from=20")
    begin, end = query["sel"][0].split("/")
    assert told["span"] == f"{begin[:-1]}+00:00 to {end[:-1]}+00:00"
    assert query["from"][0] < begin < end < query["to"][0]
    assert query["label"] == ["job 42"]


def test_the_baseline_is_the_base_load_of_the_day_before(site: WebSite, tmp_path: Path) -> None:
    command = ["--", "sleep", "1"]
    _, _, err = run(tmp_path, "powergraph", "run", "--site", site.url, "--machine", "lab/node01", "--json", *command)
    (found,) = figures(err)["machines"]
    assert found["baseline_w"] == 200
    assert found["baseline_of"] == "the base load of the 24 h before, 100 % of which are known"
    assert (found["above_idle_wh"], found["complete"], found["simulated"]) == (0, True, True)
    assert found["co2_g"] == pytest.approx(found["energy_wh"] / 2)


def test_several_machines_have_a_line_each_and_a_sum(site: WebSite, tmp_path: Path) -> None:
    options = ["--site", site.url, "--machine", "node01", "--machine", "node02", "--collector", "lab"]
    code, _, err = run(tmp_path, "powergraph", "run", *options, "--idle-w", 100, "sleep", "1")
    assert code == 0
    lines = err.splitlines()
    assert lines[0].startswith("node01: mean 200.0 W, peak 200 W, energy ")
    assert lines[1].startswith("node02: mean 300.0 W, peak 300 W, energy ")
    assert lines[2].startswith("sum: mean 500.0 W, energy ")
    assert lines[3] == "simulated, not measured: node01, node02"
    assert f"node02: {site.url}/machine.html?machine=lab/node02&from=20" in err
    _, _, err = run(tmp_path, "powergraph", "run", *options, "--json", "sleep", "1")
    found = figures(err)
    assert found["sum"]["energy_wh"] == pytest.approx(sum(each["energy_wh"] for each in found["machines"]))
    assert [each["machine"] for each in found["machines"]] == ["node01", "node02"]


def test_what_is_not_published_yet_is_waited_for_but_not_for_ever(site: WebSite, tmp_path: Path) -> None:
    tell_now(site, time.time_ns() // 1_000_000 - 5000)
    options = ["--site", site.url, "--machine", "node01", "--json"]
    _, _, err = run(tmp_path, "powergraph", "run", *options, "--wait", 1, "true")
    assert figures(err)["machines"][0]["complete"] is False
    process = start(tmp_path, "powergraph", "run", *options, "--wait", 3600, "true")
    while not any(path.endswith("now.json") for path in site.asked[site.asked.index("data/lab/now.json") + 3 :]):
        time.sleep(0.05)
    assert process.poll() is None
    tell_now(site, time.time_ns() // 1_000_000 + 30_000)
    _, err = process.communicate(timeout=60)
    assert figures(err)["machines"][0]["complete"] is True


def test_a_silent_machine_is_not_waited_for(site: WebSite, tmp_path: Path) -> None:
    tell_now(site, time.time_ns() // 1_000_000 - 5000, state="silent", detail="no answer within 2 s")
    options = ["--site", site.url, "--machine", "node01", "--wait", 3600]
    code, _, err = run(tmp_path, "powergraph", "run", *options, "true")
    assert code == 0
    assert "not all of it is published yet, or the machine is silent" in err


def test_the_span_is_told_by_the_sites_clock(site: WebSite, tmp_path: Path) -> None:
    site.ahead_s = 7200
    publish(site, 7_200_000)
    options = ["--site", site.url, "--machine", "node01", "--idle-w", 0]
    _, _, err = run(tmp_path, "powergraph", "run", *options, "--json", "sleep", "1")
    found = figures(err)
    assert abs(found["clock_ahead_s"] - 7200) < 2
    assert found["machines"][0]["coverage"] == 1
    _, _, err = run(tmp_path, "powergraph", "run", *options, "sleep", "1")
    assert "the site's clock is +7,200 s from this machine's: the span is told by the site's" in err


def test_a_site_that_is_away_costs_the_figures_and_nothing_else(tmp_path: Path) -> None:
    options = ["--site", "http://127.0.0.1:9/powergraph", "--machine", "node01", "--wait", 0]
    code, out, err = run(tmp_path, "powergraph", "run", *options, "--", "sh", "-c", "echo done; exit 5")
    assert (code, out) == (5, "done\n")
    first, last = err.splitlines()
    assert first.endswith("Connection refused; the command runs all the same, and its figures are asked for afterwards")
    assert last.startswith("powergraph run: no figures: http://127.0.0.1:9/powergraph/site.json cannot be reached")


def test_a_machine_that_is_not_there_is_told_before_the_command_runs(site: WebSite, tmp_path: Path) -> None:
    code, out, err = run(tmp_path, "powergraph", "run", "--site", site.url, "--machine", "node03", "echo", "ran")
    assert (code, out) == (7, "")
    assert f"no machine node03 at {site.url}: it has node01, node02" in err


def test_files_that_are_broken_cost_the_figures_and_nothing_else(site: WebSite, tmp_path: Path) -> None:
    for path in (site.folder / "lab/node01").glob("*.csv"):
        path.write_text("<html>")
    code, out, err = run(tmp_path, "powergraph", "run", "--site", site.url, "--machine", "node01", "echo", "ran")
    assert (code, out) == (0, "ran\n")
    assert err.startswith(f"powergraph run: no figures: {site.url}/data/lab/node01/20")
    assert err.endswith(".csv is not a CSV file of samples\n")


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        (["no-such-program"], 127, "powergraph run: no-such-program: No such file or directory"),
        (["/etc/passwd"], 126, "powergraph run: /etc/passwd: Permission denied"),
        (["sh", "-c", "kill -KILL $$"], 128 + signal.SIGKILL, ""),
    ],
)
def test_a_command_that_does_not_end_by_itself_is_told_as_by_a_shell(
    site: WebSite, tmp_path: Path, command: list[str], code: int, words: str
) -> None:
    found, _, err = run(tmp_path, "powergraph", "run", "--site", site.url, "--machine", "node01", "--", *command)
    assert found == code
    assert err.startswith(words)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1])
def test_signals_are_passed_on(site: WebSite, tmp_path: Path, number: signal.Signals) -> None:
    script = f"trap 'echo caught; exit 7' {number.name[3:]}; echo ready; while :; do sleep 0.05; done"
    options = ["--site", site.url, "--machine", "node01"]
    process = start(tmp_path, "powergraph", "run", *options, "--", "bash", "-c", script)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    out, _ = process.communicate(timeout=60)
    assert (process.returncode, out) == (7, "caught\n")


def test_ctrl_c_reaches_the_command_once(site: WebSite, tmp_path: Path) -> None:
    script = (
        "import signal; of = {signal.SIGINT}; signal.pthread_sigmask(signal.SIG_BLOCK, of)\n"
        "print('ready', flush=True)\n"
        "signal.sigwait(of); print('caught', flush=True)\n"
        "while signal.sigtimedwait(of, 2): print('caught', flush=True)\n"
        "raise SystemExit(7)"
    )
    arguments = ["run", "--site", site.url, "--machine", "node01", "--", sys.executable, "-c", script]
    main = str(COLLECTOR / "powergraph.py")
    pid, terminal = os.forkpty()
    if pid == 0:
        os.chdir(tmp_path)
        os.execv(sys.executable, [sys.executable, main, *arguments])
    shown = b""
    while b"ready" not in shown:
        shown += os.read(terminal, 1000)
    os.kill(pid, signal.SIGSTOP)  # two that come together would be one
    os.write(terminal, b"\x03")
    while b"caught" not in shown:
        shown += os.read(terminal, 1000)
    os.kill(pid, signal.SIGCONT)
    _, status = os.waitpid(pid, 0)
    try:
        while more := os.read(terminal, 1000):
            shown += more
    except OSError:
        pass  # the terminal is gone
    os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 7
    assert shown.count(b"caught") == 1


def test_it_works_beside_a_collector_at_work(simulate: Any, tmp_path: Path) -> None:
    simulator = simulate(node01=SLOW | {"power": {"kind": "constant", "watts": 333}})
    config = write_settings(tmp_path, simulator)
    with running(config), serving(tmp_path / "data", "lab") as site:
        deadline = time.monotonic() + 60
        while run(tmp_path, "powergraph", "status", "--config", config)[0] != 0:
            assert time.monotonic() < deadline
        _, _, err = run(
            tmp_path, "powergraph", "run", "--site", site.url, "--machine", "node01", "--json", "sleep", "2"
        )
        (found,) = figures(err)["machines"]
        assert (found["mean_w"], found["complete"]) == (333, True)
        span = ["--from", found["from"], "--to", found["to"]]
        _, out, _ = run(tmp_path, "powergraph", "energy", "--config", config, "--json", *span)
        stored = json.loads(out)
        assert stored == {name: found[name] for name in stored}
