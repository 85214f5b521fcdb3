"""Fetching records: from BMCs that are awkward about it, and from some that answer anything."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import cycle

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sources.ipmi.conversations import hold, hold_with

from powergraph_collector.simulator import sdr as simulated
from powergraph_collector.simulator.config import SdrQuirks, Sensor
from powergraph_collector.simulator.sensor_commands import SensorCommands
from powergraph_collector.sources.ipmi import sdr_walk
from powergraph_collector.sources.ipmi.dcmi import CompletionCode
from powergraph_collector.sources.ipmi.message import Request, Response, SilenceError
from powergraph_collector.sources.ipmi.sdr import SensorError
from powergraph_collector.sources.ipmi.sdr_walk import fetch_records
from powergraph_collector.sources.ipmi.sensor_choice import Choice
from powergraph_collector.sources.ipmi.sensors import Sum, find_watt_sensors, read_sum

SENSORS = (Sensor(name="PS1 Power In", entity=10), Sensor(name="PS2 Power In", entity=10, instance=2))
RECORDS = simulated.records(SENSORS)
GET_SDR, GET_DEVICE_SDR = (0x0A, 0x23), (0x04, 0x21)
Answer = Callable[[Request], Response | None]


def place(request: Request) -> tuple[int, int]:
    return request.netfn, request.command


def repository(records: Sequence[bytes] = RECORDS) -> Answer:
    """A BMC that tells these records, one after another, whole or in parts."""

    def answer(request: Request) -> Response | None:
        if place(request) == (0x0A, 0x20):
            return Response(0, b"\x51" + len(records).to_bytes(2, "little") + bytes(11))
        if place(request) == (0x0A, 0x22):
            return Response(0, b"\x07\x00")
        if place(request) != GET_SDR:
            return Response(0xC1)
        at, offset, size = max(0, request.data[2] - 1), request.data[4], request.data[5]
        if at >= len(records):
            return Response(0xCB)
        following = at + 2 if at + 1 < len(records) else 0xFFFF
        return Response(0, following.to_bytes(2, "little") + records[at][offset : offset + size])

    return answer


def with_answer(sound: Answer, change: Callable[[Request, Response], Response | None]) -> Answer:
    """The same BMC, but for what `change` makes of its answers to Get SDR."""

    def answer(request: Request) -> Response | None:
        response = sound(request)
        return change(request, response) if response and place(request) == GET_SDR else response

    return answer


def test_records_are_fetched_in_order() -> None:
    assert hold_with(fetch_records(), repository()) == RECORDS


@pytest.mark.parametrize("largest", [1, 2, 3, 5, 15, 16, 40])
def test_a_bmc_that_sends_little_at_once_is_asked_for_less(largest: int) -> None:
    assert hold(fetch_records(), SensorCommands(SENSORS, SdrQuirks(largest_chunk=largest))) == RECORDS


@pytest.mark.parametrize("code", [0xC7, 0xC8, 0xCA, 0xFF])
def test_it_may_say_so_in_any_of_its_ways(code: int) -> None:
    def change(request: Request, response: Response) -> Response:
        return Response(code) if request.data[5] > 6 else response

    assert hold_with(fetch_records(), with_answer(repository(), change)) == RECORDS


def test_fewer_bytes_than_asked_for_are_a_part_and_more_are_cut() -> None:
    def fewer(_: Request, response: Response) -> Response:
        return Response(0, response.data[:5])

    def more(_: Request, response: Response) -> Response:
        return Response(0, response.data + b"more")

    for change in (fewer, more):
        assert hold_with(fetch_records(), with_answer(repository(), change)) == RECORDS


def test_an_empty_answer_is_asked_for_again() -> None:
    sent = set()

    def change(request: Request, response: Response) -> Response:
        is_first = request.data not in sent
        sent.add(request.data)
        return Response(0) if is_first else response

    assert hold_with(fetch_records(), with_answer(repository(), change)) == RECORDS


@pytest.mark.parametrize("code", [0x00, 0xC9, 0xCA])
def test_a_record_that_is_shorter_than_it_says_ends_where_it_ends(code: int) -> None:
    long = [record[:4] + bytes((record[4] + 9,)) + record[5:] for record in RECORDS]

    def change(request: Request, response: Response) -> Response:
        return Response(code, response.data[:2]) if len(response.data) <= 2 else response

    assert hold_with(fetch_records(), with_answer(repository(long), change)) == long


@pytest.mark.parametrize("said", [0xFA, 0xFB, 0xFD, 0xFF])
def test_of_a_record_that_is_longer_than_can_be_asked_for_the_beginning_is_fetched(said: int) -> None:
    longest = RECORDS[0][:4] + bytes((said,)) + RECORDS[0][5:]
    longest += bytes(5 + said - len(longest))
    assert hold_with(fetch_records(), repository([longest])) == [longest[:0x100]]


@pytest.mark.parametrize("losses", [1, 4, 5, 9, 1000])
def test_a_reservation_that_is_lost_is_made_anew_and_done_without_at_last(losses: int) -> None:
    assert hold(fetch_records(), SensorCommands(SENSORS, SdrQuirks(lost_reservations=losses))) == RECORDS


def test_a_repository_that_changes_all_the_time_is_told_as_such() -> None:
    answer = with_answer(repository(), lambda *_: Response(0xC5))
    with pytest.raises(SensorError, match="changes all the time"):
        hold_with(fetch_records(), answer)


def test_reservations_are_optional() -> None:
    sound = repository()

    def answer(request: Request) -> Response | None:
        return Response(0xC1) if request.command == 0x22 else sound(request)

    assert hold_with(fetch_records(), answer) == RECORDS


@pytest.mark.parametrize("following", [0, 1, 2])
def test_records_end_where_they_repeat(following: int) -> None:
    def change(_: Request, response: Response) -> Response:
        is_last = response.data[:2] == b"\xff\xff"
        return Response(0, bytes((following, 0)) + response.data[2:]) if is_last else response

    assert hold_with(fetch_records(), with_answer(repository(), change)) == RECORDS


def test_a_last_record_may_name_one_that_is_not_there() -> None:
    def change(_: Request, response: Response) -> Response:
        is_last = response.data[:2] == b"\xff\xff"
        return Response(0, b"\x09\x00" + response.data[2:]) if is_last else response

    assert hold_with(fetch_records(), with_answer(repository(), change)) == RECORDS


@pytest.mark.parametrize("code", [0xC0, 0xC3, 0xCB, 0xCE, 0xD1, 0xFF])
def test_a_part_of_the_records_is_never_taken_for_all(code: int) -> None:
    def change(request: Request, response: Response) -> Response:
        return Response(code) if request.data[2] == 2 else response

    with pytest.raises((SensorError, CompletionCode)):
        hold_with(fetch_records(), with_answer(repository(), change))


def test_silence_in_the_middle_is_passed_on() -> None:
    with pytest.raises(SilenceError):
        hold_with(fetch_records(), with_answer(repository(), lambda *_: None))


def test_the_devices_records_are_fetched_of_every_unit_that_has_sensors() -> None:
    sensors = (Sensor(name="a"), Sensor(name="b", lun=1), Sensor(name="c", lun=3), Sensor(name="d", lun=3))
    records = hold(fetch_records(), SensorCommands(sensors, SdrQuirks(device=True)))
    assert [record[-1:] for record in records] == [b"a", b"b", b"c", b"d"]


def test_the_device_is_asked_where_the_repository_has_no_watt_sensor() -> None:
    others = simulated.records([Sensor(name="Inlet Temp", unit=1)])
    sound = repository(others)

    def answer(request: Request) -> Response | None:
        if place(request) == GET_DEVICE_SDR:
            return sound(Request(*GET_SDR, request.data))
        return Response(0, b"\x01\x01") if request.netfn == 0x04 else sound(request)

    assert hold_with(fetch_records(), answer) == others * 2


@pytest.mark.parametrize("code", [None, 0xC1, 0xC7, 0xD6])
def test_a_bmc_without_records_has_none(code: int | None) -> None:
    def answer(request: Request) -> Response | None:
        if request.netfn == 0x04 and code is None:
            return None
        return Response(code or 0xC1) if request.netfn == 0x04 else Response(0xC1)

    assert hold_with(fetch_records(), answer) == []


@pytest.mark.parametrize("code", [0xC0, 0xD0, 0xD4])
def test_a_bmc_that_cannot_tell_now_is_not_one_without_records(code: int) -> None:
    with pytest.raises(CompletionCode):
        hold_with(fetch_records(), lambda _: Response(code))


def test_records_without_end_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sdr_walk, "MOST_RECORDS", 50)

    def change(request: Request, response: Response) -> Response:
        return Response(0, bytes((request.data[2] + 1, 0)) + bytes((request.data[2],)) + response.data[3:])

    with pytest.raises(SensorError, match="no end"):
        hold_with(fetch_records(), with_answer(repository(RECORDS * 60), change))


def test_a_walk_of_too_many_requests_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sdr_walk, "_MOST_REQUESTS", 100)
    with pytest.raises(SensorError, match="no end"):
        hold(fetch_records(), SensorCommands(SENSORS, SdrQuirks(largest_chunk=1)))


codes = st.just(0) | st.sampled_from((0xC1, 0xC5, 0xC9, 0xCA, 0xCB, 0xFF)) | st.integers(0, 0xFF)
parts = st.builds(
    lambda next_id, record, begin, size: next_id.to_bytes(2, "little") + record[begin : begin + size],
    st.integers(0, 4) | st.just(0xFFFF),
    st.sampled_from(RECORDS),
    st.sampled_from((0, 5, 16, 21, 32, 37, 48)),
    st.integers(0, 64),
)
responses = st.builds(Response, codes, st.binary(max_size=24) | parts)
silence = st.none()


@given(st.lists(responses | silence, min_size=1, max_size=24))
def test_any_answers_are_a_choice_or_a_named_error_and_the_conversation_ends(said: list[Response | None]) -> None:
    answers = cycle(said)
    count = 0

    def answer(_: Request) -> Response | None:
        nonlocal count
        count += 1
        assert count < 200_000, "there is no end to this conversation"
        return next(answers)

    try:
        choice = hold_with(find_watt_sensors(), answer)
        assert isinstance(choice, Choice)
        total = hold_with(read_sum(choice.chosen), answer)
    except (SensorError, CompletionCode) as error:
        assert str(error)
    except SilenceError:
        assert None in said
    else:
        assert isinstance(total, Sum)
        assert 0 <= total.power_w <= 100_000
