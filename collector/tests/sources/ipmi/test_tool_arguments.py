"""What ipmitool is told of a BMC, and which way: nothing secret is among its arguments."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pytest

from powergraph_collector.sources.contract import Answer, Secret
from powergraph_collector.sources.ipmi.login import Login
from powergraph_collector.sources.ipmi.tool import ToolReader

# Says what it was told, of its key in hexadecimal digits, and that no session came about.
RECORDER = """#!{python}
import json, os, sys
key = os.environb.get(b"IPMI_KGKEY")
with open({told!r}, "a") as file:
    print(json.dumps([sys.argv[1:], key and key.hex()]), file=file)
print("Error: Unable to establish IPMI v2 / RMCP+ session", file=sys.stderr)
sys.exit(1)
"""


def told(folder: Path, monkeypatch: pytest.MonkeyPatch, **given: object) -> tuple[list[str], str | None]:
    """The arguments and the group key of a run of ipmitool for a BMC."""
    program, said = folder / "ipmitool", folder / "told"
    program.write_text(RECORDER.format(python=sys.executable, told=str(said)))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    reader, answers = ToolReader(), list[Answer]()
    reader.ask(Login("node01", "192.0.2.1", 623, "u", Secret("hidden"), **given), answers.append)  # type: ignore[arg-type]
    begin_s = time.monotonic()
    while not answers and time.monotonic() < begin_s + 30:
        reader.work(0.5)
    reader.close()
    arguments, key = json.loads(said.read_text().splitlines()[0])
    return arguments, key


@pytest.mark.parametrize(("timeout_s", "seconds"), [(2.5, "3"), (0.2, "1"), (5.0, "5"), (60.0, "60")])
def test_a_bmc_may_take_as_long_as_its_settings_say_and_is_asked_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, timeout_s: float, seconds: str
) -> None:
    arguments, key = told(tmp_path, monkeypatch, timeout_s=timeout_s)
    assert arguments[arguments.index("-N") :][:4] == ["-N", seconds, "-R", "1"]
    assert (key, "-K" in arguments) == (None, False)


@pytest.mark.parametrize(
    ("kg", "key"),
    [("a key", b"a key"), ("0xff0180", b"\xff\x01\x80"), ("0x616200", b"ab"), ("0x" + "ee" * 20, b"\xee" * 20)],
)
def test_a_group_key_goes_through_the_environment_byte_for_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kg: str, key: bytes
) -> None:
    arguments, environment = told(tmp_path, monkeypatch, kg=Secret(kg))
    assert environment == key.hex()
    assert "-K" in arguments
    assert not {"-k", "-y", kg, "hidden"} & set(arguments)
