"""Outcomes that are known late: by the next reference, by a report after the policy, or never, when the SIM stays away."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.messaging import outbound
from gateway.messaging.chain import MAX_LOST, Chain, Proof
from gateway.messaging.model import Segment, SegmentState
from tests.messaging.rig import UNKNOWN, Answer, Port, Rig, late, refused, report, rig, run, until

LOST = [Segment(message_id=f"SM{n}", seq=1, state=SegmentState.UNKNOWN, ordinal=n) for n in range(MAX_LOST + 1)]
TO = "+4915112345678"


# --- the chain of references ------------------------------------------------------------------------------------------


@given(first=st.integers(0, 255), arrived=st.lists(st.booleans(), max_size=MAX_LOST))
def test_a_gap_tells_all_or_nothing(first: int, arrived: list[bool]) -> None:
    """Whatever is proved is true; all alike is always proved, a mixture never."""
    chain = Chain()
    assert chain.told(first) == ()
    references: list[int | None] = []
    count = first
    for segment, took in zip(LOST, arrived, strict=False):
        chain.unanswered(segment)
        count = (count + took) % 256
        references.append(count if took else None)
    proofs = chain.told((count + 1) % 256)
    if arrived and len(set(arrived)) == 1:
        assert proofs == tuple(
            Proof(segment=segment, mr=mr) for segment, mr in zip(LOST, references, strict=False) if segment
        )
    else:
        assert proofs == ()


def test_a_chain_begins_anew() -> None:
    chain = Chain()
    chain.told(5)
    chain.unanswered(LOST[0])
    chain.forget()
    assert chain.told(7) == ()
    chain.unanswered(LOST[0])
    assert chain.told(None) == ()  # accepted, but without a reference
    chain.unanswered(LOST[0])
    assert chain.told(9) == ()
    for segment in LOST:
        chain.unanswered(segment)
    assert chain.told(10) == ()  # too many


class Counting(Port):
    """A modem whose references count accepted messages. `swallow`: the network takes it, and the answer is lost."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.counts_accepted = True
        self.words: list[str] = []
        self.count = 200

    async def submit(self, pdu: str, length: int, *, gate: object = None) -> Answer:
        word = self.words.pop(0) if self.words else "sent"
        if word == "lost":
            self.answers.append(UNKNOWN)
        elif word == "refused":
            self.answers.append(refused("retry"))
        else:
            self.count = (self.count + 1) % 256
            self.answers.append(Answer(outcome="sent", mr=self.count))
        answer = await super().submit(pdu, length, gate=gate)  # type: ignore[arg-type]
        return UNKNOWN if word == "swallow" else answer


async def counting(box: Rig, *words: str) -> Counting:
    port = box.ports["one"]
    assert isinstance(port, Counting)
    port.words.extend(words)
    await box.ready()
    return port


@pytest.mark.parametrize(
    ("word", "statuses", "sends"),
    [
        ("lost", ["queued", "unknown", "queued", "sent"], 1),  # last + 1: it never left
        ("swallow", ["queued", "unknown", "sent"], 1),  # last + 2: it had
    ],
)
def test_the_next_reference_settles_a_lost_answer(tmp_path: Path, word: str, statuses: list[str], sends: int) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, port_type=Counting) as box:
            port = await counting(box, "sent", word, "sent")
            first = (await box.send(text="first")).message_ids[0]
            await box.becomes(first, "sent")
            doubtful = (await box.send(text="doubtful")).message_ids[0]
            await box.becomes(doubtful, "unknown")
            await box.becomes((await box.send(text="third")).message_ids[0], "sent")
            assert await box.becomes(doubtful, "sent") in (statuses, [s for n, s in enumerate(statuses) if n != 2])
            assert [text for _, text, _ in port.taken].count("doubtful") == sends
            timeline = (await box.service.message(doubtful))[2]
            assert any("the next reference shows" in entry.detail for entry in timeline)
            if word == "swallow":  # and the reference that it must have got finds its report
                await box.receive(report(202, at=box.clock.now()))
                await box.becomes(doubtful, "delivered")

    run(scenario())


@pytest.mark.parametrize("between", ["mixture", "connection", "profile"])
def test_what_a_reference_does_not_settle(tmp_path: Path, between: str) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, port_type=Counting) as box:
            port = await counting(box, "sent", "lost", "swallow", "sent")
            port.counts_accepted = between != "profile"
            first = (await box.send(text="first")).message_ids[0]
            await box.becomes(first, "sent")
            doubtful = [(await box.send(text=f"doubtful {n}")).message_ids[0] for n in range(2)]
            for each in doubtful:
                await box.becomes(each, "unknown")
            if between == "connection":  # the modem may have lost its power, and with it its count
                box.down()
                await box.ready()
            await box.becomes((await box.send(text="third")).message_ids[0], "sent")
            await box.idle()
            assert [(await box.statuses(each))[-1] for each in doubtful] == ["unknown", "unknown"]

    run(scenario())


# --- a report after the policy has decided ----------------------------------------------------------------------------


async def given_up(box: Rig, **command: object) -> str:
    """A text of which the answer was lost, and which the policy let fail."""
    box.ports["one"].answers.append(UNKNOWN)
    await box.ready()
    message_id = (await box.send(**command)).message_ids[0]  # type: ignore[arg-type]
    await box.becomes(message_id, "unknown")
    await box.sweep()
    box.pass_time(601)
    await box.becomes(message_id, "failed")
    return message_id


@pytest.mark.parametrize(
    ("words", "statuses"),
    [
        ([0x00], ["sent", "delivered"]),
        ([0x22], ["sent"]),
        ([0x22, 0x00], ["sent", "delivered"]),
        ([0x46], ["sent", "undelivered"]),
    ],
)
def test_a_report_puts_a_wrong_record_right(tmp_path: Path, words: list[int], statuses: list[str]) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, on_unknown="fail") as box:
            message_id = await given_up(box)
            taken_at = box.clock.now()
            for n, word in enumerate(words, 1):
                box.clock.advance(10)
                await box.receive(report(9, at=taken_at, discharged=box.clock.now(), st=word, index=n))
            assert await box.statuses(message_id) == ["queued", "unknown", "failed", *statuses]
            message, (segment,), _ = await box.service.message(message_id)
            assert message.error is None or message.error[0] == "undelivered"
            assert segment.state.value == statuses[-1]

    run(scenario())


def test_a_failed_text_does_not_go_on_when_its_first_part_turns_out_to_have_left(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            port = box.ports["one"]
            message_id = await given_up(box, text="0123456789" * 40, at_most_once=True)
            await box.receive(report(9, at=box.clock.now()))
            await box.idle()
            message, segments, _ = await box.service.message(message_id)
            assert message.status == "failed"
            assert message.error == ("partially_sent", "1 of 3 segments left")
            assert segments[0].state is SegmentState.DELIVERED
            assert len(port.offered) == 1

    run(scenario())


def test_a_text_that_was_refused_for_good_is_not_brought_back(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            box.ports["one"].answers.append(refused("permanent"))
            await box.ready()
            message_id = (await box.send()).message_ids[0]
            await box.becomes(message_id, "failed")
            await box.receive(report(9, at=box.clock.now()))
            assert await box.statuses(message_id) == ["queued", "failed"]

    run(scenario())


async def repeated(box: Rig, **command: object) -> str:
    """A text whose first attempt got no answer, and which the policy has sent again."""
    box.ports["one"].answers.extend([UNKNOWN, Answer(outcome="sent", mr=20)])
    await box.ready()
    message_id = (await box.send(**command)).message_ids[0]  # type: ignore[arg-type]
    await box.becomes(message_id, "unknown")
    await box.sweep()
    box.pass_time(601)
    await until(lambda: len(box.ports["one"].offered) >= 2, "the second attempt")
    return message_id


def test_a_report_on_the_first_attempt_proves_nothing_of_the_next_segment(tmp_path: Path) -> None:
    """It would pass for the next segment's, which then were never sent: the text would arrive with a hole."""

    async def scenario() -> None:
        async with rig(tmp_path) as box:
            port = box.ports["one"]
            port.answers.extend([UNKNOWN, Answer(outcome="sent", mr=20), UNKNOWN])
            await box.ready()
            message_id = (await box.send(text="0123456789" * 40)).message_ids[0]
            await box.becomes(message_id, "unknown")
            first_attempt = box.clock.now()
            await box.sweep()
            box.pass_time(601)
            await until(lambda: len(port.offered) == 3, "the second segment")

            async def doubtful() -> bool:
                return [each.state.value for each in await box.segments(message_id)][:2] == ["sent", "unknown"]

            await until(doubtful, "the second segment to be unknown")
            await box.receive(report(19, at=first_attempt))
            assert [each.state.value for each in await box.segments(message_id)][:2] == ["delivered", "unknown"]
            await box.receive(report(21, at=box.clock.now(), index=2))  # and this one is about the second
            assert [each.state.value for each in await box.segments(message_id)][:2] == ["delivered", "delivered"]
            await until(lambda: len(port.offered) == 4, "the third segment")

    run(scenario())


def test_a_report_on_the_first_attempt_is_not_awaited_once_the_second_was_taken_later(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            message_id = await repeated(box)
            await box.becomes(message_id, "sent")
            await box.receive(report(20, at=box.clock.now()))
            await box.becomes(message_id, "delivered")
            box.ports["one"].answers.append(UNKNOWN)
            box.clock.advance(60)
            other = (await box.send(text="another")).message_ids[0]
            await box.becomes(other, "unknown")
            await box.receive(report(21, at=box.clock.now(), index=2))
            await box.becomes(other, "delivered")

    run(scenario())


def test_what_waits_to_be_repeated_is_not_when_a_report_comes_first(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            port = box.ports["one"]
            port.answers.append(UNKNOWN)
            await box.ready()
            message_id = (await box.send()).message_ids[0]
            await box.becomes(message_id, "unknown")
            await box.sweep()
            segment = (await box.segments(message_id))[0]
            policy = box.service._policy
            now = box.clock.now()
            box.service._senders._draining = True  # the moment between the policy and the next attempt
            await box.store.write(lambda tx: outbound.give_up_waiting(tx, segment, policy, now))
            assert (await box.statuses(message_id))[-1] == "queued"
            await box.receive(report(9, at=now))
            assert (await box.statuses(message_id))[-2:] == ["sent", "delivered"]
            box.service._senders._draining = False
            box.service._senders.offer(0)
            await box.idle()
            assert len(port.offered) == 1

    run(scenario())


@pytest.mark.parametrize(("status", "state"), [(0x00, "delivered"), (0x46, "sent"), (0x22, "sent")])
def test_that_the_first_attempt_arrived_is_news_too(tmp_path: Path, status: int, state: str) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            message_id = await repeated(box)
            await box.becomes(message_id, "sent")
            await box.receive(report(19, at=box.clock.now(), st=status))
            assert [each.state.value for each in await box.segments(message_id)] == [state]
            timeline = (await box.service.message(message_id))[2]
            assert any("earlier attempt" in entry.detail for entry in timeline)
            await box.receive(report(20, at=box.clock.now(), index=2))
            await box.becomes(message_id, "delivered")

    run(scenario())


# --- nothing will be known ----------------------------------------------------------------------------------------------


def test_an_unknown_text_whose_sim_stays_away_ends_with_its_expiry(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            box.ports["one"].answers.append(UNKNOWN)
            await box.ready()
            expires = box.clock.now() + timedelta(hours=2)
            message_id = (await box.send(expires_at=expires, ordered=True)).message_ids[0]
            behind = (await box.send(text="behind", modem="one")).message_ids[0]
            await box.becomes(message_id, "unknown")
            box.down()
            box.pass_time(3600)
            await box.idle()
            assert (await box.statuses(message_id))[-1] == "unknown"
            box.pass_time(3601)
            await box.becomes(message_id, "failed")
            assert (await box.service.message(message_id))[0].error[0] == "outcome_unknown"  # type: ignore[index]
            assert [each["code"] for each in await box.events("alert")] == ["outcome_unknown"]
            await box.ready()
            await box.becomes(behind, "sent")
            await box.receive(report(99, at=box.clock.now()))  # and if it had left after all
            await box.becomes(message_id, "delivered")

    run(scenario())


def test_an_expired_unknown_text_waits_for_the_sim_that_is_on_its_way_back(tmp_path: Path) -> None:
    """After a restart the expiry may be over before the modem is set up again; its storage may hold the report."""

    async def scenario() -> None:
        async with rig(tmp_path) as box:
            box.ports["one"].answers.append(UNKNOWN)
            await box.ready()
            expires = box.clock.now() + timedelta(seconds=5)
            message_id = (await box.send(expires_at=expires)).message_ids[0]
            await box.becomes(message_id, "unknown")
        clock = box.clock
        clock.advance(3600)
        async with rig(tmp_path, clock=clock) as box:
            await until(lambda: box.service._timers._seen_at, "the timers to look")
            assert (await box.statuses(message_id))[-1] == "unknown"
            await box.ready(late=late(mr=4))
            await box.becomes(message_id, "sent")

    run(scenario())


def test_without_an_expiry_it_ends_when_no_report_can_come_any_more(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            box.ports["one"].answers.append(UNKNOWN)
            await box.ready()
            message_id = (await box.send()).message_ids[0]
            await box.becomes(message_id, "unknown")
            box.down()
            await until(lambda: box.service._timers._seen_at, "the timers to look")
            box.pass_time(8 * 86400)
            await box.idle()
            assert (await box.statuses(message_id))[-1] == "unknown"
            box.pass_time(601)
            await box.becomes(message_id, "failed")

    run(scenario())


def test_what_is_proved_unsent_after_its_last_attempt_fails_with_a_reason(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, max_attempts=1) as box:
            port = box.ports["one"]
            port.counts_accepted = True
            port.answers.extend([Answer(outcome="sent", mr=1), UNKNOWN, Answer(outcome="sent", mr=2)])
            await box.ready()
            ids = []
            for n, status in enumerate(("sent", "unknown", "sent")):
                ids.append((await box.send(to=f"+491511234567{n}")).message_ids[0])
                await box.becomes(ids[-1], status)
            await box.becomes(ids[1], "failed")
            message, (segment,), timeline = await box.service.message(ids[1])
            assert message.error == ("modem_error", "it did not leave, and was tried often enough")
            assert segment.error == timeline[-1].detail == message.error[1]

    run(scenario())
