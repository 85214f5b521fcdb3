"""How to reach a BMC over IPMI, and who to be there."""

from __future__ import annotations

from dataclasses import dataclass

from powergraph_collector.credentials import key_bytes
from powergraph_collector.sources.contract import Secret
from powergraph_collector.sources.ipmi.settings import DEFAULT_TIMEOUT_S, IpmiBmc


@dataclass(frozen=True, slots=True)
class Login:
    """How to reach a BMC and who to be there: `host` may be a name, `password` and `kg` are never shown.

    `privilege` is `auto`, `user`, `operator` or `administrator`; `cipher_suite` is None for 17, then 3. `kg` is the
    BMC's group key, text or `0x` and hexadecimal digits. `timeout_s` is how long an answer may take. `power_sensors`
    are the names of the watt sensors whose sum is read, instead of what is found.
    """

    name: str
    host: str
    port: int
    user: str
    password: Secret
    privilege: str = "auto"
    cipher_suite: int | None = None
    kg: Secret | None = None
    timeout_s: float = DEFAULT_TIMEOUT_S
    power_sensors: tuple[str, ...] = ()

    @property
    def group_key(self) -> bytes | None:
        """The bytes of `kg`. Raises ValueError where its digits are none."""
        return None if self.kg is None else key_bytes(self.kg.reveal())


def login_of(bmc: IpmiBmc) -> Login:
    """What the settings say of a BMC."""
    return Login(
        bmc.name,
        bmc.host,
        bmc.port,
        bmc.user,
        Secret(bmc.password.get_secret_value()),
        bmc.privilege,
        None if bmc.cipher_suite == "auto" else bmc.cipher_suite,
        Secret(bmc.kg.get_secret_value()) if bmc.kg.get_secret_value() else None,
        bmc.timeout_s,
        bmc.power_sensors,
    )
