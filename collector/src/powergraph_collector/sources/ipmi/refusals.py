"""What a login that came to nothing means: statuses, faults and silences as reasons and words for people (pure)."""

from __future__ import annotations

from typing import Final

from powergraph_collector.model import Reason
from powergraph_collector.sources.contract import NoReading
from powergraph_collector.sources.ipmi.handshake import Fault, Objection, Step
from powergraph_collector.sources.ipmi.message import explain

BUSY_CODES: Final = frozenset({0xC0, 0xC3, 0xCE, 0xD1, 0xD2, 0xFF})  # to Set Session Privilege Level after a reboot
TOO_LOW: Final = NoReading(Reason.LOGIN_REFUSED, "completion code 0xD4: privilege too low")

# RMCP+ and RAKP statuses, table 13-15.
_STATUSES: Final = {
    0x01: "insufficient resources to create a session",
    0x02: "invalid session ID",
    0x03: "invalid payload type",
    0x04: "invalid authentication algorithm",
    0x05: "invalid integrity algorithm",
    0x06: "no matching authentication payload",
    0x07: "no matching integrity payload",
    0x08: "inactive session ID",
    0x09: "invalid role",
    0x0A: "unauthorized role or privilege level requested",
    0x0B: "insufficient resources to create a session at the requested role",
    0x0C: "invalid name length",
    0x0D: "unauthorized name",
    0x0E: "unauthorized GUID",
    0x0F: "invalid integrity check value",
    0x10: "invalid confidentiality algorithm",
    0x11: "no cipher suite match with proposed security algorithms",
    0x12: "illegal or unrecognized parameter",
}
_NO_SLOT: Final = frozenset({0x01, 0x0B})
_OF_ROLE: Final = frozenset({0x09, 0x0A, 0x0D})  # the last since BMCs look for a user of that name and role
_OF_SUITE: Final = frozenset({0x03, 0x04, 0x05, 0x06, 0x07, 0x10, 0x11})
SWITCHED_OFF: Final = "no answer, its port is closed: IPMI over LAN is switched off or filtered"
_FAULTS: Final = {
    Fault.WEAKER: (Reason.LOGIN_REFUSED, "the BMC chose weaker algorithms than those of the cipher suite"),
    Fault.WRONG_CODE: (Reason.LOGIN_REFUSED, "incorrect password"),
    Fault.ZERO_CODE: (Reason.LOGIN_REFUSED, "the BMC proves nothing: its code is all zeros; try cipher suite 3"),
    Fault.WRONG_KEY: (
        Reason.LOGIN_REFUSED,
        "the BMC's last code is wrong: it has a group key (Kg) that the settings lack, or another one",
    ),
    Fault.CLOSED_PORT: (Reason.PORT_CLOSED, SWITCHED_OFF),
}


def answer_to(objection: Objection) -> NoReading:
    """What to tell of a login that ended with this objection."""
    if objection.fault is Fault.STATUS:
        code = f"RMCP+ status 0x{objection.status:02X}: "
        if objection.status in _NO_SLOT:
            return NoReading(Reason.NO_SESSION_SLOT, f"{code}all sessions of the BMC are taken")
        return NoReading(Reason.LOGIN_REFUSED, code + _STATUSES.get(objection.status, "unknown to the specification"))
    return NoReading(*_FAULTS[objection.fault])


def status_words(status: int) -> str:
    """An RMCP+ status in words, with its number."""
    return f"RMCP+ status 0x{status:02X}: {_STATUSES.get(status, 'unknown to the specification')}"


def is_of_role(objection: Objection) -> bool:
    """Whether a higher privilege may help."""
    return objection.fault is Fault.STATUS and objection.step is not Step.OPEN_SESSION and objection.status in _OF_ROLE


def is_of_suite(objection: Objection) -> bool:
    """Whether another cipher suite may help."""
    if objection.step is not Step.OPEN_SESSION:
        return False
    return objection.fault is Fault.WEAKER or (objection.fault is Fault.STATUS and objection.status in _OF_SUITE)


def privilege_busy(code: int) -> NoReading:
    """What to tell of a BMC that cannot set a privilege yet."""
    detail = f"completion code 0x{code:02X} to Set Session Privilege Level: {explain(code)}"
    return NoReading(Reason.BUSY, detail, again_soon=True)


def privilege_refused(code: int) -> NoReading:
    """What to tell of a BMC that refuses a privilege in a session."""
    detail = f"privilege refused (completion code 0x{code:02X} to Set Session Privilege Level)"
    return NoReading(Reason.LOGIN_REFUSED, detail)


_SILENCES: Final = {
    Step.OPEN_SESSION: "no answer within {0:g} s",
    Step.RAKP_1: "no answer to RAKP message 1 within {0:g} s: some BMCs say nothing to a user whom they do not know",
    Step.RAKP_3: "no answer to RAKP message 3 within {0:g} s",
}


def silence_at(step: Step, timeout_s: float) -> str:
    """What to tell of a login in which the BMC fell silent."""
    return _SILENCES[step].format(timeout_s)
