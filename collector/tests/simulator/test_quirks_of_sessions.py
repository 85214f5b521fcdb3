"""Quirks of real BMCs in an established session: odd sequence numbers, packets too many, too few, or in disorder."""

from __future__ import annotations

import socket
from collections import Counter
from itertools import pairwise

import pytest
from ipmi_client import Client, bmc, message

from powergraph_collector.simulator import rmcp
from powergraph_collector.simulator.bmc import Answer
from powergraph_collector.sources.ipmi import dcmi
from powergraph_collector.sources.ipmi.message import Request

DEVICE_ID = Request(0x06, 0x01)
# A trace that no two readings share.
DIFFERENT = {"kind": "office", "idle_w": 100, "peak_w": 60_000}


class Heard:
    """A power source that notes when it is asked."""

    def __init__(self, at_s: list[float]) -> None:
        self.at_s = at_s

    def watts(self, at_s: float) -> int:
        self.at_s.append(at_s)
        return 7


def packets(client: Client, request: Request = dcmi.POWER_READING) -> list[bytes]:
    """All that comes back for one request, in the order of sending."""
    client.sequence = (client.sequence + 1) % 64
    answer = client.sealed(message(request, client.sequence))
    return [answer.datagram, *answer.more] if isinstance(answer, Answer) else []


def number(datagram: bytes) -> int:
    return int.from_bytes(datagram[10:14], "little")


def watts(client: Client, datagram: bytes) -> int:
    opened = client.receiving.open(datagram)
    assert opened
    return int.from_bytes(opened[8:10], "little")


@pytest.mark.parametrize(
    ("quirks", "numbers"),
    [
        ([], list(range(1, 13))),
        (["sequence-zero"], [0] * 12),
        (["sequence-one"], [1] * 12),
        (["sequence-falls-back"], [1, 2, 3, 4, 5, 6, 7, 3, 4, 5, 6, 7]),
        (["sequence-huge"], [1, 2, 3, *range(0x40000004, 0x4000000D)]),
        (["sequence-wraps"], [*range(0xFFFFFFFC, 0x100000000), *range(1, 9)]),
    ],
)
def test_authentic_packets_may_have_odd_numbers(quirks: list[str], numbers: list[int]) -> None:
    client = Client.logged_in(bmc(quirks=quirks))
    seen = [packets(client) for _ in range(12)]
    assert [number(datagram) for (datagram,) in seen] == numbers
    assert {watts(client, datagram) for (datagram,) in seen} == {436}


def test_a_number_that_falls_back_falls_back_again_and_again_and_gains_in_the_end() -> None:
    client = Client.logged_in(bmc(quirks=["sequence-falls-back"]))
    numbers = [number(packets(client)[0]) for _ in range(80)]
    assert Counter(after - before for before, after in pairwise(numbers)) == {1: 69, -4: 10}
    assert numbers[-1] == 30


def test_every_answer_may_come_twice() -> None:
    client = Client.logged_in(bmc(quirks=["doubled"]))
    first, second = packets(client)
    assert first == second
    assert watts(client, first) == 436


def test_an_answer_may_be_overtaken_by_its_later_twin() -> None:
    client = Client.logged_in(bmc(quirks=["reordered"]))
    assert [[number(datagram) for datagram in packets(client)] for _ in range(2)] == [[2, 1], [4, 3]]


def test_the_answer_before_may_come_again_before_the_new_one() -> None:
    client = Client.logged_in(bmc(quirks=["previous-first"], power=DIFFERENT))
    (first,) = packets(client)
    client.now_s += 2
    again, second = packets(client)
    assert again == first
    assert watts(client, second) != watts(client, first)
    assert packets(client)[0] == second


def test_a_packet_without_authentication_may_tell_other_watts_in_the_same_message() -> None:
    client = Client.logged_in(bmc(quirks=["unauthenticated-15"]))
    untrue, true = packets(client)
    assert (untrue[4], number(b"\0" * 5 + untrue), untrue[9:13]) == (0x00, 0xFFFFFFFF, b"\xa4\xa3\xa2\xa0")
    forged = untrue[14:]
    assert sum(forged[:3]) & 0xFF == sum(forged[3:]) & 0xFF == 0
    assert int.from_bytes(forged[8:10], "little") == 9_999
    right = client.receiving.open(true)
    assert (forged[:8], forged[10:-1]) == (right[:8], right[10:-1])
    assert watts(client, true) == 436
    # What is no reading comes as it is.
    untrue, true = packets(client, DEVICE_ID)
    assert untrue[14:] == client.receiving.open(true)


def test_quirks_of_packets_go_together() -> None:
    client = Client.logged_in(bmc(quirks=["doubled", "reordered", "previous-first", "sequence-one"]))
    assert [len(packets(client)) for _ in range(2)] == [4, 5]


def test_an_answer_that_takes_its_time_is_still_all_of_its_packets() -> None:
    client = Client.logged_in(bmc(quirks=["doubled"], latency_s=0.5))
    answer = client.sealed(message(dcmi.POWER_READING, 1))
    assert answer and (answer.after_s, answer.more) == (0.5, (answer.datagram,))


def test_requests_that_cross_may_get_each_others_data() -> None:
    sound, mixing = (Client.logged_in(bmc(latency_s=0.5, quirks=quirks)) for quirks in ([], ["mixes-requests"]))
    for client in (sound, mixing):
        device = client.ask(DEVICE_ID)
        crossing = client.ask(dcmi.POWER_READING)
        client.now_s += 0.5
        alone = client.ask(dcmi.POWER_READING)
        assert (crossing == device) is (client is mixing)
        assert dcmi.parse_power_reading(alone).current_w == 436


@pytest.mark.parametrize(("settings", "idle_s"), [({"quirks": ["closes-idle-30"]}, 30), ({"idle_s": 7}, 7)])
def test_an_idle_session_may_end_early(settings: dict, idle_s: float) -> None:
    client = Client.logged_in(bmc(**settings))
    client.now_s += idle_s
    assert client.ask(DEVICE_ID)
    client.now_s += idle_s + 0.1
    assert client.ask(DEVICE_ID) is None


def test_packets_are_lost_both_ways_and_the_same_ones_in_every_run() -> None:
    def lost(share: float) -> list[tuple[bool, bool]]:
        """Of each request, whether there was an answer, and whether the BMC has heard it."""
        machine = bmc(power={"kind": "constant", "watts": 7})
        client = Client.logged_in(machine)
        machine.reconfigure(bmc(power={"kind": "constant", "watts": 7}, loss=share).settings, machine.source)
        heard: list[float] = []
        machine.source = Heard(heard)
        told = []
        for _ in range(1000):
            heard.clear()
            told.append((client.ask(dcmi.POWER_READING) is not None, bool(heard)))
        return told

    seen = Counter(lost(0.05))
    assert lost(0.05) == lost(0.05)
    assert 30 < seen[False, False] < 80
    assert 30 < seen[False, True] < 80
    assert seen[True, False] == 0
    assert Counter(lost(0)) == {(True, True): 1000}


def test_all_packets_of_an_answer_reach_the_client_and_quirks_change_at_run_time(simulate) -> None:
    simulator = simulate(node01={"quirks": ["doubled"]})
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.connect(simulator.addresses["node01"])
        line.settimeout(10)

        class Wire:
            def answer(self, datagram: bytes, wall_s: float, steady_s: float) -> Answer:
                line.send(datagram)
                return Answer(line.recv(2048))

        client = Client.logged_in(Wire())
        request = message(dcmi.POWER_READING, 1)
        first = client.sealed(request).datagram
        assert line.recv(2048) == first
        simulator.set_quirks("node01", "jump", "chassis-off")
        off = client.ask(Request(0x00, 0x01))
        assert off.data[0] & 1 == 0
        line.setblocking(False)
        with pytest.raises(BlockingIOError):
            line.recv(2048)
    assert simulator.served == [("node01", simulator.served[0][1], 436)]


def test_a_session_goes_on_with_its_numbers_after_a_change_of_quirks() -> None:
    machine = bmc()
    client = Client.logged_in(machine)
    packets(client)
    machine.set_quirks(("sequence-zero",))
    assert number(packets(client)[0]) == 2
    assert number(packets(Client.logged_in(machine))[0]) == 0


def test_a_channel_without_quirks_numbers_from_one() -> None:
    channel = rmcp.Channel(rmcp.SUITES[17], bytes(32), 1)
    assert [number(channel.seal(b"x")) for _ in range(3)] == [1, 2, 3]
