"""What holds for every role: its variables are documented, and its documentation tells the truth."""

import re
from pathlib import Path

import pytest
import yaml
from small_plays import paths_of_its_own

REPOSITORY = Path(__file__).parents[3]
ROLES = sorted(path for path in (REPOSITORY / "roles").iterdir() if (path / "tasks").is_dir())


def options(role: Path, entry_point: str = "main") -> dict[str, dict]:
    return yaml.safe_load((role / "meta/argument_specs.yml").read_text())["argument_specs"][entry_point]["options"]


@pytest.fixture(params=ROLES, ids=lambda role: role.name)
def role(request: pytest.FixtureRequest) -> Path:
    return request.param


def test_documented_defaults_are_the_defaults(role: Path) -> None:
    defaults = yaml.safe_load((role / "defaults/main.yml").read_text())
    assert {name: option.get("default") for name, option in options(role).items()} == defaults


def test_no_path_of_a_role_leads_its_tests_to_what_is_deployed_on_this_machine(role: Path, tmp_path: Path) -> None:
    defaults = yaml.safe_load((role / "defaults/main.yml").read_text())
    paths = {name for name, default in defaults.items() if str(default).startswith("/")} - {"collector_python"}
    assert paths <= paths_of_its_own(tmp_path).keys()


def test_every_variable_has_a_description_and_the_prefix_of_its_role(role: Path) -> None:
    for name, option in options(role).items():
        assert option["description"], name
        assert name.startswith(role.name + "_")


def test_the_readme_names_every_variable(role: Path) -> None:
    readme = (role / "README.md").read_text()
    assert [name for name in options(role) if f"`{name}`" not in readme] == []


def test_passwords_and_keys_are_declared_so_that_ansible_hides_them() -> None:
    for role in ROLES:
        for name, option in options(role).items():
            assert option.get("no_log", False) == bool(re.search("passw|_kg$", name)), name
