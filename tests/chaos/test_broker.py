"""The broker goes away again and again, or for long. Commands are carried out once, events come in order, none is missing."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from tests.chaos.seeds import ASKED
from tests.support.box import ROOT_TOPIC, box
from tests.support.broker import Observer
from tests.support.processes import wait_until

RESTARTS = 50 if ASKED else 3
OUT, IN = 4, 3
"""Texts in each direction between two restarts."""

AWAY = 3000 if ASKED else 300
"""Texts that come in while the broker is away."""

MAX_GROWTH = 24_000_000
"""Octets by which the process may grow meanwhile: what waits for the broker waits on disk."""


def test_a_broker_that_restarts_again_and_again(tmp_path: Path) -> None:
    with box(tmp_path, observer_session="watcher") as gateway:
        gateway.start()
        gateway.wait_online("modem1", "modem2")
        for restart in range(RESTARTS):
            for n in range(restart * OUT, (restart + 1) * OUT):
                gateway.send(wait=False, id=f"out{n}", to=f"+4917099{n:06d}", modem="modem1", text=f"out {n}")
            for n in range(restart * IN, (restart + 1) * IN):
                gateway.control("/deliver", {"modem": "modem2", "from": f"+491718{n:06d}", "text": f"in {n}"})
            gateway.broker.stop()
            gateway.broker.start()
        sent = [f"out{n}" for n in range(RESTARTS * OUT)]
        wait_until(
            lambda: all((gateway.statuses(each) or [""])[-1] == "delivered" for each in sent),
            "every text to be delivered",
            60,
        )
        assert Counter(each["text"] for each in gateway.submitted()) == Counter(f"out {n}" for n in range(len(sent)))
        assert all(gateway.statuses(each) == ["queued", "sent", "delivered"] for each in sent)
        wait_until(lambda: len(gateway.seen("inbox")) >= RESTARTS * IN, "every text in the inbox", 60)
        shown = Counter(text for text, _ in {(e["text"], e["message_id"]) for e in gateway.seen("inbox")})
        assert shown == Counter(f"in {n}" for n in range(RESTARTS * IN))


def test_a_broker_that_is_away_for_long_is_told_everything_in_order(tmp_path: Path) -> None:
    with box(tmp_path) as gateway:
        gateway.start()
        gateway.wait_online("modem1", "modem2")
        gateway.control("/deliver", {"modem": "modem2", "from": "+491718000000", "text": "before"})
        gateway.events("inbox")
        before = gateway.memory()
        gateway.broker.stop()
        for n in range(AWAY):
            gateway.control("/deliver", {"modem": "modem2", "from": f"+491718{n:06d}", "text": f"in {n}"})

        def waiting() -> int:
            modems = gateway.control("/modems")["modems"]
            return sum(each["waiting"] + sum(s["used"] for s in each["storages"].values()) for each in modems)

        wait_until(lambda: waiting() == 0, "the modem to be empty", 60 + AWAY / 20)
        assert gateway.memory() - before < MAX_GROWTH
        gateway.broker.start()
        with Observer(gateway.broker.port, f"{ROOT_TOPIC}/inbox") as watcher:
            gateway.observer.close()
            gateway.observer = watcher
            events = gateway.events("inbox", AWAY, seconds=60)
            assert [event["seq"] for event in events] == sorted(event["seq"] for event in events)
            assert {event["text"] for event in events} >= {f"in {n}" for n in range(AWAY)}
