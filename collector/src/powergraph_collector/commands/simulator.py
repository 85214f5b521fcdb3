"""The command powergraph-simulator: BMCs that do not exist, for the demo and for tests."""

from __future__ import annotations

import gc
import resource
import signal
import sys
import textwrap
from pathlib import Path
from types import FrameType

import click

from powergraph_collector.simulator.config import ConfigError, load
from powergraph_collector.simulator.quirks import QUIRKS
from powergraph_collector.simulator.server import Simulator


def _quirks() -> str:
    return "\n".join(
        textwrap.fill(text, 116, initial_indent=f"  {name:<21}", subsequent_indent=" " * 23)
        for name, text in QUIRKS.items()
    )


_HELP = f"""\
Simulate BMCs that answer IPMI 2.0 (RMCP+, cipher suites 3 and 17) over UDP: DCMI power readings, watt sensors, and the
faults of real BMCs.

\b
The config is TOML; it holds passwords, so others must not be able to read it (chmod o=):
  served_log = "served.csv"      # optional: a line "bmc,at_ms,watts" for each reading sent
  slot_s = 0.05                  # optional: thousands of BMCs cost less CPU if they answer so many seconds later
  [[bmc]]
  name = "node01"
  host = "127.0.0.1"             # default
  port = 6231                    # 0 takes a free one and prints it
  user = "powergraph"
  password = "…"
  power = {{kind = "office", seed = 1, idle_w = 180, peak_w = 620}}

\b
power is one of
  {{kind = "constant", watts = 250}}
  {{kind = "office", seed = 1, idle_w = 180, peak_w = 620}}     days, nights, jobs, spikes
  {{kind = "trace", file = "day.csv", step = "time", speed = 1.0, loop = true}}
  {{kind = "trace", file = "day.csv", step = "reading"}}        one row a reading, then 0xCE
A trace has two columns: HH:MM:SS or an ISO 8601 timestamp, and watts; a header is optional.

\b
Optional in [[bmc]], with defaults:
  fault = "none"                 # silent, no-dcmi, dcmi-ignored, busy-first, empty-first, inactive-zero,
                                 # inactive-value, zero, max, reboot (forgets its sessions), no-slots, slow
  limit_w = 600                  # the power cap, which it tells and keeps to; none by default. Over the wire,
                                 # `ipmitool dcmi power set_limit` and `activate` change it, as an operator
  delay_s = 1.5                  # how late the fault "slow" answers
  latency_s = 0.0                # how long every answer takes; real BMCs need 0.001 to 0.02
  cipher_suites = [3, 17]
  privilege_limit = "administrator"   # of the user; "user", "operator"
  required_privilege = "user"    # for DCMI power commands
  slots = 4                      # sessions at a time; one that is idle for too long loses its slot
  sdr = [{{name = "System Level", entity = 7, instance = 1, share = 1.0, step_w = 4}}]   # or watts = 250
  sdr_quirks = {{device = false, silent_device = false, loops = false, largest_chunk = 255, lost_reservations = 0}}
  quirks = []                    # what real BMCs do wrong, any of the list below together
  loss = 0.0                     # this share of packets is lost, each way; the same ones in every run
  kg = "a-group-key"             # the key of the BMC, text or 0x and hexadecimal digits; none by default
  user_refused_status = 0x09     # of the quirk "user-refused"; 0x0D is "unknown user"
  busy_code = 0xC0               # of the quirk "privilege-busy": C0, C3, CE, D1, D2, FF
  booting_s = 0.0                # how long it boots, from its first datagram after its start or the fault "reboot";
  booting_answers = 3            # and this many answers of each kind are those of a booting BMC in any case
  idle_s = 60.0                  # how long a session may be idle
  every = 10                     # how often quirks strike that do so now and then
  dcmi_code = 0xFF               # the completion code of power readings, instead of watts; none by default
  dcmi_code_within_s = 0.0       # only of those that come sooner than this after one with watts

\b
quirks are
{_quirks()}

\b
A sensor of sdr may be as awkward as those of real BMCs; besides the above, with defaults:
  b = 0, b_exp = 0, r_exp = 0    # watts = (step_w x byte + b x 10^b_exp) x 10^r_exp
  format = "unsigned"            # ones, twos (complement), none (no numeric reading)
  state = 0xC0                   # 0xE0: unavailable, 0x80: not scanned
  code = 0                       # the completion code that its reading is refused with
  number = 1                     # its place in the list
  owner = 0x20, lun = 0          # other owners' records are told, their sensors not read; LUN 0 to 3
  unit = 6, modifier = 0, linearization = 0
  record = "full"                # compact
  record_excess = 0              # bytes by which the record says to be longer than it is
  coding = "ascii"               # of the name: packed (six bits a letter), bcd

SIGHUP reads the config again: passwords, faults and all else change, sessions go on. SIGTERM and Ctrl-C end with
exit code 0. A config that cannot be used: one line on stderr and exit code 2 (on SIGHUP the line alone).
"""


@click.command(help=_HELP, context_settings={"max_content_width": 120})
@click.option("--config", "path", required=True, metavar="FILE", type=click.Path(path_type=Path), help="The TOML file.")
def main(path: Path) -> None:
    """Serve until a signal ends it."""
    _open_as_many_files_as_allowed()
    try:
        simulator = Simulator(load(path), remember=False)
    except ConfigError as error:
        click.echo(f"powergraph-simulator: {error}", err=True)
        sys.exit(2)

    received: set[int] = set()

    def note(number: int, frame: FrameType | None) -> None:
        received.add(number)
        simulator.interrupt()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, note)
    for name, (host, port) in simulator.addresses.items():
        click.echo(f"{name} listens on {host}:{port}")
    sys.stdout.flush()
    # What there is now stays: with thousands of BMCs the garbage collector would look through it for long.
    gc.collect()
    gc.freeze()
    try:
        while not received & {signal.SIGTERM, signal.SIGINT}:
            if signal.SIGHUP in received:
                received.remove(signal.SIGHUP)
                _reload(simulator, path)
            simulator.run()
    finally:
        simulator.close()


def _open_as_many_files_as_allowed() -> None:
    """Raise the limit of open files, of which each BMC's socket is one, as far as the system lets everybody."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _reload(simulator: Simulator, path: Path) -> None:
    try:
        simulator.reconfigure(load(path))
    except ConfigError as error:
        click.echo(f"powergraph-simulator: {error}", err=True)
