"""Rollup rows as CSV lines, in a form that gives back every number exactly.

Energy is counted in ms·W (which are mJ) and covered time in ms, both whole. Nine decimals of a watt hour are more than
enough to tell one mJ from the next: reading rounds to it, so that the sum of any number of rows does not drift.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from powergraph_collector.days import iso, ms_of
from powergraph_collector.energy import Energy
from powergraph_collector.rollups import Row

_COLUMNS = 7
CELLS = b"mean_w,min_w,max_w,energy_wh,covered_s,samples\n"
HEADER = b"timestamp," + CELLS
_NANO = 1_000_000_000


def lines(rows: Iterable[Row]) -> list[bytes]:
    """One line a row, each with its newline."""
    return [_line(row) for row in rows]


def _line(row: Row) -> bytes:
    return f"{iso(row.at_ms)},{cells(row.energy)}\n".encode()


def cells(of: Energy) -> str:
    """The numbers of a row, without when it was."""
    mean = f"{of.energy_ms_w / of.covered_ms:.3f}" if of.covered_ms else ""
    nano_wh = (of.energy_ms_w * 5000 + 9) // 18  # rounded; a ms·W is 5000/18 nWh
    energy_wh = f"{nano_wh // _NANO}.{nano_wh % _NANO:09d}"
    covered_s = f"{of.covered_ms // 1000}.{of.covered_ms % 1000:03d}"
    return f"{mean},{of.min_w},{of.max_w},{energy_wh},{covered_s},{of.samples}"


@dataclass(frozen=True, slots=True)
class Columns:
    """Rows as columns of equal length: what reads thousands of them has it in half of the time."""

    at_ms: list[int]
    samples: list[int]
    covered_ms: list[int]
    energy_ms_w: list[int]
    min_w: list[int]
    max_w: list[int]

    def rows(self) -> list[Row]:
        """The same as rows."""
        energy = map(Energy, self.samples, self.covered_ms, self.energy_ms_w, self.min_w, self.max_w)
        return list(map(Row, self.at_ms, energy))


def columns_of(lines: Iterable[bytes]) -> Columns:
    """The inverse of lines; those that cannot be read are passed over."""
    lines = list(lines)
    try:
        return _columns(lines)
    except ValueError:
        readable: list[bytes] = []
        for line in lines:
            with suppress(ValueError):
                _columns([line])
                readable.append(line)
        return _columns(readable)


def rows_of(lines: Iterable[bytes]) -> list[Row]:
    """The inverse of lines as rows."""
    return columns_of(lines).rows()


def _columns(lines: Sequence[bytes]) -> Columns:
    """All at once, as a year has thousands. Raises ValueError."""
    cells = b"".join(lines).decode("ascii").replace("\n", ",").split(",")
    if len(cells) != _COLUMNS * len(lines) + 1:
        raise ValueError("a line is short or long")
    at, _, min_w, max_w, energy_wh, covered_s, samples = (cells[column:-1:_COLUMNS] for column in range(_COLUMNS))
    if not all(wh[-10:-9] == "." and s[-4:-3] == "." for wh, s in zip(energy_wh, covered_s, strict=True)):
        raise ValueError("a number has other decimals")
    return Columns(
        list(map(ms_of, at)),
        list(map(int, samples)),
        [int(s[:-4] + s[-3:]) for s in covered_s],
        [(int(wh[:-10] + wh[-9:]) * 18 + 2500) // 5000 for wh in energy_wh],
        list(map(int, min_w)),
        list(map(int, max_w)),
    )
