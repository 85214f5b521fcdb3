"""A device in a BMC's place that sends 5,000 packets a second of `06 00 ff 07` to whoever spoke to it: `PORT`."""

from __future__ import annotations

import contextlib
import socket
import sys
import time
from typing import Final

PACKETS_A_SECOND: Final = 5_000
TURN_S: Final = 0.01
PACKET: Final = b"\x06\x00\xff\x07"


def main() -> None:
    place = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    place.bind(("127.0.0.1", int(sys.argv[1])))
    _, client = place.recvfrom(2048)
    place.setblocking(False)
    due_s = time.monotonic()
    while True:
        for _ in range(int(PACKETS_A_SECOND * TURN_S)):
            with contextlib.suppress(OSError):  # a full buffer, or a client that has closed its socket
                place.sendto(PACKET, client)
        with contextlib.suppress(OSError):  # the newest socket is the one to flood
            while True:
                _, client = place.recvfrom(2048)
        due_s += TURN_S
        time.sleep(max(0.0, due_s - time.monotonic()))


if __name__ == "__main__":
    main()
