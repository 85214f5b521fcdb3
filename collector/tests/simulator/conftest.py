"""What the simulator's tests share: the tools of strangers, and a way to run a BMC."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest


@pytest.fixture
def tool():
    """Find a program; a missing one fails the test, since bin/test installs it."""

    def find(name: str) -> str:
        # Debian keeps FreeIPMI's programs where an ordinary user's PATH does not look.
        found = shutil.which(name) or shutil.which(name, path="/usr/sbin")
        if found is None:
            pytest.fail(f"{name} is not installed; bin/test installs it (Debian packages ipmitool, freeipmi-tools)")
        return found

    return find


@pytest.fixture
def config_file(tmp_path: Path):
    """Write a config as the command wants it: not readable by others."""

    def write(text: str, mode: int = 0o600) -> Path:
        path = tmp_path / "simulator.toml"
        path.write_text(text)
        path.chmod(mode)
        return path

    return write
