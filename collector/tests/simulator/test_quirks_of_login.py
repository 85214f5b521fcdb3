"""Quirks of real BMCs while a client logs in, as a client sees them on the wire."""

from __future__ import annotations

import os
import subprocess

import pytest
from ipmi_client import Client, bmc

from powergraph_collector.simulator import rmcp
from powergraph_collector.simulator.config import ConfigError
from powergraph_collector.sources.ipmi import dcmi
from powergraph_collector.sources.ipmi.message import Request

IN, SILENCE = ("rakp4", 0), -1


def set_privilege(level: int) -> Request:
    return Request(0x06, 0x3B, bytes((level,)))


def code(client: Client, request: Request) -> int | None:
    response = client.ask(request)
    return response and response.code


@pytest.mark.parametrize(
    ("quirk", "step"), [("open-ignored", "open"), ("rakp1-ignored", "rakp2"), ("rakp3-ignored", "rakp4")]
)
def test_a_login_may_end_in_silence_at_any_step(quirk: str, step: str) -> None:
    assert Client(bmc(quirks=[quirk])).login() == (step, SILENCE)


def test_a_suite_that_is_lacked_may_meet_silence_instead_of_a_status() -> None:
    machine = bmc(quirks=["suite-ignored"], cipher_suites=[3])
    assert Client(machine, suite=17).login() == ("open", SILENCE)
    assert Client(machine, suite=3).login() == IN


@pytest.mark.parametrize(
    ("client", "step", "status"),
    [({"suite": 3}, "open", 0x11), ({"user": b"nobody"}, "rakp2", 0x0D), ({"password": b"wrong"}, "rakp4", 0x0F)],
)
def test_an_error_of_the_handshake_may_name_neither_message_nor_session(client: dict, step: str, status: int) -> None:
    sound, spoiled = bmc(cipher_suites=[17]), bmc(cipher_suites=[17], quirks=["error-tag-0"])
    heads = []
    for machine in (sound, spoiled):
        asking = Client(machine, **client)
        said: list[bytes] = []
        payload = asking.payload
        asking.payload = lambda kind, sent, payload=payload, said=said: said.append(payload(kind, sent)) or said[-1]
        assert asking.login() == (step, status)
        heads.append(said[-1][:8])
    tag = {"open": 1, "rakp2": 2, "rakp4": 3}[step]
    assert heads[0] == bytes((tag, status, 0, 0)) + b"\xa4\xa3\xa2\xa0"
    assert heads[1] == bytes((0, status, 0, 0, 0, 0, 0, 0))
    assert Client(spoiled).login() == IN


def rakp_2_code(client: Client) -> tuple[bytes, bytes]:
    """The code of RAKP message 2, and the one that it should have."""
    opened = client.open()
    name = bytes((client.role, 0, 0, len(client.user))) + client.user
    answer = client.payload(0x12, b"\x02\0\0\0" + opened[8:12] + bytes(16) + name)
    session = int.from_bytes(opened[8:12], "little")
    shaken = rmcp.Handshake(
        client.suite, 0xA0A2A3A4, session, bytes(16), answer[8:24], answer[24:40], client.role, client.user
    )
    return answer[40:], shaken.rakp_2_code(client.password)


def test_suite_17_may_prove_nothing_while_suite_3_is_right() -> None:
    for quirk in ("zero-code-17", "wrong-code-17"):
        machine = bmc(quirks=[quirk])
        told, right = rakp_2_code(Client(machine, suite=17))
        assert told != right
        assert (len(told), told == bytes(32)) == (32, quirk == "zero-code-17")
        told, right = rakp_2_code(Client(machine, suite=3))
        assert told == right
    told, right = rakp_2_code(Client(bmc(), suite=17))
    assert told == right


@pytest.mark.parametrize("status", [0x09, 0x0D])
def test_the_role_user_may_be_refused_while_higher_ones_are_not(status: int) -> None:
    machine = bmc(quirks=["user-refused"], user_refused_status=status, privilege_limit="operator")
    assert [Client(machine, role=role).login() for role in (2, 3, 4)] == [("rakp2", status), IN, ("rakp2", 0x09)]


@pytest.mark.parametrize("busy", [0xC0, 0xC3, 0xCE, 0xD1, 0xD2, 0xFF])
def test_a_booting_bmc_is_too_busy_to_set_a_privilege(busy: int) -> None:
    machine = bmc(quirks=["privilege-busy"], busy_code=busy, booting_answers=2)
    first, second = Client(machine), Client(machine)
    assert (first.login(), second.login()) == (IN, IN)
    assert [code(client, set_privilege(4)) for client in (first, second, first, second)] == [busy, busy, 0, 0]
    machine.set_fault("reboot")
    again = Client(machine)
    again.login()
    assert [code(again, set_privilege(4)) for _ in range(3)] == [busy, busy, 0]


def test_a_bmc_boots_for_so_many_seconds_from_its_first_login_on() -> None:
    machine = bmc(quirks=["privilege-busy"], booting_s=20, booting_answers=0)
    client = Client(machine)
    client.login()
    seen = []
    for _ in range(3):
        seen.append(code(client, set_privilege(2)))
        client.now_s += 10
    assert seen == [0xC0, 0xC0, 0]


def test_set_privilege_may_meet_silence_and_the_rest_works() -> None:
    client = Client(bmc(quirks=["privilege-ignored"]))
    client.login()
    assert code(client, set_privilege(4)) is None
    assert code(client, dcmi.POWER_READING) == 0


@pytest.mark.parametrize(("kg", "told"), [("a-group-key", b"a-group-key"), ("0x00ff10", b"\x00\xff\x10")])
def test_a_group_key_is_what_the_keys_of_a_session_come_from(kg: str, told: bytes) -> None:
    machine = bmc(kg=kg)
    assert Client(machine, kg=told).login() == IN
    assert code(Client.logged_in(machine, kg=told), dcmi.POWER_READING) == 0
    # Without the key the handshake seems to go well until RAKP message 4, whose code is not the expected one.
    without = Client(machine)
    assert without.login() == ("code of rakp4", 0)
    assert without.ask(dcmi.POWER_READING) is None


@pytest.mark.parametrize("kg", ["", "0x", "0xabc", "0xwords", "a-group-key-of-21-byt"])
def test_a_group_key_that_can_be_none_is_refused_without_being_told(kg: str) -> None:
    with pytest.raises(ConfigError, match="kg: ") as refused:
        bmc(kg=kg)
    assert not kg or kg == "0x" or kg not in str(refused.value)


def test_ipmitool_meets_the_same(simulate, tool) -> None:
    simulator = simulate(
        keyed={"kg": "a-group-key"},
        zeros={"quirks": ["zero-code-17"]},
        silent={"quirks": ["rakp1-ignored"]},
        busy={"quirks": ["privilege-busy"], "busy_code": 0xD2},
    )

    def ask(name: str, *options: str) -> str:
        host, port = simulator.addresses[name]
        line = [tool("ipmitool"), "-v", "-I", "lanplus", "-H", host, "-p", str(port), "-U", "powergraph", "-E"]
        done = subprocess.run(
            [*line, "-N", "1", "-R", "1", *options, "dcmi", "power", "reading"],
            env={**os.environ, "IPMI_PASSWORD": "a-password", "LC_ALL": "C"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.stdout + done.stderr

    assert "436 Watts" in ask("keyed", "-C", "17", "-k", "a-group-key")
    assert "436 Watts" in ask("keyed", "-C", "3", "-y", b"a-group-key".hex())
    assert "436 Watts" not in ask("keyed", "-C", "17")
    assert "RAKP 2 HMAC is invalid" in ask("zeros", "-C", "17")
    assert "436 Watts" in ask("zeros", "-C", "3")
    assert "no response from RAKP 1 message" in ask("silent", "-C", "17")
    assert "Set Session Privilege Level to ADMINISTRATOR failed: BMC initialization in progress" in ask(
        "busy", "-C", "17"
    )
