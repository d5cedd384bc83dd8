"""An application as it stands behind a Twilio number: a real HTTP server that answers as it is told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

XML = {"Content-Type": "text/xml"}


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request as it came. `url`: as the application would reconstruct it; `fields`: of the form, or of a GET's query."""

    method: str
    url: str
    headers: dict[str, str]
    fields: dict[str, str]

    @property
    def path(self) -> str:
        return urlsplit(self.url).path

    @property
    def form(self) -> dict[str, str]:
        """What goes into the signature beside the address."""
        return self.fields if self.method == "POST" else {}


Answer = tuple[int, dict[str, str], str]


def twiml(inside: str) -> Answer:
    return 200, XML, f'<?xml version="1.0" encoding="UTF-8"?><Response>{inside}</Response>'


@dataclass
class Application:
    """`answers`: path → what is answered, anything else gets an empty document. `requests`: everything that came, in order."""

    port: int = 0
    answers: dict[str, Callable[[Request], Answer] | Answer] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def wait(self, count: int, timeout: float = 20.0) -> list[Request]:
        """The requests once there are at least `count`."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.requests) >= count, timeout), self.requests
            return list(self.requests)

    def paths(self) -> list[str]:
        return [request.path for request in self.requests]

    def answer(self, request: Request) -> Answer:
        found = self.answers.get(request.path, twiml(""))
        return found(request) if callable(found) else found


@contextmanager
def serving(port: int = 0) -> Iterator[Application]:
    """An application on a free port of the loopback."""
    application = Application()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self._take(self.rfile.read(int(self.headers["Content-Length"])).decode())

        def do_GET(self) -> None:
            self._take(urlsplit(self.path).query)

        def _take(self, written: str) -> None:
            request = Request(
                method=self.command,
                url=f"http://{self.headers['Host']}{self.path}",
                headers={name.lower(): value for name, value in self.headers.items()},
                fields=dict(parse_qsl(written, keep_blank_values=True)),
            )
            with application.changed:
                application.requests.append(request)
                application.changed.notify_all()
            status, headers, content = application.answer(request)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            body = content.encode()
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the library's name
            return

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            return  # of a gateway that was killed, or gave up waiting

    server = Server(("127.0.0.1", port), Handler)
    application.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield application
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
