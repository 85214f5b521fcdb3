"""CSV as PowerGraph writes it everywhere: `timestamp,consumption`."""

from __future__ import annotations

from collections.abc import Iterable

from powergraph_collector.days import iso
from powergraph_collector.model import Sample

HEADER = b"timestamp,consumption\n"


def rows(samples: Iterable[Sample]) -> bytes:
    """One line a sample, in the order given."""
    return "".join(f"{iso(sample.at_ms)},{sample.power_w}\n" for sample in samples).encode()


def table(samples: Iterable[Sample]) -> bytes:
    """A whole file: the header and one line a sample."""
    return HEADER + rows(samples)
