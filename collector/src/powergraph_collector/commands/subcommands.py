"""The words that `powergraph` takes as its first argument."""

from __future__ import annotations

import click


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def group() -> None:
    """What servers draw: look, ask, compute."""
