"""Every known quirk of real BMCs, on the wire and through the poller: read right, or an honest hole, or a mark."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import PASSWORD, USER
from tests.sources.ipmi.conftest import SteppedClock
from tests.sources.ipmi.polled import INTERVAL_S, Expected, dcmi, first_by_sensors, hole, polled, sdr, way_in
from tests.sources.ipmi.test_readers import read
from tests.sources.ipmi.test_wire import counting

from powergraph_collector.model import Doubt, EventKind, Reason, Source
from powergraph_collector.simulator.sensor_commands import SensorCommands
from powergraph_collector.simulator.server import Simulator
from powergraph_collector.sources.contract import Reading, Secret
from powergraph_collector.sources.ipmi.lan import LanReader
from powergraph_collector.sources.ipmi.tool import ToolReader

Simulate = Callable[..., Simulator]
SYSTEM = [{"name": "System Level", "entity": 7, "watts": 332}]
BUSY, TIMEOUT, IMPLAUSIBLE, REFUSED = Reason.BUSY, Reason.TIMEOUT, Reason.IMPLAUSIBLE, Reason.LOGIN_REFUSED
BAD, IDLE = Reason.BAD_ANSWER, Reason.NOT_MEASURING


@dataclass(frozen=True)
class Case:
    """A BMC, how it is reached, and what must come of it."""

    bmc: dict[str, Any]
    expected: Expected
    login: dict[str, Any] = field(default_factory=dict)


def quirky(*quirks: str, **more: Any) -> dict[str, Any]:
    return {"quirks": quirks, **more}


def supply(number: int, watts: int, **more: Any) -> dict[str, Any]:
    return {"name": f"PS{number} Input Power", "entity": 10, "instance": number, "watts": watts, **more}


def named(name: str, watts: int, **more: Any) -> dict[str, Any]:
    return {"name": name, "entity": 7, "watts": watts, **more}


QUIRKS: dict[str, Case] = {
    # no DCMI at all
    "no DCMI": Case({"fault": "no-dcmi", "sdr": SYSTEM}, sdr(332, BUSY)),
    "no DCMI, C2": Case({"dcmi_code": 0xC2, "sdr": SYSTEM}, sdr(332, BUSY)),
    "no DCMI, D6": Case({"dcmi_code": 0xD6, "sdr": SYSTEM}, sdr(332, BUSY)),
    "no DCMI and no sensor": Case({"fault": "no-dcmi"}, hole(BUSY, Reason.NOT_SUPPORTED)),
    "stray C1": Case(quirky("stray-c1", every=4, sdr=SYSTEM), dcmi(436, BUSY)),
    "C1 while it boots": Case(
        quirky("c1-while-booting", booting_answers=5, sdr=SYSTEM), first_by_sensors(332, 436, BUSY)
    ),
    # DCMI that is never usable
    "0 W always": Case({"fault": "zero", "sdr": SYSTEM}, sdr(332, IMPLAUSIBLE)),
    "inactive and 0 W always": Case({"fault": "inactive-zero", "sdr": SYSTEM}, sdr(332, IDLE)),
    "65535 W always": Case({"fault": "max", "sdr": SYSTEM}, sdr(332, IMPLAUSIBLE)),
    "FF always": Case({"dcmi_code": 0xFF, "sdr": SYSTEM}, sdr(332, BUSY)),
    "C9 always": Case({"dcmi_code": 0xC9, "sdr": SYSTEM}, sdr(332, BAD)),
    "80 always": Case({"dcmi_code": 0x80, "sdr": SYSTEM}, sdr(332, BAD)),
    "D3 always": Case({"dcmi_code": 0xD3, "sdr": SYSTEM}, sdr(332, BAD)),
    "too short always": Case(quirky("short-answer", sdr=SYSTEM), sdr(332, BAD)),
    "silence always": Case({"fault": "dcmi-ignored", "sdr": SYSTEM}, sdr(332, TIMEOUT)),
    "silence and no sensor": Case({"fault": "dcmi-ignored"}, hole(TIMEOUT)),
    # what the state and the watts say
    "inactive with a value": Case({"fault": "inactive-value"}, dcmi(436, doubt=Doubt.INACTIVE, every_tick=True)),
    "inactive and 0 W": Case({"fault": "inactive-zero"}, hole(IDLE)),
    "0 W while it is on": Case({"fault": "zero"}, hole(IMPLAUSIBLE, says="0 W")),
    "0 W while it is off": Case(quirky("chassis-off"), dcmi(0, every_tick=True)),
    "65535 W": Case({"fault": "max"}, hole(IMPLAUSIBLE, says="65535")),
    "busy first": Case({"fault": "busy-first"}, dcmi(436, every_tick=True)),
    "empty first": Case({"fault": "empty-first"}, dcmi(436, every_tick=True)),
    "the clock of 1970": Case(quirky("clock-1970"), dcmi(436, every_tick=True)),
    "a period of 1 s": Case(quirky("period-1s"), dcmi(436, every_tick=True)),
    "no statistics": Case(quirky("statistics-zero"), dcmi(436, every_tick=True)),
    "DCMI and a sensor differ": Case({"sdr": [named("System Level", 426)]}, dcmi(436, every_tick=True)),
    # supplies
    "a supply is pulled": Case(
        {"fault": "no-dcmi", "sdr": [supply(1, 200), supply(2, 160, state=0xE0)]}, sdr(200, BUSY, doubt=Doubt.PARTIAL)
    ),
    "a supply is not scanned": Case(
        {"fault": "no-dcmi", "sdr": [supply(1, 200, state=0x80), supply(2, 160)]}, sdr(160, BUSY, doubt=Doubt.PARTIAL)
    ),
    "a supply is refused": Case(
        {"fault": "no-dcmi", "sdr": [supply(1, 200), supply(2, 160, code=0xCB)]}, sdr(200, BUSY, doubt=Doubt.PARTIAL)
    ),
    # who to be
    "user refused": Case(quirky("user-refused"), dcmi(436, every_tick=True)),
    "user unknown in that role": Case(quirky("user-refused", user_refused_status=0x0D), dcmi(436, every_tick=True)),
    "administrator refused": Case({"privilege_limit": "user"}, dcmi(436, every_tick=True)),
    "operator refused": Case({"privilege_limit": "operator", "required_privilege": "operator"}, dcmi(436)),
    "administrator wanted": Case({"required_privilege": "administrator"}, dcmi(436, every_tick=True)),
    "user refused by C1": Case(quirky("dcmi-c1-to-user"), dcmi(436, BUSY)),
    "user refused by CB": Case(quirky("dcmi-cb-to-user"), dcmi(436, BUSY)),
    "user refused by D6": Case(quirky("dcmi-d6-to-user"), dcmi(436, BUSY)),
    # suites
    "suite 17 alone": Case({"cipher_suites": [17]}, dcmi(436, every_tick=True)),
    "suite 3 alone": Case({"cipher_suites": [3]}, dcmi(436, every_tick=True)),
    "silence to suite 17": Case(quirky("suite-ignored", cipher_suites=[3]), dcmi(436, TIMEOUT)),
    "a code of zeros": Case(quirky("zero-code-17"), dcmi(436, every_tick=True)),
    "a wrong code with 17": Case(quirky("wrong-code-17"), dcmi(436, every_tick=True)),
    "errors with tag 0": Case(quirky("error-tag-0"), hole(REFUSED, says="0x0D"), {"user": "nobody"}),
    "silence to RAKP 1": Case(quirky("rakp1-ignored"), hole(TIMEOUT, says="RAKP message 1")),
    "silence to RAKP 3": Case(quirky("rakp3-ignored"), hole(TIMEOUT, says="RAKP message 3")),
    "silence to everything": Case({"fault": "silent"}, hole(TIMEOUT)),
    **{
        f"privilege busy with {code:02X}": Case(quirky("privilege-busy", busy_code=code), dcmi(436, BUSY))
        for code in (0xC0, 0xC3, 0xCE, 0xD1, 0xD2, 0xFF)
    },
    "a group key": Case({"kg": "a-key"}, dcmi(436, every_tick=True), {"kg": Secret("a-key")}),
    "a group key in digits": Case({"kg": "0x00ff10"}, dcmi(436, every_tick=True), {"kg": Secret("0x00ff10")}),
    "a group key that is missing": Case({"kg": "a-key"}, hole(REFUSED, says="Kg")),
    "a group key that is another": Case({"kg": "a-key"}, hole(REFUSED, says="Kg"), {"kg": Secret("b-key")}),
    # what comes seldom
    "a jump": Case(
        quirky("jump", every=3), Expected([(40_000, Doubt.JUMP, Source.DCMI), (436, Doubt.NONE, Source.DCMI)])
    ),
    "no slot": Case({"fault": "no-slots"}, hole(Reason.NO_SESSION_SLOT, says="0x01")),
    "sessions end after 30 s": Case(quirky("closes-idle-30"), dcmi(436, every_tick=True)),
    "requests that mix": Case(quirky("mixes-requests", latency_s=0.02, sdr=SYSTEM), dcmi(436, every_tick=True)),
    "negative watts": Case(quirky("negative"), hole(IMPLAUSIBLE)),
}

# Written from the list of quirks alone, before the reader's code was looked at.
SDR_ALONE = {"fault": "no-dcmi"}
VARIANTS: dict[str, Case] = {
    "two inputs and their outputs, one instance": Case(
        {
            **SDR_ALONE,
            "sdr": [
                {"name": name, "entity": 10, "instance": 1, "watts": power_w}
                for name, power_w in (("PSU1_POUT", 180), ("PSU1_PIN", 200), ("PSU2_POUT", 140), ("PSU2_PIN", 160))
            ],
        },
        sdr(360, BUSY),
    ),
    "supplies that a vendor files under boards": Case(
        {
            **SDR_ALONE,
            "sdr": [
                {"name": f"PS{number} Power In", "entity": 0x13, "instance": 1, "watts": 100 * number}
                for number in (1, 2)
            ],
        },
        sdr(300, BUSY),
    ),
    "parts before the system": Case(
        {
            **SDR_ALONE,
            "sdr": [named("CPU Power", 90), named("MEM Power", 40), named("FAN Power", 12), named("Sys Power", 332)],
        },
        sdr(332, BUSY),
    ),
    "the greater of two totals": Case(
        {**SDR_ALONE, "sdr": [named("System Power", 450), named("Total Power", 500)]}, sdr(500, BUSY)
    ),
    "limits and caps that are no power": Case(
        {
            **SDR_ALONE,
            "sdr": [
                named("Power Limit", 800),
                named("PWR Cap", 700),
                named("Max Power", 900),
                named("Rated Power", 750),
                named("Pwr Consumption", 332),
            ],
        },
        sdr(332, BUSY),
    ),
    "only parts, and nothing that is the machine": Case(
        {**SDR_ALONE, "sdr": [named("CPU1 Power", 90, entity=3), named("GPU Power", 240, entity=11)]},
        hole(BUSY, Reason.NOT_SUPPORTED),
    ),
    "a sensor of the Management Engine's before the BMC's own": Case(
        {**SDR_ALONE, "sdr": [named("Total Power", 700, owner=0x2C, number=9), named("Total Power", 332, number=9)]},
        sdr(332, BUSY),
    ),
    "a supply that reads below nothing": Case(
        {**SDR_ALONE, "sdr": [supply(1, 200), supply(2, -40, format="twos")]}, sdr(200, BUSY, doubt=Doubt.PARTIAL)
    ),
    "every supply without a reading": Case(
        {**SDR_ALONE, "sdr": [supply(1, 200, state=0xE0), supply(2, 160, state=0xE0)]}, hole(BUSY, IDLE)
    ),
    "a sensor that is not linear": Case(
        {**SDR_ALONE, "sdr": [named("System Level", 332, linearization=7)]}, hole(BUSY, Reason.NOT_SUPPORTED)
    ),
    "an S822LC": Case(
        {**SDR_ALONE, "sdr": [{"name": "System Power", "entity": 0xD7, "instance": 0, "watts": 332, "step_w": 4}]},
        sdr(332, BUSY),
    ),
    "records of the device at a unit that is not 0": Case(
        {**SDR_ALONE, "sdr": [named("POWER_USAGE", 332, lun=1)], "sdr_quirks": {"device": True}}, sdr(332, BUSY)
    ),
    "records in a ring, in small pieces, with lost reservations": Case(
        {
            **SDR_ALONE,
            "sdr": [named("Fan", 10, unit=18), named("PSU1_PIN", 332)],
            "sdr_quirks": {"loops": True, "largest_chunk": 16, "lost_reservations": 2},
        },
        sdr(332, BUSY),
    ),
    "names in six bits": Case({**SDR_ALONE, "sdr": [named("SYS POWER", 332, coding="packed")]}, sdr(332, BUSY)),
    "sensors that the settings name": Case(
        {"sdr": [named("PSU1_PIN", 200), named("PSU2_PIN", 160), named("Total Power", 999)]},
        sdr(360, every_tick=True),
        {"power_sensors": ("PSU1_PIN", "PSU2_PIN")},
    ),
    "0 W by sensors while it is on": Case({**SDR_ALONE, "sdr": [named("System Level", 0)]}, hole(BUSY, IMPLAUSIBLE)),
    "0 W by sensors while it is off": Case(
        quirky("chassis-off", **SDR_ALONE, sdr=[named("System Level", 0)]), sdr(0, BUSY)
    ),
    "an old BMC behind a group key": Case(
        quirky("error-tag-0", "user-refused", "privilege-busy", cipher_suites=[3], kg="k", busy_code=0xD2),
        dcmi(436, BUSY),
        {"kg": Secret("k")},
    ),
    "17 defective, user refused, one number for all packets": Case(
        quirky("zero-code-17", "user-refused", "sequence-one", "doubled"), dcmi(436, every_tick=True)
    ),
    "silence to 17, C1 to users, sessions that end early": Case(
        quirky("suite-ignored", "dcmi-c1-to-user", "closes-idle-30", cipher_suites=[3]), dcmi(436, BUSY, TIMEOUT)
    ),
    "inactive, of 1970, without statistics, reordered": Case(
        quirky("clock-1970", "statistics-zero", "period-1s", "reordered", fault="inactive-value"),
        dcmi(436, doubt=Doubt.INACTIVE, every_tick=True),
    ),
    "a jump amid strangers' packets": Case(
        quirky("jump", "unauthenticated-15", "previous-first", "sequence-wraps", every=3),
        Expected([(40_000, Doubt.JUMP, Source.DCMI), (436, Doubt.NONE, Source.DCMI)]),
    ),
    "C1 to users, and nobody may be more": Case(
        quirky("dcmi-c1-to-user", privilege_limit="user", sdr=SYSTEM), sdr(332, BUSY)
    ),
    "D4 to users, and nobody may be more": Case(
        {"required_privilege": "administrator", "privilege_limit": "user", "sdr": SYSTEM}, sdr(332)
    ),
    "a fifth of all packets is lost": Case(
        quirky("stray-c1", loss=0.2, every=5, sdr=SYSTEM), dcmi(436, BUSY, TIMEOUT, ends_read=False)
    ),
    "silent to DCMI, with half of its supplies": Case(
        {"fault": "dcmi-ignored", "sdr": [supply(1, 200), supply(2, 160, code=0xCB)]},
        sdr(200, TIMEOUT, doubt=Doubt.PARTIAL),
    ),
}


@pytest.mark.parametrize("case", [*QUIRKS.values(), *VARIANTS.values()], ids=[*QUIRKS, *VARIANTS])
def test_an_awkward_bmc_is_read_right_or_honestly_not(simulate: Simulate, clock: SteppedClock, case: Case) -> None:
    simulator = simulate(node01=case.bmc)
    before_ms = time.time_ns() // 1_000_000
    course = polled([way_in(simulator, **case.login)], clock)
    case.expected.holds(course)
    assert all(before_ms <= at_ms <= time.time_ns() // 1_000_000 for at_ms in course.at_ms)


# -- what takes more than one BMC, or more than one look ---------------------------

ORDER = (
    "sequence-zero",
    "sequence-one",
    "sequence-falls-back",
    "sequence-huge",
    "sequence-wraps",
    "doubled",
    "reordered",
    "previous-first",
    "unauthenticated-15",
)


@pytest.mark.parametrize("quirk", ORDER)
def test_each_reading_of_a_bmc_that_numbers_packets_oddly_is_told_once(
    simulate: Simulate, clock: SteppedClock, tmp_path: Path, quirk: str
) -> None:
    simulator = simulate(node01=quirky(quirk, slots=1, **counting(tmp_path, 60)))
    course = polled([way_in(simulator)], clock, ticks=40)
    assert [each.power_w for each in course.readings()] == list(range(400, 440))
    assert not course.holes()


def test_a_change_of_source_is_an_event_and_dcmi_that_has_worked_is_not_left_for_sensors(
    simulate: Simulate, clock: SteppedClock
) -> None:
    simulator = simulate(node01=quirky("c1-while-booting", booting_answers=5, sdr=SYSTEM))

    def reboots(_name: str, count: int) -> None:
        if count == 10:
            simulator.set_fault("node01", "reboot")

    course = polled([way_in(simulator)], clock, ticks=30, at_answer=reboots)
    sources = [each.source for each in course.readings()]
    assert sources == sorted(sources, key=[Source.SDR, Source.DCMI].index)
    assert {Source.SDR, Source.DCMI} == set(sources)
    assert len(course.events(EventKind.SOURCE)) == 1
    assert {each.reason for each in course.holes()} <= {Reason.BUSY, Reason.TIMEOUT}
    assert isinstance(course.of()[-1], Reading)


def test_a_supply_that_is_pulled_costs_no_new_walk_through_the_records(
    simulate: Simulate, clock: SteppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    walked = [0]
    sound = SensorCommands.read_record

    def read_record(self: SensorCommands, request: Any) -> Any:
        walked[0] += 1
        return sound(self, request)

    monkeypatch.setattr(SensorCommands, "read_record", read_record)
    simulator = simulate(node01={"fault": "no-dcmi", "sdr": [supply(1, 200), supply(2, 160, state=0xE0)]})
    seen: list[int] = []
    polled([way_in(simulator)], clock, at_answer=lambda _name, _count: seen.append(walked[0]))
    assert seen[-1] == seen[1] > 0


def test_two_names_of_one_bmc_are_not_counted_twice(simulate: Simulate, clock: SteppedClock) -> None:
    simulator = simulate(node01={})
    one = way_in(simulator)
    other = replace(one, name="node02")
    course = polled([one, other], clock, ticks=4)
    assert {len(course.readings("node01")), len(course.readings("node02"))} == {0, 4}
    assert all("list it once" in each.detail for name in ("node01", "node02") for each in course.holes(name))


def test_a_bmc_without_a_slot_is_left_alone_for_a_minute(simulate: Simulate, clock: SteppedClock) -> None:
    simulator = simulate(node01={"fault": "no-slots"})
    course = polled([way_in(simulator)], clock, ticks=8)
    assert len(course.holes()) <= 8 * INTERVAL_S / 60 + 1


def test_slots_are_given_back_at_the_end(simulate: Simulate, clock: SteppedClock) -> None:
    simulator = simulate(node01={"slots": 1})
    for _ in range(3):
        assert len(polled([way_in(simulator)], clock, ticks=2).readings()) == 2


def test_a_bmc_that_reboots_in_mid_session_comes_back_and_no_other_notices(
    simulate: Simulate, clock: SteppedClock
) -> None:
    simulator = simulate(node01={}, node02={})

    def reboots(name: str, count: int) -> None:
        if name == "node01" and count == 3:
            simulator.set_fault("node01", "reboot")

    course = polled([way_in(simulator), way_in(simulator, "node02")], clock, ticks=10, at_answer=reboots)
    assert [each.reason for each in course.holes()] == [Reason.TIMEOUT]
    assert isinstance(course.of()[-1], Reading)
    assert len(course.readings("node02")) == 10


def test_a_bmc_that_is_slower_than_its_interval_skips_ticks_and_counts_them(simulate: Simulate) -> None:
    simulator = simulate(node01={"latency_s": 0.25})
    course = polled([way_in(simulator, timeout_s=1.0)], None, ticks=12, interval_s=0.1)
    assert course.skipped >= 4
    assert course.readings()
    assert len(simulator.served) <= 12 - course.skipped + 1


def test_an_answer_that_is_late_counts(simulate: Simulate) -> None:
    simulator = simulate(node01={"delay_s": 0.6})

    def slows(_name: str, count: int) -> None:
        if count == 1:
            simulator.set_fault("node01", "slow")

    course = polled([way_in(simulator, timeout_s=0.3)], None, ticks=4, interval_s=1.2, at_answer=slows)
    assert [each.power_w for each in course.readings()].count(436) >= 3
    assert all(each.reason is Reason.TIMEOUT for each in course.holes())


def test_a_bmc_that_says_ff_when_asked_too_often_is_asked_less_often(simulate: Simulate) -> None:
    simulator = simulate(node01={"dcmi_code": 0xFF, "dcmi_code_within_s": 1.5, "sdr": SYSTEM})
    course = polled([way_in(simulator)], None, ticks=40, interval_s=0.2)
    assert len(course.readings()) >= 2
    assert {each.power_w for each in course.readings()} == {436}
    assert {each.reason for each in course.holes()} == {Reason.BUSY}
    assert len(course.holes()) < 20


def test_a_name_without_an_address_is_a_hole_with_its_reason(simulate: Simulate, clock: SteppedClock) -> None:
    simulator = simulate(node01={}, node02={})
    course = polled([way_in(simulator, host="bmc.invalid"), way_in(simulator, "node02")], clock, ticks=4)
    assert {each.reason for each in course.holes()} == {Reason.UNRESOLVABLE}
    assert len(course.readings("node02")) == 4


# -- strangers ---------------------------------------------------------------------


def ipmi_dcmi_watts(simulator: Simulator, suite: int) -> dict[str, int]:
    """What FreeIPMI's ipmi-dcmi says of a BMC's power."""
    host, port = simulator.addresses["node01"]
    config = f"username {USER}\npassword {PASSWORD}\ndriver-type LAN_2_0\ncipher-suite-id {suite}\n"
    done = subprocess.run(
        ["/usr/sbin/ipmi-dcmi", "--config-file=/dev/stdin", "-h", f"{host}:{port}", "--get-system-power-statistics"],
        input=config, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = (line.partition(":") for line in done.stdout.splitlines())
    return {name.strip(): int(rest.split()[0]) for name, _, rest in lines if rest.strip().lower().endswith("watts")}


@pytest.mark.parametrize("suite", [3, 17])
@pytest.mark.parametrize("watts", [1, 436, 65_000])
def test_both_readers_and_freeipmi_and_the_simulator_agree(simulate: Simulate, suite: int, watts: int) -> None:
    simulator = simulate(node01={"power": {"kind": "constant", "watts": watts}, "cipher_suites": [suite]})
    told = []
    for reader in (LanReader(), ToolReader()):
        try:
            told += read(reader, way_in(simulator, timeout_s=2.5, cipher_suite=suite), again=True)
        finally:
            reader.close()
    assert all(isinstance(answer, Reading) for answer in told), told
    stranger = ipmi_dcmi_watts(simulator, suite)
    assert stranger["Current Power"] == watts
    assert [answer.power_w for answer in told if isinstance(answer, Reading)] == [watts, watts]
    assert {power_w for _, _, power_w in simulator.served} == {watts}
    for answer in told:
        assert isinstance(answer, Reading)
        assert answer.statistics is not None
        assert answer.statistics.max_w == stranger["Maximum Power over sampling duration"] == watts
