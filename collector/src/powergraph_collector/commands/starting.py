"""How `graph_csv` starts: a service is deaf to SIGHUP before its slow imports, as a reload may come that early."""

from __future__ import annotations

import signal
import sys
from typing import NoReturn


def graph_csv() -> NoReturn:
    """Run as `graph_csv`."""
    if any(argument.partition("=")[0] == "--config" for argument in sys.argv):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # it reads its settings later than that: no reload is missed
    from powergraph_collector.commands.graph_csv import main  # noqa: PLC0415 -- takes a third of a second

    main()
