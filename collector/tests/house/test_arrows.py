"""The rules of imports know every source of watts: one that they do not name could be imported from anywhere."""

from configparser import ConfigParser
from pathlib import Path

import pytest

COLLECTOR = Path(__file__).parents[2]
SOURCES = COLLECTOR / "src/powergraph_collector/sources"


@pytest.mark.parametrize(("contract", "modules"), [("sources", "protected_modules"), ("polling", "forbidden_modules")])
def test_every_source_is_named_in_the_rules(contract: str, modules: str) -> None:
    rules = ConfigParser()
    rules.read(COLLECTOR / ".importlinter")
    named = set(rules[f"importlinter:contract:{contract}"][modules].split())
    folders = {path.parent.name for path in SOURCES.glob("*/__init__.py")}
    assert folders
    assert {f"powergraph_collector.sources.{name}" for name in folders} <= named
