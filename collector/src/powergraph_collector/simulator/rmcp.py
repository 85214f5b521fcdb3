"""RMCP, IPMI messages and RMCP+ as a BMC sees them: bytes to values and back, and the keys of a session.

Sections and tables are those of the IPMI 2.0 specification. Cipher
suites 3 and 17 only: what every supported client speaks, and nothing that is weaker.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from struct import Struct

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

IPMI_HEADER = b"\x06\x00\xff\x07"
ASF_HEADER = b"\x06\x00\xff\x06"
LONGEST_DATAGRAM = 1024

FORMAT_NONE = 0x00  # IPMI 1.5 without authentication: what precedes a session
FORMAT_RMCP_PLUS = 0x06

PAYLOAD_IPMI = 0x00
PAYLOAD_OPEN_REQUEST, PAYLOAD_OPEN_RESPONSE = 0x10, 0x11
PAYLOAD_RAKP_1, PAYLOAD_RAKP_2, PAYLOAD_RAKP_3, PAYLOAD_RAKP_4 = 0x12, 0x13, 0x14, 0x15
_PROTECTED = 0xC0  # payload type bits: encrypted and authenticated
_PROTECTED_IPMI = _PROTECTED | PAYLOAD_IPMI

# Status codes of RMCP+ and RAKP (table 13-15).
NO_RESOURCES, INVALID_SESSION, UNAUTHORISED_ROLE, UNKNOWN_USER = 0x01, 0x02, 0x09, 0x0D
WRONG_CHECK_VALUE, NO_CIPHER_SUITE = 0x0F, 0x11

BMC_ADDRESS = 0x20

_ASF_PING = b"\x00\x00\x11\xbe\x80"
_PONG = b"\x00\x10\x00\x00\x11\xbe\x00\x00\x00\x00\x81\x00\x00\x00\x00\x00\x00\x00"
_V15 = Struct("<4sBIIB")
_V20 = Struct("<4sBBIIH")
_V20_SESSION = Struct("<BBIIH")
_AES_BLOCK = 16
_CONSTANT_1, _CONSTANT_2 = b"\x01" * 20, b"\x02" * 20  # 13.32
_CONFIDENTIALITY_PADS = [bytes((*range(1, size + 1), size)) for size in range(_AES_BLOCK)]
_ZEROS = bytes(_AES_BLOCK)
_HASH_BLOCK = 64  # of SHA-1 and of SHA-256
_DIFFERENT_MESSAGES = 4096  # a client's power readings differ in 64 sequence numbers


@dataclass(frozen=True, slots=True)
class CipherSuite:
    """A cipher suite (table 22-20) by algorithm numbers and hash, with the sizes of a RAKP code and a check."""

    number: int
    authentication: int
    integrity: int
    confidentiality: int
    digest: str
    code_size: int
    check_size: int

    @property
    def record(self) -> bytes:
        """Its record in the answer to Get Channel Cipher Suites (table 22-18)."""
        return bytes((0xC0, self.number, self.authentication, 0x40 | self.integrity, 0x80 | self.confidentiality))


SUITES = {
    3: CipherSuite(3, authentication=1, integrity=1, confidentiality=1, digest="sha1", code_size=20, check_size=12),
    17: CipherSuite(17, authentication=3, integrity=4, confidentiality=1, digest="sha256", code_size=32, check_size=16),
}


class Message:
    """An IPMI request (table 13-8); `raw` is the whole of it, to recognise one that is sent again.

    What a response repeats of its request is kept ready: one parsed message serves for all that have its bytes.
    """

    __slots__ = ("_before", "_sum", "command", "data", "lun", "netfn", "place", "raw")

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.netfn, self.lun, self.command, self.data = raw[1] >> 2, raw[1] & 3, raw[5], raw[6:-1]
        self.place = (self.netfn, self.command)
        requester, sequence_lun = raw[3], raw[4]
        head = bytes((requester, (self.netfn | 1) << 2 | sequence_lun & 3))
        start = bytes((BMC_ADDRESS, sequence_lun & 0xFC | self.lun, self.command))
        self._before = head + bytes((_checksum(head),)) + start
        self._sum = sum(start)

    def reply(self, outcome: bytes) -> bytes:
        """Return the response that carries `outcome`: completion code and data."""
        return self._before + outcome + bytes((-(self._sum + sum(outcome)) & 0xFF,))


@dataclass(frozen=True, slots=True)
class Handshake:
    """What both sides know after RAKP message 1; all RAKP codes and the session's keys follow from it (13.31)."""

    suite: CipherSuite
    client_id: int
    bmc_id: int
    client_random: bytes
    bmc_random: bytes
    guid: bytes
    role: int
    user: bytes

    @property
    def _role_and_user(self) -> bytes:
        return bytes((self.role, len(self.user))) + self.user

    def rakp_2_code(self, password: bytes) -> bytes:
        """Return the key exchange authentication code by which the BMC proves that it knows the password."""
        ids = self.client_id.to_bytes(4, "little") + self.bmc_id.to_bytes(4, "little")
        known = ids + self.client_random + self.bmc_random + self.guid + self._role_and_user
        return hmac.digest(password, known, self.suite.digest)

    def rakp_3_code(self, password: bytes) -> bytes:
        """Return the code by which the client proves the same."""
        known = self.bmc_random + self.client_id.to_bytes(4, "little") + self._role_and_user
        return hmac.digest(password, known, self.suite.digest)

    def rakp_4_code(self, session_key: bytes) -> bytes:
        """Return the integrity check value that ends the handshake."""
        known = self.client_random + self.bmc_id.to_bytes(4, "little") + self.guid
        return hmac.digest(session_key, known, self.suite.digest)[: self.suite.check_size]

    def session_key(self, group_key: bytes) -> bytes:
        """Return the session integrity key; where the BMC has no key of its group, the user's stands in for it."""
        return hmac.digest(group_key, self.client_random + self.bmc_random + self._role_and_user, self.suite.digest)


class Channel:
    """The protection of one established session: opens the client's datagrams, seals the BMC's.

    All that can be made once is made once, as making it costs more than using it: one AES context for each direction,
    and the two hash states that a key of HMAC comes down to (RFC 2104), of which copies go on. In CBC a block decrypts
    by its predecessor alone, so the vector is fed as a block, and what comes out for it dropped. A block of zeros
    encrypted before a packet comes out as the packet's vector: the last block of the packet before, encrypted once
    more, which nobody without the key can foresee.
    """

    __slots__ = ("_check_size", "_decrypt", "_encrypt", "_inner", "_outer", "_sequence", "client_id")

    def __init__(
        self, suite: CipherSuite, session_key: bytes, client_id: int, sequence: Iterator[int] | None = None
    ) -> None:
        integrity_key = hmac.digest(session_key, _CONSTANT_1, suite.digest).ljust(_HASH_BLOCK, b"\0")
        self._inner = hashlib.new(suite.digest, bytes(byte ^ 0x36 for byte in integrity_key)).copy
        self._outer = hashlib.new(suite.digest, bytes(byte ^ 0x5C for byte in integrity_key)).copy
        key = hmac.digest(session_key, _CONSTANT_2, suite.digest)[:16]
        cipher = Cipher(algorithms.AES(key), modes.CBC(_ZEROS))
        self._encrypt = cipher.encryptor().update
        self._decrypt = cipher.decryptor().update
        self._check_size = suite.check_size
        self.client_id = client_id
        self._sequence = count(1) if sequence is None else sequence

    def open(self, datagram: bytes) -> bytes | None:
        """Return the IPMI message in a datagram of this session, None if it is not authentic or not whole."""
        check_size = self._check_size
        inner, outer = self._inner(), self._outer()
        inner.update(datagram[4:-check_size])
        outer.update(inner.digest())
        if not hmac.compare_digest(outer.digest()[:check_size], datagram[-check_size:]):
            return None
        size = datagram[14] | datagram[15] << 8
        if datagram[5] != _PROTECTED_IPMI or size < 2 * _AES_BLOCK or size % _AES_BLOCK:
            return None
        if 16 + size + 2 + check_size > len(datagram):
            return None
        plain = self._decrypt(datagram[16 : 16 + size])[_AES_BLOCK:]
        return plain[: -1 - plain[-1]] if plain[-1] < len(plain) else None

    def seal(self, message: bytes) -> bytes:
        """Return the datagram that carries an IPMI message to the client."""
        body = self._encrypt(_ZEROS + message + _CONFIDENTIALITY_PADS[-(len(message) + 1) % _AES_BLOCK])
        head = _V20_SESSION.pack(FORMAT_RMCP_PLUS, _PROTECTED_IPMI, self.client_id, next(self._sequence), len(body))
        # The integrity pad makes the covered bytes a multiple of four: always two here, since AES fills its blocks.
        covered = head + body + b"\xff\xff\x02\x07"
        inner, outer = self._inner(), self._outer()
        inner.update(covered)
        outer.update(inner.digest())
        return IPMI_HEADER + covered + outer.digest()[: self._check_size]


def pong(datagram: bytes) -> bytes | None:
    """Return the answer to an ASF presence ping (13.2.3), None if it is none: "IPMI and ASF 1.0 live here"."""
    if not datagram.startswith(ASF_HEADER + _ASF_PING) or len(datagram) < 12:
        return None
    return ASF_HEADER + b"\x00\x00\x11\xbe\x40" + datagram[9:10] + _PONG


def message_before_session(datagram: bytes) -> bytes | None:
    """Return the IPMI message of an IPMI 1.5 packet outside of any session, None if it is not one."""
    if len(datagram) < _V15.size:
        return None
    _, _, sequence, session, size = _V15.unpack_from(datagram)
    message = datagram[_V15.size : _V15.size + size]
    return message if sequence == session == 0 and len(message) == size else None


def packet_15(message: bytes, sequence: int = 0, session_id: int = 0) -> bytes:
    """Return the IPMI 1.5 packet without authentication that carries a message; by default outside of any session."""
    return _V15.pack(IPMI_HEADER, FORMAT_NONE, sequence, session_id, len(message)) + message


def payload_before_session(datagram: bytes) -> tuple[int, bytes] | None:
    """Return payload type and payload of an unprotected RMCP+ packet with session 0, None if it is not one."""
    if len(datagram) < _V20.size:
        return None
    _, _, kind, session, _, size = _V20.unpack_from(datagram)
    payload = datagram[_V20.size : _V20.size + size]
    return (kind, payload) if session == 0 and not kind & _PROTECTED and len(payload) == size else None


def packet_with_payload(kind: int, payload: bytes) -> bytes:
    """Return the unprotected RMCP+ packet with session 0 that carries a payload."""
    return _V20.pack(IPMI_HEADER, FORMAT_RMCP_PLUS, kind, 0, 0, len(payload)) + payload


@lru_cache(_DIFFERENT_MESSAGES)
def parse_message(raw: bytes) -> Message | None:
    """Parse an IPMI request to the BMC itself; None if it is short, damaged, for another, or a response."""
    if len(raw) < 7 or raw[0] != BMC_ADDRESS or raw[1] & 0x04:
        return None
    if sum(raw[:3]) & 0xFF or sum(raw[3:]) & 0xFF:
        return None
    return Message(raw)


def outcome_of(reply: bytes) -> bytes:
    """Return completion code and data of a message made by `Message.reply`."""
    return reply[6:-1]


def _checksum(data: bytes) -> int:
    return -sum(data) & 0xFF
