"""The inbox against a model of network and modem: each text is shown once and whole, whatever happens in between.

Storages that fill up and are emptied out of order, crashes between listing, commit, delete and note, direct deliveries
that are not acknowledged and come again, parts in any order, a sender that never changes its reference, a clock that is
set back.
"""

from __future__ import annotations

import itertools
import json
from collections import Counter, deque
from dataclasses import dataclass, field, replace
from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gateway.messaging import inbound
from gateway.messaging.inbound import SECOND_WINDOW, Box
from tests.messaging.desk import Desk
from tests.messaging.rig import Item, deliver

SLOTS = 6
LONG = " and more of it" * 14
ICCID = "iccid-one"
STEADY = "+491718000000"
"""Never changes its concatenation reference, and sends one text after the other."""


@dataclass
class Modem:
    """What its storage holds, by slot."""

    slots: dict[int, Item] = field(default_factory=dict)

    def put(self, item: Item, slot: int) -> None:
        self.slots[slot] = replace(item, index=slot)


class Inbox(RuleBasedStateMachine):
    """`air`: what the network wants to deliver, in order; `unacknowledged`: what it will deliver once more."""

    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk()
        self.ids = itertools.count(1)
        self.listings = itertools.count(1)
        self.modem = Modem()
        self.air: deque[Item] = deque()
        self.unacknowledged: list[Item] = []
        self.sent: list[str] = []

    # --- the network ---

    @precondition(lambda self: len(self.sent) < 8)
    @rule(parts=st.sampled_from((1, 1, 2, 3)), steady=st.booleans(), order=st.randoms(use_true_random=False))
    def send(self, parts: int, steady: bool, order: object) -> None:
        n = len(self.sent)
        text = f"text {n}" + LONG * (parts - 1)
        self.sent.append(text)
        self.desk.at_network += timedelta(seconds=60)
        sender = STEADY if steady else f"+49171800{n:04d}"
        items = deliver(text, oa=sender, at=self.desk.at_network, ref=7 if steady else n)
        if not steady:
            order.shuffle(items)  # type: ignore[attr-defined]
        self.air.extend(items)

    @precondition(lambda self: self.air and len(self.modem.slots) < SLOTS)
    @rule(data=st.data(), count=st.integers(1, SLOTS))
    def stored(self, data: st.DataObject, count: int) -> None:
        """The network delivers to the storage, into any free slot."""
        free = [slot for slot in range(SLOTS) if slot not in self.modem.slots]
        for slot in data.draw(st.permutations(free))[:count]:
            if self.air:
                self.modem.put(self.air.popleft(), slot)

    @precondition(lambda self: self.air)
    @rule(stored=st.booleans(), acknowledged=st.booleans())
    def direct(self, stored: bool, acknowledged: bool) -> None:
        """The network delivers straight to us. What is not acknowledged it delivers again."""
        if self.modem.slots:
            return  # a modem is set to one way or the other
        item = replace(self.air[0], memory="", index=None)
        if stored:
            self.desk.do(lambda tx: inbound.take(tx, self._box(), [item]))
            if acknowledged:
                self.desk.do(lambda tx: inbound.released(tx, ICCID, [item], self.desk.now))
                self.air.popleft()

    # --- the gateway ---

    @rule(
        ends=st.sampled_from(("listed", "stored", "deleted", "noted", "noted", "noted")), deletes=st.integers(0, SLOTS)
    )
    def sweep(self, ends: str, deletes: int) -> None:
        """Lists, commits, deletes and notes; or crashes after one of these, having deleted some."""
        listing = next(self.listings)
        listed = [replace(item, listing=listing) for _, item in sorted(self.modem.slots.items())]
        self.desk.do(lambda tx: inbound.swept(tx, ICCID, "SM", listed, self.desk.now))
        if ends == "listed":
            return
        self.desk.do(lambda tx: inbound.take(tx, self._box(), listed))
        if ends == "stored":
            return
        gone = listed if ends == "noted" else listed[:deletes]
        for item in gone:
            assert item.index is not None
            del self.modem.slots[item.index]
        if ends == "noted":
            self.desk.do(lambda tx: inbound.released(tx, ICCID, gone, self.desk.now))

    @rule(seconds=st.sampled_from((1, 30, 3600)), back=st.sampled_from((0, 0, 7200)))
    def pass_time(self, seconds: int, back: int) -> None:
        self.desk.pass_time(seconds, back=back)

    @rule()
    def parts_are_overdue(self) -> None:
        """What waits for parts is shown as it is; the rest comes as a revision."""
        self.desk.pass_time(1)
        self.desk.do(lambda tx: inbound.deliver_overdue(tx, self.desk.now + timedelta(days=2), self.desk.now))

    def _box(self) -> Box:
        return Box(
            line="one", iccid=ICCID, number="+491700000001", new_id=lambda: f"SM{next(self.ids)}", now=self.desk.now
        )

    # --- what always holds ---

    def _shown(self) -> dict[str, str]:
        """Message id → its text as it was told last."""
        found: dict[str, str] = {}
        for stored in self.desk.tx.events.after(0, 10_000):
            if stored.event.kind == "inbox":
                event = json.loads(stored.event.payload)
                found[event["message_id"]] = event["text"]
        return found

    @invariant()
    def nothing_is_shown_that_was_not_sent(self) -> None:
        for text in self._shown().values():
            first, *rest = text.split("[…]")
            assert any(
                sent.startswith(first) and all(piece in sent for piece in rest) and (rest or text == sent)
                for sent in self.sent
            ), text

    @invariant()
    def no_text_is_shown_whole_twice(self) -> None:
        whole = Counter(text for text in self._shown().values() if "[…]" not in text)
        assert all(count == 1 for count in whole.values())

    @invariant()
    def nothing_is_called_unreadable(self) -> None:
        assert [stored for stored in self.desk.tx.events.after(0, 10_000) if stored.event.kind == "alert"] == []

    def teardown(self) -> None:
        """In the end everything is delivered, and every text was shown whole."""
        try:
            for _ in range(200):
                if not self.air and not self.modem.slots:
                    break
                for slot in range(SLOTS):
                    if slot not in self.modem.slots and self.air:
                        self.modem.put(self.air.popleft(), slot)
                self.desk.pass_time(SECOND_WINDOW.total_seconds() + 1)
                self.sweep("noted", 0)
            self.nothing_is_shown_that_was_not_sent()
            assert Counter(self._shown().values()) == Counter(self.sent)
        finally:
            self.desk.close()


TestInbox = Inbox.TestCase
TestInbox.settings = settings(stateful_step_count=40)
