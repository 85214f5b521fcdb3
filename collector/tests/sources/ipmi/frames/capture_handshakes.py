"""Records handshakes, with the console's random numbers fixed, into handshakes.json; see README.md.

`PYTHONPATH=src ../.venv/bin/python -m tests.sources.ipmi.frames.capture_handshakes`, from collector/, writes it anew.
The other ends are the simulator's BMC in memory, OpenIPMI's ipmi_sim over loopback, and, for the console's side,
Debian's ipmitool against the simulator.
"""

from __future__ import annotations

import json
import os
import random
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from tests.conftest import PASSWORD, USER
from tests.simulator.ipmi_client import bmc
from tests.sources.ipmi import hostile, test_strangers

from powergraph_collector.simulator import rmcp
from powergraph_collector.simulator.config import validated
from powergraph_collector.simulator.server import Simulator
from powergraph_collector.sources.ipmi.handshake import Handshake
from powergraph_collector.sources.ipmi.session import SUITES

KG = "a group key"
Peer = Callable[[bytes], bytes | None]
STATUSES = (*range(0x01, 0x13), 0x7F, 0xFF)


@contextmanager
def fixed_numbers(seed: int) -> Iterator[None]:
    """Let all random numbers be those of a seed."""
    with patch.object(os, "urandom", random.Random(seed).randbytes):
        yield


def recorded(name: str, peer: Peer, *, suite: int, privilege: int, kg: str | None = None, user: str = USER) -> Any:
    """One login as the console holds it."""
    with fixed_numbers(1):
        handshake = Handshake(user.encode(), PASSWORD.encode(), kg and kg.encode(), privilege, SUITES[suite])
        sent, answers = [], []
        while handshake.keys is None and handshake.objection is None:
            answer = peer(handshake.packet)
            sent.append(handshake.packet.hex())
            if answer is None:
                break
            answers.append(answer.hex())
            handshake.feed(answer)
    keys, objection = handshake.keys, handshake.objection
    return {
        "name": name, "suite": suite, "privilege": privilege, "kg": kg, "user": user, "sent": sent, "answers": answers,
        "objection": objection and [objection.step.name, objection.fault.name, objection.status],
        "keys": keys and [keys.integrity_key.hex(), keys.aes_key.hex(), keys.bmc_session, keys.console_session],
    }  # fmt: skip


def simulated(spoil: Callable[[bytes], bytes] = bytes, **settings: Any) -> Peer:
    """The simulator's BMC, whose answers may be spoiled; its random numbers are its own."""
    machine, numbers = bmc(**settings), random.Random(2)

    def answer(packet: bytes) -> bytes | None:
        with patch.object(os, "urandom", numbers.randbytes):
            answered = machine.answer(packet, 1_700_000_000.0, 1000.0)
        return answered and spoil(answered.datagram)

    return answer


def spoiled_at(payload: int, spoil: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    return lambda answer: spoil(answer) if answer[5] == payload else answer


def with_tag_0(answer: bytes, status: int) -> bytes:
    """An error as OpenBMC sends it."""
    return hostile.rmcp_plus(answer[5], bytes(4), 0, bytes((0, status, 0, 0)) + bytes(4))


def short_refusal(answer: bytes, status: int) -> bytes:
    return hostile.rmcp_plus(answer[5], bytes(4), 0, answer[16:17] + bytes((status, 0, 0)) + answer[20:24])


def weaker(at: int, algorithm: int) -> Callable[[bytes], bytes]:
    """An Open Session Response that chose another algorithm."""
    return lambda answer: answer[: 16 + at] + bytes((algorithm,)) + answer[17 + at :]


def of_the_simulator() -> Iterator[Any]:
    for suite in (3, 17):
        for kg in (None, KG, "0123456789abcdefghij"):
            for privilege in (2, 3, 4):
                peer = simulated(**({"kg": kg} if kg else {}))
                yield recorded(
                    f"suite {suite}, kg {kg}, role {privilege}", peer, suite=suite, privilege=privilege, kg=kg
                )
        for payload in (rmcp.PAYLOAD_OPEN_RESPONSE, rmcp.PAYLOAD_RAKP_2, rmcp.PAYLOAD_RAKP_4):
            for form in (short_refusal, with_tag_0):
                for status in STATUSES:
                    spoil = spoiled_at(payload, lambda answer, form=form, status=status: form(answer, status))  # type: ignore[misc]
                    name = f"suite {suite}, status {status:#04x} to {payload - 1:#x}, {form.__name__}"
                    yield recorded(name, simulated(spoil), suite=suite, privilege=2)
        for at in (16, 24, 32):
            for algorithm in {0, 1, 2, 3, 4} - {algorithm_of(suite, at)}:
                spoil = spoiled_at(rmcp.PAYLOAD_OPEN_RESPONSE, weaker(at, algorithm))
                yield recorded(
                    f"suite {suite}, algorithm {algorithm} at {at}", simulated(spoil), suite=suite, privilege=2
                )
        yield recorded(f"suite {suite}, wrong password", simulated(password="another"), suite=suite, privilege=2)
        yield recorded(f"suite {suite}, Kg lacked", simulated(kg=KG), suite=suite, privilege=2)
        yield recorded(f"suite {suite}, wrong Kg", simulated(kg=KG), suite=suite, privilege=2, kg="b")
        wrong = spoiled_at(rmcp.PAYLOAD_RAKP_2, hostile.with_wrong_code)
        yield recorded(f"suite {suite}, wrong code", simulated(wrong), suite=suite, privilege=2)
        zeros = spoiled_at(rmcp.PAYLOAD_RAKP_2, lambda answer: answer[:56] + bytes(len(answer) - 56))
        yield recorded(f"suite {suite}, a code of zeros", simulated(zeros), suite=suite, privilege=2)
        wrong = spoiled_at(rmcp.PAYLOAD_RAKP_4, hostile.with_wrong_code)
        yield recorded(f"suite {suite}, wrong last code", simulated(wrong), suite=suite, privilege=2)


def algorithm_of(suite: int, at: int) -> int:
    """The algorithm that the suite has there."""
    found = rmcp.SUITES[suite]
    return {16: found.authentication, 24: found.integrity, 32: found.confidentiality}[at]


def of_ipmi_sim() -> Iterator[Any]:
    with tempfile.TemporaryDirectory(prefix="powergraph-") as text:
        folder, port = Path(text), test_strangers.free_port()
        (folder / "lan.conf").write_text(test_strangers.LAN.format(port=port, user=USER, password=PASSWORD))
        (folder / "bmc.emu").write_text(test_strangers.MACHINE.format(sensors=""))
        (folder / "state/ipmi_sim/powergraph").mkdir(parents=True)
        command = [test_strangers.program("ipmi_sim"), "-c", folder / "lan.conf", "-f", folder / "bmc.emu"]
        process = subprocess.Popen(
            [*command, "-s", folder / "state"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
        )
        try:
            while not test_strangers.is_listening(port):
                time.sleep(0.02)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
                line.connect(("127.0.0.1", port))
                line.settimeout(5)

                def peer(packet: bytes) -> bytes | None:
                    line.send(packet)
                    try:
                        return line.recv(2048)
                    except TimeoutError:
                        return None

                yield recorded("ipmi_sim", peer, suite=3, privilege=2)
                yield recorded("ipmi_sim, administrator", peer, suite=3, privilege=4)
                yield recorded("ipmi_sim, unknown user", peer, suite=3, privilege=2, user="nobody")
                yield recorded("ipmi_sim, suite 17", peer, suite=17, privilege=2)
        finally:
            process.kill()
            process.communicate()


def of_ipmitool() -> Iterator[Any]:
    """Logins that ipmitool holds: what it computes of the same numbers is what the reader has to compute."""
    for suite in (3, 17):
        for kg in (None, KG):
            usual = {
                "name": "node01",
                "port": 0,
                "user": USER,
                "password": PASSWORD,
                "power": {"kind": "constant", "watts": 436},
            }
            table = {**usual, **({"kg": kg} if kg else {})}
            with (
                Simulator(validated({"bmc": [table]}, "capture")) as simulator,
                hostile.Middleman(simulator.addresses["node01"]) as middleman,
            ):
                host, port = middleman.address
                line = [
                    "ipmitool",
                    "-I",
                    "lanplus",
                    "-C",
                    str(suite),
                    "-L",
                    "USER",
                    "-H",
                    host,
                    "-p",
                    str(port),
                    "-U",
                    USER,
                    "-E",
                ]
                environment = {**os.environ, "IPMI_PASSWORD": PASSWORD, "IPMI_KGKEY": kg or ""}
                subprocess.run(
                    [*line, *(["-K"] if kg else []), "mc", "info"], env=environment, check=True, capture_output=True
                )
                steps = (rmcp.PAYLOAD_OPEN_REQUEST, rmcp.PAYLOAD_RAKP_1, rmcp.PAYLOAD_RAKP_3)
                sent = [each for kind in steps for each in middleman.requests if hostile.kind_of(each) == kind]
                answers = [each for kind in steps for each in middleman.answers if hostile.kind_of(each) == kind + 1]
                first = next(each for each in middleman.requests if hostile.kind_of(each) == hostile.IN_SESSION)
                yield {
                    "name": f"ipmitool, suite {suite}, kg {kg}", "suite": suite, "kg": kg, "user": USER,
                    "sent": [each.hex() for each in sent], "answers": [each.hex() for each in answers],
                    "in_session": first.hex(),
                }  # fmt: skip


def main() -> None:
    captured = {"reader": [*of_the_simulator(), *of_ipmi_sim()], "ipmitool": list(of_ipmitool())}
    lines = {kind: ",\n".join(json.dumps(each) for each in logins) for kind, logins in captured.items()}
    text = ",\n".join(f'"{kind}": [\n{each}\n]' for kind, each in lines.items())
    Path(__file__).with_name("handshakes.json").write_text(f"{{\n{text}\n}}\n")


if __name__ == "__main__":
    main()
