"""The sockets that are listened on: TCP, and one in `data_dir` for the command line."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from gateway.config import listen_address
from gateway.errors import ConfigError

SOCKET_MODE = 0o660
BACKLOG = 64


def bind_tcp(listen: str) -> socket.socket:
    """Raises ConfigError when the address cannot be used."""
    host, port = listen_address(listen)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, asyncio sets TCP_NODELAY: else the body of each answer waits 40 ms for the client to
    # acknowledge its head (Nagle's algorithm and delayed acknowledgements).
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except OSError as exc:
        bound.close()
        raise ConfigError(f"web.listen: {listen} cannot be used: {exc.strerror or exc}") from exc
    bound.listen(BACKLOG)
    bound.setblocking(False)
    return bound


def bind_unix(path: Path) -> socket.socket:
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
