"""What was learned about how one BMC gives its power, and what to ask it for next (pure, but for the time handed in).

DCMI is in one of three states. UNKNOWN: no usable DCMI reading has come yet; DCMI is asked, and where it fails, the
watt sensors may stand in. WORKING: DCMI has given readings; whatever it says now, the sensors do not stand in, since
the two may differ, and a BMC that boots, or stumbles once, says that it has no DCMI. ABSENT: several refusals in a row
over some minutes were believed; the sensors are read, and DCMI is asked again at each new session and now and then.

Only the conversation in `reading` and the reader that holds it change this, from one thread.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from powergraph_collector.sources.ipmi.cap import CapWatch
from powergraph_collector.sources.ipmi.message import UNKNOWN_COMMAND_CODES
from powergraph_collector.sources.ipmi.sensor_choice import Choice

REFUSALS_BELIEVED: Final = 5  # in a row, and over BELIEVED_AFTER_S, of a session that is as old
BELIEVED_AFTER_S: Final = 180.0
USELESS_ANSWERS: Final = 3  # in a row: 0 W, 65535 W, too short, silence, codes that mean no "later"
TRANSIENT_ANSWERS: Final = 10  # the same of "busy" and its like
AGAIN_S: Final = 600.0  # for DCMI where nothing else gives watts, or where its answers were useless; for a walk in vain
ABSENT_AGAIN_S: Final = 86_400.0  # where the sensors give watts: a firmware update may bring DCMI
WORKED_FOR_S: Final = 86_400.0  # DCMI that has given nothing for so long is unknown again
NOT_PRESENT: Final = 0xCB
_PERHAPS_PRIVILEGE: Final = UNKNOWN_COMMAND_CODES | {NOT_PRESENT}  # some BMCs say these to a USER instead of 0xD4
REFUSALS_BEFORE_MORE: Final = 2


class Dcmi(Enum):
    """What is known of a BMC's DCMI power reading."""

    UNKNOWN = auto()
    WORKING = auto()
    ABSENT = auto()


class MorePrivilege(Enum):
    """Whether a higher privilege was tried for a command that the BMC says it does not know."""

    UNTRIED = auto()
    TRYING = auto()
    IN_VAIN = auto()


class PrivilegeTooLow(Exception):  # noqa: N818
    """The BMC wants a higher privilege for this command, by completion code 0xD4 or perhaps by another."""


@dataclass(slots=True)
class Knowledge:
    """See the module. All times are monotonic, in seconds, but `heard_ms`: when the last response arrived, in UTC.

    `names` are the sensors that the settings name: then they alone are read. `judges_at_once` is for a command that
    reads once and remembers nothing: it does not wait some minutes before it looks elsewhere.
    """

    names: tuple[str, ...] = ()
    judges_at_once: bool = False
    sensors: Choice | None = None
    cap: CapWatch = field(default_factory=CapWatch)
    heard_ms: int = 0
    dcmi: Dcmi = Dcmi.UNKNOWN
    more_privilege: MorePrivilege = MorePrivilege.UNTRIED
    can_climb: bool = False
    _session_since_s: float | None = None
    _worked_at_s: float = 0.0
    _refusals: int = 0
    _refused_since_s: float = 0.0
    _useless: float = 0
    _dcmi_again_at_s: float = 0.0
    _sensors_again_at_s: float = 0.0
    _steps_down: bool = False
    _lacks_privilege: bool = False

    def begin_session(self, now_s: float, *, can_climb: bool) -> None:
        """A session was opened; `can_climb` tells whether a higher privilege may be asked for."""
        self._session_since_s, self.can_climb = now_s, can_climb
        if not self._lacks_privilege:
            self._dcmi_again_at_s = 0.0
        self.cap.begin_session()

    def asks_dcmi(self, now_s: float) -> bool:
        """Whether a reading asks for DCMI first."""
        return not self.names and now_s >= self._dcmi_again_at_s

    def expects_dcmi(self, now_s: float) -> bool:
        """Whether a reading is likely to be one answer of DCMI, and no more."""
        return self.dcmi is Dcmi.WORKING and now_s >= self._dcmi_again_at_s

    def asks_sensors(self, now_s: float) -> bool:
        """Whether the sensors may stand in for DCMI that has just failed."""
        if self.dcmi is Dcmi.ABSENT:
            return True
        if self.dcmi is Dcmi.WORKING or (self._has_none() and now_s < self._sensors_again_at_s):
            return False
        return bool(self._refusals) or self._useless >= (1 if self.judges_at_once else USELESS_ANSWERS)

    def _has_none(self) -> bool:
        """Whether the records were gone through, and no sensor is surely the machine's power."""
        return self.sensors is not None and not self.sensors.chosen

    def dcmi_worked(self, now_s: float) -> None:
        """DCMI gave watts."""
        self.dcmi, self._worked_at_s = Dcmi.WORKING, now_s
        self._refusals = self._useless = 0

    def dcmi_refused(self, code: int, now_s: float) -> None:
        """DCMI was answered as a command that is not known. Raises PrivilegeTooLow where that may be the reason."""
        if not self._refusals:
            self._refused_since_s = now_s
        self._refusals += 1
        self._useless = 0
        if self._is_forgotten(now_s):
            self.dcmi = Dcmi.UNKNOWN
        if self.dcmi is not Dcmi.WORKING and code in _PERHAPS_PRIVILEGE:
            self._perhaps_climb()
        if self.dcmi is Dcmi.ABSENT or (self.dcmi is Dcmi.UNKNOWN and self._is_believed(now_s)):
            self.give_up_dcmi(now_s)

    def _perhaps_climb(self) -> None:
        if self.more_privilege is MorePrivilege.TRYING:
            self.more_privilege = MorePrivilege.IN_VAIN
            self._steps_down = True
        enough = self.judges_at_once or self._refusals >= REFUSALS_BEFORE_MORE
        if self.more_privilege is MorePrivilege.UNTRIED and self.can_climb and enough:
            self.more_privilege = MorePrivilege.TRYING
            raise PrivilegeTooLow

    def _is_forgotten(self, now_s: float) -> bool:
        return self.dcmi is Dcmi.WORKING and now_s - self._worked_at_s > WORKED_FOR_S

    def _is_believed(self, now_s: float) -> bool:
        if self.judges_at_once:
            return self._refusals >= REFUSALS_BEFORE_MORE
        since_s = max(self._refused_since_s, self._session_since_s or 0.0)
        return self._refusals >= REFUSALS_BELIEVED and now_s - since_s >= BELIEVED_AFTER_S

    def dcmi_useless(self, now_s: float, *, is_transient: bool) -> None:
        """DCMI was answered with nothing that is power, or not at all."""
        self._refusals = 0
        self._useless += USELESS_ANSWERS / TRANSIENT_ANSWERS if is_transient else 1
        if self._is_forgotten(now_s):
            self.dcmi = Dcmi.UNKNOWN

    def give_up_dcmi(self, now_s: float) -> None:
        """Read the sensors from now on; look again at the next session, or after a while."""
        self.dcmi = Dcmi.ABSENT
        self._dcmi_again_at_s = now_s + (AGAIN_S if self.sensors is None or self._has_none() else ABSENT_AGAIN_S)

    def steps_down(self) -> bool:
        """Whether a higher privilege was of no use and is to be left again; asked once."""
        steps_down, self._steps_down = self._steps_down, False
        return steps_down

    def privilege_is_refused(self, now_s: float) -> None:
        """No higher privilege is to be had than the one that DCMI was refused with."""
        if self.more_privilege is MorePrivilege.TRYING:
            self.more_privilege = MorePrivilege.IN_VAIN
        else:
            self._lacks_privilege = True
            self.give_up_dcmi(now_s)

    def sensors_worked(self, now_s: float) -> None:
        """The sensors stood in for DCMI."""
        if self.dcmi is Dcmi.ABSENT:
            self._dcmi_again_at_s = max(self._dcmi_again_at_s, now_s + ABSENT_AGAIN_S)
        elif not self._refusals:
            self._dcmi_again_at_s = now_s + AGAIN_S

    def may_look_again(self, now_s: float) -> bool:
        """Whether the records were last gone through so long ago that it may be done again, for sensors that fail."""
        return now_s >= self._sensors_again_at_s

    def looks_for_sensors(self, now_s: float) -> bool:
        """Whether to go through the records; where there are no watt sensors in them, only now and then."""
        if self.sensors is not None and (self.sensors.chosen or now_s < self._sensors_again_at_s):
            return False
        self._sensors_again_at_s = now_s + AGAIN_S
        return True
