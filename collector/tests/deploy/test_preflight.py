"""What preflight refuses, in words that say what to do, and what it takes."""

import json
import tomllib
from typing import Any

import pytest
import yaml
from small_plays import ROLES, Play, refusal

BMC = {"name": "node01", "host": "192.0.2.10", "user": "reader"}
LONG = "a-secret-of-21-bytes!"


def collector(play: Play, *given: str, **variables: Any) -> str:
    fixed = {"collector_bmcs": [BMC], "collector_passwords": {"*": "secret"}}
    return refusal(play("collector", "preflight", given=given, **(fixed | variables)))


# through main, whose argument specs have the first word; preflight refuses all of them
@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"collector_bmcs": None}, "list the BMCs to poll"),
        ({"collector_passwords": None}, "No password for node01"),
        ({"collector_passwords": {"*": None}}, "has no value for *"),
        ({"collector_passwords": {"*": "secret", "node02": LONG}}, "node02"),
        ({"collector_passwords": {"*": "tab\there"}}, "control characters"),
        ({"collector_kg": {"node01": 0x1234}}, "that of node01 must be in quotes"),
        ({"collector_kg": {"*": "0x123"}}, "pairs of hexadecimal digits"),
        ({"collector_kg": {"*": LONG}}, "at most 20 bytes"),
        ({"collector_kg": {"*": "0x" + 21 * "ab"}}, "at most 20 bytes"),
        ({"collector_kg": {"*": None}}, "that of * must be in quotes"),
        ({"collector_bmcs": [BMC | {"host": "192.0.2.10:623"}]}, "host of node01 is 192.0.2.10:623: write the name or"),
        ({"collector_bmcs": [BMC | {"host": "[::1]"}]}, "host of node01 is [::1]: write the name or address alone"),
    ],
)
def test_what_is_wrong_with_bmcs_and_passwords_can_be_read(play: Play, variables: dict[str, Any], words: str) -> None:
    fixed = {"collector_bmcs": [BMC], "collector_passwords": {"*": "secret"}}
    said = refusal(play("collector", "main", collector_home="/refused", **(fixed | variables)))
    assert words in said


@pytest.mark.parametrize("verbosity", ["", "3"])
def test_a_refused_password_is_not_shown(play: Play, monkeypatch: pytest.MonkeyPatch, verbosity: str) -> None:
    monkeypatch.setenv("ANSIBLE_VERBOSITY", verbosity or "0")
    said = play("collector", "preflight", collector_bmcs=[BMC], collector_passwords={"*": LONG})
    assert "more than the 20 bytes" in refusal(said)
    assert LONG not in said
    said = play("collector", "preflight", collector_bmcs=[BMC], collector_passwords={"*": ""}, collector_kg={"*": LONG})
    assert "at most 20 bytes" in refusal(said)
    assert LONG not in said


def test_group_keys_and_addresses_that_can_be_used_are_taken(play: Play) -> None:
    bmcs = [
        BMC | {"name": f"node0{i}", "host": host} for i, host in enumerate(("::1", "2001:db8::1", "bmc.example.org"))
    ]
    keys = {"*": "20 bytes of a key !!", "node01": "0x" + 20 * "ff", "node02": "0X00"}
    assert collector(play, collector_bmcs=bmcs, collector_kg=keys) == ""


def test_what_ipmi_cannot_carry_another_protocol_may(play: Play) -> None:
    bmcs = [BMC, BMC | {"name": "node02", "protocol": "redfish"}]
    assert collector(play, collector_bmcs=bmcs, collector_passwords={"*": "secret", "node02": LONG}) == ""


def test_group_keys_land_in_the_secrets_file_as_they_are(play: Play) -> None:
    variables = yaml.safe_load((ROLES / "collector/defaults/main.yml").read_text()) | {"ansible_managed": ""}
    template = ROLES / "collector/templates/secrets.toml.j2"
    assert tomllib.loads(play.rendered(template, **variables)) == {"passwords": {}}
    keys = {"*": "0x00ff", "node01": 'a "key"'}
    secrets = tomllib.loads(play.rendered(template, **variables | {"collector_kg": keys}))
    assert secrets == {"passwords": {}, "kg": keys}


def test_what_is_empty_in_the_inventory_keeps_nobody_from_removing(play: Play) -> None:
    assert collector(play, collector_state="absent", collector_bmcs=None, collector_passwords=None) == ""


def test_numbers_of_the_command_line_are_numbers(play: Play) -> None:
    assert refusal(play("watchdog", "preflight", given=("watchdog_limit_s=120",))) == ""
    assert "watchdog_limit_s" in refusal(play("watchdog", "preflight", given=("watchdog_limit_s=9",)))
    given = ("frontend_refresh_s=10",)
    assert refusal(play("frontend", "preflight", given=given, frontend_state="absent")) == ""
    assert collector(play, "collector_simulated_days=0") == ""


def test_a_simulated_bmc_without_a_password_is_refused(play: Play) -> None:
    bmc = BMC | {"power": {"kind": "office"}}
    for passwords, words in (({"*": None}, "has no value for *"), (None, "No password for node01")):
        variables = {"bmc_simulator_bmcs": [bmc], "bmc_simulator_passwords": passwords}
        assert words in refusal(play("bmc_simulator", "preflight", **variables))
    assert "must list BMCs" in refusal(
        play("bmc_simulator", "main", bmc_simulator_bmcs=None, bmc_simulator_config_dir="/refused")
    )


def test_words_without_quotes_are_words_in_the_settings(play: Play) -> None:
    defaults = yaml.safe_load((ROLES / "collector/defaults/main.yml").read_text())
    bmc = BMC | {"rack": 12, "title": 42, "group": 2, "port": 9623, "interval_s": 2.5, "simulated": True}
    variables = defaults | {
        "collector_name": 7,
        "collector_bmcs": [bmc],
        "collector_tariff": {"per_kwh": 0.3, "rates": [{"name": 1, "from": "22:00", "to": "06:00", "per_kwh": 0.2}]},
        "__collector_secrets": "/etc/powergraph/secrets.toml",
        "ansible_managed": "",
    }
    settings = tomllib.loads(play.rendered(ROLES / "collector/templates/powergraph.toml.j2", **variables))
    assert settings["bmc"] == [bmc | {"rack": "12", "title": "42", "group": "2"}]
    assert settings["name"] == "7"
    assert settings["tariff"]["rate"][0]["name"] == "1"


def test_no_days_of_a_past_from_the_command_line_are_none() -> None:
    run = yaml.safe_load((ROLES / "collector/tasks/run.yml").read_text())
    (past,) = [task for task in run if "simulate.yml" in json.dumps(task)]
    assert past["when"] == "collector_simulated_days | int > 0"
