"""The process dies at every named place of the way out and of the way in. Nothing is lost, nothing comes twice."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from gateway.crashpoints import POINTS
from tests.chaos.seeds import ASKED
from tests.chaos.test_storm import settled
from tests.support.box import Box, box
from tests.support.processes import ROOT, wait_until

PASSAGES = {"store.open": (2, 5), "store.committed": (2, 5)}
"""Which passages of a place are deadly; the first, unless said otherwise. The first commit of all is no traffic's."""

DEATHS = [f"{name}:{n}" for name in POINTS for n in PASSAGES.get(name, (1,))]
ROUNDS = [DEATHS, *([f"{name}:{n}" for n in range(2, 12)] for name in PASSAGES)] if ASKED else [DEATHS]
LONG = " and so on, for more than one part" * 6

SETTINGS = """
[outbox]
unknown_hold_s = 5
late_reply_s = 0.2
"""


@pytest.mark.parametrize("deaths", ROUNDS, ids=[f"round-{n}" for n in range(len(ROUNDS))])
def test_death_at_every_place(tmp_path: Path, deaths: list[str]) -> None:
    """One gateway dies again and again: what one death left open is settled while the next one comes."""
    with box(tmp_path, extra=SETTINGS) as gateway:
        gateway.start()
        gateway.wait_online("modem1", "modem2")  # from here on the broker keeps commands for it
        gateway.kill()
        for n, death in enumerate(deaths):
            gateway.start(crash_at=death)
            long = LONG if n % 4 == 0 else ""
            gateway.send(wait=False, id=f"out{n}", to=f"+4917099{n:06d}", modem="modem1", text=f"out {n}{long}")
            gateway.control(
                "/deliver", {"modem": "modem2", "from": f"+491718{n:06d}", "text": f"in {n}{long}", "ref": n}
            )
            dead = gateway.daemon
            assert dead is not None
            wait_until(lambda d=dead: d.process.poll() is not None, f"death at {death}", 20)
            assert dead.process.returncode == -9, death
        gateway.start()
        check(gateway, deaths)


def check(gateway: Box, deaths: list[str]) -> None:
    def last(n: int) -> str:
        return (gateway.statuses(f"out{n}") or [""])[-1]

    numbers = range(len(deaths))
    wait_until(lambda: all(last(n) == "delivered" for n in numbers), "every text to be delivered", 60)
    for n, death in enumerate(deaths):
        parts = gateway.control(f"/phones/+4917099{n:06d}")["parts"]
        taken = sorted((part["udh"]["seq"] if part["udh"] else 1, part["text"]) for part in parts)
        assert "".join(piece for _, piece in taken) == f"out {n}" + (LONG if n % 4 == 0 else ""), death
        assert settled(gateway.statuses(f"out{n}")) == ["queued", "sent", "delivered"], death
    # Deaths that found no submit under way would have shown nothing.
    assert sum("unknown" in gateway.statuses(f"out{n}") for n in numbers) >= (4 if deaths is DEATHS else 0)
    expected = Counter(f"in {n}" + (LONG if n % 4 == 0 else "") for n in numbers)

    def shown() -> Counter[str]:
        return Counter(text for text, _ in {(e["text"], e["message_id"]) for e in gateway.seen("inbox")})

    wait_until(lambda: sum(shown().values()) >= len(deaths), "every text in the inbox", 60)
    assert shown() == expected
    assert all(not e["parts_missing"] for e in gateway.seen("inbox"))


def test_a_place_that_is_not_there_is_told_at_once() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import gateway.crashpoints"],
        env={**os.environ, "PYTHONPATH": str(ROOT), "SMSGW_CRASH_AT": "submit.endde"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "there is no crash point 'submit.endde'" in done.stderr


@pytest.mark.parametrize("name", POINTS)
def test_every_place_is_somewhere(name: str) -> None:
    found = [path for path in (ROOT / "gateway").rglob("*.py") if f'crashpoints.at("{name}")' in path.read_text()]
    assert len(found) == 1
