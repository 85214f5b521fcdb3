"""The init script, for machines whose first process is not systemd, run as an init would, with a program of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from jinja2 import Environment

TEMPLATE = Path(__file__).parents[3] / "roles/collector/templates/service.init.j2"
# Says on which user's behalf it runs, and each signal that it gets.
PROGRAM = """
import os, signal, sys, time
def told(number, _):
    print(signal.Signals(number).name, flush=True)
    if number == signal.SIGTERM:
        sys.exit(0)
for number in (signal.SIGHUP, signal.SIGTERM):
    signal.signal(number, told)
print("begun as", os.getuid(), *sys.argv[1:], flush=True)
while True:
    time.sleep(0.1)
"""


class Service:
    """A rendered script whose files are named after this process."""

    def __init__(self, folder: Path, command: str) -> None:
        self.name = f"powergraph-test-{os.getpid()}"
        self.pid_file, self.log = Path(f"/run/{self.name}.pid"), Path(f"/var/log/{self.name}.log")
        self.runtime = Path(f"/run/{self.name}")
        environment = Environment()
        environment.filters["comment"] = lambda text: f"# {text}"
        service = {
            "name": self.name,
            "user": "nobody",
            "runtime": str(self.runtime),
            "description": "A test",
            "command": command,
        }
        self.script = folder / "service"
        rendered = environment.from_string(TEMPLATE.read_text()).render(collector_service=service, ansible_managed="x")
        # Debian's nobody has no group of its name
        self.script.write_text(rendered.replace("$RUN_AS:$RUN_AS", "$RUN_AS").replace('-g "$RUN_AS"', "-g nogroup"))

    def __call__(self, word: str) -> int:
        return subprocess.run(["sh", self.script, word], check=False, capture_output=True, timeout=60).returncode

    def said(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []

    def clear(self) -> None:
        self("stop")
        for path in (self.pid_file, self.log):
            path.unlink(missing_ok=True)
        shutil.rmtree(self.runtime, ignore_errors=True)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    if os.geteuid() != 0:
        pytest.skip("NOT TESTED: the init script takes root, to run a program as another user")
    program = Path(f"/run/powergraph-test-{os.getpid()}.py")  # where every user may read it
    program.write_text(PROGRAM)
    made = Service(tmp_path, f"/usr/bin/env python3 {program} --config x")
    yield made
    made.clear()
    program.unlink()


def wait_for_word(service: Service, word: str) -> None:
    deadline = time.monotonic() + 60
    while word not in service.said():
        assert time.monotonic() < deadline, service.said()
        time.sleep(0.05)


def test_it_starts_once_reloads_and_stops_in_order_as_the_services_user(service: Service) -> None:
    assert service("status") == 3
    assert service("start") == 0
    wait_for_word(service, "begun as 65534 --config x")
    pid = service.pid_file.read_text()
    assert service.runtime.owner() == "nobody"
    assert service("start") == service("status") == 0
    assert service.pid_file.read_text() == pid
    assert service("reload") == 0
    wait_for_word(service, "SIGHUP")
    assert service("stop") == 0
    assert service.said() == ["begun as 65534 --config x", "SIGHUP", "SIGTERM"]
    assert not service.pid_file.exists()
    assert service("status") == 3
    assert service("stop") == service("reload") == 0


def test_a_pid_file_from_before_a_reboot_that_names_somebody_else_is_in_nobodys_way(service: Service) -> None:
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        service.pid_file.write_text(f"{other.pid}\n")
        assert service("status") == 3
        assert service("start") == 0
        assert service("status") == 0
        assert service.pid_file.read_text() != f"{other.pid}\n"
        assert service("stop") == 0
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_a_program_that_ends_at_once_is_a_start_that_failed(service: Service, tmp_path: Path) -> None:
    assert Service(tmp_path, "/bin/false")("start") == 1
    assert service("status") == 3
