"""The files of published days: which there are, and which have been published for long enough."""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import date
from pathlib import Path

from powergraph_collector.retention import expired

_OF_DAY = re.compile(r"(\d{4}-\d{2}-\d{2})\.(csv|events\.json)(\.gz|\.br)?")


def by_day(folder: Path) -> dict[date, list[Path]]:
    """The files of each day in a BMC's folder, twins among them. Raises OSError."""
    found: dict[date, list[Path]] = defaultdict(list)
    if folder.is_dir():
        for path in folder.iterdir():
            if (match := _OF_DAY.fullmatch(path.name)) and (day := _day(match[1])):
                found[day].append(path)
    return found


def expired_files(folder: Path, today: date, keep_days: int) -> dict[date, list[Path]]:
    """Those of days that were kept for long enough, ascending; twins come before what they are twins of."""
    files = by_day(folder)
    return {day: sorted(files[day], key=lambda path: -len(path.name)) for day in expired(files, today, keep_days)}


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
