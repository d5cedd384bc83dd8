"""What every resource of this API is made over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from starlette.requests import Request

from gateway.clock import Clock
from gateway.messaging.ports import Store, Tx
from gateway.messaging.twilio import NumberSettings
from gateway.web.ports import Service
from gateway.web.twilio.account import Account
from gateway.web.twilio.errors import not_found
from gateway.web.twilio.settings import hooks_of
from gateway.web.twilio.shapes import Number
from gateway.web.twilio.trouble import end

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The account, and what it works on."""

    account: Account
    service: Service
    store: Store
    clock: Clock

    def check_account(self, request: Request) -> str:
        """The account's sid, which the path has to name. Raises TwilioError(20404)."""
        if request.path_params["account"] != self.account.sid:
            raise not_found(request.url.path)
        return self.account.sid

    async def numbers(self) -> list[Number]:
        """Every SIM that is in a modem, or that something is set for; by ICCID."""
        kept = {settings.iccid: settings for settings in await self.store.read(lambda tx: tx.twilio.numbers())}
        lines = {line.iccid: line for line in self.service.lines() if line.iccid}
        return [
            Number(
                settings=kept.get(iccid)
                or NumberSettings(iccid=iccid, number=lines[iccid].number, created_at=lines[iccid].since),
                line=lines.get(iccid),
            )
            for iccid in sorted({*kept, *lines})
        ]

    async def rewire(self, change: Callable[[Tx], T]) -> T:
        """Writes what may change where texts go. What failed at an address that is told no more, is over."""
        lines = [line for line in self.service.lines() if line.iccid]
        now = self.clock.now()

        def write(tx: Tx) -> T:
            before = [hooks_of(tx, line.iccid) for line in lines]
            changed = change(tx)
            for line, hooks in zip(lines, before, strict=True):
                if hooks is not None and hooks != hooks_of(tx, line.iccid):
                    end(tx, line.name, f"the texts of {line.number or line.name} go elsewhere now", now)
            return changed

        return await self.store.write(write)

    async def number(self, sid: str) -> Number | None:
        return next((number for number in await self.numbers() if number.sid == sid), None)


def base_of(request: Request) -> str:
    """The address by which the client calls us."""
    return f"{request.url.scheme}://{request.url.netloc}"
