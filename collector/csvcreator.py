#!/usr/bin/env python3
"""Runs csvcreator from a checkout; `csvcreator` on the PATH is the same."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "src"))

from powergraph_collector.commands.starting import csvcreator

if __name__ == "__main__":
    csvcreator()
