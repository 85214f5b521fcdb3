"""JSON parsed faster than by Python's own parser, with the same result for any bytes."""

from __future__ import annotations

import json
from typing import Any

from pydantic_core import from_json


def parsed(text: bytes) -> Any:
    """What `json.loads` gives. Raises ValueError, RecursionError.

    The fast parser takes less than Python's: where it refuses (deep nesting, lone surrogates), Python's has the word.
    """
    try:
        return from_json(text)
    except ValueError:
        return json.loads(text)
