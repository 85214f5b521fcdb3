"""A listener on the path between the collector and one BMC, and what it can do there.

It stands where the BMC would: the collector is told its address, so that all that it sends comes from the BMC's own
address and port, which is the most that an attacker on the network has. It has no passwords and no keys.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import selectors
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType

from powergraph_collector.simulator import rmcp
from powergraph_collector.sources.ipmi import dcmi

Address = tuple[str, int]

# Payload types as `kind_of` tells them.
OPEN_REQUEST, OPEN_RESPONSE = rmcp.PAYLOAD_OPEN_REQUEST, rmcp.PAYLOAD_OPEN_RESPONSE
RAKP_1, RAKP_2, RAKP_3, RAKP_4 = rmcp.PAYLOAD_RAKP_1, rmcp.PAYLOAD_RAKP_2, rmcp.PAYLOAD_RAKP_3, rmcp.PAYLOAD_RAKP_4
IN_SESSION = 0xC0  # encrypted and authenticated

FORGED_W = 9_999  # what forged readings say; no simulated BMC of these tests draws as much

_LONGEST_DATAGRAM = 65_535
_LOOK_AGAIN_S = 0.2


@dataclass(frozen=True, slots=True)
class Later:
    """A datagram that is passed on only after some seconds; what follows it overtakes it."""

    datagram: bytes
    after_s: float


Passes = Callable[[bytes], Iterable[bytes | Later]]


class Middleman:
    """Forwards datagrams between a collector and a BMC; records, drops, changes, delays, repeats and injects.

    `on_request` and `on_answer` say what passes instead of a datagram: nothing drops it, `[datagram]` lets it pass,
    more inject. They are called in the middleman's thread and may be set at any time. `requests` and `answers` have
    what came from either side, whatever became of it. It serves one collector's socket at a time: the last one heard.
    """

    def __init__(self, bmc: Address) -> None:
        self.on_request: Passes = _unchanged
        self.on_answer: Passes = _unchanged
        self.requests: list[bytes] = []
        self.answers: list[bytes] = []
        self.injected = 0
        self.errors: list[Exception] = []
        self._client: Address | None = None
        self._front = _bound()
        self._back = _bound()
        self._back.connect(bmc)
        self._later: list[tuple[float, int, bool, bytes]] = []
        self._tickets = itertools.count()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="powergraph-middleman", daemon=True)

    @property
    def address(self) -> Address:
        """Where the collector is to look for the BMC."""
        host, port = self._front.getsockname()
        return str(host), int(port)

    @property
    def client(self) -> Address:
        """Where the collector was heard from."""
        assert self._client is not None, "the collector has not been heard yet"
        return self._client

    def inject(self, datagram: bytes, *, to: Address | None = None) -> None:
        """Send a datagram from the BMC's address to the collector, or to another of its sockets; from any thread."""
        self.injected += 1
        with contextlib.suppress(OSError):  # a full queue drops, as networks do
            self._front.sendto(datagram, to or self.client)

    @contextlib.contextmanager
    def flooding(self, *datagrams: bytes, a_second: int = 5_000) -> Iterator[None]:
        """Flood the collector with these in turn, by a process of its own, so that it takes nobody's interpreter."""
        host, port = self.client
        command = [sys.executable, "-c", _FLOOD, str(self._front.fileno()), host, str(port), str(a_second)]
        flood = subprocess.Popen(
            [*command, *(each.hex() for each in datagrams)],
            pass_fds=[self._front.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
        assert flood.stdout
        try:
            assert flood.stdout.readline() == b"floods\n"
            yield
            assert flood.poll() is None, "the flood ended by itself"
        finally:
            flood.kill()
            flood.wait()
            flood.stdout.close()

    def __enter__(self) -> Middleman:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join()
        self._front.close()
        self._back.close()
        if error is None:  # else the test has its failure already
            assert not self.errors, self.errors

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._front, selectors.EVENT_READ)
            selector.register(self._back, selectors.EVENT_READ)
            while not self._stopping.is_set():
                wait_s = _LOOK_AGAIN_S
                if self._later:
                    wait_s = max(0.0, min(wait_s, self._later[0][0] - time.perf_counter()))
                for key, _ in selector.select(wait_s):
                    try:
                        self._serve(from_bmc=key.fileobj is self._back)
                    except Exception as error:  # told at the end, in the test's thread
                        self.errors.append(error)
                self._pass_what_was_delayed()

    def _serve(self, *, from_bmc: bool) -> None:
        try:
            datagram, sender = (self._back if from_bmc else self._front).recvfrom(_LONGEST_DATAGRAM)
        except OSError:  # an earlier datagram met a closed port
            return
        if not from_bmc:
            self._client = sender
        for each in (self.on_answer if from_bmc else self.on_request)(datagram):
            if isinstance(each, Later):
                due_s = time.perf_counter() + each.after_s
                heapq.heappush(self._later, (due_s, next(self._tickets), from_bmc, each.datagram))
            else:
                self._pass(each, from_bmc=from_bmc)
        (self.answers if from_bmc else self.requests).append(datagram)  # last: who finds it here, finds it passed on

    def _pass_what_was_delayed(self) -> None:
        while self._later and self._later[0][0] <= time.perf_counter():
            _, _, from_bmc, datagram = heapq.heappop(self._later)
            self._pass(datagram, from_bmc=from_bmc)

    def _pass(self, datagram: bytes, *, from_bmc: bool) -> None:
        with contextlib.suppress(OSError):
            if from_bmc:
                self._front.sendto(datagram, self.client)
            else:
                self._back.send(datagram)


def _bound() -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    bound.bind(("127.0.0.1", 0))
    bound.setblocking(False)
    return bound


def _unchanged(datagram: bytes) -> Sequence[bytes]:
    return [datagram]


# Paced in bursts of 5 ms, since a sleep for each packet would be far slower than the floods that are meant.
_FLOOD = """
import socket, sys, time
number, host, port, a_second, *packets = sys.argv[1:]
flooding = socket.socket(fileno=int(number))
packets = [bytes.fromhex(packet) for packet in packets]
burst, sent = max(1, int(a_second) // 200), 0
print("floods", flush=True)
while True:
    for _ in range(burst):
        try:
            flooding.sendto(packets[sent % len(packets)], (host, int(port)))
        except OSError:
            pass
        sent += 1
    time.sleep(0.005)
"""


def in_turn(packets: Sequence[bytes], turn: int, count: int = 12) -> list[bytes]:
    """So many of the packets, others at every turn: a reader may put off a BMC that says very much at once."""
    return [packets[(turn * count + number) % len(packets)] for number in range(count)]


# -- what is seen of a datagram without any key ------------------------------------


def kind_of(datagram: bytes) -> int | None:
    """The payload type of an RMCP+ packet with its bits for encrypted and authenticated, None if it is none."""
    is_rmcp_plus = len(datagram) >= 16 and datagram.startswith(rmcp.IPMI_HEADER) and datagram[4] == 0x06
    return datagram[5] if is_rmcp_plus else None


def session_of(datagram: bytes) -> bytes:
    """The session id in the header of an RMCP+ packet."""
    return datagram[6:10]


def sequence_of(datagram: bytes) -> int:
    """The session sequence number in the header of an RMCP+ packet."""
    return int.from_bytes(datagram[10:14], "little")


# -- forgeries ---------------------------------------------------------------------


def rmcp_plus(kind: int, session: bytes, sequence: int, payload: bytes, *, size: int | None = None) -> bytes:
    """An RMCP+ packet without protection, whatever its payload type says; `size` lies about the payload's length."""
    length = len(payload) if size is None else size
    head = bytes((0x06, kind)) + session + sequence.to_bytes(4, "little") + length.to_bytes(2, "little")
    return rmcp.IPMI_HEADER + head + payload


def ipmi_15(sequence: int, session: bytes, message: bytes, *, auth_type: int = 0) -> bytes:
    """An IPMI 1.5 packet; with an authentication type other than none, its code is made up."""
    code = bytes(16) if auth_type else b""
    head = bytes((auth_type,)) + sequence.to_bytes(4, "little") + session + code + bytes((len(message),))
    return rmcp.IPMI_HEADER + head + message


def forged_message(request_sequence: int, *, power_w: int = FORGED_W) -> bytes:
    """The IPMI message of a power reading as the BMC would send it, with right checksums."""
    reading = dcmi.PowerReading(power_w, power_w, power_w, power_w, 1_795_435_200, 1_000, active=True)
    head = bytes((0x81, (dcmi.NETFN | 1) << 2))
    body = bytes((0x20, request_sequence << 2, dcmi.GET_POWER_READING, 0x00)) + dcmi.encode_power_reading(reading)
    return head + bytes((-sum(head) & 0xFF,)) + body + bytes((-sum(body) & 0xFF,))


def forged_readings(genuine: bytes, request: bytes, *, ahead: int = 0) -> list[bytes]:
    """Forged power readings, made of a genuine answer of the session: one of each way in which it is not genuine.

    `request` is one of the session, which shows the BMC's id of it. Those without protection claim to be `ahead` of the
    genuine answer by so many sequence numbers.
    """
    session, following = session_of(genuine), (sequence_of(genuine) + ahead) & 0xFFFFFFFF
    other = bytes(byte ^ 0x5A for byte in session)
    # The number of a request is encrypted; who counts the packets of the session knows it all but exactly.
    cleartext = [forged_message((sequence_of(request) + off) & 0x3F) for off in range(-4, 4)]
    code = bytes(range(16))  # as long as that of cipher suite 17, and wrong
    trailer = b"\xff\xff\x02\x07"
    return [
        genuine[:-1] + bytes((genuine[-1] ^ 0x01,)),  # an integrity code with one wrong bit
        genuine[:-16] + code,
        genuine[:-16],
        genuine[:20] + bytes((genuine[20] ^ 0x80,)) + genuine[21:],  # a changed initialisation vector
        genuine[:33] + bytes((genuine[33] ^ 0x80,)) + genuine[34:],  # changed watts, if one hits them
        genuine[:6] + other + genuine[10:],  # the session of somebody else
        genuine[:6] + bytes(4) + genuine[10:],
        genuine[:10] + following.to_bytes(4, "little") + genuine[14:],
        *(rmcp_plus(0x00, session, following, each) for each in cleartext),
        *(rmcp_plus(0x00, bytes(4), 0, each) for each in cleartext),
        *(rmcp_plus(0x40, session, following, each + trailer + code, size=len(each)) for each in cleartext),
        *(rmcp_plus(0x80, session, following, genuine[16:32] + each.ljust(32, b"\0")) for each in cleartext),
        *(ipmi_15(following, session, each) for each in cleartext),
        *(ipmi_15(following, session_of(request), each) for each in cleartext),
        *(ipmi_15(0, bytes(4), each) for each in cleartext),
    ]


def other_tag(request: bytes) -> int:
    """A message tag that is not the one of a request of the login."""
    return (request[16] ^ 0x55) or 0xAA


def out_of_place(session: bytes, tag: int) -> list[bytes]:
    """Well-formed messages of logins and sessions that belong to no exchange of the collector's.

    Their session ids and codes are guessed, as by one who does not see the exchange; so are the given ones.
    """
    guessed = bytes.fromhex("a1b2c3d4")
    algorithms = b"".join(bytes((kind, 0, 0, 8, number, 0, 0, 0)) for kind, number in enumerate((3, 4, 1)))
    random, guid, code = bytes(range(16)), bytes(range(16, 32)), bytes(32)
    heads = [bytes((tag, status, 4, 0)) + guessed for status in (0x00, 0x01, 0x02, 0x09, 0x0D, 0x0F, 0x11)]
    return [
        *(rmcp_plus(OPEN_RESPONSE, bytes(4), 0, head + guessed + algorithms) for head in heads),
        *(rmcp_plus(RAKP_2, bytes(4), 0, head + random + guid + code) for head in heads),
        *(rmcp_plus(RAKP_4, bytes(4), 0, head + code[:16]) for head in heads),
        *(rmcp_plus(kind, bytes(4), 0, bytes(32)) for kind in (OPEN_REQUEST, RAKP_1, RAKP_3)),  # what only consoles say
        rmcp_plus(IN_SESSION, session, 1, bytes(32) + b"\xff\xff\x02\x07" + bytes(16)),
        rmcp_plus(0x00, session, 1, forged_message(1)),
        rmcp_plus(0x01, session, 1, bytes(16)),  # Serial over LAN
        rmcp_plus(0x02, session, 1, bytes(16)),  # OEM explicit
        ipmi_15(0, bytes(4), forged_message(1)),
        rmcp.ASF_HEADER + b"\x00\x00\x11\xbe\x40\x00\x00\x10" + bytes(16),  # a presence pong
    ]


def refused(genuine: bytes, status: int) -> bytes:
    """An answer of a login as it would be if the BMC had refused: nothing in it can be checked."""
    return genuine[:17] + bytes((status,)) + genuine[18:]


def with_wrong_code(genuine: bytes) -> bytes:
    """An answer of a login whose last byte is another: with RAKP messages 2 and 4, that is their code's."""
    return genuine[:-1] + bytes((genuine[-1] ^ 0x01,))


def malformed(session: bytes) -> dict[str, bytes]:
    """Packets that no BMC sends: one of each way to be wrong before any code or key is looked at."""
    header = rmcp.IPMI_HEADER
    return {
        "nothing": b"",
        "one byte": b"\x06",
        "the header alone": header,
        "the header and a type": header + b"\x06",
        "half of a session header": header + b"\x06\xc0" + session,
        "another RMCP version": b"\x07" + header[1:] + bytes(32),
        "another class": header[:3] + b"\x08" + bytes(32),
        "an acknowledgement": header[:3] + b"\x87",
        "an unknown authentication type": header + b"\x05" + bytes(40),
        "an unknown payload type": rmcp_plus(0x2F, session, 1, bytes(32)),
        "a length beyond the end": rmcp_plus(0xC0, session, 1, bytes(32), size=0xFFFF),
        "a length of nothing": rmcp_plus(0xC0, session, 1, bytes(32), size=0),
        "no block of the cipher": rmcp_plus(0xC0, session, 1, bytes(7)),
        "an open response of one byte": rmcp_plus(0x11, bytes(4), 0, b"\x00"),
        "an open response of nothing": rmcp_plus(0x11, bytes(4), 0, b""),
        "a RAKP message 2 of nothing": rmcp_plus(0x13, bytes(4), 0, b""),
        "a RAKP message 2 of four bytes": rmcp_plus(0x13, bytes(4), 0, bytes(4)),
        "a RAKP message 4 of nothing": rmcp_plus(0x15, bytes(4), 0, b""),
        "an IPMI 1.5 packet of ten bytes": ipmi_15(0, bytes(4), b"")[:10],
        "an IPMI 1.5 packet whose length lies": ipmi_15(0, bytes(4), b"\x81\x1c")[:-2] + b"\xff\x81",
        "an authenticated IPMI 1.5 packet cut short": ipmi_15(0, bytes(4), b"", auth_type=2)[:-8],
        "the largest datagram": header + b"\x06\xc0" + bytes(60_000),
        "noise": bytes((37 * number + 11) & 0xFF for number in range(200)),
    }
