"""`powergraph probe`: what a BMC offers, field by field, before anybody relies on it."""

from __future__ import annotations

import threading

import click

from powergraph_collector.commands import collecting
from powergraph_collector.commands.bmc_options import BmcOptions, bmc_options, bmc_table, settings_for
from powergraph_collector.commands.frame import EXIT_CODE_OF_REASON, CommandError, ExitCode
from powergraph_collector.days import iso
from powergraph_collector.sources import registry
from powergraph_collector.sources.contract import NoReading
from powergraph_collector.sources.ipmi import dcmi, sensors
from powergraph_collector.sources.ipmi.knowledge import Knowledge
from powergraph_collector.sources.ipmi.lan import LanReader
from powergraph_collector.sources.ipmi.login import Login
from powergraph_collector.sources.ipmi.message import SUCCESS, Response
from powergraph_collector.sources.ipmi.reading import CHASSIS_STATUS
from powergraph_collector.sources.ipmi.sdr import SensorError
from powergraph_collector.sources.ipmi.sdr_walk import Conversation
from powergraph_collector.stopping import stop_on_signals

Findings = list[tuple[str, str]]


@click.command(name="probe")
@bmc_options
def command(*, named: BmcOptions) -> ExitCode:
    """Log in to one BMC and show what it says of power: DCMI, limit, watt sensors, chassis."""
    if named.reader != "lan":
        raise CommandError("probe speaks to the BMC itself: leave out --reader", ExitCode.USAGE)
    target = settings_for(bmc_table(named)).bmcs[0]
    login = registry.access_of(target)
    assert isinstance(login, Login)  # noqa: S101 -- the options name a BMC that speaks IPMI
    answers: list[Findings | NoReading] = []
    lan = LanReader()
    stop = threading.Event()
    with stop_on_signals(stop):
        lan.hold(login, _explore, answers.append)
        while not stop.is_set() and not answers:
            lan.work(0.2)
        lan.close()
    if not answers:
        return ExitCode.INTERRUPTED
    answer = answers[0]
    if isinstance(answer, NoReading):
        code = EXIT_CODE_OF_REASON.get(answer.reason, ExitCode.NO_POWER)
        raise CommandError(f"{target.place}: {answer.detail}. {collecting.advice(answer.reason)}", code)
    for name, value in answer:
        click.echo(f"{name:<18} {value}")
    return ExitCode.DONE


def _explore(knowledge: Knowledge, now_s: float) -> Conversation[Findings]:
    """Ask for everything that has to do with power."""
    del knowledge, now_s
    found: Findings = []
    found.append(("DCMI", _capabilities((yield dcmi.capabilities(dcmi.SUPPORTED_CAPABILITIES)))))
    found += _reading((yield dcmi.POWER_READING))
    found.append(("power limit", _limit((yield dcmi.POWER_LIMIT))))
    chassis = yield CHASSIS_STATUS
    if chassis.code == SUCCESS and chassis.data:
        found.append(("chassis", "on" if chassis.data[0] & 1 else "off"))
    try:
        choice = yield from sensors.find_watt_sensors()
        names = ", ".join(f"{each.name} (entity 0x{each.entity:02X}.{each.instance})" for each in choice.chosen)
        found.append(("watt sensors", names or choice.why_none))
        if choice.chosen:
            found.append(("their sum", f"{(yield from sensors.read_sum(choice.chosen)).power_w} W"))
    except (SensorError, dcmi.CompletionCode) as error:
        found.append(("watt sensors", str(error)))
    return found


def _capabilities(response: Response) -> str:
    try:
        promised = dcmi.parse_capabilities(response)
    except dcmi.DcmiError as error:
        return str(error)
    return f"{promised.major}.{promised.minor}, power management {'' if promised.power_management else 'not '}promised"


def _reading(response: Response) -> Findings:
    try:
        reading = dcmi.parse_power_reading(response)
    except dcmi.DcmiError as error:
        return [("power now", str(error))]
    statistics = f"minimum {reading.min_w} W, maximum {reading.max_w} W, average {reading.average_w} W"
    return [
        ("power now", f"{reading.current_w} W"),
        ("the BMC", "says that it measures" if reading.active else "says that it does not measure"),
        ("its statistics", f"{statistics}, over {reading.period_ms / 1000:g} s by its own word"),
        ("its clock", iso(reading.bmc_time_s * 1000)),
    ]


def _limit(response: Response) -> str:
    try:
        limit = dcmi.parse_power_limit(response)
    except dcmi.DcmiError as error:
        return str(error)
    return "none active" if limit is None else f"{limit.limit_w} W"
