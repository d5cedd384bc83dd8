"""USSD (27.007 7.15, 22.090): one dialogue at a time on a SIM. The port is free while the network thinks."""

from __future__ import annotations

import asyncio
import logging
import string
from collections.abc import Awaitable, Callable
from enum import Enum

from gateway import at
from gateway.at.replies import Cusd, cusd
from gateway.errors import ModemError, PduError
from gateway.modem.charset import octets_of, plain_text, ucs2_text
from gateway.modem.errors import CommandTimeout, PortLost
from gateway.modem.model import UssdText
from gateway.modem.session import Session, cause
from gateway.pdu import CbsDcs, decode_ussd, encode_ussd
from gateway.pdu.enums import Alphabet
from gateway.pdu.ussd import DCS_GSM7, DCS_UCS2

log = logging.getLogger(__name__)

COMMAND_TIMEOUT_S = 30.0  # some say OK only when the network has answered

Job = Callable[[Session], Awaitable[None]]

# The same octets in ASCII and in the default alphabet: these go as they are, whatever character set is chosen.
_SAFE = frozenset(string.ascii_letters + string.digits + " *#+-.,:;/()!?%&'<>=")
_READABLE = frozenset(string.ascii_letters + string.digits + string.punctuation + " \r\n€£äöüÄÖÜßñàéèìòùÇÉ")
_LEAST_READABLE = 0.9  # of the characters of a text, where octets could as well be a number in hex

LEAST_CODED = 6  # digits: fewer of them could be a number that happens to look so

_REFUSALS = {
    "cme:4": "ussd_unsupported",
    "not_supported": "ussd_unsupported",
    "cme:14": "ussd_busy",
    "cme:515": "ussd_busy",
    "cme:258": "ussd_busy",
    "cme:31": "ussd_timeout",
}
RELEASE_GRACE_S = 1.5  # some tell that the dialogue is released first, and then the text that ended it
_RELEASES = frozenset({2, 3})
_ENDS = {  # <m> of an answer without a text (27.007 7.15)
    0: ("", ""),
    2: ("ussd_terminated", "the network ended the dialogue"),
    3: ("ussd_busy", "another client of the modem answered"),
    4: ("ussd_unsupported", "the network or the SIM does not support this code"),
    5: ("ussd_timeout", "the network did not answer in time"),
}


class UssdError(ModemError):
    """A dialogue that came to nothing; its code says how."""

    code = "ussd_failed"


class _State(Enum):
    IDLE = "idle"
    ASKING = "asking"  # the network has the word
    OPEN = "open"  # we have it


class Ussd:
    """The dialogue of one line. `told`: texts that nobody asked for; `job`: what the line's own task is to do.

    `timeout_s`: how long the network may take for an answer, and how long we may for a reply.
    """

    def __init__(self, timeout_s: float, told: Callable[[UssdText], None], job: Callable[[Job], None]) -> None:
        self.charset = "GSM"
        self._timeout_s = timeout_s
        self._told = told
        self._job = job
        self._session: Session | None = None
        self._codings: tuple[str, ...] = ("plain",)
        self._state = _State.IDLE
        self._answer: asyncio.Future[UssdText] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._owes_cancel = False
        self._ended_at = float("-inf")

    def attach(self, session: Session, codings: tuple[str, ...]) -> None:
        """A new connection. `codings`: how requests may be given, "plain" or "packed", the first accepted one stays; () never."""
        self._session, self._codings = session, codings
        self._owes_cancel = False

    def detach(self) -> None:
        """The connection is over, and the dialogue with it."""
        self._session = None
        self._end(error=UssdError("the connection to the modem was lost", code="modem_not_ready"))

    async def start(self, code: str) -> UssdText:
        """Begin a dialogue, for example with `*100#`. Raises UssdError, PduError for what no dialogue can carry."""
        if self._state is not _State.IDLE:
            raise UssdError("a dialogue is going on; reply to it or cancel it", code="ussd_busy")
        return await self._ask(code)

    async def reply(self, text: str) -> UssdText:
        """Answer the network's menu. Raises UssdError, PduError."""
        if self._state is not _State.OPEN:
            raise UssdError("no dialogue waits for a reply", code="ussd_no_dialogue")
        try:
            return await self._ask(text)
        except UssdError:
            self._owes_cancel = True  # the network may wait on; harmless where it does not
            self._job(self._cancel_job)
            raise

    async def cancel(self) -> None:
        """End the dialogue, if there is one. Raises UssdError when the modem does not."""
        session = self._ready()
        self._owes_cancel = True
        self._end(error=UssdError("the dialogue was cancelled", code="ussd_terminated"))
        try:
            async with session.turns.sending():
                await self._cancel(session)
        except CommandTimeout as error:
            raise UssdError(str(error), code="ussd_timeout") from error
        except PortLost as error:
            raise UssdError(str(error), code="modem_not_ready") from error

    def note(self, urc: at.Urc) -> bool:
        """Take a +CUSD in; False for any other line."""
        if urc.name != "+CUSD":
            return False
        got = cusd(urc.text)
        if got is None:
            return True
        text = read_text(got, self.charset)
        if got.m == 1 or (got.m == 0 and text):
            self._said(UssdText(text=text, reply_wanted=got.m == 1))
        elif self._state is _State.ASKING and got.m in _RELEASES:
            self._stop_timer()
            self._timer = asyncio.get_running_loop().call_later(RELEASE_GRACE_S, self._released, got.m, text)
        elif self._state is not _State.IDLE:
            self._over(got.m, "")
        elif got.m == 2 and text and asyncio.get_running_loop().time() - self._ended_at > RELEASE_GRACE_S:
            self._said(UssdText(text=text, reply_wanted=False))  # not the release of a dialogue of ours
        return True

    def _said(self, found: UssdText) -> None:
        answer = self._answer
        waiting = answer is not None and not answer.done()
        self._end(open_=found.reply_wanted, keep=True)
        if waiting and answer is not None:
            answer.set_result(found)
        else:  # the network's own word, or an answer that nobody waits for any more
            self._told(found)

    def _released(self, m: int, text: str) -> None:
        """No answer came behind the release: what it says is the answer, unless it says nothing."""
        if m == 2 and text:
            self._said(UssdText(text=text, reply_wanted=False))
        else:
            self._over(m, text)

    def _over(self, m: int, text: str) -> None:
        code, why = _ENDS.get(m, ("ussd_failed", f"the modem told of an unknown end ({m})"))
        if code:
            self._end(error=UssdError(f"{why} ({text})" if text else why, code=code))
        else:
            self._said(UssdText(text="", reply_wanted=False))

    # --- the dialogue

    async def _ask(self, text: str) -> UssdText:
        session = self._ready()
        if not self._codings:
            raise UssdError("this family of modems has no USSD", code="ussd_unsupported")
        encode_ussd(text)  # refuses what no dialogue can carry
        self._stop_timer()
        self._state = _State.ASKING
        answer: asyncio.Future[UssdText] = asyncio.get_running_loop().create_future()
        self._answer = answer
        try:
            async with session.turns.sending():
                await self._send(session, text, answer)
        except CommandTimeout as error:
            self._give_up()
            raise UssdError(str(error), code="ussd_timeout") from error
        except PortLost as error:
            self._end()
            raise UssdError(str(error), code="modem_not_ready") from error
        except BaseException:
            if self._answer is answer:
                self._end()
            raise
        if self._answer is answer and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._timeout_s, self._give_up)
        return await answer

    async def _send(self, session: Session, text: str, answer: asyncio.Future[UssdText]) -> None:
        if self._owes_cancel:
            await self._cancel(session)
        refused = ""
        for coding in self._codings:
            done = await self._request(session, text, coding)
            if done.ok or self._answer is not answer:  # some tell the answer first, and then how the call for it ended
                self._codings = (coding,)
                return
            refused = cause(done.final)
        code = _REFUSALS.get(refused, "ussd_failed")
        raise UssdError(f"the modem answered the request by {refused}", code=code)

    async def _request(self, session: Session, text: str, coding: str) -> at.Completed:
        if coding == "packed":
            dcs, octets = encode_ussd(text)
            return await session.run(_request(octets.hex().upper(), dcs))
        if _SAFE.issuperset(text):
            return await session.run(_request(text, DCS_GSM7))
        done = await session.run(at.from_text('AT+CSCS="UCS2"'))
        if not done.ok:
            return done
        try:
            gsm7 = encode_ussd(text)[0] == DCS_GSM7
            units = text.encode("utf-16-be").hex().upper()
            return await session.run(_request(units, DCS_GSM7 if gsm7 else DCS_UCS2))
        finally:
            await session.run(at.from_text(f'AT+CSCS="{self.charset}"'))

    async def _cancel(self, session: Session) -> None:
        self._owes_cancel = False
        done = await session.run(at.Command(text="AT+CUSD=2", timeout=COMMAND_TIMEOUT_S))
        if not done.ok:  # there was nothing to cancel any more
            log.info("the modem answered the end of a USSD dialogue by %s", cause(done.final))

    def _ready(self) -> Session:
        if self._session is None or self._session.lost:
            raise UssdError("the modem is not ready", code="modem_not_ready")
        return self._session

    def _give_up(self) -> None:
        """Nobody answered: neither the network, nor we a menu. It would block the SIM's next dialogue."""
        self._owes_cancel = True
        self._end(error=UssdError("the network did not answer in time", code="ussd_timeout"))
        self._job(self._cancel_job)

    async def _cancel_job(self, session: Session) -> None:
        if self._owes_cancel:
            await self._cancel(session)

    def _end(self, *, open_: bool = False, error: UssdError | None = None, keep: bool = False) -> None:
        """The network has had its word; who waits gets `error`, unless `keep` leaves that to the caller."""
        self._stop_timer()
        self._state = _State.OPEN if open_ else _State.IDLE
        self._ended_at = asyncio.get_running_loop().time()
        if open_:
            self._timer = asyncio.get_running_loop().call_later(self._timeout_s, self._give_up)
        answer, self._answer = self._answer, None
        if answer is None or answer.done() or keep:
            return
        answer.set_exception(error or UssdError("the dialogue ended", code="ussd_terminated"))
        answer.exception()  # who waited may be gone; that is no defect

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _request(text: str, dcs: int) -> at.Command:
    """The answer comes by itself, so the command owns no lines: a +CUSD that is early is as good as a late one."""
    return at.Command(text=f"AT+CUSD=1,{at.quoted(text)},{dcs}", timeout=COMMAND_TIMEOUT_S)


def read_text(got: Cusd, charset: str) -> str:
    """The text of an answer in whatever coding it came: plain in the character set, or hex of UCS-2, septets or octets."""
    octets = octets_of(got.text)
    if octets is None:
        return plain_text(got.text, charset)
    dcs = got.dcs if got.dcs is not None and got.dcs <= 0xFF else DCS_GSM7
    alphabet = CbsDcs(octet=dcs).alphabet
    try:
        if alphabet is Alphabet.GSM7:
            return ucs2_text(got.text) or _digits(octets) or _septets(octets, dcs) or plain_text(got.text, charset)
        coded = decode_ussd(octets, dcs)
    except PduError:
        return plain_text(got.text, charset)
    if coded.text is not None:
        return coded.text.partition("\uffff")[0].rstrip("\0")  # behind it stands what was in the buffer before
    return (coded.data or b"").decode("utf-8", "replace")


def _digits(octets: bytes) -> str | None:
    """A number: as it stands, or as the codes of its digits in hex, which some sticks send for short answers."""
    text = octets.hex()
    coded = len(octets) >= LEAST_CODED and all(octet in b"0123456789" for octet in octets)
    return octets.decode("ascii") if coded else text if text.isdecimal() else None


def _septets(octets: bytes, dcs: int) -> str | None:
    """Packed septets, None where that gives no text that people write: then the hex digits are the text itself."""
    text = decode_ussd(octets, dcs).text or ""
    readable = sum(char in _READABLE for char in text)
    return text if text and readable >= _LEAST_READABLE * len(text) else None
