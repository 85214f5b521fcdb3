"""The sum of watt sensors: what is missing from it, and what is no sum at all."""

from __future__ import annotations

import pytest
from tests.sources.ipmi.conversations import hold_with

from powergraph_collector.model import Doubt, Reason, Source
from powergraph_collector.sources.contract import NoReading, Reading
from powergraph_collector.sources.ipmi.dcmi import CompletionCode
from powergraph_collector.sources.ipmi.message import Request, Response
from powergraph_collector.sources.ipmi.reading import Knowledge, read_power
from powergraph_collector.sources.ipmi.sdr import Analog, SensorError, WattSensor
from powergraph_collector.sources.ipmi.sdr_walk import Conversation
from powergraph_collector.sources.ipmi.sensor_choice import Choice
from powergraph_collector.sources.ipmi.sensors import ImplausiblePower, SensorsUnavailable, Sum, read_sum

ONE = WattSensor(1, 0, "PS1 Pin", 10, 1, m=2)
TWO = WattSensor(2, 1, "PS2 Pin", 10, 2, m=2)
READ_ONE, READ_TWO = Request(0x04, 0x2D, b"\x01"), Request(0x04, 0x2D, b"\x02", lun=1)
GOOD = Response(0, b"\x64\xc0\x00")


def summed(one: Response, two: Response = GOOD, sensors: tuple[WattSensor, ...] = (ONE, TWO)) -> Sum:
    return hold_with(read_sum(sensors), {READ_ONE: one, READ_TWO: two}.__getitem__)


def test_each_sensor_is_asked_at_its_own_logical_unit_and_summed() -> None:
    assert summed(GOOD) == Sum(400)


GONE = [
    Response(0, b"\x64\xe0\x00"),
    Response(0, b"\x64\x80\x00"),
    Response(0, b"\x64\x00"),
    *map(Response, (0xCB, 0xCD, 0xCE, 0xD3, 0xD5)),
]


@pytest.mark.parametrize("gone", GONE)
def test_a_supply_without_a_reading_is_missing_from_the_sum(gone: Response) -> None:
    assert summed(gone) == Sum(200, ("PS1 Pin",))
    assert summed(GOOD, gone) == Sum(200, ("PS2 Pin",))


@pytest.mark.parametrize("gone", GONE)
def test_without_any_reading_there_is_no_sum(gone: Response) -> None:
    with pytest.raises(SensorsUnavailable, match="PS1 Pin, PS2 Pin"):
        summed(gone, gone)
    with pytest.raises(SensorsUnavailable, match="PS1 Pin"):
        summed(gone, sensors=(ONE,))


@pytest.mark.parametrize("code", [0xC0, 0xC1, 0xC3, 0xD0, 0xD1, 0xD4, 0xFF])
def test_a_bmc_that_cannot_tell_now_gives_no_sum(code: int) -> None:
    with pytest.raises(CompletionCode):
        summed(GOOD, Response(code))


@pytest.mark.parametrize("data", [b"", b"\x64"])
def test_a_short_answer_gives_no_sum(data: bytes) -> None:
    with pytest.raises(SensorError, match="PS2 Pin: short answer"):
        summed(GOOD, Response(0, data))


def test_negative_watts_are_no_reading() -> None:
    signed = ONE._replace(analog=Analog.TWOS_COMPLEMENT)
    assert summed(Response(0, b"\xff\xc0"), sensors=(signed, TWO)) == Sum(200, ("PS1 Pin",))
    with pytest.raises(SensorsUnavailable):
        summed(Response(0, b"\xff\xc0"), sensors=(signed,))


def test_more_than_a_machine_draws_is_no_sum() -> None:
    large = ONE._replace(r_exp=3)
    assert summed(Response(0, b"\x32\xc0"), sensors=(large,)) == Sum(100_000)
    with pytest.raises(ImplausiblePower, match="100200 W"):
        summed(Response(0, b"\x32\xc0"), sensors=(large, TWO))


def test_tenths_are_summed_before_they_are_rounded() -> None:
    tenths = ONE._replace(m=14, r_exp=-1)  # 1.4 W each
    assert summed(Response(0, b"\x01\xc0"), Response(0, b"\x01\xc0"), (tenths, tenths._replace(number=2, lun=1))) == (
        Sum(3)
    )


def test_a_sensor_with_a_flaw_is_not_asked() -> None:
    flawed = ONE._replace(flaw="its readings are not linear")
    assert hold_with(read_sum((flawed, TWO)), {READ_TWO: GOOD}.__getitem__) == Sum(200, ("PS1 Pin",))


# -- in a reading ------------------------------------------------------------------


class Bmc:
    """A BMC without DCMI whose two sensors tell what is set, and how often its sensors were searched for."""

    def __init__(self) -> None:
        self.searches = 0
        self.is_average = False
        self.answers = {READ_ONE: GOOD, READ_TWO: GOOD}
        self.knowledge = Knowledge()

    def find(self) -> Conversation[Choice]:
        self.searches += 1
        yield from ()
        return Choice((ONE, TWO), is_average=self.is_average)

    def read(self) -> Reading | NoReading:
        def answer(request: Request) -> Response:
            if request.netfn == 0x00:
                return Response(0, b"\x01\x00\x00")
            return self.answers.get(request, Response(0xC1))

        return hold_with(read_power(self.knowledge, 0.0, self.find), answer)


def test_a_sample_without_a_supply_is_marked_and_costs_no_search() -> None:
    bmc = Bmc()
    assert bmc.read() == Reading(400, Source.SDR)
    bmc.answers[READ_ONE] = Response(0xCB)
    for _ in range(3):
        assert bmc.read() == Reading(200, Source.SDR, Doubt.PARTIAL)
    bmc.answers[READ_ONE] = GOOD
    assert bmc.read() == Reading(400, Source.SDR)
    assert bmc.searches == 1


def test_sensors_that_rest_leave_a_hole_and_cost_no_search() -> None:
    bmc = Bmc()
    bmc.answers = dict.fromkeys(bmc.answers, Response(0, b"\x00\xe0"))
    for _ in range(3):
        answer = bmc.read()
        assert isinstance(answer, NoReading)
        assert answer.reason is Reason.NOT_MEASURING
    assert bmc.searches == 1


def test_an_average_is_marked() -> None:
    bmc = Bmc()
    bmc.is_average = True
    assert bmc.read() == Reading(400, Source.SDR, Doubt.AVERAGED)


def test_a_search_follows_when_the_records_seem_to_have_changed() -> None:
    bmc = Bmc()
    assert isinstance(bmc.read(), Reading)
    bmc.answers[READ_TWO] = Response(0, b"")
    assert isinstance(bmc.read(), NoReading)
    bmc.answers[READ_TWO] = GOOD
    assert isinstance(bmc.read(), Reading)
    assert bmc.searches == 2
