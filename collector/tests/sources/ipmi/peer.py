"""The other side of a session, from the specification alone: it shares no code with the reader or the simulator.

It seals whatever it is told to, under whatever number: what a BMC with the right keys may send, wrong or not.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from powergraph_collector.sources.ipmi.message import Request
from powergraph_collector.sources.ipmi.session import SUITES, Keys

BMC_SESSION, CONSOLE_SESSION = 0x0A0B0C0D, 0xA4A3A2A0


def keys_of(suite: int, secret: bytes = b"a session's integrity key") -> Keys:
    """Keys as section 13.32 makes them of a session integrity key."""
    digest = SUITES[suite].digest
    k1, k2 = (hmac.new(secret, bytes((constant,)) * 20, digest).digest() for constant in (1, 2))
    return Keys(SUITES[suite], k1, k2[:16], BMC_SESSION, CONSOLE_SESSION)


def checked(data: bytes) -> bytes:
    """Bytes with their checksum behind them."""
    return data + bytes((-sum(data) & 0xFF,))


def response(request: Request, number: int, code: int, data: bytes = b"", *, lun: int | None = None) -> bytes:
    """The message that answers a request of this number (table 13-8)."""
    unit = request.lun if lun is None else lun
    head = checked(bytes((0x81, (request.netfn | 1) << 2)))
    return head + checked(bytes((0x20, number << 2 | unit, request.command, code)) + data)


@dataclass
class Asked:
    """What a packet of the console's says."""

    message: bytes
    sequence: int

    @property
    def number(self) -> int:
        return self.message[4] >> 2


class Peer:
    """Opens the console's packets, strictly, and seals packets for it."""

    def __init__(self, keys: Keys) -> None:
        self.keys = keys
        self.digest = getattr(hashlib, keys.suite.digest)
        self.packets = 0

    def code(self, covered: bytes) -> bytes:
        return hmac.new(self.keys.integrity_key, covered, self.digest).digest()[: self.keys.suite.code_bytes]

    def _cipher(self, vector: bytes) -> Cipher[modes.CBC]:
        return Cipher(algorithms.AES(self.keys.aes_key), modes.CBC(vector))

    def opened(self, packet: bytes) -> Asked:
        """What a packet says; AssertionError for each departure from the specification."""
        rmcp, auth, kind, session, sequence, size = struct.unpack_from("<4sBBIIH", packet)
        assert (rmcp, auth, kind, session) == (b"\x06\x00\xff\x07", 6, 0xC0, self.keys.bmc_session)
        body, rest = packet[16 : 16 + size], packet[16 + size :]
        pad = rest[: -2 - self.keys.suite.code_bytes]
        assert pad == b"\xff" * len(pad)
        assert (12 + size + len(pad) + 2) % 4 == 0
        assert rest[len(pad)] == len(pad)
        assert rest[len(pad) + 1] == 0x07
        assert rest[len(pad) + 2 :] == self.code(packet[4 : -self.keys.suite.code_bytes])
        decryptor = self._cipher(body[:16]).decryptor()
        plain = decryptor.update(body[16:]) + decryptor.finalize()
        assert plain[-1 - plain[-1] : -1] == bytes(range(1, plain[-1] + 1))
        message = plain[: -1 - plain[-1]]
        assert sum(message[:3]) & 0xFF == sum(message[3:]) & 0xFF == 0
        return Asked(message, sequence)

    def sealed(self, message: bytes, sequence: int, *, trailer: bytes = b"\xff\xff\x02\x07") -> bytes:
        """The packet that carries a message."""
        pad = -(len(message) + 1) % 16
        return self.sealed_plain(message + bytes((*range(1, pad + 1), pad)), sequence, trailer=trailer)

    def sealed_plain(self, plain: bytes, sequence: int, *, trailer: bytes = b"\xff\xff\x02\x07") -> bytes:
        """The packet that carries whole blocks, whatever they are."""
        self.packets += 1
        vector = hashlib.sha256(self.packets.to_bytes(8, "big")).digest()[:16]
        encryptor = self._cipher(vector).encryptor()
        body = vector + encryptor.update(plain) + encryptor.finalize()
        head = struct.pack("<BBIIH", 6, 0xC0, self.keys.console_session, sequence & 0xFFFFFFFF, len(body))
        covered = head + body + trailer
        return b"\x06\x00\xff\x07" + covered + self.code(covered)
