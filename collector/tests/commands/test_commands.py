"""The commands as their users meet them: processes, exit codes, one line for what is wrong."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from tests.conftest import PASSWORD, USER
from tinydb import TinyDB

from powergraph_collector import __version__
from powergraph_collector.commands.bmc_options import name_of
from powergraph_collector.history.powerdb import PowerDB
from powergraph_collector.settings_model import Bmc
from powergraph_collector.simulator.server import Simulator

COLLECTOR = Path(__file__).parents[2]
Simulate = Callable[..., Simulator]


def start(folder: Path, command: str, *arguments: object, **options: object) -> subprocess.Popen[str]:
    environment = {"PATH": os.environ["PATH"], "POWERGRAPH_PASSWD": PASSWORD, "TZ": "UTC", "PYTHONWARNINGS": "error"}
    before: tuple[str, ...] = options.get("before", (sys.executable,))  # type: ignore[assignment]
    return subprocess.Popen(
        [*before, str(COLLECTOR / f"{command}.py"), *map(str, arguments)],
        cwd=folder,
        env=environment | options.get("variables", {}),  # type: ignore[operator]
        stdin=options.get("stdin", subprocess.DEVNULL),  # type: ignore[call-overload]
        stdout=options.get("stdout", subprocess.PIPE),  # type: ignore[call-overload]
        stderr=subprocess.PIPE,
        text=True,
    )


def run(folder: Path, command: str, *arguments: object, **options: object) -> tuple[int, str, str]:
    process = start(folder, command, *arguments, **options)
    out, err = process.communicate(timeout=60)
    assert "Traceback" not in err, err
    return process.returncode, out, err


PATIENT = {"latency_s": 0.003}  # pyghmi notices faster answers late


def bmc(simulator: Simulator, name: str = "node01") -> list[object]:
    host, port = simulator.addresses[name]
    return ["--host", host, "--port", port, "--user", USER]


def tables_of_samples(db: PowerDB) -> list[str]:
    return [name for name in db.tables() if not name.endswith(".events")]


def complaint(err: str) -> str:
    lines = err.splitlines()
    assert len(lines) == 1, err
    return lines[0]


def test_readings_are_printed_as_csv(simulate: Simulate, tmp_path: Path) -> None:
    code, out, err = run(tmp_path, "powergraph", *bmc(simulate(node01=PATIENT)), "--interval", 0.2, "--nread", 3)
    header, *rows = out.splitlines()
    assert (code, header, err) == (0, "timestamp,consumption", "")
    assert len(rows) == 3
    assert all(row.endswith("Z,436") for row in rows)
    assert list(tmp_path.iterdir()) == []


def test_both_readers_store_the_same_watts(simulate: Simulate, tmp_path: Path) -> None:
    trace = tmp_path / "trace.csv"
    trace.write_text("".join(f"00:00:{second:02d},{400 + second}\n" for second in range(60)))
    for reader in ("lan", "ipmitool"):
        power = {"kind": "trace", "file": str(trace), "step": "reading"}
        simulator = simulate(node01={"power": power, "latency_s": 0.003})
        options = ["--store", "--jsonfile", f"{reader}.db", "--interval", 0.3, "--nread", 5, "--reader", reader]
        code, _, err = run(tmp_path, "powergraph", *bmc(simulator), *options)
        assert (code, err) == (0, "")
        with PowerDB(tmp_path / f"{reader}.db", access_mode="r") as db:
            (day,) = tables_of_samples(db)
            assert [document["power_w"] for document in db.table(day)] == [400, 401, 402, 403, 404]
            assert {document["source"] for document in db.table(day)} == {"dcmi" if reader == "lan" else "tool"}


def test_ipmitool_learns_the_password_without_anybody_else(
    simulate: Simulate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, program, real = tmp_path / "log", tmp_path / "bin/ipmitool", shutil.which("ipmitool")
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\n{{ echo "$0 $*"; env; ls "$HOME"; }} >>{log}\nexec {real} "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    options = ["--interval", 1, "--nread", 2, "--reader", "ipmitool"]
    code, out, _ = run(tmp_path, "powergraph", *bmc(simulate(node01=PATIENT)), *options)
    assert (code, out.count(",436\n")) == (0, 2)
    assert "lanplus" in log.read_text()
    assert PASSWORD not in log.read_text()


def test_both_readers_store_the_same_samples_of_watt_sensors(simulate: Simulate, tmp_path: Path) -> None:
    stored = []
    for reader in ("lan", "ipmitool"):
        supplies = [{"name": f"PS{number} Input", "entity": 10, "instance": number, "share": 0.5} for number in (1, 2)]
        simulator = simulate(node01={"fault": "no-dcmi", "sdr": supplies, "latency_s": 0.003})
        options = ["--store", "--jsonfile", f"{reader}.db", "--interval", 2, "--nread", 2, "--reader", reader]
        code, _, err = run(tmp_path, "powergraph", *bmc(simulator), *options)
        assert (code, err) == (0, "")
        with PowerDB(tmp_path / f"{reader}.db", access_mode="r") as db:
            (day,) = tables_of_samples(db)
            stored.append([{**document, "at_ms": 0} for document in db.table(day)])
    assert stored[0] == stored[1]
    assert [(sample["power_w"], sample["source"]) for sample in stored[0]] == [(432, "sdr")] * 2  # in steps of 4 W


def test_bmcs_at_ports_of_one_host_are_kept_apart(simulate: Simulate, tmp_path: Path) -> None:
    simulator = simulate(node01=PATIENT, node02=PATIENT)
    for name in simulator.addresses:
        code, _, err = run(tmp_path, "powergraph", *bmc(simulator, name), "--store", "--interval", 0.2, "--nread", 2)
        assert (code, err) == (0, "")
    with PowerDB(tmp_path / "powergraph.db", access_mode="r") as db:
        stored = {name.partition("/")[0]: len(db.table(name)) for name in tables_of_samples(db)}
    assert stored == {f"127.0.0.1-{port}": 2 for _, port in simulator.addresses.values()}


@pytest.mark.parametrize(
    ("host", "port", "name"),
    [
        ("192.0.2.10", 623, "192.0.2.10"),
        ("192.0.2.10", 1623, "192.0.2.10-1623"),
        ("2001:db8::1%eth0", 1623, "2001-db8--1-eth0-1623"),
        ("bmc.example.com.br", 623, "bmc.example.com.br-623"),
        ("::", 623, "bmc"),
        ("b" * 63, 623, "b" * 63),
    ],
)
def test_a_bmc_given_by_options_is_called_by_its_host_and_its_port_where_that_is_unusual(
    host: str, port: int, name: str
) -> None:
    assert Bmc(name=name_of(host, port)).name == name


def test_long_hosts_that_begin_alike_have_names_of_their_own() -> None:
    bmcs = [(f"{'b' * 70}{number}.example.org", port) for number in (1, 2) for port in (623, 65535)]
    names = {Bmc(name=name_of(host, port)).name for host, port in bmcs}
    assert len(names) == 4


def test_feedback_says_what_is_stored_line_by_line_in_a_pipe(simulate: Simulate, tmp_path: Path) -> None:
    options = ["--store", "--feedback", "--interval", 0.2, "--nread", 4]
    code, out, err = run(tmp_path, "powergraph", *bmc(simulate(node01=PATIENT)), *options)
    assert (code, err) == (0, "")
    assert [line.split()[2:] for line in out.splitlines()] == [["436", "W", "stored"]] * 4
    assert len((tmp_path / "last.csv").read_text().splitlines()) == 5


def test_what_is_to_be_doubted_is_said_once_beside_the_samples(simulate: Simulate, tmp_path: Path) -> None:
    words = "in doubt: the BMC says that it does not measure"
    simulator = simulate(node01=PATIENT | {"fault": "inactive-value"})
    options = ["--interval", 0.2, "--nread", 3]
    for more in ([], ["--store"]):
        code, out, err = run(tmp_path, "powergraph", *bmc(simulator), *options, *more)
        assert code == 0
        assert complaint(err).endswith("in doubt from here on: the BMC says that it does not measure")
        assert "doubt" not in out
    code, out, err = run(tmp_path, "powergraph", *bmc(simulator), *options, "--store", "--feedback")
    assert (code, err) == (0, "")
    assert [line.rpartition("W  ")[2] for line in out.splitlines()] == [f"stored, {words}"] * 3


def test_status_says_what_is_to_be_doubted(simulate: Simulate, tmp_path: Path) -> None:
    path = config(tmp_path, simulate(node01=PATIENT | {"fault": "inactive-value"}))
    process = start(tmp_path, "graph_csv", "--config", path)
    wait_for(lambda: bool(now(tmp_path)) and now(tmp_path)["node01"]["state"] == "fresh", process)
    code, out, _ = run(tmp_path, "powergraph", "status", "--config", path)
    assert code == 0
    assert out.rstrip().endswith("fresh, in doubt: the BMC says that it does not measure")
    process.terminate()
    process.communicate(timeout=30)


def test_feedback_is_a_live_table_on_a_terminal(simulate: Simulate, tmp_path: Path) -> None:
    control, terminal = pty.openpty()
    options = ["--store", "--feedback", "--interval", 0.2, "--nread", 4]
    process = start(tmp_path, "powergraph", *bmc(simulate(node01=PATIENT)), *options, stdout=terminal)
    os.close(terminal)
    pieces = []
    with suppress(OSError):  # EIO: the last one on the terminal has gone
        while piece := os.read(control, 4096):
            pieces.append(piece)
    os.close(control)
    process.communicate(timeout=60)
    shown = b"".join(pieces).decode()
    assert process.returncode == 0
    assert "4 stored, 0 without a reading" in shown
    assert "\x1b[" in shown


@pytest.mark.parametrize("command", ["powergraph", "graph_csv"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_in_order_with_everything_stored(
    simulate: Simulate, tmp_path: Path, command: str, number: signal.Signals
) -> None:
    simulator = simulate(node01={"slots": 1, "latency_s": 0.003})
    options = ["--jsonfile", "s.db", "--interval", 0.1, *(["--store"] if command == "powergraph" else [])]
    process = start(tmp_path, command, *bmc(simulator), *options)
    deadline = time.monotonic() + 60
    while len(simulator.served) < 5:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    with PowerDB(tmp_path / "s.db", access_mode="r") as db:
        stored = sum(len(db.table(name)) for name in db.tables() if "events" not in name)
    assert stored >= len(simulator.served) - 1
    assert (tmp_path / "last.csv").exists()
    code, _, _ = run(tmp_path, "powergraph", *bmc(simulator), "--nread", 1, "--interval", 0.1)
    assert code == 0, "the only session slot was not given back"


def test_a_terminal_that_closes_ends_in_order(simulate: Simulate, tmp_path: Path) -> None:
    for options in ([], ["--store"], ["--store", "--feedback"]):
        simulator = simulate(node01={"slots": 1, "latency_s": 0.003})
        control, terminal = pty.openpty()
        process = start(
            tmp_path,
            *("powergraph", *bmc(simulator), "--interval", 0.1, *options),
            before=("setsid", "--ctty", sys.executable),
            stdin=terminal,
            stdout=terminal,
        )
        os.close(terminal)
        wait_for(lambda: len(simulator.served) >= 3, process)  # noqa: B023
        os.close(control)
        _, err = process.communicate(timeout=60)
        assert (process.returncode, err) == (0, "")
        code, _, _ = run(tmp_path, "powergraph", *bmc(simulator), "--nread", 1, "--interval", 0.1)
        assert code == 0, "the only session slot was not given back"


def test_under_nohup_a_closed_terminal_ends_nothing(simulate: Simulate, tmp_path: Path) -> None:
    for command in ("powergraph", "graph_csv"):
        simulator = simulate(node01=PATIENT)
        options = ["--jsonfile", f"{command}.db", "--interval", 0.1, *(["--store"] if command == "powergraph" else [])]
        process = start(tmp_path, command, *bmc(simulator), *options, before=("nohup", sys.executable))
        wait_for(lambda: len(simulator.served) >= 1, process)  # noqa: B023
        process.send_signal(signal.SIGHUP)
        count = len(simulator.served)
        wait_for(lambda: len(simulator.served) >= count + 5, process)  # noqa: B023
        process.terminate()
        process.communicate(timeout=60)
        assert process.returncode == 0


def test_a_reader_that_leaves_ends_printing_but_not_storing(simulate: Simulate, tmp_path: Path) -> None:
    simulator = simulate(node01=PATIENT)
    process = start(tmp_path, "powergraph", *bmc(simulator), "--interval", 0.1)
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    process.stdout = None
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    options = ["--store", "--feedback", "--interval", 0.1, "--nread", 8]
    process = start(tmp_path, "powergraph", *bmc(simulator), *options)
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    process.stdout = None
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    with PowerDB(tmp_path / "powergraph.db", access_mode="r") as db:
        assert sum(len(db.table(name)) for name in tables_of_samples(db)) == 8


WRONG = [
    (["--user", "u"], 2, "--host is missing"),
    (["--host", "127.0.0.1"], 2, "--user is missing"),
    (["--host", "127.0.0.1", "--user", "u", "--interval", "soon"], 2, "--interval"),
    (["--host", "127.0.0.1", "--user", "u", "--interval", "0"], 2, "--interval"),
    (["--host", "127.0.0.1", "--user", "u", "--interval", "nan"], 2, "--interval"),
    (["--host", "127.0.0.1", "--user", "u", "--port", "70000"], 2, "--port"),
    (["--host", "127.0.0.1", "--user", "much-too-long-a-name"], 2, "16 bytes"),
    (["--host", "127.0.0.1", "--user", "u", "--passwd", "x" * 21], 2, "20 bytes"),
    (["--host", "not a host", "--user", "u"], 2, "host"),
    (
        ["--host", "127.0.0.1:623", "--user", "u"],
        2,
        "--host: '127.0.0.1:623' names a port: write --host 127.0.0.1 and --port 623",
    ),
    (["--host", "[::1]:623", "--user", "u"], 2, "--host: '[::1]:623' names a port: write --host ::1 and --port 623"),
    (["--host", "127.0.0.1", "--user", "u", "--reader", "pyghmi"], 2, "'lan', 'ipmitool'"),
    (["--host", "127.0.0.1", "--user", "u", "--protocol", "snmp"], 2, "'ipmi'"),
    (["--host", "127.0.0.1", "--user", "u", "--timeout", "61"], 2, "--timeout"),
    (
        ["--host", "127.0.0.1", "--user", "u", "--cipher-suite", "0"],
        2,
        "--cipher-suite: cipher suite 0 is refused, since",
    ),
    (["--host", "127.0.0.1", "--user", "u", "--cipher-suite", "x"], 2, "--cipher-suite: must be 'auto', 3 or 17"),
    (
        ["--host", "127.0.0.1", "--user", "u", "--power-sensor", "x" * 17],
        2,
        "--power-sensor: 'xxxxxxxxxxxxxxxxx' is not the name",
    ),
    (["--host", "127.0.0.1", "--user", "u", "--kg-file", "absent"], 2, "--kg-file absent cannot be read"),
    (["--host", "127.0.0.1", "--user", "u", "--passwd", "tab\t"], 2, "--passwd: it has control characters"),
    (["--host", "127.0.0.1", "--user", "u", "--passwd", "x", "--passwd-file", "y"], 2, "exclude each other"),
    (["--host", "127.0.0.1", "--user", "u", "--passwd-file", "absent"], 2, "absent"),
    (["--host", "127.0.0.1", "--user", "u", "--passwd-file", "/dev/zero"], 2, "longer than any password"),
    (["--host", "127.0.0.1", "--user", "u", "--passwd-file", "."], 2, "Is a directory"),
    (["--host", "127.0.0.1", "--user", "u", "--feedback"], 2, "--feedback goes with --store"),
    (["--host", "127.0.0.1", "--user", "u", "--jsonfile", "powergraph.db"], 2, "--jsonfile goes with --store"),
    (["--host", "127.0.0.1", "--user", "u", "--csv_interval", "300"], 2, "--csv_interval goes with --store"),
    (["--host", "127.0.0.1", "--user", "u", "--tail_length=300"], 2, "--tail_length goes with --store"),
    (["--host", "127.0.0.1", "--user", "u", "--store", "--jsonfile", "no/such/folder"], 6, "no folder"),
    (["--host", "bmc.invalid", "--user", "u", "--nread", "1"], 3, "no address"),
    (["--host", "127.0.0.1", "--port", "9", "--user", "u", "--nread", "1"], 3, "no answer"),
    (["--no-such-option"], 2, "--no-such-option"),
    (["nonsense"], 2, "nonsense"),
]


@pytest.mark.parametrize(("arguments", "code", "words"), WRONG, ids=[" ".join(each[0])[:60] for each in WRONG])
def test_what_is_wrong_is_said_in_one_line(arguments: list[str], code: int, words: str, tmp_path: Path) -> None:
    exit_code, out, err = run(tmp_path, "powergraph", *arguments)
    assert (exit_code, out) == (code, "")
    assert words in complaint(err)


@pytest.mark.parametrize(
    ("fault", "options", "code", "words"),
    [
        ({}, ["--passwd", "wrong"], 4, "password"),
        ({}, ["--user", "nobody"], 4, "name"),
        ({"fault": "no-dcmi"}, [], 5, "DCMI"),
        ({"fault": "max"}, [], 5, "65535"),
        ({"fault": "no-slots"}, [], 4, "sessions"),
    ],
)
def test_a_bmc_that_gives_no_reading_ends_the_command_with_the_reason(
    simulate: Simulate, tmp_path: Path, *, fault: dict[str, object], options: list[str], code: int, words: str
) -> None:
    for reader in ("lan", "ipmitool"):
        arguments = [*bmc(simulate(node01=fault)), *options, "--nread", 2, "--interval", 1, "--reader", reader]
        exit_code, out, err = run(tmp_path, "powergraph", *arguments)
        assert (exit_code, out) == (code, ""), err
        assert words in complaint(err)
        assert PASSWORD not in err


@pytest.mark.parametrize("rest", [b"", b"\n", b"\r\n", b"\nnotes\n", b"\n\xff" + b"x" * 100_000])
def test_a_password_is_the_first_line_of_its_file(simulate: Simulate, tmp_path: Path, rest: bytes) -> None:
    (tmp_path / "passwd").write_bytes(PASSWORD.encode() + rest)
    options = ["--passwd-file", "passwd", "--interval", 0.2, "--nread", 1]
    assert run(tmp_path, "powergraph", *bmc(simulate(node01=PATIENT)), *options)[0] == 0


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xef\xbb\xbfsecret", "begins with a byte-order mark: save it as UTF-8 without one"),
        (b"\xff\xfes\0e\0c\0", "begins with a byte-order mark: save it as UTF-8 without one"),
        (b"sec\0ret", "it has control characters"),
        (b"sec\tret", "it has control characters"),
        (b"\xe9secret", "cannot be read: not text"),
    ],
)
def test_a_file_with_a_password_that_nobody_can_have_meant_is_refused(
    tmp_path: Path, content: bytes, words: str
) -> None:
    (tmp_path / "secret").write_bytes(content)
    for option in ("--passwd-file", "--kg-file"):
        code, _, err = run(tmp_path, "powergraph", "--host", "127.0.0.1", "--user", "u", option, "secret")
        assert code == 2
        assert f"{option} secret" in complaint(err)
        assert words in complaint(err)


def test_blanks_around_a_password_are_told_and_taken(simulate: Simulate, tmp_path: Path) -> None:
    simulator = simulate(node01=PATIENT | {"password": " blanks "})
    (tmp_path / "passwd").write_text(" blanks \n")
    options = ["--passwd-file", "passwd", "--interval", 0.2, "--nread", 1]
    code, _, err = run(tmp_path, "powergraph", *bmc(simulator), *options)
    assert code == 0
    assert "--passwd-file passwd: the password begins or ends with blanks, which are taken as part of it" in err
    (tmp_path / "passwd").write_text("blanks \n")
    code, _, err = run(tmp_path, "powergraph", *bmc(simulator), *options)
    assert code == 4
    assert "--passwd-file passwd: the password begins or ends with blanks" in err


def test_a_group_key_that_cannot_be_used_is_refused_wherever_it_comes_from(tmp_path: Path) -> None:
    arguments = ["--host", "127.0.0.1", "--user", "u"]
    (tmp_path / "key").write_text("0x" + 21 * "ab")
    code, _, err = run(tmp_path, "powergraph", *arguments, "--kg-file", "key")
    assert (code, "--kg-file: an IPMI group key (Kg) has at most 20 bytes" in complaint(err)) == (2, True)
    code, _, err = run(tmp_path, "powergraph", *arguments, variables={"POWERGRAPH_KG": "a-group-key-of-21-byt"})
    assert (code, "--kg-file: an IPMI group key (Kg) has at most 20 bytes" in complaint(err)) == (2, True)
    assert "of-21" not in err
    within = {"POWERGRAPH_KG": "0x610062"}
    code, _, err = run(tmp_path, "powergraph", *arguments, "--reader", "ipmitool", variables=within)
    assert code == 2
    assert "kg has a zero byte within, which ipmitool cannot be given: --reader lan can" in complaint(err)


def test_a_store_that_another_process_writes_is_left_alone(simulate: Simulate, tmp_path: Path) -> None:
    with PowerDB(tmp_path / "powergraph.db"):
        code, _, err = run(tmp_path, "powergraph", *bmc(simulate(node01={})), "--store", "--nread", 1)
    assert code == 6
    assert f"pid {os.getpid()}" in complaint(err)


def test_collecting_into_a_stock_file_is_refused_with_the_way_on(simulate: Simulate, tmp_path: Path) -> None:
    with TinyDB(tmp_path / "old.json") as stock:
        stock.table("2017513").insert({"time": "5:37:27", "watts": "436"})
    before = (tmp_path / "old.json").read_bytes()
    code, _, err = run(tmp_path, "powergraph", *bmc(simulate(node01={})), "--store", "--jsonfile", "old.json")
    assert code == 6
    assert "powergraph db import old.json --jsonfile NEW" in complaint(err)
    assert (tmp_path / "old.json").read_bytes() == before
    code, out, _ = run(tmp_path, "powergraph", "db", "import", "old.json", "--jsonfile", "new.db", "--bmc", "power8")
    assert (code, out) == (0, "old.json: 1 documents imported into new.db\n")
    code, out, _ = run(tmp_path, "csvcreator", "--jsonfile", "new.db", "--date", "2017-05-13")
    assert (code, out) == (0, "2017-05-13.csv: 1 rows\n")
    assert (tmp_path / "2017-05-13.csv").read_text() == "timestamp,consumption\n2017-05-13T05:37:27.000Z,436\n"


def test_a_folder_of_something_else_is_not_collected_into(simulate: Simulate, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    for jsonfile, expected, words in ((".", 6, "a new name"), ("", 2, "--jsonfile")):
        options = ["--store", "--nread", 1, "--jsonfile", jsonfile]
        code, _, err = run(tmp_path, "powergraph", *bmc(simulate(node01=PATIENT)), *options)
        assert code == expected
        assert words in complaint(err)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
    for command in ("csvcreator", "graph_csv"):
        code, _, err = run(tmp_path, command, "--jsonfile", "")
        assert code == 2
        assert "--jsonfile" in complaint(err)


def test_csvcreator_says_what_it_cannot_do(tmp_path: Path) -> None:
    with PowerDB(tmp_path / "s.db") as db:
        db.table("node01/2026-11-24").insert({"at_ms": 1_795_500_000_000, "power_w": 436, "source": "dcmi"})
    (tmp_path / "broken.json").write_text("{")
    for arguments, expected, words in (
        ([], 2, "--jsonfile is missing"),
        (["--jsonfile", "absent"], 6, "absent"),
        (["--jsonfile", "broken.json"], 6, "not a TinyDB file"),
        (["--jsonfile", "s.db", "--date", "2026-11-25"], 7, "2026-11-24"),
        (["--jsonfile", "s.db", "--date", "yesterday"], 2, "YYYY-MM-DD"),
        (["--jsonfile", "s.db", "--date", "9999-12-31"], 2, "YYYY-MM-DD"),
        (["--jsonfile", "s.db", "--name", "../x"], 2, "plain file name"),
        (["--jsonfile", "s.db", "--bmc", "node09"], 7, "node01"),
        (["--jsonfile", "s.db", "--zone", "Mars/Base"], 2, "Mars/Base"),
    ):
        code, out, err = run(tmp_path, "csvcreator", *arguments)
        assert (code, out) == (expected, ""), arguments
        assert words in complaint(err)
    assert not list(tmp_path.glob("**/*.csv"))
    (tmp_path / "taken.csv").mkdir()
    code, out, err = run(tmp_path, "csvcreator", "--jsonfile", "s.db", "--name", "taken")
    assert (code, out) == (6, "")
    assert complaint(err) == (
        "csvcreator: taken.csv cannot be written: Is a directory; give another --name, or do it in another folder"
    )
    assert not list(tmp_path.glob(".taken*"))
    code, out, _ = run(tmp_path, "csvcreator", "--jsonfile", "s.db", "--date", "2026-11-24", "--name", "mine")
    assert (code, out) == (0, "mine.csv: 1 rows\n")


def test_a_table_that_is_not_there_has_no_day(tmp_path: Path) -> None:
    with TinyDB(tmp_path / "old.json") as stock:
        stock.table("2017513").insert({"time": "5:37:27", "watts": "436"})
        stock.table("2017514").insert({"time": "5:37:27", "watts": 440.7})
    PowerDB(tmp_path / "s.db").close()
    for jsonfile, expected, words in (
        ("old.json", 2, "--table: there is no table 2017112 in old.json"),
        ("s.db", 2, "--table goes with a TinyDB JSON file, which s.db is not"),
    ):
        code, out, err = run(tmp_path, "csvcreator", "--jsonfile", jsonfile, "--table", "2017112=2017-11-02")
        assert (code, out) == (expected, "")
        assert words in complaint(err)
    assert not list(tmp_path.glob("*.csv"))
    code, out, err = run(tmp_path, "csvcreator", "--jsonfile", "old.json", "--table", "2017513=2017-05-13")
    assert (code, out) == (0, "old.csv: 1 rows\n")
    assert complaint(err) == "old.json: 1 documents without usable time and whole watts left out"


def test_a_store_whose_name_is_no_text_gives_samples_csv(tmp_path: Path) -> None:
    name = os.fsdecode(b"\xff.db")
    code, out, err = run(tmp_path, "csvcreator", "--jsonfile", name)
    assert (code, out) == (6, "")
    assert "No such file" in complaint(err)
    with PowerDB(tmp_path / name) as db:
        db.table("node01/2026-11-24").insert({"at_ms": 1_795_500_000_000, "power_w": 436, "source": "dcmi"})
    assert run(tmp_path, "csvcreator", "--jsonfile", name) == (0, "samples.csv: 1 rows\n", "")


def test_csvcreator_writes_over_nothing_that_is_read_or_is_the_collectors(tmp_path: Path) -> None:
    with TinyDB(tmp_path / "self.csv") as stock:
        stock.table("2017513").insert({"time": "5:37:27", "watts": "436"})
    (tmp_path / "alias.csv").symlink_to("self.csv")
    for name in ("last.db", "s.db", "folder.csv"):
        with PowerDB(tmp_path / name) as db:
            db.table("node01/2026-11-24").insert({"at_ms": 1_795_500_000_000, "power_w": 436, "source": "dcmi"})
    (tmp_path / "last.csv").write_text("the collector's\n")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    for arguments, name in (
        (["self.csv"], "self.csv"),
        (["self.csv", "--name", "alias"], "alias.csv"),
        (["folder.csv"], "folder.csv"),
        (["last.db"], "last.csv"),
        (["s.db", "--name", "last"], "last.csv"),
        ([tmp_path / "s.db", "--name", "last.csv"], "last.csv"),
    ):
        code, out, err = run(tmp_path, "csvcreator", "--jsonfile", *arguments)
        assert (code, out) == (2, ""), arguments
        assert name in complaint(err)
        assert "--name" in complaint(err)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    (tmp_path / "elsewhere").mkdir()
    assert run(tmp_path / "elsewhere", "csvcreator", "--jsonfile", "../last.db") == (0, "last.csv: 1 rows\n", "")


def config(folder: Path, simulator: Simulator, **changes: object) -> Path:
    (folder / "secrets.toml").write_text(f'[passwords]\n"*" = "{PASSWORD}"\n')
    (folder / "secrets.toml").chmod(0o600)
    table = {"name": "lab", "interval_s": 0.2, "csv_interval_s": 1, "zone": "UTC", "store": str(folder / "s.db")}
    table |= {"publish": str(folder / "data"), "runtime": str(folder), "secrets": "secrets.toml", **changes}
    lines = [f"{name} = {json.dumps(value)}" for name, value in table.items()]
    for name, (host, port) in simulator.addresses.items():
        lines += ["[[bmc]]", f'name = "{name}"', f'host = "{host}"', f"port = {port}", f'user = "{USER}"']
    path = folder / "powergraph.toml"
    path.write_text("\n".join(lines))
    return path


def wait_for(what: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while not what():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)


def told_until(words: str, process: subprocess.Popen[str]) -> str:
    """What a process has written to stderr, once these words are among it."""
    assert process.stderr is not None
    told = b""
    while words.encode() not in told:
        assert select.select([process.stderr], [], [], 60)[0], f"waited in vain: {told!r}"
        piece = os.read(process.stderr.fileno(), 4096)
        assert piece, told
        told += piece
    return told.decode()


def now(folder: Path) -> dict[str, dict[str, object]]:
    path = folder / "data/lab/now.json"
    return json.loads(path.read_text())["bmcs"] if path.exists() else {}  # type: ignore[no-any-return]


def test_the_service_publishes_reloads_and_notices_silence(simulate: Simulate, tmp_path: Path) -> None:
    simulator = simulate(node01=PATIENT, node02=PATIENT)
    path = config(tmp_path, simulator)
    process = start(tmp_path, "graph_csv", "--config", path)
    try:
        wait_for(lambda: {bmc["state"] for bmc in now(tmp_path).values()} == {"fresh"}, process)
        uptime_s, pid = (tmp_path / "heartbeat").read_text().split()
        assert int(pid) == process.pid
        assert abs(float(Path("/proc/uptime").read_text().split()[0]) - int(uptime_s)) < 10
        simulator.set_fault("node02", "silent")
        wait_for(lambda: now(tmp_path)["node02"]["state"] == "silent", process)
        assert now(tmp_path)["node02"]["reason"] == "timeout"
        simulator.set_fault("node02", "none")
        wait_for(lambda: now(tmp_path)["node02"]["state"] == "fresh", process)
        path.write_text(path.read_text().split("[[bmc]]", 2)[0] + "[[bmc]]" + path.read_text().split("[[bmc]]", 2)[1])
        process.send_signal(signal.SIGHUP)
        wait_for(lambda: list(now(tmp_path)) == ["node01"], process)
        path.write_text("nonsense = [")
        process.send_signal(signal.SIGHUP)
        told = told_until("settings not reloaded", process)
        assert process.poll() is None
    finally:
        process.terminate()
        _, err = process.communicate(timeout=60)
    assert process.returncode == 0
    err = told + err
    assert PASSWORD not in err
    events = [event for file in (tmp_path / "data/lab/node02").glob("*.events.json") for event in _events(file)]
    outage = next(event for event in events if event["reason"] == "timeout")
    assert outage["end"] is not None


def _events(path: Path) -> list[dict[str, object]]:
    return json.loads(path.read_text())["events"]  # type: ignore[no-any-return]


HANG_UP_AT_AN_IMPORT = """
import os, runpy, signal, sys
class Finder:
    def find_spec(name, path, target=None):
        if name == "click":
            os.kill(os.getpid(), signal.SIGHUP)
sys.meta_path.insert(0, Finder)
sys.argv[:1] = []
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def test_a_service_that_is_told_to_reload_before_it_can_goes_on(simulate: Simulate, tmp_path: Path) -> None:
    path = config(tmp_path, simulate(node01=PATIENT))
    process = start(tmp_path, "graph_csv", "--config", path, before=(sys.executable, "-c", HANG_UP_AT_AN_IMPORT))
    wait_for(lambda: _minds_hangup(process), process)

    def hang_up_and_look() -> bool:
        process.send_signal(signal.SIGHUP)
        return bool(now(tmp_path)) and now(tmp_path)["node01"]["state"] == "fresh"

    wait_for(hang_up_and_look, process)
    process.terminate()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "settings reloaded" in err


def _minds_hangup(process: subprocess.Popen[str]) -> bool:
    """Whether SIGHUP is ignored or caught."""
    masks = re.findall(r"^Sig(?:Ign|Cgt):\s*(\w+)$", Path(f"/proc/{process.pid}/status").read_text(), re.MULTILINE)
    return any(int(mask, 16) & 1 << signal.SIGHUP - 1 for mask in masks)


def test_a_config_is_checked_before_anything_begins(simulate: Simulate, tmp_path: Path) -> None:
    simulator = simulate(node01={})
    path = config(tmp_path, simulator)
    assert run(tmp_path, "graph_csv", "--config", path, "--check")[0] == 0
    (tmp_path / "secrets.toml").chmod(0o644)
    code, _, err = run(tmp_path, "graph_csv", "--config", path)
    assert code == 2
    assert "chmod o=" in complaint(err)
    path = config(tmp_path, simulator, interval_s="often")
    code, _, err = run(tmp_path, "graph_csv", "--config", path)
    assert code == 2
    assert "interval_s" in complaint(err)
    for option in ("--host", "--passwd-file", "--csv_interval"):
        code, _, err = run(tmp_path, "graph_csv", "--config", path, option, "7")
        assert code == 2
        assert f"{option} does not go with --config" in complaint(err)


def test_status_probe_and_energy_tell_people_and_scripts(simulate: Simulate, tmp_path: Path) -> None:
    simulator = simulate(node01={"limit_w": 900})
    path = config(tmp_path, simulator)
    assert run(tmp_path, "powergraph", "status", "--config", path)[0] == 7
    process = start(tmp_path, "graph_csv", "--config", path)
    wait_for(lambda: bool(now(tmp_path)) and now(tmp_path)["node01"]["state"] == "fresh", process)
    code, out, _ = run(tmp_path, "powergraph", "status", "--config", path)
    assert (code, out.split()[:3]) == (0, ["node01", "436", "W"])
    process.terminate()
    process.communicate(timeout=60)
    code, out, _ = run(tmp_path, "powergraph", "energy", "--jsonfile", "s.db", "--interval", 0.2, "--json")
    assert code == 0
    assert json.loads(out)["mean_w"] == 436
    code, out, _ = run(tmp_path, "powergraph", "probe", *bmc(simulator))
    assert code == 0
    assert "436 W" in out
    assert "900 W" in out


@pytest.mark.parametrize("command", ["powergraph", "csvcreator", "graph_csv"])
def test_help_lists_the_exit_codes(command: str, tmp_path: Path) -> None:
    code, out, _ = run(tmp_path, command, "--help")
    assert code == 0
    assert "Exit codes: 0 done" in out


def test_after_the_last_reading_nothing_is_waited_for(simulate: Simulate, tmp_path: Path) -> None:
    began = time.monotonic()
    code, out, _ = run(tmp_path, "powergraph", *bmc(simulate(node01=PATIENT)), "--interval", 3600, "--nread", 1)
    assert (code, len(out.splitlines())) == (0, 2)
    assert time.monotonic() - began < 600  # not the interval


def test_a_host_that_was_mistyped_once_is_no_bmc_to_choose_from(simulate: Simulate, tmp_path: Path) -> None:
    simulator = simulate(node01=PATIENT)
    port = simulator.addresses["node01"][1]
    options = ["--user", USER, "--store", "--nread", 1, "--interval", 0.2]
    assert run(tmp_path, "powergraph", "--host", "no-such-host.invalid", *options)[0] == 3
    assert run(tmp_path, "powergraph", "--host", "127.0.0.1", "--port", port, *options)[0] == 0
    code, out, err = run(tmp_path, "csvcreator", "--jsonfile", "powergraph.db")
    assert (code, err) == (0, "")
    assert out.endswith("1 rows\n")


def test_a_terminal_that_closes_ends_the_command_in_order(simulate: Simulate, tmp_path: Path) -> None:
    process = start(tmp_path, "powergraph", *bmc(simulate(node01=PATIENT)), "--store", "--feedback", "--interval", 0.2)
    assert process.stdout is not None
    assert process.stdout.readline()
    process.send_signal(signal.SIGHUP)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")


def test_a_bmc_without_a_free_session_is_not_about_the_password(simulate: Simulate, tmp_path: Path) -> None:
    code, _, err = run(tmp_path, "powergraph", *bmc(simulate(node01={"fault": "no-slots"})), "--nread", 1)
    assert code == 4
    assert "password" not in complaint(err)
    assert "close other sessions" in complaint(err)


@pytest.mark.parametrize("command", ["powergraph", "csvcreator", "graph_csv"])
def test_each_command_says_its_version(command: str, tmp_path: Path) -> None:
    assert run(tmp_path, command, "--version") == (0, f"{command} {__version__}\n", "")
