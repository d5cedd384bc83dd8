"""One received text: asking the application, and carrying out what it answers.

Everything may be done again after a crash: each answer's idempotency key is made of the text's id and revision and the
answer's place, so that it is sent once however often the application is asked.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Protocol
from urllib.parse import urljoin

from gateway.errors import CODES, TransientError
from gateway.messaging.accept import Also
from gateway.messaging.model import TWILIO, CommandResult, LineStatus, Message, Origin, SendRequest
from gateway.messaging.ports import Tx
from gateway.messaging.twilio import Beside
from gateway.web.twilio import twiml
from gateway.web.twilio.client import Client, Failed, Landed
from gateway.web.twilio.errors import NO_MMS, NO_MMS_WHY
from gateway.web.twilio.loops import Loops
from gateway.web.twilio.parameters import Fields
from gateway.web.twilio.twiml import Document, Problem, Redirect, Reply, TwimlError, read

MAX_DOCUMENTS = 20
MAX_REPLIES = 20
"""For one received text, with all that it is redirected to."""


class Sender(Protocol):
    """The messaging service, as answers go out through it."""

    async def send(self, request: SendRequest, origin: Origin, also: Also | None = None) -> CommandResult: ...

    def lines(self) -> list[LineStatus]: ...


class Postponed(Exception):
    """An answer cannot be taken now; the application is asked again, and what was taken is not taken twice."""


@dataclass(slots=True, kw_only=True)
class Conversation:
    """What is asked about one text. `sent` and `problems` are what is to be told of it."""

    client: Client
    sender: Sender
    loops: Loops
    message: Message
    own_number: str
    service: str
    revision: int
    delivery: str
    sent: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    _ordinal: int = 0

    async def hold(self, url: str, method: str, fields: Fields) -> None:
        """Asks at `url` and does what is answered, to the end. Raises Failed, Postponed."""
        step: tuple[str, str, Fields] | None = (url, method, fields)
        documents = 0
        while step is not None:
            documents += 1
            if documents > MAX_DOCUMENTS:
                message = f"more than {MAX_DOCUMENTS} documents"
                raise Failed(twiml.TOO_MANY_DOCUMENTS, step[0], message, final=True)
            landed = await self.client.request(*step, self.delivery)
            document = _document(landed)
            self.problems += document.problems
            step = await self._carry_out(document, landed.url, fields)

    def note(self, failed: Failed) -> None:
        """Something failed, and the conversation goes on elsewhere."""
        self._note(failed.number, str(failed))

    async def _carry_out(self, document: Document, base: str, fields: Fields) -> tuple[str, str, Fields] | None:
        """Does what a document says; returns what is to be asked next."""
        for verb in document.verbs:
            if isinstance(verb, Redirect):
                return _joined(base, verb.url), verb.method, fields
            if self._ordinal >= MAX_REPLIES:
                self._note(twiml.TOO_MANY_REPLIES, f"more than {MAX_REPLIES} answers; the rest is not sent")
                return None
            taken = await self._reply(verb, base)
            if verb.action:
                return _joined(base, verb.action), verb.method, _after_reply(fields, taken)
        return None

    async def _reply(self, reply: Reply, base: str) -> str:
        """Sends one answer. Returns its id, "" when it is refused for good. Raises Postponed."""
        self._ordinal += 1
        peer = reply.to or self.message.peer
        if self.loops.is_one(self.message.iccid, peer):
            self._note(twiml.TOO_MANY_AT_A_TIME, f"answer {self._ordinal} is not sent: too many in a short time")
            return ""
        if reply.media:
            self._note(NO_MMS, f"answer {self._ordinal}: {NO_MMS_WHY}")
            return ""
        callback = _joined(base, reply.status_callback) if reply.status_callback else ""
        request = SendRequest(
            to=(peer,),
            text=reply.text,
            client_id=f"twiml:{self.message.id}:{self.revision}:{self._ordinal}",
            modem=None if reply.sender else self._line(),
            sender=reply.sender or None,
        )
        also = partial(self._beside, reply.sender or self.own_number, callback)
        try:
            result = await self.sender.send(request, Origin(edge=TWILIO, client="twiml"), also)
        except TransientError as error:
            raise Postponed(str(error)) from error
        if result.error is None:
            self.sent += result.message_ids
            if result.status == "accepted":
                self.loops.answered(self.message.iccid, peer)
            return result.message_ids[0]
        code, why = result.error
        if CODES[code].retryable:
            raise Postponed(f"answer {self._ordinal}: {why}")
        self._note(CODES[code].twilio or twiml.BAD_BODY, f"answer {self._ordinal} is not sent ({code}): {why}")
        return ""

    def _beside(self, sender: str, callback: str, tx: Tx, message_ids: list[str]) -> None:
        for message_id in message_ids:
            tx.twilio.put_beside(
                Beside(
                    message_id=message_id,
                    sender=sender,
                    service=self.service,
                    status_callback=callback,
                    reply_to=self.message.id,
                )
            )

    def _line(self) -> str | None:
        """The modem that the SIM is in now, else the one that the text came by, if there still is one of that name."""
        lines = self.sender.lines()
        named = (line.name for line in lines if line.name == self.message.line)
        return next((line.name for line in lines if line.iccid == self.message.iccid != ""), next(named, None))

    def _note(self, number: int, message: str) -> None:
        self.problems.append(Problem(number=number, message=message))


def _document(landed: Landed) -> Document:
    try:
        return read(landed.content, landed.content_type)
    except TwimlError as error:
        raise Failed(error.number, landed.url, str(error), final=True) from error


def _joined(base: str, url: str) -> str:
    """An address as a document writes it. What is none fails when it is asked."""
    try:
        return urljoin(base, url)
    except ValueError:
        return url


def _after_reply(fields: Fields, message_id: str) -> Fields:
    """What the address of an `action` is told beside: the answer, and whether it was taken."""
    status = "queued" if message_id else "failed"
    told = {"MessageSid": message_id, "SmsSid": message_id, "MessageStatus": status, "SmsStatus": status}
    return [*((name, value) for name, value in fields if name not in told), *told.items()]
