"""Quirks of real BMCs in their answers to DCMI commands."""

from __future__ import annotations

from typing import get_args

import pytest
from click.testing import CliRunner
from ipmi_client import Client, bmc

from powergraph_collector.commands.simulator import main
from powergraph_collector.simulator.config import BmcConfig
from powergraph_collector.simulator.quirks import QUIRKS, Quirk
from powergraph_collector.sources.ipmi import dcmi
from powergraph_collector.sources.ipmi.message import Request

SET_CAP = Request(0x2C, 0x04, bytes.fromhex("dc000000112c01e803000000000100"))
CHASSIS_STATUS = Request(0x00, 0x01)


def raised(client: Client, level: int) -> Client:
    assert client.ask(Request(0x06, 0x3B, bytes((level,)))).code == 0
    return client


def codes(client: Client, count: int, every_s: float = 1.0) -> list[int]:
    """The completion codes of so many power readings."""
    seen = []
    for _ in range(count):
        seen.append(client.ask(dcmi.POWER_READING).code)
        client.now_s += every_s
    return seen


def reading(client: Client) -> dcmi.PowerReading:
    return dcmi.parse_power_reading(client.ask(dcmi.POWER_READING))


def test_a_c1_may_stray_into_the_readings() -> None:
    client = Client.logged_in(bmc(quirks=["stray-c1"], every=4))
    assert codes(client, 9) == [0, 0, 0, 0xC1, 0, 0, 0, 0xC1, 0]


def test_dcmi_may_seem_unknown_while_a_bmc_boots() -> None:
    machine = bmc(quirks=["c1-while-booting"], booting_s=3, booting_answers=0)
    client = Client.logged_in(machine)
    assert codes(client, 5) == [0xC1, 0xC1, 0xC1, 0, 0]
    machine.set_fault("reboot")
    again = Client(machine)
    again.now_s = client.now_s
    assert again.login() == ("rakp4", 0)
    assert again.ask(dcmi.capabilities(1)).code == 0xC1
    assert again.ask(CHASSIS_STATUS).code == 0
    assert codes(again, 4) == [0xC1, 0xC1, 0xC1, 0]
    assert codes(Client.logged_in(bmc(quirks=["c1-while-booting"])), 4) == [0xC1, 0xC1, 0xC1, 0]


@pytest.mark.parametrize(
    ("quirk", "refusal"), [("dcmi-c1-to-user", 0xC1), ("dcmi-cb-to-user", 0xCB), ("dcmi-d6-to-user", 0xD6)]
)
def test_dcmi_may_be_refused_to_users_by_a_code_of_another_meaning(quirk: str, refusal: int) -> None:
    machine = bmc(quirks=[quirk])
    client = Client.logged_in(machine)
    asked = (dcmi.POWER_READING, dcmi.POWER_LIMIT, SET_CAP)
    assert [client.ask(request).code for request in asked] == [refusal] * 3
    assert client.ask(dcmi.capabilities(1)).code == 0
    assert codes(raised(client, 3), 1) == codes(raised(client, 4), 1) == [0]
    strict = Client.logged_in(bmc(quirks=[quirk], required_privilege="administrator"))
    assert [codes(raised(strict, level), 1) for level in (2, 3, 4)] == [[refusal], [refusal], [0]]


@pytest.mark.parametrize("told", [0xFF, 0xC9, 0x80, 0xD3])
def test_power_readings_may_never_be_more_than_a_code(told: int) -> None:
    client = Client.logged_in(bmc(dcmi_code=told))
    assert codes(client, 3, every_s=50) == [told] * 3
    assert client.ask(dcmi.capabilities(1)).code == 0
    assert client.ask(dcmi.POWER_LIMIT).code == 0x80


def test_a_code_may_be_for_those_alone_who_ask_too_often() -> None:
    client = Client.logged_in(bmc(dcmi_code=0xFF, dcmi_code_within_s=5))
    assert codes(client, 7, every_s=2) == [0, 0xFF, 0xFF, 0, 0xFF, 0xFF, 0]
    client.now_s += 5
    assert codes(client, 3, every_s=5) == [0, 0, 0]


def test_a_reading_may_be_too_short() -> None:
    client = Client.logged_in(bmc(quirks=["short-answer"]))
    answer = client.ask(dcmi.POWER_READING)
    assert (answer.code, len(answer.data)) == (0, 6)
    with pytest.raises(dcmi.MalformedAnswer):
        dcmi.parse_power_reading(answer)


def test_watts_may_jump_to_what_the_bmcs_own_maximum_knows_nothing_of() -> None:
    client = Client.logged_in(bmc(quirks=["jump"], every=3))
    seen = [reading(client) for _ in range(6)]
    assert [now.current_w for now in seen] == [436, 436, 40_000] * 2
    assert {(now.min_w, now.max_w, now.average_w) for now in seen} == {(436, 436, 436)}


def test_watts_may_be_negative_in_a_field_without_a_sign() -> None:
    assert reading(Client.logged_in(bmc(quirks=["negative"]))).current_w == 65_531


def test_statistics_and_clock_may_mean_nothing() -> None:
    sound = Client.logged_in(bmc())
    odd = Client.logged_in(bmc(quirks=["statistics-zero", "period-1s", "clock-1970"]))
    for client in (sound, odd):
        reading(client)
        client.now_s += 50
    right, wrong = reading(sound), reading(odd)
    assert (right.bmc_time_s, right.period_ms) == (1_700_000_000 + 1050, 50_000)
    assert (wrong.bmc_time_s, wrong.period_ms) == (50, 1_000)
    assert (wrong.min_w, wrong.max_w, wrong.average_w) == (0, 0, 0)
    assert right.current_w == wrong.current_w == 436


def test_a_chassis_may_be_off_and_draw_nothing() -> None:
    client = Client.logged_in(bmc(quirks=["chassis-off"], sdr=[{"name": "System Level"}]))
    assert client.ask(CHASSIS_STATUS).data[0] & 1 == 0
    assert (reading(client).current_w, reading(client).active) == (0, True)
    assert client.ask(Request(0x04, 0x2D, b"\x01")).data[0] == 0
    assert Client.logged_in(bmc()).ask(CHASSIS_STATUS).data[0] & 1 == 1


def test_what_is_served_is_what_the_quirks_made_of_it() -> None:
    client = Client.logged_in(bmc(quirks=["jump"], every=1))
    answer = client.sealed(b"\x20\xb0\x30\x81\x04\x02\xdc\x01\x00\x00\x9c")
    assert answer and answer.served_w == 40_000


def test_every_quirk_and_setting_has_its_line_in_the_help() -> None:
    assert set(QUIRKS) == set(get_args(Quirk))
    told = CliRunner().invoke(main, ["--help"]).output
    lines = [line.split()[0] for line in told.splitlines() if line.strip()]
    assert [quirk for quirk in QUIRKS if lines.count(quirk) != 1] == []
    assert [name for name in BmcConfig.model_fields if lines.count(name) < 1] == []
