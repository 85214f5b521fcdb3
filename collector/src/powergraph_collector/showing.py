"""Figures as people read them: the page shows the same digits, by `Intl.NumberFormat` in English.

Rounding is half up, of the shortest decimal that is the double, as that of `Intl`; shares of coverage are cut, so that
only what is whole is 100 %.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Final

NOTHING: Final = "–"


def number(value: float, digits: int = 0) -> str:
    """`13,227.41`."""
    return f"{Decimal(repr(value)).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP):,f}"


def watts(value: float | None, digits: int = 0) -> str:
    """`1,284 W`; means have one digit more."""
    return NOTHING if value is None else f"{number(value, digits)} W"


def energy(energy_wh: float) -> str:
    """`13,227.41 Wh`."""
    return f"{number(energy_wh, 2)} Wh"


def cost(amount: float) -> str:
    """`3.97`, or `0.0397` below one."""
    return number(amount, 4 if 0 < amount < 1 else 2)


def co2(mass_g: float) -> str:
    """`438 g`, or `5.026 kg` from 1 kg on."""
    return f"{number(mass_g)} g" if mass_g < 1000 else f"{number(mass_g / 1000, 3)} kg"


def coverage(covered_ms: int, span_ms: int) -> str:
    """`99.65 %` of a span that is not empty."""
    hundredths = covered_ms * 10_000 // span_ms
    return "100 %" if hundredths >= 10_000 else f"{hundredths // 100}.{hundredths % 100:02d} %"


def end_error(interval_ms: int, span_ms: int) -> str:
    """`2.4 %`: by how much a span may be wrong whose ends are uncertain by an interval each."""
    return f"{number(100 * interval_ms / span_ms, 1)} %"
