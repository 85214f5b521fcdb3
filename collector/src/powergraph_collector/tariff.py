"""What energy costs at a moment: a base rate and rates by time of day, in the local time of the collector's zone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal
from zoneinfo import ZoneInfo

from powergraph_collector.days import moment

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: Final[tuple[Weekday, ...]] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MS_W_PER_KWH: Final = 3_600_000_000


@dataclass(frozen=True, slots=True)
class Rate:
    """A price at certain times: on `weekdays` (0 is Monday) from one minute of the day to another.

    Where `to_minute` is not after `from_minute`, it is that of the next day; the weekday is that of the beginning.
    """

    name: str
    weekdays: frozenset[int]
    from_minute: int
    to_minute: int
    per_kwh: float

    def holds_at(self, weekday: int, minute: int) -> bool:
        """Whether this rate holds at a local time."""
        if self.from_minute < self.to_minute:
            return weekday in self.weekdays and self.from_minute <= minute < self.to_minute
        if minute >= self.from_minute:
            return weekday in self.weekdays
        return minute < self.to_minute and (weekday - 1) % 7 in self.weekdays


@dataclass(frozen=True, slots=True)
class Tariff:
    """The base rate and those that hold instead at their times, the first that fits; a currency is ISO 4217."""

    zone: ZoneInfo
    per_kwh: float
    rates: tuple[Rate, ...] = ()
    currency: str | None = None

    def rate_at(self, at_ms: int) -> int:
        """The index of the rate in force: of `rates`, or their number for the base rate."""
        if not self.rates:
            return 0
        local = moment(at_ms, self.zone)
        weekday, minute = local.weekday(), local.hour * 60 + local.minute
        fits = (index for index, rate in enumerate(self.rates) if rate.holds_at(weekday, minute))
        return next(fits, len(self.rates))

    def split(self, rows: Iterable[tuple[int, int]]) -> tuple[int, ...]:
        """The energy of each rate, the base rate last, of rows: (begin in ms, energy in ms·W)."""
        energies = [0] * (len(self.rates) + 1)
        for at_ms, energy_ms_w in rows:
            energies[self.rate_at(at_ms)] += energy_ms_w
        return tuple(energies)

    def cost(self, energies_ms_w: Iterable[int]) -> float:
        """What the energies of the rates cost together, in the currency."""
        prices = (*(rate.per_kwh for rate in self.rates), self.per_kwh)
        cost = 0.0
        for energy_ms_w, per_kwh in zip(energies_ms_w, prices, strict=True):
            cost += energy_ms_w / _MS_W_PER_KWH * per_kwh
        return cost
