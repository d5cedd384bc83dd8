"""The rules, the database and a modem line together, on a modem that does at a given octet what it is told to do."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import pytest

from gateway.app import _LineListener, _LinePort
from gateway.clock import SystemClock
from gateway.messaging import LineSettings, Service, Settings
from gateway.messaging.model import MessageFilter, Origin, SendRequest, TimelineEntry
from gateway.modem import Line, LineConfig
from gateway.store import SqliteStore
from tests.messaging.rig import until
from tests.modem.peer import Peer

TO = "+4915112345678"


class Bench:
    """One line from the command to the modem."""

    def __init__(self, peer: Peer, line: Line, service: Service, store: SqliteStore) -> None:
        self.peer = peer
        self.line = line
        self.service = service
        self.store = store

    async def send(self, text: str = "hello", **more: object) -> str:
        request = SendRequest(to=(TO,), text=text, **more)  # type: ignore[arg-type]
        return (await self.service.send(request, Origin(edge="test"))).message_ids[0]

    async def status(self, message_id: str) -> str:
        return (await self.service.message(message_id))[0].status

    async def becomes(self, message_id: str, status: str) -> list[TimelineEntry]:
        async def there() -> bool:
            return await self.status(message_id) == status

        await until(there, f"{message_id} to be {status}")
        return (await self.service.message(message_id))[2]

    async def inbox(self) -> list[str | None]:
        found = await self.service.messages(MessageFilter(direction="inbound"))
        return [message.text for message in reversed(found)]


def play(path: Path, script: Callable[[Bench], Awaitable[None]], peer: Peer | None = None, **config: float) -> None:
    async def main() -> None:
        modem = peer or Peer()
        store = SqliteStore(path / "smsgw.db")
        await store.open()
        service = Service(store, SystemClock(), Settings(region="DE", lines=(LineSettings(name="one"),)))
        await service.start()
        line = Line(
            LineConfig(name="one", port=modem.path, **config),  # type: ignore[arg-type]
            _LineListener(service.listener, service.notices),
            SystemClock(),
            expect_late=lambda: service.listener.expects_late("one"),
        )
        tasks = [
            asyncio.create_task(service.run({"one": _LinePort("one", line)})),
            asyncio.create_task(line.run()),
        ]
        try:
            async with asyncio.timeout(30):
                await until(lambda: service.lines()[0].able, "the line to be able to send")
                await script(Bench(modem, line, service, store))
        finally:
            for task in tasks:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
            await store.close()
            modem.unplug()

    asyncio.run(main())


@pytest.mark.parametrize("error", ["+CMS ERROR: 500", "+CMS ERROR: 332", "+CMS ERROR: 197"])
@pytest.mark.parametrize("instead_of_prompt", [True, False])
def test_an_error_before_ctrl_z_tells_that_nothing_left(tmp_path: Path, error: str, instead_of_prompt: bool) -> None:
    """After Ctrl-Z these leave open whether the text went out; before it they cannot."""

    async def script(bench: Bench) -> None:
        peer = bench.peer
        prompt = peer.replies["AT+CMGS="]
        peer.replies["AT+CMGS="] = f"\r\n{error}\r\n" if instead_of_prompt else f"\r\n> \r\n{error}\r\n"
        message_id = await bench.send(at_most_once=True)
        await until(lambda: any(line.startswith("AT+CMGS=") for line in peer.heard), "the attempt")
        peer.replies["AT+CMGS="] = prompt

        async def judged() -> bool:
            return len((await bench.service.message(message_id))[2]) >= 3

        await until(judged, "the verdict")
        timeline = [entry.what for entry in (await bench.service.message(message_id))[2]]
        assert timeline[:3] == ["queued", "submitting", "pending"]
        assert await bench.status(message_id) == "queued"
        assert "CTRL-Z" not in peer.heard

    play(tmp_path, script)


def test_a_port_that_is_lost_behind_the_reference_leaves_nothing_open(tmp_path: Path) -> None:
    """Only the OK is missing: the network has the text, and it must not be sent again."""

    async def script(bench: Bench) -> None:
        peer = bench.peer
        peer.submit_reply = "\r\n+CMGS: 7\r\n"
        message_id = await bench.send()
        await until(lambda: any("+CMGS: 7" in entry.text for entry in bench.line.recorder.entries()), "the reference")
        peer.unplug()
        await bench.becomes(message_id, "sent")
        (segment,) = (await bench.service.message(message_id))[1]
        assert segment.mr == 7

    play(tmp_path, script)
