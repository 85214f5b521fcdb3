"""Files and names that survive a power cut once the call has returned."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

BEGUN: Final = ".new"  # what the name of a file ends with that is not whole yet


def write_all(fd: int, data: bytes, offset: int) -> None:
    """Write data at an offset, however many calls it takes. Raises OSError with a part of it written."""
    written = 0
    while written < len(data):
        written += os.pwrite(fd, data[written:], offset + written)


def replace(path: Path, data: bytes) -> None:
    """Put data in the place of path at once. Raises OSError with the old file untouched, if there was one."""
    temporary = path.with_name(path.name + BEGUN)
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o640)
    try:
        write_all(fd, data, 0)
        os.fsync(fd)
    except OSError:
        temporary.unlink(missing_ok=True)  # on a full disk, half of a file takes room that others need
        raise
    finally:
        os.close(fd)
    temporary.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make new names in folder survive. Raises OSError."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
