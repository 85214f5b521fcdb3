"""killer.sh: whom it restarts and whom it leaves alone, with a real process and a systemctl that writes down."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from small_plays import ROLES, Play

KILLER = ROLES / "watchdog/files/killer.sh"

# Answers what the files beside it say, and writes down what changes anything.
SYSTEMCTL = """#!/bin/sh
cd {folder}
case "$*" in
*ActiveState*) cat state ;;
*MainPID*) cat pid ;;
*Job*) [ ! -e job ] || cat job ;;
is-enabled*) cat enabled ;;
stop*) echo stop >>done ; [ ! -e stubborn ] || exit 1 ; echo inactive >state ;;
kill*) echo kill >>done ; rm -f stubborn ;;
start*)
    echo start >>done
    echo active >state
    [ -e mute ] || echo "$(cut -d. -f1 /proc/uptime) $(cat pid)" >heartbeat
    ;;
esac
"""


class Host:
    """A folder that looks like a host to killer.sh."""

    def __init__(self, folder: Path, pid: int) -> None:
        self.folder, self.pid = folder, pid
        (folder / "bin").mkdir()
        (folder / "systemd").mkdir()
        self.write("bin/systemctl", SYSTEMCTL.format(folder=folder))
        self.write("bin/logger", "#!/bin/sh\n")
        self.write("bin/sleep", "#!/bin/sh\n")
        for program in (folder / "bin").iterdir():
            program.chmod(0o755)
        self.write("state", "active\n")
        self.write("enabled", "enabled\n")
        self.write("pid", f"{pid}\n")
        names = ("heartbeat", "maintenance", "log", "lock", "systemd")
        settings = [
            f"PATH={folder}/bin:$PATH",
            "limit_s=20",
            "return_s=3",
            *(f"{name}={folder}/{name}" for name in names),
        ]
        self.write("settings", "\n".join(settings) + "\n")
        self.beat(0)

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def beat(self, age_s: int, pid: int | None = None) -> None:
        uptime_s = int(float(Path("/proc/uptime").read_text().split()[0]))
        self.write("heartbeat", f"{uptime_s - age_s} {pid or self.pid}\n")

    def run(self, exit_code: int = 0) -> list[str]:
        ended = subprocess.run(["sh", KILLER, self.folder / "settings"], check=False, timeout=60)
        assert ended.returncode == exit_code
        written = self.folder / "done"
        return written.read_text().split() if written.exists() else []

    @property
    def log(self) -> str:
        path = self.folder / "log"
        return path.read_text() if path.exists() else ""


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    process = subprocess.Popen([shutil.which("sleep"), "600"])
    yield Host(tmp_path, process.pid)
    process.send_signal(signal.SIGKILL)
    process.wait()


def wait_until_old_enough(host: Host) -> None:
    """Let the process be older than the limit, a short one here alone: a busy machine may take seconds for a beat."""
    with (host.folder / "settings").open("a") as settings:
        settings.write("limit_s=2\n")
    while int(subprocess.check_output(["ps", "-o", "etimes=", "-p", str(host.pid)])) <= 3:
        time.sleep(0.1)


def test_a_healthy_collector_is_left_alone(host: Host) -> None:
    assert host.run() == []
    assert host.log == ""


@pytest.mark.parametrize("state", ["failed", "inactive"])
def test_a_dead_collector_is_started_and_the_log_says_why(host: Host, state: str) -> None:
    host.write("state", state)
    assert host.run() == ["stop", "start"]
    assert "not running" in host.log
    assert "collecting again" in host.log


def test_a_loop_that_stands_still_is_replaced(host: Host) -> None:
    host.beat(age_s=30)
    assert host.run() == ["stop", "start"]
    assert "has stood still for" in host.log


def test_what_does_not_stop_is_killed(host: Host) -> None:
    host.beat(age_s=30)
    host.write("stubborn", "")
    assert host.run() == ["stop", "kill", "stop", "start"]


def test_a_collector_that_never_gave_a_sign_of_life_is_replaced_once_it_is_old_enough(host: Host) -> None:
    (host.folder / "heartbeat").unlink()
    wait_until_old_enough(host)
    assert host.run() == ["stop", "start"]


def test_the_heartbeat_of_a_former_process_does_not_count(host: Host) -> None:
    host.beat(age_s=0, pid=os.getpid())
    wait_until_old_enough(host)
    assert host.run() == ["stop", "start"]


def test_a_heartbeat_without_a_folder_is_looked_for_in_the_wrong_place_which_is_told_once(host: Host) -> None:
    with (host.folder / "settings").open("a") as settings:
        settings.write(f"heartbeat={host.folder}/elsewhere/heartbeat\n")
    wait_until_old_enough(host)
    assert host.run() == []
    assert host.run() == []
    assert host.log.count("no folder") == 1


def test_a_restart_that_brought_no_heartbeat_is_not_repeated(host: Host) -> None:
    (host.folder / "heartbeat").unlink()
    host.write("mute", "")
    wait_until_old_enough(host)
    assert host.run(exit_code=1) == ["stop", "start"]
    told = host.log
    assert host.run() == ["stop", "start"]
    assert host.log == told
    assert "left alone" in told


def test_one_that_beat_after_all_is_watched_as_before(host: Host) -> None:
    (host.folder / "heartbeat").unlink()
    host.write("mute", "")
    wait_until_old_enough(host)
    host.run(exit_code=1)
    (host.folder / "mute").unlink()
    host.beat(age_s=30)
    assert host.run() == ["stop", "start", "stop", "start"]


def test_a_start_that_waits_its_turn_is_not_interrupted(host: Host) -> None:
    host.write("state", "inactive")
    host.write("job", "4711\n")
    assert host.run() == []


def test_the_watchdog_looks_where_the_collector_is_told_to_write(play: Play) -> None:
    defaults = yaml.safe_load((ROLES / "watchdog/defaults/main.yml").read_text())
    own = {"collector_runtime": "/run/watts", "collector_config_dir": "/etc/watts"}
    template = ROLES / "watchdog/templates/settings.j2"
    changed = play.rendered(template, ansible_managed="", **(defaults | own)).splitlines()
    assert {"heartbeat=/run/watts/heartbeat", "maintenance=/etc/watts/maintenance"} <= set(changed)
    usual = play.rendered(template, ansible_managed="", **defaults).splitlines()
    assert {"heartbeat=/run/powergraph/heartbeat", "maintenance=/etc/powergraph/maintenance"} <= set(usual)


@pytest.mark.parametrize("state", ["activating", "deactivating", "reloading"])
def test_systemd_is_not_interrupted(host: Host, state: str) -> None:
    host.write("state", state)
    assert host.run() == []


@pytest.mark.parametrize("enabled", ["disabled", "masked"])
def test_a_disabled_collector_stays_off(host: Host, enabled: str) -> None:
    host.write("state", "inactive")
    host.write("enabled", enabled)
    assert host.run() == []


def test_the_maintenance_flag_outweighs_all(host: Host) -> None:
    host.write("state", "failed")
    host.write("maintenance", "")
    assert host.run() == []


def test_two_at_a_time_do_not_get_in_each_others_way(host: Host) -> None:
    host.write("state", "failed")
    with subprocess.Popen(["flock", "--no-fork", host.folder / "lock", shutil.which("sleep"), "600"]) as other:
        while subprocess.call(["flock", "--nonblock", host.folder / "lock", "true"]) == 0:
            time.sleep(0.05)
        assert host.run() == []
        other.kill()
