"""Status reports against a network that knows what each one speaks of: whatever order, form and modem they come in.

Two SIMs, which change places between two modems; reports before the answer to the submit, after a restart, twice, with the
recipient in other forms, about nothing at all; references are few, so that most are in use by someone else too.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gateway.messaging import inbound, ledger, outbound
from gateway.messaging.content import build_pdus
from gateway.messaging.inbound import Box
from gateway.messaging.ledger import Policy, Sim
from gateway.messaging.model import LEFT, Message, Report, Segment, SegmentState, Status
from gateway.messaging.ports import Tx
from tests.messaging.desk import Desk
from tests.messaging.rig import NOT_SENT, Answer, Item, refused, report

SIMS = ("8949-a", "8949-b")
LINES = ("one", "two")
POLICY = Policy(max_attempts=6, on_unknown="resend", chance=lambda: 0.0)
REFERENCES = range(1, 5)

FORMS = {
    "+4915112345678": ("+4915112345678", "015112345678", "004915112345678", "15112345678"),
    "+4366412345678": ("+4366412345678", "066412345678"),  # the same last digits in another country
    "+4915112345679": ("+4915112345679", "015112345679"),
    "12345": ("12345",),
}
"""A recipient → how networks write it."""

DELIVERED = (0x00, 0x01, 0x02)
TRYING = (0x20, 0x25, 0x2F, 0x30, 0x3F)
GIVEN_UP = (0x40, 0x46, 0x63, 0x7F)
"""Values of TP-Status, 3GPP TS 23.040 clause 9.2.3.15."""

SAID = st.sampled_from((*DELIVERED, *TRYING, *TRYING, *GIVEN_UP))
DAYS = timedelta(days=6)
"""All of it lies within: later, a report is compared in other ways."""


@dataclass
class Text:
    """One text: what the network did with it, and what reports of it have been heard.

    `answered`: None while the modem has it in hand; else "sent", "untold" (without its reference) or "lost".
    """

    id: str
    peer: str
    sim: str
    line: str
    claimed: Segment
    mr: int | None = None
    taken_at: datetime | None = None
    answered: str | None = None
    was_lost: bool = False
    said: list[int] = field(default_factory=list)

    @property
    def suffix(self) -> tuple[str, str]:
        """By what a report is told apart, its reference aside."""
        return self.sim, self.peer[-7:]

    @property
    def final(self) -> bool:
        return bool({*self.said} & {*DELIVERED, *GIVEN_UP})

    @property
    def state(self) -> SegmentState:
        if self.answered is None:
            return SegmentState.SUBMITTING
        if {*self.said} & {*DELIVERED}:
            return SegmentState.DELIVERED  # that it arrived is the last word
        if {*self.said} & {*GIVEN_UP}:
            return SegmentState.UNDELIVERED
        return SegmentState.UNKNOWN if self.answered == "lost" and not self.said else SegmentState.SENT


Key = tuple[str, int, str, int, datetime | None]


def key(report: Report) -> Key:
    return report.iccid, report.mr, report.peer, report.st, report.scts


class Receipts(RuleBasedStateMachine):
    """`places`: which SIM is in which modem; `waiting`: words that count once the text in hand is answered."""

    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk()
        self.texts: list[Text] = []
        self.places = dict(zip(LINES, SIMS, strict=True))
        self.hands: dict[str, Text] = {}
        self.waiting: list[tuple[Text, int, Key]] = []
        self.strange: set[Key] = set()
        self.heard: list[tuple[str, Item]] = []
        self.ids, self.slots = itertools.count(1), itertools.count(1)
        self.began = self.desk.now

    def teardown(self) -> None:
        self.desk.close()

    # --- texts go out ---

    @precondition(lambda self: len(self.hands) < len(LINES) and len(self.texts) < 12)
    @rule(data=st.data(), peer=st.sampled_from(sorted(FORMS)))
    def submit(self, data: st.DataObject, peer: str) -> None:
        line = data.draw(st.sampled_from(sorted({*LINES} - {*self.hands})))
        iccid = self.places[line]
        message = Message(
            id=f"SM{next(self.ids)}",
            direction="outbound",
            peer=peer,
            status=Status.QUEUED,
            created_at=self.desk.now,
            updated_at=self.desk.now,
            text="hello",
            segments=1,
        )

        def claim(tx: Tx) -> Segment | None:
            tx.messages.insert(message)
            [segment] = ledger.prepare(tx, message, line, build_pdus(message, ref=1, reports=True))
            return ledger.claim(tx, segment, Sim(line=line, imei=line, iccid=iccid, number=""), self.desk.now)

        claimed = self.desk.do(claim)
        assert claimed is not None
        text = Text(id=message.id, peer=peer, sim=iccid, line=line, claimed=claimed)
        self.texts.append(text)
        self.hands[line] = text
        self.desk.pass_time(1)

    @precondition(lambda self: any(text.mr is None for text in self.hands.values()))
    @rule(data=st.data())
    def network_takes(self, data: st.DataObject) -> None:
        """A reference comes round when 256 texts have left: not while an earlier text to the same number is open."""
        text = data.draw(st.sampled_from([each for each in self.hands.values() if each.mr is None]))
        used = {each.mr for each in self.texts if each.suffix == text.suffix and not each.final}
        free = [mr for mr in REFERENCES if mr not in used]
        if free:
            text.mr, text.taken_at = data.draw(st.sampled_from(free)), self.desk.at_network
            self.desk.pass_time(1)

    @precondition(lambda self: self.hands)
    @rule(data=st.data(), told=st.booleans())
    def answer(self, data: st.DataObject, told: bool) -> None:
        text = data.draw(st.sampled_from(list(self.hands.values())))
        if text.mr is None:
            self._settle(text, data.draw(st.sampled_from((NOT_SENT, refused("permanent")))), "lost")
            self.texts.remove(text)
        elif told or self._unproved(text):
            self._settle(text, Answer(outcome="sent", mr=text.mr), "sent")
        else:
            self._settle(text, Answer(outcome="sent", mr=None), "untold")

    def _settle(self, text: Text, answer: Answer, how: str) -> None:
        outcome = ledger.judge(answer)
        self.desk.do(lambda tx: outbound.settle(tx, text.claimed, outcome, POLICY, self.desk.now))
        self._answered(text, how)

    def _answered(self, text: Text, how: str) -> None:
        del self.hands[text.line]
        text.answered, text.was_lost = how, how == "lost"
        for about, said, _ in [each for each in self.waiting if each[0].suffix == text.suffix]:
            about.said.append(said)
        self.waiting = [each for each in self.waiting if each[0].suffix != text.suffix]

    def _unproved(self, text: Text) -> bool:
        """Whether an earlier text to the same number waits for a report that it cannot be told by."""
        return any(
            each.suffix == text.suffix and each.answered in ("lost", "untold") and not each.final for each in self.texts
        )

    @rule()
    def restart(self) -> None:
        """What a modem had in hand is of unknown outcome. Of two such texts to one number reports cannot tell which is which."""
        for text in list(self.hands.values()):
            if self._unproved(text):
                self._settle(text, Answer(outcome="sent", mr=text.mr), "sent" if text.mr else "untold")
        self.desk.do(lambda tx: outbound.recover(tx, POLICY, self.desk.now))
        for text in list(self.hands.values()):
            self._answered(text, "lost")

    @precondition(lambda self: not self.hands)
    @rule()
    def sims_change_places(self) -> None:
        self.places = dict(zip(LINES, reversed(list(self.places.values())), strict=True))

    # --- reports come in ---

    @precondition(lambda self: any(text.mr for text in self.texts))
    @rule(data=st.data(), said=SAID)
    def report(self, data: st.DataObject, said: int) -> None:
        text = data.draw(st.sampled_from([each for each in self.texts if each.mr]))
        assert text.mr is not None
        assert text.taken_at is not None
        form = data.draw(st.sampled_from(FORMS[text.peer]))
        item = report(text.mr, form, at=text.taken_at, discharged=self.desk.at_network, st=said, index=next(self.slots))
        self._hear(text.sim, item)
        in_hand = any(each.suffix == text.suffix for each in self.hands.values())
        if text.answered is None or (in_hand and text.answered != "sent" and not text.said):
            self.waiting.append((text, said, (text.sim, text.mr, form, said, text.taken_at)))
        else:
            text.said.append(said)

    @rule(
        iccid=st.sampled_from(SIMS),
        peer=st.sampled_from(sorted(FORMS)),
        mr=st.sampled_from((*REFERENCES, 200)),
        said=SAID,
    )
    def report_about_nothing(self, iccid: str, peer: str, mr: int, said: int) -> None:
        """What another device sent with that SIM, or what was forgotten: of the same number, reference or SIM, not of all."""
        alike = [each for each in self.texts if each.suffix == (iccid, peer[-7:])]
        if any(each.mr == mr or each.answered != "sent" for each in alike):
            return
        self._hear(iccid, report(mr, peer, at=self.desk.at_network, st=said, index=next(self.slots)))
        self.strange.add((iccid, mr, peer, said, self.desk.at_network))
        self.desk.pass_time(1)

    @precondition(lambda self: self.heard)
    @rule(data=st.data(), elsewhere=st.booleans())
    def same_again(self, data: st.DataObject, elsewhere: bool) -> None:
        """From the slot whose delete was not confirmed, or stored again in another one."""
        iccid, item = data.draw(st.sampled_from(self.heard))
        index = next(self.slots) if elsewhere else item.index
        self._take(iccid, Item(pdu=item.pdu, length=item.length, memory="SR", index=index, kind=item.kind))

    @precondition(lambda self: self.heard)
    @rule(data=st.data())
    def slot_is_free(self, data: st.DataObject) -> None:
        iccid, item = data.draw(st.sampled_from(self.heard))
        self.desk.do(lambda tx: inbound.released(tx, iccid, [item], self.desk.now))

    def _hear(self, iccid: str, item: Item) -> None:
        self.heard.append((iccid, item))
        self._take(iccid, item)

    def _take(self, iccid: str, item: Item) -> None:
        line = next(name for name, sim in self.places.items() if sim == iccid)
        box = Box(line=line, iccid=iccid, number="", new_id=lambda: "unused", now=self.desk.now)
        self.desk.do(lambda tx: inbound.take(tx, box, [item]))

    @precondition(lambda self: self.desk.now < self.began + DAYS)
    @rule(seconds=st.sampled_from((1, 10, 1000, 20_000)))
    def pass_time(self, seconds: int) -> None:
        self.desk.pass_time(seconds)

    # --- what always holds ---

    @invariant()
    def every_text_is_what_its_reports_say(self) -> None:
        for text in self.texts:
            [segment] = self.desk.tx.segments.of(text.id)
            assert segment.state is text.state, (text, segment)

    @invariant()
    def what_belongs_to_nothing_is_kept_and_shown(self) -> None:
        shown = {key(each) for each in self.desk.tx.reports.leftover(1000)}
        assert shown == self.strange | {each for _, _, each in self.waiting}

    @invariant()
    def each_status_is_told_once_and_none_skips_sent(self) -> None:
        told: dict[str, list[str]] = {text.id: [] for text in self.texts}
        for stored in self.desk.tx.events.after(0, 10_000):
            if stored.event.subject in told:
                told[stored.event.subject].append(str(json.loads(stored.event.payload)["status"]))
        for text in self.texts:
            expected = ["unknown"] if text.was_lost else []
            expected += ["sent"] if text.state in LEFT else []
            failed_first = next((word in GIVEN_UP for word in text.said if word not in TRYING), False)
            expected += ["undelivered"] if failed_first else []
            expected += ["delivered"] if text.state is SegmentState.DELIVERED else []
            assert told[text.id] == expected, text


TestReceipts = Receipts.TestCase
TestReceipts.settings = settings(max_examples=70, stateful_step_count=40)
