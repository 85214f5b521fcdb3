"""The figures of a span in lines for people, and as a document for programs."""

from __future__ import annotations

from typing import Any, Final
from zoneinfo import ZoneInfo

from powergraph_collector import showing
from powergraph_collector.days import iso, moment
from powergraph_collector.doubts import doubt_names, doubt_words
from powergraph_collector.figures import Extreme, Figures
from powergraph_collector.rollups import FIVE_MINUTES_MS, HOUR_MS
from powergraph_collector.tariff import Tariff

BASE_RATE: Final = "base rate"
SIMULATED: Final = "note       these readings are simulated, not measured"
_ROW_WORDS: Final = {FIVE_MINUTES_MS: "5 minutes", HOUR_MS: "hour"}
_MEANS_WORDS: Final = {0: "", FIVE_MINUTES_MS: " (of 5-minute means)", HOUR_MS: " (of hourly means)"}
_MEANS_NAMES: Final = {0: "samples", FIVE_MINUTES_MS: "5-minute means", HOUR_MS: "hourly means"}


def lines(found: Figures, zone: ZoneInfo, tariff: Tariff | None, co2_g_per_kwh: float | None) -> list[str]:
    """A line a figure, as the page rounds them; times are those of a zone."""
    energy = found.energy
    digits = 1 if found.means_of_ms else 0
    share = showing.coverage(energy.covered_ms, found.span_ms) if found.span_ms > 0 else showing.NOTHING
    told = [
        f"span       {_time(found.from_ms, zone)} to {_time(found.to_ms, zone)}",
        f"energy     {showing.energy(energy.energy_wh)}",
        f"mean       {showing.watts(energy.mean_w, 1)}",
        f"p95        {showing.watts(found.p95_w, digits)}{_MEANS_WORDS[found.means_of_ms]}",
        f"minimum    {_extreme(found.minimum, zone)}",
        f"peak       {_extreme(found.peak, zone)}",
        f"base load  {showing.watts(found.base_w, digits)}{_MEANS_WORDS[found.means_of_ms]}",
    ]
    if tariff is not None:
        told.append(f"cost       {_money(tariff.cost(found.energies_ms_w), tariff)}{_parts(found, tariff)}")
    if co2_g_per_kwh is not None:
        told.append(f"CO2        {showing.co2(found.co2_g(co2_g_per_kwh))}")
    of_span = f"{showing.number(energy.covered_s)} s of {showing.number(found.span_ms / 1000)} s"
    told += [f"coverage   {share} ({of_span})", f"samples    {showing.number(energy.samples)}"]
    if found.of_rows_ms:
        rows = _ROW_WORDS[found.of_rows_ms]
        told.append(f"note       of rows of {rows}, whole ones: the samples of this span are not there any more")
    if (words := error_words(found)) is not None:
        told.append(f"error      {words}")
    if found.doubt:
        told.append(f"in doubt   {doubt_words(found.doubt)}")
    return told


def error_words(found: Figures) -> str | None:
    """What few samples mean for the error of a span; None where there are enough."""
    if not found.is_carried_by_few or found.span_ms <= 0:
        return None
    count, share = found.carried_by, showing.end_error(found.interval_ms, found.span_ms)
    carry = "1 sample carries" if count == 1 else f"{count} samples carry"
    return f"{carry} this span; its ends are uncertain by up to ± {share}"


def document(found: Figures, tariff: Tariff | None, co2_g_per_kwh: float | None) -> dict[str, Any]:
    """The exact figures; energies in Wh, times as in all published files."""
    energy = found.energy
    return {
        "from": iso(found.from_ms),
        "to": iso(found.to_ms),
        "samples": energy.samples,
        "energy_wh": energy.energy_wh,
        "mean_w": energy.mean_w,
        "p95_w": found.p95_w,
        "base_w": found.base_w,
        "percentiles_of": _MEANS_NAMES[found.means_of_ms],
        "min_w": energy.min_w,
        "min_at": found.minimum and iso(found.minimum.at_ms),
        "max_w": energy.max_w,
        "max_at": found.peak and iso(found.peak.at_ms),
        "extremes_within_s": found.of_rows_ms / 1000,
        "cost": None if tariff is None else _cost(found, tariff),
        "co2_g": None if co2_g_per_kwh is None else found.co2_g(co2_g_per_kwh),
        "covered_s": energy.covered_s,
        "span_s": found.span_ms / 1000,
        "coverage": found.coverage,
        "carried_by": found.carried_by,
        "end_error": found.end_error,
        "flags": doubt_names(found.doubt),
    }


def _cost(found: Figures, tariff: Tariff) -> dict[str, Any]:
    prices = [*((rate.name, rate.per_kwh) for rate in tariff.rates), (None, tariff.per_kwh)]
    return {
        "total": tariff.cost(found.energies_ms_w),
        "currency": tariff.currency,
        "rates": [
            {"name": name, "per_kwh": per_kwh, "energy_wh": energy_ms_w / 3_600_000}
            for (name, per_kwh), energy_ms_w in zip(prices, found.energies_ms_w, strict=True)
        ],
    }


def _parts(found: Figures, tariff: Tariff) -> str:
    """How much of the energy was at which rate, where there are several."""
    if not tariff.rates:
        return ""
    names = (*(rate.name for rate in tariff.rates), BASE_RATE)
    parts = zip(names, found.energies_ms_w, strict=True)
    return f" ({', '.join(f'{name} {showing.energy(of_rate / 3_600_000)}' for name, of_rate in parts if of_rate)})"


def _money(amount: float, tariff: Tariff) -> str:
    return showing.cost(amount) + (f" {tariff.currency}" if tariff.currency else "")


def _extreme(extreme: Extreme | None, zone: ZoneInfo) -> str:
    if extreme is None:
        return showing.NOTHING
    when = f"in the {_ROW_WORDS[extreme.within_ms]} from" if extreme.within_ms else "at"
    return f"{showing.watts(extreme.power_w)} {when} {_time(extreme.at_ms, zone)}"


def _time(at_ms: int, zone: ZoneInfo) -> str:
    return moment(at_ms, zone).isoformat(timespec="seconds")
