"""Probing: the verdict on awkward BMCs, and what goes with it, by both readers."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.conftest import PASSWORD, USER

from powergraph_collector.model import Doubt, Reason, Source
from powergraph_collector.simulator.bmc import SimulatedBmc
from powergraph_collector.simulator.server import Simulator
from powergraph_collector.sources.contract import Interrupted, NoReading, Probed, Reading
from powergraph_collector.sources.ipmi import probing
from powergraph_collector.sources.ipmi.settings import IpmiBmc

Simulate = Callable[..., Simulator]

SUPPLIES: list[dict[str, Any]] = [
    {"name": "PSU1_PIN", "entity": 10, "instance": 1, "watts": 200},
    {"name": "PSU2_PIN", "entity": 10, "instance": 2, "watts": 160},
    {"name": "CPU Power", "entity": 3, "watts": 80},
]
TWINS = [{"name": "Node Power", "watts": 200}, {"name": "Node Power", "watts": 160, "instance": 2}]


def bmc(simulator: Simulator, **settings: Any) -> IpmiBmc:
    host, port = simulator.addresses["node01"]
    usual = {"name": "node01", "host": host, "port": port, "user": USER, "password": PASSWORD, "timeout_s": 0.5}
    return IpmiBmc.model_validate(usual | settings)


def probe(probed: IpmiBmc, *, keeps_record: bool = False) -> Probed:
    return probing.probe(probed, is_stopped=lambda: False, keeps_record=keeps_record)


@dataclass(frozen=True)
class Case:
    """A BMC, and what a probe comes to: a reading's watts, source and doubt, or the reason for none."""

    bmc: dict[str, Any]
    reads: tuple[int, Source, Doubt] | None = None
    reason: Reason | None = None
    login: dict[str, Any] = field(default_factory=dict)
    readers: tuple[str, ...] = ("lan", "ipmitool")


LAN = ("lan",)
BY_DCMI = (436, Source.DCMI, Doubt.NONE)
BY_SUPPLIES = (360, Source.SDR, Doubt.NONE)
CASES = {
    "nothing awkward": Case({}, BY_DCMI),
    "no DCMI, supplies": Case({"fault": "no-dcmi", "sdr": SUPPLIES}, BY_SUPPLIES),
    "DCMI is ignored, supplies": Case({"fault": "dcmi-ignored", "sdr": SUPPLIES}, BY_SUPPLIES, readers=LAN),
    "DCMI says 65535, supplies": Case({"fault": "max", "sdr": SUPPLIES}, BY_SUPPLIES),
    "DCMI is too short, supplies": Case({"quirks": ["short-answer"], "sdr": SUPPLIES}, BY_SUPPLIES),
    "no DCMI, no sensor": Case({"fault": "no-dcmi"}, reason=Reason.NOT_SUPPORTED),
    "no DCMI, twins": Case({"fault": "no-dcmi", "sdr": TWINS}, reason=Reason.NOT_SUPPORTED),
    "does not measure": Case({"fault": "inactive-zero"}, reason=Reason.NOT_MEASURING),
    "says that it does not measure": Case({"fault": "inactive-value"}, (436, Source.DCMI, Doubt.INACTIVE)),
    "0 W while on": Case({"fault": "zero"}, reason=Reason.IMPLAUSIBLE),
    "busy at first": Case({"fault": "busy-first"}, BY_DCMI, readers=LAN),
    "jumps": Case({"quirks": ["jump"], "every": 1}, (40_000, Source.DCMI, Doubt.JUMP)),
    "USER is refused": Case({"required_privilege": "operator"}, BY_DCMI),
    "USER is told C1": Case({"quirks": ["dcmi-c1-to-user"]}, BY_DCMI, readers=LAN),
    "only suite 3": Case({"cipher_suites": [3]}, BY_DCMI),
    "suite 17 is defective": Case({"quirks": ["zero-code-17"]}, BY_DCMI, readers=LAN),
    "wrong password": Case({}, reason=Reason.LOGIN_REFUSED, login={"password": "another"}),
    "unknown user": Case({}, reason=Reason.LOGIN_REFUSED, login={"user": "nobody"}),
    "no slots": Case({"fault": "no-slots"}, reason=Reason.NO_SESSION_SLOT),
    "silent": Case({"fault": "silent"}, reason=Reason.TIMEOUT),
    "says nothing to RAKP 1": Case({"quirks": ["rakp1-ignored"]}, reason=Reason.TIMEOUT, readers=LAN),
    "a sensor that is named": Case(
        {"sdr": SUPPLIES}, (80, Source.SDR, Doubt.NONE), login={"power_sensors": ["CPU Power"]}
    ),
    "a supply is pulled": Case(
        {"fault": "no-dcmi", "sdr": [SUPPLIES[0], SUPPLIES[1] | {"state": 0xE0}]}, (200, Source.SDR, Doubt.PARTIAL)
    ),
}


@pytest.mark.parametrize(
    ("case", "reader"),
    [pytest.param(case, reader, id=f"{name}, {reader}") for name, case in CASES.items() for reader in case.readers],
)
def test_an_awkward_bmc_gets_its_verdict(
    simulate: Simulate, monkeypatch: pytest.MonkeyPatch, case: Case, reader: str
) -> None:
    monkeypatch.setattr(probing, "PATIENT_TIMEOUT_S", 1.0)
    verdict = probe(bmc(simulate(node01=case.bmc), reader=reader, **case.login)).verdict
    if case.reads is None:
        assert isinstance(verdict, NoReading)
        assert verdict.reason is case.reason
    else:
        power_w, source, doubt = case.reads
        source = Source.TOOL if reader == "ipmitool" and source is Source.DCMI else source
        assert isinstance(verdict, Reading)
        assert (verdict.power_w, verdict.source, verdict.doubt) == (power_w, source, doubt)


def test_what_was_no_reading_comes_with_what_to_try(simulate: Simulate) -> None:
    for settings, word in (
        ({"fault": "no-dcmi"}, "firmware"),
        ({"fault": "no-dcmi", "sdr": TWINS}, "--power-sensor"),
        ({"fault": "inactive-zero"}, "on?"),
        ({"fault": "no-slots"}, "minute"),
    ):
        found = probe(bmc(simulate(node01=settings)))
        assert word in found.advice
        assert found.entry == {}


def test_every_watt_sensor_is_told_with_its_reading_and_the_reason(simulate: Simulate) -> None:
    found = probe(bmc(simulate(node01={"fault": "no-dcmi", "sdr": SUPPLIES})))
    told = [(each.name, each.power_w, each.is_chosen) for each in found.sensors]
    assert told == [("PSU1_PIN", 200, True), ("PSU2_PIN", 160, True), ("CPU Power", 80, False)]
    assert "part of the machine" in found.sensors[2].why


def test_the_entry_names_what_the_defaults_do_not_serve(simulate: Simulate) -> None:
    assert probe(bmc(simulate(node01={}))).entry == {"timeout_s": 0.5}
    awkward = simulate(node01={"required_privilege": "operator", "cipher_suites": [3], "sdr": SUPPLIES})
    found = probe(bmc(awkward, power_sensors=["PSU1_PIN"], timeout_s=2.5, reader="ipmitool", privilege="operator"))
    names_and_login = {"privilege": "operator", "cipher_suite": 3}
    assert found.entry == {"reader": "ipmitool", **names_and_login, "power_sensors": ("PSU1_PIN",)}
    assert found.login == names_and_login


def test_a_slow_bmc_is_waited_for_and_its_entry_says_how_long(simulate: Simulate) -> None:
    found = probe(bmc(simulate(node01={"fault": "slow", "delay_s": 1.6}), timeout_s=1.0))
    assert isinstance(found.verdict, Reading)
    assert found.slowest_s is not None
    assert found.slowest_s >= 1.6
    assert found.entry["timeout_s"] >= 4.0  # type: ignore[operator]


OF_SENSORS = {(0x0A, 0x20), (0x0A, 0x23), (0x04, 0x2D), (0x00, 0x01)}  # the last since the choice asks whether it is on


@pytest.mark.parametrize("command", [(0x2C, 0x01), (0x2C, 0x03), *sorted(OF_SENSORS)])
def test_silence_to_one_command_leaves_all_others_told(
    simulate: Simulate, monkeypatch: pytest.MonkeyPatch, command: tuple[int, int]
) -> None:
    simulator = simulate(node01={"sdr": SUPPLIES, "limit_w": 900})
    sound = SimulatedBmc._run
    monkeypatch.setattr(
        SimulatedBmc,
        "_run",
        lambda bmc, request, *others: None if request.place == command else sound(bmc, request, *others),
    )
    found = probe(bmc(simulator, timeout_s=0.3))
    told = dict(found.lines)
    assert isinstance(found.verdict, Reading)
    assert told["DCMI"].startswith("no answer" if command == (0x2C, 0x01) else "1.5")
    assert told["power limit"].startswith("no answer" if command == (0x2C, 0x03) else "900 W")
    assert told["chassis"].startswith("no answer" if command == (0x00, 0x01) else "on")
    assert ("no answer" in told.get("watt sensors", "")) == (command in OF_SENSORS)


def test_a_probe_ends_when_its_time_is_over(simulate: Simulate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "LIMIT_S", 2.0)
    many = [{"name": f"Fan {number}", "unit": 18} for number in range(1, 250)]
    found = probe(bmc(simulate(node01={"fault": "slow", "delay_s": 0.1, "sdr": many})))
    assert isinstance(found.verdict, Reading)
    assert dict(found.lines)["watt sensors"] == "not all were told within 2 s"


def test_a_probe_stops_when_it_is_told_to(simulate: Simulate) -> None:
    simulator = simulate(node01={"fault": "silent"})
    with pytest.raises(Interrupted):
        probing.probe(bmc(simulator, timeout_s=0.2), is_stopped=lambda: True, keeps_record=False)


# Before a login


def test_without_a_login_it_is_told_what_a_stranger_may_know(simulate: Simulate) -> None:
    found = probing.knock(*simulate(node01={}).addresses["node01"], 1.0)
    assert isinstance(found.verdict, NoReading)
    told = dict(found.lines)
    assert (found.verdict.reason, told["presence ping"]) == (Reason.LOGIN_REFUSED, "answered")
    assert told["cipher suites"] == "3, 17"
    assert told["login by suite 17"] == "would be begun"
    assert told["login by suite 0"].startswith("refused: RMCP+ status 0x11")
    assert found.warnings == ()


def test_a_closed_port_is_told_at_once_with_where_to_switch_it_on() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    found = probing.knock("127.0.0.1", port, 60.0)  # a limit that the test would not wait for
    assert isinstance(found.verdict, NoReading)
    assert found.verdict.reason is Reason.PORT_CLOSED
    assert "iDRAC" in found.advice


def test_silence_and_names_without_an_address_are_told(simulate: Simulate) -> None:
    host, port = simulate(node01={"fault": "silent"}).addresses["node01"]
    for place, words in ((host, "no answer within 0.2 s"), ("no-such-host.invalid", "has no address")):
        found = probing.knock(place, port, 0.2)
        assert isinstance(found.verdict, NoReading)
        assert words in found.verdict.detail


@contextmanager
def stranger(answers: dict[int, bytes]) -> Iterator[tuple[str, int]]:
    """Answers packets by their payload type, or by their command where they are IPMI 1.5; -1 is a ping."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.bind(("127.0.0.1", 0))
        made.settimeout(0.05)
        is_over = threading.Event()

        def serve() -> None:
            while not is_over.is_set():
                try:
                    packet, place = made.recvfrom(1024)
                except TimeoutError:
                    continue
                key = packet[5] if packet[4] == 6 else packet[19] if len(packet) > 19 else -1
                if key in answers:
                    made.sendto(answers[key], place)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield made.getsockname()
        finally:
            is_over.set()
            thread.join()


def bare_response(command: int, data: bytes) -> bytes:
    head = bytes((0x81, 0x07 << 2))
    body = bytes((0x20, 0, command, 0)) + data
    message = head + bytes((-sum(head) & 0xFF,)) + body + bytes((-sum(body) & 0xFF,))
    return b"\x06\x00\xff\x07" + bytes(9) + bytes((len(message),)) + message


OPENED = b"\x06\x00\xff\x07\x06\x11" + bytes(8) + b"\x24\x00" + b"\x00\x00\x04\x00\x01\x02\x03\x04" + bytes(28)


def test_a_bmc_that_lets_strangers_in_is_warned_of() -> None:
    answers = {
        0x38: bare_response(0x38, bytes((1, 0x81, 0x23, 0x03, 0, 0, 0, 0))),
        0x54: bare_response(0x54, bytes((1, 0xC0, 0, 0, 0x40, 0x80, 0xC0, 3, 1, 0x41, 0x81))),
        0x10: OPENED,
    }
    with stranger(answers) as (host, port):
        found = probing.knock(host, port, 0.4)
    assert dict(found.lines)["cipher suites"] == "0, 3"
    assert "group key" in dict(found.lines)["before a login"]
    told = " / ".join(found.warnings)
    for word in ("begins logins by cipher suite 0", "without a name", "without a password"):
        assert word in told


SPOILT = [b"", b"\x00", b"\x06\x00\xff\x07", bytes(1000), OPENED[:20], b"\x06\x00\xff\x06" * 9]


@pytest.mark.parametrize("spoilt", SPOILT)
def test_whatever_answers_before_a_login_a_probe_ends(spoilt: bytes) -> None:
    began_s = time.monotonic()
    with stranger(dict.fromkeys((0x38, 0x54, 0x10, -1), spoilt)) as (host, port):
        found = probing.knock(host, port, 0.2)
    assert isinstance(found.verdict, NoReading)
    assert found.warnings == ()
    assert time.monotonic() - began_s < 30  # not for ever
