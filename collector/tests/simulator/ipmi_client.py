"""A client in memory: datagrams for a simulated BMC, no sockets, no clocks. Real clients are in test_strangers.py."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from powergraph_collector.simulator import rmcp
from powergraph_collector.simulator.bmc import Answer, SimulatedBmc
from powergraph_collector.simulator.config import validated
from powergraph_collector.sources.ipmi.message import Request, Response

USER, PASSWORD = b"powergraph", b"a-password"


def bmc(**settings: Any) -> SimulatedBmc:
    """A BMC that draws 436 W, but for what `settings` say otherwise."""
    usual = {"name": "node01", "user": USER.decode(), "password": PASSWORD.decode()}
    table = {**usual, "power": {"kind": "constant", "watts": 436}, **settings}
    config = validated({"bmc": [table]}, "test")
    return SimulatedBmc(config.bmcs[0], config.bmcs[0].power.source())


def message(request: Request, sequence: int) -> bytes:
    """The IPMI message of a request."""
    head = bytes((0x20, request.netfn << 2))
    body = bytes((0x81, sequence << 2, request.command)) + request.data
    return head + bytes((-sum(head) & 0xFF,)) + body + bytes((-sum(body) & 0xFF,))


class Client:
    """One remote console; `spoil` may change each datagram on its way to the BMC."""

    def __init__(
        self,
        bmc: SimulatedBmc,
        *,
        suite: int = 17,
        role: int = 4,
        user: bytes = USER,
        password: bytes = PASSWORD,
        kg: bytes | None = None,
        spoil: Callable[[bytes], bytes] = bytes,
    ) -> None:
        self.bmc, self.suite, self.role, self.user, self.password = bmc, rmcp.SUITES[suite], role, user, password
        self.kg = kg or password
        self.spoil = spoil
        self.now_s = 1000.0
        self.sequence = 0
        self.session_id = 0
        self.channel: rmcp.Channel | None = None

    @classmethod
    def logged_in(cls, bmc: SimulatedBmc, **who: Any) -> Client:
        client = cls(bmc, **who)
        assert client.login() == ("rakp4", 0)
        return client

    def send(self, datagram: bytes) -> Answer | None:
        return self.bmc.answer(self.spoil(datagram), 1_700_000_000.0 + self.now_s, self.now_s)

    def payload(self, kind: int, payload: bytes) -> bytes:
        """Send an unprotected payload, return that of the answer, empty without one."""
        answer = self.send(rmcp.packet_with_payload(kind, payload))
        return answer.datagram[16:] if answer else b""

    def open(self) -> bytes:
        """Begin the handshake and return the answer."""
        numbers = (self.suite.authentication, self.suite.integrity, self.suite.confidentiality)
        proposed = b"".join(bytes((kind, 0, 0, 8, number, 0, 0, 0)) for kind, number in enumerate(numbers))
        return self.payload(0x10, b"\x01" + bytes((self.role, 0, 0)) + b"\xa4\xa3\xa2\xa0" + proposed)

    def login(self) -> tuple[str, int]:
        """Return the last step of the handshake and its status: ("rakp4", 0) is a session."""
        suite, opened = self.suite, self.open()
        if len(opened) < 36:
            return "open", opened[1] if len(opened) > 1 else -1
        self.session_id = int.from_bytes(opened[8:12], "little")
        mine = os.urandom(16)
        name = bytes((self.role, 0, 0, len(self.user))) + self.user
        rakp_2 = self.payload(0x12, b"\x02\0\0\0" + opened[8:12] + mine + name)
        if len(rakp_2) < 40 or rakp_2[1]:
            return "rakp2", rakp_2[1] if len(rakp_2) > 1 else -1
        shaken = rmcp.Handshake(
            suite, 0xA0A2A3A4, self.session_id, mine, rakp_2[8:24], rakp_2[24:40], self.role, self.user
        )
        rakp_4 = self.payload(0x14, b"\x03\0\0\0" + opened[8:12] + shaken.rakp_3_code(self.password))
        if len(rakp_4) < 8 or rakp_4[1]:
            return "rakp4", rakp_4[1] if len(rakp_4) > 1 else -1
        key = shaken.session_key(self.kg)
        self.channel = rmcp.Channel(suite, key, self.session_id)
        self.receiving = rmcp.Channel(suite, key, 0)
        return "rakp4" if rakp_4[8:] == shaken.rakp_4_code(key) else "code of rakp4", 0

    def sealed(self, raw: bytes) -> Answer | None:
        """Send the bytes as the message of an authentic datagram."""
        assert self.channel
        return self.send(self.channel.seal(raw))

    def ask(self, request: Request, *, again: bool = False) -> Response | None:
        """Send a request in the session, None if there is no answer; `again` repeats the sequence number."""
        self.sequence = (self.sequence + (not again)) % 64
        answer = self.sealed(message(request, self.sequence))
        if answer is None:
            return None
        opened = self.receiving.open(answer.datagram)
        assert opened and opened[4] >> 2 == self.sequence
        return Response(opened[6], opened[7:-1])
