"""The emulator's control over HTTP: look at what was sent, deliver, report, break things."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from dataclasses import asdict
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import uvicorn
from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from gateway.emulator import content, control_network
from gateway.emulator.config import MAX_AT_S
from gateway.emulator.control_network import Body
from gateway.emulator.faults import COMMON, KINDS, Kind
from gateway.emulator.replay import written
from gateway.errors import GatewayError

if TYPE_CHECKING:
    from gateway.emulator.modem import Modem
    from gateway.emulator.network import Submitted
    from gateway.emulator.service import Emulator

START_S = 10.0
ERROR_STATUS = {"unknown_modem": 404}


class DeliverBody(Body):
    """`POST /deliver`."""

    modem: str
    sender: str = Field(default="+491710000000", alias="from")
    text: str | None = None
    data_hex: str | None = None
    pdu: str | None = None
    encoding: str | None = Field(default=None, pattern="^(gsm7|8bit|ucs2)$")
    message_class: int | None = Field(default=None, alias="class", ge=0, le=3)
    ports: tuple[int, int] | None = None
    ref: int = Field(default=1, ge=0, le=65535)
    wide: bool = False
    pid: int = Field(default=0, ge=0, le=255)
    repeat: int = Field(default=1, ge=1, le=100)
    order: list[int] = Field(default_factory=list, max_length=1000)
    drop_parts: list[int] = Field(default_factory=list, max_length=255)
    delay_s: float = Field(default=0.0, ge=0, le=86400)
    scts: AwareDatetime | None = None


class StatusReportBody(Body):
    """`POST /status-report`."""

    modem: str
    to: str
    mr: int = Field(ge=0, le=255)
    st: int = Field(default=0, ge=0, le=255)


class FaultBody(BaseModel):
    """`POST /fault`: fields besides these depend on the kind. `at_s`: in so many seconds."""

    model_config = ConfigDict(extra="allow")
    modem: str
    kind: str
    at_s: float = Field(default=0.0, ge=0, le=MAX_AT_S)


class ModemBody(Body):
    """`POST /modem`: what surrounds it; what is left out stays as it is."""

    modem: str
    rssi_dbm: int | None = None
    access: str | None = None
    operator: str | None = None
    plmn: str | None = None
    temperature_c: float | None = None
    voltage_mv: int | None = None
    clock: str | None = Field(default=None, max_length=40, pattern=r'^[^"\x00-\x1f]*$')
    power: bool | None = None  # what the power key does


class NetworkBody(Body):
    """`POST /network`: what is left out stays as it is."""

    seed: int | None = None
    delay_s: float | None = None
    jitter_s: float | None = None
    reorder: float | None = None
    reorder_s: float | None = None
    repeat: float | None = None
    drop: float | None = None
    reports: str | None = None
    report_delay_s: float | None = None
    report_jitter_s: float | None = None
    report_repeat: float | None = None
    refuse: dict[str, int] | None = None
    outcomes: dict[str, str] | None = None
    validity_s: float | None = None
    validity_scale: float | None = None
    ussd: dict[str, Any] | None = None
    ussd_timeout_s: float | None = None
    balance: float | None = None
    text_price: float | None = None
    ring_interval_s: float | None = None
    no_answer_s: float | None = None


class _Server(uvicorn.Server):
    """Leaves the signals to the program that it runs in."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Control:
    """The HTTP server; runs in the emulator's own event loop."""

    def __init__(self, emulator: Emulator) -> None:
        self._server = _Server(
            uvicorn.Config(application(emulator), log_config=None, access_log=False, lifespan="off", ws="none")
        )
        self._task: asyncio.Task[None] | None = None

    async def start(self, host: str, port: int) -> str:
        """Listens and returns the base URL. Raises OSError when the address cannot be had."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family)
        self._task = asyncio.create_task(self._server.serve(sockets=[listener]), name="emulator control")
        async with asyncio.timeout(START_S):
            while not self._server.started:
                if self._task.done():
                    await self._task
                await asyncio.sleep(0.005)
        return f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"

    async def stop(self) -> None:
        self._server.should_exit = True
        self._server.force_exit = True
        if self._task is not None:
            await self._task


class JsonWhateverItSays:
    """Bodies are JSON, whatever the client calls them: `curl -d` says that they are a form."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            others = [(name, value) for name, value in scope["headers"] if name != b"content-type"]
            scope = {**scope, "headers": [*others, (b"content-type", b"application/json")]}
        await self._app(scope, receive, send)


def application(emulator: Emulator) -> FastAPI:
    """The HTTP application over `emulator`."""
    app = FastAPI(title="smsgw emulator", docs_url=None, redoc_url=None)
    app.add_middleware(JsonWhateverItSays)
    _errors(app)
    _observation(app, emulator)
    _actions(app, emulator)
    control_network.routes(app, emulator)
    return app


def _error(status: int, code: str, message: str, field: str | None = None) -> JSONResponse:
    body = {"code": code, "message": message} | ({"field": field} if field else {})
    return JSONResponse({"error": body}, status_code=status)


def _errors(app: FastAPI) -> None:
    @app.exception_handler(GatewayError)
    async def refused(_: Request, error: GatewayError) -> JSONResponse:
        return _error(ERROR_STATUS.get(error.code, 400), error.code, str(error), getattr(error, "field", None))

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        field = ".".join(str(place) for place in first["loc"] if place not in ("body", "query", "path"))
        return _error(400, "bad_request", f"{field}: {first['msg']}", field)


def _shown(emulator: Emulator, modem: Modem) -> dict[str, Any]:
    return {
        "name": modem.config.name,
        "number": modem.config.number,
        "imei": modem.config.imei,
        "iccid": modem.config.iccid,
        "imsi": modem.config.imsi,
        "personality": modem.personality.name,
        "usb": modem.personality.usb,
        "port": modem.port.name if modem.port is not None else None,
        "ports": modem.ttys.describe(),
        "plugged": modem.port is not None,
        "powered": modem.powered,
        "open": modem.port is not None and modem.port.has_client,
        "registered": modem.registered,
        "sim": modem.sim_state,
        "radio": asdict(modem.conditions),
        "prompt": modem.interpreter.prompting,
        "cnmi": modem.settings.cnmi,
        "csms": modem.settings.csms,
        "last_mr": modem.sim.last_mr,
        "waiting": emulator.network.waiting(modem),
        "storages": {m.name: {"used": len(m.slots), "size": m.size} for m in modem.memories.values()},
        "faults": [{"kind": f.kind, "seen": f.seen, "struck": f.struck} for f in modem.faults.active],
    }


def _kind(kind: Kind) -> dict[str, Any]:
    return {"stage": kind.stage.value, "fields": dict(kind.fields), "match": kind.match, "meaning": kind.meaning}


def _observation(app: FastAPI, emulator: Emulator) -> None:
    def after(n: int) -> Iterator[Submitted]:
        records = emulator.network.submitted
        skip = 0 if not records else max(0, n + 1 - records[0].n)
        return islice(records, skip, None)

    @app.get("/modems")
    async def modems() -> dict[str, Any]:
        network = emulator.network
        shown = [_shown(emulator, modem) for modem in emulator.modems.values()]
        return {"modems": shown, "under_way": network.under_way, "lost": network.lost}

    @app.get("/submitted")
    async def submitted(after_: Annotated[int, Query(alias="after", ge=0)] = 0) -> dict[str, Any]:
        records = [content.record(one) for one in after(after_)]
        return {"submitted": records, "next": records[-1]["n"] if records else after_}

    @app.get("/recorder")
    async def recorder(modem: str, after_: Annotated[int, Query(alias="after", ge=0)] = 0) -> dict[str, Any]:
        chunks = emulator.modem(modem).recorder.after(after_)
        shown = [
            {"n": c.n, "time": c.time, "direction": c.direction, "text": c.octets.decode("latin-1")} for c in chunks
        ]
        return {"chunks": shown, "next": chunks[-1].n if chunks else after_}

    @app.get("/recording")
    async def recording(modem: str, after_: Annotated[int, Query(alias="after", ge=0)] = 0) -> PlainTextResponse:
        """What `/recorder` has, as JSON lines that `smsgw emulate --replay` plays."""
        text = written(emulator.modem(modem).recorder.after(after_), modem)
        return PlainTextResponse(text, media_type="application/jsonl")

    @app.get("/faults")
    async def faults(after_: Annotated[int, Query(alias="after", ge=0)] = 0) -> dict[str, Any]:
        """The grammar, and what has struck: `after` is the number of the last strike that is known, per modem."""
        return {
            "common": dict(COMMON),
            "kinds": {name: _kind(kind) for name, kind in KINDS.items()},
            "struck": {
                name: [asdict(one) for one in modem.faults.struck(after_)] for name, modem in emulator.modems.items()
            },
        }


def _actions(app: FastAPI, emulator: Emulator) -> None:
    @app.post("/deliver")
    async def deliver(body: DeliverBody) -> dict[str, Any]:
        values = body.model_dump()
        return {"tpdus": await emulator.deliver(values.pop("modem"), **values)}

    @app.post("/status-report")
    async def status_report(body: StatusReportBody) -> dict[str, Any]:
        emulator.status_report(body.modem, body.to, body.mr, body.st)
        return {"status": "ok"}

    @app.post("/fault")
    async def fault(body: FaultBody) -> dict[str, Any]:
        if body.at_s:
            emulator.schedule(body.at_s, body.modem, body.kind, **(body.model_extra or {}))
            return {"faults": 0}
        set_ = emulator.fault(body.modem, body.kind, **(body.model_extra or {}))
        return {"faults": len(set_)}

    @app.post("/modem")
    async def modem(body: ModemBody) -> dict[str, Any]:
        values = body.model_dump(exclude_none=True)
        target, power = emulator.modem(values.pop("modem")), values.pop("power", None)
        target.surround(**values)
        if power is not None:
            target.replug() if power else target.shut_down()
        return {"status": "ok"}

    @app.post("/network")
    async def network(body: NetworkBody) -> dict[str, Any]:
        emulator.configure_network(**body.model_dump(exclude_none=True))
        return {"status": "ok"}

    @app.post("/reset")
    async def reset() -> dict[str, Any]:
        emulator.reset()
        return {"status": "ok"}
