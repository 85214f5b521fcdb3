"""What the roles' templates become, and what the defaults say: addresses that can be asked."""

import re
from pathlib import Path

import pytest
import yaml
from small_plays import ROLES, Play


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
