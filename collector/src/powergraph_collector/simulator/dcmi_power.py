"""The DCMI commands of a simulated BMC: what it can, what it draws, its power cap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from powergraph_collector.simulator.config import BmcConfig, Fault
from powergraph_collector.simulator.outcome import (
    CANNOT_ANSWER,
    INVALID_FIELD,
    UNKNOWN_COMMAND,
    Outcome,
    code,
    success,
)
from powergraph_collector.simulator.power import HIGHEST_W, PowerSource
from powergraph_collector.simulator.quirks import Quirk
from powergraph_collector.sources.ipmi import dcmi
from powergraph_collector.sources.ipmi.message import SUCCESS

_NO_CAP: Final = dcmi.PowerLimit(0, 0, 0, 0)
_VERSION: Final = dcmi.Capabilities(1, 5, power_management=True)
# Platform attributes: none; manageability access: LAN channel 1, no second one, no serial line.
_OTHER_CAPABILITIES: Final = {2: bytes(5), 3: bytes(2), 4: b"\x01\xff\xff"}
_JUMP_W, _NEGATIVE_W = 40_000, 0x10000 - 5
_SHORT_SIZE: Final = 6
_NOT_MEASURING: Final[tuple[Fault, ...]] = ("inactive-zero", "inactive-value")


@dataclass(slots=True)
class _Statistics:
    """What the BMC has measured since its first reading, at `begin_s`."""

    begin_s: float
    lowest_w: int = HIGHEST_W
    highest_w: int = 0
    total_w: int = 0
    readings: int = 0

    def with_reading(self, power_w: int, at_s: float, active: bool) -> dcmi.PowerReading:
        """Count a reading, and return it with what there was so far."""
        self.lowest_w = min(self.lowest_w, power_w)
        self.highest_w = max(self.highest_w, power_w)
        self.total_w += power_w
        self.readings += 1
        average_w = round(self.total_w / self.readings)
        period_ms = int((at_s - self.begin_s) * 1000) & 0xFFFFFFFF if at_s > self.begin_s else 0
        at = int(at_s) & 0xFFFFFFFF
        return dcmi.PowerReading(power_w, self.lowest_w, self.highest_w, average_w, at, period_ms, active)


class DcmiPower:
    """The part of a BMC that answers DCMI commands."""

    settings: BmcConfig
    source: PowerSource
    fault: Fault
    quirks: frozenset[Quirk]
    _reads_soundly: bool

    def __init__(self) -> None:
        self._statistics: _Statistics | None = None
        self._asked = 0
        self._answered_s = float("-inf")
        self._cap = _NO_CAP
        self._cap_is_active = False
        self._configured_cap_w: int | None = None

    def _configure_cap(self, settings: BmcConfig) -> None:
        if settings.limit_w != self._configured_cap_w:  # else what was set over the wire stays
            self._configured_cap_w = settings.limit_w
            self._cap_is_active = settings.limit_w is not None
            self._cap = dcmi.PowerLimit(settings.limit_w or 0, action=0x11, correction_ms=1000, sample_s=1)

    def _dcmi_capabilities(self, data: bytes, wall_s: float) -> Outcome:
        if len(data) != 2 or data[0] != dcmi.GROUP:
            return code(INVALID_FIELD)
        head = dcmi.encode_capabilities(_VERSION)
        if data[1] == dcmi.SUPPORTED_CAPABILITIES:
            return success(head)
        if data[1] == dcmi.AVERAGING_PERIODS:
            return success(dcmi.encode_averaging_periods(_VERSION, ()))
        if data[1] in _OTHER_CAPABILITIES:
            return success(head[:4] + _OTHER_CAPABILITIES[data[1]])
        return code(INVALID_FIELD)

    def _power_reading(self, data: bytes, wall_s: float) -> Outcome | None:
        if self.fault == "dcmi-ignored":
            return None
        if len(data) != 4 or data[0] != dcmi.GROUP or data[1] != dcmi.SYSTEM_STATISTICS:
            return code(INVALID_FIELD)
        self._asked += 1
        refusal = None if self._reads_soundly else self._refusal_of_reading(wall_s)
        if refusal is not None:
            return code(refusal)
        power_w = self._watts(wall_s)
        if power_w is None:
            return code(CANNOT_ANSWER)
        if self._statistics is None:
            self._statistics = _Statistics(wall_s)
        reading = self._statistics.with_reading(power_w, wall_s, self.fault not in _NOT_MEASURING)
        if self._reads_soundly:
            return b"\0" + dcmi.encode_power_reading(reading), power_w
        self._answered_s = wall_s
        reading = self._spoiled(reading)
        encoded = dcmi.encode_power_reading(reading)
        return success(encoded[:_SHORT_SIZE]) if "short-answer" in self.quirks else (b"\0" + encoded, reading.current_w)

    def _refusal_of_reading(self, wall_s: float) -> int | None:
        told, within_s = self.settings.dcmi_code, self.settings.dcmi_code_within_s
        if told is not None and (not within_s or wall_s - self._answered_s < within_s):
            return told
        return UNKNOWN_COMMAND if self._strikes("stray-c1") else None

    def _strikes(self, quirk: Quirk) -> bool:
        """Tell whether a quirk that strikes now and then does so at this reading."""
        return quirk in self.quirks and self._asked % self.settings.every == 0

    def _spoiled(self, reading: dcmi.PowerReading) -> dcmi.PowerReading:
        if self._strikes("jump"):
            reading = reading._replace(current_w=_JUMP_W)
        if "negative" in self.quirks:
            reading = reading._replace(current_w=_NEGATIVE_W)
        if "statistics-zero" in self.quirks:
            reading = reading._replace(min_w=0, max_w=0, average_w=0)
        if "clock-1970" in self.quirks:
            reading = reading._replace(bmc_time_s=reading.period_ms // 1000)
        return reading._replace(period_ms=1000) if "period-1s" in self.quirks else reading

    def _power_limit(self, data: bytes, wall_s: float) -> Outcome | None:
        if self.fault == "dcmi-ignored":
            return None
        if len(data) != 3 or data[0] != dcmi.GROUP:
            return code(INVALID_FIELD)
        status = SUCCESS if self._cap_is_active else dcmi.NO_ACTIVE_LIMIT
        return bytes((status,)) + dcmi.encode_power_limit(self._cap), None

    def _set_power_limit(self, data: bytes, wall_s: float) -> Outcome:
        cap = dcmi.parse_set_power_limit(data)
        if cap is None:
            return code(INVALID_FIELD)
        self._cap = cap
        return success(bytes((dcmi.GROUP,)))

    def _activate_power_limit(self, data: bytes, wall_s: float) -> Outcome:
        is_active = dcmi.parse_activate_power_limit(data)
        if is_active is None:
            return code(INVALID_FIELD)
        self._cap_is_active = is_active
        return success(bytes((dcmi.GROUP,)))

    def _watts(self, wall_s: float) -> int | None:
        if self.fault in ("zero", "inactive-zero") or "chassis-off" in self.quirks:
            return 0
        if self.fault == "max":
            return HIGHEST_W
        power_w = self.source.watts(wall_s)
        return min(power_w, self._cap.limit_w) if self._cap_is_active and power_w is not None else power_w
