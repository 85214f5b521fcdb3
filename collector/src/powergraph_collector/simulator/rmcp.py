"""RMCP, IPMI messages and RMCP+ as a BMC sees them: bytes to values and back, and the keys of a session.

Pure but for the random initialisation vectors. Sections and tables are those of the IPMI 2.0 specification. Cipher
suites 3 and 17 only: what every supported client speaks, and nothing that is weaker.
"""

from __future__ import annotations

import hmac
import os
from dataclasses import dataclass
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

BMC_ADDRESS = 0x20

_ASF_PING = b"\x00\x00\x11\xbe\x80"
_PONG = b"\x00\x10\x00\x00\x11\xbe\x00\x00\x00\x00\x81\x00\x00\x00\x00\x00\x00\x00"
_V15 = Struct("<4sBIIB")
_V20 = Struct("<4sBBIIH")
_AES_BLOCK = 16
_CONSTANT_1, _CONSTANT_2 = b"\x01" * 20, b"\x02" * 20  # 13.32
_CONFIDENTIALITY_PAD = bytes(range(1, 16))


@dataclass(frozen=True, slots=True)
class CipherSuite:
    """A cipher suite (table 22-20) by its algorithm numbers, its hash, and the bytes kept of an integrity check."""

    number: int
    authentication: int
    integrity: int
    confidentiality: int
    digest: str
    check_size: int

    @property
    def record(self) -> bytes:
        """Its record in the answer to Get Channel Cipher Suites (table 22-18)."""
        return bytes((0xC0, self.number, self.authentication, 0x40 | self.integrity, 0x80 | self.confidentiality))


SUITES = {
    3: CipherSuite(3, authentication=1, integrity=1, confidentiality=1, digest="sha1", check_size=12),
    17: CipherSuite(17, authentication=3, integrity=4, confidentiality=1, digest="sha256", check_size=16),
}


@dataclass(frozen=True, slots=True)
class Message:
    """An IPMI request (table 13-8); `raw` is the whole of it, to recognise one that is sent again."""

    netfn: int
    command: int
    data: bytes
    requester: int
    sequence_lun: int
    raw: bytes
    lun: int = 0

    def reply(self, outcome: bytes) -> bytes:
        """Return the response that carries `outcome`: completion code and data."""
        head = bytes((self.requester, (self.netfn | 1) << 2 | self.sequence_lun & 3))
        body = bytes((BMC_ADDRESS, self.sequence_lun & 0xFC | self.lun, self.command)) + outcome
        return head + bytes((_checksum(head),)) + body + bytes((_checksum(body),))


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

    def session_key(self, password: bytes) -> bytes:
        """Return the session integrity key; the user's key stands in for the BMC's, as without one it must."""
        return hmac.digest(password, self.client_random + self.bmc_random + self._role_and_user, self.suite.digest)


class Channel:
    """The protection of one established session: opens the client's datagrams, seals the BMC's.

    One AES context for each direction serves all packets, as making one costs more than using it. In CBC a block
    decrypts by its predecessor alone, so the vector is fed as a block, and what comes out for it dropped. A random
    block encrypted before a packet comes out as the packet's vector, which nobody can foresee.
    """

    __slots__ = ("_check_size", "_client_id", "_decryptor", "_digest", "_encryptor", "_integrity_key", "_sequence")

    def __init__(self, suite: CipherSuite, session_key: bytes, client_id: int) -> None:
        self._integrity_key = hmac.digest(session_key, _CONSTANT_1, suite.digest)
        key = hmac.digest(session_key, _CONSTANT_2, suite.digest)[:16]
        cipher = Cipher(algorithms.AES(key), modes.CBC(bytes(_AES_BLOCK)))
        self._encryptor = cipher.encryptor()
        self._decryptor = cipher.decryptor()
        self._digest = suite.digest
        self._check_size = suite.check_size
        self._client_id = client_id
        self._sequence = 0

    def open(self, datagram: bytes) -> bytes | None:
        """Return the IPMI message in a datagram of this session, None if it is not authentic or not whole."""
        covered = datagram[4 : -self._check_size]
        check = hmac.digest(self._integrity_key, covered, self._digest)[: self._check_size]
        if not hmac.compare_digest(check, datagram[-self._check_size :]):
            return None
        size = int.from_bytes(datagram[14:16], "little")
        if datagram[5] != _PROTECTED | PAYLOAD_IPMI or size < 2 * _AES_BLOCK or size % _AES_BLOCK:
            return None
        if 16 + size + 2 + self._check_size > len(datagram):
            return None
        plain = self._decryptor.update(datagram[16 : 16 + size])[_AES_BLOCK:]
        return plain[: -1 - plain[-1]] if plain[-1] < len(plain) else None

    def seal(self, message: bytes) -> bytes:
        """Return the datagram that carries an IPMI message to the client."""
        self._sequence = self._sequence % 0xFFFFFFFF + 1
        pad = -(len(message) + 1) % _AES_BLOCK
        plain = message + _CONFIDENTIALITY_PAD[:pad] + bytes((pad,))
        body = self._encryptor.update(os.urandom(_AES_BLOCK) + plain)
        kind = _PROTECTED | PAYLOAD_IPMI
        head = _V20.pack(IPMI_HEADER, FORMAT_RMCP_PLUS, kind, self._client_id, self._sequence, len(body))
        # The integrity pad makes the covered bytes a multiple of four: always two here, since AES fills its blocks.
        datagram = head + body + b"\xff\xff\x02\x07"
        return datagram + hmac.digest(self._integrity_key, datagram[4:], self._digest)[: self._check_size]


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


def packet_before_session(message: bytes) -> bytes:
    """Return the IPMI 1.5 packet that carries a message outside of any session."""
    return _V15.pack(IPMI_HEADER, FORMAT_NONE, 0, 0, len(message)) + message


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


def parse_message(raw: bytes) -> Message | None:
    """Parse an IPMI request to the BMC itself; None if it is short, damaged, for another, or a response."""
    if len(raw) < 7 or raw[0] != BMC_ADDRESS or raw[1] & 0x04:
        return None
    if sum(raw[:3]) & 0xFF or sum(raw[3:]) & 0xFF:
        return None
    return Message(raw[1] >> 2, raw[5], raw[6:-1], raw[3], raw[4], raw, raw[1] & 0x03)


def _checksum(data: bytes) -> int:
    return -sum(data) & 0xFF
