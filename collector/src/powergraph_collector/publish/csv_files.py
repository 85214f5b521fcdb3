"""CSV as PowerGraph writes it everywhere: `timestamp,consumption`."""

from __future__ import annotations

from collections.abc import Iterable

from powergraph_collector.days import iso
from powergraph_collector.model import Sample

HEADER = b"timestamp,consumption\n"


def lines(samples: Iterable[Sample]) -> list[bytes]:
    """One line a sample, each with its newline, in the order given."""
    return [f"{iso(sample.at_ms)},{sample.power_w}\n".encode() for sample in samples]


def rows(samples: Iterable[Sample]) -> bytes:
    """The lines together."""
    return b"".join(lines(samples))


def table(samples: Iterable[Sample]) -> bytes:
    """A whole file: the header and one line a sample."""
    return HEADER + rows(samples)
