"""The handshake alone: recorded logins, which pin pyghmi's inside, and packets that are none of it.

frames/handshakes.json has every packet of each login, made with fixed random numbers: see frames/README.md.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.conftest import PASSWORD, USER
from tests.simulator.ipmi_client import bmc
from tests.sources.ipmi import hostile
from tests.sources.ipmi.peer import Peer

from powergraph_collector.sources.ipmi.dcmi import POWER_READING
from powergraph_collector.sources.ipmi.handshake import Fault, Handshake, Objection, Step
from powergraph_collector.sources.ipmi.message import Response
from powergraph_collector.sources.ipmi.session import SUITES, Keys, Session

RECORDED = json.loads((Path(__file__).parent / "frames/handshakes.json").read_text())
READERS: list[dict[str, Any]] = RECORDED["reader"]
IPMITOOLS: list[dict[str, Any]] = RECORDED["ipmitool"]
SEED = 1  # of capture_handshakes.py
suites = st.sampled_from((3, 17))


def begun(login: dict[str, Any]) -> Handshake:
    kg = login["kg"] and login["kg"].encode()
    return Handshake(login["user"].encode(), PASSWORD.encode(), kg, login["privilege"], SUITES[login["suite"]])


# -- recorded logins ---------------------------------------------------------------


@pytest.mark.parametrize("login", READERS, ids=lambda login: str(login["name"]))
def test_a_recorded_login_goes_the_same_way_byte_by_byte(login: dict[str, Any]) -> None:
    with patch.object(os, "urandom", random.Random(SEED).randbytes):
        handshake = begun(login)
        sent = [handshake.packet.hex()]
        for answer in login["answers"]:
            if handshake.feed(bytes.fromhex(answer)) and handshake.keys is None:
                sent.append(handshake.packet.hex())
    assert sent == login["sent"]
    keys, objection = handshake.keys, handshake.objection
    told = keys and [keys.integrity_key.hex(), keys.aes_key.hex(), keys.bmc_session, keys.console_session]
    assert told == login["keys"]
    assert (objection and [objection.step.name, objection.fault.name, objection.status]) == login["objection"]


def test_the_recordings_have_every_way_for_a_login_to_end() -> None:
    ends = {(login["suite"], tuple(login["objection"] or ())) for login in READERS}
    for suite in (3, 17):
        assert (suite, ()) in ends
        for step in Step:
            for status in range(0x01, 0x13):
                assert (suite, (step.name, "STATUS", status)) in ends
        for step, fault in ((Step.OPEN_SESSION, Fault.WEAKER), (Step.RAKP_1, Fault.WRONG_CODE)):
            assert (suite, (step.name, fault.name, 0)) in ends
        assert (suite, (Step.RAKP_1.name, Fault.ZERO_CODE.name, 0)) in ends
        assert (suite, (Step.RAKP_3.name, Fault.WRONG_KEY.name, 0)) in ends
    assert sum(login["name"].startswith("ipmi_sim") for login in READERS) >= 4


@pytest.mark.parametrize("login", IPMITOOLS, ids=lambda login: str(login["name"]))
def test_what_ipmitool_reckons_of_the_same_numbers_is_what_the_handshake_reckons(login: dict[str, Any]) -> None:
    """ipmitool's tags, session number, role and random number are put in for pyghmi's; the codes have to follow."""
    sent, answers = ([bytes.fromhex(each) for each in login[kind]] for kind in ("sent", "answers"))
    handshake = begun({**login, "privilege": 2})
    inside = handshake._reckoner
    inside.localsid = int.from_bytes(sent[0][20:24], "little")
    for step, (theirs, answer) in enumerate(zip(sent, answers, strict=True)):
        inside = handshake._reckoner
        if step == 1:
            inside.randombytes = theirs[24:40]
            assert handshake.packet[42:] == theirs[42:]  # reserved, and the user
            inside.nameonly, inside.privlevel = theirs[40] & 0x10, theirs[40] & 0x0F
        if step == 2:
            assert handshake.packet[20:] == theirs[20:]  # the BMC's session, and the console's code
        assert handshake.feed(answer[:16] + bytes((inside.rmcptag & 0xFF,)) + answer[17:]), step
    assert handshake.keys is not None
    # With those keys ipmitool's first packet in the session is understood.
    asked = Peer(handshake.keys).opened(bytes.fromhex(login["in_session"]))
    assert asked.message[0] == 0x20


# -- hostile packets ---------------------------------------------------------------


class Login:
    """A login to a BMC in memory, at any of its steps."""

    def __init__(self, suite: int, *, kg: str | None = None) -> None:
        self.bmc = bmc(cipher_suites=[suite], **({"kg": kg} if kg else {}))
        self.handshake = Handshake(USER.encode(), PASSWORD.encode(), kg.encode() if kg else None, 2, SUITES[suite])

    def genuine(self) -> bytes:
        answer = self.bmc.answer(self.handshake.packet, 1e9, 1e3)
        assert answer is not None
        return answer.datagram

    def at(self, step: Step) -> Login:
        while self.handshake.step is not step:
            assert self.handshake.feed(self.genuine())
        return self

    def comes_to_its_end(self, genuine: bytes) -> None:
        """With the true answer, and keys that the BMC has."""
        assert self.handshake.feed(genuine)
        while self.handshake.keys is None:
            assert self.handshake.feed(self.genuine())
        assert self.handshake.objection is None
        session = Session(self.handshake.keys)
        answer = self.bmc.answer(session.seal(POWER_READING), 1e9, 1e3)
        assert answer is not None
        assert isinstance(session.open(answer.datagram), Response)


steps = st.sampled_from(list(Step))


@given(suites, steps, st.lists(st.binary(max_size=200), min_size=1, max_size=10))
def test_any_bytes_in_any_step_change_nothing(suite: int, step: Step, noise: list[bytes]) -> None:
    login = Login(suite).at(step)
    packet = login.handshake.packet
    for each in noise:
        assert not login.handshake.feed(each)
    assert login.handshake.objection is None
    assert login.handshake.packet == packet
    login.comes_to_its_end(login.genuine())


@pytest.mark.parametrize("suite", [3, 17])
@pytest.mark.parametrize("step", Step)
def test_an_answer_that_is_cut_off_anywhere_changes_nothing(suite: int, step: Step) -> None:
    login = Login(suite).at(step)
    genuine = login.genuine()
    payload = len(genuine) - 16
    for length in range(len(genuine)):
        assert not login.handshake.feed(genuine[:length])
    for size in range(payload):  # shorter, and saying so
        assert not login.handshake.feed(genuine[:14] + size.to_bytes(2, "little") + genuine[16 : 16 + size])
    assert login.handshake.objection is None
    login.comes_to_its_end(genuine)


@given(suites, steps, st.binary(min_size=1, max_size=900), st.booleans())
def test_what_is_appended_to_an_answer_changes_nothing(suite: int, step: Step, more: bytes, counted: bool) -> None:
    login = Login(suite).at(step)
    genuine = login.genuine()
    longer = genuine + more
    if counted:
        longer = longer[:14] + (len(longer) - 16).to_bytes(2, "little") + longer[16:]
    login.comes_to_its_end(longer)


@settings(max_examples=300)
@given(suites, steps, st.data())
def test_a_changed_answer_never_ends_a_login_and_never_leads_to_other_keys(
    suite: int, step: Step, data: st.DataObject
) -> None:
    login = Login(suite).at(step)
    genuine = login.genuine()
    for _ in range(4):
        changed = bytearray(genuine)
        for _ in range(data.draw(st.integers(1, 3))):
            changed[data.draw(st.integers(0, len(genuine) - 1))] ^= data.draw(st.integers(1, 255))
        if login.handshake.feed(bytes(changed)):
            # Nobody vouches for an Open Session Response, and reserved bytes are covered by no code.
            assume(step is not Step.OPEN_SESSION)
            if login.handshake.keys is None:
                login.comes_to_its_end(login.genuine())
            return
    login.comes_to_its_end(genuine)


FORGED: dict[str, Callable[[bytes], bytes]] = {
    "a refusal": lambda genuine: hostile.refused(genuine, 0x0D),
    "a refusal with tag 0": lambda genuine: hostile.rmcp_plus(
        genuine[5], bytes(4), 0, b"\0\x0d\0\0" + bytes(4)
    ),
    "a refusal of two bytes": lambda genuine: hostile.rmcp_plus(genuine[5], bytes(4), 0, genuine[16:17] + b"\x01"),
    "a wrong code": hostile.with_wrong_code,
}  # fmt: skip


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED)
@pytest.mark.parametrize("step", Step)
@pytest.mark.parametrize("suite", [3, 17])
def test_a_forged_objection_is_withdrawn_by_the_true_answer(
    suite: int, step: Step, forged: Callable[[bytes], bytes]
) -> None:
    login = Login(suite).at(step)
    genuine = login.genuine()
    if login.handshake.feed(forged(genuine)):
        assert step is Step.OPEN_SESSION  # the last byte there is a reserved one
        return
    assert login.handshake.objection is not None
    assert login.handshake.objection.step is step
    login.comes_to_its_end(genuine)


@pytest.mark.parametrize("suite", [3, 17])
def test_answers_of_other_steps_and_of_before_change_nothing(suite: int) -> None:
    login = Login(suite)
    answers: list[bytes] = []
    for step in Step:
        assert login.handshake.step is step
        for old in answers:
            assert not login.handshake.feed(old)
        answers.append(login.genuine())
        assert login.handshake.feed(answers[-1])
    assert isinstance(login.handshake.keys, Keys)
    assert login.handshake.objection is None


@pytest.mark.parametrize("suite", [3, 17])
def test_answers_of_another_login_to_the_same_bmc_change_nothing(suite: int) -> None:
    login, other = Login(suite), Login(suite)
    other.bmc = login.bmc
    for step in Step:
        genuine, of_another = login.genuine(), other.genuine()
        assert not login.handshake.feed(of_another), step
        assert login.handshake.objection is None
        assert login.handshake.feed(genuine)
        assert other.handshake.feed(of_another)


@pytest.mark.parametrize("tag", [1, 2, 3, 0x55, 0xFF])
def test_an_error_with_a_tag_that_is_neither_its_own_nor_0_is_nobodys(tag: int) -> None:
    login = Login(17).at(Step.RAKP_1)
    genuine = login.genuine()
    other = tag if tag != genuine[16] else tag + 1
    assert not login.handshake.feed(genuine[:16] + bytes((other, 0x0D)) + genuine[18:])
    assert login.handshake.objection is None
    login.comes_to_its_end(genuine)


def test_success_with_tag_0_is_nobodys() -> None:
    login = Login(17).at(Step.RAKP_1)
    genuine = login.genuine()
    assert not login.handshake.feed(genuine[:16] + b"\0" + genuine[17:])
    assert login.handshake.objection is None


def test_the_first_objection_counts() -> None:
    login = Login(17).at(Step.RAKP_1)
    genuine = login.genuine()
    for status in (0x0D, 0x01, 0x09):
        assert not login.handshake.feed(hostile.refused(genuine, status))
    assert login.handshake.objection == Objection(Step.RAKP_1, Fault.STATUS, 0x0D)


def test_no_two_logins_have_the_same_numbers() -> None:
    logins = [Login(17).at(Step.RAKP_1).handshake for _ in range(50)]
    assert len({each.packet[24:40] for each in logins}) == 50
    assert len({Login(17).handshake.packet[20:24] for _ in range(50)}) == 50
