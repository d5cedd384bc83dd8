"""What a client can ask of a modem beside texts. Every failure is a RequestError with a code of the one table."""

from __future__ import annotations

from collections.abc import Awaitable, Collection, Mapping
from typing import TypeVar

from gateway.errors import ModemError, PduError, RequestError
from gateway.messaging.model import UssdAnswer
from gateway.messaging.ports import ModemPort, UssdText

T = TypeVar("T")


class Controls:
    """The modems by name. Before `connect` none of them is ready."""

    def __init__(self, names: Collection[str]) -> None:
        self._names = names
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
