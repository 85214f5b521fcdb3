"""The session alone, against a peer that shares no code with it: what it takes, and that nothing else changes it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from tests.sources.ipmi.peer import Peer, keys_of, response

from powergraph_collector.sources.ipmi.dcmi import POWER_READING
from powergraph_collector.sources.ipmi.message import Request, Response
from powergraph_collector.sources.ipmi.session import (
    MOST_UNNUMBERED,
    WATCHED_PACKETS,
    WINDOW,
    Drop,
    Session,
)

suites = st.sampled_from((3, 17))
requests = st.builds(
    Request,
    netfn=st.integers(0, 31).map(lambda half: 2 * half),
    command=st.integers(0, 255),
    data=st.binary(max_size=60),
    lun=st.integers(0, 3),
)
numbers = st.integers(0, 0xFFFFFFFF)
IGNORED_BYTES = {1, 2}  # of the RMCP header: reserved, and the sequence number of RMCP, which IPMI does not use


class Talk:
    """A session and its peer, which answers under the numbers that it is told."""

    def __init__(self, suite: int = 17) -> None:
        keys = keys_of(suite)
        self.session, self.peer = Session(keys), Peer(keys)
        self.asked = 0

    def answer(self, sequence: int, request: Request = POWER_READING) -> tuple[bytes, Response]:
        """Ask, and return the packet of an answer that no other answer is equal to."""
        number = self.peer.opened(self.session.seal(request)).number
        self.asked += 1
        told = Response(0, self.asked.to_bytes(4, "big"))
        return self.peer.sealed(response(request, number, told.code, told.data), sequence), told

    def takes(self, sequence: int) -> bool:
        """Whether an answer under this number is taken."""
        packet, told = self.answer(sequence)
        opened = self.session.open(packet)
        assert opened in (told, Drop.REPEATED)
        return opened == told

    def numbered(self, last: int) -> Talk:
        """Past the packets that are watched, `last` being the highest number."""
        for number in range(last - WATCHED_PACKETS + 1, last + 1):
            assert self.takes(number)
        return self


def true_answer_is_taken(talk: Talk, sequence: int) -> None:
    packet, told = talk.answer(sequence)
    assert talk.session.open(packet) == told


# -- what goes out, what comes back ------------------------------------------------


@given(suites, st.lists(st.tuples(requests, st.integers(0, 255), st.binary(max_size=200)), min_size=1, max_size=5))
def test_any_request_reaches_the_peer_and_any_response_comes_back(
    suite: int, exchanges: list[tuple[Request, int, bytes]]
) -> None:
    talk = Talk(suite)
    for sequence, (request, code, data) in enumerate(exchanges, start=1):
        asked = talk.peer.opened(talk.session.seal(request))
        assert asked.sequence == sequence
        assert asked.message[0] == 0x20
        assert (asked.message[1] >> 2, asked.message[1] & 3) == (request.netfn, request.lun)
        assert (asked.message[3], asked.message[4] & 3) == (0x81, 0)
        assert (asked.message[5], asked.message[6:-1]) == (request.command, request.data)
        packet = talk.peer.sealed(response(request, asked.number, code, data), sequence)
        assert talk.session.is_asking
        assert talk.session.open(packet) == Response(code, data)
        assert not talk.session.is_asking


@pytest.mark.parametrize("suite", [3, 17])
def test_a_request_that_is_sent_again_bears_the_same_number_and_another_sequence_number(suite: int) -> None:
    talk = Talk(suite)
    packets = [talk.session.seal(POWER_READING), talk.session.seal_again(), talk.session.seal_again()]
    seen = [talk.peer.opened(packet) for packet in packets]
    assert [asked.sequence for asked in seen] == [1, 2, 3]
    assert len({asked.message for asked in seen}) == 1
    assert len({packet[16:32] for packet in packets}) == 3  # never the same vector


def test_numbers_of_requests_go_round_and_no_two_in_a_row_are_equal() -> None:
    talk = Talk()
    seen = [talk.peer.opened(talk.session.seal(POWER_READING)).number for _ in range(130)]
    assert seen == [number % 64 for number in range(1, 131)]


@given(st.integers(0, 9).map(lambda extra: b"\xff" * (2 + 4 * extra)))
def test_a_longer_integrity_pad_is_the_bmcs_affair(pad: bytes) -> None:
    talk = Talk()
    number = talk.peer.opened(talk.session.seal(POWER_READING)).number
    packet = talk.peer.sealed(response(POWER_READING, number, 0), 1, trailer=pad + bytes((len(pad), 7)))
    assert talk.session.open(packet) == Response(0)


# -- nobody without the keys changes anything --------------------------------------


def mutated(packet: bytes, draw: Callable[[st.SearchStrategy[int]], int]) -> bytes:
    """The packet with some bytes changed, dropped, doubled, or bytes put in."""
    changed = bytearray(packet)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(changed) - 1)) if changed else 0
        match draw(st.integers(0, 4)):
            case 0 if changed:
                changed[at] ^= draw(st.integers(1, 255))
            case 1:
                del changed[at:]
            case 2:
                del changed[at : at + draw(st.integers(1, 20))]
            case 3:
                changed[at:at] = changed[at : at + draw(st.integers(1, 20))]
            case _:
                changed[at:at] = bytes((draw(st.integers(0, 255)),))
    return bytes(changed)


def is_the_same_but_for_ignored_bytes(one: bytes, other: bytes) -> bool:
    return len(one) == len(other) and all(
        left == right for at, (left, right) in enumerate(zip(one, other, strict=True)) if at not in IGNORED_BYTES
    )


@given(suites, st.sampled_from((0, 3, WATCHED_PACKETS + 3)), st.lists(st.binary(max_size=300), max_size=5), st.data())
def test_whatever_anybody_sends_is_dropped_and_changes_nothing(
    suite: int, before: int, noise: list[bytes], data: st.DataObject
) -> None:
    talk = Talk(suite)
    recorded = []
    for sequence in range(1, before + 1):
        packet, told = talk.answer(sequence)
        assert talk.session.open(packet) == told
        recorded.append(packet)
    packet, told = talk.answer(before + 1)
    for _ in range(3):
        forged = mutated(data.draw(st.sampled_from([*recorded, packet])), data.draw)
        assume(not is_the_same_but_for_ignored_bytes(forged, packet))
        noise.append(forged)
    for each in noise:
        assert isinstance(talk.session.open(each), Drop)
    assert talk.session.open(packet) == told
    true_answer_is_taken(talk, before + 2)


@given(st.binary(max_size=100), numbers)
def test_right_headers_without_the_keys_are_dropped(body: bytes, sequence: int) -> None:
    talk = Talk()
    packet, told = talk.answer(1)
    stranger = Peer(keys_of(17, b"another session's"))
    for forged in (
        packet[:16] + body,
        packet[:10] + sequence.to_bytes(4, "little") + packet[14:] if sequence != 1 else b"",
        packet[:14] + len(body).to_bytes(2, "little") + body + packet[-20:],
        stranger.sealed(body.ljust(20, b"\0"), sequence),
    ):
        assert isinstance(talk.session.open(forged), Drop)
    assert talk.session.open(packet) == told


@pytest.mark.parametrize(
    ("at", "byte"),
    [(3, 0x06), (3, 0x87), (4, 0x00), (5, 0x00), (5, 0x40), (5, 0x80), (5, 0xC1), (5, 0xD1), (6, 0xA1), (9, 0)],
)
def test_what_is_no_protected_packet_of_this_session_is_foreign_before_any_code_is_looked_at(
    at: int, byte: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk = Talk()
    packet, told = talk.answer(1)

    def looked(*_: object) -> bytes:
        raise AssertionError("an integrity code was reckoned")

    with monkeypatch.context() as patched:
        patched.setattr(Session, "_code", looked)
        assert talk.session.open(packet[:at] + bytes((byte,)) + packet[at + 1 :]) is Drop.FOREIGN
        assert talk.session.open(packet[:40]) is Drop.SHORT
    assert talk.session.open(packet) == told


def test_authentic_packets_of_the_same_keys_but_another_session_are_foreign() -> None:
    talk = Talk()
    packet, told = talk.answer(1)
    other = Peer(talk.peer.keys._replace(console_session=0x11223344)).sealed(response(POWER_READING, 1, 0, b"other"), 1)
    assert talk.session.open(other) is Drop.FOREIGN
    assert talk.session.open(packet) == told


@given(st.integers(0, 3), st.binary(min_size=0, max_size=48), st.integers(0, 255))
def test_authentic_nonsense_is_dropped_and_the_answer_taken(blocks: int, plain: bytes, last: int) -> None:
    talk = Talk()
    packet, told = talk.answer(2)
    nonsense = plain.ljust(16 * (blocks + 1), b"\0")[: 16 * (blocks + 1) - 1] + bytes((last,))
    opened = talk.session.open(talk.peer.sealed_plain(nonsense, 1))
    assert opened in (Drop.MALFORMED, Drop.UNASKED)
    assert talk.session.open(packet) == told


# -- what answers what -------------------------------------------------------------


def test_an_answer_of_another_number_command_unit_or_function_answers_nothing() -> None:
    talk = Talk()
    request = Request(0x04, 0x2D, b"\x05", lun=1)
    number = talk.peer.opened(talk.session.seal(request)).number
    others = [
        response(request, number - 1, 0),
        response(request, number + 1, 0),
        response(request, number, 0, lun=0),
        response(request, number, 0, lun=3),
        response(replace(request, command=0x2E), number, 0),
        response(replace(request, netfn=0x06), number, 0),
        response(replace(request, netfn=0x05), number, 0),  # that is a request's, odd already
    ]
    others[-1] = others[-1][:1] + bytes((0x04 << 2,)) + others[-1][2:]
    for sequence, message in enumerate(others, start=1):
        assert talk.session.open(talk.peer.sealed(message, sequence)) is Drop.UNASKED
    packet = talk.peer.sealed(response(request, number, 0xC1, b"x"), 8)
    assert talk.session.open(packet) == Response(0xC1, b"x")


def test_nothing_answers_what_was_abandoned_and_only_the_newest_request_is_answered() -> None:
    talk = Talk()
    first, _ = talk.answer(1)
    second, told = talk.answer(2)
    assert talk.session.open(first) is Drop.UNASKED
    assert talk.session.open(second) == told
    third, _ = talk.answer(3)
    talk.session.abandon()
    assert talk.session.open(third) is Drop.UNASKED
    true_answer_is_taken(talk, 4)


def test_an_answer_that_came_is_not_answered_twice_even_under_a_new_sequence_number() -> None:
    talk = Talk()
    number = talk.peer.opened(talk.session.seal(POWER_READING)).number
    message = response(POWER_READING, number, 0, b"watts")
    assert talk.session.open(talk.peer.sealed(message, 1)) == Response(0, b"watts")
    assert talk.session.open(talk.peer.sealed(message, 2)) is Drop.UNASKED


# -- sequence numbers --------------------------------------------------------------


@given(numbers, st.integers(-WINDOW - 5, WINDOW + 5))
def test_the_window_is_16_back_and_16_ahead(last: int, ahead: int) -> None:
    talk = Talk().numbered(last)
    is_seen = -WATCHED_PACKETS < ahead <= 0
    # the number before the first is within the window, and was not seen
    assert talk.takes(last + ahead) is (not is_seen and -WINDOW <= ahead <= WINDOW)
    assert talk.takes(last + ahead) is False
    assert talk.takes(last + max(ahead, 0) + 1) is (ahead <= WINDOW)


@given(st.lists(st.integers(-20, 20), max_size=60), numbers)
def test_no_number_is_taken_twice_and_each_new_one_in_the_window_once(steps: list[int], begin: int) -> None:
    """Beside a model that keeps every number that was ever taken."""
    talk = Talk().numbered(begin)
    highest, seen = begin, set(range(begin - WATCHED_PACKETS + 1, begin + 1))
    for step in steps:
        number = highest + step
        is_new = number not in seen and -WINDOW <= step <= WINDOW
        assert talk.takes(number & 0xFFFFFFFF) is is_new
        if is_new:
            seen.add(number)
            highest = max(highest, number)


@given(st.permutations(range(12)))
def test_first_seen_decides_in_any_order(order: list[int]) -> None:
    talk = Talk().numbered(100)
    for each in [*order, *order]:
        talk.takes(101 + each)
    assert not any(talk.takes(101 + each) for each in order)
    assert talk.takes(113)


@pytest.mark.parametrize("watched", [True, False])
def test_numbers_go_on_after_the_highest_of_32_bits_with_0_or_1(watched: bool) -> None:
    for skips_zero in (True, False):
        talk = Talk() if watched else Talk().numbered(0xFFFFFFFB)
        assert all(talk.takes(number) for number in range(0xFFFFFFFC, 0x100000000))
        assert all(talk.takes(number) for number in range(int(skips_zero), 40))
        assert not talk.takes(0xFFFFFFFF)


@pytest.mark.parametrize("same", [0, 1, 7, 0xFFFFFFFF])
def test_a_bmc_that_sends_one_number_always_is_heard_and_its_recordings_are_not(same: int) -> None:
    talk = Talk()
    recorded = []
    for _ in range(200):
        packet, told = talk.answer(same)
        for old in recorded[-70:]:
            assert talk.session.open(old) is Drop.REPEATED
        assert talk.session.open(packet) == told
        recorded.append(packet)


def falling_back() -> Iterator[int]:
    for turn in range(100):
        yield from range(1 + 3 * turn, 9 + 3 * turn)


@pytest.mark.parametrize("first", [1, 0xFFFFFFF0])
def test_a_bmc_whose_numbers_fall_back_is_heard(first: int) -> None:
    talk = Talk()
    assert all(talk.takes((first + number) & 0xFFFFFFFF) for number in list(falling_back())[:400])


def test_a_bmc_whose_numbers_jump_ahead_once_at_the_beginning_is_heard() -> None:
    talk = Talk()
    assert all(talk.takes(number) for number in [1, 2, 3, *range(0x40000004, 0x40000060)])
    assert not talk.takes(3)


def test_after_the_beginning_a_jump_is_not_taken_and_the_next_in_turn_is() -> None:
    talk = Talk().numbered(100)
    assert not talk.takes(0x40000000)
    assert not talk.takes(101 + WINDOW)
    assert talk.takes(101)


@given(suites, st.lists(numbers | st.integers(0, 20), min_size=1, max_size=60), st.randoms(use_true_random=False))
def test_no_packet_that_was_opened_is_ever_a_response_again(
    suite: int, sequence: list[int], chance: random.Random
) -> None:
    """Whatever numbers a BMC gives, and whichever recording comes at whatever moment."""
    talk = Talk(suite)
    recorded: list[bytes] = []
    for number in sequence:
        packet, told = talk.answer(number)
        # The request under way has the number of the one 64 requests ago: so that a recording could answer it.
        for old in chance.sample(recorded, min(len(recorded), 8)):
            assert isinstance(talk.session.open(old), Drop)
        assert talk.session.open(packet) in (told, Drop.REPEATED)
        recorded.append(packet)
        talk.session.seal(POWER_READING)
        assert all(isinstance(talk.session.open(old), Drop) for old in recorded)


@given(st.lists(st.sampled_from((1, 2, 16, 17, 0x3FFFFFFF, 0x7FFFFFFF)), min_size=1, max_size=40))
@example([1] * 13 + [0x7FFFFFFF] * 2 + [1])
def test_a_recording_is_none_after_jumps_all_the_way_round(steps: list[int]) -> None:
    talk = Talk()
    number, taken = 1, []
    for step in steps:
        packet, told = talk.answer(number)
        if talk.session.open(packet) == told:
            taken.append(packet)
        number = (number + step) & 0xFFFFFFFF
        talk.session._number = 0  # the worst moment: the request under way has the number that the recordings answer
        talk.session.seal(POWER_READING)
        talk.session._number = 0
        for old in taken:
            assert talk.session.open(old) is Drop.REPEATED


def test_an_unnumbered_session_is_worn_in_the_end_and_takes_nothing_more() -> None:
    talk = Talk()
    taken = 0
    while not talk.session.is_worn:
        assert talk.takes(1)
        taken += 1
    assert taken == MOST_UNNUMBERED
    assert not talk.takes(1)
    assert not talk.takes(2)


def test_a_numbered_session_never_wears_out() -> None:
    talk = Talk()
    assert all(talk.takes(number) for number in range(1, 2 * MOST_UNNUMBERED))
    assert not talk.session.is_worn
