"""The made-up past of the demo: whole, or begun anew by the next run, and never in a store that is there."""

import json
import os
import sys
from pathlib import Path

import pytest
from small_plays import Play, refusal

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="settings belong to root")

# Makes a store as its settings say, and breaks off halfway where a file beside it says so.
POWERGRAPH = """
import pathlib, sys, tomllib
here = pathlib.Path(sys.argv[1])
word, config = sys.argv[2], sys.argv[4]
with (here / "asked").open("a") as asked:
    print(word, pathlib.Path(config).name, file=asked)
if word == "simulate":
    store = pathlib.Path(tomllib.loads(pathlib.Path(config).read_text())["store"])
    store.mkdir()
    (store / "node01").write_text("half")
    if (here / "breaks").exists():
        sys.exit("the disk is full")
    (store / "node01").write_text("whole")
"""


class Demo:
    """A host with a collector that is still to get its past."""

    def __init__(self, folder: Path, play: Play) -> None:
        self.folder, self.play = folder, play
        for name in ("etc", "lib"):
            (folder / "host" / name).mkdir(parents=True)
        (folder / "powergraph.py").write_text(POWERGRAPH)

    def run(self) -> str:
        command = [sys.executable, str(self.folder / "powergraph.py"), str(self.folder)]
        return refusal(
            self.play(
                "collector",
                "simulate",
                given=(json.dumps({"__collector_as_service": command}),),
                collector_user="root",
                collector_bmcs=[{"name": "node01", "host": "192.0.2.10", "simulated": True}],
                collector_simulated_days=3,
                collector_config_dir=str(self.folder / "host/etc"),
                collector_store=str(self.folder / "host/lib/powergraph.db"),
            )
        )

    @property
    def asked(self) -> list[str]:
        return (self.folder / "asked").read_text().splitlines()

    @property
    def files(self) -> list[str]:
        host = self.folder / "host"
        return sorted(str(path.relative_to(host)) for path in host.rglob("*") if path.is_file())


@pytest.fixture
def demo(tmp_path: Path, play: Play) -> Demo:
    return Demo(tmp_path, play)


def test_a_past_that_was_broken_off_is_whole_after_the_next_run(demo: Demo) -> None:
    (demo.folder / "breaks").write_text("")
    assert "the disk is full" in demo.run()
    assert not (demo.folder / "host/lib/powergraph.db").exists()
    (demo.folder / "breaks").unlink()
    assert demo.run() == ""
    assert demo.files == ["lib/powergraph.db/node01"]
    assert (demo.folder / "host/lib/powergraph.db/node01").read_text() == "whole"
    assert demo.asked == ["simulate past.toml", "simulate past.toml", "rebuild powergraph.toml"]


def test_a_store_that_is_there_is_left_alone(demo: Demo) -> None:
    (demo.folder / "host/lib/powergraph.db").mkdir()
    assert demo.run() == ""
    assert not (demo.folder / "asked").exists()
    assert demo.files == []
