"""Which of a BMC's watt sensors are the power of its machine, and why; pure, and in doubt none.

What vendors call their sensors says more than where they file them. A word that is not known, or two sensors that
could both be the machine and disagree, are no ground for a guess: `power_sensors` of the BMC settles it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from powergraph_collector.sources.ipmi.sdr import SensorError, WattSensor
from powergraph_collector.sources.ipmi.sensor_names import About, Meaning, Role, meaning

MOST_POWER_W: Final = 100_000
NOT_SURE: Final = "no sensor is surely the machine's power; name those that are in power_sensors"

_POWER_SUPPLY, _POWER_UNIT = 0x0A, 0x13
_SUPPLY_ENTITIES: Final = frozenset({_POWER_SUPPLY, _POWER_UNIT})
# System board, power system board, power unit, power distribution board, chassis: a bare "Power" there is of it all.
_SYSTEM_ENTITIES: Final = frozenset({0x07, 0x0E, _POWER_UNIT, 0x15, 0x17})
# Processors, disks, memory, add-in cards, panels, fans and the like: a bare "Input Power" there is theirs.
_PART_ENTITIES: Final = frozenset(
    {0x03, 0x04, 0x05, 0x08, 0x09, 0x0B, 0x0C, 0x0F, 0x10, 0x12}
    | {0x14, 0x1A, 0x1B, 0x1D, 0x1E, 0x20, 0x2B, 0x2C, 0x2D, 0x41}
)  # fmt: skip
_AGREE_W, _AGREE_SHARE = 10.0, 0.05  # as far apart as two sensors of the same power are seen to be

# Who is asked first. What is not said to be this machine alone comes after what is.
_SYSTEM_RANKS: Final = (
    frozenset({About.NODE}),
    frozenset({About.TOTAL, About.SYSTEM}),
    frozenset({About.METER}),
    frozenset({About.INPUT}),
    frozenset({About.CHASSIS}),
    frozenset({About.POWER}),
)
_WHY_NOT: Final = {
    About.PART: "it measures a part of the machine",
    About.LIMIT: "it tells a limit or an extreme, not what is drawn",
    About.AVERAGE: "it tells an average",
    About.SUPPLY: "it measures one supply",
    About.CHASSIS: "it measures the chassis",
}

Readings = Mapping[WattSensor, float | None]


@dataclass(frozen=True, slots=True)
class Considered:
    """A watt sensor, whether it was chosen, and why or why not; `reading` is its watts, if it was read and had any."""

    sensor: WattSensor
    is_chosen: bool
    why: str
    reading: float | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """The sensors whose sum is the machine's power, none if no sensors surely are; and all that there were.

    `is_average`: there is nothing but a mean over some interval of the BMC's.
    """

    chosen: tuple[WattSensor, ...] = ()
    considered: tuple[Considered, ...] = ()
    is_average: bool = False

    @property
    def why_none(self) -> str:
        """A clause that says why no sensor was chosen."""
        if not self.considered:
            return "no watt sensor in its SDRs"
        names = ", ".join(each.sensor.name for each in self.considered[:8])
        return f"{NOT_SURE} (there {'is' if len(self.considered) == 1 else 'are'} {names})"


@dataclass(frozen=True, slots=True)
class _Candidate:
    sensor: WattSensor
    says: Meaning
    about: About
    reading: float | None

    @property
    def has_value(self) -> bool:
        return self.reading is not None and 0 < self.reading <= MOST_POWER_W


class _Undecided(Exception):  # noqa: N818 -- not an error: it ends the search
    """Several sensors could be meant and disagree; the message says how."""


def choose(
    sensors: Sequence[WattSensor], readings: Readings, names: Sequence[str] = (), *, is_on: bool = True
) -> Choice:
    """Those that `names` names, in that order, else those that surely are the machine's. Raises SensorError."""
    candidates = [_candidate(sensor, readings.get(sensor)) for sensor in sensors]
    if names:
        return _told(_named(candidates, names), candidates, "power_sensors names it")
    try:
        chosen, why = _found(candidates, is_on=is_on)
    except _Undecided as doubt:
        return _told([], candidates, "", str(doubt))
    return _told(chosen, candidates, why)


def _candidate(sensor: WattSensor, reading: float | None) -> _Candidate:
    says = meaning(sensor.name)
    return _Candidate(sensor, says, _about(sensor, says), reading)


def _about(sensor: WattSensor, says: Meaning) -> About:
    """What a sensor measures, by its name and, where that leaves it open, by where it is filed."""
    is_numbered = bool(says.mark)  # several of them: supplies, wherever a vendor files these
    if says.about in {About.INPUT, About.POWER} and sensor.entity == _POWER_SUPPLY:
        return About.SUPPLY
    if says.about in {About.INPUT, About.POWER, About.METER} and is_numbered and sensor.entity in _SUPPLY_ENTITIES:
        return About.SUPPLY
    if says.about in {About.INPUT, About.POWER, About.METER, About.AVERAGE} and sensor.entity in _PART_ENTITIES:
        return About.PART
    return says.about


def _found(candidates: list[_Candidate], *, is_on: bool) -> tuple[list[_Candidate], str]:
    """While the machine is on, what has watts goes before what has none or 0: some sensors are only listed.

    While it is off that proves nothing: its own sensor may rest, and the supplies of its chassis feed its neighbours.
    """
    for is_valued in (True, False) if is_on else (False,):
        machine = [each for each in candidates if _can_be_machine(each)]
        own = [each for each in machine if each.about is About.NODE]
        machine = own or [each for each in machine if each.has_value >= is_valued]
        for rank in _SYSTEM_RANKS:
            ranked = [each for each in machine if each.about in rank and each.says.role is not Role.OUTPUT]
            if ranked:
                return [_of_rank(ranked)], "it measures the whole machine"
        supplies = _supplies(candidates)
        if supplies and any(each.has_value for each in supplies) >= is_valued:
            return supplies, "one sensor of every supply, summed"
        outputs = [each for each in machine if each.says.role is Role.OUTPUT]
        if outputs:
            return [_agreed(outputs)], "it measures what the supplies give to the whole machine"
    averages = [each for each in candidates if _is_usable_average(each)]
    if averages:
        return [_agreed(averages)], "there is nothing but this average of the whole machine"
    return [], ""


def _can_be_machine(each: _Candidate) -> bool:
    if each.sensor.flaw or each.says.unknown or each.about in {About.PART, About.LIMIT, About.AVERAGE, About.SUPPLY}:
        return False
    if each.about in {About.INPUT, About.POWER} and each.says.mark:
        return False  # one of several
    return each.about is not About.POWER or each.sensor.entity in _SYSTEM_ENTITIES


def _is_usable_average(each: _Candidate) -> bool:
    says = each.says
    return not (each.sensor.flaw or says.unknown or says.mark) and each.about is About.AVERAGE


def _of_rank(ranked: list[_Candidate]) -> _Candidate:
    """The one of equally good words: a total beats a system where it is the greater (of it the system is a part)."""
    totals = [each for each in ranked if each.about is About.TOTAL]
    others = [each for each in ranked if each.about is not About.TOTAL]
    if not totals or not others:
        return _agreed(ranked)
    total, other = _agreed(totals), _agreed(others)
    return total if (total.reading or 0.0) >= (other.reading or 0.0) else other


def _agreed(ranked: list[_Candidate]) -> _Candidate:
    """The first of several that tell the same, inputs before others. Raises _Undecided.

    Sensors that differ by a number alone never are the same: two supplies that share a load also tell like watts.
    """
    whole = [each for each in ranked if not each.says.mark] or ranked
    best = min(each.says.role for each in whole)
    same = [each for each in whole if each.says.role == best]
    if len(same) == 1:
        return same[0]
    told = [each.reading or 0.0 for each in same]
    are_twins = len({each.sensor.name for each in same}) < len(same) or any(each.says.mark for each in same)
    if are_twins or not any(told) or not _agree(told):
        names = ", ".join(f"{each.sensor.name} ({_shown(each.reading)})" for each in same)
        raise _Undecided(f"any of these could be the machine: {names}")
    return same[0]


def _agree(told: list[float]) -> bool:
    return max(told) - min(told) <= max(_AGREE_W, _AGREE_SHARE * max(told))


def _shown(reading: float | None) -> str:
    return "no reading" if reading is None else f"{reading:.0f} W"


def _supplies(candidates: list[_Candidate]) -> list[_Candidate]:
    """The best sensor of every supply: one with a reading before one without, input before output.

    A supply that cannot be read now stays one of them, so that its absence shows in every sum. Raises _Undecided.
    """
    chosen: list[_Candidate] = []
    for group in _by_supply([each for each in candidates if each.about is About.SUPPLY]):
        chosen += _of_supply(group)
    if all(each.sensor.flaw for each in chosen):
        return []
    return sorted(chosen, key=lambda each: (each.sensor.instance, each.sensor.lun, each.sensor.number))


def _of_supply(group: list[_Candidate]) -> list[_Candidate]:
    """The best of what may be one supply; several, where it is one name at several instances. Raises _Undecided."""
    best = min(group, key=_supply_rank)
    if best.says.unknown:
        raise _Undecided(f"{best.sensor.name} seems to be of a supply, and what of it is not known")
    twins = [each for each in group if (each.sensor.name, each.sensor.flaw) == (best.sensor.name, best.sensor.flaw)]
    if len({each.sensor.instance for each in twins}) < len(twins):
        raise _Undecided(f"several supplies have a sensor {best.sensor.name}, and nothing tells them apart")
    valued = [each for each in group if each.has_value and not each.says.unknown]
    peers = [each for each in valued if (each.says.role, each.says.mark) == (best.says.role, best.says.mark)]
    is_split = len({each.says.rest for each in peers}) > 1  # two inlets of one supply, or what is not seen through
    if is_split or (len(twins) == 1 and peers and not _agree([each.reading or 0.0 for each in peers])):
        names = ", ".join(f"{each.sensor.name} ({_shown(each.reading)})" for each in peers)
        raise _Undecided(f"any of these could be the supply: {names}")
    return twins


def _by_supply(members: list[_Candidate]) -> list[list[_Candidate]]:
    """Sensors of one supply together: by the number in their names, by their instance where names have none."""
    marks: dict[int, set[str]] = {}
    for each in members:
        if each.says.mark:
            marks.setdefault(each.sensor.instance, set()).add(each.says.mark)
    groups: dict[tuple[str, int], list[_Candidate]] = {}
    for each in members:
        here = marks.get(each.sensor.instance, set())
        if each.says.mark or len(here) == 1:
            groups.setdefault((each.says.mark or next(iter(here)), -1), []).append(each)
        elif not here:
            groups.setdefault(("", each.sensor.instance), []).append(each)
        # else it is one without a number beside numbered ones of the same instance: of all of them, or a twin of one
    return list(groups.values())


def _supply_rank(each: _Candidate) -> tuple[bool, bool, bool, bool, Role, int, int]:
    sensor, says = each.sensor, each.says
    return (
        *(bool(sensor.flaw), bool(says.unknown), not each.has_value, not says.mark),
        *(says.role, sensor.lun, sensor.number),
    )


def _named(candidates: list[_Candidate], names: Sequence[str]) -> list[_Candidate]:
    """A name stands for all sensors that bear it, which is how some BMCs call their supplies. Raises SensorError."""
    chosen: list[_Candidate] = []
    for name in names:
        bearers = [each for each in candidates if each.sensor.name == name.strip()]
        bearers = bearers or [each for each in candidates if each.sensor.name.casefold() == name.strip().casefold()]
        if not bearers:
            there = ", ".join(dict.fromkeys(each.sensor.name for each in candidates)) or "none"
            raise SensorError(f"power_sensors names {name}, which the BMC does not have; its watt sensors: {there}")
        readable = [each for each in bearers if not each.sensor.flaw]
        if not readable:
            raise SensorError(f"power_sensors names {name}, which cannot be read: {bearers[0].sensor.flaw}")
        chosen += [each for each in readable if each not in chosen]
    return chosen


def _told(chosen: list[_Candidate], candidates: list[_Candidate], why: str, doubt: str = "") -> Choice:
    considered = []
    for each in candidates:
        because = why if each in chosen else _why_not(each, doubt, something_chosen=bool(chosen))
        considered.append(Considered(each.sensor, each in chosen, because, each.reading))
    is_average = any(each.about is About.AVERAGE for each in chosen)
    return Choice(tuple(each.sensor for each in chosen), tuple(considered), is_average)


def _why_not(each: _Candidate, doubt: str, *, something_chosen: bool) -> str:
    """The first of the reasons that applies."""
    is_bare = each.about is About.POWER and each.sensor.entity not in _SYSTEM_ENTITIES
    is_doubtful = doubt and each.about not in _WHY_NOT
    reasons = (
        (each.sensor.flaw, each.sensor.flaw),
        (each.about in {About.PART, About.LIMIT}, _WHY_NOT.get(each.about, "")),
        (each.says.unknown, f"its name says what PowerGraph does not know: {' '.join(each.says.unknown)}"),
        (each.reading is None, "it has no reading now"),
        (not 0 <= (each.reading or 0) <= MOST_POWER_W, "its reading is implausible"),
        (each.about is About.SUPPLY and something_chosen, "another sensor tells more of what it measures"),
        (each.about is About.SUPPLY and doubt, doubt),
        (is_bare, "nothing says that it is of the whole machine"),
        (is_doubtful, doubt),
        (something_chosen, _WHY_NOT.get(each.about, "another sensor is surer")),
    )
    return next((why for applies, why in reasons if applies), _WHY_NOT.get(each.about, NOT_SURE))
