"""One gateway on two emulated modems for the whole folder, and the official SDK pointed at it."""

from __future__ import annotations

import json
import tomllib
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.broker import free_port
from tests.support.processes import PATIENCE, DaemonProcess, EmulatorProcess, wait_until

NUMBERS = ("+491700000001", "+491700000002")
ABSENT = "+491700000009"
"""The number of a modem that is configured and not there: what is sent through it waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """`url`: base address; `sid`, `token`: the account's; `emulator`: the world that its modems are in."""

    url: str
    sid: str
    token: str
    api_token: str
    emulator: EmulatorProcess

    def client(self, name: str = "", password: str = "", **options: Any) -> Any:
        """The SDK as a program would have it, with nothing changed but where it finds its hosts."""
        rest = pytest.importorskip("twilio.rest")
        client = rest.Client(name or self.sid, password or self.token, **({"account_sid": self.sid} | options))
        for domain in (client.api, client.messaging, client.lookups):
            domain.base_url = self.url
        return client

    def http(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, auth=(self.sid, self.token), timeout=PATIENCE)

    def control(self, path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.emulator.control + path, data, {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return json.load(answer)


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    directory: Path = tmp_path_factory.mktemp("twilio")
    with EmulatorProcess(directory / "links", modems=2) as emulator:
        modems = "".join(
            f'[[modem]]\nname = "{modem["name"]}"\nport = "{modem["port"]}"\nnumber = "{modem["number"]}"\n'
            for modem in emulator.ready["modems"]
        )
        modems += f'[[modem]]\nname = "absent"\nport = "{directory / "nothing"}"\nnumber = "{ABSENT}"\n'
        port = free_port()
        config = directory / "smsgw.toml"
        config.write_text(
            f'[gateway]\nid = "box"\ndata_dir = "{directory / "data"}"\ndefault_region = "DE"\n'
            f'[web]\nlisten = "127.0.0.1:{port}"\nrate_per_minute = 0\n{modems}'
        )
        with DaemonProcess(config):
            secrets = directory / "data" / "secrets.toml"
            wait_until(secrets.exists, "the secrets")
            made = tomllib.loads(secrets.read_text())
            found = Gateway(
                url=f"http://127.0.0.1:{port}",
                sid=made["account_sid"],
                token=made["auth_token"],
                api_token=made["api_token"],
                emulator=emulator,
            )
            wait_until(lambda: _able(found) == 2, "both modems")
            yield found


def _able(gateway: Gateway) -> int:
    headers = {"authorization": f"Bearer {gateway.api_token}"}
    try:
        found = httpx.get(f"{gateway.url}/api/v1/modems", headers=headers, timeout=PATIENCE)
    except httpx.TransportError:
        return 0
    return sum(bool(modem["able"] if "able" in modem else modem["registered"]) for modem in found.json()["modems"])


@pytest.fixture
def client(gateway: Gateway) -> Any:
    return gateway.client()
