"""Faults on the lines while texts go both ways: unplugging at the worst moment, noise, lost answers. Nothing is lost or repeated."""

from __future__ import annotations

import contextlib
import random
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.emulator.faults import KINDS, build
from tests.chaos.seeds import ASKED, seeds
from tests.support.box import Box, box
from tests.support.processes import wait_until

OUT, IN, FAULTS = 40, 30, 25
PATIENCE_S, TURN_S = 360, 75
"""A sweep comes once a minute, and every hold begins with one."""

SETTINGS = """
[outbox]
unknown_hold_s = 15
late_reply_s = 1
max_attempts = 20
"""

Blow = tuple[dict[str, Any], ...]

BLOWS: tuple[Blow, ...] = (
    ({"kind": "unplug", "duration_s": 0.5},),
    ({"kind": "unplug", "duration_s": 0.5, "match": r"\+CMGS"},),  # the network took it, the answer is lost
    ({"kind": "unplug", "duration_s": 0.5, "match": r"\+CMGL"},),
    ({"kind": "unplug", "duration_s": 0.5, "match": r"\+CMGR"},),
    ({"kind": "unplug", "duration_s": 0.5, "match": r"\+CMGD"},),
    ({"kind": "unplug", "duration_s": 0.5, "renumber": True},),
    ({"kind": "unplug", "duration_s": 0.5, "renumber": True, "relink": False},),  # until it is plugged again
    ({"kind": "power-cycle"},),
    ({"kind": "brown-out"},),
    ({"kind": "brown-out", "keep_port": True, "duration_s": 1.0},),
    ({"kind": "brown-out", "keep_port": True, "duration_s": 1.0, "match": r"\+CMGS"},),
    ({"kind": "mr-reset"}, {"kind": "power-cycle"}),  # a modem counts anew after a power cycle only
    ({"kind": "no-prompt"},),
    ({"kind": "no-prompt", "swallow": True},),
    ({"kind": "odd-prompt"},),
    ({"kind": "odd-prompt", "text": "> "},),
    ({"kind": "drop-reply", "match": r"\+CMGS"},),
    ({"kind": "drop-reply", "match": r"\+CMGR"},),
    ({"kind": "drop-reply", "match": r"\+CMGD"},),
    ({"kind": "drop-reply", "match": r"\+CPMS"},),
    ({"kind": "drop-ok"},),
    ({"kind": "delay-reply", "match": r"\+CMGS", "delay_s": 7},),  # later than the time-out
    ({"kind": "cut-reply", "at": 0, "count": 3},),
    ({"kind": "cut-reply", "at": 0, "interval_s": 0.5, "match": r"\+CMG[SRLD]"},),
    ({"kind": "wrong-length", "by": 1},),
    ({"kind": "wrong-length", "by": -2, "count": 3},),
    ({"kind": "cms-error", "code": 42},),
    ({"kind": "cms-error", "code": 332, "network_takes": True},),  # a code that tells nothing
    ({"kind": "error", "match": r"\+CMGD", "code": 14},),
    ({"kind": "error", "match": r"\+CMGS", "text": "ERROR"},),
    ({"kind": "ignore", "match": r"\+CMGS"},),
    ({"kind": "garbage"},),
    ({"kind": "garbage", "match": r"\+CMG"},),
    ({"kind": "urc", "text": "^RSSI: 20", "match": r"\+CMG", "inside": True},),
    ({"kind": "urc", "text": "RING", "match": r"\+CMG"},),
    ({"kind": "urc", "text": '+CNUM: "","+49170",145', "match": r"\+C[SR]", "glued": True},),
    ({"kind": "split", "duration_s": 1.0},),
    ({"kind": "glue", "duration_s": 1.0},),
    ({"kind": "glue", "duration_s": 1.0, "hard": True},),
    ({"kind": "mute", "duration_s": 2.0},),
    ({"kind": "deaf", "duration_s": 3.0},),
    ({"kind": "deaf", "duration_s": 3.0, "network_takes": True},),
    ({"kind": "data-mode"},),
    ({"kind": "data-mode", "leave": "close", "match": r"\+CMGD"},),
    ({"kind": "registration-lost", "duration_s": 2.0},),
    ({"kind": "registration-denied", "duration_s": 2.0},),
    ({"kind": "roaming", "duration_s": 3.0},),
    ({"kind": "low-signal", "duration_s": 3.0},),
    ({"kind": "sim-missing", "duration_s": 2.0},),
    ({"kind": "sim-locked"},),  # the PIN is 1234 then
    ({"kind": "sim-swap", "duration_s": 0.5},),
    ({"kind": "storage-full", "duration_s": 2.0},),
    ({"kind": "storage-full", "memory": "ME", "duration_s": 2.0},),
    ({"kind": "forget-cnmi"},),
    ({"kind": "no-indication", "count": 2},),
    ({"kind": "other-memory"},),
    ({"kind": "message-repeat", "delay_s": 7.0},),
    ({"kind": "message-late"},),
    ({"kind": "report-repeat"},),
    ({"kind": "report-late"},),
    ({"kind": "report-lost"},),
    ({"kind": "clear"},),
)
"""What is chosen from; the faults of one blow come together."""

LEFT_OUT = {
    "sim-blocked": "somebody has to enter the PUK",
}


def test_every_kind_of_fault_is_chosen_from() -> None:
    assert {fault["kind"] for blow in BLOWS for fault in blow} == KINDS.keys() - LEFT_OUT.keys()
    for blow in BLOWS:
        for fault in blow:
            build(fault["kind"], {name: value for name, value in fault.items() if name != "kind"})


@pytest.mark.skipif(not ASKED, reason="takes minutes; scripts/check --chaos runs it")
@pytest.mark.parametrize("seed", seeds())
def test_nothing_is_lost_or_repeated_under_faults(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    pin = tmp_path / "pin"
    pin.write_text("1234\n")
    each = f'submit_timeout_s = 5\npin_file = "{pin}"\n'
    with box(tmp_path, modems=2, extra=SETTINGS, each_modem=each) as gateway:
        gateway.start()
        gateway.wait_online("modem1", "modem2")
        outgoing = [f"out{n}" for n in range(OUT)]
        incoming = [f"in {n}" for n in range(IN)]
        chosen = []
        sims: dict[str, dict[str, None]] = {"modem1": {}, "modem2": {}}  # the ICCIDs that each has had
        for step in range(FAULTS):
            blow, modem = rng.choice(BLOWS), f"modem{rng.randrange(1, 3)}"
            chosen.append((modem, blow))
            for fault in blow:
                gateway.control("/fault", {"modem": modem, **fault})
            for n in range(step * OUT // FAULTS, (step + 1) * OUT // FAULTS):
                gateway.send(wait=False, id=outgoing[n], to=f"+4917099{n:06d}", text=f"out {n}")
            for n in range(step * IN // FAULTS, (step + 1) * IN // FAULTS):
                sender = f"+491718{n:06d}"
                gateway.control(
                    "/deliver", {"modem": f"modem{rng.randrange(1, 3)}", "from": sender, "text": incoming[n]}
                )
            threading.Event().wait(rng.uniform(0, 0.5))  # when the next fault comes is what is random here
            for modem_now in gateway.control("/modems")["modems"]:
                sims[modem_now["name"]][modem_now["iccid"]] = None
        for modem in sims:  # what would go on for ever is put right
            gateway.control("/fault", {"modem": modem, "kind": "clear"})
            gateway.control("/fault", {"modem": modem, "kind": "unplug", "duration_s": 1.0})
        check(gateway, outgoing, incoming, chosen, sims)


def give_each_sim_its_turn(gateway: Box, sims: dict[str, dict[str, None]], done: Callable[[], bool]) -> None:
    """What was begun or received with one SIM is ended with that one, so all have to be in again for a while."""
    for turn in range(PATIENCE_S // TURN_S):
        with contextlib.suppress(AssertionError):
            wait_until(done, "everything to have arrived", TURN_S)
        if done():
            return
        for modem, iccids in sims.items():
            if len(iccids) > 1:
                iccid = list(iccids)[turn % len(iccids)]
                gateway.control("/fault", {"modem": modem, "kind": "sim-swap", "iccid": iccid})


def check(
    gateway: Box,
    outgoing: list[str],
    incoming: list[str],
    chosen: list[tuple[str, Blow]],
    sims: dict[str, dict[str, None]],
) -> None:
    """Every text once, except for what nobody could have known: a report that never came, a repeat of the network."""

    def last(client_id: str) -> str:
        return (gateway.statuses(client_id) or [""])[-1]

    def open_ones() -> dict[str, list[str]]:
        done = {"delivered"} if struck(gateway, "report-lost") == 0 else {"delivered", "sent"}
        return {client_id: gateway.statuses(client_id) for client_id in outgoing if last(client_id) not in done}

    def here() -> set[str]:
        return {event["text"] for event in gateway.seen("inbox")}

    give_each_sim_its_turn(gateway, sims, lambda: not open_ones() and len(here()) >= IN)
    assert open_ones() == {}, f"not delivered under {chosen}"
    assert set(incoming) - here() == set(), f"not in the inbox under {chosen}"
    taken = Counter(each["text"] for each in gateway.submitted())
    assert set(taken) == {f"out {n}" for n in range(OUT)}, chosen
    assert taken.total() - OUT <= struck(gateway, "report-lost"), (taken, chosen)
    shown = Counter(text for text, _ in {(e["text"], e["message_id"]) for e in gateway.seen("inbox")})
    assert set(shown) == set(incoming), chosen
    assert shown.total() - IN <= struck(gateway, "message-repeat"), (shown, chosen)


def struck(gateway: Box, kind: str) -> int:
    """How often a kind of fault has struck."""
    found = gateway.control("/faults")["struck"].values()
    return sum(one["kind"] == kind for modem in found for one in modem)
