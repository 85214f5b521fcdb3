"""An RMCP+ session once its keys are there: requests to packets, packets to responses (IPMI 2.0, section 13).

No socket and no clock: who owns the session sends what `seal` returns and gives what came to `open`. A session has at
most one request under way: `seal` begins one, `open` ends it with its response, `abandon` ends it without.

What `open` lets through was encrypted and authenticated with the keys of this session, is fresh, and answers the
request that is under way. Everything else is a `Drop`, which says why and changes nothing: until the integrity code is
checked, a packet is anybody's.

Freshness has three states, `_Freshness`. A session begins WATCHED: the integrity codes of its first packets are
remembered, so that a BMC is recognised that uses numbers twice (some send 0 or 1 always, some fall back) or jumps ahead
more than once. Its numbers prove nothing, and its session becomes UNNUMBERED: each packet's code is remembered, and
counts once. All others become NUMBERED: the sequence number decides, within the window of the specification.
"""

from __future__ import annotations

import hashlib
import os
from enum import Enum, auto
from functools import lru_cache
from hmac import compare_digest
from struct import Struct
from typing import Final, NamedTuple

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from powergraph_collector.sources.ipmi.message import Request, Response

WINDOW: Final = 16  # section 6.12.13: so far behind the highest number, and so far ahead of it
WATCHED_PACKETS: Final = 16
MOST_UNNUMBERED: Final = 1024  # packets of a session whose numbers prove nothing; then its keys are renewed
_HEADER = Struct("<4sBBIIH")
_RMCP: Final = b"\x06\x00\xff\x07"
_FORMAT_RMCP_PLUS: Final = 0x06
_SEALED_IPMI: Final = 0xC0  # payload type 0, encrypted and authenticated
_AES_BLOCK: Final = 16
_TRAILER: Final = b"\xff\xff\x02\x07"  # AES fills its blocks, so that the integrity pad is always two bytes
_LEAST_TRAILER: Final = 2
_BMC, _CONSOLE = 0x20, 0x81
_SHORTEST_MESSAGE: Final = 8  # of a response: addresses, numbers, two checksums, completion code
_NUMBERS: Final = 1 << 32
_WINDOW_BITS: Final = (1 << WINDOW + 1) - 1
_NONCE_BYTES: Final = 16
_BLOCK_BYTES: Final = 64  # of both hashes


class Suite(NamedTuple):
    """A cipher suite: its hash, how many bytes of a code are sent, its algorithms by number (tables 13-17, 13-18)."""

    number: int
    digest: str
    code_bytes: int
    authentication: int
    integrity: int


SUITES: Final = {3: Suite(3, "sha1", 12, 1, 1), 17: Suite(17, "sha256", 16, 3, 4)}


class Keys(NamedTuple):
    """What a handshake ends with: the suite, the integrity and the AES key, and the session's number on both sides."""

    suite: Suite
    integrity_key: bytes
    aes_key: bytes
    bmc_session: int
    console_session: int


class Drop(Enum):
    """Why a packet is none of the session's; the value is a clause for the log."""

    SHORT = "too short"
    FOREIGN = "not an encrypted and authenticated packet of this session"
    FORGED = "wrong integrity code"
    REPEATED = "sequence number seen before, or outside of the window"
    MALFORMED = "not an IPMI message although authentic"
    UNASKED = "answers nothing that was asked"


class _Freshness(Enum):
    WATCHED = auto()
    NUMBERED = auto()
    UNNUMBERED = auto()


class Session:
    """One established session; see the module. Not safe for several threads."""

    __slots__ = (
        "_asked", "_code_bytes", "_codes", "_decrypt", "_encrypt", "_freshness", "_has_jumped", "_head", "_highest",
        "_inner", "_number", "_outer", "_place", "_seen", "_sent", "_shortest", "keys",
    )  # fmt: skip

    def __init__(self, keys: Keys) -> None:
        self.keys = keys
        # Copies of a hash that has begun cost half of what `hmac.digest` does (0.55 and 1.29 us on one machine), and
        # kept contexts of CBC a tenth of new ones: a block that goes in first stands in for the vector.
        make = getattr(hashlib, keys.suite.digest)
        padded = keys.integrity_key.ljust(_BLOCK_BYTES, b"\0")
        self._inner = make(bytes(byte ^ 0x36 for byte in padded))
        self._outer = make(bytes(byte ^ 0x5C for byte in padded))
        cipher = Cipher(algorithms.AES(keys.aes_key), modes.CBC(bytes(_AES_BLOCK)))
        self._encrypt = cipher.encryptor().update
        self._decrypt = cipher.decryptor().update
        self._code_bytes = keys.suite.code_bytes
        self._shortest = _HEADER.size + 2 * _AES_BLOCK + _LEAST_TRAILER + self._code_bytes
        # The first three bytes of RMCP say nothing that matters, and some BMCs fill them freely.
        self._head = bytes((_RMCP[3], _FORMAT_RMCP_PLUS, _SEALED_IPMI)) + keys.console_session.to_bytes(4, "little")
        self._sent = 0
        self._number = 0
        self._asked: Request | None = None
        self._place = b""
        self._freshness = _Freshness.WATCHED
        self._has_jumped = False
        self._highest = -1
        self._seen = 0
        self._codes: set[bytes] = set()

    @property
    def is_asking(self) -> bool:
        """Whether a request is under way."""
        return self._asked is not None

    @property
    def is_worn(self) -> bool:
        """Whether new keys are due: all codes of an unnumbered session are remembered, and that has a bound."""
        return len(self._codes) >= MOST_UNNUMBERED

    def seal(self, request: Request) -> bytes:
        """The packet of a new request; whatever was under way is abandoned."""
        self._number = number = (self._number + 1) & 0x3F
        self._asked = request
        self._place = bytes((number << 2 | request.lun, request.command))
        return self._sealed(request, number)

    def seal_again(self) -> bytes:
        """Another packet of the request that is under way, for the case that the first was lost."""
        assert self._asked is not None  # noqa: S101 -- the caller has just asked
        return self._sealed(self._asked, self._number)

    def abandon(self) -> None:
        """Wait no longer for the request that is under way."""
        self._asked = None

    def _sealed(self, request: Request, number: int) -> bytes:
        self._sent = self._sent % 0xFFFFFFFF + 1
        # The first block, random, comes out as the packet's vector, which nobody can foresee.
        body = self._encrypt(os.urandom(_NONCE_BYTES) + _padded_message(request, number))
        bmc = self.keys.bmc_session
        packet = _HEADER.pack(_RMCP, _FORMAT_RMCP_PLUS, _SEALED_IPMI, bmc, self._sent, len(body)) + body + _TRAILER
        return packet + self._code(packet[4:])

    def _code(self, covered: bytes) -> bytes:
        inner = self._inner.copy()
        inner.update(covered)
        outer = self._outer.copy()
        outer.update(inner.digest())
        code: bytes = outer.digest()[: self._code_bytes]
        return code

    def open(self, packet: bytes) -> Response | Drop:
        """The response to the request that is under way, or why this packet is not that."""
        if len(packet) < self._shortest:
            return Drop.SHORT
        length = packet[14] | packet[15] << 8
        end = _HEADER.size + length
        is_ours = packet[3:10] == self._head and packet[0] == _RMCP[0]
        if not is_ours or length % _AES_BLOCK or end + _LEAST_TRAILER + self._code_bytes > len(packet):
            return Drop.FOREIGN
        code = packet[-self._code_bytes :]
        if not compare_digest(code, self._code(packet[4 : -self._code_bytes])):
            return Drop.FORGED
        if not self._is_fresh(int.from_bytes(packet[10:14], "little"), code):
            return Drop.REPEATED
        return self._response(self._decrypt(packet[_HEADER.size : end])[_AES_BLOCK:])

    def _response(self, plain: bytes) -> Response | Drop:
        """What an authentic message says, if it answers what is under way."""
        size = len(plain) - 1 - plain[-1] if plain else 0
        if size < _SHORTEST_MESSAGE or plain[-1] >= _AES_BLOCK:
            return Drop.MALFORMED
        asked = self._asked
        if asked is None or plain[4:6] != self._place or plain[1] >> 2 != asked.netfn | 1:
            return Drop.UNASKED
        self._asked = None
        # Checksums are not looked at: the integrity code covers them, and BMCs are known that get them wrong.
        return Response(plain[6], plain[7 : size - 1])

    def _is_fresh(self, number: int, code: bytes) -> bool:
        """Whether an authentic packet is new; it is seen from now on."""
        if self._freshness is _Freshness.NUMBERED:
            if number == self._highest + 1:  # as nearly always
                self._highest, self._seen = number, (self._seen << 1 | 1) & _WINDOW_BITS
                return True
            return self._is_new_number(number)
        if code in self._codes or self.is_worn:
            return False
        self._codes.add(code)  # whatever its number is: no packet of this session has had this code
        if self._freshness is _Freshness.WATCHED and not self._is_new_number(number):
            # One jump ahead is known of BMCs. Several may lead all the way round, back to numbers that were used.
            if self._ahead(number) > WINDOW and not self._has_jumped:
                self._has_jumped, self._highest, self._seen = True, number, 1
            else:
                self._freshness = _Freshness.UNNUMBERED
        if self._freshness is _Freshness.WATCHED and len(self._codes) >= WATCHED_PACKETS:
            self._freshness = _Freshness.NUMBERED
            self._codes = set()
        return True

    def _ahead(self, number: int) -> int:
        """How far a number is ahead of the highest one, by the shorter way round."""
        return (number - self._highest + _NUMBERS // 2) % _NUMBERS - _NUMBERS // 2

    def _is_new_number(self, number: int) -> bool:
        if self._highest < 0:  # the first packet under these keys is no repetition, whatever the BMC begins with
            self._highest, self._seen = number, 1
            return True
        ahead = self._ahead(number)
        if ahead > 0:
            if ahead > WINDOW:
                return False
            self._highest, self._seen = number, (self._seen << ahead | 1) & _WINDOW_BITS
            return True
        if ahead < -WINDOW or self._seen >> -ahead & 1:
            return False
        self._seen |= 1 << -ahead
        return True


@lru_cache(maxsize=4096)
def _padded_message(request: Request, number: int) -> bytes:
    """The IPMI message of a request (table 13-8), padded for AES (table 13-20)."""
    head = bytes((_BMC, request.netfn << 2 | request.lun))
    body = bytes((_CONSOLE, number << 2, request.command)) + request.data
    message = head + bytes((-sum(head) & 0xFF,)) + body + bytes((-sum(body) & 0xFF,))
    pad = -(len(message) + 1) % _AES_BLOCK
    return message + bytes(range(1, pad + 1)) + bytes((pad,))
