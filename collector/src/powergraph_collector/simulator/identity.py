"""What a simulated BMC tells about itself and its chassis, part of it to anyone."""

from __future__ import annotations

from powergraph_collector.simulator import rmcp
from powergraph_collector.simulator.config import BmcConfig
from powergraph_collector.simulator.outcome import WRONG_LENGTH, Outcome, code, success
from powergraph_collector.simulator.quirks import Quirk


class Identity:
    """The part of a BMC that answers what it is."""

    quirks: frozenset[Quirk]
    settings: BmcConfig
    _guid: bytes

    def _authentication_capabilities(self, data: bytes, wall_s: float) -> Outcome:
        if len(data) != 2:
            return code(WRONG_LENGTH)
        # No IPMI 1.5 authentication; user names are needed; IPMI 2.0 is spoken, if the client asks about it.
        extended = data[0] & 0x80
        return success(bytes((1, extended, 0x04, 0x02 if extended else 0, 0, 0, 0, 0)))

    def _cipher_suites(self, data: bytes, wall_s: float) -> Outcome:
        if len(data) != 3:
            return code(WRONG_LENGTH)
        offset = (data[2] & 0x3F) * 16
        every = b"".join(rmcp.SUITES[number].record for number in self.settings.cipher_suites)
        return success(b"\x01" + every[offset : offset + 16])

    def _system_guid(self, data: bytes, wall_s: float) -> Outcome:
        return success(self._guid)

    def _device_id(self, data: bytes, wall_s: float) -> Outcome:
        # Device 0x20, revision 1, firmware 1.05, IPMI 2.0; has sensors, an SDR repository and a chassis; no vendor.
        return success(bytes((0x20, 0x81, 0x01, 0x05, 0x02, 0x83, 0, 0, 0, 0, 0)))

    def _chassis_status(self, data: bytes, wall_s: float) -> Outcome:
        return success(bytes(("chassis-off" not in self.quirks, 0, 0)))  # power is on, nothing else
