"""What a BMC said in a probe, kept for those who have no such BMC: a record, stripped of whose it is.

A record is what the conversations asked and were answered, as plain IPMI messages; logins are not part of it.
docs/probe-records.md describes its format. What it keeps is named here, and everything else is struck out: the data of
known commands as far as they are known, and of the sensor records those in watts. A name of a sensor is kept, unless
it holds a word that says whose the BMC is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

from powergraph_collector.sources.contract import NoReading, Reading
from powergraph_collector.sources.ipmi import dcmi, sdr
from powergraph_collector.sources.ipmi.knowledge import MorePrivilege
from powergraph_collector.sources.ipmi.message import SUCCESS, Request, Response
from powergraph_collector.sources.ipmi.probe_protocol import Exchange, Held, Kind, Protocol

FORMAT: Final = 1
_KEY: Final = "powergraph_probe_record"
_SHORTEST_WORD: Final = 3  # of what is looked for in names of sensors: shorter ones are in all of them

# How much of an answer is known, in bytes after the completion code; all that follows is a vendor's.
_KNOWN_BYTES: Final = {
    (0x00, 0x01): 4,
    (dcmi.NETFN, dcmi.GET_CAPABILITIES): 7,
    (dcmi.NETFN, dcmi.GET_POWER_READING): 18,
    (dcmi.NETFN, dcmi.GET_POWER_LIMIT): 14,
    (0x04, 0x20): 6,
    (0x04, 0x22): 2,
    (0x04, 0x2D): 5,
    (0x0A, 0x20): 14,
    (0x0A, 0x22): 2,
}
_RECORD_PARTS: Final = frozenset({(0x04, 0x21), (0x0A, 0x23)})
_NEXT_ID_BYTES: Final = 2


def stripped(protocol: Protocol, private: Iterable[str]) -> Protocol:
    """The same without what tells whose BMC it is; `private` are words that must not be in it."""
    words = [word.casefold() for word in private if len(word) >= _SHORTEST_WORD]
    records = _records(protocol)
    clean = {key: _clean_record(bytes(record), words) for key, record in records.items()}

    def stripped_exchange(each: Exchange) -> Exchange:
        if each.response is None:
            return each._replace(took_s=0.0)
        return Exchange(each.request, Response(each.response.code, _clean_data(each.request, each.response, clean)))

    held = [replace(each, exchanges=[stripped_exchange(one) for one in each.exchanges]) for each in protocol.held]
    names = tuple("x" * len(name) if _tells(name, words) else name for name in protocol.names)
    return Protocol(names, held)


def _tells(name: str, words: list[str]) -> bool:
    return any(word in name.casefold() for word in words)


RecordKey = tuple[int, int, bytes]


def _part(request: Request) -> tuple[RecordKey, int]:
    """Which sensor record a request is for, and from which byte on."""
    return (request.netfn, request.lun, request.data[2:4]), request.data[4]


def _is_part(request: Request) -> bool:
    return (request.netfn, request.command) in _RECORD_PARTS and len(request.data) >= 6


def _records(protocol: Protocol) -> dict[RecordKey, bytearray]:
    """Sensor records, put together from the parts in which they came: a name may begin in one and end in the next."""
    records: dict[RecordKey, bytearray] = {}
    for each in protocol.exchanges():
        if each.response is None or each.response.code != SUCCESS or not _is_part(each.request):
            continue
        key, begin = _part(each.request)
        data = each.response.data[_NEXT_ID_BYTES:]
        record = records.setdefault(key, bytearray())
        record.extend(bytes(max(0, begin + len(data) - len(record))))
        record[begin : begin + len(data)] = data
    return records


def _clean_record(record: bytes, words: list[str]) -> bytes:
    sensor = sdr.parse(record)
    if sensor is None or len(record) < sdr.NAME_BEGINS:
        return record[: sdr.HEADER_BYTES] + bytes(max(0, len(record) - sdr.HEADER_BYTES))
    length = record[sdr.NAME_BEGINS - 1] & 0x1F
    name = record[sdr.NAME_BEGINS :][:length]
    if _tells(sensor.name, words) or _tells(name.decode("latin-1"), words):
        name = b"x" * len(name)
    # The byte before the name's length is the vendor's, and so is what follows the name.
    kept = record[: sdr.NAME_BEGINS - 2] + b"\0" + record[sdr.NAME_BEGINS - 1 : sdr.NAME_BEGINS] + name
    return (kept + bytes(len(record)))[: len(record)]


def _clean_data(request: Request, response: Response, clean: dict[RecordKey, bytes]) -> bytes:
    data = response.data
    if response.code == SUCCESS and _is_part(request):
        key, begin = _part(request)
        size = len(data) - _NEXT_ID_BYTES
        return data[:_NEXT_ID_BYTES] + clean.get(key, b"")[begin : begin + max(0, size)]
    known = _KNOWN_BYTES.get((request.netfn, request.command), 0)
    return data[:known] + bytes(max(0, len(data) - known))


# As text


def written(protocol: Protocol, verdict: Reading | NoReading) -> str:
    """A record as text: a line of JSON for what it is, one for each conversation, one for each exchange."""
    lines: list[dict[str, Any]] = [
        {_KEY: FORMAT, "power_sensors": list(protocol.names), "verdict": verdict_fields(verdict)}
    ]
    for held in protocol.held:
        lines.append({
            "conversation": held.kind.value,
            "can_climb": held.can_climb,
            "more_privilege": held.more_privilege.name.lower(),
            "asks_dcmi": held.asks_dcmi,
        })  # fmt: skip
        lines += [_exchange_fields(each) for each in held.exchanges]
    return "".join(json.dumps(line) + "\n" for line in lines)


def verdict_fields(verdict: Reading | NoReading) -> dict[str, Any]:
    """What of a verdict a replay has to come to."""
    if isinstance(verdict, NoReading):
        return {"reads": False, "reason": verdict.reason.value}
    doubts = sorted(doubt.name.lower() for doubt in type(verdict.doubt) if doubt and doubt in verdict.doubt)  # type: ignore[union-attr]
    return {"reads": True, "power_w": verdict.power_w, "source": verdict.source.value, "doubts": doubts}


def _exchange_fields(each: Exchange) -> dict[str, Any]:
    request, response = each.request, each.response
    asked = {"netfn": request.netfn, "lun": request.lun, "command": request.command, "data": request.data.hex()}
    return asked | ({"silent": True} if response is None else {"code": response.code, "answer": response.data.hex()})


class RecordError(Exception):
    """A record that cannot be used; the message says where and why."""


def parsed(text: str) -> tuple[Protocol, dict[str, Any]]:
    """A record's conversations, and the verdict that it tells. Raises RecordError."""
    number = 0
    protocol = Protocol()
    verdict: dict[str, Any] = {}
    try:
        for number, line in enumerate(text.splitlines(), 1):
            told = json.loads(line)
            if number == 1:
                if told[_KEY] != FORMAT:
                    raise RecordError(f"its format is {told[_KEY]!r}, and {FORMAT} is known")
                protocol.names, verdict = tuple(map(str, told["power_sensors"])), dict(told["verdict"])
            elif "conversation" in told:
                protocol.held.append(_parsed_held(told))
            else:
                protocol.held[-1].exchanges.append(_parsed_exchange(told))
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise RecordError(f"line {number}: {type(error).__name__}: {error}") from None
    if not protocol.held:
        raise RecordError("it holds no conversation")
    return protocol, verdict


def _parsed_held(told: dict[str, Any]) -> Held:
    more = MorePrivilege[str(told["more_privilege"]).upper()]
    return Held(Kind(told["conversation"]), bool(told["can_climb"]), more, bool(told["asks_dcmi"]))


def _parsed_exchange(told: dict[str, Any]) -> Exchange:
    request = Request(int(told["netfn"]), int(told["command"]), bytes.fromhex(told["data"]), int(told["lun"]))
    if told.get("silent"):
        return Exchange(request, None)
    return Exchange(request, Response(int(told["code"]), bytes.fromhex(told["answer"])))
