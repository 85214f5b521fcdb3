"""`powergraph db rebuild` and its like: what they do to the published files, and what they say."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from tests.commands.test_commands import complaint, run

from powergraph_collector.history.tinydb_engine import TinyDbHistory
from powergraph_collector.model import Sample
from powergraph_collector.publish import ownership

DAY_MS = 86_400_000


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A store with three days of samples, the last of them the day before yesterday, and settings."""
    history = TinyDbHistory(tmp_path / "powergraph.db")
    begin_ms = (time.time_ns() // 1_000_000 // DAY_MS - 4) * DAY_MS
    for day in range(3):
        outcome = history.append([Sample("node01", begin_ms + day * DAY_MS + at * 60_000, 300) for at in range(1440)])
        assert not outcome.error
    history.close()
    config = tmp_path / "powergraph.toml"
    config.write_text(
        'name = "lab"\nstore = "powergraph.db"\npublish = "data"\n'
        '[[bmc]]\nname = "node01"\nhost = "192.0.2.1"\ninterval_s = 60.0\n'
    )
    return tmp_path


def published(site: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (site / "data/lab/node01").glob("20*")}


def test_rebuild_writes_days_and_rollups_and_then_leaves_them_alone(site: Path) -> None:
    code, out, err = run(site, "powergraph", "db", "rebuild", "--config", "powergraph.toml")
    assert (code, err) == (0, "")
    assert out.startswith("1 BMCs, 3 days: ")
    files = published(site)
    assert sum(name.count("-") == 2 and name.endswith(".csv") for name in files) == 3
    months = [name for name in files if name.count("-") == 1 and name.endswith(".csv")]
    rows = [row.split(",") for name in months for row in files[name].decode().splitlines()[1:]]
    assert sum(int(row[-1]) for row in rows) == 3 * 1440
    assert run(site, "powergraph", "db", "rebuild", "--config", "powergraph.toml")[1] == (
        "1 BMCs, 3 days: 0 files written, the others were right\n"
    )
    assert published(site) == files


def test_rebuild_leaves_files_alone_that_the_service_writes(site: Path) -> None:
    lock_fd = ownership.take(site / "data/lab")
    code, _, err = run(site, "powergraph", "db", "rebuild", "--config", "powergraph.toml")
    os.close(lock_fd)
    assert code == 6
    assert "stop it first" in complaint(err)
    assert published(site) == {}


def test_rebuild_knows_the_bmcs_of_the_settings_only(site: Path) -> None:
    code, _, err = run(site, "powergraph", "db", "rebuild", "--config", "powergraph.toml", "--bmc", "node02")
    assert (code, complaint(err)) == (7, "powergraph: no BMC node02 in powergraph.toml: it has node01")


def test_retention_shows_what_will_go_and_removes_nothing(site: Path) -> None:
    config = site / "powergraph.toml"
    limits = "keep_published_days = 1\nkeep_sample_days = 7\n"
    config.write_text(limits + config.read_text())
    assert run(site, "powergraph", "db", "retention", "--config", config)[1].splitlines() == [
        "published days are kept 1 days: nothing goes",
        "samples are kept 7 days: nothing goes",
    ]
    config.write_text(config.read_text().replace(limits, ""))
    run(site, "powergraph", "db", "rebuild", "--config", config)
    config.write_text(limits + config.read_text())
    before = {path: path.read_bytes() for path in site.rglob("*") if path.is_file()}
    last_day = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 20 * 86_400))
    code, out, err = run(site, "powergraph", "db", "retention", "--config", config, "--on", last_day)
    assert (code, err) == (0, "")
    published, stored = out.splitlines()
    of_days = list((site / "data/lab/node01").glob("*-*-*"))
    days, size = {path.name[:10] for path in of_days}, sum(path.stat().st_size for path in of_days)
    assert published == (
        f"published days are kept 1 days: {len(days)} days of 1 BMCs go, {min(days)} to {max(days)}, "
        f"{len(of_days)} files, {size:,} bytes"
    )
    assert stored.startswith("samples are kept 7 days: 3 days of 1 BMCs go, ")
    assert {path: path.read_bytes() for path in site.rglob("*") if path.is_file()} == before
