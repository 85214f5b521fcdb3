"""Which ways into a BMC to try, in what order, and what was learned of them: privilege and cipher suite (pure).

The lowest privilege that does comes first, and cipher suite 17 before 3. A BMC's refusals lead on from one to the next;
what worked is remembered and comes first next time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from powergraph_collector.sources.contract import NoReading

PRIVILEGES: Final = {"user": 2, "operator": 3, "administrator": 4}
_STRONGER, _WEAKER = 17, 3


class Way(NamedTuple):
    """A way into a BMC: a privilege by its name, and a cipher suite."""

    privilege: str
    suite: int


@dataclass(slots=True)
class Privileges:
    """The levels to try, from the lowest on; `wanted_by_dcmi` while a higher one is tried for DCMI's sake alone."""

    levels: tuple[int, ...]
    rung: int = 0
    wanted_by_dcmi: bool = False

    @classmethod
    def named(cls, name: str) -> Privileges:
        """Those that a setting names: one, or all by `auto`."""
        return cls(tuple(PRIVILEGES.values()) if name == "auto" else (PRIVILEGES[name],))

    @property
    def level(self) -> int:
        """The level to log in with, by its number in IPMI."""
        return self.levels[self.rung]

    @property
    def name(self) -> str:
        """The name of that level."""
        return next(name for name, level in PRIVILEGES.items() if level == self.level)

    @property
    def can_climb(self) -> bool:
        """Whether there is a higher level to try."""
        return self.rung + 1 < len(self.levels)

    def climb(self) -> bool:
        """Go to the next higher level, and remember it; False if there is none, then the lowest is next."""
        self.rung = self.rung + 1 if self.can_climb else 0
        return self.rung > 0

    def came_for_dcmi(self) -> bool:
        """Whether levels were tried for DCMI's sake alone, while a lower one had been let in; asked once."""
        wanted, self.wanted_by_dcmi = self.wanted_by_dcmi, False
        return wanted


class Suites:
    """The cipher suite to try next, `suite`; `given` is the only one, None lets the BMC's answers choose.

    A login tries the other suite at most once (`is_second_try`). That a BMC's code of suite 17 may be wrong, although
    the password is right, is believed once in its life, since each attempt counts where accounts get locked.
    """

    __slots__ = ("_has_worked", "_is_free", "_is_second_try", "_may_be_defective", "first_refusal", "suite")

    def __init__(self, given: int | None) -> None:
        self.suite = _STRONGER if given is None else given
        self.first_refusal: NoReading | None = None
        self._is_free = given is None
        self._has_worked = False
        self._is_second_try = False
        self._may_be_defective = True

    def worked(self) -> None:
        """A handshake came to its end with this suite."""
        self._has_worked = True
        self._is_second_try, self.first_refusal = False, None

    def is_not_answered(self) -> bool:
        """Some BMCs say nothing to a suite that they lack; returns whether another is next. One that worked stays."""
        if not self._is_free or self._has_worked:
            return False
        self._change()
        return True

    def is_refused(self, answer: NoReading) -> bool:
        """The BMC lacks the suite; returns whether another is to be tried at once."""
        return self._is_free and self._try_the_other(answer)

    def is_defective(self, answer: NoReading) -> bool:
        """The BMC's code of the suite is wrong; returns whether another is to be tried at once.

        Of a BMC that was let in this way before, a wrong code means a wrong password.
        """
        is_suspect = self.suite == _STRONGER and self._may_be_defective and not self._has_worked
        if self._is_second_try or (self._is_free and is_suspect):
            self._may_be_defective = False
            return self._try_the_other(answer)
        return False

    def _try_the_other(self, answer: NoReading) -> bool:
        """Go to the other suite; False if both were tried: the first is next again, and its refusal is the answer."""
        self._change()
        self._is_second_try = not self._is_second_try
        if self._is_second_try:
            self.first_refusal = answer
        return self._is_second_try

    def _change(self) -> None:
        self.suite = _STRONGER + _WEAKER - self.suite
