#!/usr/bin/env python3
"""Runs powergraph from a checkout; `powergraph` on the PATH is the same."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "src"))

from powergraph_collector.commands.starting import powergraph

if __name__ == "__main__":
    powergraph()
