"""The states of the line to a BMC; only the methods of `line.Line` change them, all called by one thread.

CLOSED       no session, and nothing under way
CONNECTING   the owner looks up the address, opens a socket, waits for its turn to log in; then `connected`
SHAKING      the handshake is under way, see `logging_in`
RAISING      the session is there, and Set Session Privilege Level was asked
IDLE         the session is there, and nothing is under way; an answer that is late may still come
ASKING       a request of the conversation is under way
CHECKING     the last request got no answer: Get Device ID tells whether the session still lives
ASIDE        a request is under way that nobody waits for: the power cap, or what keeps the session alive
"""

from __future__ import annotations

from enum import Enum, auto


class State(Enum):
    """What a line does now; see the module."""

    CLOSED = auto()
    CONNECTING = auto()
    SHAKING = auto()
    RAISING = auto()
    IDLE = auto()
    ASKING = auto()
    CHECKING = auto()
    ASIDE = auto()
