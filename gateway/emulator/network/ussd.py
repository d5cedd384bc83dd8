"""USSD: a tree of codes and replies, one session per SIM (27.007 7.15, 22.090)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gateway.emulator import gsm7
from gateway.emulator.commands.table import cme
from gateway.emulator.ussd_tree import M, Node, tree
from gateway.errors import ConfigError, RequestError

if TYPE_CHECKING:
    import asyncio

    from gateway.emulator.modem import Modem
    from gateway.emulator.network.core import Network

ANY = "*"  # a code or a reply that has no entry of its own
MAX_RECORDS = 10_000
NO_NETWORK = 30  # CME
ANSWER_S = (0.8, 3.0)  # how long an answer takes when the timing is realistic
DCS_GSM7, DCS_UCS2 = 15, 72  # 23.038 5: language unspecified; UCS2


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One string of a session, for `GET /ussd`. `outgoing`: from the modem."""

    n: int
    modem: str
    outgoing: bool
    text: str | None
    m: int | None


@dataclass(slots=True)
class _Session:
    node: Node | None  # None: the first answer is on its way
    timer: asyncio.TimerHandle | None = None


class Ussd:
    """The network's end of every session."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._sessions: dict[str, _Session] = {}  # by the SIM's number
        self._tree: dict[str, Node] = {}
        self.records: deque[Exchange] = deque(maxlen=MAX_RECORDS)
        self._count = 0

    def configure(self, entries: Mapping[str, Any]) -> None:
        self._tree = tree(entries, "network: ussd")

    def reset(self) -> None:
        for number in list(self._sessions):
            self._close(number)
        self.records.clear()
        self._count = 0

    def request(self, modem: Modem, text: str) -> None:
        """A code, or a reply where a session is open. Raises CME 30 without a network."""
        if not modem.registered:
            raise cme(NO_NETWORK)
        number = modem.config.number
        session = self._sessions.get(number)
        self._record(modem, text, None)
        if session is None:
            branches: Mapping[str, Node] = self._tree
            self._sessions[number] = session = _Session(None)
        else:
            branches = session.node.replies if session.node is not None else {}
            self._stop_timer(session)
        unknown = M.UNSUPPORTED if branches is self._tree else M.TERMINATED
        node = branches.get(text) or branches.get(ANY) or Node(text=None, replies={}, m=unknown)
        delay = node.delay_s + (self._network.chance(*ANSWER_S) if self._network.realistic else 0.0)
        modem.later(delay, self._answer, modem, number, session, node, text)

    def cancel(self, modem: Modem) -> None:
        """The client ends its session, if there is one."""
        self._close(modem.config.number)

    def push(self, modem: Modem, text: str, *, reply_wanted: bool, replies: Mapping[str, Any] | None = None) -> None:
        """The network speaks first. Raises RequestError while a session is open or the modem is not reachable."""
        number = modem.config.number
        if number in self._sessions:
            raise RequestError(f"{modem.config.name} has a USSD session open", field="modem")
        if not modem.registered:
            raise RequestError(f"{modem.config.name} is not registered", field="modem")
        m = M.REPLY_WANTED if reply_wanted or replies else M.DONE
        try:
            node = Node(text=text, replies=tree(replies or {}, "replies"), m=m)
        except ConfigError as exc:
            raise RequestError(str(exc), field="replies") from exc
        self._sessions[number] = session = _Session(None)
        self._answer(modem, number, session, node, "")

    def lost(self, modem: Modem) -> None:
        """The modem is gone, and its session with it."""
        self._close(modem.config.number)

    def _answer(self, modem: Modem, number: str, session: _Session, node: Node, request: str) -> None:
        if self._sessions.get(number) is not session:
            return  # cancelled meanwhile
        if node.m is M.REPLY_WANTED:
            session.node = node
            session.timer = modem.later(self._network.config.ussd_timeout_s, self._expired, modem, number)
        else:
            del self._sessions[number]
        text = None if node.text is None else self._filled(node.text, number, request)
        self._say(modem, node.m, text, self._filled(node.raw, number, request))

    def _expired(self, modem: Modem, number: str) -> None:
        self._close(number)
        self._say(modem, M.TIMEOUT, None)

    def _filled(self, text: str, number: str, request: str) -> str:
        return text.replace("{balance}", self._network.balance_text(number)).replace("{code}", request)

    def _say(self, modem: Modem, m: M, text: str | None, raw: str = "") -> None:
        self._record(modem, text, m)
        if modem.settings.registers.get("+CUSD", 0) != 1:
            return  # the client has not asked to see them
        modem.urc(raw or f"+CUSD: {m:d}" if raw or text is None else f"+CUSD: {m:d},{_coded(modem, text)}")

    def _record(self, modem: Modem, text: str | None, m: M | None) -> None:
        self._count += 1
        self.records.append(
            Exchange(
                n=self._count, modem=modem.config.name, outgoing=m is None, text=text, m=None if m is None else int(m)
            )
        )

    def _close(self, number: str) -> None:
        session = self._sessions.pop(number, None)
        if session is not None:
            self._stop_timer(session)

    @staticmethod
    def _stop_timer(session: _Session) -> None:
        if session.timer is not None:
            session.timer.cancel()
            session.timer = None


# the codings on the port


def _coding(modem: Modem) -> str:
    dialect = modem.personality.ussd
    chosen = modem.settings.registers.get(dialect.register, 0)
    return dialect.codings[min(chosen, len(dialect.codings) - 1)]


def _hex_ucs2(text: str) -> str:
    return text.encode("utf-16-be").hex().upper()


def _coded(modem: Modem, text: str) -> str:
    codes = gsm7.septets(text)
    if codes is None:
        return f'"{_hex_ucs2(text)}",{DCS_UCS2}'
    return _ENCODE[_coding(modem)](modem, text, codes)


_ENCODE: Mapping[str, Callable[[Modem, str, bytes], str]] = {
    "plain": lambda modem, text, _: f'"{modem.shown(text)}",{DCS_GSM7}',
    "ucs2": lambda _, text, __: f'"{_hex_ucs2(text)}",{DCS_UCS2}',
    "packed": lambda _, __, codes: f'"{gsm7.packed(codes).hex().upper()}",{DCS_GSM7}',
}


def understood(modem: Modem, text: str) -> str:
    """A request as the client wrote it. Raises CME 50 where it is not in the family's coding."""
    try:
        return _DECODE[_coding(modem)](modem, text)
    except ValueError as exc:
        raise cme(50) from exc


_DECODE: Mapping[str, Callable[[Modem, str], str]] = {
    "plain": lambda modem, text: modem.understood(text),
    "ucs2": lambda _, text: bytes.fromhex(text).decode("utf-16-be"),
    "packed": lambda _, text: gsm7.text(gsm7.unpacked(bytes.fromhex(text))),
}
