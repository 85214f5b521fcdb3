"""Many simulated BMCs in one process: their sockets, one loop, and control from other threads."""

from __future__ import annotations

import contextlib
import heapq
import itertools
import selectors
import socket
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TextIO

from powergraph_collector.simulator import rmcp
from powergraph_collector.simulator.bmc import Answer, SimulatedBmc
from powergraph_collector.simulator.config import BmcConfig, Config, ConfigError, Fault
from powergraph_collector.simulator.power import PowerSource, TraceError
from powergraph_collector.simulator.quirks import Quirk
from powergraph_collector.simulator.slots import Slots

_LATE_ANSWERS_AT_MOST = 10_000


@dataclass(slots=True)
class _Endpoint:
    bmc: SimulatedBmc
    socket: socket.socket


class Simulator:
    """The BMCs of a config, listening from construction on; `run` serves here, `start` in a thread of its own.

    `addresses` has each BMC's (host, port), also where the config left the port open. `served` has (BMC, Unix time in
    ms, watts) of each power reading that was sent, unless `remember` is false; the config's `served_log` has the same.
    Raise ConfigError if a trace cannot be read, an address not be listened on, or the log not be written.
    """

    def __init__(self, config: Config, *, remember: bool = True) -> None:
        self.served: list[tuple[str, int, int]] = []
        self._remember = remember
        self._notes = remember or config.served_log is not None
        self._slots = Slots(config.slot_s)
        self._lock = threading.Lock()
        self._endpoints: dict[str, _Endpoint] = {}
        self._late: list[tuple[float, int, _Endpoint, Answer, tuple[str, int]]] = []
        self._tickets = itertools.count()
        self._thread: threading.Thread | None = None
        self._stopping = False
        self._selector = selectors.DefaultSelector()
        self._wake, self._waker = socket.socketpair()
        self._waker.setblocking(False)
        self._selector.register(self._wake, selectors.EVENT_READ)
        self._log: TextIO | None = None
        try:
            if config.served_log is not None:
                self._log = _opened_log(config.served_log)
            for settings in config.bmcs:
                self._open(settings)
        except BaseException:
            self.close()
            raise

    @property
    def addresses(self) -> dict[str, tuple[str, int]]:
        """Where each BMC listens."""
        return {name: endpoint.socket.getsockname()[:2] for name, endpoint in self._endpoints.items()}

    def set_fault(self, bmc: str, fault: Fault) -> None:
        """Let a BMC misbehave from the next datagram on; from any thread."""
        with self._lock:
            self._endpoints[bmc].bmc.set_fault(fault)

    def set_quirks(self, bmc: str, *quirks: Quirk) -> None:
        """Let a BMC have these quirks, and no others, from the next datagram on; from any thread."""
        with self._lock:
            self._endpoints[bmc].bmc.set_quirks(quirks)

    def reconfigure(self, config: Config) -> None:
        """Take over another config while serving, from any thread; sessions of BMCs that stay in place live on.

        A trace goes on where it was unless its settings changed. `served_log` stays where it was. Raise ConfigError at
        the first BMC that cannot be served, with those before it taken over.
        """
        with self._lock:
            self._slots = Slots(config.slot_s)
            kept = {settings.name for settings in config.bmcs}
            for name in [name for name in self._endpoints if name not in kept]:
                self._close_endpoint(name)
            for settings in config.bmcs:
                endpoint = self._endpoints.get(settings.name)
                if endpoint and _same_place(endpoint.bmc.settings, settings):
                    bmc = endpoint.bmc
                    same_power = bmc.settings.power == settings.power
                    bmc.reconfigure(settings, bmc.source if same_power else _source(settings))
                    continue
                if endpoint:
                    self._close_endpoint(settings.name)
                self._open(settings)

    def start(self) -> Simulator:
        """Serve in a thread until `stop`."""
        self._thread = threading.Thread(target=self.run, name="powergraph-simulator", daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """End serving and free the addresses; from another thread than the one that serves."""
        self.interrupt()
        if self._thread:
            self._thread.join()
        self.close()

    def interrupt(self) -> None:
        """Let `run` return soon; safe in a signal handler."""
        self._stopping = True
        # A full pipe has woken the loop already; a closed one has no loop left.
        with contextlib.suppress(OSError):
            self._waker.send(b"\0")

    def run(self) -> None:
        """Serve until interrupted; may be called again."""
        while not self._stopping:
            timeout = max(self._late[0][0] - time.monotonic(), 0.0) if self._late else None
            ready = self._selector.select(timeout)
            self._serve_all(ready)
            pause_s = self._slots.pause_s(len(ready), time.monotonic())
            if pause_s and not self._stopping:
                time.sleep(pause_s)
        self._stopping = False

    def _serve_all(self, ready: list[tuple[selectors.SelectorKey, int]]) -> None:
        """Serve one datagram of each BMC that has some: a loud client cannot keep the others waiting."""
        with self._lock:
            wall_s, steady_s = time.time(), time.monotonic()
            for key, _ in ready:
                if key.data is None:
                    self._wake.recv(4096)
                else:
                    self._serve(key.data, wall_s, steady_s)
            if self._late:
                self._send_late()

    def close(self) -> None:
        """Free the addresses; after this the simulator is of no use."""
        with self._lock:
            for name in list(self._endpoints):
                self._close_endpoint(name)
            self._selector.close()
            self._wake.close()
            self._waker.close()
            if self._log:
                self._log.close()

    def __enter__(self) -> Simulator:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _serve(self, endpoint: _Endpoint, wall_s: float, steady_s: float) -> None:
        try:
            datagram, client = endpoint.socket.recvfrom(rmcp.LONGEST_DATAGRAM + 1)
        except OSError:  # an earlier answer met a closed port, or the socket went in a reload
            return
        answer = endpoint.bmc.answer(datagram, wall_s, steady_s)
        if answer is None:
            return
        if not answer.after_s:
            self._send(endpoint, answer, client)
        elif len(self._late) < _LATE_ANSWERS_AT_MOST:
            heapq.heappush(self._late, (steady_s + answer.after_s, next(self._tickets), endpoint, answer, client))

    def _send_late(self) -> None:
        while self._late and self._late[0][0] <= time.monotonic():
            _, _, endpoint, answer, client = heapq.heappop(self._late)
            self._send(endpoint, answer, client)

    def _send(self, endpoint: _Endpoint, answer: Answer, client: tuple[str, int]) -> None:
        if self._notes and answer.served_w is not None:
            # Before it is sent: who has the answer finds it here.
            self._note(endpoint.bmc.settings.name, answer.served_w)
        try:
            endpoint.socket.sendto(answer.datagram, client)
            for datagram in answer.more:
                endpoint.socket.sendto(datagram, client)
        except OSError:  # who asked is gone, or the answer is lost as any packet may be
            return

    def _note(self, bmc: str, power_w: int) -> None:
        at_ms = time.time_ns() // 1_000_000
        if self._remember:
            self.served.append((bmc, at_ms, power_w))
        if self._log:
            with contextlib.suppress(OSError):  # a full disk must not silence the BMCs
                self._log.write(f"{bmc},{at_ms},{power_w}\n")

    def _open(self, settings: BmcConfig) -> None:
        bmc = SimulatedBmc(settings, _source(settings))
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(
                settings.host, settings.port, type=socket.SOCK_DGRAM, flags=socket.AI_PASSIVE
            )[0]
            listening = socket.socket(family, kind, protocol)
            try:
                listening.setblocking(False)
                listening.bind(address)
            except BaseException:
                listening.close()
                raise
        except OSError as error:
            reason = error.strerror or str(error)
            raise ConfigError(f"{settings.name}: cannot listen on {settings.host}:{settings.port}: {reason}") from None
        endpoint = _Endpoint(bmc, listening)
        self._endpoints[settings.name] = endpoint
        self._selector.register(listening, selectors.EVENT_READ, endpoint)

    def _close_endpoint(self, name: str) -> None:
        endpoint = self._endpoints.pop(name)
        self._selector.unregister(endpoint.socket)
        endpoint.socket.close()


def _opened_log(path: Path) -> TextIO:
    try:
        return path.open("a", buffering=1, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None


def _source(settings: BmcConfig) -> PowerSource:
    try:
        return settings.power.source()
    except TraceError as error:
        raise ConfigError(f"{settings.name}: {error}") from None


def _same_place(one: BmcConfig, other: BmcConfig) -> bool:
    return (one.host, one.port) == (other.host, other.port)
