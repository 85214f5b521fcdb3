"""`--feedback`: every measure's status as it happens, a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Final, Self, TextIO, cast

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from powergraph_collector.commands.frame import has_left, nobody_reads, tell
from powergraph_collector.days import iso
from powergraph_collector.doubts import doubt_words
from powergraph_collector.model import Event, Sample
from powergraph_collector.sources.contract import Answer, NoReading

_ROWS: Final = 12


class _Output:
    """A stream that goes on without its reader, or a disk that takes it, as collecting does."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        self._try(lambda: self._stream.write(text))
        return len(text)

    def flush(self) -> None:
        self._try(self._stream.flush)

    @staticmethod
    def _try(effect: Callable[[], object]) -> None:
        try:
            effect()
        except OSError as error:
            if not has_left(error):
                tell(f"--feedback cannot be written any more ({error.strerror}); collecting goes on")
            nobody_reads(sys.stdout)


class Feedback:
    """Shows samples once they are safe on the disk, and failures at once."""

    def __init__(self) -> None:
        self._output = cast(TextIO, _Output(sys.stdout))
        self._console = Console(file=self._output)
        self._rows: deque[tuple[str, str, str, str]] = deque(maxlen=_ROWS)
        self._lock = threading.Lock()
        self._stored = 0
        self._failed = 0
        self._live = Live(console=self._console, refresh_per_second=4) if sys.stdout.isatty() else None

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
            self._console.show_cursor()  # nobody brings it back after a kill
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def told(self, bmc: str, at_ms: int, answer: Answer) -> None:
        """Show a tick without a reading."""
        if isinstance(answer, NoReading):
            self._failed += 1
            self._show(iso(at_ms), bmc, "-", f"no reading: {answer.detail}")

    def acknowledged(self, samples: Sequence[Sample], events: Sequence[Event]) -> None:
        """Show samples that are stored."""
        del events
        for sample in samples:
            self._stored += 1
            doubt = f", in doubt: {doubt_words(sample.doubt)}" if sample.doubt else ""
            self._show(iso(sample.at_ms), sample.bmc, f"{sample.power_w} W", f"stored{doubt}")

    def _show(self, at: str, bmc: str, power: str, status: str) -> None:
        if self._live is None:
            print(f"{at}  {bmc}  {power}  {status}", file=self._output, flush=True)
            return
        with self._lock:
            self._rows.append((at, bmc, power, status))
            self._live.update(self._table())

    def _table(self) -> Table:
        table = Table(
            title=f"{self._stored} stored, {self._failed} without a reading; Ctrl-C ends", title_justify="left"
        )
        for name in ("time (UTC)", "BMC", "power", "status"):
            table.add_column(name, justify="right" if name == "power" else "left")
        for row in self._rows:
            table.add_row(*(Text(cell) for cell in row))  # text of a BMC is no markup
        return table
