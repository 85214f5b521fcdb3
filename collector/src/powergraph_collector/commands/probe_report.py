"""A probe's report: for people, for scripts, and as the entry of an inventory."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from powergraph_collector.model import Doubt
from powergraph_collector.sources.contract import NoReading, Probed, ProbedSensor

_LABEL_WIDTH: Final = 18
_WITHOUT_QUOTES: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_YAML_WORDS: Final = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
_DOUBTS: Final = {
    Doubt.INACTIVE: "the BMC says that it does not measure, yet gives a value",
    Doubt.PARTIAL: "not all sensors have a reading",
    Doubt.JUMP: "it is above twice the maximum that the BMC itself has seen",
    Doubt.AVERAGED: "it is the BMC's mean over an interval",
}

Entry = Mapping[str, Any]


def verdict_words(found: Probed) -> str:
    """The verdict as one sentence without its full stop."""
    verdict = found.verdict
    if isinstance(verdict, NoReading):
        return f"no power: {verdict.detail}"
    doubts = [words for doubt, words in _DOUBTS.items() if doubt in verdict.doubt]
    if verdict.doubt_detail:
        doubts.append(verdict.doubt_detail)
    words = f"reads {verdict.power_w} W by {found.by}"
    return f"{words} ({'; '.join(doubts)})" if doubts else words


def text(found: Probed, entry: Entry) -> str:
    """The report for people; where there is no power, the verdict is told as what went wrong, and not here."""
    return "".join(f"{line}\n" for line in _paragraphs(found, entry))


def _paragraphs(found: Probed, entry: Entry) -> Iterator[str]:
    is_reading = not isinstance(found.verdict, NoReading)
    if is_reading:
        yield f"{verdict_words(found)}\n"
    lines = [*found.lines, *_of_login(found), *(("warning", warning) for warning in found.warnings)]
    yield from (f"{name:<{_LABEL_WIDTH}} {value}" for name, value in lines)
    if found.sensors:
        yield "\nwatt sensors, * those whose sum is the machine's power where DCMI does not tell it:"
        width = max(len(each.name) for each in found.sensors)
        yield from (_of_sensor(each, width) for each in found.sensors)
    if is_reading:
        yield "\nfor the inventory:"
        yield yaml(entry)


def _of_login(found: Probed) -> Iterator[tuple[str, str]]:
    if found.slowest_s is not None:
        yield "slowest answer", f"{found.slowest_s:.3f} s"
    if found.login:
        yield "logged in with", ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in found.login.items())


def _of_sensor(sensor: ProbedSensor, width: int) -> str:
    reading = "no reading" if sensor.power_w is None else f"{sensor.power_w:g} W"
    return f"{'*' if sensor.is_chosen else ' '} {sensor.name:<{width}}  {reading:>10}  {sensor.why}"


def yaml(entry: Entry) -> str:
    """The entry as Ansible's `collector_bmcs` wants it; a password is never part of it."""
    marks = ("  - ", *["    "] * (len(entry) - 1))
    lines = (f"{mark}{key}: {_yaml_value(value)}" for mark, (key, value) in zip(marks, entry.items(), strict=True))
    return "\n".join(("collector_bmcs:", *lines))


def _yaml_value(value: Any) -> str:
    if isinstance(value, str):
        is_number_like = re.fullmatch(r"[0-9_.eExXoO+:-]+", value) and value.count(".") < 2
        is_plain = _WITHOUT_QUOTES.fullmatch(value) and value.lower() not in _YAML_WORDS and not is_number_like
        return value if is_plain else json.dumps(value, ensure_ascii=False)
    if isinstance(value, tuple):
        return "[" + ", ".join(json.dumps(each, ensure_ascii=False) for each in value) + "]"
    return f"{value:g}" if isinstance(value, float) else str(value)


def fields(found: Probed, entry: Entry) -> dict[str, Any]:
    """The report for scripts."""
    verdict = found.verdict
    reads: dict[str, Any]
    if isinstance(verdict, NoReading):
        reads = {"reads": False, "reason": verdict.reason.value, "detail": verdict.detail}
    else:
        doubts = [doubt.name.lower() for doubt in _DOUBTS if doubt in verdict.doubt and doubt.name]
        reads = {"reads": True, "power_w": verdict.power_w, "source": verdict.source.value, "flags": doubts}
    return {
        "verdict": {**reads, "text": verdict_words(found), "advice": found.advice},
        "found": dict(found.lines),
        "sensors": [
            {"name": each.name, "power_w": each.power_w, "chosen": each.is_chosen, "why": each.why}
            for each in found.sensors
        ],
        "warnings": list(found.warnings),
        "slowest_s": None if found.slowest_s is None else round(found.slowest_s, 4),
        "login": dict(found.login),
        "entry": None if isinstance(verdict, NoReading) else dict(entry),
    }
