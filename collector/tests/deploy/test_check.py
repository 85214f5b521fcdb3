"""What `bin/deploy` ends with: a look at the deployed page tells a collector that runs from files that it left."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]
PLAY = """
- hosts: localhost
  gather_facts: false
  tasks:
    - ansible.builtin.import_role: {name: frontend, tasks_from: before}
    - ansible.builtin.import_role: {name: frontend, tasks_from: check}
  vars:
    frontend_site_name: A lab
    frontend_collectors: [lab]
    frontend_check_url: "URL"
    frontend_check_wait_s: 2
    powergraph_state: started
"""
NOW = {"bmcs": {"node01": {"state": "fresh", "power_w": 436}}}


class Site(ThreadingHTTPServer):
    """A page whose now.json is missing, as it was left, or written anew each time."""

    now = "missing"
    _numbers = count()

    def content(self, path: str) -> bytes | None:
        if not path.endswith("now.json"):
            return b"<h1>A lab</h1>" if path == "/powergraph/" else None
        written_at = {"left": "2026-11-24T12:00:00.000Z", "written": f"2026-11-24T12:00:0{next(self._numbers)}.000Z"}
        if self.now not in written_at:
            return None
        return json.dumps({**NOW, "written_at": written_at[self.now]}).encode()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Site)
        content = self.server.content(self.path)
        self.send_response(404 if content is None else 200)
        self.send_header("Content-Type", "application/json" if self.path.endswith("json") else "text/html")
        self.end_headers()
        self.wfile.write(content or b"")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def site() -> Iterator[Site]:
    server = Site(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def checked(site: Site, folder: Path, now: str) -> tuple[int, str]:
    """Exit code of the check, and what it prints."""
    site.now = now
    play = folder / "play.yml"
    play.write_text(
        PLAY.replace("URL", f"http://127.0.0.1:{site.server_port}/powergraph")
    )  # without a slash at its end
    environment = os.environ | {
        "ANSIBLE_CONFIG": str(REPOSITORY / "ansible.cfg"),
        "ANSIBLE_ROLES_PATH": str(REPOSITORY / "roles"),
        "LC_ALL": "C.UTF-8",
    }
    command = [Path(sys.executable).with_name("ansible-playbook"), "-i", "localhost,", "-c", "local", play]
    done = subprocess.run(
        [*command, "-e", f"ansible_python_interpreter={sys.executable}"],
        check=False,
        capture_output=True,
        text=True,
        env=environment,
        timeout=120,
    )
    return done.returncode, " ".join(done.stdout.split())


def test_readings_that_come_anew_are_shown(site: Site, tmp_path: Path) -> None:
    code, out = checked(site, tmp_path, "written")
    assert code == 0, out
    assert "node01: 436 W" in out


@pytest.mark.parametrize("now", ["missing", "left"])
def test_a_page_whose_collector_does_not_run_fails_and_says_so(site: Site, tmp_path: Path, now: str) -> None:
    code, out = checked(site, tmp_path, now)
    assert code != 0
    assert "no machine has been read: lab: no now.json that the collector has written since the deployment began" in out
    assert "436 W" not in out
