"""What came in and belongs to no text can be looked at, by API and command line."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
from click.testing import CliRunner, Result

from gateway.cli.main import cli
from gateway.clock import SystemClock
from tests.edges.gateway_thread import GatewayThread, config_for
from tests.messaging.rig import Item, report


def run(gateway: GatewayThread, *args: str) -> Result:
    return CliRunner().invoke(cli, ["leftovers", *args, "--socket", str(gateway.config.socket)])


def test_reports_and_pdus_that_belong_to_nothing(tmp_path: Path) -> None:
    with GatewayThread(config_for(tmp_path, "")) as gateway:
        assert run(gateway).stdout == ""
        items = [report(77, at=SystemClock().now()), Item(pdu="ZZ", length=1, index=3)]
        gateway.call(gateway.service.listener.received("stick1", "8949", items))
        transport = httpx.HTTPTransport(uds=str(gateway.config.socket))
        with httpx.Client(transport=transport, base_url="http://smsgw/api/v1") as http:
            page = http.get("/leftovers", params={"limit": 1}).json()
            assert http.get("/leftovers", params={"limit": 0}).status_code == 400
        [found] = page["reports"]
        assert (found["to"], found["mr"], found["st"], found["iccid"]) == ("+4915112345678", 77, 0, "8949")
        [part] = page["parts"]
        assert (part["pdu"], part["modem"], part["memory"]) == ("ZZ", "stick1", "SM")
        assert json.loads(run(gateway, "--json").stdout)["parts"] == page["parts"]
        lines = run(gateway).stdout.splitlines()
        assert ["reference 77" in lines[0], "ZZ" in lines[1]] == [True, True]
