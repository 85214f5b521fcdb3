"""Write ipmitool.json: exchanges as Debian's ipmitool sends, decrypts and prints them. See README.md."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from pathlib import Path

from powergraph_collector.simulator.config import validated
from powergraph_collector.simulator.server import Simulator

TRACE = "time,watts\n00:00:00,416\n00:00:02,842\n00:00:04,437\n"
COMMANDS = (["dcmi", "power", "reading"], ["dcmi", "power", "get_limit"], ["dcmi", "discover"])
DCMI = ("0x2c", "0xdc")


def exchanges(verbose: str) -> list[dict[str, str]]:
    """Pair each DCMI request (not PICMG's, of the same function) with its decrypted answer."""
    found = []
    for part in verbose.split(">> Sending IPMI command payload")[1:]:
        request = re.search(r"netfn   : (\S+)\s+>>    command : (\S+)\s+>>    data    : ([0-9a-fx ]*)", part)
        answer = re.search(r"Decrypted this data \(\d+ bytes\)\n((?: [0-9a-f]{2})+(?:\n(?: [0-9a-f]{2})+)*)", part)
        if request and answer and request[1] == DCMI[0] and request[3].startswith(DCMI[1]):
            message = bytes.fromhex(answer[1])
            pad = message[-1]
            found.append(
                {
                    "netfn": request[1],
                    "command": request[2],
                    "data": request[3].replace("0x", "").replace(" ", ""),
                    # After addresses, sequence and command; before the checksum and the confidentiality pad.
                    "answer": message[6 : -2 - pad].hex(),
                }
            )
    return found


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="powergraph-") as folder:
        trace = Path(folder) / "trace.csv"
        trace.write_text(TRACE)
        usual = {
            "port": 0,
            "user": "powergraph",
            "password": "a-password",
            "power": {"kind": "trace", "file": trace, "step": "reading", "loop": True},
        }
        tables = [
            {"name": "unlimited", **usual},
            {"name": "limited", **usual, "limit_w": 600},
            {"name": "inactive", **usual, "fault": "inactive-value"},
            {"name": "most", **usual, "fault": "max"},
        ]
        captured = []
        with Simulator(validated({"bmc": tables}, "capture")) as simulator:
            for name, (host, port) in simulator.addresses.items():
                for command in COMMANDS[:1] * 2 + COMMANDS:
                    line = [
                        "ipmitool",
                        "-I",
                        "lanplus",
                        "-C",
                        "17",
                        "-H",
                        host,
                        "-p",
                        str(port),
                        "-U",
                        "powergraph",
                        "-E",
                    ]
                    environment = {**os.environ, "IPMI_PASSWORD": "a-password", "LC_ALL": "C", "TZ": "UTC"}
                    done = subprocess.run(
                        [*line, "-vvvvvv", *command], env=environment, capture_output=True, text=True, check=False
                    )
                    printed = [
                        text.strip() for text in done.stdout.splitlines() if re.match(r"\s+[A-Z][^:\[]*:\s+\S", text)
                    ]
                    captured.append(
                        {
                            "bmc": name,
                            "ipmitool": " ".join(command),
                            "exchanges": exchanges(done.stderr),
                            "printed": printed,
                        }
                    )
    Path(__file__).with_name("ipmitool.json").write_text(json.dumps(captured, indent=1) + "\n")


if __name__ == "__main__":
    main()
