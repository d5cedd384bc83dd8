"""The whole gateway, killed while an application is asked: asked again with the same ids, and answered once."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

from gateway.messaging.twilio import NumberSettings
from gateway.store import SqliteStore
from tests.edges.twilio.application import Answer, Application, Request, serving, twiml
from tests.support.box import Box, box
from tests.support.processes import PATIENCE, wait_until

PEER = "+491718888888"


def test_a_gateway_that_is_killed_asks_again_and_answers_once(tmp_path: Path) -> None:
    asked, killed = threading.Event(), threading.Event()

    def hanging(_: Request) -> Answer:
        asked.set()
        killed.wait(PATIENCE)
        return twiml("<Message>two</Message>")

    with serving() as application, box(tmp_path, modems=1, extra="[twilio]\nallow_private = true\n") as gateway:
        application.answers = {
            "/sms": twiml("<Message statusCallback='/status'>one</Message><Redirect>/next</Redirect>"),
            "/next": hanging,
        }
        _set(gateway, application, tmp_path)
        gateway.start()
        gateway.wait_online("modem1")
        gateway.control("/deliver", {"modem": "modem1", "from": PEER, "text": "Grüße"})
        assert asked.wait(PATIENCE)
        wait_until(lambda: _sent(gateway) == ["one"], "the first answer to leave")
        gateway.kill()
        killed.set()
        application.answers["/next"] = twiml("<Message>two</Message>")
        gateway.start()
        gateway.wait_online("modem1")
        wait_until(lambda: len(_sent(gateway)) >= 2, "the second answer to leave")
        wait_until(lambda: _statuses(application)[-1:] == ["delivered"], "the last status of the first answer")
        assert gateway.stop() == 0
        assert _sent(gateway) == ["one", "two"]
    texts = [request for request in application.requests if request.path == "/sms"]
    assert len(texts) == 2
    assert texts[0].fields == texts[1].fields
    statuses = _statuses(application)
    assert list(dict.fromkeys(statuses)) == ["queued", "sent", "delivered"]


def _sent(gateway: Box) -> list[str]:
    return [each["text"] for each in gateway.submitted()]


def _statuses(application: Application) -> list[str]:
    return [each.fields["MessageStatus"] for each in list(application.requests) if each.path == "/status"]


def _set(gateway: Box, application: Application, directory: Path) -> None:
    """The number's address, before the first start."""
    (modem,) = gateway.control("/modems")["modems"]

    async def write() -> None:
        store = SqliteStore(directory / "data" / "smsgw.db")
        await store.open()
        settings = NumberSettings(iccid=modem["iccid"], number=modem["number"], sms_url=application.url("/sms"))
        await store.write(lambda tx: tx.twilio.put_number(settings))
        await store.close()

    asyncio.run(write())
