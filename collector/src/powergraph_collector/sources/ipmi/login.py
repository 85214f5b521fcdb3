"""How to reach a BMC over IPMI, and who to be there."""

from __future__ import annotations

from dataclasses import dataclass

from powergraph_collector.sources.contract import Secret


@dataclass(frozen=True, slots=True)
class Login:
    """How to reach a BMC and who to be there: `host` may be a name, `password` is never shown.

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
    timeout_s: float = 2.5
    power_sensors: tuple[str, ...] = ()

    @property
    def group_key(self) -> bytes | None:
        """The bytes of `kg`. Raises ValueError where its digits are none."""
        if self.kg is None:
            return None
        text = self.kg.reveal()
        return bytes.fromhex(text[2:]) if text.lower().startswith("0x") else text.encode()
