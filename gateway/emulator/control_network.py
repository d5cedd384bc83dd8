"""The part of the control that plays the network and its phones: calls, DTMF, USSD, and what phones have got."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import FastAPI, Query
from pydantic import BaseModel, ConfigDict, Field

from gateway.emulator import content
from gateway.emulator.network.broadcast import Broadcast
from gateway.emulator.network.phones import Phone, key
from gateway.emulator.outcomes import ST
from gateway.errors import RequestError

if TYPE_CHECKING:
    from gateway.emulator.network.legs import Leg
    from gateway.emulator.service import Emulator

Number = Annotated[str, Field(pattern=r"^\+?[0-9]{1,20}$")]


class Body(BaseModel):
    """What a POST takes: no field that it does not know."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class CallBody(Body):
    """`POST /call`: `rings`: after so many the caller gives up."""

    modem: str
    caller: Number = Field(alias="from")
    rings: int | None = Field(default=None, ge=1, le=1000)
    hidden: bool = False


class ModemBody(Body):
    """`POST /hangup`."""

    modem: str


class DtmfBody(Body):
    """`POST /dtmf`."""

    modem: str
    digits: str = Field(pattern=r"^[0-9*#A-D]{1,100}$")


class UssdBody(Body):
    """`POST /ussd`: `replies` as in the configured tree."""

    modem: str
    text: str = Field(max_length=182)
    reply_wanted: bool = False
    replies: dict[str, Any] = Field(default_factory=dict)


class PhoneBody(Body):
    """`POST /phones/{number}`: what is left out stays as it is."""

    on: bool | None = None
    call: Literal["answer", "busy", "no-answer", "reject"] | None = None
    answer_s: float | None = Field(default=None, ge=0, le=3600)
    memory: int | None = Field(default=None, ge=0, le=100_000)
    report: str | None = None
    clear: bool = False


class TextBody(Body):
    """`POST /phones/{number}/send`."""

    to: Number
    text: str = Field(min_length=1)
    encoding: Literal["gsm7", "ucs2"] | None = None
    message_class: int | None = Field(default=None, alias="class", ge=0, le=3)
    delay_s: float = Field(default=0.0, ge=0, le=86400)


class MmsBody(Body):
    """`POST /mms`: `size` in octets; what is fetched from `url` is somebody else's business."""

    modem: str
    sender: str = Field(default="+491719999999", alias="from", min_length=1, max_length=100)
    url: str = Field(min_length=1, max_length=500)
    size: int = Field(default=10_000, ge=0, lt=2**31)
    subject: str = Field(default="", max_length=200)
    transaction: str = Field(default="T1", min_length=1, max_length=40)
    expiry_s: int = Field(default=259_200, ge=0, lt=2**31)
    message_class: str = Field(default="personal", alias="class")


class BroadcastBody(Body):
    """`POST /cell-broadcast`: without `modem` to all."""

    modem: str | None = None
    channel: int = Field(ge=0, le=0xFFFF)
    serial: int = Field(default=0, ge=0, le=0xFFFF)
    text: str = Field(min_length=1, max_length=2000)
    language: str = ""


def _call(leg: Leg, now: float) -> dict[str, Any]:
    end = leg.ended if leg.ended is not None else now
    return {
        "n": leg.n,
        "modem": leg.modem.config.name,
        "id": leg.id,
        "direction": "in" if leg.incoming else "out",
        "number": leg.number,
        "hidden": leg.call.hidden,
        "state": leg.stat.name.lower(),
        "cause": None if leg.cause is None else leg.cause.word,
        "started": leg.started,
        "seconds": 0.0 if leg.answered is None else end - leg.answered,
        "dtmf": {"sent": leg.sent, "received": leg.received},
    }


def routes(app: FastAPI, emulator: Emulator) -> None:
    """Adds the routes to `app`."""
    _calls(app, emulator)
    _ussd(app, emulator)
    _pushes(app, emulator)
    _phones(app, emulator)


def _calls(app: FastAPI, emulator: Emulator) -> None:
    switch = emulator.network.calls

    @app.get("/calls")
    async def calls(after: Annotated[int, Query(ge=0)] = 0) -> dict[str, Any]:
        now = emulator.network.clock.monotonic()
        return {"calls": [_call(leg, now) for leg in switch.legs if leg.n > after]}

    @app.post("/call")
    async def call(body: CallBody) -> dict[str, Any]:
        """`n` is that of the call in `GET /calls`, null where it did not ring at the modem."""
        leg = switch.call(emulator.modem(body.modem), body.caller, rings=body.rings, hidden=body.hidden)
        return {"n": None if leg is None else leg.n}

    @app.post("/hangup")
    async def hang_up(body: ModemBody) -> dict[str, Any]:
        switch.hang_up_other(emulator.modem(body.modem))
        return {"status": "ok"}

    @app.post("/dtmf")
    async def dtmf(body: DtmfBody) -> dict[str, Any]:
        switch.play_to(emulator.modem(body.modem), body.digits)
        return {"status": "ok"}


def _ussd(app: FastAPI, emulator: Emulator) -> None:
    @app.get("/ussd")
    async def exchanged(after: Annotated[int, Query(ge=0)] = 0) -> dict[str, Any]:
        return {"ussd": [asdict(one) for one in emulator.network.ussd.records if one.n > after]}

    @app.post("/ussd")
    async def push(body: UssdBody) -> dict[str, Any]:
        modem = emulator.modem(body.modem)
        emulator.network.ussd.push(modem, body.text, reply_wanted=body.reply_wanted, replies=body.replies)
        return {"status": "ok"}


def _pushes(app: FastAPI, emulator: Emulator) -> None:
    @app.post("/mms")
    async def mms(body: MmsBody) -> dict[str, Any]:
        values = body.model_dump()
        return {"tpdus": await emulator.notify(values.pop("modem"), **values)}

    @app.post("/cell-broadcast")
    async def cell_broadcast(body: BroadcastBody) -> dict[str, Any]:
        """`shown`: how many pages each modem has passed on."""
        values = body.model_dump(exclude={"modem"})
        return {"shown": emulator.broadcast(Broadcast(**values), body.modem)}


def _phones(app: FastAPI, emulator: Emulator) -> None:
    network = emulator.network

    def shown(phone: Phone) -> dict[str, Any]:
        names = ("number", "on", "call", "answer_s", "memory", "report")
        return {name: getattr(phone, name) for name in names} | {"waiting": len(phone.waiting)}

    @app.get("/phones")
    async def phones() -> dict[str, Any]:
        """Every phone that was set, called, or written to."""
        numbers = {key(one.to): one.to for one in network.submitted if network.modem_of(one.to) is None}
        numbers |= {key(phone.number): phone.number for phone in network.phones.all()}
        listed = [network.phones.known(number) or Phone(number=number) for number in sorted(numbers.values())]
        arrived = Counter(key(one.to) for one in network.submitted if one.arrived is not None)
        return {"phones": [{**shown(one), "parts": arrived[key(one.number)]} for one in listed]}

    @app.get("/phones/{number}")
    async def phone(number: str) -> dict[str, Any]:
        mine = key(number)
        parts = [one for one in network.submitted if one.arrived is not None and key(one.to) == mine]
        parts.sort(key=lambda one: one.arrived or 0.0)
        now = network.clock.monotonic()
        return {
            **shown(network.phones.known(number) or Phone(number=number)),
            "messages": content.messages(parts),
            "parts": [content.record(one) for one in parts],
            "reports": [asdict(one) for one in network.reported if key(one.to) == mine],
            "calls": [_call(leg, now) for leg in network.calls.legs if mine in leg.call.numbers],
        }

    @app.post("/phones/{number}")
    async def set_phone(number: Number, body: PhoneBody) -> dict[str, Any]:
        if network.modem_of(number) is not None:
            raise RequestError(f"{number} is the number of a modem", field="number")
        if body.report not in (None, "", *ST):
            raise RequestError(f"report: must be one of {', '.join(ST)}, or empty", field="report")
        phone = network.phones.get(number)
        values = body.model_dump(exclude_none=True)
        if values.pop("clear"):
            phone.stored = 0
        for name, value in values.items():
            setattr(phone, name, value)
        network.phone_changed(phone)
        return shown(phone)

    @app.post("/phones/{number}/send")
    async def send(number: Number, body: TextBody) -> dict[str, Any]:
        return {"tpdus": await emulator.text_from_phone(number, **body.model_dump())}

    @app.get("/reports")
    async def reports(after: Annotated[int, Query(ge=0)] = 0) -> dict[str, Any]:
        return {"reports": [asdict(one) for one in network.reported if one.n > after]}
