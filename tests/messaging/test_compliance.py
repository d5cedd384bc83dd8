"""Opt-out words and lists over the real rules: who may not be written to, what is answered, and what is kept in silence."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import RequestError
from gateway.messaging.accept import CommandResult
from gateway.messaging.compliance import MAX_REPLIES, REPLIES_WITHIN, Terms
from gateway.messaging.consent import ConsentFilter, Entry, ListName, Way
from gateway.messaging.model import TWILIO, MessageFilter, Origin
from gateway.messaging.words import REPLIES, Change, Words
from gateway.pdu import Address, Dcs, Deliver, Timestamp, encode_frame, segment
from tests.messaging.rig import Item, Rig, deliver, rig, run, until

ANNA = "+4915112345678"
OTHER = "+4915199999999"
FROM_TWILIO = Origin(edge=TWILIO, wants_result=True)
GOODBYE = REPLIES["en"][Change.OPT_OUT]
ALL = {"compliance": Terms(scope="all")}


async def says(rigged: Rig, text: str, oa: str = ANNA, line: str = "one", **more: Any) -> None:
    """A text comes in, each a minute after the one before."""
    rigged.clock.advance(60)
    items = deliver(text, oa=oa, at=rigged.clock.now(), **more)
    await rigged.receive(*items, line=line)
    await rigged.released(*items, line=line)


async def twilio(rigged: Rig, to: str = ANNA, text: str = "offer", **more: Any) -> CommandResult:
    return await rigged.send(to, text, origin=FROM_TWILIO, **more)


async def log_of(rigged: Rig, **wanted: Any) -> list[tuple[str, str]]:
    """(peer, change), oldest first."""
    return [(e.peer, e.change.value) for e in reversed(await rigged.service.lists.consent(ConsentFilter(**wanted)))]


def code(result: CommandResult) -> str:
    return result.error[0] if result.error else result.status


def test_a_word_stops_the_twilio_api_alone_unless_told_otherwise(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as rigged:
            await rigged.ready()
            assert code(await twilio(rigged)) == "accepted"
            await says(rigged, " Stop. ")
            assert code(await twilio(rigged)) == "opted_out"
            assert code(await twilio(rigged, OTHER)) == "accepted"
            assert code(await rigged.send(ANNA)) == "accepted"
            await says(rigged, "start")
            assert code(await twilio(rigged)) == "accepted"
            assert await log_of(rigged) == [(ANNA, "opt_out"), (ANNA, "opt_in")]
            assert await rigged.texts() == [" Stop. ", "start"]

    run(scenario())


def test_a_list_of_recipients_with_one_that_opted_out_is_refused_as_a_whole(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, **ALL) as rigged:
            await rigged.ready()
            await says(rigged, "STOP")
            result = await rigged.send((OTHER, ANNA))
            assert code(result) == "opted_out"
            assert result.error is not None
            assert ANNA in result.error[1]
            assert OTHER not in result.error[1]
            assert [m.peer for m in await rigged.service.messages(MessageFilter(direction="outbound"))] == [ANNA]
            assert code(await rigged.send(OTHER)) == "accepted"

    run(scenario())


def test_scope_off_hears_no_word(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, compliance=Terms(scope="off")) as rigged:
            await rigged.ready()
            await twilio(rigged)
            await says(rigged, "STOP")
            assert code(await twilio(rigged)) == "accepted"
            assert await log_of(rigged) == []

    run(scenario())


def test_what_was_accepted_before_does_not_leave_after_the_word(tmp_path: Path) -> None:
    """Scheduled, or waiting for a modem: it is looked at again when it is about to leave."""

    async def scenario() -> None:
        async with rig(tmp_path, **ALL) as rigged:
            first = (await rigged.send(ANNA, "too late")).message_ids[0]
            mine = (await rigged.send(OTHER, "mine")).message_ids[0]
            await says(rigged, "STOP")
            await rigged.ready()
            assert await rigged.becomes(first, "failed") == ["queued", "failed"]
            await rigged.becomes(mine, "sent")
            assert (await rigged.service.message(first))[0].error == (
                "opted_out",
                "The recipient asked by an opt-out word for no more texts from this number.",
            )
            await until(lambda: (ANNA, GOODBYE, 1) in rigged.ports["one"].taken, "the confirmation")
            assert "too late" not in [text for _, text, _ in rigged.ports["one"].taken]

    run(scenario())


def test_what_is_barred_makes_nobody_wait(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, lines=("one", "two"), **ALL) as rigged:
            barred = (await rigged.send(ANNA, "1", modem="one", ordered=True)).message_ids[0]
            behind = (await rigged.send(ANNA, "2", modem="two")).message_ids[0]
            await says(rigged, "STOP", line="one")
            await rigged.ready("two")
            await rigged.idle("two")
            await rigged.ready("one")
            await rigged.becomes(barred, "failed")
            await rigged.becomes(behind, "sent")

    run(scenario())


def test_a_half_sent_text_is_finished(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, **ALL) as rigged:
            await rigged.ready()
            port = rigged.ports["one"]
            told = [False]

            def at_gate() -> None:
                if not told[0]:
                    told[0] = True
                    rigged.down()

            port.at_gate = at_gate
            long = (await rigged.send(ANNA, "and so on " * 20)).message_ids[0]
            await until(lambda: len(port.taken) == 1, "the first part")
            await says(rigged, "STOP")
            await rigged.ready()
            await rigged.becomes(long, "sent")

    run(scenario())


def test_an_opt_out_is_of_one_number_and_of_every_number_for_whom_names_none(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, lines=("one", "two"), **ALL) as rigged:
            await rigged.ready("one")
            await rigged.ready("two")
            await says(rigged, "STOP", line="one")
            assert code(await rigged.send(ANNA, modem="one")) == "opted_out"
            assert code(await rigged.send(ANNA, modem="two")) == "accepted"
            assert code(await rigged.send(ANNA)) == "opted_out"

    run(scenario())


def test_an_opt_out_stays_with_the_number_and_with_the_sim(tmp_path: Path) -> None:
    """The SIM moves to another modem; or a new SIM has the number; or the number was not known then."""

    async def scenario() -> None:
        async with rig(tmp_path, lines=("one", "two"), **ALL) as rigged:
            await says(rigged, "STOP", line="one")  # not ready yet: which number it has is not known
            assert [e.own_number for e in await rigged.service.lists.consent(ConsentFilter())] == [""]
            await rigged.ready("two", iccid="iccid-one")
            assert code(await rigged.send(ANNA, modem="two")) == "opted_out"
            await says(rigged, "STOP", oa=OTHER, line="two")
            rigged.down("two")
            await rigged.ready("two", iccid="iccid-new")
            assert code(await rigged.send(ANNA, modem="two")) == "accepted"
            assert code(await rigged.send(OTHER, modem="two")) == "opted_out"

    run(scenario())


# --- answers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "answer"),
    [
        ("STOP", GOODBYE),
        ("Abmelden!", REPLIES["de"][Change.OPT_OUT]),
        ("ARRÊT", REPLIES["fr"][Change.OPT_OUT]),
        ("info", REPLIES["en"][Change.HELP]),
        ("stop it", None),
        ("START", None),  # nothing is changed by it
    ],
)
def test_a_word_is_answered_once_in_its_language(tmp_path: Path, word: str, answer: str | None) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, **ALL) as rigged:
            await rigged.ready()
            await says(rigged, word)
            await says(rigged, "bye")
            marker = (await rigged.send(OTHER, "marker")).message_ids[0]
            await rigged.becomes(marker, "sent")
            taken = [text for to, text, _ in rigged.ports["one"].taken if to == ANNA]
            assert taken == ([answer] if answer else [])

    run(scenario())


def test_an_answer_leaves_by_the_number_that_was_written_to_and_says_what_it_answers(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, lines=("one", "two"), **ALL) as rigged:
            await rigged.ready("one")
            await rigged.ready("two")
            await says(rigged, "STOP", line="two")
            await until(lambda: rigged.ports["two"].taken, "the answer")
            entry = (await rigged.service.lists.consent(ConsentFilter()))[0]
            assert entry.reply_id is not None
            message, _, timeline = await rigged.service.message(entry.reply_id)
            assert (message.edge, message.line, message.tags) == ("compliance", "two", {"reply_to": entry.message_id})
            assert timeline[0].detail == "by compliance"
            assert [e.what for e in (await rigged.service.message(entry.message_id))[2]] == ["received", "opt_out"]
            assert rigged.ports["one"].taken == []

    run(scenario())


def test_who_never_had_a_text_through_the_twilio_api_gets_no_answer_unless_words_count_for_all(tmp_path: Path) -> None:
    """Somebody who texts with a house or an alarm says "end" and means just that."""

    async def scenario() -> None:
        async with rig(tmp_path) as rigged:
            await rigged.ready()
            await rigged.send(ANNA)
            await says(rigged, "END")
            await twilio(rigged, OTHER)
            await says(rigged, "END", oa=OTHER)
            await until(lambda: (OTHER, GOODBYE, 1) in rigged.ports["one"].taken, "the answer")
            assert [text for to, text, _ in rigged.ports["one"].taken if to == ANNA] == ["hello"]
            assert await log_of(rigged) == [(ANNA, "opt_out"), (OTHER, "opt_out")]

    run(scenario())


@pytest.mark.parametrize("sender", ["22922", "SHOUTER", "112"])
def test_short_codes_names_and_emergency_services_get_no_answer(tmp_path: Path, sender: str) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, **ALL) as rigged:
            await rigged.ready()
            await says(rigged, "STOP", oa=sender)
            assert await rigged.service.messages(MessageFilter(direction="outbound")) == []
            assert await rigged.texts() == ["STOP"]

    run(scenario())


def test_machines_do_not_talk_for_ever(tmp_path: Path) -> None:
    """Two that answer everything, with the words turn by turn, or with the same one."""

    async def scenario() -> None:
        async with rig(tmp_path, **ALL) as rigged:
            await rigged.ready()
            for n in range(12):
                await says(rigged, ("STOP", "START")[n % 2])
                await says(rigged, "HELP", oa=OTHER)
            log = await rigged.service.lists.consent(ConsentFilter())
            for peer in (ANNA, OTHER):
                assert sum(1 for e in log if e.peer == peer and e.reply_id) == MAX_REPLIES
            assert len(log) == 24
            rigged.pass_time(REPLIES_WITHIN.total_seconds())
            await says(rigged, "HELP", oa=OTHER)
            assert (await rigged.service.lists.consent(ConsentFilter()))[0].reply_id is not None

    run(scenario())


def test_an_owner_chooses_words_and_answers(tmp_path: Path) -> None:
    own = Words(("de",), {Change.OPT_OUT: ("Nix mehr",)})
    terms = Terms(scope="all", words=own, texts={Change.OPT_OUT: "Tschüss", Change.OPT_IN: ""})

    async def scenario() -> None:
        async with rig(tmp_path, compliance=terms) as rigged:
            await rigged.ready()
            for text in ("STOPP", "STOP", "nix-mehr", "anmelden", "hilfe"):
                await says(rigged, text)
            assert [change for _, change in await log_of(rigged)] == ["opt_out", "opt_in", "help"]
            await until(lambda: len(rigged.ports["one"].taken) == 2, "the answers")
            assert [text for _, text, _ in rigged.ports["one"].taken] == ["Tschüss", REPLIES["de"][Change.HELP]]

    run(scenario())


def test_no_answers_where_none_are_wanted(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, compliance=Terms(scope="all", replies=False)) as rigged:
            await rigged.ready()
            await says(rigged, "STOP")
            assert code(await rigged.send(ANNA)) == "opted_out"
            assert await rigged.service.messages(MessageFilter(direction="outbound")) == []

    run(scenario())


def test_a_word_that_comes_again_from_the_modem_counts_once(tmp_path: Path) -> None:
    """The process dies between the commit and the delete, or the network repeats the text: no second line, no second answer."""

    async def scenario() -> None:
        async with rig(tmp_path, **ALL) as rigged:
            await rigged.ready()
            items = deliver("STOP", oa=ANNA, at=rigged.clock.now())
            await rigged.receive(*items)
            await rigged.receive(*items)
            await rigged.released(*items)
            rigged.clock.advance(3600)
            await rigged.receive(*[replace(item, index=5) for item in items])
            assert await log_of(rigged) == [(ANNA, "opt_out")]
            assert len(await rigged.service.messages(MessageFilter(direction="outbound"))) == 1

    run(scenario())


def test_only_a_whole_text_is_a_word(tmp_path: Path) -> None:
    """Of a long one a piece has come that would be a word by itself."""

    async def scenario() -> None:
        async with rig(tmp_path, reassembly_timeout_s=60, **ALL) as rigged:
            await rigged.ready()
            first, second = (_piece(text, n, rigged.clock.now()) for n, text in enumerate(("STOP", " fussing"), 1))
            await rigged.receive(first)
            rigged.pass_time(120)
            await until(rigged.texts, "the piece")
            await rigged.receive(second)
            assert (await rigged.texts())[-1] == "STOP fussing"
            assert await log_of(rigged) == []

    run(scenario())


def _piece(text: str, seq: int, at: datetime) -> Item:
    """One of two parts of a text that its sender has cut early."""
    cut = segment("x" * 200, ref=7).parts[seq - 1]
    ud = replace(cut, payload=text.encode())
    pdu, length = encode_frame(Deliver(oa=Address.parse(ANNA), dcs=Dcs(octet=0), scts=Timestamp.of(at), ud=ud))
    return Item(pdu=pdu, length=length, index=seq)


# --- lists -----------------------------------------------------------------------------------------------------------


def test_a_blocked_recipient_is_refused_on_every_edge(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as rigged:
            await rigged.ready()
            entry = await rigged.service.lists.add(ListName.BLOCK, Way.OUT, "0151 12345678", "no", "test")
            assert (entry.pattern, entry.note, entry.created_by) == (ANNA, "no", "test")
            again = await rigged.service.lists.add(ListName.BLOCK, Way.OUT, ANNA, "other", "test")
            assert again == entry
            assert code(await rigged.send(ANNA)) == "recipient_blocked"
            assert code(await twilio(rigged)) == "recipient_blocked"
            assert code(await rigged.send(OTHER)) == "accepted"
            await rigged.service.lists.remove(entry.name, entry.n)
            assert code(await rigged.send(ANNA)) == "accepted"
            with pytest.raises(RequestError, match="no entry"):
                await rigged.service.lists.remove(entry.name, entry.n)

    run(scenario())


def test_a_repeated_command_is_a_duplicate_although_its_recipient_is_blocked_now(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as rigged:
            await rigged.ready()
            first = await rigged.send(ANNA, client_id="a")
            await rigged.service.lists.add(ListName.BLOCK, Way.OUT, ANNA, "", "test")
            again = await rigged.send(ANNA, client_id="a")
            assert (again.status, again.message_ids) == ("duplicate", first.message_ids)

    run(scenario())


def test_who_is_blocked_meanwhile_gets_nothing_that_waits(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as rigged:
            waiting = (await rigged.send(ANNA)).message_ids[0]
            await rigged.service.lists.add(ListName.BLOCK, Way.OUT, "+49151*", "", "test")
            await rigged.ready()
            await rigged.becomes(waiting, "failed")
            error = (await rigged.service.message(waiting))[0].error
            assert error is not None
            assert error[0] == "recipient_blocked"
            assert rigged.ports["one"].taken == []

    run(scenario())


def test_what_an_allow_list_does_not_name_is_refused(tmp_path: Path) -> None:
    entries = (
        Entry(name=ListName.ALLOW, way=Way.OUT, pattern="+49*"),
        Entry(name=ListName.BLOCK, way=Way.OUT, pattern="+49900*"),
    )

    async def scenario() -> None:
        async with rig(tmp_path, compliance=Terms(entries=entries)) as rigged:
            await rigged.ready()
            assert code(await rigged.send(ANNA)) == "accepted"
            assert code(await rigged.send("+499001234567")) == "recipient_blocked"
            assert code(await rigged.send("+33612345678")) == "recipient_blocked"
            await rigged.service.lists.add(ListName.ALLOW, Way.OUT, "+33612345678", "", "test")
            assert code(await rigged.send("+33612345678")) == "accepted"
            assert [e.pattern for e in await rigged.service.lists.entries()] == ["+49*", "+49900*", "+33612345678"]

    run(scenario())


def test_a_blocked_senders_texts_are_kept_and_not_announced(tmp_path: Path) -> None:
    """Long ones too, whole or not; a word counts, without an answer. Who is let in again is heard from then on."""

    async def scenario() -> None:
        async with rig(tmp_path, reassembly_timeout_s=60, **ALL) as rigged:
            await rigged.ready()
            entry = await rigged.service.lists.add(ListName.BLOCK, Way.IN, ANNA, "", "test")
            await rigged.service.lists.add(ListName.BLOCK, Way.IN, "SHOUTER", "", "test")
            await says(rigged, "hello")
            await says(rigged, "buy", oa="Shouter")
            await says(rigged, "long " * 60, ref=2)
            await rigged.receive(deliver("half " * 60, oa=ANNA, at=rigged.clock.now(), ref=3)[0])
            assert len(await rigged.service.messages(MessageFilter())) == 0
            rigged.pass_time(120)

            async def shown() -> bool:
                found = await rigged.service.messages(MessageFilter(blocked=True, status="received"))
                return len(found) == 4

            await until(shown, "the half one")
            await says(rigged, "STOP")
            assert await rigged.texts() == []
            assert code(await rigged.send(ANNA)) == "opted_out"
            assert rigged.ports["one"].taken == []
            kept = await rigged.service.messages(MessageFilter(blocked=True))
            assert [m.text for m in kept if m.text and "half" not in m.text] == ["STOP", "long " * 60, "buy", "hello"]
            assert [e.what for e in (await rigged.service.message(kept[0].id))[2]] == ["received", "blocked", "opt_out"]
            await rigged.service.lists.remove(entry.name, entry.n)
            await says(rigged, "again")
            assert await rigged.texts() == ["again"]
            assert await rigged.sql("SELECT count(*) FROM parts WHERE message_id IS NULL") == [(0,)]

    run(scenario())


def test_a_refusal_is_answered_over_the_event_outbox(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, **ALL) as rigged:
            await rigged.ready()
            await says(rigged, "STOP")
            await rigged.send(ANNA, client_id="mine")
            result = (await rigged.events("send.result"))[-1]
            assert (result["id"], result["status"], result["error"]["code"]) == ("mine", "rejected", "opted_out")
            assert json.dumps(result).count(ANNA) == 1

    run(scenario())
