"""What a client can ask of a modem beside texts. Every failure is a RequestError with a code of the one table."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Collection, Mapping, Sequence
from typing import TypeVar

from gateway.errors import ModemError, PduError, RequestError
from gateway.messaging.model import UssdAnswer
from gateway.messaging.numbers import is_emergency, normalise
from gateway.messaging.ports import Forwarding, ModemPort, PhonebookEntry, UssdText

T = TypeVar("T")

FORWARDING_REASONS = ("unconditional", "busy", "no-reply", "unreachable")
FORWARDING_TIMES_S = range(5, 31, 5)  # 22.082 3.2.2.1
PHONEBOOKS = ("SM", "ME", "FD", "LD", "EN", "ON")
PHONEBOOK_NUMBER = re.compile(r"\+?[0-9*#]{1,40}")


class Controls:
    """The modems by name. Before `connect` none of them is ready."""

    def __init__(self, names: Collection[str], region: str | None, *, allow_emergency: bool) -> None:
        self._names = names
        self._region = region
        self._allow_emergency = allow_emergency
        self._ports: Mapping[str, ModemPort] = {}

    def connect(self, ports: Mapping[str, ModemPort]) -> None:
        """These are the modems from now on."""
        self._ports = ports

    async def ussd(
        self, modem: str, *, code: str | None = None, reply: str | None = None, cancel: bool = False
    ) -> UssdAnswer:
        """Begin a USSD dialogue with `code`, go on with `reply`, or end it. Exactly one of the three is wanted."""
        port = self._port(modem)
        if [code is not None, reply is not None, cancel].count(True) != 1:
            raise RequestError("give one of code, reply and cancel", field="code")
        if code is not None:
            return _answer(await _asked(port.ussd_start(code)))
        if reply is not None:
            return _answer(await _asked(port.ussd_reply(reply)))
        await _asked(port.ussd_cancel())
        return UssdAnswer(text="", state="done")

    async def reset(self, modem: str) -> None:
        """Restart the modem. Returns when it was told to; it comes back by itself."""
        await _asked(self._port(modem).reset())

    async def forwarding(self, modem: str, reason: str | None = None) -> list[Forwarding]:
        """What the network does with voice calls: for one of `FORWARDING_REASONS`, or for all."""
        port = self._port(modem)
        return [await _asked(port.forwarding(each)) for each in ([reason] if reason else FORWARDING_REASONS)]

    async def forward(self, modem: str, reason: str, number: str, after_s: int | None = None) -> None:
        """Have voice calls forwarded. `after_s`: how long it rings first, of "no-reply" only, 5 to 30 in steps of 5."""
        port = self._port(modem)
        try:
            target = normalise(number, self._region)
        except RequestError as exc:
            raise RequestError(str(exc), code=exc.code, field="number") from exc
        if not self._allow_emergency and is_emergency(target, self._region):
            raise RequestError(
                "calls are not forwarded to an emergency number", code="emergency_number", field="number"
            )
        if after_s is not None and (reason != "no-reply" or after_s not in FORWARDING_TIMES_S):
            raise RequestError("after_s is 5, 10 … 30, for the reason no-reply", field="after_s")
        await _asked(port.forward(reason, target, after_s))

    async def forward_no_more(self, modem: str, reason: str) -> None:
        """Take a forwarding back."""
        await _asked(self._port(modem).forward_no_more(reason))

    async def phonebook(self, modem: str, storage: str) -> Sequence[PhonebookEntry]:
        """The entries of one of `PHONEBOOKS`."""
        return await _asked(self._port(modem).phonebook(storage))

    async def phonebook_add(self, modem: str, storage: str, number: str, name: str) -> None:
        """Write an entry in the first free place."""
        if not PHONEBOOK_NUMBER.fullmatch(number):
            raise RequestError("a number is 1 to 40 of 0-9, * and #, with + in front", field="number")
        await _asked(self._port(modem).phonebook_add(storage, number, name))

    async def phonebook_delete(self, modem: str, storage: str, index: int) -> None:
        """Clear a place."""
        await _asked(self._port(modem).phonebook_delete(storage, index))

    async def own_numbers(self, modem: str) -> Sequence[str]:
        """The SIM's own numbers, as far as it knows them."""
        return await _asked(self._port(modem).own_numbers())

    def _port(self, modem: str) -> ModemPort:
        if modem not in self._names:
            raise RequestError(f"no modem is called {modem!r:.60}", code="unknown_modem", field="modem")
        port = self._ports.get(modem)
        if port is None:
            raise RequestError(f"{modem} is not ready yet", code="modem_not_ready")
        return port


def _answer(text: UssdText) -> UssdAnswer:
    return UssdAnswer(text=text.text, state="reply_wanted" if text.reply_wanted else "done")


async def _asked(doing: Awaitable[T]) -> T:
    try:
        return await doing
    except ModemError as exc:
        raise RequestError(str(exc), code=exc.code) from exc
    except PduError as exc:
        raise RequestError(str(exc), code="not_encodable" if exc.code == "not_encodable" else "bad_request") from exc
