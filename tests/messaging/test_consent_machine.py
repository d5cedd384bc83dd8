"""Consent and lists against a model that knows only who said what last: nobody is written to against it, nobody is answered twice."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from functools import partial

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gateway.messaging import accept, inbound, ledger
from gateway.messaging.compliance import EDGE, MAX_REPLIES, REPLIES_WITHIN, Compliance, Terms
from gateway.messaging.consent import Consent, ConsentFilter, Entry, ListName, Way
from gateway.messaging.content import layout
from gateway.messaging.inbound import Box
from gateway.messaging.ledger import Sim
from gateway.messaging.lines import Lines, LineSettings
from gateway.messaging.model import TWILIO, Message, MessageFilter, Origin, Segment, SegmentState, SendRequest, Status
from gateway.messaging.routing import Router, Routing
from tests.messaging.desk import Desk
from tests.messaging.rig import Identity, Item, deliver
from tests.support.clock import ManualClock

PEERS = ("+491711111111", "+491722222222", "+4366412345678")
LINES = ("one", "two")
WORDS = {
    **dict.fromkeys(("STOP", "stop!", " Abmelden ", "Désabonner"), "opt_out"),
    **dict.fromkeys(("START", "yes.", "Un-Stop"), "opt_in"),
    **dict.fromkeys(("HELP", "hilfe?"), "help"),
    **dict.fromkeys(("please stop", "ok", "no"), ""),
}
PATTERNS = (*PEERS, "+49*", "+4917*", "*")


class Consents(RuleBasedStateMachine):
    """`out`: who opted out of which line; `undeleted`: texts that the modem still has, and that come again."""

    scope = "all"

    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk()
        self.ids = itertools.count(1)
        self.refs = itertools.count(1)
        lines = Lines([LineSettings(name=name) for name in LINES], ManualClock())
        self.sims = {name: Sim(line=name, imei="", iccid=f"iccid-{name}", number=f"+49{name}") for name in LINES}
        for name, sim in self.sims.items():
            lines.ready(name, Identity(imei="", iccid=sim.iccid, number=sim.number))
        self.router = Router(Routing(), LINES, "DE")
        self.room = accept.Room(1000)
        self.rules = Compliance(Terms(scope=self.scope), lines, self.router, "DE", self.room)
        self.out: set[tuple[str, str]] = set()
        self.listed: dict[tuple[ListName, Way, str], int] = {}
        self.undeleted: list[tuple[str, Item]] = []
        self.said: list[tuple[str, str]] = []
        self.announced = 0
        self.through_twilio: set[str] = set()
        self.log: list[Consent] = []

    def new_id(self) -> str:
        return f"SM{next(self.ids)}"

    # --- the model ---

    def may(self, peer: str, way: Way) -> bool:
        """Whether the lists let a number pass."""
        matching = [
            (len(pattern), name is ListName.BLOCK)
            for name, listed_way, pattern in self.listed
            if listed_way is way and (peer == pattern or (pattern.endswith("*") and peer.startswith(pattern[:-1])))
        ]
        if matching:
            return not max(matching)[1]
        return not any(name is ListName.ALLOW and each is way for name, each, _ in self.listed)

    def refusal(self, peer: str, edge: str, lines: tuple[str, ...]) -> str | None:
        if not self.may(peer, Way.OUT):
            return "recipient_blocked"
        binds = edge != EDGE and (self.scope == "all" or edge == TWILIO)
        return "opted_out" if binds and any((peer, line) in self.out for line in lines) else None

    # --- what happens ---

    @rule(peer=st.sampled_from(PEERS), line=st.sampled_from(LINES), text=st.sampled_from(sorted(WORDS)))
    def text_comes_in(self, peer: str, line: str, text: str) -> None:
        self.desk.pass_time(60)
        [item] = deliver(text, oa=peer, at=self.desk.at_network, index=next(self.refs))
        self.said.append((peer, text))
        answers, change = self._answers(), WORDS[text]
        was_out = (peer, line) in self.out
        recent = self._recent_replies(peer)
        self._take(line, item)
        self.undeleted.append((line, item))
        if self.may(peer, Way.IN):
            self.announced += 1
        changes = change == ("opt_in" if was_out else "opt_out")
        answered = changes or (change == "help" and not was_out)
        allowed = self.may(peer, Way.OUT) and self.may(peer, Way.IN) and recent < MAX_REPLIES
        known = self.scope == "all" or peer in self.through_twilio
        assert self._answers() - answers == int(answered and allowed and known)
        if change == "opt_out":
            self.out.add((peer, line))
        elif change == "opt_in":
            self.out.discard((peer, line))

    @precondition(lambda self: self.undeleted)
    @rule(data=st.data(), deleted=st.booleans())
    def text_comes_again(self, data: st.DataObject, deleted: bool) -> None:
        """A crash came between the commit and the delete, once or often: nothing follows from it."""
        line, item = data.draw(st.sampled_from(self.undeleted))
        before = self._answers(), len(self._log())
        self._take(line, item)
        assert (self._answers(), len(self._log())) == before
        if deleted:
            iccid, now = self.sims[line].iccid, self.desk.now
            self.desk.do(lambda tx: inbound.released(tx, iccid, [item], now))
            self.undeleted.remove((line, item))

    @rule(
        peer=st.sampled_from(PEERS),
        edge=st.sampled_from((TWILIO, "api")),
        modem=st.sampled_from((None, *LINES)),
    )
    def command_is_taken(self, peer: str, edge: str, modem: str | None) -> None:
        request = SendRequest(to=(peer,), text="hello", modem=modem)
        command = accept.Command(
            request=request,
            checked=layout(request, (peer,), modem),
            digest="",
            origin=Origin(edge=edge),
            room=self.room,
            router=self.router,
            permit=self.rules.check,
        )
        result = self.desk.do(lambda tx: accept.accept(tx, command, self.new_id, self.desk.now))
        expected = self.refusal(peer, edge, (modem,) if modem else LINES)
        assert (result.error[0] if result.error else None) == expected
        if expected is None and edge == TWILIO:
            self.through_twilio.add(peer)

    @rule(line=st.sampled_from(LINES))
    def what_waits_is_sent(self, line: str) -> None:
        """A line takes all that it may take; what is barred by now fails."""
        waiting = self._messages(MessageFilter(direction="outbound", status="queued", limit=1000))
        sim, now = self.sims[line], self.desk.now
        for message in waiting:
            late = message.expires_at is not None and message.expires_at <= now
            if late or message.modem not in (None, line):
                continue
            segment = Segment(message_id=message.id, seq=1, state=SegmentState.PENDING, peer=message.peer)
            claimed = self.desk.do(partial(ledger.claim, segment=segment, sim=sim, now=now, bars=self.rules.bars))
            expected = self.refusal(message.peer, message.edge, (message.modem,) if message.modem else LINES)
            assert (claimed is None) == (expected is not None)
            after = self.desk.tx.messages.get(message.id)
            assert after is not None
            assert after.status is (Status.SENDING if claimed else Status.FAILED)
            assert (after.error[0] if after.error else None) == expected

    @rule(name=st.sampled_from(ListName), way=st.sampled_from(Way), pattern=st.sampled_from(PATTERNS))
    def entry_is_made(self, name: ListName, way: Way, pattern: str) -> None:
        entry = Entry(name=name, way=way, pattern=pattern, created_at=self.desk.now, created_by="test")
        kept = self.desk.do(lambda tx: tx.lists.add(entry))
        assert self.listed.setdefault((name, way, pattern), kept.n) == kept.n

    @precondition(lambda self: self.listed)
    @rule(data=st.data())
    def entry_is_unmade(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.listed)))
        assert self.desk.do(lambda tx: tx.lists.remove(key[0], self.listed.pop(key)))

    @rule(seconds=st.sampled_from((3600, 86_400)))
    def pass_time(self, seconds: int) -> None:
        self.desk.pass_time(seconds)

    # --- what always holds ---

    @invariant()
    def the_log_is_only_added_to(self) -> None:
        log = self._log()
        assert log[: len(self.log)] == self.log
        self.log = log

    @invariant()
    def every_word_is_logged_and_every_text_kept(self) -> None:
        assert Counter((e.peer, e.change.value) for e in self._log()) == Counter(
            (peer, WORDS[text]) for peer, text in self.said if WORDS[text]
        )
        kept = self._messages(MessageFilter(direction="inbound", blocked=None, limit=1000))
        assert Counter((m.peer, m.text) for m in kept) == Counter(self.said)
        shown = [e for e in self.desk.tx.events.after(0, 100_000) if e.event.kind == "inbox"]
        assert len({json.loads(e.event.payload)["message_id"] for e in shown}) == len(shown) == self.announced

    @invariant()
    def nobody_gets_more_answers_than_are_allowed(self) -> None:
        log = self._log()
        for entry in (each for each in log if each.reply_id):
            later = entry.at + REPLIES_WITHIN
            within = [e for e in log if e.peer == entry.peer and e.reply_id and entry.at <= e.at < later]
            assert len(within) <= MAX_REPLIES

    def teardown(self) -> None:
        self.desk.close()

    def _take(self, line: str, item: Item) -> None:
        sim = self.sims[line]
        box = Box(
            line=line,
            iccid=sim.iccid,
            number=sim.number,
            new_id=self.new_id,
            now=self.desk.now,
            compliance=self.rules,
        )
        self.desk.do(lambda tx: inbound.take(tx, box, [item]))

    def _messages(self, wanted: MessageFilter) -> list[Message]:
        found, before = self.desk.tx.messages.find(wanted)
        while before is not None:
            more, before = self.desk.tx.messages.find(replace(wanted, before=before))
            found += more
        return found

    def _log(self) -> list[Consent]:
        return self.desk.tx.consent.find(ConsentFilter(limit=1000))[::-1]

    def _answers(self) -> int:
        return sum(
            1 for message in self._messages(MessageFilter(direction="outbound", limit=1000)) if message.edge == EDGE
        )

    def _recent_replies(self, peer: str) -> int:
        since = self.desk.now - timedelta(hours=24)
        return sum(1 for e in self._log() if e.peer == peer and e.reply_id and e.at >= since)


class ConsentsOfTwilio(Consents):
    """Words count for what comes through the Twilio-compatible API alone."""

    scope = TWILIO


TestConsents = Consents.TestCase
TestConsents.settings = settings(stateful_step_count=25)
TestConsentsOfTwilio = ConsentsOfTwilio.TestCase
TestConsentsOfTwilio.settings = settings(stateful_step_count=25)
