"""How to reach a BMC over IPMI, and who to be there."""

from __future__ import annotations

from dataclasses import dataclass

from powergraph_collector.sources.contract import Secret


@dataclass(frozen=True, slots=True)
class Login:
    """How to reach a BMC and who to be there: `host` may be a name, `password` is never shown.

    `privilege` is `auto`, `user`, `operator` or `administrator`; `cipher_suite` is None for 17, then 3.
    """

    name: str
    host: str
    port: int
    user: str
    password: Secret
    privilege: str = "auto"
    cipher_suite: int | None = None
