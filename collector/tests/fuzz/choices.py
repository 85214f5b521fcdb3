"""Bytes of a fuzzer as a stream of choices, so that a mutation of an input is another course of events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Choices:
    """Choices in turn; when the bytes are at an end, each is the first, the dullest one."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def is_over(self) -> bool:
        return self._at >= len(self._data)

    def byte(self) -> int:
        self._at += 1
        return self._data[self._at - 1] if self._at <= len(self._data) else 0

    def below(self, count: int) -> int:
        return (self.byte() if count <= 256 else int.from_bytes(self.bytes(4), "little")) % count

    def one_of(self, what: Sequence[T]) -> T:
        return what[self.below(len(what))]

    def bytes(self, count: int) -> bytes:
        taken = self._data[self._at : self._at + count]
        self._at += count
        return taken.ljust(count, b"\0")

    def mutated(self, packet: bytes) -> bytes:
        """A packet with some of its bytes changed, cut off, taken out, doubled or put in."""
        changed = bytearray(packet)
        for _ in range(1 + self.below(3)):
            at = self.below(len(changed)) if changed else 0
            match self.below(6):
                case 0 if changed:
                    changed[at] = self.byte()
                case 1 if changed:
                    changed[at] ^= 1 << self.below(8)
                case 2:
                    del changed[at:]
                case 3:
                    del changed[at : at + 1 + self.below(20)]
                case 4:
                    changed[at:at] = changed[at : at + 1 + self.below(20)]
                case _:
                    changed[at:at] = self.bytes(self.below(40))
        return bytes(changed)
