"""A service that runs inside a test, with settings from a file that commands can be given too."""

from __future__ import annotations

import json
import socket
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from powergraph_collector import settings
from powergraph_collector.service import Service
from powergraph_collector.simulator.server import Simulator
from tests.conftest import PASSWORD, USER


def write_settings(
    folder: Path, simulator: Simulator, *, interval_s: float = 0.2, groups: dict[str, str] | None = None, **top: object
) -> Path:
    """A settings file for the simulator's BMCs, with a store, published files and `/metrics` on a free port."""
    usual = {
        "name": "lab",
        "secrets": "secrets.toml",
        "store": str(folder / "db"),
        "publish": str(folder / "data"),
        "runtime": str(folder),
        "interval_s": interval_s,
        "csv_interval_s": 1,
    }
    lines = [f"{name} = {json.dumps(value)}" for name, value in (usual | top).items()]
    lines += ["[metrics]", f'listen = "127.0.0.1:{_free_port()}"']
    for name, (host, port) in simulator.addresses.items():
        group = (groups or {}).get(name, "")
        lines += ["[[bmc]]", f'name = "{name}"', f'host = "{host}"', f"port = {port}", f'user = "{USER}"']
        lines += [f'group = "{group}"'] if group else []
    (folder / "secrets.toml").write_text(f'[passwords]\n"*" = "{PASSWORD}"\n')
    (folder / "secrets.toml").chmod(0o600)
    path = folder / "settings.toml"
    path.write_text("\n".join(lines) + "\n")
    return path


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@contextmanager
def running(path: Path) -> Iterator[Service]:
    """The service of a settings file, until the end of the block."""
    service = Service(settings.load(path))
    thread = threading.Thread(target=service.run, name="service")
    thread.start()
    try:
        yield service
    finally:
        service.stop.set()
        thread.join()


def scraped(service: Service) -> dict[str, float]:
    """What `/metrics` says, by the series as they are written; empty while nobody listens."""
    assert service.settings.metrics is not None
    try:
        with urllib.request.urlopen(f"http://{service.settings.metrics.listen}/metrics", timeout=10) as answer:
            lines = answer.read().decode().splitlines()
    except OSError:
        return {}
    return {series: float(value) for series, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}


def now(path: Path) -> dict[str, Any]:
    """The `now.json` of a settings file, empty while there is none."""
    loaded = settings.load(path)
    assert loaded.publish is not None
    file = loaded.publish / loaded.name / "now.json"
    return json.loads(file.read_text()) if file.exists() else {}  # type: ignore[no-any-return]


def wait_for(condition: Callable[[], object], patience_s: float = 60) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline, "in vain"
        time.sleep(0.05)
