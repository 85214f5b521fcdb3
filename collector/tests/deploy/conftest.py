"""What the tests of roles share."""

from pathlib import Path

import pytest
from small_plays import Play


@pytest.fixture
def play(tmp_path: Path) -> Play:
    pytest.importorskip("ansible", reason="roles run on controllers")
    return Play(tmp_path / "ansible")
