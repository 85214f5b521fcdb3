"""The README's recipe for a least-privilege account, run as written on a BMC that this project did not write."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.conftest import PASSWORD, USER
from tests.sources.ipmi.test_strangers import SYSTEM, Stranger, ipmi_sim, program

__all__ = ["ipmi_sim"]
README = Path(__file__).parents[4] / "README.md"
NEW_PASSWORD = "read-only-word"


def recipe() -> list[str]:
    """The `ipmitool` lines of the README, without their comments."""
    block = next(
        found for found in re.findall(r"```sh\n(.*?)```", README.read_text(), re.DOTALL) if "ipmitool" in found
    )
    return [line.partition("#")[0].strip() for line in block.splitlines() if line.startswith("ipmitool ")]


def test_the_readmes_recipe_makes_a_user_that_may_only_read(ipmi_sim: Callable[..., Stranger]) -> None:
    bmc = ipmi_sim(SYSTEM).login
    program("ipmitool")
    over_lan = ["ipmitool", "-I", "lanplus", "-C", "3", "-H", bmc.host, "-p", str(bmc.port), "-U", USER, "-P", PASSWORD]
    lines = recipe()
    assert len(lines) == 4
    for line in lines:
        words = line.split()[1:]
        asked = [NEW_PASSWORD] if words[:3] == ["user", "set", "password"] else []
        done = subprocess.run([*over_lan, *words, *asked], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, (line, done.stdout, done.stderr)
    listed = subprocess.run([*over_lan, "user", "list", "1"], capture_output=True, text=True, timeout=60, check=True)
    (made,) = [line for line in listed.stdout.splitlines() if line.startswith("5 ")]
    assert re.search(r"powergraph\s.*\bUSER\b", made), listed.stdout
