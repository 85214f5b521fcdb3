"""The file that says which format a store has."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Final

from powergraph_collector.history import durable

FORMAT: Final = 3
READABLE_FORMATS: Final = frozenset({1, 2, FORMAT})
NAME: Final = ".format.json"  # with a leading dot, which no table's file has


class Unknown(StrEnum):
    """Why a store does not tell its format."""

    MISSING = "missing"
    DAMAGED = "damaged"


def read(root: Path) -> int | Unknown:
    """The format that a store tells. Raises OSError."""
    try:
        content = json.loads((root / NAME).read_bytes())
    except FileNotFoundError:
        return Unknown.MISSING
    except (ValueError, RecursionError):
        return Unknown.DAMAGED
    found = content.get("format") if isinstance(content, dict) else None
    return found if type(found) is int and found > 0 else Unknown.DAMAGED


def write(root: Path) -> None:
    """Say that a store has the present format. Raises OSError."""
    durable.replace(root / NAME, f'{{"format": {FORMAT}}}'.encode())
