"""The quirks of real BMCs that a simulated one can have, and what each does; any of them go together."""

from __future__ import annotations

from typing import Final, Literal

Quirk = Literal[
    "open-ignored",
    "rakp1-ignored",
    "rakp3-ignored",
    "suite-ignored",
    "error-tag-0",
    "zero-code-17",
    "wrong-code-17",
    "user-refused",
    "privilege-busy",
    "privilege-ignored",
    "sequence-zero",
    "sequence-one",
    "sequence-falls-back",
    "sequence-huge",
    "sequence-wraps",
    "doubled",
    "reordered",
    "previous-first",
    "unauthenticated-15",
    "mixes-requests",
    "closes-idle-30",
    "stray-c1",
    "c1-while-booting",
    "dcmi-c1-to-user",
    "dcmi-cb-to-user",
    "dcmi-d6-to-user",
    "short-answer",
    "jump",
    "negative",
    "statistics-zero",
    "period-1s",
    "clock-1970",
    "chassis-off",
]

QUIRKS: Final[dict[Quirk, str]] = {
    # login
    "open-ignored": "never answers an Open Session Request",
    "rakp1-ignored": "never answers RAKP message 1",
    "rakp3-ignored": "never answers RAKP message 3",
    "suite-ignored": "does not answer an Open Session Request for a suite that it lacks",
    "error-tag-0": "errors of the handshake carry message tag 0 and session id 0, as OpenBMC's do",
    "zero-code-17": "RAKP message 2 of suite 17 has 32 zero bytes as its code; suite 3 is right",
    "wrong-code-17": "RAKP message 2 of suite 17 has a wrong code, as with a wrong password; suite 3 is right",
    "user-refused": "refuses the role user in RAKP message 2 with `user_refused_status`",
    "privilege-busy": "answers Set Session Privilege with `busy_code` while it boots",
    "privilege-ignored": "never answers Set Session Privilege",
    # session
    "sequence-zero": "all its packets have sequence number 0",
    "sequence-one": "all its packets have sequence number 1",
    "sequence-falls-back": "its sequence number falls back by 5 at every 8th packet",
    "sequence-huge": "its sequence number jumps ahead by 0x40000000 after the third packet",
    "sequence-wraps": "its sequence numbers begin at 0xFFFFFFFC and go on with 1 after 0xFFFFFFFF",
    "doubled": "every answer comes twice",
    "reordered": "every answer comes under two sequence numbers, the later one first",
    "previous-first": "before every answer the previous one comes again",
    "unauthenticated-15": "before every answer an IPMI 1.5 packet without authentication tells 9,999 W",
    "mixes-requests": "a request that comes before the last one is answered gets the last one's data",
    "closes-idle-30": "ends sessions that are idle for 30 s",
    # DCMI
    "stray-c1": "answers every `every`-th power reading with C1",
    "c1-while-booting": "answers DCMI commands with C1 while it boots",
    "dcmi-c1-to-user": "refuses DCMI power commands to the role user with C1 instead of D4",
    "dcmi-cb-to-user": "the same with CB",
    "dcmi-d6-to-user": "the same with D6",
    "short-answer": "answers power readings with success and only 6 of the 18 bytes",
    "jump": "every `every`-th power reading is 40,000 W, which its own maximum knows nothing of",
    "negative": "power readings are -5 W, which is 65,531 on the wire",
    "statistics-zero": "minimum, maximum and average are 0",
    "period-1s": "the period of its statistics is always 1 s",
    "clock-1970": "its clock counts from 1970 on since it started",
    "chassis-off": "the chassis is off and draws 0 W",
}


def refused_to_user(quirks: frozenset[Quirk]) -> int | None:
    """Return the completion code by which DCMI power commands are refused to the role user, None if they are not."""
    return next((code for quirk, code in _REFUSED_TO_USER.items() if quirk in quirks), None)


_REFUSED_TO_USER: Final[dict[Quirk, int]] = {"dcmi-c1-to-user": 0xC1, "dcmi-cb-to-user": 0xCB, "dcmi-d6-to-user": 0xD6}
