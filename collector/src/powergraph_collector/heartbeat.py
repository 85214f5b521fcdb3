"""The sign of life that the watchdog reads: when the polling loop last went round.

One line, `<seconds of /proc/uptime> <pid>`: of /proc/uptime, since a shell script can compare it without a clock that
somebody may set, and since it is the same inside a container.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

_UPTIME = Path("/proc/uptime")


def write(path: Path, last_round_s: float) -> None:
    """Write the heartbeat for a loop whose last round was at a monotonic time in seconds. Raises OSError."""
    uptime_s = float(_UPTIME.read_text().split()[0])
    age_s = time.monotonic() - last_round_s
    temporary = path.with_name(path.name + ".new")
    temporary.write_text(f"{int(uptime_s - age_s)} {os.getpid()}\n")
    temporary.chmod(0o644)
    temporary.replace(path)
