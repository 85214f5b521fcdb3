"""What an owner runs first at a BMC that speaks IPMI: is it read, how, and if not, why and what to try.

The verdict is that of the very conversation that reads power, so that a probe promises what collecting keeps. All ends
in bounded time: a login within its own limits, and all that follows by `LIMIT_S`; what is known by then is told.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from math import ceil
from typing import Any, Final

from powergraph_collector.model import Reason, Source
from powergraph_collector.sources.contract import Interrupted, NoReading, Probed, Reading
from powergraph_collector.sources.ipmi import advice, knocking, probe_record, probe_replay
from powergraph_collector.sources.ipmi.exploring import NO_SENSORS, Lines, Sensors, probed_sensors
from powergraph_collector.sources.ipmi.greeting import Greeting
from powergraph_collector.sources.ipmi.lan import LanReader
from powergraph_collector.sources.ipmi.login import Login, login_of
from powergraph_collector.sources.ipmi.probe_protocol import Kind, Protocol
from powergraph_collector.sources.ipmi.settings import DEFAULT_TIMEOUT_S, LONGEST_TIMEOUT_S, IpmiBmc
from powergraph_collector.sources.ipmi.tool import ToolReader
from powergraph_collector.sources.ipmi.ways import Way

LIMIT_S: Final = 240.0  # some hundred sensor records of a slow BMC
PATIENT_TIMEOUT_S: Final = 8.0  # of a BMC that is there and did not answer in time
_READINGS: Final = 3  # of a BMC that says "busy": some say it to every first question
_AGAIN_S: Final = 1.0
_WORK_S: Final = 0.2
_COMFORT: Final = 0.6  # of `timeout_s`: slower answers want a longer one
_ALLOWANCE: Final = 2.0

_BY: Final = {Source.DCMI: "DCMI", Source.TOOL: "DCMI, through ipmitool", Source.SDR: "its watt sensors"}


def knock(host: str, port: int, timeout_s: float) -> Probed:
    """What can be known of a BMC before a login."""
    try:
        greeting = knocking.greet(host, port, timeout_s, opens=True)
    except knocking.NoAddress as error:
        return _without_contact(Reason.UNREACHABLE, str(error))
    if greeting.is_closed:
        return _without_contact(Reason.PORT_CLOSED, advice.PORT_CLOSED)
    if not greeting.answers:
        return _without_contact(Reason.TIMEOUT, f"no answer within {timeout_s:g} s to anything that needs no login")
    return Probed(
        NoReading(Reason.LOGIN_REFUSED, "it answers, and gives no power before a login"),
        advice="Give --user and a password to read it.",
        lines=advice.greeting_lines(greeting),
        warnings=advice.warnings(greeting),
        slowest_s=greeting.slowest_s,
    )


def _without_contact(reason: Reason, detail: str) -> Probed:
    return Probed(NoReading(reason, detail), advice=advice.of(reason))


def probe(bmc: IpmiBmc, *, is_stopped: Callable[[], bool], keeps_record: bool) -> Probed:
    """Look at a BMC with its user and password. Raises Interrupted, ToolMissing."""
    login = login_of(bmc)
    greeting = _greeting(login)
    look = _Look(login, bmc.reader, is_stopped, keeps_record)
    look.hold_all()
    is_there = greeting.answers or look.way is not None
    if _is_silence(look.verdict) and is_there and login.timeout_s < PATIENT_TIMEOUT_S:
        look = _Look(replace(login, timeout_s=PATIENT_TIMEOUT_S), bmc.reader, is_stopped, keeps_record)
        look.hold_all()
    return _report(bmc, greeting, look)


def _is_silence(verdict: Reading | NoReading) -> bool:
    return isinstance(verdict, NoReading) and verdict.reason is Reason.TIMEOUT


def _greeting(login: Login) -> Greeting:
    try:
        return knocking.greet(login.host, login.port, login.timeout_s, opens=False)
    except knocking.NoAddress:
        return Greeting()  # the login says why


@dataclass(slots=True)
class _Look:
    """The conversations with one BMC, by one reader and one login; `way` is how it was let in, if it was."""

    login: Login
    reader_name: str
    is_stopped: Callable[[], bool]
    keeps_record: bool
    protocol: Protocol = field(init=False)
    verdict: Reading | NoReading = field(init=False)
    lines: Lines = ()
    sensors: Sensors = NO_SENSORS
    way: Way | None = None
    until_s: float = field(init=False)

    def __post_init__(self) -> None:
        self.protocol = Protocol(self.login.power_sensors)
        self.verdict = NoReading(Reason.TIMEOUT, f"nothing came of it within {LIMIT_S:.0f} s")
        self.until_s = time.monotonic() + LIMIT_S

    def hold_all(self) -> None:
        """Read; then, if there was a login, ask for all else."""
        with self._reader() as reader:
            for attempt in range(_READINGS):
                told = self._held(reader, Kind.READING)
                if told is not None:
                    self.verdict = told
                if not (isinstance(told, NoReading) and told.again_soon) or attempt == _READINGS - 1:
                    break
                self._pause(reader, _AGAIN_S)
            self.way = reader.way_of(self.login.name)
            if not self.has_heard():
                return
            for kind in (Kind.REST, Kind.SENSORS):
                told = self._held(reader, kind)
                if isinstance(told, NoReading):
                    break
                self._keep(kind, told)
                self.way = reader.way_of(self.login.name) or self.way

    def has_heard(self) -> bool:
        """Whether the BMC said anything after a login."""
        return any(each.response is not None for each in self.protocol.exchanges())

    def _keep(self, kind: Kind, told: Any) -> None:
        if kind is Kind.REST:
            self.lines = told or ()
        elif told is not None:
            self.sensors = told
        else:
            self.sensors = Sensors(None, f"not all were told within {LIMIT_S:.0f} s")

    def _held(self, reader: LanReader | ToolReader, kind: Kind) -> Any:
        """The result of a conversation, None if it did not come in time. Raises Interrupted."""
        begin = probe_replay.begin(self.protocol, kind)
        answers: list[Any] = []
        heard = self.protocol.hears(kind, begin, one_by_one=self.keeps_record)
        reader.hold(self.login, heard, answers.append)
        while not answers and time.monotonic() < self.until_s:
            self._work(reader)
        return answers[0] if answers else None

    def _pause(self, reader: LanReader | ToolReader, seconds: float) -> None:
        end_s = time.monotonic() + seconds
        while time.monotonic() < end_s:
            self._work(reader)

    def _work(self, reader: LanReader | ToolReader) -> None:
        if self.is_stopped():
            raise Interrupted
        reader.work(_WORK_S)

    @contextmanager
    def _reader(self) -> Iterator[LanReader | ToolReader]:
        is_tool = self.reader_name == "ipmitool"
        reader = ToolReader(judges_at_once=True) if is_tool else LanReader(judges_at_once=True)
        try:
            yield reader
        finally:
            reader.close()

    @property
    def slowest_s(self) -> float | None:
        """How long the slowest answer took."""
        return max((each.took_s for each in self.protocol.exchanges() if each.response is not None), default=None)


def _report(bmc: IpmiBmc, greeting: Greeting, look: _Look) -> Probed:
    verdict = look.verdict
    if isinstance(verdict, Reading) and verdict.source is Source.DCMI and look.reader_name == "ipmitool":
        verdict = replace(verdict, source=Source.TOOL)
    is_reading = isinstance(verdict, Reading)
    choice = look.sensors.choice
    has_sensors = bool(choice and choice.considered)
    sensor_line = () if has_sensors else (("watt sensors", _why_no_sensors(look.sensors)),)
    lines = (*look.lines, *(sensor_line if look.lines else ()), *advice.greeting_lines(greeting))
    return Probed(
        verdict,
        by=_BY[verdict.source] if isinstance(verdict, Reading) else "",
        advice=""
        if isinstance(verdict, Reading)
        else advice.of(verdict.reason, has_sensors=bool(choice and choice.considered)),
        lines=lines,
        sensors=probed_sensors(choice),
        warnings=advice.warnings(greeting),
        slowest_s=look.slowest_s,
        login={"privilege": look.way.privilege, "cipher_suite": look.way.suite} if look.way else {},
        entry=_entry(bmc, look) if is_reading else {},
        record=_record(look, bmc) if look.keeps_record else "",
    )


def _why_no_sensors(sensors: Sensors) -> str:
    return sensors.choice.why_none if sensors.choice else sensors.why_unknown


def _entry(bmc: IpmiBmc, look: _Look) -> dict[str, str | int | float | tuple[str, ...]]:
    """What the settings of the BMC should name, in their order."""
    entry: dict[str, str | int | float | tuple[str, ...]] = {}
    if bmc.reader != "lan":
        entry["reader"] = bmc.reader
    if bmc.privilege != "auto" or (look.way and look.way.privilege != "user"):
        entry["privilege"] = look.way.privilege if look.way else bmc.privilege
    if bmc.cipher_suite != "auto" or (look.way and look.way.suite != 17):
        entry["cipher_suite"] = look.way.suite if look.way else bmc.cipher_suite
    timeout_s = max(_timeout_s(look), bmc.timeout_s if bmc.timeout_s != DEFAULT_TIMEOUT_S else 0.0)
    if timeout_s:
        entry["timeout_s"] = timeout_s
    if bmc.power_sensors:
        entry["power_sensors"] = bmc.power_sensors
    return entry


def _timeout_s(look: _Look) -> float:
    """A time limit that leaves the BMC some air; 0 where the usual one does.

    A run of ipmitool is a login and more, so that how long it takes says nothing of a single answer.
    """
    slowest_s = look.slowest_s or 0.0
    if look.reader_name != "lan" or slowest_s <= _COMFORT * DEFAULT_TIMEOUT_S:
        return 0.0
    return min(float(ceil(_ALLOWANCE * slowest_s)), LONGEST_TIMEOUT_S)


def _record(look: _Look, bmc: IpmiBmc) -> str:
    """What was said, stripped, with the verdict that its replay comes to; nothing where nothing was said."""
    if not look.has_heard():
        return ""
    private = (bmc.host, bmc.user, bmc.name, bmc.password.get_secret_value(), bmc.kg.get_secret_value())
    protocol = probe_record.stripped(look.protocol, private)
    return probe_record.written(protocol, probe_replay.replay(protocol).verdict or look.verdict)
