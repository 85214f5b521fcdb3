"""Folders of the collector and the simulator: whose they may be, and what is left of them when a role goes."""

import getpass
import os
from pathlib import Path
from typing import Any

import pytest
from small_plays import Play, refusal

BMC = {"name": "node01", "host": "192.0.2.10"}
SIMULATED = BMC | {"user": "reader", "power": {"kind": "office"}}


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """A folder deep enough, with something in it, that belongs to who runs this."""
    folder = tmp_path / "srv/theirs"
    folder.mkdir(parents=True)
    (folder / "precious").write_text("theirs")
    return folder


def collector(play: Play, *task_files: str, **variables: Any) -> str:
    return refusal(play("collector", *task_files, **{"collector_bmcs": [BMC], **variables}))


def simulator(play: Play, *task_files: str, **variables: Any) -> str:
    fixed = {"bmc_simulator_bmcs": [SIMULATED], "bmc_simulator_passwords": {"*": "secret"}}
    return refusal(play("bmc_simulator", *task_files, **(fixed | variables)))


@pytest.mark.parametrize(
    ("variable", "path"),
    [
        ("collector_store", "/var/powergraph.db"),
        ("collector_store", "/home/powergraph.db"),
        ("collector_store", "/opt/../x/y/powergraph.db"),
        ("collector_store", "/var/lib/my data/powergraph.db"),
        ("collector_home", "/opt/100%"),
        ("collector_home", "/usr"),
        ("collector_config_dir", "/etc/power graph"),
        ("collector_publish", "/var/../etc/data"),
        ("collector_inbox", "/var/spool/power%graph"),
        ("collector_runtime", "/run/power graph"),
    ],
)
def test_a_path_that_is_no_plain_one_of_enough_levels_is_refused(play: Play, variable: str, path: str) -> None:
    assert path in collector(play, "preflight", **{variable: path})


@pytest.mark.parametrize("variable", ["config_dir", "store", "publish", "inbox", "home"])
@pytest.mark.parametrize("state", ["started", "absent"])
def test_a_folder_of_somebody_else_is_neither_taken_nor_removed(
    play: Play, theirs: Path, variable: str, state: str
) -> None:
    path = theirs / "powergraph.db" if (variable, state) == ("store", "started") else theirs
    said = collector(play, "preflight", **{f"collector_{variable}": str(path), "collector_state": state})
    if state == "absent" and variable in {"home", "config_dir"}:
        assert said == ""  # what the role brought goes by its name there
    else:
        assert str(theirs) in said


def test_its_own_folders_and_empty_ones_are_fine(play: Play, tmp_path: Path, theirs: Path) -> None:
    (tmp_path / "srv/empty").mkdir()
    assert (
        collector(
            play,
            "preflight",
            collector_user=getpass.getuser(),
            collector_store=str(theirs / "powergraph.db"),
            collector_publish=str(tmp_path / "srv/empty"),
            collector_inbox=str(tmp_path / "srv/new"),
        )
        == ""
    )


@pytest.mark.parametrize(
    "path", ["/var/log/served.csv", "/var/log/../../etc/ssl/served.csv", "/var/log/my simulator/served.csv"]
)
def test_the_log_of_served_readings_needs_a_folder_of_its_own(play: Play, theirs: Path, path: str) -> None:
    assert path in simulator(play, "preflight", bmc_simulator_served_log=path)


def test_the_simulator_takes_no_folder_of_somebody_else_and_removes_only_its_files(play: Play, theirs: Path) -> None:
    settings, log = theirs / "simulator.toml", theirs / "served.csv"
    assert str(theirs) in simulator(play, "preflight", bmc_simulator_served_log=str(log))
    assert str(theirs) in simulator(play, "preflight", bmc_simulator_config_dir=str(theirs))
    settings.write_text("ours")
    log.write_text("ours")
    files = {"bmc_simulator_served_log": str(log), "bmc_simulator_config_dir": str(theirs)}
    assert simulator(play, "preflight", "remove_files", bmc_simulator_state="absent", **files) == ""
    assert [path.name for path in theirs.iterdir()] == ["precious"]


@pytest.mark.parametrize("state", ["started", "absent"])
def test_victoriametrics_takes_and_removes_no_folder_of_somebody_else(play: Play, theirs: Path, state: str) -> None:
    variables = {"victoriametrics_data": str(theirs), "victoriametrics_state": state}
    assert str(theirs) in refusal(play("victoriametrics", "preflight", **variables))


@pytest.mark.skipif(os.geteuid() != 0, reason="folders belong to root")
def test_what_is_removed_is_what_was_brought(play: Play, tmp_path: Path) -> None:
    kept = ["etc/ca.pem", "opt/theirs", "var/theirs"]
    names = ["powergraph.toml", "secrets.toml", "maintenance"]
    ours = [f"etc/{name}" for name in names] + [
        "opt/venv/bin/python",
        "opt/installed",
        "var/powergraph.db/a",
        "www/data/x",
    ]
    for name in [*kept, *ours]:
        path = tmp_path / "host/deep" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    base = str(tmp_path / "host/deep")
    said = collector(
        play,
        "remove_files",
        "remove_program",
        collector_keep_data=False,
        collector_service={"others": []},
        collector_config_dir=f"{base}/etc",
        collector_home=f"{base}/opt",
        collector_store=f"{base}/var/powergraph.db",
        collector_publish=f"{base}/www/data",
        collector_inbox="",
        collector_runtime=f"{base}/run",
    )
    assert said == ""
    assert sorted(str(each.relative_to(base)) for each in Path(base).rglob("*") if each.is_file()) == kept
    assert not (Path(base) / "www").exists()
