#!/usr/bin/env python3
"""Runs graph_csv from a checkout; `graph_csv` on the PATH is the same."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "src"))

from powergraph_collector.commands.starting import graph_csv

if __name__ == "__main__":
    graph_csv()
