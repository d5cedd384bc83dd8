"""What each class of refusal leads to: how often it is tried again, after what pause, and in what form."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path

import pytest

from gateway import app
from gateway.at import codes
from gateway.messaging.ledger import BACKOFF_S, SPREAD
from gateway.pdu import Direction, Submit, decode_frame
from tests.messaging.rig import Answer, Rig, refused, rig, run, until


async def pause_of(box: Rig, message_id: str, offered: int) -> timedelta:
    """Waits until the attempt has failed; the pause until the next."""
    await until(lambda: len(box.ports["one"].offered) == offered, f"attempt {offered}")

    async def paused() -> bool:
        not_before = (await box.service.message(message_id))[0].not_before
        return not_before is not None and not_before > box.clock.now()

    await until(paused, "a pause")
    not_before = (await box.service.message(message_id))[0].not_before
    assert not_before is not None
    return not_before - box.clock.now()


def test_pauses_grow_and_a_part_of_them_is_chance(tmp_path: Path) -> None:
    async def scenario(seed: int, path: Path) -> list[timedelta]:
        pauses = []
        async with rig(path, max_attempts=9, chance=random.Random(seed).random) as box:
            box.ports["one"].answers.extend([refused("retry")] * 7)
            await box.ready()
            message_id = (await box.send()).message_ids[0]
            for attempt in range(1, 8):
                pauses.append(await pause_of(box, message_id, attempt))
                box.pass_time(max(BACKOFF_S) + 1)
            await box.becomes(message_id, "sent")
        return pauses

    found: list[list[timedelta]] = []

    async def twice() -> None:
        for n, seed in enumerate((1, 2)):
            (tmp_path / str(n)).mkdir()
            found.append(await scenario(seed, tmp_path / str(n)))

    run(twice())
    for pauses in found:
        for pause, nominal in zip(pauses, (*BACKOFF_S, BACKOFF_S[-1], BACKOFF_S[-1]), strict=True):
            assert nominal * (1 - SPREAD) - 0.001 <= pause.total_seconds() <= nominal
    assert found[0] != found[1]


@pytest.mark.parametrize(
    ("answers", "attempts", "error"),
    [
        ([refused("retry", 2)] * 9, 2, "network_rejected"),
        ([refused("retry"), refused("retry"), *[refused("retry", 2)] * 9], 4, "network_rejected"),
        ([refused("retry", 2), refused("retry"), refused("retry", 2)], 3, "network_rejected"),
        ([refused("retry", 9)] * 9, 5, "network_busy"),
        ([refused("retry")] * 9, 5, "network_busy"),
    ],
)
def test_an_error_that_hides_a_permanent_cause_is_tried_less_often(
    tmp_path: Path, answers: list[Answer], attempts: int, error: str
) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            port = box.ports["one"]
            port.answers.extend(answers)
            await box.ready()
            message_id = (await box.send()).message_ids[0]
            for attempt in range(1, attempts):
                await pause_of(box, message_id, attempt)
                box.pass_time(max(BACKOFF_S) + 1)
            await box.becomes(message_id, "failed")
            assert len(port.offered) == attempts
            assert (await box.service.message(message_id))[0].error[0] == error  # type: ignore[index]

    run(scenario())


def test_an_ambiguous_error_is_repeated_as_often_as_its_number_allows(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, max_attempts=5) as box:
            port = box.ports["one"]
            port.answers.extend([refused("ambiguous", 2)] * 9)
            await box.ready()
            message_id = (await box.send()).message_ids[0]
            for attempt in (1, 2):
                await until(lambda n=attempt: len(port.offered) == n, f"attempt {attempt}")
                await box.becomes(message_id, "unknown")
                await box.sweep()
                box.pass_time(601)
            await box.becomes(message_id, "failed")
            assert len(port.offered) == 2

    run(scenario())


def validity(pdu: str) -> object:
    tpdu = decode_frame(pdu, Direction.MO).tpdu
    assert isinstance(tpdu, Submit)
    return tpdu.validity


@pytest.mark.parametrize(("text", "segments"), [("short", 1), ("0123456789" * 40, 3)])
def test_a_service_centre_that_takes_no_validity_period_gets_none(tmp_path: Path, text: str, segments: int) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            port = box.ports["one"]
            port.answers.append(refused("no_validity"))
            await box.ready()
            message_id = (await box.send(text=text, validity_s=3600)).message_ids[0]
            await pause_of(box, message_id, 1)
            box.pass_time(6)
            await box.becomes(message_id, "sent")
            assert [validity(pdu) is None for pdu in port.offered] == [False] + [True] * segments
            assert len(set(port.offered[1:])) == segments
            assert "".join(str(part) for _, part, _ in port.taken) == text
            timeline = (await box.service.message(message_id))[2]
            assert any(entry.what == "changed" for entry in timeline)

    run(scenario())


def test_without_a_validity_period_that_refusal_is_for_good(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            box.ports["one"].answers.append(refused("no_validity"))
            await box.ready()
            message_id = (await box.send()).message_ids[0]
            await box.becomes(message_id, "failed")
            assert (await box.service.message(message_id))[0].error[0] == "network_rejected"  # type: ignore[index]

    run(scenario())


def test_a_duplicate_counts_as_sent(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            box.ports["one"].answers.append(refused("sent"))
            await box.ready()
            message_id = (await box.send()).message_ids[0]
            assert await box.becomes(message_id, "sent") == ["queued", "sent"]
            timeline = (await box.service.message(message_id))[2]
            assert any("has it already" in entry.detail for entry in timeline)

    run(scenario())


@pytest.mark.parametrize(
    ("error", "unsent", "cause", "attempts"),
    [
        ("cms:21", False, "retry", 2),
        ("cms:38", False, "retry", None),
        ("cms:197", False, "sent", None),
        ("cms:197", True, "retry", None),  # instead of the prompt it cannot be about this text
        ("cms:198", False, "no_validity", None),
        ("cms:199", False, "no_validity", None),
        ("cms:255", False, "ambiguous", 2),
        ("cms:332", True, "retry", None),
        ("cms:500", False, "ambiguous", 3),
        ("cms:500", True, "retry", 3),
        ("cme:30", False, "retry", None),
        ("error", False, "retry", None),
        ("", False, "", None),
    ],
)
def test_how_a_modems_refusal_is_treated(error: str, unsent: bool, cause: str, attempts: int | None) -> None:
    assert app.cause_of(error, unsent=unsent) == cause
    assert app.attempts_of(error) == attempts


def test_every_retry_class_has_its_word() -> None:
    assert set(app._CAUSES) == set(codes.Retry)
