"""A setting of a BMC goes a long way: role, inventory, documentation, options. A place that was forgotten is named.

CONTRIBUTING's "Adding a source" is the checklist that this holds.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import click
import pytest
import yaml
from small_plays import ROLES, Play

from powergraph_collector import settings
from powergraph_collector.commands import graph_csv, one_bmc, probe
from powergraph_collector.commands.bmc_options import OPTIONS
from powergraph_collector.model import Source
from powergraph_collector.settings_model import Bmc, Settings
from powergraph_collector.sources.registry import SOURCES

REPOSITORY = ROLES.parent
SPECS = ROLES / "collector/meta/argument_specs.yml"
README = ROLES / "collector/README.md"
INVENTORY = REPOSITORY / "inventory/example/group_vars/all/powergraph.yml"
DOCS = REPOSITORY / "docs/settings.md"
SECRET_TABLES = {name: table for source in SOURCES.values() for name, table in source.model.secret_tables.items()}
OPEN = {name for source in SOURCES.values() for name in source.model.model_fields} - SECRET_TABLES.keys()
OF_FLEETS = Bmc.model_fields.keys() - {"protocol", "interval_s"}  # what one BMC on a command line has no need of
ROLE_VARIABLES = {"bmcs": "collector_bmcs", "metrics": "collector_metrics_listen"}  # where they are not called alike


def variable_of(table: str) -> str:
    """The role's variable for a table of secrets."""
    return f"collector_{table}"


def forgotten_in_the_specs(text: str) -> set[str]:
    options = yaml.safe_load(text)["argument_specs"]["main"]["options"]
    of_bmcs = options["collector_bmcs"]["options"]
    secrets = {name for name, table in SECRET_TABLES.items() if options.get(variable_of(table), {}).get("no_log")}
    named = of_bmcs.keys() | secrets | set(of_bmcs.get("protocol", {}).get("choices", []))
    return (OPEN | SECRET_TABLES.keys() | SOURCES.keys()) - named


def forgotten_in_the_readme(text: str) -> set[str]:
    of_bmcs = text.partition("| `collector_bmcs` |")[2].partition("\n| `collector_")[0]
    named = set(re.findall(r"^\| &nbsp;&nbsp;`(\w+)` \|", of_bmcs, re.MULTILINE))
    secrets = {name for name, table in SECRET_TABLES.items() if f"\n| `{variable_of(table)}` |" in text}
    return (OPEN | SECRET_TABLES.keys()) - named - secrets


def forgotten_in_the_inventory(text: str) -> set[str]:
    inventory = example(text)
    secrets = {name for name, table in SECRET_TABLES.items() if variable_of(table) in inventory}
    return (OPEN | SECRET_TABLES.keys()) - {name for bmc in inventory["collector_bmcs"] for name in bmc} - secrets


def forgotten_in_the_docs(text: str) -> set[str]:
    sections = dict(re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL))
    tables = {title: "\n".join(re.findall(r"^\| (.*?) \|", body, re.MULTILINE)) for title, body in sections.items()}
    of_bmcs = "".join(table for title, table in tables.items() if title.lower().startswith(("every bmc", "a bmc that")))
    secrets = {name for name, table in SECRET_TABLES.items() if f"`{table}`" in tables["The secrets file"]}
    of_bmcs_missing = {name for name in OPEN if f"`{name}`" not in of_bmcs} | (SECRET_TABLES.keys() - secrets)
    options_missing = {name for name in OPTIONS if f"`{name}`" not in tables["One BMC by options"]}
    whole = Settings.model_fields.keys() - {"bmcs", "victoriametrics"}  # which have sections and a page of their own
    return of_bmcs_missing | options_missing | {name for name in whole if f"`{name}`" not in tables["The whole"]}


def forgotten_in_the_help(text: str) -> set[str]:
    wanted = (OPEN | SECRET_TABLES.keys()) - OF_FLEETS
    return {name for name in wanted if not re.search(rf"{OPTIONS.get(name, 'none')}[ \n]", text)}


PLACES: Final[dict[Path, Callable[[str], set[str]]]] = {
    SPECS: forgotten_in_the_specs,
    README: forgotten_in_the_readme,
    INVENTORY: forgotten_in_the_inventory,
    DOCS: forgotten_in_the_docs,
}


def example(text: str) -> dict[str, Any]:
    """The example inventory with what is commented out in it for those who need it."""
    with_more = re.sub(r"^( *)# (?=- name:|  \w+:|collector_kg:)", r"\1", text, flags=re.MULTILINE)
    return dict(yaml.safe_load(with_more))


def help_of(command: click.Command, name: str) -> str:
    with click.Context(command, info_name=name) as context:
        return command.get_help(context)


def without(name: str, text: str) -> Iterator[str]:
    """A text with each line left out, in turn, that names a setting."""
    lines = text.splitlines(keepends=True)
    for index, line in enumerate(lines):
        if re.search(rf"(^ *(# +)?|`){name}\b(: |`|:\n)", line):
            yield "".join(lines[:index] + lines[index + 1 :])


@pytest.mark.parametrize("place", PLACES, ids=lambda place: str(place.relative_to(REPOSITORY)))
def test_every_setting_of_a_bmc_is_there(place: Path) -> None:
    assert PLACES[place](place.read_text()) == set()


@pytest.mark.parametrize(
    ("command", "name"),
    [(one_bmc.command, "powergraph"), (graph_csv.command, "graph_csv"), (probe.command, "powergraph probe")],
)
def test_every_setting_of_a_bmc_has_an_option(command: click.Command, name: str) -> None:
    missing = forgotten_in_the_help(help_of(command, name))
    assert missing <= ({"interval_s"} if command is probe.command else set())
    text = help_of(one_bmc.command, "powergraph").replace("--timeout ", "--patience ")
    assert forgotten_in_the_help(text) == {"timeout_s"}


@pytest.mark.parametrize("place", PLACES, ids=lambda place: str(place.relative_to(REPOSITORY)))
def test_a_setting_that_is_left_out_of_a_place_is_named(place: Path) -> None:
    for name in ("timeout_s", "power_sensors"):
        told = [PLACES[place](text) for text in without(name, place.read_text())]
        assert told == [{name}] * len(told) != []


def test_the_role_writes_every_setting_of_a_bmc_as_the_program_takes_it(play: Play, tmp_path: Path) -> None:
    inventory = example(INVENTORY.read_text())
    variables = yaml.safe_load((ROLES / "collector/defaults/main.yml").read_text()) | inventory
    variables |= {"__collector_secrets": "secrets.toml", "ansible_managed": ""}
    secrets = {variable_of(table): {"*": f"of {table}"} for table in SECRET_TABLES.values()}
    for name in ("powergraph.toml", "secrets.toml"):
        text = play.rendered(ROLES / f"collector/templates/{name}.j2", **(variables | secrets))
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o640)
    written = tomllib.loads((tmp_path / "powergraph.toml").read_text())["bmc"]
    assert written == inventory["collector_bmcs"]
    taken = settings.load(tmp_path / "powergraph.toml").bmcs
    for bmc, given in zip(taken, written, strict=True):
        plain = bmc.model_dump(mode="json")
        assert {name: plain[name] for name in given} == given
        for name, table in type(bmc).secret_tables.items():
            assert getattr(bmc, name).get_secret_value() == f"of {table}"


def test_every_setting_of_the_whole_is_a_variable_of_the_role() -> None:
    options = yaml.safe_load(SPECS.read_text())["argument_specs"]["main"]["options"]
    names = {ROLE_VARIABLES.get(name, f"collector_{name}") for name in Settings.model_fields}
    assert names - options.keys() == set()


def test_every_source_of_samples_is_explained_where_it_is_told() -> None:
    for path, section in (("docs/metrics.md", "powergraph_power_watts"), ("docs/published-files.md", "| `source` |")):
        (line,) = [line for line in (REPOSITORY / path).read_text().splitlines() if section in line]
        assert [source.value for source in Source if f"`{source.value}`" not in line] == []
