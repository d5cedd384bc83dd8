"""What a line does beside texts: USSD, calls, cell broadcast. None of it holds up a text for longer than one command.

It outlives the connections of its line. What the modem tells by itself is handed on at once; what it is to be asked or
told goes through jobs, which the line's own task does when no text wants the port.
"""

from __future__ import annotations

import contextlib
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

from gateway import at
from gateway.errors import ModemError
from gateway.modem import forwarding, phonebook
from gateway.modem.answers import fields, info
from gateway.modem.broadcast import Broadcasts
from gateway.modem.errors import CommandTimeout, PortLost, ServiceError
from gateway.modem.model import Forwarding, LineConfig, LineListener, PhonebookEntry
from gateway.modem.profiles import Profile
from gateway.modem.session import Session
from gateway.modem.ussd import Job, Ussd
from gateway.modem.voice import Calls

log = logging.getLogger(__name__)

MAX_JOBS = 64
PREPARE_TIMEOUT_S = 3.0  # for each setting: texts wait for them

_PREPARE = ("AT+CUSD=1",)
# who calls, what kind of call it is, and an ATH that ends voice calls (27.007 7.11, 6.11, 6.20)
_PREPARE_CALLS = ("AT+CLIP=1", "AT+CRC=1", "AT+CVHU=0")


class Services:
    """The services of one line. `attach` at each connection, `note` every line that came unasked, `step` one job."""

    def __init__(self, config: LineConfig, listener: LineListener) -> None:
        name = config.name
        self.ussd = Ussd(config.ussd_timeout_s, lambda text: listener.ussd(name, text), self._add)
        self._calls = Calls(lambda change: listener.call(name, change), config.reject_calls, self._add)
        self._broadcasts = Broadcasts(lambda message: listener.broadcast(name, message))
        self._channels = config.cell_broadcast
        self._jobs: deque[Job] = deque(maxlen=MAX_JOBS)
        self._wake: Callable[[], None] = lambda: None
        self._session: Session | None = None

    @property
    def waiting(self) -> bool:
        """True when `step` has something to do."""
        return bool(self._jobs)

    async def attach(self, session: Session, profile: Profile, wake: Callable[[], None]) -> None:
        """The modem is set up for texts, now for the rest; `wake` is called when there is something to do for `step`.

        Raises PortLost; anything else that goes wrong costs a service, not the connection.
        """
        self._wake = wake
        self._jobs.clear()
        await self._read_charset(session)
        for text in (*_PREPARE, *(_PREPARE_CALLS if profile.calls else ())):
            await _tried(session, text)
        if self._channels:
            channels = ",".join(map(str, self._channels))
            done = await _tried(session, f'AT+CSCB=0,"{channels}",""')  # 27.005 3.3.4
            if done is None or not done.ok:
                log.warning("the modem does not take the cell broadcast channels")
        self._session = session
        self.ussd.attach(session, _codings(profile))

    def detach(self) -> None:
        """The connection is over."""
        self._session = None
        self._jobs.clear()
        self._wake = lambda: None
        for detach in (self.ussd.detach, self._calls.detach):
            try:
                detach()
            except Exception:
                log.exception("a service of the modem met a defect")  # what came in last is still to be stored

    def note(self, urc: at.Urc) -> bool:
        """Take in what the modem told by itself; False when it is no matter of these services."""
        try:
            return self.ussd.note(urc) or self._calls.note(urc) or self._broadcasts.note(urc)
        except Exception:
            # A defect of ours. It would end the connection, and with it all texts, each time the network says that again.
            log.exception("what the modem told (%s) met a defect", urc.name)
            return True

    async def forwarding(self, reason: str) -> Forwarding:
        """What becomes of voice calls for a reason. Raises ServiceError. See `gateway.modem.forwarding`."""
        async with self._asked() as session:
            return await forwarding.query(session, reason)

    async def forward(self, reason: str, number: str, after_s: int | None) -> None:
        """Have voice calls forwarded. Raises ServiceError."""
        async with self._asked() as session:
            await forwarding.register(session, reason, number, after_s)

    async def forward_no_more(self, reason: str) -> None:
        """Take a forwarding back. Raises ServiceError."""
        async with self._asked() as session:
            await forwarding.erase(session, reason)

    async def phonebook(self, storage: str) -> list[PhonebookEntry]:
        """The entries of a phonebook. Raises ServiceError. See `gateway.modem.phonebook`."""
        async with self._asked() as session:
            return await phonebook.entries(session, storage, self.ussd.charset)

    async def phonebook_add(self, storage: str, number: str, name: str) -> None:
        """Write an entry. Raises ServiceError."""
        async with self._asked() as session:
            await phonebook.add(session, storage, self.ussd.charset, number, name)

    async def phonebook_delete(self, storage: str, index: int) -> None:
        """Clear a place. Raises ServiceError."""
        async with self._asked() as session:
            await phonebook.delete(session, storage, self.ussd.charset, index)

    async def own_numbers(self) -> list[str]:
        """The SIM's own numbers. Raises ServiceError."""
        async with self._asked() as session:
            return await phonebook.own_numbers(session, self.ussd.charset)

    @contextlib.asynccontextmanager
    async def _asked(self) -> AsyncIterator[Session]:
        """The connection, for something that the modem is asked for; what goes wrong with it becomes a ServiceError."""
        if self._session is None or self._session.lost:
            raise ServiceError("the modem is not ready", code="modem_not_ready")
        try:
            yield self._session
        except CommandTimeout as error:
            raise ServiceError(str(error), code="service_timeout") from error
        except PortLost as error:
            raise ServiceError(str(error), code="modem_not_ready") from error

    async def step(self, session: Session) -> None:
        """Do one job; the caller holds the turn. Raises CommandTimeout, PortLost."""
        if not self._jobs:
            return
        try:
            await self._jobs.popleft()(session)
        except ModemError:
            raise
        except Exception:
            log.exception("a service of the modem met a defect")  # texts do not depend on it

    def _add(self, job: Job) -> None:
        self._jobs.append(job)
        self._wake()

    async def _read_charset(self, session: Session) -> None:
        done = await _tried(session, "AT+CSCS?")
        values = fields(info(done, "+CSCS:") or "") if done is not None and done.ok else []
        if values and values[0]:
            self.ussd.charset = values[0]


async def _tried(session: Session, text: str) -> at.Completed | None:
    """The answer to a command that helps where it is known; None when there is none."""
    try:
        return await session.run(replace(at.from_text(text), timeout=PREPARE_TIMEOUT_S))
    except CommandTimeout as error:
        log.info("a service of the modem is not set up: %s", error)
        return None


def _codings(profile: Profile) -> tuple[str, ...]:
    """How a USSD request may be given; the next where the one before is refused."""
    if not profile.ussd:
        return ()
    return ("packed", "plain") if profile.ussd_packed else ("plain",)
