"""The sockets and the server that answers on them, in the daemon's own event loop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import uvicorn

from gateway.config import Config, listen_address
from gateway.errors import ConfigError
from gateway.web.app import Parts, by_socket, make_app, make_health_app
from gateway.web.auth import Gate

log = logging.getLogger(__name__)

SOCKET_MODE = 0o660
BACKLOG = 64
GRACE_SECONDS = 2
MAX_SPOKEN = 4096
"""Octets that a WebSocket client may say at once: nothing that it says is of use."""


class WebServer:
    """`open` binds, so that mistakes show at the start; `run` serves until it is cancelled."""

    def __init__(self, config: Config, parts: Parts) -> None:
        self._config = config
        self._parts = parts
        self._sockets: list[socket.socket] = []
        self.url: str | None = None

    def open(self) -> None:
        """Raises ConfigError when an address cannot be used."""
        self._sockets.append(_bind_unix(self._config.socket))
        if self._config.web.listen:
            bound = _bind_tcp(self._config.web.listen)
            self._sockets.append(bound)
            host, port = bound.getsockname()[:2]
            self.url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    async def run(self) -> None:
        """Serves until cancelled, then lets answers that were begun be finished."""
        parts, web = self._parts, self._config.web
        api = make_app(parts)
        gate = Gate(api, parts.accounts, parts.clock, hosts=web.hosts, per_minute=web.rate_per_minute)
        app = by_socket(api, gate, make_health_app(parts.service, parts.troubles))
        config = uvicorn.Config(
            app,
            http="h11",
            ws="wsproto",
            ws_max_size=MAX_SPOKEN,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            backlog=BACKLOG,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        server = _Server(config)
        serving = asyncio.create_task(server.serve(sockets=self._sockets), name="web-server")
        try:
            await asyncio.shield(serving)
        except asyncio.CancelledError:
            server.should_exit = True
            await serving
            raise
        finally:
            self.close()

    def close(self) -> None:
        """Closes what `open` opened and removes the Unix socket's file."""
        if not self._sockets:
            return
        for bound in self._sockets:
            bound.close()
        self._sockets.clear()
        self._config.socket.unlink(missing_ok=True)


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the command line's business."""
        yield


def _bind_tcp(listen: str) -> socket.socket:
    host, port = listen_address(listen)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except OSError as exc:
        bound.close()
        raise ConfigError(f"web.listen: {listen} cannot be used: {exc.strerror or exc}") from exc
    bound.listen(BACKLOG)
    bound.setblocking(False)
    return bound


def _bind_unix(path: Path) -> socket.socket:
    """A socket that our user and group may open. A file that a killed daemon left is replaced, a living one is not."""
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if path.is_socket():
            if _is_alive(path):
                raise ConfigError(f"gateway.data_dir: another smsgw runs with {path.parent}")
            path.unlink()
        umask = os.umask(0o777 & ~SOCKET_MODE)  # never open to others, not even for a moment
        try:
            bound.bind(str(path))
        finally:
            os.umask(umask)
    except OSError as exc:
        bound.close()
        raise ConfigError(f"gateway.data_dir: the socket {path} cannot be made: {exc.strerror or exc}") from exc
    except ConfigError:
        bound.close()
        raise
    bound.listen(BACKLOG)
    bound.setblocking(False)
    return bound


def _is_alive(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        return probe.connect_ex(str(path)) == 0
