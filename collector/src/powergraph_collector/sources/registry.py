"""The sources that there are, and what of a BMC's settings each of them takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from powergraph_collector.settings import Bmc
from powergraph_collector.sources.contract import Reader, Secret
from powergraph_collector.sources.ipmi.lan import LanReader
from powergraph_collector.sources.ipmi.login import Login
from powergraph_collector.sources.ipmi.tool import ToolReader

READERS: Final[dict[str, Callable[[], Reader[Any]]]] = {"pyghmi": LanReader, "ipmitool": ToolReader}


def access_of(bmc: Bmc) -> Login:
    """A BMC of the settings as its source wants it."""
    suite = None if bmc.cipher_suite == "auto" else bmc.cipher_suite
    password = Secret(bmc.password.get_secret_value())
    return Login(bmc.name, bmc.host, bmc.port, bmc.user, password, bmc.privilege, suite)
