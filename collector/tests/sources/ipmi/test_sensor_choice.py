"""Which watt sensors are the machine's power: layouts of BMCs of many makes, and what must come of each.

A layout is a list of sensors as its BMC tells them. The outcome is watts, with or without a doubt, or that nothing is
sure; never watts that are not the machine's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sources.ipmi.conversations import hold

from powergraph_collector.simulator.config import SdrQuirks, Sensor
from powergraph_collector.simulator.sensor_commands import SensorCommands
from powergraph_collector.sources.ipmi.sdr import Analog, SensorError, WattSensor
from powergraph_collector.sources.ipmi.sensor_choice import Choice, choose
from powergraph_collector.sources.ipmi.sensors import SensorsUnavailable, find_watt_sensors, read_sum

NOT_SURE = "nothing is sure"
BOARD, SUPPLY, PROCESSOR, UNIT, DISTRIBUTION, CHASSIS, MEMORY, FAN = 0x07, 0x0A, 0x03, 0x13, 0x15, 0x17, 0x20, 0x1D
CARD, OEM = 0x0B, 0xD7


def at(entity: int, name: str, watts: int, instance: int = 1, **more: Any) -> Sensor:
    return Sensor(name=name, entity=entity, instance=instance, watts=watts, step_w=more.pop("step_w", 4), **more)


@dataclass(frozen=True)
class Layout:
    sensors: Sequence[Sensor]
    outcome: int | str
    missing: tuple[str, ...] = ()
    is_average: bool = False
    names: tuple[str, ...] = ()
    quirks: dict[str, Any] = field(default_factory=dict)
    is_on: bool = True


def of(*sensors: Sensor, **more: Any) -> Layout:
    outcome = more.pop("outcome")
    return Layout(sensors, outcome, **more)


LAYOUTS = {
    # A word in the name is worth more than the entity and the number
    "Dell: consumption beside a limit of lower number": of(
        at(BOARD, "Pwr Limit", 800), at(BOARD, "Pwr Consumption", 220), outcome=220
    ),
    "HPE: Power Meter beside supplies": of(
        at(BOARD, "Power Meter", 340),
        at(SUPPLY, "Power Supply 1", 180),
        at(SUPPLY, "Power Supply 2", 170, 2),
        outcome=340,
    ),
    "parts of the board filed under the board": of(
        at(BOARD, "CPU1 Power", 80), at(BOARD, "MEM Power", 24), at(BOARD, "Sys Power", 300), outcome=300
    ),
    "fans and disks under the chassis": of(
        at(CHASSIS, "FAN Power", 20), at(CHASSIS, "HDD Power", 40), at(CHASSIS, "Total_Power", 352), outcome=352
    ),
    "cards under the power unit": of(at(UNIT, "GPU3 Power", 240), at(UNIT, "SysPower", 720), outcome=720),
    "a cap, a rating and a budget before the reading": of(
        at(BOARD, "Power Cap", 500),
        at(BOARD, "PSU Rated Power", 1000),
        at(BOARD, "Max Power", 600),
        at(BOARD, "Power Budget", 900),
        at(BOARD, "Power Avail", 900),
        at(BOARD, "POWER_USAGE", 260),
        outcome=260,
    ),
    "limits alone": of(at(BOARD, "Pwr Limit", 800), at(BOARD, "Peak Power", 640), outcome=NOT_SURE),
    "parts alone": of(at(PROCESSOR, "CPU Power", 80), at(MEMORY, "MEM Power", 20), outcome=NOT_SURE),
    "Cisco: usage beside inputs and outputs": of(
        at(SUPPLY, "PSU1_POUT", 200),
        at(SUPPLY, "PSU1_PIN", 220),
        at(SUPPLY, "PSU2_PIN", 180, 2),
        at(BOARD, "POWER_USAGE", 400),
        outcome=400,
    ),
    "IBM: System Level": of(at(BOARD, "System Level", 105, step_w=1), outcome=105),
    "Huawei: bare names, entities that are the device's own": of(
        at(SUPPLY, "Power1", 88, 0x60), at(SUPPLY, "Power2", 76, 0x61), at(BOARD, "Power", 168, 0x60), outcome=168
    ),
    "Fujitsu: the total beats the system, its output beats neither": of(
        at(UNIT, "Total Power Out", 128),
        at(UNIT, "System Power", 92),
        at(UNIT, "Total Power", 140),
        at(UNIT, "Chassis Power", 40),
        outcome=140,
    ),
    "a total that is less than the system is of something else": of(
        at(BOARD, "Total Power", 100), at(BOARD, "System Power", 300), outcome=300
    ),
    "POWER8: watts at an entity of the vendor's": of(
        at(OEM, "Mem Proc0 Pwr", 40, 0),
        at(OEM, "Fan Power", 24, 0),
        at(OEM, "GPU Power", 80, 0),
        at(OEM, "System Power", 436, 0),
        outcome=436,
    ),
    "a system sensor under processors": of(at(PROCESSOR, "System Power", 300), outcome=300),
    "a bare name under processors is theirs": of(at(PROCESSOR, "Input Power", 80), outcome=NOT_SURE),
    # Supplies
    "inputs before outputs, outputs numbered lower": of(
        at(SUPPLY, "PS1 Power Out", 180),
        at(SUPPLY, "PS2 Power Out", 140, 2),
        at(SUPPLY, "PS1 Power In", 200),
        at(SUPPLY, "PS2 Power In", 160, 2),
        outcome=360,
    ),
    "outputs alone": of(at(SUPPLY, "PS1 Pout", 180), at(SUPPLY, "PS2 Pout", 140, 2), outcome=320),
    "a switch: both supplies at 10.1": of(
        at(SUPPLY, "PSU1_PIN", 120), at(SUPPLY, "PSU2_PIN", 100), at(SUPPLY, "PSU1_POUT", 108), outcome=220
    ),
    "supplies under the power unit": of(
        at(UNIT, "PS1 Input Power", 200), at(UNIT, "PS2 Input Power", 160, 2), outcome=360
    ),
    "supplies under the power unit, both at 19.1, without a word for supply": of(
        at(UNIT, "Power In 1", 200), at(UNIT, "Power In 2", 200), outcome=400
    ),
    "an instance for each sensor": of(
        at(SUPPLY, "PSU1 Power Out", 180, 1),
        at(SUPPLY, "PSU1 Power In", 200, 2),
        at(SUPPLY, "PSU2 Power Out", 140, 3),
        at(SUPPLY, "PSU2 Power In", 160, 4),
        outcome=360,
    ),
    "lettered supplies": of(at(SUPPLY, "PSU A Input", 200), at(SUPPLY, "PSU B Input", 160), outcome=360),
    "one name for all supplies, told apart by instance": of(
        at(SUPPLY, "Power In", 200, 1), at(SUPPLY, "Power In", 160, 2), outcome=360
    ),
    "one name and one instance for all supplies": of(
        at(SUPPLY, "Power In", 200), at(SUPPLY, "Power In", 160), outcome=NOT_SURE
    ),
    "rails, fans and ratings of supplies": of(
        at(SUPPLY, "PS1 12V Power", 180),
        at(SUPPLY, "PS1 Fan Power", 8),
        at(SUPPLY, "PS1 Rated Power", 800),
        at(SUPPLY, "PS1 Input Power", 200),
        outcome=200,
    ),
    "a total of supplies beside each of them": of(
        at(SUPPLY, "PSU1 Power In", 200),
        at(SUPPLY, "PSU2 Power In", 160, 2),
        at(SUPPLY, "PSU Total Power", 360),
        outcome=360,
    ),
    "a sum without a number beside numbered supplies": of(
        at(SUPPLY, "PSU Power In", 360),
        at(SUPPLY, "PSU1 Power In", 200),
        at(SUPPLY, "PSU2 Power In", 160),
        outcome=360,
    ),
    "a sum at the instance of the first of numbered supplies": of(
        at(SUPPLY, "PSU Power In", 360),
        at(SUPPLY, "PSU1 Power In", 200),
        at(SUPPLY, "PSU2 Power In", 160, 2),
        outcome=360,
    ),
    "a supply in standby": of(at(SUPPLY, "PS1 Pin", 320), at(SUPPLY, "PS2 Pin", 0, 2), outcome=320),
    "a supply that is pulled": of(
        at(SUPPLY, "PS1 Pin", 320), at(SUPPLY, "PS2 Pin", 0, 2, state=0xE0), outcome=320, missing=("PS2 Pin",)
    ),
    "a supply that is not scanned": of(
        at(SUPPLY, "PS1 Pin", 320), at(SUPPLY, "PS2 Pin", 40, 2, state=0x80), outcome=320, missing=("PS2 Pin",)
    ),
    "a supply that is refused": of(
        at(SUPPLY, "PS1 Pin", 320), at(SUPPLY, "PS2 Pin", 40, 2, code=0xCB), outcome=320, missing=("PS2 Pin",)
    ),
    "a supply below nothing": of(
        at(SUPPLY, "PS1 Pin", 100, format="twos"),
        at(SUPPLY, "PS2 Pin", -8, 2, format="twos"),
        outcome=100,
        missing=("PS2 Pin",),
    ),
    "an input that is only listed": of(
        at(SUPPLY, "PS1 Power In", 0, state=0xE0), at(SUPPLY, "PS1 Power Out", 180), outcome=180
    ),
    "a supply whose sensor is not linear": of(
        at(SUPPLY, "PS1 Pin", 320), at(SUPPLY, "PS2 Pin", 40, 2, linearization=7), outcome=320, missing=("PS2 Pin",)
    ),
    "supplies that are all pulled": of(
        at(SUPPLY, "PS1 Pin", 320, state=0xE0), at(SUPPLY, "PS2 Pin", 40, 2, code=0xCB), outcome="no reading now"
    ),
    "a supply that is unpowered, whose output says 0": of(
        at(SUPPLY, "PS1 Power In", 320),
        at(SUPPLY, "PS1 Power Out", 300),
        at(SUPPLY, "PS2 Power In", 0, 2, state=0xE0),
        at(SUPPLY, "PS2 Power Out", 0, 2),
        outcome=320,
        missing=("PS2 Power In",),
    ),
    "a supply with two inlets": of(
        at(SUPPLY, "PSU1 Pin A", 100), at(SUPPLY, "PSU1 Pin B", 100), at(SUPPLY, "PSU1 Pout", 180), outcome=NOT_SURE
    ),
    "a supply with two numbered inlets": of(
        at(SUPPLY, "PSU1 Pin 1", 100), at(SUPPLY, "PSU1 Pin 2", 100), at(SUPPLY, "PSU1 Pout", 180), outcome=NOT_SURE
    ),
    "two inputs of one supply that disagree": of(
        at(SUPPLY, "PSU1 Pin", 100), at(SUPPLY, "PSU1 AC Power", 200), outcome=NOT_SURE
    ),
    "two inputs of one supply that agree": of(
        at(SUPPLY, "PSU1 Pin", 200), at(SUPPLY, "PSU1 AC Power", 204), outcome=200
    ),
    "a prefix that says that it is power": of(
        at(SUPPLY, "P_PSU1_PIN", 200), at(SUPPLY, "P_PSU2_PIN", 160, 2), outcome=360
    ),
    "consumption by supply": of(at(SUPPLY, "Consumption 1", 200), at(SUPPLY, "Consumption 2", 160, 2), outcome=360),
    # Several machines
    "a twin: its own power and the supplies of both": of(
        at(SUPPLY, "PSU1 Input Power", 600),
        at(SUPPLY, "PSU2 Input Power", 600, 2),
        at(BOARD, "System Power", 300),
        outcome=300,
    ),
    "a blade: its own power and the chassis's": of(
        at(CHASSIS, "Chassis Power", 900, step_w=8), at(BOARD, "Blade Power", 300), outcome=300
    ),
    "a blade that rests in a chassis that works": of(
        at(SUPPLY, "PSU1 Input Power", 600), at(BOARD, "Node Power", 0, state=0xE0), outcome="no reading now"
    ),
    "a twin that is off": of(at(SUPPLY, "PSU1 Input Power", 600), at(BOARD, "System Power", 0), outcome=0, is_on=False),
    "two nodes told by one BMC": of(at(BOARD, "Node1 Power", 300), at(BOARD, "Node2 Power", 300, 2), outcome=NOT_SURE),
    "two that share a load at the board": of(
        at(BOARD, "Input Power 1", 200), at(BOARD, "Input Power 2", 200, 2), outcome=NOT_SURE
    ),
    "one of several inputs beside a meter": of(at(BOARD, "Pin1", 200), at(BOARD, "POWER_USAGE", 400), outcome=400),
    "one of several inputs alone": of(at(BOARD, "Pin1", 200), outcome=NOT_SURE),
    "a numbered input of the system beside the system": of(
        at(BOARD, "Sys Input 1", 200), at(BOARD, "Sys Power", 400), outcome=400
    ),
    "two meters that agree": of(at(BOARD, "Power Meter", 300), at(BOARD, "Power Usage", 304), outcome=300),
    "two meters that do not": of(at(BOARD, "Power Meter", 300), at(BOARD, "Power Usage", 400), outcome=NOT_SURE),
    # Readings
    "a total that is only listed": of(at(BOARD, "Total Power", 0, state=0xE0), at(SUPPLY, "PS1 Pin", 300), outcome=300),
    "a system sensor that says 0 while the machine is on": of(
        at(BOARD, "System Power", 0), at(SUPPLY, "PS1 Pin", 300), outcome=300
    ),
    "a server sensor that says 0 while the machine is on": of(
        at(BOARD, "Server Power", 0), at(SUPPLY, "PS1 Pin", 300), outcome=300
    ),
    "a sensor that tells what no machine draws": of(
        at(BOARD, "System Power", 65_000, b=500, b_exp=3), at(SUPPLY, "PS1 Pin", 300), outcome=300
    ),
    "the average, where there is nothing else": of(at(DISTRIBUTION, "Avg Power", 140), outcome=140, is_average=True),
    "the average beside the power of the moment": of(
        at(UNIT, "Avg Power", 140), at(UNIT, "Sys Power", 200), outcome=200
    ),
    "an irrelevant sensor that is always refused": of(
        at(CARD, "GPU3 Power", 0, code=0xFF), at(BOARD, "Sys Power", 200), outcome=200
    ),
    # Records
    "the Management Engine's sensor of the same number": of(
        at(BOARD, "Total Power", 96, owner=0x2C, number=5), at(BOARD, "Sys Power", 300, number=5), outcome=300
    ),
    "only the Management Engine's": of(at(BOARD, "Total Power", 96, owner=0x2C), outcome=NOT_SURE),
    "no numbers, not linear, compact, watts by the hour": of(
        at(BOARD, "Total Power", 96, format="none"),
        at(BOARD, "System Power", 96, linearization=0x70),
        at(BOARD, "Sys Power", 96, record="compact"),
        at(BOARD, "Power Usage", 96, modifier=0x18),
        at(SUPPLY, "PS1 Pin", 300),
        outcome=300,
    ),
    "offsets, tenths and complements": of(
        at(SUPPLY, "PS1 Pin", 420, step_w=16, b=100, b_exp=1, r_exp=-1),
        at(SUPPLY, "PS2 Pin", 100, 2, step_w=2, format="ones"),
        at(SUPPLY, "PS3 Pin", 300, 3, step_w=2, b=400, format="ones"),
        outcome=820,
    ),
    "names of six bits a letter": of(
        at(BOARD, "CPU POWER", 80), at(BOARD, "TOTAL POWER", 300, coding="packed"), outcome=300
    ),
    "a supply that is named by a number": of(
        at(SUPPLY, "1", 200, coding="bcd"), at(SUPPLY, "2", 160, 2, coding="bcd"), outcome=360
    ),
    "logical units": of(
        at(SUPPLY, "PS1 Pin", 200, number=9, lun=1), at(SUPPLY, "PS2 Pin", 160, 2, number=9, lun=3), outcome=360
    ),
    "records of the device alone": of(
        at(SUPPLY, "PS1 Pin", 200), at(SUPPLY, "PS2 Pin", 160, 2, lun=1), outcome=360, quirks={"device": True}
    ),
    "a repository that goes round": of(at(BOARD, "Sys Power", 300), outcome=300, quirks={"loops": True}),
    "records longer than they are": of(
        at(BOARD, "Sys Power", 300, record_excess=20), at(BOARD, "CPU Power", 80, record_excess=5), outcome=300
    ),
    "a record whose name is cut": of(at(BOARD, "System Power now", 300, record_excess=-4), outcome=300),
    "two bytes at a time": of(at(BOARD, "Sys Power", 300), outcome=300, quirks={"largest_chunk": 2}),
    "reservations that never hold": of(at(BOARD, "Sys Power", 300), outcome=300, quirks={"lost_reservations": 99}),
    "no watt sensor": of(at(BOARD, "Inlet Temp", 24, unit=1), outcome=NOT_SURE),
    "nothing": of(outcome=NOT_SURE),
    "nothing, and no word about the device": of(outcome=NOT_SURE, quirks={"silent_device": True}),
    # What PowerGraph does not know, and who does
    "words that say nothing to it": of(at(BOARD, "Frobnicate Pwr", 300), outcome=NOT_SURE),
    "the board's power, which is not the machine's": of(at(BOARD, "MB Power", 200), outcome=NOT_SURE),
    "named sensors": of(
        at(SUPPLY, "PSU1_PIN", 200),
        at(SUPPLY, "PSU2_PIN", 160, 2),
        at(BOARD, "Total Power", 900, step_w=8),
        names=("PSU2_PIN", "psu1_pin"),
        outcome=360,
    ),
    "a named sensor that no rule would take": of(at(BOARD, "MB Power", 200), names=("MB Power",), outcome=200),
    "a name that two sensors bear": of(
        at(SUPPLY, "Power In", 200), at(SUPPLY, "Power In", 160), names=("Power In",), outcome=360
    ),
}


def answered(layout: Layout) -> SensorCommands:
    return SensorCommands(tuple(layout.sensors), SdrQuirks(**layout.quirks))


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_sensors_of_a_layout_give_the_power_of_its_machine_or_none(name: str) -> None:
    layout = LAYOUTS[name]
    bmc = answered(layout)
    choice = hold(find_watt_sensors(layout.names), bmc, is_on=layout.is_on)
    assert isinstance(choice, Choice)
    if layout.outcome == NOT_SURE:
        assert choice.chosen == ()
        assert choice.why_none
        return
    assert choice.is_average is layout.is_average
    if layout.outcome == "no reading now":
        with pytest.raises(SensorsUnavailable):
            hold(read_sum(choice.chosen), bmc)
    else:
        assert hold(read_sum(choice.chosen), bmc) == (layout.outcome, layout.missing)


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_watt_sensor_is_told_with_a_clause_that_says_why(name: str) -> None:
    layout = LAYOUTS[name]
    choice = hold(find_watt_sensors(layout.names), answered(layout), is_on=layout.is_on)
    assert tuple(each.sensor for each in choice.considered if each.is_chosen) == tuple(
        each.sensor for each in choice.considered if each.sensor in choice.chosen
    )
    for each in choice.considered:
        assert (each.why and each.why[0].islower()) or each.why.startswith("PowerGraph"), each


@pytest.mark.parametrize("name", [name for name, layout in LAYOUTS.items() if not layout.names])
def test_the_order_of_the_records_makes_no_difference(name: str) -> None:
    layout = LAYOUTS[name]
    if layout.quirks.get("device"):
        return  # there, the number of a sensor hangs on its place
    bmc = SensorCommands(tuple(reversed(layout.sensors)), SdrQuirks(**layout.quirks))
    choice = hold(find_watt_sensors(), bmc, is_on=layout.is_on)
    if isinstance(layout.outcome, int):
        assert hold(read_sum(choice.chosen), bmc).power_w in range(layout.outcome, layout.outcome + 5)
    elif layout.outcome == NOT_SURE:
        assert choice.chosen == ()


def test_a_name_that_is_not_there_is_named_with_what_there_is() -> None:
    bmc = SensorCommands((at(SUPPLY, "PSU1_PIN", 200), at(SUPPLY, "PSU2_PIN", 160, 2)), SdrQuirks())
    with pytest.raises(SensorError, match=r"PSU3_PIN.*PSU1_PIN, PSU2_PIN"):
        hold(find_watt_sensors(("PSU1_PIN", "PSU3_PIN")), bmc)


def test_a_named_sensor_that_cannot_be_read_says_why() -> None:
    bmc = SensorCommands((at(BOARD, "Total Power", 200, owner=0x2C),), SdrQuirks())
    with pytest.raises(SensorError, match=r"Total Power.*0x2C"):
        hold(find_watt_sensors(("Total Power",)), bmc)


WORDS = "PSU1 PSU2 PS 1 2 A Total System Sys Node Power Pin Out In Avg CPU Max Chassis Meter Foo"
names = st.from_regex(r"[ -~]{0,16}", fullmatch=True) | st.lists(st.sampled_from(WORDS.split(" ")), max_size=4).map(
    " ".join
)
watt_sensors = st.builds(
    WattSensor,
    number=st.integers(0, 0xFF),
    lun=st.integers(0, 3),
    name=names,
    entity=st.sampled_from((3, 7, 10, 19, 23, 0xD7)) | st.integers(0, 0xFF),
    instance=st.integers(0, 3),
    analog=st.sampled_from(Analog),
    flaw=st.sampled_from(("", "", "", "it is flawed")),
)
readings = st.none() | st.floats(-1e6, 1e6) | st.sampled_from((0.0, 100.0, 104.0, 400.0))


@given(st.lists(watt_sensors, max_size=8, unique=True), st.data(), st.booleans())
def test_any_sensors_give_a_choice_that_adds_nothing_twice(
    sensors: list[WattSensor], data: st.DataObject, is_on: bool
) -> None:
    told = {sensor: data.draw(readings) for sensor in sensors}
    choice = choose(sensors, told, is_on=is_on)
    assert len(set(choice.chosen)) == len(choice.chosen)
    assert set(choice.chosen) <= set(sensors)
    assert [each.sensor for each in choice.considered] == sensors
    assert all(each.why for each in choice.considered)
    assert not choice.chosen or any(not sensor.flaw for sensor in choice.chosen)
