"""What a sensor of the simulator can be is told by `powergraph-simulator --help`."""

from __future__ import annotations

import re

import pytest
from click.testing import CliRunner

from powergraph_collector.commands.simulator import main
from powergraph_collector.simulator.config import SdrQuirks, Sensor


@pytest.mark.parametrize("field", [*Sensor.model_fields, *SdrQuirks.model_fields])
def test_every_setting_of_a_sensor_is_in_the_help(field: str) -> None:
    told = CliRunner().invoke(main, ["--help"]).output
    assert re.search(rf"\b{field} =", told)
