"""One simulated BMC: its sessions and their limits, its faults, and that no bytes can break it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ipmi_client import Client, bmc, message

from powergraph_collector.simulator import rmcp
from powergraph_collector.sources.ipmi import dcmi
from powergraph_collector.sources.ipmi.message import Request, Response

SET_PRIVILEGE = Request(0x06, 0x3B, b"\x04")
PING = bytes.fromhex("0600ff06000011be80070000")


def reading(client: Client) -> dcmi.PowerReading:
    response = client.ask(dcmi.POWER_READING)
    assert response
    return dcmi.parse_power_reading(response)


def code(response: Response | None) -> int:
    assert response
    return response.code


@pytest.mark.parametrize("suite", [3, 17])
def test_a_session_brings_readings(suite: int) -> None:
    client = Client(bmc(), suite=suite)
    assert client.login() == ("rakp4", 0)
    assert (reading(client).current_w, reading(client).active) == (436, True)


@pytest.mark.parametrize(
    ("client", "refusal"),
    [
        ({"user": b"nobody"}, ("rakp2", 0x0D)),
        ({"password": b"wrong"}, ("rakp4", 0x0F)),
        ({"role": 4}, ("rakp2", 0x09)),
        ({"suite": 3}, ("open", 0x11)),
    ],
)
def test_a_refused_login_says_why_by_its_status(client: dict, refusal: tuple[str, int]) -> None:
    strict = bmc(privilege_limit="user", cipher_suites=[17])
    assert Client(strict, **{"role": 2, **client}).login() == refusal
    assert Client(strict, role=2).login() == ("rakp4", 0)


def test_slots_run_out_and_come_back_by_logout_or_a_minute_of_idleness() -> None:
    small = bmc(slots=2)
    first, second, third = Client(small), Client(small), Client(small)
    assert [first.login(), second.login(), third.login()] == [("rakp4", 0), ("rakp4", 0), ("open", 0x01)]
    assert code(first.ask(Request(0x06, 0x3C, first.session_id.to_bytes(4, "little")))) == 0
    assert first.ask(dcmi.POWER_READING) is None
    assert third.login() == ("rakp4", 0)
    late = Client(small)
    late.now_s += 59
    assert late.login() == ("open", 0x01)
    late.now_s += 2
    assert late.login() == ("rakp4", 0)
    second.now_s = late.now_s
    assert second.ask(dcmi.POWER_READING) is None


def test_logins_that_are_never_finished_take_no_slot() -> None:
    small = bmc(slots=1)
    for _ in range(200):
        assert Client(small).open()[1] == 0
        assert Client(small, password=b"wrong").login() == ("rakp4", 0x0F)
    assert Client(small).login() == ("rakp4", 0)


def test_dcmi_may_need_more_than_a_new_session_has() -> None:
    client = Client(bmc(required_privilege="administrator"))
    client.login()
    assert code(client.ask(dcmi.POWER_READING)) == 0xD4
    assert code(client.ask(SET_PRIVILEGE)) == 0
    assert reading(client).current_w == 436
    weak = Client(bmc(privilege_limit="operator"), role=3)
    weak.login()
    assert code(weak.ask(SET_PRIVILEGE)) == 0x81


def test_before_login_a_bmc_tells_what_it_can_and_no_watts() -> None:
    client = Client(bmc())

    def ask(request: Request) -> int:
        answer = client.send(rmcp.packet_15(message(request, 1)))
        assert answer and answer.served_w is None
        return answer.datagram[14 + 6]

    assert ask(Request(0x06, 0x38, b"\x8e\x04")) == 0
    assert ask(dcmi.capabilities(1)) == 0
    assert ask(dcmi.POWER_READING) == 0xD4
    assert ask(Request(0x06, 0x01)) == 0xD4


def test_a_logical_unit_without_commands_says_so_as_itself() -> None:
    client = Client(bmc())
    client.login()
    raw = bytearray(message(dcmi.POWER_READING, 5))
    raw[1:3] = raw[1] | 3, (raw[2] - 3) & 0xFF
    answer = client.sealed(bytes(raw))
    assert answer
    opened = client.receiving.open(answer.datagram)
    assert opened and (opened[4], opened[6]) == (5 << 2 | 3, 0xC2)


def test_a_request_sent_again_gets_the_same_answer_and_is_no_second_reading() -> None:
    client = Client(bmc(power={"kind": "office", "idle_w": 100, "peak_w": 60000}))
    client.login()
    first = client.ask(dcmi.POWER_READING)
    client.now_s += 2
    assert client.ask(dcmi.POWER_READING, again=True) == first
    repeated = client.sealed(message(dcmi.POWER_READING, client.sequence))
    assert repeated and repeated.served_w is None
    assert client.ask(dcmi.POWER_READING) != first


@pytest.mark.parametrize(
    ("fault", "current_w", "active"),
    [("inactive-zero", 0, False), ("inactive-value", 436, False), ("zero", 0, True), ("max", 65535, True)],
)
def test_faults_of_the_value(fault: str, current_w: int, active: bool) -> None:
    client = Client(bmc(fault=fault))
    client.login()
    assert (reading(client).current_w, reading(client).active) == (current_w, active)


@pytest.mark.parametrize(("fault", "first"), [("busy-first", Response(0xC0)), ("empty-first", Response(0))])
def test_the_first_answer_of_a_session_may_be_useless(fault: str, first: Response) -> None:
    sick = bmc(fault=fault)
    for _ in range(2):
        client = Client(sick)
        client.login()
        assert client.ask(dcmi.POWER_READING) == first
        assert reading(client).current_w == 436


def test_no_dcmi_is_said_while_ignored_dcmi_is_promised_and_silent() -> None:
    without, ignoring = Client(bmc(fault="no-dcmi")), Client(bmc(fault="dcmi-ignored"))
    without.login()
    ignoring.login()
    assert [code(without.ask(request)) for request in (dcmi.capabilities(1), dcmi.POWER_READING)] == [0xC1, 0xC1]
    promised = ignoring.ask(dcmi.capabilities(1))
    assert promised and dcmi.parse_capabilities(promised).power_management
    assert ignoring.ask(dcmi.POWER_READING) is None
    assert code(ignoring.ask(Request(0x06, 0x01))) == 0


def test_a_reboot_forgets_sessions_and_other_faults_do_not() -> None:
    machine = bmc()
    client = Client(machine)
    client.login()
    machine.set_fault("silent")
    assert client.ask(dcmi.POWER_READING) is None
    assert client.send(PING) is None
    machine.set_fault("no-slots")
    assert reading(client).current_w == 436
    assert Client(machine).login() == ("open", 0x01)
    machine.set_fault("reboot")
    assert client.ask(dcmi.POWER_READING) is None
    assert client.login() == ("rakp4", 0)


def test_a_new_password_is_for_new_sessions() -> None:
    machine = bmc()
    client = Client(machine)
    client.login()
    changed = bmc(password="another")
    machine.reconfigure(changed.settings, machine.source)
    assert reading(client).current_w == 436
    assert Client(machine).login() == ("rakp4", 0x0F)
    assert Client(machine, password=b"another").login() == ("rakp4", 0)


@pytest.mark.parametrize(("fault", "after_s"), [("slow", 2.5), ("none", 0.003)])
def test_an_answer_says_how_late_it_is(fault: str, after_s: float) -> None:
    client = Client(bmc(fault=fault, delay_s=2.5, latency_s=0.003))
    assert client.login() == ("rakp4", 0)
    answer = client.sealed(message(dcmi.POWER_READING, 1))
    assert answer and (answer.after_s, answer.served_w) == (after_s, 436)


def test_a_session_idle_for_a_minute_is_over() -> None:
    client = Client(bmc())
    client.login()
    client.now_s += 59
    assert reading(client).current_w == 436
    client.now_s += 61
    assert client.ask(dcmi.POWER_READING) is None


def test_the_statistics_are_those_of_all_readings_so_far() -> None:
    client = Client(bmc(power={"kind": "office", "seed": 3, "idle_w": 100, "peak_w": 60000}))
    client.login()
    seen: list[int] = []
    for _ in range(20):
        client.now_s += 40
        now = reading(client)
        seen.append(now.current_w)
        assert (now.min_w, now.max_w, now.average_w) == (min(seen), max(seen), round(sum(seen) / len(seen)))
    assert len(set(seen)) > 10
    assert (now.period_ms, now.bmc_time_s) == (19 * 40_000, int(1_700_000_000 + client.now_s))


def test_sensor_records_are_read_in_parts_under_a_reservation() -> None:
    client = Client(bmc(sdr=[{"name": "System Level"}, {"name": "PS1 Power In", "entity": 10}]))
    client.login()

    def part(reservation: bytes, record: int, offset: int, size: int) -> Response | None:
        return client.ask(Request(0x0A, 0x23, reservation + record.to_bytes(2, "little") + bytes((offset, size))))

    reservation = client.ask(Request(0x0A, 0x22)).data
    whole = part(reservation, 0, 0, 0xFF)
    assert (whole.data[:2], whole.data[-12:]) == (b"\x02\x00", b"System Level")
    parts = [part(reservation, 1, offset, 16).data[2:] for offset in range(0, len(whole.data) - 2, 16)]
    assert b"".join(parts) == whole.data[2:]
    assert part(reservation, 2, 0, 0xFF).data[:2] == part(reservation, 0xFFFF, 0, 0xFF).data[:2] == b"\xff\xff"
    client.ask(Request(0x0A, 0x22))
    assert code(part(reservation, 1, 16, 16)) == 0xC5
    assert code(part(reservation, 3, 0, 16)) == 0xCB


def test_a_datagram_with_any_wrong_bit_is_not_authentic() -> None:
    client = Client(bmc())
    client.login()
    sealed = client.channel.seal(message(dcmi.POWER_READING, 1))
    for place in range(4, len(sealed)):
        for bit in range(8):
            damaged = sealed[:place] + bytes((sealed[place] ^ 1 << bit,)) + sealed[place + 1 :]
            assert client.send(damaged) is None
    assert client.send(sealed) is not None


@pytest.mark.parametrize("kind", [0x12, 0x14])
def test_a_handshake_that_is_cut_short_is_refused_or_dropped(kind: int) -> None:
    machine = bmc()
    for size in range(70):
        client = Client(machine)
        session = client.open()[8:12]
        answer = client.payload(kind, (b"\x02\0\0\0" + session + bytes(80))[:size])
        assert answer == b"" or answer[1] != 0
    assert Client(machine).login() == ("rakp4", 0)


datagrams = st.one_of(
    st.binary(max_size=200),
    st.binary(max_size=80).map(lambda data: rmcp.ASF_HEADER + data),
    st.binary(max_size=80).map(lambda data: rmcp.IPMI_HEADER + b"\x00" + data),
    st.builds(rmcp.packet_with_payload, st.integers(0, 0xFF), st.binary(max_size=80)),
    st.builds(rmcp.packet_with_payload, st.sampled_from((0, 0x10, 0x12, 0x14)), st.binary(max_size=80)),
    st.binary(max_size=40).map(rmcp.packet_15),
)


@given(st.lists(datagrams, max_size=20))
def test_no_datagram_breaks_a_bmc(received: list[bytes]) -> None:
    machine = bmc()
    stranger = Client(machine)
    for datagram in received:
        stranger.send(datagram)
    assert stranger.login() == ("rakp4", 0)


@settings(max_examples=200)
@given(st.data(), st.sampled_from((3, 17)))
def test_no_damage_on_the_way_breaks_a_bmc_or_passes_for_an_authentic_request(data: st.DataObject, suite: int) -> None:
    machine = bmc()
    at = data.draw(st.integers(0, 6), "which datagram")
    count = 0

    def spoil(datagram: bytes) -> bytes:
        nonlocal count
        count += 1
        if count - 1 != at:
            return datagram
        place = data.draw(st.integers(0, len(datagram) - 1), "place")
        kind = data.draw(st.sampled_from(("flip", "cut", "insert", "double")), "damage")
        if kind == "flip":
            return datagram[:place] + bytes((datagram[place] ^ data.draw(st.integers(1, 255)),)) + datagram[place + 1 :]
        if kind == "cut":
            return datagram[:place]
        if kind == "insert":
            return datagram[:place] + data.draw(st.binary(min_size=1, max_size=20)) + datagram[place:]
        return datagram + datagram

    client = Client(machine, suite=suite, spoil=spoil)
    if client.login() == ("rakp4", 0):
        while count <= at:
            damaged = count == at
            response = client.ask(dcmi.POWER_READING)
            # Damage before the checked bytes may be harmless; then the request was the one that was meant.
            assert response is None or dcmi.parse_power_reading(response).current_w == 436
            assert damaged or response is not None
    client.spoil = bytes
    assert client.login() == ("rakp4", 0)


@given(
    st.lists(
        st.one_of(
            st.binary(max_size=60),
            st.builds(
                lambda netfn, command, data: message(Request(netfn, command, data), 1),
                st.sampled_from((0x00, 0x04, 0x06, 0x0A, 0x2C)) | st.integers(0, 63).map(lambda netfn: netfn & 0x3E),
                st.sampled_from((0x01, 0x02, 0x03, 0x20, 0x22, 0x23, 0x2D, 0x37, 0x38, 0x3B, 0x54))
                | st.integers(0, 0xFF),
                st.binary(max_size=8) | st.binary(max_size=4).map(lambda data: b"\xdc" + data),
            ),
        ),
        max_size=10,
    )
)
def test_no_authentic_message_breaks_a_bmc_and_every_request_is_answered(messages: list[bytes]) -> None:
    machine = bmc(sdr=[{"name": "System Level"}, {"name": "PS1 Power In", "entity": 10, "share": 0.5}])
    client = Client(machine)
    client.login()
    for raw in messages:
        answer = client.sealed(raw)
        if rmcp.parse_message(raw) is not None:
            assert answer is not None
            opened = client.receiving.open(answer.datagram)
            assert opened and sum(opened[:3]) & 0xFF == sum(opened[3:]) & 0xFF == 0
    client.sequence = 30
    assert reading(client).current_w == 436
