"""`/modems/…`: one modem, what it is, and what it can be asked."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from gateway.accounts import Permission
from gateway.errors import RequestError
from gateway.messaging.model import LineStatus
from gateway.web.auth import requires
from gateway.web.pages.forms import form_of
from gateway.web.pages.render import page, page_router
from gateway.web.ports import Service

MAX_USSD = 182


def modem_pages(service: Service) -> APIRouter:
    router = page_router()

    def line_of(name: str) -> LineStatus:
        for line in service.lines():
            if line.name == name:
                return line
        raise RequestError(f"there is no modem {name[:40]!r}", code="unknown_entry")

    @router.get("/modems/{name}", dependencies=[requires(Permission.READ)])
    async def modem(name: str, request: Request) -> Response:
        return page(request, "modem.html", line=line_of(name))

    @router.post("/modems/{name}/ussd", dependencies=[requires(Permission.OPERATE)])
    async def ussd(name: str, request: Request) -> Response:
        """A code starts a dialogue; while the network waits, the next one is the reply."""
        line_of(name)
        said = await form_of(request)
        text = said.get("text", "").strip()
        if not 1 <= len(text) <= MAX_USSD:
            raise RequestError(f"1 to {MAX_USSD} characters are wanted", field="text")
        going = said.get("going") == "yes"
        answer = await service.controls.ussd(name, code=None if going else text, reply=text if going else None)
        return page(request, "ussd.html", asked=text, answer=answer)

    @router.post("/modems/{name}/restart", dependencies=[requires(Permission.OPERATE)])
    async def restart(name: str, request: Request) -> Response:
        line_of(name)
        await service.controls.reset(name)
        return page(request, "note.html", message="The modem is being restarted.")

    return router
