"""What a history says of a collector's absence: since when nothing was collected, and what still lasts."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from powergraph_collector.days import FIRST_MS, LAST_MS
from powergraph_collector.energy import HOLDS_INTERVALS
from powergraph_collector.history.engine import History, HistoryAwayError
from powergraph_collector.model import Event, EventKind, Reason
from powergraph_collector.settings_model import Bmc

_DAY_MS: Final = 86_400_000

_log = logging.getLogger("powergraph")


def begun_again(history: History, bmcs: Iterable[Bmc], now_ms: int) -> list[Event]:
    """The events that say since when nothing was collected of a BMC, where that is known, and its interval if new.

    Caps that lasted when it was last heard of are among them, as they are: they last until the BMC says otherwise.
    """
    events: list[Event] = []
    for bmc in bmcs:
        if told_interval_s(history, bmc.name, now_ms) != bmc.interval_s:
            events.append(Event(bmc.name, EventKind.INTERVAL, now_ms, now_ms, value=bmc.interval_s))
    away = ""
    for bmc in bmcs:
        try:
            last = history.last(bmc.name, 1)
        except HistoryAwayError as error:
            away = away or str(error)
            last = []
        since_ms = last[-1].at_ms if last else 0
        told = [event for event in history.read_events(bmc.name, since_ms, now_ms + 1) if event.end_ms is None]
        lasting = [event for event in told if event.kind is EventKind.OUTAGE]
        events += [event for event in told if event.kind is EventKind.CAP][-1:]
        events += [replace(event, end_ms=max(now_ms, event.begin_ms)) for event in lasting]
        doubts = [event for event in told if event.kind is EventKind.DOUBT]
        events += [replace(event, end_ms=max(since_ms, event.begin_ms) + 1) for event in doubts]  # with the last sample
        if last and not lasting and now_ms - since_ms > HOLDS_INTERVALS * bmc.interval_s * 1000:
            detail = "the collector was not running"
            events.append(Event(bmc.name, EventKind.OUTAGE, since_ms, now_ms, Reason.COLLECTOR_STOPPED.value, detail))
    if away:
        _log.warning("not known of every BMC since when nothing was collected: %s", away)
    return events


def told_interval_s(history: History, bmc: str, now_ms: int) -> float | None:
    """The interval that the history was last told of, so that energy is known from it alone; None if of none."""
    for from_ms in (now_ms - 2 * _DAY_MS, now_ms - 60 * _DAY_MS, FIRST_MS):  # old events are seldom needed
        events = history.read_events(bmc, max(FIRST_MS, from_ms), LAST_MS)
        told = [event.value for event in events if event.kind is EventKind.INTERVAL]
        if told:
            return told[-1]
    return None
