"""The control's routes for calls, USSD, phones and what networks send by themselves."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from gateway.emulator import Emulator, NetworkConfig
from gateway.emulator.control import application

from .bench import ONE, PHONE, eventually, run
from .client import Client, submit

QUICK = NetworkConfig(ring_interval_s=0.02, ussd={"*1#": {"text": "?", "replies": {"*": "!"}}})


class Http:
    """The control without its server."""

    def __init__(self, emulator: Emulator) -> None:
        transport = httpx.ASGITransport(app=application(emulator))
        self._client = httpx.AsyncClient(transport=transport, base_url="http://emulator")

    async def get(self, path: str) -> Any:
        answer = await self._client.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def post(self, path: str, **body: Any) -> Any:
        answer = await self._client.post(path, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def refused(self, path: str, **body: Any) -> str:
        """The message of the error."""
        answer = await self._client.post(path, json=body)
        assert answer.status_code == 400
        message: str = answer.json()["error"]["message"]
        assert "\n" not in message
        return message


def test_a_call_from_its_first_ring_to_its_end() -> None:
    async def scenario(emulator: Emulator) -> None:
        http = Http(emulator)
        with Client(emulator.port("one")) as client:
            await client.ok("ATE0")
            assert await http.post("/call", modem="one", **{"from": PHONE}) == {"n": 1}
            await client.wait_for(rb"RING\r\n")
            await client.ok("ATA")
            await http.post("/dtmf", modem="one", digits="12#")
            await client.ok("AT+VTS=7")
            await http.post("/hangup", modem="one")
            await client.wait_for(rb"NO CARRIER\r\n")
            (call,) = (await http.get("/calls"))["calls"]
            assert (call["modem"], call["direction"], call["number"]) == ("one", "in", PHONE)
            assert (call["state"], call["cause"], call["hidden"]) == ("ended", "normal", False)
            assert call["dtmf"] == {"sent": "7", "received": "12#"}
            assert (await http.get("/calls?after=1"))["calls"] == []
            assert (await http.get(f"/phones/{PHONE}"))["calls"] == [call]
            assert await http.refused("/hangup", modem="one") == "one has no call"

    run(scenario, network=QUICK)


def test_a_busy_modem_is_not_called() -> None:
    async def scenario(emulator: Emulator) -> None:
        http = Http(emulator)
        assert await http.post("/call", modem="one", hidden=True, **{"from": PHONE}) == {"n": 1}
        assert await http.post("/call", modem="one", **{"from": PHONE}) == {"n": None}

    run(scenario, network=QUICK)


def test_ussd_is_pushed_and_listed() -> None:
    async def scenario(emulator: Emulator) -> None:
        http = Http(emulator)
        with Client(emulator.port("one")) as client:
            await client.ok("AT+CUSD=1")
            await http.post("/ussd", modem="one", text="Yes?", reply_wanted=True)
            await client.wait_for(rb'\+CUSD: 1,"Yes\?",15\r\n')
            assert await http.refused("/ussd", modem="one", text="x") == "one has a USSD session open"
            await client.ok('AT+CUSD=1,"yes",15')
            await client.wait_for(rb"\+CUSD: 2\r\n")
            listed = (await http.get("/ussd"))["ussd"]
            assert [(one["outgoing"], one["text"], one["m"]) for one in listed] == [
                (False, "Yes?", 1),
                (True, "yes", None),
                (False, None, 2),
            ]
            assert (await http.get("/ussd?after=2"))["ussd"] == listed[2:]

    run(scenario, network=QUICK)


def test_a_phone_is_switched_off_and_on_and_shows_what_it_got() -> None:
    async def scenario(emulator: Emulator) -> None:
        http = Http(emulator)
        with Client(emulator.port("one")) as client:
            await client.ok("ATE0")
            shown = await http.post(f"/phones/{PHONE}", on=False, call="busy", memory=10)
            assert (shown["on"], shown["call"], shown["memory"]) == (False, "busy", 10)
            for n, text in enumerate(("to", "gether"), 1):
                await client.cmgs(submit(PHONE, text, report=True, concat=(9, 2, n)))
            shown = await http.get(f"/phones/{PHONE}")
            assert (shown["messages"], shown["waiting"]) == ([], 2)
            await http.post(f"/phones/{PHONE}", on=True)
            shown = await http.get(f"/phones/{PHONE}")
            assert [one["text"] for one in shown["messages"]] == ["together"]
            assert [(one["modem"], one["st"]) for one in shown["reports"]] == [("one", 0), ("one", 0)]
            assert (await http.get("/reports?after=1"))["reports"] == shown["reports"][1:]
            await client.cmgs(submit("+491718888888"))
            listed = {one["number"]: one["parts"] for one in (await http.get("/phones"))["phones"]}
            assert listed == {PHONE: 2, "+491718888888": 1}

    run(scenario)


def test_a_phone_answers() -> None:
    async def scenario(emulator: Emulator) -> None:
        http = Http(emulator)
        assert await http.post(f"/phones/{PHONE}/send", to=ONE, text="Hello") == {"tpdus": 1}
        await eventually(lambda: emulator.modem("one").memories["SM"].used == 1)
        assert await http.refused(f"/phones/{PHONE}/send", to="+4977", text="x") == "no modem has the number +4977"

    run(scenario)


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        (f"/phones/{ONE}", {"on": False}, f"{ONE} is the number of a modem"),
        ("/phones/Bank", {"on": False}, "number: String should match pattern '^\\+?[0-9]{1,20}$'"),
        (f"/phones/{PHONE}", {"memory": -1}, "memory: Input should be greater than or equal to 0"),
        ("/dtmf", {"modem": "one", "digits": "x"}, "digits: String should match pattern '^[0-9*#A-D]{1,100}$'"),
    ],
)
def test_mistakes_get_one_clear_line(path: str, body: dict[str, Any], message: str) -> None:
    async def scenario(emulator: Emulator) -> None:
        assert await Http(emulator).refused(path, **body) == message

    run(scenario)
