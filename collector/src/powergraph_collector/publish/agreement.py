"""What of the store the files of a BMC agree with: a small file beside them, written when they are safe on the disk.

It saves reading the whole store at every start. Days of the store that are not as they were then, or that it does not
know, are written anew; without it, all are.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from powergraph_collector.history import durable

FILE: Final = ".agreed.json"
_FORMAT: Final = 1


def load(folder: Path, zone: str) -> dict[str, str]:
    """The stamps of the UTC days that the files agree with, none where the zone is another. Raises OSError."""
    try:
        found = json.loads((folder / FILE).read_bytes())
        if found["format"] != _FORMAT or found["zone"] != zone:
            return {}
        return {str(day): str(stamp) for day, stamp in found["days"].items()}
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def save(folder: Path, zone: str, stamps: dict[str, str]) -> None:
    """Write it down; what it speaks of must be safe on the disk before. Raises OSError."""
    document = {"format": _FORMAT, "zone": zone, "days": stamps}
    durable.replace(folder / FILE, (json.dumps(document, separators=(",", ":")) + "\n").encode())
