"""Which modem: asked for, then the one that last talked to the recipient, then the routes, then whoever is free."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.messaging.compliance import Terms
from gateway.messaging.model import Queue
from gateway.messaging.routing import EVERYTHING, Route, Router, Routing
from tests.messaging.fast import FastClock
from tests.messaging.rig import NOT_SENT, UNKNOWN, Answer, Rig, deliver, refused, report, rig, run, until

GERMAN, FRENCH = "+4915112345678", "+33612345678"
LONG = "0123456789" * 40
STICKY = Routing(sticky=timedelta(hours=24))


def routes(*found: Route) -> Routing:
    return Routing(routes=found)


async def sent_by(box: Rig, to: str = GERMAN, **more: object) -> str | None:
    message_id = (await box.send(to=to, **more)).message_ids[0]
    await box.becomes(message_id, "sent")
    return (await box.service.message(message_id))[0].line


async def timeline(box: Rig, message_id: str) -> list[str]:
    return [entry.detail for entry in (await box.service.message(message_id))[2] if entry.what == "routed"]


# --- the table -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (GERMAN, "mobile"),
        ("+493012345", "germany"),
        (FRENCH, "neighbours"),
        ("+12425550123", "bahamas"),  # +1 is shared by many countries
        ("+12125550123", "rest"),
        ("72211", "short"),
        ("80808", "germany"),  # a short code belongs to the box's own country
    ],
)
def test_the_first_route_that_matches_counts(number: str, name: str) -> None:
    table = routes(
        Route(name="mobile", prefixes=("+4915", "+4916", "+4917")),
        Route(name="short", prefixes=("722",)),
        Route(name="germany", countries=frozenset({"DE"})),
        Route(name="neighbours", prefixes=("+43",), countries=frozenset({"FR", "NL"})),
        Route(name="bahamas", countries=frozenset({"BS"})),
        Route(name="rest"),
    )
    assert Router(table, ("one",), "DE").route_of(number) == name


def test_no_route_is_everybodys() -> None:
    router = Router(Routing(), ("one", "two"), None)
    assert router.route_of(GERMAN) == ""
    assert router.share(Queue(n=1, modem="", route="", client=""), "two", {"one", "two"}) == EVERYTHING


modem_lists = st.lists(st.sampled_from("abcdef"), unique=True, min_size=1)


@given(modem_lists, st.sets(st.sampled_from("abcdef")), st.booleans(), st.data())
def test_every_message_has_exactly_one_owner_while_a_modem_of_the_route_is_there(
    modems: list[str], able: set[str], fallback: bool, data: st.DataObject
) -> None:
    weights = data.draw(st.just(()) | st.tuples(*(st.integers(1, 9) for _ in modems)))
    route = Route(name="r", modems=tuple(modems), weights=weights, fallback=fallback)
    shares = {line: share for line in able if (share := route.share(line, able)) is not None}
    if not able & set(modems):
        assert shares == (dict.fromkeys(able, EVERYTHING) if fallback else {})
        return
    assert set(shares) <= set(modems)
    slots = Counter(slot for share in shares.values() for slot in share.slots)
    of = {share.of for share in shares.values()}
    assert len(of) == 1
    assert slots == Counter(range(of.pop()))
    if not weights:
        assert list(shares) == [next(name for name in modems if name in able)]
    for name, share in shares.items():
        if weights and able >= set(modems):
            assert len(share.slots) == weights[modems.index(name)]


# --- at work ---------------------------------------------------------------------------------------------------------


def test_a_route_takes_its_modems_in_order(tmp_path: Path) -> None:
    async def scenario() -> None:
        table = routes(Route(name="de", prefixes=("+49",), modems=("two", "one")))
        async with rig(tmp_path, lines=("one", "two", "three"), routing=table) as box:
            for name in ("three", "one", "two"):
                await box.ready(name)
            assert [await sent_by(box) for _ in range(3)] == ["two"] * 3
            box.down("two")
            message_id = (await box.send()).message_ids[0]
            await box.becomes(message_id, "sent")
            assert (await box.service.message(message_id))[0].line == "one"
            assert await timeline(box, message_id) == ["route de"]
            await box.ready("two")
            assert await sent_by(box) == "two"
            assert await sent_by(box, modem="three") == "three", "an explicit modem comes first"

    run(scenario())


def test_a_text_in_the_queue_goes_over_to_the_next_modem_when_the_first_is_lost(tmp_path: Path) -> None:
    async def scenario() -> None:
        table = routes(Route(name="de", countries=frozenset({"DE"}), modems=("one", "two")))
        async with rig(tmp_path, lines=("one", "two"), routing=table) as box:
            one, two = box.ports["one"], box.ports["two"]
            one.hold = asyncio.Event()
            one.answers.extend([Answer(outcome="sent", mr=1), NOT_SENT])
            await box.ready("one")
            await box.ready("two")
            ids = [(await box.send(text=text)).message_ids[0] for text in ("a", "b", LONG)]
            await until(lambda: one.at_work, "the first")
            await box.idle("two")
            assert two.offered == [], "two waits while one is there"
            box.down("one")
            one.hold.set()
            for message_id in ids:
                await box.becomes(message_id, "sent")
            assert len(one.taken) == 1
            assert [text for _, text, _ in two.taken][:1] == ["b"]
            assert len(two.taken) == 4

    run(scenario())


def test_a_route_whose_modems_are_all_away_waits_or_falls_back(tmp_path: Path) -> None:
    async def scenario() -> None:
        table = routes(
            Route(name="de", prefixes=("+49",), modems=("one",)),
            Route(name="fr", prefixes=("+33",), modems=("one",), fallback=True),
        )
        async with rig(tmp_path, lines=("one", "two"), routing=table) as box:
            await box.ready("two")
            waits = (await box.send(to=GERMAN)).message_ids[0]
            falls = (await box.send(to=FRENCH)).message_ids[0]
            await box.becomes(falls, "sent")
            assert await timeline(box, falls) == ["no modem of route fr can send"]
            await box.idle("two")
            assert await box.statuses(waits) == ["queued"]
            await box.ready("one")
            await box.becomes(waits, "sent")
            assert (await box.service.message(waits))[0].line == "one"

    run(scenario())


@pytest.mark.parametrize("how", ["route", "sticky", "taken ahead"])
def test_a_modem_that_does_not_answer_holds_up_nothing_but_what_it_has_in_hand(tmp_path: Path, how: str) -> None:
    speed = 100.0
    table = {
        "route": routes(Route(name="all", modems=("one", "two"))),
        "sticky": STICKY,
        "taken ahead": Routing(),
    }[how]

    async def scenario() -> None:
        async with rig(tmp_path, lines=("one", "two"), routing=table, clock=FastClock(speed)) as box:
            one, two = box.ports["one"], box.ports["two"]
            await box.ready("one")
            await sent_by(box)
            box.down("one")
            one.hold = asyncio.Event()
            box.service._senders._lanes["one"].seconds_each = 0.01
            ids = [(await box.send(text=f"n{n}")).message_ids[0] for n in range(3)]
            await box.ready("one")
            await until(lambda: one.at_work, "one to be busy")
            begun = box.clock.monotonic()
            await box.ready("two")
            for message_id in ids[1:]:
                await box.becomes(message_id, "sent")
            assert [text for _, text, _ in two.taken] == ["n1", "n2"]
            assert box.clock.monotonic() - begun > 20, "for a while it is waited for"
            one.hold.set()
            await box.becomes(ids[0], "sent")

    run(scenario(), speed=speed)


def test_weights_share_out(tmp_path: Path) -> None:
    async def scenario() -> None:
        table = routes(Route(name="all", modems=("one", "two"), weights=(3, 1)))
        async with rig(tmp_path, lines=("one", "two", "three"), routing=table) as box:
            for name in box.ports:
                await box.ready(name)
            await box.send(to=[f"+49151123{n:05d}" for n in range(100)])
            await box.send(to=[f"+49151124{n:05d}" for n in range(100)])
            await until(lambda: sum(len(port.taken) for port in box.ports.values()) == 200, "all to be sent")
            assert box.ports["three"].taken == []
            assert 130 <= len(box.ports["one"].taken) <= 170
            box.down("one")
            await box.send(to=[f"+49151125{n:05d}" for n in range(10)])
            await until(lambda: sum(len(port.taken) for port in box.ports.values()) == 210, "two to take over")

    run(scenario())


def test_the_sim_that_last_talked_to_the_recipient_is_preferred(tmp_path: Path) -> None:
    async def scenario() -> None:
        table = Routing(routes=(Route(name="de", prefixes=("+49",), modems=("one",)),), sticky=timedelta(hours=24))
        async with rig(tmp_path, lines=("one", "two", "three"), routing=table) as box:
            for name in ("one", "two", "three"):
                await box.ready(name)
            assert await sent_by(box) == "one"
            await box.receive(*deliver("hello", oa=GERMAN, at=box.clock.now()), line="two")
            message_id = (await box.send()).message_ids[0]
            await box.becomes(message_id, "sent")
            assert (await box.service.message(message_id))[0].line == "two", "it wrote to two"
            assert await timeline(box, message_id) == ["this SIM last talked to the recipient"]
            assert await sent_by(box, modem="three") == "three", "an explicit modem comes first"
            assert await sent_by(box) == "three"
            box.down("three")
            assert await sent_by(box) == "one", "while that SIM is away the routes decide"
            await box.ready("three")
            await sent_by(box, modem="three")
            box.clock.advance(86_401)
            assert await sent_by(box) == "one", "the window is over"

    run(scenario())


def test_after_a_refusal_a_text_may_go_by_any_modem_of_its_route(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, lines=("one", "two"), routing=STICKY) as box:
            await box.ready("one")
            await sent_by(box)
            await box.ready("two")
            box.ports["one"].answers.append(refused("retry"))
            message_id = (await box.send(text="again")).message_ids[0]

            async def refused_once() -> bool:
                return [each.attempts for each in await box.segments(message_id)] == [1]

            await until(refused_once, "the refusal")
            assert (await box.service.message(message_id))[0].preferred == ""
            box.ports["one"].hold = asyncio.Event()
            await box.send(to=FRENCH, modem="one")
            await until(lambda: box.ports["one"].at_work, "one to be busy")
            box.pass_time(6)
            await box.becomes(message_id, "sent")
            assert (await box.service.message(message_id))[0].line == "two"

    run(scenario())


def test_the_idle_line_that_sent_least_takes_the_next_text(tmp_path: Path) -> None:
    async def scenario() -> None:
        names = ("one", "two", "three")
        async with rig(tmp_path, lines=names) as box:
            for name in names:
                await box.ready(name)
            for n in range(9):
                for name in names:
                    await box.idle(name)
                await sent_by(box, f"+49151123{n:05d}")
            assert [len(port.taken) for port in box.ports.values()] == [3, 3, 3]

    run(scenario())


def test_another_configuration_sorts_what_waits_anew(tmp_path: Path) -> None:
    async def scenario() -> None:
        old = routes(Route(name="de", prefixes=("+49",), modems=("one",)))
        async with rig(tmp_path, lines=("one", "two"), routing=old, start=False) as box:
            free = (await box.send()).message_ids[0]
            asked_for = (await box.send(modem="one", text="bound")).message_ids[0]
            later = (await box.send(modem="one", send_at=box.clock.now() + timedelta(hours=1))).message_ids[0]
        async with rig(tmp_path, lines=("two",), routing=routes(Route(name="x", modems=("two",)))) as box:
            for message_id in (asked_for, later):
                assert (await box.statuses(message_id))[-1] == "failed"
                error = (await box.service.message(message_id))[0].error
                assert error == ("no_modem", "there is no modem 'one' any more")
            await box.ready("two")
            await box.becomes(free, "sent")
            assert (await box.service.message(free))[0].line == "two"

    run(scenario())


def test_a_half_sent_text_of_a_modem_that_is_gone_is_told_and_goes_on_where_its_sim_is(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, lines=("one", "two")) as box:
            box.ports["one"].answers.extend([Answer(outcome="sent", mr=1), NOT_SENT])
            await box.ready("one")
            message_id = (await box.send(text=LONG, modem="one")).message_ids[0]

            async def half_sent() -> bool:
                states = [each.state for each in await box.segments(message_id)]
                return states == ["sent", "pending", "pending"]

            await until(half_sent, "the first segment")
            box.down("one")
        async with rig(tmp_path, lines=("two",)) as box:
            assert [(each["code"], each["over"]) for each in await box.events("alert")] == [("no_modem", False)]
            await box.ready("two", iccid="iccid-one")
            await box.becomes(message_id, "sent")
            await box.receive(*(report(mr, at=box.clock.now()) for mr in (1, 2)), line="two")
            assert [seq for _, _, seq in box.ports["two"].taken] == [2, 3]

    run(scenario())


@pytest.mark.parametrize("scope", ["twilio", "all"])
@pytest.mark.parametrize("how", ["crash", "lost answer"])
def test_a_text_of_unknown_outcome_is_not_bound_to_a_modem_that_has_another_name_now(
    tmp_path: Path, how: str, scope: str
) -> None:
    terms = Terms(scope=scope)

    async def scenario() -> None:
        async with rig(tmp_path, lines=("one",), compliance=terms) as box:
            one = box.ports["one"]
            if how == "crash":
                one.hold = asyncio.Event()
            else:
                one.answers.append(UNKNOWN)
            await box.ready("one")
            message_id = (await box.send(modem="one")).message_ids[0]
            if how == "crash":
                await until(lambda: one.at_work, "the submit")
                await box.crash()
            else:
                await box.becomes(message_id, "unknown")
        async with rig(tmp_path, lines=("two",), compliance=terms) as box:
            assert (await box.service.message(message_id))[0].status == "unknown"
            box.clock.advance(1)
            await box.ready("two", iccid="iccid-one")
            box.pass_time(601)
            await box.becomes(message_id, "sent")
            assert len(box.ports["two"].taken) == 1

    run(scenario())
