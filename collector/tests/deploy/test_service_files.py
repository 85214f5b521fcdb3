"""What the roles' templates become, and what the defaults say: init scripts that start, addresses that can be asked."""

import getpass
import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from small_plays import ROLES, Play

SERVICE = {
    "name": "powergraph-test",
    "description": "a test",
    "command": "/bin/sleep 600",
}


class InitScript:
    """The collector's init script, with its files in a temporary folder."""

    def __init__(self, folder: Path, play: Play) -> None:
        self.user = "nobody" if os.geteuid() == 0 else getpass.getuser()
        self.pidfile = folder / "powergraph-test.pid"
        service = SERVICE | {"user": self.user}
        template = ROLES / "collector/templates/service.init.j2"
        script = play.rendered(template, ansible_managed="", __collector_wanted="1", collector_service=service)
        script = script.replace("/run/$NAME", f"{folder}/$NAME").replace("/var/log/", f"{folder}/")
        # its group need not be called like the user here
        script = script.replace('--chuid "$RUN_AS:$RUN_AS"', '--chuid "$RUN_AS"')
        self.path = folder / "init"
        self.path.write_text(script)
        (folder / "powergraph-test.log").write_text("")

    def __call__(self, word: str) -> int:
        return subprocess.call(["sh", self.path, word])

    @property
    def pid(self) -> int:
        return int(self.pidfile.read_text())


@pytest.fixture
def init_script(tmp_path: Path, play: Play) -> Iterator[InitScript]:
    script = InitScript(tmp_path, play)
    yield script
    script("stop")


def test_a_pidfile_whose_number_is_another_process_now_keeps_nobody_from_starting(init_script: InitScript) -> None:
    init_script.pidfile.write_text("1\n")
    assert init_script("status") == 3
    assert init_script("start") == 0
    assert init_script.pid != 1
    assert init_script("status") == 0
    started = init_script.pid
    assert init_script("start") == 0
    assert init_script.pid == started


def test_stopping_leaves_the_other_process_alone(init_script: InitScript) -> None:
    with subprocess.Popen(["sleep", "600"], user="daemon" if os.geteuid() == 0 else None) as other:
        if os.geteuid() != 0:
            other.kill()
            pytest.skip("needs a process of another user")
        init_script.pidfile.write_text(f"{other.pid}\n")
        assert init_script("stop") == 0
        time.sleep(0.1)
        assert other.poll() is None
        other.kill()


def defaults(role: str) -> dict[str, object]:
    return dict(yaml.safe_load((ROLES / role / "defaults/main.yml").read_text()))


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("192.0.2.7", "http://192.0.2.7/powergraph/"),
        ("2001:db8::7", "http://[2001:db8::7]/powergraph/"),
        ("[2001:db8::7]", "http://[2001:db8::7]/powergraph/"),
        ("web.example.org", "http://web.example.org/powergraph/"),
    ],
)
def test_the_page_is_looked_for_at_addresses_of_both_kinds(play: Play, tmp_path: Path, host: str, address: str) -> None:
    template = tmp_path / "address.j2"
    template.write_text("{{ frontend_check_url }}")
    assert play.rendered(template, **defaults("frontend"), ansible_host=host) == address


@pytest.mark.parametrize(
    ("given", "states"),
    [
        ({}, "started started started started present"),
        ({"powergraph_state": "stopped"}, "stopped stopped stopped stopped present"),
        ({"powergraph_state": "absent"}, "absent absent absent absent absent"),
        ({"collector_state": "stopped"}, "stopped started started started present"),
        ({"powergraph_state": "stopped", "frontend_state": "absent"}, "stopped stopped stopped stopped absent"),
    ],
)
def test_states_are_those_of_the_inventory_and_else_one_for_all(
    play: Play, tmp_path: Path, given: dict[str, str], states: str
) -> None:
    roles = ["collector", "watchdog", "bmc_simulator", "victoriametrics", "frontend"]
    template = tmp_path / "states.j2"
    template.write_text(" ".join(f"{{{{ {role}_state }}}}" for role in roles))
    variables = {f"{role}_state": defaults(role)[f"{role}_state"] for role in roles}
    assert play.rendered(template, **(variables | given)) == states


def test_no_playbook_outweighs_a_state_of_the_inventory() -> None:
    for playbook in (ROLES.parent / "playbooks").iterdir():
        assert re.search(r"^ +\w+_state:", playbook.read_text(), re.MULTILINE) is None, playbook


def test_apache_gets_the_pages_folder_in_quotes(play: Play) -> None:
    template = ROLES / "frontend/templates/powergraph.conf.j2"
    lines = play.rendered(template, ansible_managed="", frontend_root="/srv/page").splitlines()
    quoted = {'Alias /powergraph "/srv/page"', '<Directory "/srv/page">', '<Directory "/srv/page/data">'}
    assert quoted <= set(lines)
