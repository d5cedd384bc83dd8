"""Cell broadcast: pages that the modem hands on (27.005 3.4.1 +CBM) become messages, told once each (23.041 9.4).

A cell repeats what it has to say for as long as it is true. A message is told when all its pages are there, or a while
after the first one without the rest; a repetition of what was told is not told again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from gateway import at
from gateway.errors import PduError
from gateway.modem.charset import octets_of
from gateway.modem.model import Broadcast
from gateway.pdu import CbsPage, decode_message, decode_page
from gateway.pdu.cbs import PAGE_OCTETS

log = logging.getLogger(__name__)

PAGES_S = 60.0  # for the rest of a message; the pages of one follow each other within seconds
REPEATED_S = 3600.0  # what is heard again within this time is the same message
MAX_OPEN = 64
MAX_TOLD = 512
GAP = "[…]"


@dataclass(slots=True, eq=False)
class _Assembly:
    channel: int
    serial: int
    total: int
    pages: dict[int, CbsPage] = field(default_factory=dict)
    timer: asyncio.TimerHandle | None = None


class Broadcasts:
    """The pages of one line. `told` hears each message once."""

    def __init__(self, told: Callable[[Broadcast], None]) -> None:
        self._told = told
        self._open: dict[tuple[int, int], _Assembly] = {}
        self._known: dict[tuple[int, int, str], float] = {}  # what was told, and when it was heard last

    def note(self, urc: at.Urc) -> bool:
        """Take a +CBM in; False for any other line."""
        if urc.name != "+CBM":
            return False
        octets = octets_of(urc.pdu or "")
        if octets is None:
            log.warning("+CBM came without its page")
            return True
        try:
            # a modem in UMTS or LTE may give the message whole, in the format of those networks
            pages = (decode_page(octets),) if len(octets) <= PAGE_OCTETS else decode_message(octets)
        except PduError as error:
            log.warning("a cell broadcast page cannot be read: %s", error)
            return True
        for page in pages:
            self._take(page)
        return True

    def _take(self, page: CbsPage) -> None:
        key = (page.message_id, page.serial.number)
        assembly = self._open.get(key)
        if assembly is None or assembly.total != page.pages or self._differs(assembly, page):
            if assembly is not None:
                self._close(key)
            while len(self._open) >= MAX_OPEN:
                self._close(next(iter(self._open)))
            self._open[key] = assembly = _Assembly(page.message_id, page.serial.number, page.pages)
            assembly.timer = asyncio.get_running_loop().call_later(PAGES_S, self._close, key)
        assembly.pages[page.page] = page
        if len(assembly.pages) == assembly.total:
            self._close(key)

    @staticmethod
    def _differs(assembly: _Assembly, page: CbsPage) -> bool:
        before = assembly.pages.get(page.page)
        return before is not None and before.content != page.content

    def _close(self, key: tuple[int, int]) -> None:
        """Tell what there is of a message."""
        assembly = self._open.pop(key)
        if assembly.timer is not None:
            assembly.timer.cancel()
        message = _read(assembly)
        now = asyncio.get_running_loop().time()
        mark = (assembly.channel, assembly.serial, message.text or message.data_hex)
        before = self._known.pop(mark, float("-inf"))
        self._known[mark] = now
        while len(self._known) > MAX_TOLD:
            del self._known[next(iter(self._known))]
        if now - before > REPEATED_S:
            self._told(message)


def _read(assembly: _Assembly) -> Broadcast:
    """What the pages say; one that cannot be read counts as missing."""
    texts: list[str] = []
    data = b""
    language: str | None = None
    missing = []
    for number in range(1, assembly.total + 1):
        page = assembly.pages.get(number)
        try:
            got = page.read() if page is not None else None
        except PduError as error:
            log.warning("page %d of a cell broadcast cannot be read: %s", number, error)
            got = None
        if got is None:
            missing.append(number)
            texts.append(GAP)
        else:
            texts.append(got.text or "")
            data += got.data or b""
            language = language or got.language
    return Broadcast(
        channel=assembly.channel,
        serial=assembly.serial,
        text="" if data else "".join(texts),
        data_hex=data.hex(),
        pages=assembly.total,
        pages_missing=tuple(missing),
        language=language,
    )
