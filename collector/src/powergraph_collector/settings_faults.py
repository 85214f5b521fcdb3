"""What is wrong with settings, in the words of a settings file: one line, with the place, and never a secret."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from powergraph_collector.settings_model import (
    BmcModels,
    Metrics,
    Settings,
    TariffRate,
    TariffTable,
    VictoriaMetrics,
)
from powergraph_collector.settings_types import DEFAULT_PROTOCOL

Place = tuple[int | str, ...]

_MODELS: Final[Mapping[Place, type[BaseModel]]] = {
    (): Settings,
    ("metrics",): Metrics,
    ("victoriametrics",): VictoriaMetrics,
    ("tariff",): TariffTable,
    ("tariff", "rate"): TariffRate,
}
# By pydantic's type of error, what is wrong; in braces, what pydantic says more of it, and the `heading` of a table.
_WORDS: Final = {
    "missing": "missing",
    "string_type": "not text in quotes",
    "path_type": "not a path in quotes",
    "int_type": "not a whole number",
    "int_parsing": "not a whole number",
    "int_parsing_size": "not a whole number of usual size",
    "int_from_float": "not a whole number",
    "float_type": "not a number",
    "float_parsing": "not a number",
    "finite_number": "not a finite number",
    "bool_type": "neither true nor false",
    "bool_parsing": "neither true nor false",
    "tuple_type": "not a list",
    "model_type": "not a table, which begins with {heading}",
    "literal_error": "must be {expected}",
    "greater_than_equal": "must be at least {ge:.15g}",
    "greater_than": "must be more than {gt:.15g}",
    "less_than_equal": "must be at most {le:.15g}",
    "string_too_long": "must have at most {max_length} characters",
    "too_short": "must not be empty",
    "too_long": "must have at most {max_length} entries",
    "value_error": "{error}",
}


def told(error: ValidationError, table: Mapping[str, Any], models: BmcModels, places: Mapping[Place, str]) -> str:
    """The first fault that a validation of a table found; `places` names those that another file holds."""
    faults = error.errors(include_input=False, include_url=False)
    # A name that is mistyped is the reason for another that is missing.
    fault = min(faults, key=lambda each: each["type"] != "extra_forbidden")
    place = fault["loc"]
    written = places.get(place) or _written(place)
    if fault["type"] == "extra_forbidden":
        words = _unknown(place, table, models)
    else:
        heading = f"[[{written.rpartition('[')[0]}]]" if written.endswith("]") else f"[{written}]"
        words = _WORDS.get(fault["type"], fault["msg"]).format_map({"heading": heading, **fault.get("ctx", {})})
    told = f"{written}: {words}" if written else words
    name = _bmc_at(place, table).get("name")
    return f"{told} (BMC {name[:80]!r})" if isinstance(name, str) and place[2:] != ("name",) else told


def _written(place: Place) -> str:
    """A place as people write it: `bmc[0].host`."""
    parts = [part if isinstance(part, int) or part.isprintable() else repr(part) for part in place]
    return re.sub(r"\.(\d+)", lambda found: f"[{int(found[1])}]", ".".join(map(str, parts)))


def _bmc_at(place: Place, table: Mapping[str, Any]) -> Mapping[str, Any]:
    """The table of the BMC that a place is in, empty where it is in none."""
    match place:
        case ("bmc", int(index), *_):
            bmc = table["bmc"][index]
            return bmc if isinstance(bmc, Mapping) else {}
    return {}


def _unknown(place: Place, table: Mapping[str, Any], models: BmcModels) -> str:
    """What to say of a name that no setting has."""
    tables = tuple(part for part in place[:-1] if isinstance(part, str))
    model = models[_bmc_at(place, table).get("protocol", DEFAULT_PROTOCOL)] if tables == ("bmc",) else _MODELS[tables]
    known = [field.alias or name for name, field in model.model_fields.items()]
    known += [] if tables else ["secrets"]
    near = get_close_matches(str(place[-1]), known, 1)
    rest = f", perhaps {near[0]} is meant" if near else f"; there are {', '.join(known)}"
    return f"no such setting{rest}"
