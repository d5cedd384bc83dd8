"""A storm: traffic both ways over three modems of different families, SIGKILL at random moments, small storages, faults on the lines.

Every seed is a storm of its own; see `seeds`.
"""

from __future__ import annotations

import itertools
import random
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.emulator.personalities import PERSONALITIES
from tests.chaos.seeds import ASKED, seeds
from tests.support.box import Box, box
from tests.support.processes import wait_until

OUT, IN, KILLS = (200, 200, 20) if ASKED else (48, 36, 5)
SUBMIT_S = (0.05, 0.5) if ASKED else (0.02, 0.2)
"""How long a modem takes for a submit, at least and at most."""

PATIENCE_S = 300 if ASKED else 90
LONG = " and so on, for more than one part" * 12

SETTINGS = """
[outbox]
unknown_hold_s = {hold_s}
late_reply_s = 1
"""

NETWORK = """
[network]
seed = {seed}
report_delay_s = 0.3
reorder = 0.2
reorder_s = 0.2
"""

FAMILIES = (
    ("sim7600", "huawei-e3372", "generic"),
    ("sim800", "ec25", "zte-mf"),
    ("sara-u2", "le910", "huawei-e173"),
    ("sara-r4", "a7670", "ec200"),
    ("sim7070", "eg25", "sim800"),
)
"""By seed. Not m66: it shows reports without wanting an acknowledgement, so those of a dead gateway are lost."""


def emulated(seed: int) -> str:
    """The bench of that seed. A report that nobody acknowledges comes again well within the hold of an unknown text."""
    modems = [
        f"""
[[modem]]
name = "modem{n}"
personality = "{family}"
number = "+49170000000{n}"
storages = {{ {", ".join(f"{memory} = 10" for memory in PERSONALITIES[family].memories)} }}
cnma_timeout_s = 1.0
"""
        for n, family in enumerate(FAMILIES[(seed - 1) % len(FAMILIES)], 1)
    ]
    return NETWORK.format(seed=seed) + "".join(modems)


@contextmanager
def three_modems(tmp_path: Path, seed: int, rng: random.Random, each_modem: str = "", hold_s: int = 8) -> Iterator[Box]:
    """A gateway with three modems, which take their time; online."""
    bench = tmp_path / "emulated.toml"
    bench.write_text(emulated(seed))
    arguments = ("-c", str(bench))
    with box(
        tmp_path, modems=None, extra=SETTINGS.format(hold_s=hold_s), each_modem=each_modem, emulate=arguments
    ) as gateway:
        for n in (1, 2, 3):
            slow = {"modem": f"modem{n}", "kind": "delay-reply", "match": r"\+CMGS", "count": 0}
            gateway.control("/fault", {**slow, "delay_s": rng.uniform(*SUBMIT_S)})
        gateway.start()
        gateway.wait_online("modem1", "modem2", "modem3", seconds=30)
        yield gateway


def texts_to_send(count: int = OUT) -> dict[str, str]:
    """By client id; a quarter of them long."""
    return {f"out{n}": f"out {n}" + (LONG if n % 4 == 0 else "") for n in range(count)}


@pytest.mark.parametrize("seed", seeds())
def test_nothing_is_lost_or_repeated_in_a_storm(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    with three_modems(tmp_path, seed, rng) as gateway:
        sent = texts_to_send()
        for n, (client_id, text) in enumerate(sent.items()):
            gateway.send(wait=False, id=client_id, to=f"+4917099{n:06d}", text=text)
        received = {f"in {n}" + (LONG if n % 3 == 0 else "") for n in range(IN)}
        for _ in range(KILLS):
            incoming = rng.sample(sorted(received), IN // KILLS)
            for text in incoming:
                deliver(gateway, rng, text)
                received.discard(text)
            threading.Event().wait(rng.uniform(0.1, 2.5))  # the moment of the kill is what is random here
            gateway.kill()
            gateway.start()
        for text in received:
            deliver(gateway, rng, text)
        check(gateway, sent)
        for _ in range(2):  # people do say the same word twice
            gateway.control("/deliver", {"modem": "modem1", "from": "+491718999999", "text": "twice"})
        wait_until(lambda: shown(gateway)["twice"] == 2, "both equal texts", 30)


@pytest.mark.parametrize("seed", seeds())
def test_without_reports_only_what_was_called_unknown_may_be_repeated(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    with three_modems(tmp_path, seed, rng, "delivery_reports = false\n", hold_s=5) as gateway:
        kills = KILLS if ASKED else 2
        sent = texts_to_send(OUT if ASKED else 16)
        for n, (client_id, text) in enumerate(sent.items()):
            gateway.send(wait=False, id=client_id, to=f"+4917099{n:06d}", text=text)
        for _ in range(kills):
            goal = len(gateway.submitted()) + len(sent) // kills // 2
            wait_until(lambda g=goal: len(gateway.submitted()) >= g or everything_left(gateway, sent), "traffic", 60)
            threading.Event().wait(rng.uniform(0, 0.5))  # the moment of the kill is what is random here
            gateway.kill()
            gateway.start()
        wait_until(lambda: everything_left(gateway, sent), "every text to be sent", PATIENCE_S)
        repeats = check_repeats(gateway, sent)
        unknown = sum("unknown" in gateway.statuses(client_id) for client_id in sent)
        print(f"seed {seed}: {kills} kills, {unknown} texts unknown for a while, {repeats} segments repeated")


def everything_left(gateway: Box, sent: dict[str, str]) -> bool:
    return all((gateway.statuses(client_id) or [""])[-1] == "sent" for client_id in sent)


def check_repeats(gateway: Box, sent: dict[str, str]) -> int:
    """Every text arrived; what arrived more than once had been `unknown`. Returns how many segments came again."""
    repeats = 0
    for n, (client_id, text) in enumerate(sent.items()):
        parts = gateway.control(f"/phones/+4917099{n:06d}")["parts"]
        taken = Counter((part["udh"]["seq"] if part["udh"] else 1, part["text"]) for part in parts)
        assert "".join(piece for _, piece in sorted(taken)) == text, client_id
        again = sum(taken.values()) - len(taken)
        assert again <= gateway.statuses(client_id).count("unknown"), client_id
        repeats += again
    return repeats


def deliver(gateway: Box, rng: random.Random, text: str) -> None:
    n = int(text.split()[1])
    gateway.control(
        "/deliver", {"modem": f"modem{rng.randrange(1, 4)}", "from": f"+491718{n:06d}", "text": text, "ref": n}
    )


def settled(statuses: list[str]) -> list[str]:
    """Without what a kill adds: `unknown`, and `queued` again when it turned out that nothing had left."""
    return [word for word, _ in itertools.groupby(word for word in statuses if word != "unknown")]


def shown(gateway: Box) -> Counter[str]:
    """The texts in the inbox, each message counted once."""
    return Counter(text for text, _ in {(e["text"], e["message_id"]) for e in gateway.seen("inbox")})


def check(gateway: Box, sent: dict[str, str]) -> None:
    def last(client_id: str) -> str:
        return (gateway.statuses(client_id) or [""])[-1]

    wait_until(
        lambda: all(last(client_id) == "delivered" for client_id in sent), "every text to be delivered", PATIENCE_S
    )
    phones = {to: gateway.control(f"/phones/{to}")["parts"] for to in {f"+4917099{n:06d}" for n in range(OUT)}}
    for n, (client_id, text) in enumerate(sent.items()):
        parts = phones[f"+4917099{n:06d}"]
        taken = sorted((part["udh"]["seq"] if part["udh"] else 1, part["text"]) for part in parts)
        assert "".join(piece for _, piece in taken) == text, client_id
        assert len({part["modem"] for part in parts}) == 1
        assert settled(gateway.statuses(client_id)) == ["queued", "sent", "delivered"]
    expected = Counter(f"in {n}" + (LONG if n % 3 == 0 else "") for n in range(IN))

    wait_until(lambda: sum(shown(gateway).values()) >= IN, "every text in the inbox", 60)
    assert shown(gateway) == expected

    def left() -> int:
        modems = gateway.control("/modems")["modems"]
        return sum(each["waiting"] + sum(s["used"] for s in each["storages"].values()) for each in modems)

    wait_until(lambda: left() == 0, "the modems to be empty", 90)
