"""Modem states over a real broker: availability at once, states when they say something new."""

from __future__ import annotations

import json
from pathlib import Path

from gateway.modem import Identity, LineState
from tests.edges.gateway_thread import GatewayThread, config_for
from tests.support.broker import Broker, Observer

AVAILABILITY = "smsgw/box/modem/stick1/availability"
STATE = "smsgw/box/modem/stick1/state"
IDENTITY = Identity(
    imei="356938035643809",
    iccid="8949000000000000001",
    imsi="262010000000001",
    manufacturer="Example",
    model="One",
    revision="1",
    number="+491700000001",
)


def state(**changes: object) -> LineState:
    fields: dict[str, object] = {
        "state": "ready",
        "registered": True,
        "operator": "Network",
        "access": "lte",
        "rssi_dbm": -71,
        "bars": 5,
        "roaming": False,
        "sim": "ready",
        "imei": IDENTITY.imei,
        "iccid": IDENTITY.iccid,
        "number": IDENTITY.number,
        "temperature_c": None,
    }
    return LineState(**(fields | changes))  # type: ignore[arg-type]


def test_changes_are_published_retained_and_only_when_there_are_any(broker: Broker, tmp_path: Path) -> None:
    with GatewayThread(config_for(tmp_path, broker.url)) as gateway, Observer(broker.port, "smsgw/#") as observer:
        gateway.wait_connected()
        observer.wait(STATE)
        listener = gateway.service.listener

        async def change(*states: LineState) -> None:
            for each in states:
                listener.state_changed("stick1", each)

        gateway.call(listener.ready("stick1", IDENTITY, None))
        assert [m.payload for m in observer.wait(AVAILABILITY, 2)] == [b"offline", b"online"]
        gateway.call(change(*(state(rssi_dbm=-50 - n) for n in range(50)), state(), state()))
        while json.loads(observer.on(STATE)[-1].payload)["rssi_dbm"] != -71:
            observer.wait(STATE, len(observer.on(STATE)) + 1)
        assert len(observer.on(STATE)) < 10  # the newest state counts, not every step to it
        gateway.call(change(state(), state()))
        before = len(observer.on(STATE))

        async def down() -> None:
            listener.down("stick1")

        gateway.call(down())
        assert observer.wait(AVAILABILITY, 3)[-1].payload == b"offline"
        assert len(observer.on(STATE)) == before  # nothing in it was new
        with Observer(broker.port, AVAILABILITY, STATE) as late:
            assert late.wait(AVAILABILITY)[0].retain
            found = json.loads(late.wait(STATE)[0].payload)
            assert (found["operator"], found["bars"], found["imei"]) == ("Network", 5, IDENTITY.imei)
            assert found["ts"].endswith("Z")


def test_an_orderly_stop_takes_the_modems_offline(broker: Broker, tmp_path: Path) -> None:
    with Observer(broker.port, AVAILABILITY) as observer:
        with GatewayThread(config_for(tmp_path, broker.url)) as gateway:
            gateway.wait_connected()
            gateway.call(gateway.service.listener.ready("stick1", IDENTITY, None))
            observer.wait(AVAILABILITY, 2)
        assert [m.payload for m in observer.wait(AVAILABILITY, 3)] == [b"offline", b"online", b"offline"]
