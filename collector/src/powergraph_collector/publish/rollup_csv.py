"""Rollup rows as CSV lines, in a form that gives back every number exactly.

Energy is counted in ms·W (which are mJ) and covered time in ms, both whole. Nine decimals of a watt hour are more than
enough to tell one mJ from the next: reading rounds to it, so that the sum of any number of rows does not drift.
"""

from __future__ import annotations

from collections.abc import Iterable

from powergraph_collector.days import iso, ms_of
from powergraph_collector.energy import Energy
from powergraph_collector.rollups import Row

HEADER = b"timestamp,mean_w,min_w,max_w,energy_wh,covered_s,samples\n"
_MS_W_PER_WH = 3_600_000
_NANO = 1_000_000_000


def lines(rows: Iterable[Row]) -> list[bytes]:
    """One line a row, each with its newline."""
    return [_line(row) for row in rows]


def _line(row: Row) -> bytes:
    of = row.energy
    mean = f"{of.energy_ms_w / of.covered_ms:.3f}" if of.covered_ms else ""
    nano_wh = (of.energy_ms_w * (_NANO // 200_000) + 9) // 18  # rounded: 3,600,000 is 18 times 200,000
    energy_wh = f"{nano_wh // _NANO}.{nano_wh % _NANO:09d}"
    covered_s = f"{of.covered_ms // 1000}.{of.covered_ms % 1000:03d}"
    return f"{iso(row.at_ms)},{mean},{of.min_w},{of.max_w},{energy_wh},{covered_s},{of.samples}\n".encode()


def row_of(line: bytes) -> Row:
    """The inverse of a line. Raises ValueError."""
    at, _, min_w, max_w, energy_wh, covered_s, samples = line.decode("ascii").rstrip("\n").split(",")
    covered_ms, energy_ms_w = round(float(covered_s) * 1000), round(float(energy_wh) * _MS_W_PER_WH)
    return Row(ms_of(at), Energy(int(samples), covered_ms, energy_ms_w, int(min_w), int(max_w)))
