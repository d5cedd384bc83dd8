"""Opt-out words, block and allow lists, at the three places where they count: a command is taken, a segment leaves, a text comes in.

Each function runs inside the transaction of that place, so that a change and what follows from it are one commit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from gateway.errors import CODES, RequestError
from gateway.messaging import accept, outbound
from gateway.messaging.consent import Consent, Entry, ListName, Way, candidates, passes, subscriber
from gateway.messaging.content import layout
from gateway.messaging.ledger import Sim
from gateway.messaging.lines import Lines
from gateway.messaging.model import TWILIO, Message, Origin, Queue, SendRequest, TimelineEntry
from gateway.messaging.numbers import SHORT_CODE, is_emergency
from gateway.messaging.ports import Tx
from gateway.messaging.routing import Router
from gateway.messaging.words import REPLIES, Change, Heard, Words

EDGE = "compliance"
"""The edge of our own answers to words. Opt-outs do not stop them: one answer confirms an opt-out."""

MAX_REPLIES = 4
REPLIES_WITHIN = timedelta(hours=24)
"""No peer is given more answers than so many within this time: the other side may be a machine that answers, too."""

REPLY_PRIORITY = 8
"""Above what keeps quiet hours unless configured otherwise: who sends a word waits for its answer."""

REPLY_EXPIRES = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the configuration says.

    `scope`: "twilio", "all" or "off". `replies`: whether words are answered; `texts`: an owner's answers, "" for none,
    in place of the built-in ones. `entries`: of the lists.
    """

    scope: str = "twilio"
    words: Words = field(default_factory=Words)
    replies: bool = True
    texts: Mapping[Change, str] = field(default_factory=dict)
    entries: tuple[Entry, ...] = ()


class Compliance:
    """The terms over the configured lines."""

    def __init__(self, terms: Terms, lines: Lines, router: Router, region: str | None, room: accept.Room) -> None:
        self._terms = terms
        self._lines = lines
        self._router = router
        self._region = region
        self._room = room
        self._own: dict[Way, dict[str, list[Entry]]] = {way: {} for way in Way}
        for entry in terms.entries:
            self._own[entry.way].setdefault(entry.pattern, []).append(entry)
        self._restricted = {entry.way for entry in terms.entries if entry.name is ListName.ALLOW}

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Of the configuration."""
        return self._terms.entries

    # --- going out ---

    def check(self, tx: Tx, recipients: Iterable[str], modem: str | None, edge: str) -> None:
        """Raises RequestError (recipient_blocked, opted_out) for the first recipient that may not be written to."""
        for to in dict.fromkeys(recipients):
            if (code := self._refusal(tx, to, modem, self._router.route_of(to), edge)) is not None:
                raise RequestError(f"{to}: {CODES[code].meaning}", code=code, field="to")

    def bars(self, tx: Tx, message: Message, sim: Sim, now: datetime) -> bool:
        """Whether a message of which nothing has left may not leave any more; then it has failed."""
        code = self._refusal(tx, message.peer, message.modem, self._router.route_of(message.peer), message.edge, sim)
        if code is not None:
            outbound.fail(tx, message, (code, CODES[code].meaning), now)
        return code is not None

    def _refusal(self, tx: Tx, to: str, modem: str | None, route: str, edge: str, sim: Sim | None = None) -> str | None:
        if not self._passes(tx, to, Way.OUT):
            return "recipient_blocked"
        if not self._binds(edge):
            return None
        senders = {(sim.number, sim.iccid)} if sim is not None else set()
        bound = modem if modem in self._router.lines else None  # of one that is gone: anybody's (`resort`)
        queue = Queue(n=0, modem=bound or "", route=route, client="")
        for name in self._router.possible(queue):
            status = self._lines.by_name[name].status
            senders.add((status.number, status.iccid))
        # A message that is bound to no number could leave by any of them: an opt-out from one of them counts.
        return "opted_out" if any(tx.consent.opted_out(to, *sender) for sender in senders) else None

    def _binds(self, edge: str) -> bool:
        """Whether opt-outs stop what came through an edge."""
        if edge == EDGE:
            return False
        return self._terms.scope == "all" or (self._terms.scope == TWILIO and edge == TWILIO)

    def _passes(self, tx: Tx, number: str, way: Way) -> bool:
        own = self._own[way]
        if not own and not tx.lists.any(way):
            return True
        matching = candidates(number)
        found = [entry for pattern in matching for entry in own.get(pattern, ())] + tx.lists.matching(way, matching)
        return passes(number, found, restricted=way in self._restricted or tx.lists.allows(way))

    # --- coming in ---

    def blocks(self, tx: Tx, sender: str) -> bool:
        """Whether a sender's texts are kept without being announced."""
        return not self._passes(tx, subscriber(sender, self._region) or sender, Way.IN)

    def heard(self, tx: Tx, message: Message, new_id: Callable[[], str], now: datetime) -> str | None:
        """Takes a received text, whole: if it is a word, that is logged, and answered where that is due.

        Returns the id of the answer.
        """
        if self._terms.scope == "off" or message.text is None or message.ports is not None:
            return None
        word, peer = self._terms.words.find(message.text), subscriber(message.peer, self._region)
        if word is None or peer is None:
            return None
        out = tx.consent.opted_out(peer, message.own_number, message.iccid)
        changes = word.change is (Change.OPT_IN if out else Change.OPT_OUT)
        # Only what changes something is confirmed, so that two machines cannot thank each other for ever.
        due = changes or (word.change is Change.HELP and not out)
        text = self._answer(tx, message, peer, word, now) if due else ""
        reply = self._reply(tx, message, peer, text, new_id(), now) if text else None
        tx.consent.add(
            Consent(
                at=now,
                peer=peer,
                own_number=message.own_number,
                iccid=message.iccid,
                line=message.line or "",
                change=word.change,
                word=word.word,
                message_id=message.id,
                reply_id=reply,
            )
        )
        if changes:
            entry = TimelineEntry(at=now, what=word.change.value, modem=message.line, detail=word.word)
            tx.messages.log(message.id, entry)
        return reply

    def _answer(self, tx: Tx, message: Message, peer: str, word: Heard, now: datetime) -> str:
        """What a word is answered; "" for nothing."""
        if not self._terms.replies or message.blocked or not self._may_answer(tx, peer, now):
            return ""
        if word.change in self._terms.texts:
            return self._terms.texts[word.change]
        return REPLIES[word.language][word.change]

    def _may_answer(self, tx: Tx, peer: str, now: datetime) -> bool:
        if SHORT_CODE.fullmatch(peer) or is_emergency(peer, self._region) or not self._passes(tx, peer, Way.OUT):
            return False
        if self._terms.scope == TWILIO and not tx.messages.sent_through(TWILIO, peer):
            return False  # who texts with a home or an alarm never heard of such words: "end" is just a text there
        return tx.consent.replies_since(peer, now - REPLIES_WITHIN) < MAX_REPLIES

    def _reply(self, tx: Tx, message: Message, peer: str, text: str, message_id: str, now: datetime) -> str | None:
        try:
            self._room.take(tx, 1)
        except RequestError:
            return None  # the log has the word without an answer
        request = SendRequest(
            to=(peer,),
            text=text,
            modem=message.line,
            priority=REPLY_PRIORITY,
            expires_at=now + REPLY_EXPIRES,
            tags={"reply_to": message.id},
        )
        command = accept.Command(
            request=request,
            checked=layout(request, (peer,), message.line),
            digest="",
            origin=Origin(edge=EDGE),
            room=self._room,
            router=self._router,
        )
        return accept.insert(tx, command, peer, message_id, now)
