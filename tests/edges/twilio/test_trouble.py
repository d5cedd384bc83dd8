"""What clients are told when it is the gateway that cannot: too many requests, a full queue, a database that takes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from gateway.errors import CODES, StoreError
from gateway.messaging import Service, service
from gateway.messaging.accept import Also
from gateway.messaging.model import CommandResult, Message, Origin, SendRequest, Status
from gateway.messaging.twilio import Shown
from gateway.web import Parts
from gateway.web.twilio import shapes
from gateway.web.twilio.account import Account
from gateway.web.twilio.app import Twilio
from gateway.web.twilio.errors import number_of, outcome_number
from tests.edges.gateway_thread import GatewayThread, config_for

ACCOUNT = Account(sid="AC" + "1" * 32, token="2" * 32, region="DE")
PATH = f"/2010-04-01/Accounts/{ACCOUNT.sid}/Messages.json"


class WithTwilio(GatewayThread):
    """A gateway in this process, without modems, that offers the API."""

    def parts(self) -> Parts:
        return replace(super().parts(), twilio=Twilio(account=ACCOUNT, store=self.store))


@contextmanager
def asked(directory: Path, kind: type[Service] = Service, per_minute: int = 0) -> Iterator[httpx.Client]:
    config = config_for(directory, "")
    config = config.model_copy(update={"web": config.web.model_copy(update={"rate_per_minute": per_minute})})
    with WithTwilio(config, service=kind) as gateway:
        assert gateway.web.url is not None
        with httpx.Client(base_url=gateway.web.url, auth=(ACCOUNT.sid, ACCOUNT.token)) as http:
            yield http


def told(answer: httpx.Response) -> tuple[int, int]:
    body = answer.json()
    assert set(body) == {"code", "message", "more_info", "status"}
    assert body["status"] == answer.status_code
    return answer.status_code, body["code"]


def test_too_many_requests(tmp_path: Path) -> None:
    with asked(tmp_path, per_minute=2) as http:
        answers = [http.get(PATH) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert told(answers[-1]) == (429, 20429)
    assert int(answers[-1].headers["retry-after"]) > 0


class Broken(Service):
    """Its database takes nothing, or it has a defect."""

    async def send(self, request: SendRequest, origin: Origin, also: Also | None = None) -> CommandResult:
        raise StoreError("the disk is full") if request.text == "store" else ZeroDivisionError


class Full(Service):
    """No more text may wait."""

    async def send(self, request: SendRequest, origin: Origin, also: Also | None = None) -> CommandResult:
        return CommandResult(status="rejected", error=("queue_full", "there is room for 0"))


@pytest.mark.parametrize(
    ("kind", "body", "expected"),
    [(Broken, "store", (503, 20503)), (Broken, "defect", (500, 20500)), (Full, "x", (429, 21611))],
)
def test_a_text_that_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: type[Service], body: str, expected: tuple[int, int]
) -> None:
    monkeypatch.setattr(
        "tests.edges.gateway_thread.LineSettings", lambda name: service.LineSettings(name=name, number="+491700000001")
    )
    with asked(tmp_path, kind) as http:
        form = {"To": "+491701234567", "From": "+491700000001", "Body": body}
        assert told(http.post(PATH, data=form)) == expected


def test_each_code_has_a_number_of_twilios() -> None:
    assert {code: number_of(code) for code in ("invalid_number", "opted_out", "queue_full", "rate_limited")} == {
        "invalid_number": 21211,
        "opted_out": 21610,
        "queue_full": 21611,
        "rate_limited": 20429,
    }
    assert all(20000 < number_of(code) < 40000 for code in CODES)
    outcomes = {code: outcome_number(code) for code in ("undelivered", "network_rejected", "no_modem", "expired")}
    assert outcomes == {"undelivered": 30003, "network_rejected": 30007, "no_modem": 30001, "expired": 30036}
    assert outcome_number("whatever else") == 30008


def test_an_unknown_outcome_is_shown_as_sending() -> None:
    now = datetime(2026, 3, 1, 12, 0, 5, tzinfo=UTC)
    words = {}
    for status in Status:
        message = Message(
            id="SM1", direction="outbound", peer="+49170", status=status, created_at=now, updated_at=now, text="x"
        )
        shown = shapes.message(Shown(message=message, beside=None, sent_at=None), "AC1")
        words[status.value] = shown["status"]
        assert shown["date_created"] == "Sun, 01 Mar 2026 12:00:05 +0000"
        assert (shown["num_segments"], shown["num_media"], shown["date_sent"]) == ("1", "0", None)
    assert words.pop("unknown") == "sending"
    assert all(ours == theirs for ours, theirs in words.items())
