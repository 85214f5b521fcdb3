"""The HTTP server that answers `/metrics`, in threads of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from socket import AF_INET, AF_INET6
from socketserver import TCPServer, ThreadingMixIn
from typing import Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import CollectorRegistry, make_wsgi_app

from powergraph_collector.settings_model import Metrics

AGAIN_S: Final = 30.0  # after an address could not be had
PATIENCE_S: Final = 10.0  # with a client that says nothing, or does not read
_POLL_S: Final = 0.2


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    address_family = AF_INET

    def server_bind(self) -> None:
        """Bind, without asking DNS for our name as HTTPServer does."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])
        self.setup_environ()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that went away."""


class _Server6(_Server):
    address_family = AF_INET6


class _Handler(WSGIRequestHandler):
    timeout = PATIENCE_S

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Keep silent: a line per scrape helps nobody."""


class MetricsServer:
    """Answers scrapes at the address of the settings; when it cannot be had, complains once, and tries again.

    For one thread, that calls `keep` now and then.
    """

    def __init__(
        self, registry: CollectorRegistry, complain: Callable[[str], None], now_s: Callable[[], float]
    ) -> None:
        self._application = make_wsgi_app(registry)
        self._complain = complain
        self._now_s = now_s
        self._wanted: Metrics | None = None
        self._running: tuple[_Server, threading.Thread] | None = None
        self._again_s = 0.0
        self._trouble = ""

    def keep(self, wanted: Metrics | None) -> None:
        """Listen where wanted, or nowhere."""
        if wanted != self._wanted:
            self.stop()
            self._wanted, self._again_s, self._trouble = wanted, 0.0, ""
        if wanted is None or self._running is not None or self._now_s() < self._again_s:
            return
        self._again_s = self._now_s() + AGAIN_S
        try:
            server = (_Server6 if ":" in wanted.address else _Server)((wanted.address, wanted.port), _Handler)
        except OSError as error:
            trouble = error.strerror or str(error)
            if trouble != self._trouble:
                self._complain(
                    f"no metrics: {wanted.listen} cannot be listened on ({trouble}); collecting goes on, "
                    f"and it is tried again every {AGAIN_S:.0f} s"
                )
            self._trouble = trouble
            return
        server.set_app(self._application)
        thread = threading.Thread(target=partial(server.serve_forever, _POLL_S), name="metrics", daemon=True)
        thread.start()
        self._running = (server, thread)

    def stop(self) -> None:
        """Listen no longer."""
        if self._running is not None:
            server, thread = self._running
            self._running = None
            server.shutdown()
            thread.join()
            server.server_close()
