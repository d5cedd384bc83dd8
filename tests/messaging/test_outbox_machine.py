"""The outbox against a model of the network: whatever happens in whatever order, what is called sent has left.

Every outcome of a submit, crashes, late answers, reports (late, twice, about earlier attempts), references as evidence,
policy, cancelling, expiry and a wall clock that is set back, on two SIMs.
"""

from __future__ import annotations

import json
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gateway.errors import RequestError
from gateway.messaging import ledger, outbound, receipts
from gateway.messaging.chain import Chain
from gateway.messaging.content import build_pdus
from gateway.messaging.ledger import Policy, Sim
from gateway.messaging.model import LEFT, Message, Report, Segment, SegmentState, Status, Wanted
from gateway.messaging.ports import Tx
from tests.messaging.desk import Desk
from tests.messaging.rig import NOT_SENT, UNKNOWN, Answer, late, refused

LINES = ("one", "two")
SIMS = {name: Sim(line=name, imei=f"imei-{name}", iccid=f"iccid-{name}", number="") for name in LINES}
POLICY = Policy(max_attempts=6, on_unknown="resend", chance=lambda: 0.0)
LONG = "0123456789" * 40

TOOK = frozenset({"sent", "arrived", "ambiguous, taken"})
"""Words for outcomes where the network took the segment."""

ANSWERS = {
    "arrived": UNKNOWN,
    "lost": UNKNOWN,
    "ambiguous": refused("ambiguous", 3),
    "ambiguous, taken": refused("ambiguous", 3),
    "not_sent": NOT_SENT,
    "retry": refused("retry"),
    "retry twice": refused("retry", 2),
    "permanent": refused("permanent"),
    "local": refused("local"),
    "no validity": refused("no_validity"),
}
WORDS = ("sent", "sent", "sent", *ANSWERS)

NEXT = {
    "queued": {"sent", "unknown", "failed", "canceled"},
    "unknown": {"queued", "sent", "failed", "unknown"},
    "sent": {"delivered", "undelivered"},
    "undelivered": {"delivered"},
    "delivered": set(),
    "failed": {"sent"},  # a report came after all
    "canceled": {"sent"},  # and here the lost attempt before the repeat had left
}


@dataclass(frozen=True, slots=True)
class Take:
    """A segment as the network took it."""

    message_id: str
    seq: int
    line: str
    mr: int
    scts: datetime
    peer: str


class Outbox(RuleBasedStateMachine):
    """`hands`: what each modem was given; `owed`: what the answer to its last lost submit would be."""

    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk()
        self.ids: list[str] = []
        self.hands: dict[str, Segment] = {}
        self.owed: dict[str, Answer] = {}
        self.takes: list[Take] = []
        self.repeats: Counter[tuple[str, int]] = Counter()
        self.references = dict.fromkeys(LINES, 100)
        self.chains = {name: Chain() for name in LINES}

    def teardown(self) -> None:
        self.desk.close()

    # --- commands ---

    @precondition(lambda self: len(self.ids) < 6)
    @rule(
        text=st.sampled_from(("short", LONG)),
        ordered=st.booleans(),
        once=st.booleans(),
        validity=st.sampled_from((None, 3600)),
        expires=st.sampled_from((None, None, 5000)),
    )
    def accept(self, text: str, ordered: bool, once: bool, validity: int | None, expires: int | None) -> None:
        message = Message(
            id=f"SM{len(self.ids)}",
            direction="outbound",
            peer=f"+49151000000{len(self.ids):02d}",
            status=Status.QUEUED,
            created_at=self.desk.now,
            updated_at=self.desk.now,
            text=text,
            segments=1 if text == "short" else 3,
            validity_s=validity,
            ordered=ordered,
            at_most_once=once,
            expires_at=None if expires is None else self.desk.now + timedelta(seconds=expires),
        )
        self.ids.append(message.id)
        self.desk.do(lambda tx: tx.messages.insert(message))

    @precondition(lambda self: self.ids)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        message_id = data.draw(st.sampled_from(self.ids))
        with suppress(RequestError):  # it may have left, or be over
            self.desk.do(lambda tx: outbound.cancel(tx, message_id, self.desk.now))

    # --- the modems ---

    @rule(line=st.sampled_from(LINES))
    def claim(self, line: str) -> None:
        if line in self.hands:
            return
        segment = self.desk.do(lambda tx: self._claim(tx, SIMS[line]))
        if segment is not None:
            self.hands[line] = segment

    def _claim(self, tx: Tx, sim: Sim) -> Segment | None:
        wanted = Wanted(iccid=sim.iccid, now=self.desk.now, limit=10)
        for message in (*tx.messages.begun(wanted), *tx.messages.in_queue(0, [0], 1, wanted)):
            segments = tx.segments.of(message.id)
            if all(each.state is SegmentState.PENDING and each.line != sim.line for each in segments):
                ref = tx.segments.next_reference(sim.line, message.peer)
                segments = ledger.prepare(tx, message, sim.line, build_pdus(message, ref=ref, reports=True))
            waiting = [each for each in segments if each.state is SegmentState.PENDING]
            assert waiting, "what is sendable has something to send"
            if (claimed := ledger.claim(tx, waiting[0], sim, self.desk.now)) is not None:
                return claimed
        return None

    @precondition(lambda self: self.hands)
    @rule(data=st.data(), word=st.sampled_from(WORDS))
    def answer(self, data: st.DataObject, word: str) -> None:
        line = data.draw(st.sampled_from(sorted(self.hands)))
        segment = self.hands.pop(line)
        mr = self._take(segment, line) if word in TOOK else None
        answer = Answer(outcome="sent", mr=mr) if word == "sent" else ANSWERS[word]
        self.owed.pop(line, None)
        if word in ("arrived", "lost"):
            self.owed[line] = late(mr=mr) if word == "arrived" else late(cause="retry")
        outcome = ledger.judge(answer)
        chain = self.chains[line]
        if outcome.state is SegmentState.UNKNOWN:
            chain.unanswered(segment)
        proofs = chain.told(outcome.mr) if outcome.state is SegmentState.SENT else ()

        def settle(tx: Tx) -> None:
            outbound.settle(tx, segment, outcome, POLICY, self.desk.now)
            for proof in proofs:
                outbound.settle_proved(tx, proof, POLICY, self.desk.now)

        self.desk.do(settle)

    def _take(self, segment: Segment, line: str) -> int:
        mr = self.references[line] = (self.references[line] + 1) % 256
        self.desk.pass_time(1)
        self.takes.append(Take(segment.message_id, segment.seq, line, mr, self.desk.at_network, segment.peer))
        return mr

    @precondition(lambda self: self.owed)
    @rule(data=st.data())
    def late_answer(self, data: st.DataObject) -> None:
        line = data.draw(st.sampled_from(sorted(self.owed)))
        answer = self.owed.pop(line)
        if line not in self.hands:  # a modem answers in order
            self.desk.do(lambda tx: outbound.settle_late(tx, SIMS[line], answer, POLICY, self.desk.now))

    @rule(took=st.booleans())
    def crash(self, took: bool) -> None:
        for line, segment in self.hands.items():
            mr = self._take(segment, line) if took else None
            self.owed[line] = late(mr=mr) if took else late(cause="retry")
        self.hands.clear()
        for chain in self.chains.values():
            chain.forget()
        self.desk.do(lambda tx: outbound.recover(tx, POLICY, self.desk.now))

    # --- what is known later ---

    @precondition(lambda self: self.takes)
    @rule(data=st.data(), status=st.sampled_from((0x00, 0x00, 0x22, 0x46)))
    def report(self, data: st.DataObject, status: int) -> None:
        take = data.draw(st.sampled_from(self.takes))
        report = Report(
            iccid=SIMS[take.line].iccid,
            mr=take.mr,
            peer=take.peer,
            st=status,
            received_at=self.desk.now,
            scts=take.scts,
        )
        self.desk.do(lambda tx: receipts.take_report(tx, report, self.desk.now))

    @rule(data=st.data(), away=st.booleans())
    def no_evidence(self, data: st.DataObject, away: bool) -> None:
        unknown = self.desk.tx.segments.in_states((SegmentState.UNKNOWN,))
        if not unknown:
            return
        segment = data.draw(st.sampled_from(unknown))
        message = self.desk.tx.messages.get(segment.message_id)
        assert message is not None
        if away and message.expires_at is not None and message.expires_at <= self.desk.now:
            self.desk.do(lambda tx: outbound.end_unknown(tx, segment, self.desk.now))
            return
        self.desk.do(lambda tx: outbound.give_up_waiting(tx, segment, POLICY, self.desk.now))
        if self._states(segment.message_id)[segment.seq] is SegmentState.PENDING:
            self.repeats[segment.message_id, segment.seq] += 1
            assert not message.at_most_once

    @rule(seconds=st.sampled_from((1, 10, 100, 1000)), back=st.sampled_from((0, 0, 0, 3600)))
    def pass_time(self, seconds: int, back: int) -> None:
        self.desk.pass_time(seconds, back=back)
        self.desk.do(lambda tx: outbound.expire_overdue(tx, self.desk.now))

    # --- what always holds ---

    def _states(self, message_id: str) -> dict[int, SegmentState]:
        return {each.seq: each.state for each in self.desk.tx.segments.of(message_id)}

    @invariant()
    def what_is_called_sent_has_left(self) -> None:
        taken = {(take.message_id, take.seq) for take in self.takes}
        for message_id in self.ids:
            for seq, state in self._states(message_id).items():
                assert state not in LEFT or (message_id, seq) in taken, (message_id, seq, state)

    @invariant()
    def only_what_the_policy_repeated_was_taken_again(self) -> None:
        taken = Counter((take.message_id, take.seq) for take in self.takes)
        for segment, count in taken.items():
            assert count <= 1 + self.repeats[segment], segment

    @invariant()
    def a_modem_has_one_segment_in_hand(self) -> None:
        submitting = self.desk.tx.segments.in_states((SegmentState.SUBMITTING,))
        assert {each.line: (each.message_id, each.seq) for each in submitting} == {
            line: (each.message_id, each.seq) for line, each in self.hands.items()
        }

    @invariant()
    def segments_of_a_text_that_left_are_on_one_sim(self) -> None:
        for message_id in self.ids:
            left = {each.iccid for each in self.desk.tx.segments.of(message_id) if each.state in LEFT}
            assert len(left) <= 1

    @invariant()
    def statuses_follow_each_other(self) -> None:
        last: dict[str, str] = {}
        for stored in self.desk.tx.events.after(0, 10_000):
            if stored.event.kind != "message.status":
                continue
            status = str(json.loads(stored.event.payload)["status"])
            message_id = stored.event.subject
            assert status in NEXT[last.get(message_id, "queued")], (message_id, last.get(message_id), status)
            last[message_id] = status

    @invariant()
    def the_count_of_what_left_is_right(self) -> None:
        for message_id in self.ids:
            message = self.desk.tx.messages.get(message_id)
            assert message is not None
            states = self._states(message_id).values()
            assert message.segments_sent == sum(state in LEFT for state in states)


TestOutbox = Outbox.TestCase
TestOutbox.settings = settings(stateful_step_count=40)
