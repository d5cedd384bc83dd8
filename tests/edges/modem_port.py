"""A modem as the rules see it, with a network behind it that has one menu."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any

from gateway.errors import ModemError
from tests.edges.gateway_thread import GatewayThread


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    text: str
    reply_wanted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    call: int
    number: str | None
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Forwarding:
    reason: str
    active: bool
    number: str = ""
    after_s: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    index: int
    number: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Broadcast:
    channel: int
    serial: int
    text: str
    pages: int
    data_hex: str = ""
    pages_missing: tuple[int, ...] = ()
    language: str | None = None


class ModemPort:
    """`hold`: the network answers nothing before it is set."""

    name = "stick1"

    def __init__(self) -> None:
        self.hold: asyncio.Event | None = None
        self.begun = asyncio.Event()
        self.calls: list[str] = []
        self.forwarded: dict[str, Forwarding] = {}
        self.entries: dict[tuple[str, int], Entry] = {}

    async def submit(self, pdu: str, length: int, *, gate: Awaitable[object] | None = None) -> Any:
        raise AssertionError("nothing is sent here")

    async def ussd_start(self, code: str) -> Text:
        self.calls.append(f"start {code}")
        self.begun.set()
        if self.hold is not None:
            await self.hold.wait()
        if code == "*100#":
            return Text(text="1 Balance\n2 Top up", reply_wanted=True)
        if code == "*101#":
            return Text(text="Balance: 12.34 €")
        raise ModemError("the network does not know it", code="ussd_unsupported")

    async def ussd_reply(self, text: str) -> Text:
        self.calls.append(f"reply {text}")
        return Text(text=f"You chose {text}")

    async def ussd_cancel(self) -> None:
        self.calls.append("cancel")

    async def forwarding(self, reason: str) -> Forwarding:
        return self.forwarded.get(reason, Forwarding(reason=reason, active=False))

    async def forward(self, reason: str, number: str, after_s: int | None) -> None:
        self.forwarded[reason] = Forwarding(reason=reason, active=True, number=number, after_s=after_s)

    async def forward_no_more(self, reason: str) -> None:
        self.forwarded.pop(reason, None)

    async def phonebook(self, storage: str) -> list[Entry]:
        return [entry for place, entry in self.entries.items() if place[0] == storage]

    async def phonebook_add(self, storage: str, number: str, name: str) -> None:
        index = len(self.entries) + 1
        self.entries[storage, index] = Entry(index=index, number=number, name=name)

    async def phonebook_delete(self, storage: str, index: int) -> None:
        if self.entries.pop((storage, index), None) is None:
            raise ModemError("the modem answered cme:21", code="service_refused")

    async def own_numbers(self) -> list[str]:
        return ["+491700000001"]

    async def reset(self) -> None:
        self.calls.append("reset")


def connect(gateway: GatewayThread) -> ModemPort:
    """The gateway's only modem from now on."""
    port = ModemPort()

    async def plug() -> None:
        gateway.service.controls.connect({"stick1": port})

    gateway.call(plug())
    return port
