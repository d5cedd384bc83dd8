"""The sockets and the server that answers on them, in the daemon's own event loop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import uvicorn

from gateway.config import Config
from gateway.errors import ConfigError
from gateway.web.app import Parts, beside_health, local, make_app, make_health_app
from gateway.web.auth import Gate
from gateway.web.impatience import ImpatientProtocol
from gateway.web.sockets import BACKLOG, bind_tcp, bind_unix
from gateway.web.twilio.app import make_twilio_app, passwords_of
from gateway.web.twilio.errors import refuse

log = logging.getLogger(__name__)

GRACE_SECONDS = 2
MAX_CONNECTIONS = 500
MAX_SPOKEN = 4096
"""Octets that a WebSocket client may say at once: nothing that it says is of use."""


class WebServer:
    """`open` binds, so that mistakes show at the start; `run` serves until it is cancelled."""

    def __init__(self, config: Config, parts: Parts) -> None:
        self._config = config
        self._parts = parts
        self._listening: list[tuple[_Server, socket.socket]] = []
        self.url: str | None = None

    def open(self) -> None:
        """Raises ConfigError when an address, certificate or key cannot be used."""
        web = self._config.web
        tls = tls_of(web.cert_file, web.key_file)
        parts = self._parts
        api = make_app(parts)
        gate = Gate(api, parts.accounts, parts.clock, hosts=web.hosts, per_minute=web.rate_per_minute)
        self._listen(bind_unix(self._config.socket), local(api, parts.accounts))
        if web.listen:
            bound = bind_tcp(web.listen)
            public = beside_health(gate, make_health_app(parts.service, parts.troubles), self._twilio_gate())
            self._listen(bound, public, tls=tls, proxies=web.trusted_proxies)
            host, port = bound.getsockname()[:2]
            scheme = "https" if tls is not None else "http"
            self.url = f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"

    def _twilio_gate(self) -> Gate | None:
        """The Twilio-compatible API, where the gateway has it."""
        parts, web, twilio = self._parts, self._config.web, self._parts.twilio
        if twilio is None:
            return None
        return Gate(
            make_twilio_app(twilio, parts.service, parts.clock),
            parts.accounts,
            parts.clock,
            hosts=web.hosts,
            per_minute=web.rate_per_minute,
            passwords=passwords_of(twilio.account, parts.accounts),
            refuse=refuse,
        )

    def _listen(
        self, bound: socket.socket, app: Any, *, tls: ssl.SSLContext | None = None, proxies: Sequence[str] = ()
    ) -> None:
        config = uvicorn.Config(
            app,
            http=ImpatientProtocol,
            ws="wsproto",
            ws_max_size=MAX_SPOKEN,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            backlog=BACKLOG,
            limit_concurrency=MAX_CONNECTIONS,
            proxy_headers=bool(proxies),
            forwarded_allow_ips=list(proxies),
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        config.load()
        config.ssl = tls
        self._listening.append((_Server(config), bound))

    async def run(self) -> None:
        """Serves until cancelled, then lets answers that were begun be finished."""
        serving = [
            asyncio.create_task(server.serve(sockets=[bound]), name="web-server") for server, bound in self._listening
        ]
        try:
            await asyncio.wait(serving, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for server, _ in self._listening:
                server.should_exit = True
            await asyncio.gather(*serving)
            self.close()

    def close(self) -> None:
        """Closes what `open` opened and removes the Unix socket's file."""
        if not self._listening:
            return
        for _, bound in self._listening:
            bound.close()
        self._listening.clear()
        self._config.socket.unlink(missing_ok=True)


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the command line's business."""
        yield


def tls_of(cert_file: Path | None, key_file: Path | None) -> ssl.SSLContext | None:
    """None where no certificate is configured. Raises ConfigError when certificate or key cannot be used."""
    if cert_file is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(cert_file, key_file)
    except (OSError, ssl.SSLError) as exc:
        raise ConfigError(f"web.cert_file: {cert_file} and {key_file} cannot be used: {exc}") from exc
    return context
