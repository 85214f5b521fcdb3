"""What the name of a watt sensor says about what it measures, in the words that vendors use."""

from __future__ import annotations

import re
from enum import Enum, IntEnum, auto
from typing import Final, NamedTuple


class About(Enum):
    """What a sensor measures, by its name alone."""

    PART = auto()  # a processor, fans, a rail: not all of the machine
    LIMIT = auto()  # what may be drawn, or was drawn at most
    AVERAGE = auto()
    SUPPLY = auto()
    NODE = auto()  # this machine and not its neighbours in the same chassis
    TOTAL = auto()
    SYSTEM = auto()
    METER = auto()
    INPUT = auto()  # of what, is not said
    CHASSIS = auto()
    POWER = auto()  # nothing but that it is power


class Role(IntEnum):
    """On which side of the supplies a sensor measures; what is billed comes first."""

    INPUT = 0
    UNTOLD = 1
    OUTPUT = 2


class Meaning(NamedTuple):
    """What a name says: `mark` is its first number, or its letter, `rest` those that follow.

    `unknown` are the words that PowerGraph does not know.
    """

    about: About
    role: Role
    mark: str
    rest: str
    unknown: tuple[str, ...]


_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_GLUED: Final = re.compile(r"(power|pwr|watts?)", re.IGNORECASE)
_RAIL: Final = re.compile(r"(?<![0-9A-Za-z])[Pp]?\d+([.,]\d+)?[Vv](?![A-Za-z])")  # 12V, P3V3, 1.8V


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_POWER = _set(
    "power pwr pw watts watt w sensor reading rdng value now cur curr current present instantaneous instant inst real "
    "active unit monitor mon meas measured dcmi"
)
_INPUT = frozenset({"in", "input", "pin", "inlet", "ac", "vin"})
_OUTPUT = frozenset({"out", "output", "pout", "dc"})
_SUPPLY = frozenset({"ps", "psu", "pws", "pmb", "pem", "supply", "supplies"})
_MARKS = frozenset({"a", "b", "c", "d", "e", "f", "l", "r", "left", "right", "upper", "lower"})
_PARTS = _set(
    "cpu cpus proc processor processors core cores socket soc vcpu vr vrm vrd vdd vcc vcore mem memory dimm dimms dram "
    "ddr ram fan fans cooling pump hdd hdds disk disks drive drives ssd nvme sas sata raid storage gpu gpus "
    "accelerator pcie pci pch nic ocp lan mezz mezzanine riser slot slots card io chipset cache "
    "bridge switch asic fpga usb bmc backplane bp hsbp midplane standby stby stb sb aux battery bbu rail led"
)
_LIMITS = _set(
    "limit lim cap caps capping capped rated rating max maximum min minimum peak high low budget available avail "
    "headroom threshold thresh thr capacity allocated alloc allocation reserved reserve nominal allowed allowable "
    "potential loss target setpoint redundant redundancy warning warn critical alert estimated est required"
)
_AVERAGES = frozenset({"avg", "average", "averaged", "mean"})
# In the order in which they decide.
_MACHINES: Final = (
    (About.NODE, frozenset({"node", "blade", "sled"})),
    (About.TOTAL, frozenset({"total", "tot", "overall", "whole"})),
    (About.SYSTEM, frozenset({"system", "sys", "server", "host", "platform", "machine"})),
    (About.CHASSIS, frozenset({"chassis", "enclosure"})),
    (About.METER, frozenset({"meter", "usage", "consumption", "consumed", "consump", "cons", "draw", "drawn"})),
)
# What says nothing alone: "System Level", "P_PSU1_PIN".
_BESIDES = {About.SYSTEM: frozenset({"level"}), About.TOTAL: frozenset({"level"}), About.SUPPLY: frozenset({"p"})}
_KNOWN = frozenset().union(_POWER, _INPUT, _OUTPUT, _SUPPLY, _MARKS, _AVERAGES, *(words for _, words in _MACHINES))


def meaning(name: str) -> Meaning:
    """What the name of a watt sensor says."""
    words = _words_of(name)
    told = set(words)
    numbers = [word.lstrip("0") or "0" for word in words if word.isdigit()]
    mark, *rest = [*numbers, *(word for word in words if word in _MARKS)] or [""]
    unknown = tuple(word for word in words if word not in _KNOWN and not word.isdigit())
    about = _about(name, told, mark)
    besides = _BESIDES.get(about, frozenset())
    unknown = tuple(word for word in unknown if word not in besides)
    if told & (_INPUT - {"ac"}) or (told & _INPUT and not told & _OUTPUT):
        role = Role.INPUT
    else:
        role = Role.OUTPUT if told & _OUTPUT else Role.UNTOLD
    return Meaning(about, role, mark, ".".join(rest), unknown)


def _about(name: str, told: set[str], mark: str) -> About:
    if _RAIL.search(name) or told & _PARTS:
        return About.PART
    if told & _LIMITS:
        return About.LIMIT
    if told & _AVERAGES:
        return About.AVERAGE
    machine = next((about for about, words in _MACHINES if told & words), None)
    if told & _SUPPLY and (mark or machine is not About.TOTAL):
        return About.SUPPLY
    if machine is not None:
        return machine
    return About.INPUT if told & (_INPUT | _OUTPUT) else About.POWER


def _words_of(name: str) -> list[str]:
    """SysPower, SYS_POWER and "Sys Power" are the same two words; "P In" is Pin."""
    words = [word.lower() for word in _WORDS.findall(_GLUED.sub(r" \1 ", name))]
    joined: list[str] = []
    for word in words:
        if word in {"in", "out"} and joined and joined[-1] == "p":
            joined[-1] += word
        else:
            joined.append(word)
    return joined
