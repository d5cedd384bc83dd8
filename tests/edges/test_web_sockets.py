"""Slow clients, TLS by certificate files, and a proxy in front."""

from __future__ import annotations

import asyncio
import shutil
import socket
import ssl
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.config import Config, parse_config
from gateway.errors import ConfigError
from gateway.web import body, impatience
from gateway.web.server import tls_of
from gateway.web.sockets import bind_tcp
from tests.edges.gateway_thread import TOKEN, GatewayThread, config_for

BEARER = {"authorization": f"Bearer {TOKEN}"}


def with_web(tmp_path: Path, **web: Any) -> Config:
    config = config_for(tmp_path, "")
    return config.model_copy(update={"web": config.web.model_copy(update=web)})


def connect(gateway: GatewayThread) -> socket.socket:
    assert gateway.web.url is not None
    return socket.create_connection(("127.0.0.1", int(gateway.web.url.rpartition(":")[2])), timeout=10)


@pytest.mark.parametrize(
    "begun", [b"", b"GET /healthz HTTP/1.1\r\nHost: local", b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGE"]
)
def test_a_header_that_does_not_come_ends_the_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, begun: bytes
) -> None:
    monkeypatch.setattr(impatience, "HEADER_S", 0.1)
    with GatewayThread(config_for(tmp_path, "")) as gateway, connect(gateway) as raw:
        raw.sendall(begun)
        heard = b""
        while chunk := raw.recv(4096):
            heard += chunk
        assert heard.startswith(b"HTTP/1.1 200") == begun.endswith(b"GE")


def test_answers_do_not_wait_for_acknowledgements() -> None:
    """Nagle's algorithm would hold the body of each answer back for 40 ms."""

    async def accepted() -> int:
        heard: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            heard.set_result(writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        async with asyncio.timeout(10), await asyncio.start_server(serve, sock=bind_tcp("127.0.0.1:0")) as server:
            _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            no_delay = await heard
            writer.close()
            return no_delay

    assert asyncio.run(accepted()) != 0


def test_a_body_that_does_not_come_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "BODY_S", 0.1)
    with GatewayThread(config_for(tmp_path, "")) as gateway, connect(gateway) as raw:
        raw.sendall(
            b"POST /api/v1/messages HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n"
            + f"Authorization: Bearer {TOKEN}\r\n\r\n{{".encode()
        )
        assert raw.recv(4096).startswith(b"HTTP/1.1 408")


def test_tls_by_certificate_files(tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    subprocess.run(
        [*command, "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert],
        check=True,
        capture_output=True,
    )
    with GatewayThread(with_web(tmp_path, cert_file=cert, key_file=key)) as gateway:
        url = gateway.web.url
        assert url is not None
        assert url.startswith("https://")

        trusting = ssl.create_default_context(cafile=str(cert))
        with httpx.Client(base_url=url, verify=trusting) as http:
            assert http.get("/healthz").status_code == 200
            made = http.post("/api/v1/session", json={"name": "admin", "password": "correct horse battery"})
            assert "secure" in made.headers["set-cookie"].lower()
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(gateway.config.socket)), base_url="http://x") as local:
            assert local.get("/api/v1/session").json()["kind"] == "local"  # the Unix socket stays as it is


def test_a_certificate_that_cannot_be_used_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "cert.pem").write_text("nonsense")
    with pytest.raises(ConfigError, match=r"web\.cert_file"):
        tls_of(tmp_path / "cert.pem", tmp_path / "cert.pem")
    with pytest.raises(ConfigError, match=r"web\.key_file: is missing"):
        parse_config('[web]\ncert_file = "x.pem"\n', Path("box.toml"))


@pytest.mark.parametrize(("proxies", "source"), [((), "127.0.0.1"), (("127.0.0.1",), "203.0.113.7")])
def test_only_a_trusted_proxy_says_who_the_client_is(tmp_path: Path, proxies: tuple[str, ...], source: str) -> None:
    with GatewayThread(with_web(tmp_path, trusted_proxies=proxies)) as gateway:
        assert gateway.web.url is not None
        with httpx.Client(base_url=gateway.web.url, headers=BEARER) as http:
            http.delete("/api/v1/users/nobody", headers={"x-forwarded-for": "203.0.113.7"})
            (entry,) = http.get("/api/v1/audit").json()["entries"]
            assert entry["source"] == source
