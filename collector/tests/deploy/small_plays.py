"""Tasks of roles, run on this machine with nothing but a temporary folder to change."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

ROLES = Path(__file__).parents[3] / "roles"
SETTINGS = """[defaults]
roles_path = {roles}
inject_facts_as_vars = False
nocows = True
[connection]
pipelining = True
"""
FACTS = {"os_family": "Debian", "distribution": "Debian", "service_mgr": "systemd"}


def paths_of_its_own(folder: Path) -> dict[str, str]:
    """Every path by which a role would meet what is on this machine, such as the folders of a deployed PowerGraph."""
    return {
        "bmc_simulator_config_dir": f"{folder}/etc/powergraph-simulator",
        "collector_config_dir": f"{folder}/etc/powergraph",
        "collector_home": f"{folder}/opt/powergraph",
        "collector_inbox": f"{folder}/spool/powergraph",
        "collector_publish": f"{folder}/www/powergraph/data",
        "collector_runtime": f"/run/powergraph-test-{os.getpid()}",  # the role takes no other folder than below /run
        "collector_store": f"{folder}/lib/powergraph/powergraph.db",
        "frontend_root": f"{folder}/www/powergraph",
        "victoriametrics_data": f"{folder}/lib/victoria-metrics",
        "watchdog_log": f"{folder}/log/powergraph-watchdog.log",
        "watchdog_script": f"{folder}/lib/killer.sh",
    }


class Play:
    """Runs task files of a role, with variables as from an inventory, on a machine that has nothing of PowerGraph."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "group_vars").mkdir(parents=True)
        (folder / "roles/small/tasks").mkdir(parents=True)
        (folder / "hosts").write_text(f"here ansible_connection=local ansible_python_interpreter={sys.executable}\n")
        (folder / "ansible.cfg").write_text(SETTINGS.format(roles=f"{folder}/roles:{ROLES}"))

    def __call__(self, role: str, *task_files: str, given: tuple[str, ...] = (), **variables: Any) -> str:
        """Return what Ansible says.

        `given` are variables as from the command line, where `name=value` is text whatever the value is, and JSON
        outweighs the variables of roles.
        """
        fixed = {"playbook_dir": str(ROLES.parent / "playbooks")} | paths_of_its_own(self.folder / "machine")
        (self.folder / "group_vars/all.yml").write_text(yaml.safe_dump(fixed | variables))
        tasks: list[dict[str, Any]] = [{"ansible.builtin.set_fact": FACTS | {"cacheable": True}}]
        tasks += [{"ansible.builtin.include_role": {"name": role, "tasks_from": name}} for name in task_files]
        (self.folder / "roles/small/tasks/main.yml").write_text(yaml.safe_dump(tasks))
        words = ["-m", "ansible.builtin.include_role", "-a", "name=small", *(f"-e{each}" for each in given)]
        return self._ansible(*words)

    def rendered(self, template: Path, **variables: Any) -> str:
        """Return what a template becomes."""
        (self.folder / "group_vars/all.yml").write_text(yaml.safe_dump(variables))
        target = self.folder / "rendered"
        said = self._ansible(
            "-m", "ansible.builtin.template", "-a", json.dumps({"src": str(template), "dest": str(target)})
        )
        if refused := refusal(said):
            raise AssertionError(refused)
        return target.read_text()

    def _ansible(self, *words: str) -> str:
        command = [Path(sys.executable).with_name("ansible"), "here", "-i", self.folder / "hosts", *words]
        own = {"ANSIBLE_CONFIG": str(self.folder / "ansible.cfg"), "ANSIBLE_HOME": str(self.folder / "home")}
        ended = subprocess.run(
            command,
            env=os.environ | own,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        return ended.stdout + ended.stderr


def refusal(said: str) -> str:
    """What the last task that failed says; empty where none failed."""
    if " | FAILED | rc=" in said:
        return said.rpartition(" | FAILED | rc=")[2]
    if "FAILED!" not in said:
        if "SUCCESS" not in said and "CHANGED" not in said:
            raise AssertionError(said)
        return ""
    return str(json.loads(re.findall(r'"msg": ("(?:[^"\\]|\\.)*")', said)[-1]))
