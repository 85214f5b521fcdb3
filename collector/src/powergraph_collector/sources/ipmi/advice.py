"""What a probe tells people: what to try where there is no power, and what a BMC should not offer (pure)."""

from __future__ import annotations

from typing import Final

from powergraph_collector.model import Reason
from powergraph_collector.sources.ipmi.exploring import Lines
from powergraph_collector.sources.ipmi.greeting import Greeting
from powergraph_collector.sources.ipmi.refusals import SWITCHED_OFF as PORT_CLOSED
from powergraph_collector.sources.ipmi.refusals import status_words

__all__ = ["PORT_CLOSED", "greeting_lines", "of", "warnings"]

_CHECK_NETWORK: Final = (
    "Check --host and --port, that IPMI over LAN is switched on in the BMC's settings, and that no firewall is between."
)
_OF_REASON: Final = {
    Reason.TIMEOUT: f"{_CHECK_NETWORK} A slow BMC wants a longer --timeout.",
    Reason.UNREACHABLE: _CHECK_NETWORK,
    Reason.PORT_CLOSED: "Switch it on in the BMC's settings (iLO: Security, Access Settings, IPMI/DCMI over LAN; "
    "iDRAC: Connectivity, Network, IPMI Settings; XCC: Network, IPMI over LAN; eBMC: Security and access, "
    "Policies), or check --port.",
    Reason.UNRESOLVABLE: "Check --host.",
    Reason.NO_SESSION_SLOT: "Wait for more than a minute, or close other sessions of the BMC.",
    Reason.LOGIN_REFUSED: "Check --user and the password, and that this user may log in over LAN.",
    Reason.BUSY: "It may be booting: probe again in some minutes.",
    Reason.NOT_MEASURING: "Is the machine on? Else look for power measuring in the BMC's settings.",
    Reason.IMPLAUSIBLE: "Probe again while the machine is on; if it stays so, look for newer firmware of the BMC.",
    Reason.BAD_ANSWER: "Try --reader ipmitool; --record FILE keeps what the BMC says, to be sent with a report.",
    Reason.NOT_SUPPORTED: "Look for newer firmware of the BMC, or for a licence that its power readings want.",
}
_NAME_SENSORS: Final = "Give those that are the machine's power with --power-sensor NAME, and in power_sensors later."


def of(reason: Reason, *, has_sensors: bool = False) -> str:
    """What to try; `has_sensors` where there are watt sensors of which none was chosen."""
    if reason is Reason.NOT_SUPPORTED and has_sensors:
        return _NAME_SENSORS
    return _OF_REASON.get(reason, "")


def greeting_lines(greeting: Greeting) -> Lines:
    """What a BMC told before a login; nothing of one that said nothing."""
    if not greeting.answers:
        return ()
    lines = [("presence ping", "answered" if greeting.pongs else "not answered")]
    told = greeting.authentication
    if told is not None:
        speaks = "IPMI 2.0" if told.speaks_20 else "not IPMI 2.0, which PowerGraph needs"
        lines.append(("before a login", f"speaks {speaks}{', has a group key (Kg)' if told.has_group_key else ''}"))
    if greeting.suites:
        lines.append(("cipher suites", ", ".join(map(str, greeting.suites))))
    lines += [(f"login by suite {suite}", _of_status(status)) for suite, status in greeting.opens]
    return tuple(lines)


def _of_status(status: int) -> str:
    return "would be begun" if status == 0 else f"refused: {status_words(status)}"


def warnings(greeting: Greeting) -> tuple[str, ...]:
    """What of a BMC lets strangers in."""
    told = greeting.authentication
    opens_zero = (0, 0) in greeting.opens
    found = (
        (opens_zero, "it begins logins by cipher suite 0, which asks for no password: switch it off"),
        (
            0 in greeting.suites and not opens_zero,
            "it offers cipher suite 0, which asks for no password: see that it is switched off for every user",
        ),
        (told is not None and told.is_anonymous, "it has a user without a name: disable it, or give it a password"),
        (
            told is not None and told.takes_no_password,
            "it offers IPMI 1.5 logins without a password: switch them off",
        ),
    )
    return tuple(text for applies, text in found if applies)
