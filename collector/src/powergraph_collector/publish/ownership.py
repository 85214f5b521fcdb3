"""One process at a time writes a collector's published files: the service, or a command that rewrites them."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Final

from powergraph_collector.publish import files

LOCK_FILE: Final = ".lock"


def take(root: Path) -> int:
    """Lock the folder of a collector; close the file descriptor to let go. Raises BlockingIOError where it is taken."""
    files.make_folder(root)
    fd = os.open(root / LOCK_FILE, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, files.FILE_MODE)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(fd)
        raise
    return fd
