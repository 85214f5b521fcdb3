"""Published files for a page to read, written by the contract of docs/published-files.md."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

Row = tuple[int, int]
# Of an overview's last 24 hours.
STEP_S, STEPS = 900, 96


def ms(text: str) -> int:
    """A UTC time as ms."""
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def iso(at_ms: int) -> str:
    """The form of all published files."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def csv(rows: Iterable[Row]) -> str:
    return "timestamp,consumption\n" + "".join(f"{iso(at)},{watts}\n" for at, watts in rows)


def every(
    interval_s: float, begin: str | int, end: str | int, watts: Callable[[int], int] = lambda i: 400 + i % 50
) -> list[Row]:
    """Rows at an interval, the end not included."""
    first, last = (each if isinstance(each, int) else ms(each) for each in (begin, end))
    step = round(interval_s * 1000)
    return [(at, watts(i)) for i, at in enumerate(range(first, last, step))]


class Collector:
    """One collector's folder."""

    def __init__(self, data: Path, name: str, now_ms: Callable[[], int], zone: str = "UTC") -> None:
        self.folder = data / name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.name, self.now_ms, self.zone = name, now_ms, zone
        self.bmcs: dict[str, dict[str, Any]] = {}
        self.readings: dict[str, dict[str, Any]] = {}
        self.summaries: dict[str, dict[str, Any]] = {}

    def bmc(self, name: str, **fields: Any) -> None:
        """Add a machine that answered two seconds ago."""
        defaults = {"title": "", "group": "", "interval_s": 10.0, "simulated": False, "days": []}
        self.bmcs[name] = {"name": name} | defaults | fields
        self.reading(name)
        (self.folder / name).mkdir(exist_ok=True)

    def reading(self, name: str, **fields: Any) -> None:
        usual = {"state": "fresh", "at": iso(self.now_ms() - 2000), "power_w": 436, "age_s": 2.0, "source": "dcmi"}
        self.readings[name] = usual | {"flags": [], "reason": None, "detail": None, "since": None} | fields
        self.write_now()

    def write_now(self, **fields: Any) -> None:
        head = {"format": 1, "collector": self.name, "written_at": iso(self.now_ms()), "refresh_s": 5}
        self._json("now.json", head | {"bmcs": self.readings} | fields)

    def write_index(self, **fields: Any) -> None:
        head = {"format": 1, "collector": self.name, "zone": self.zone, "written_at": iso(self.now_ms())}
        self._json(
            "index.json", head | {"csv_interval_s": 300, "tail_length": 300, "bmcs": [*self.bmcs.values()]} | fields
        )

    def day(self, name: str, day: str, content: list[Row] | str, events: list[dict[str, Any]] | None = None) -> Path:
        """Publish a day's samples and events, and the index that knows of it."""
        path = self.folder / name / f"{day}.csv"
        path.write_text(content if isinstance(content, str) else csv(content))
        head = {"format": 1, "bmc": name, "day": day, "zone": self.zone, "interval_s": self.bmcs[name]["interval_s"]}
        self._json(f"{name}/{day}.events.json", head | {"events": events or []})
        if [day, day] not in self.bmcs[name]["days"]:
            self.bmcs[name]["days"] = sorted([*self.bmcs[name]["days"], [day, day]])
        self.write_index()
        return path

    def rows(self, name: str, day: str) -> list[Row]:
        """A day's rows as they stand in the file."""
        lines = (self.folder / name / f"{day}.csv").read_text().splitlines()[1:]
        return [(ms(at), int(watts)) for at, watts in (line.split(",") for line in lines)]

    def append(self, name: str, day: str, text: str) -> None:
        with (self.folder / name / f"{day}.csv").open("a") as file:
            file.write(text)

    def summary(
        self, name: str, means: int | list[int | None] = 400, highs: int | list[int | None] = 500, **today: Any
    ) -> None:
        """What `overview.json` says of a machine: the same watts all day, or those of each quarter of an hour."""
        passed_s = (self.now_ms() - self.midnight(self.today)) / 1000
        usual = {"energy_wh": 3210.5, "covered_s": passed_s, "min_w": 100, "max_w": 500, "samples": 4000}
        mean_w, max_w = (each if isinstance(each, list) else [each] * STEPS for each in (means, highs))
        self.summaries[name] = {"today": usual | today, "mean_w": mean_w, "max_w": max_w}

    def write_overview(self, **fields: Any) -> None:
        """Of all machines that a `summary` was given of; the last step is the one that the present moment is in."""
        step_ms = STEP_S * 1000
        end = (self.now_ms() // step_ms + 1) * step_ms
        head = {
            "format": 1,
            "collector": self.name,
            "written_at": iso(self.now_ms()),
            "day": self.today,
            "day_from": iso(self.midnight(self.today)),
            "from": iso(end - STEPS * step_ms),
            "step_s": STEP_S,
            "steps": STEPS,
        }
        self._json("overview.json", head | {"bmcs": self.summaries} | fields)

    @property
    def today(self) -> str:
        return datetime.fromtimestamp(self.now_ms() / 1000, ZoneInfo(self.zone)).date().isoformat()

    def midnight(self, day: str) -> int:
        return round(datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(self.zone)).timestamp() * 1000)

    def _json(self, path: str, value: Any) -> None:
        target = self.folder / path
        half = target.with_suffix(".tmp")
        half.write_text(json.dumps(value))
        half.replace(target)
