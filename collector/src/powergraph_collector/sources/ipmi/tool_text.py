"""What ipmitool prints, taken apart: an answer of the BMC, or why there is none."""

from __future__ import annotations

import re

from powergraph_collector.model import Reason
from powergraph_collector.sources.contract import NoReading
from powergraph_collector.sources.ipmi.message import SUCCESS, Response

_BYTES = re.compile(r"(?:(?: [0-9a-f]{2}){1,16}\n)+|\n")
_REFUSED = re.compile(r"Unable to send RAW command \(.*rsp=0x([0-9a-f]{1,2})\)")
# After a login without an answer, ipmitool goes on without a session. These are what it asks first in one.
NO_SESSION = re.compile(r"Get Device ID command failed|Set Session Privilege Level to \w+ failed")
# After these, `ipmitool sdr dump` ends as if there were no more records.
DUMP_CUT = re.compile(r"SDR [0-9a-f]{4} command failed|SDR record id .*invalid length|renew SDR reservation")

NO_SUITE, NO_LOGIN = "no matching cipher suite", "no answer to the login"
# What `ipmitool -v` says of a session that did not come about, most telling first.
_COMPLAINTS = (
    (re.compile(r"RAKP 2 HMAC is invalid"), Reason.LOGIN_REFUSED, "incorrect password"),
    (re.compile(r"unauthorized name"), Reason.LOGIN_REFUSED, "unauthorized name"),
    (re.compile(r"invalid role|unauthorized role|Privilege Level to \w+ failed: .*0x8[01]"),
     Reason.LOGIN_REFUSED, "privilege refused"),
    (re.compile(r"no matching cipher suite|invalid (?:authentication|integrity) algorithm", re.IGNORECASE),
     Reason.LOGIN_REFUSED, NO_SUITE),
    (re.compile(r"insufficient resources"), Reason.NO_SESSION_SLOT, "all sessions of the BMC are taken"),
    (re.compile(r"not known|lookup for"), Reason.UNRESOLVABLE, "host name has no address"),
    (NO_SESSION, Reason.TIMEOUT, NO_LOGIN),
    (re.compile(r"unable to establish|Get Auth Capabilities error|timeout|no response|unable to send", re.IGNORECASE),
     Reason.TIMEOUT, "no answer"),
)  # fmt: skip


def response_of(printed: str, complaints: str) -> Response | NoReading:
    """What the BMC answered to `ipmitool -v raw` (1.8.15 to 1.8.19), of its standard output and its standard error."""
    if NO_SESSION.search(complaints):
        return complaint(complaints)
    refused = _REFUSED.search(complaints)
    if refused:
        return Response(int(refused[1], 16))
    if _BYTES.fullmatch(printed):
        return Response(SUCCESS, bytes.fromhex(printed))
    return complaint(complaints)


def complaint(text: str) -> NoReading:
    """What a failed run of `ipmitool -v` says."""
    for pattern, reason, detail in _COMPLAINTS:
        if pattern.search(text):
            return NoReading(reason, detail)
    last_line = next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")
    printable = "".join(letter for letter in last_line if letter.isprintable())[:200]
    return NoReading(Reason.BAD_ANSWER, f"ipmitool says: {printable}" if printable else "ipmitool printed no answer")
