"""The whole bench in one object: modems, network, control; and `serve`, which runs it until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from gateway.clock import SystemClock
from gateway.emulator import config as configuration
from gateway.emulator import content, tpdu
from gateway.emulator.config import EmulatorConfig
from gateway.emulator.faults import Fault, build
from gateway.emulator.mms import PORTS, Notification
from gateway.emulator.modem import Modem
from gateway.emulator.network import Network
from gateway.emulator.network.broadcast import Broadcast
from gateway.emulator.network_config import check_network
from gateway.emulator.pty import ClientWatch
from gateway.emulator.reception import Item
from gateway.errors import RequestError

if TYPE_CHECKING:
    from gateway.emulator.control import Control

log = logging.getLogger(__name__)

ALL_MODEMS = "*"
PUSH_SENDER = "+491710769999"  # an MMSC
MAX_REF = 255  # of a concatenation (23.040 9.2.3.24.1)
MAX_SCRIPT = 10_000  # faults that wait for their time


class Emulator:
    """An async context manager: inside it the ports exist. `network.submitted` has what clients have sent."""

    def __init__(self, config: EmulatorConfig) -> None:
        configuration.check(config)
        self.config = config
        self.modems: dict[str, Modem] = {}
        self.control_url: str | None = None
        self._control: Control | None = None
        self._pushes = 0
        self._script: list[asyncio.TimerHandle] = []

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._watch = ClientWatch()
        self._watch.start()
        try:
            await self._start(self.config)
        except BaseException:
            await self._stop()
            raise
        return self

    async def _start(self, config: EmulatorConfig) -> None:
        realistic = config.timing == "realistic"
        self.network = Network(config.network, SystemClock(), realistic=realistic)
        links = None if config.links is None else config.links.absolute()
        if links is not None:
            links.mkdir(parents=True, exist_ok=True)
        for position, modem_config in enumerate(config.modems, start=1):
            full = configuration.completed(modem_config, position)
            modem = Modem(full, self.network, realistic=realistic, watch=self._watch, links=links)
            self.network.attach(modem)
            self.modems[full.name] = modem
        if config.control is not None:
            # FastAPI and uvicorn cost half a second of import: only for those who want the control
            from gateway.emulator.control import Control

            self._control = Control(self)
            self.control_url = await self._control.start(*config.control)
        for step in config.faults:
            self.schedule(step.at_s, step.modem, step.kind, **step.fields)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stop()

    async def _stop(self) -> None:
        for step in self._script:
            step.cancel()
        if self._control is not None:
            await self._control.stop()
        for modem in self.modems.values():
            modem.stop()
        self._watch.stop()

    def modem(self, name: str) -> Modem:
        """Raises RequestError where there is none of that name."""
        if name not in self.modems:
            raise RequestError(f"no modem is called {name!r}", code="unknown_modem", field="modem")
        return self.modems[name]

    def port(self, name: str) -> str:
        """The device that clients of the modem open. Raises RequestError while it is unplugged."""
        port = self.modem(name).port
        if port is None:
            raise RequestError(f"{name} is unplugged", field="modem")
        return port.name

    async def deliver(self, modem: str, sender: str = "+491710000000", **values: Any) -> int:
        """Sends a message from the network to `modem`; fields as in `content.Delivery`. Returns the number of TPDUs.

        Raises RequestError where the fields do not make a message.
        """
        target = self.modem(modem)
        delivery = content.Delivery(sender=sender, **values)
        parts = content.tpdus(delivery, self.network.centres.main.local_time())
        for part in parts:
            self.network.route(target, Item(octets=part, report=False), delivery.delay_s)
        return len(parts)

    async def notify(self, modem: str, sender: str, **values: Any) -> int:
        """Pushes the notification of a multimedia message; fields as in `mms.Notification`. Returns the TPDUs.

        Raises RequestError where a field cannot be written.
        """
        self.modem(modem)
        self._pushes = self._pushes % MAX_REF + 1
        try:
            push = Notification(sender=sender, **values).push()
        except ValueError as exc:
            raise RequestError(str(exc)) from exc
        return await self.deliver(modem, PUSH_SENDER, data_hex=push.hex(), ports=PORTS, ref=self._pushes, wide=True)

    def broadcast(self, message: Broadcast, modem: str | None = None) -> dict[str, int]:
        """Sends a cell broadcast to one modem or to all. Returns how many pages each has shown. Raises RequestError."""
        try:
            pages = message.pages()
        except ValueError as exc:
            raise RequestError(str(exc)) from exc
        targets = list(self.modems.values()) if modem is None else [self.modem(modem)]
        return {one.config.name: sum(one.reception.broadcast(page) for page in pages) for one in targets}

    async def text_from_phone(self, number: str, to: str, text: str, **values: Any) -> int:
        """Sends a text from a phone to the modem whose number is `to`; as `deliver`, with a reference of its own.

        Raises RequestError where `to` is no modem's.
        """
        target = self.network.modem_of(to)
        if target is None:
            raise RequestError(f"no modem has the number {to}", field="to")
        phone = self.network.phones.get(number)
        phone.written = phone.written % MAX_REF + 1
        return await self.deliver(target.config.name, number, text=text, ref=phone.written, **values)

    def status_report(self, modem: str, to: str, mr: int, st: int = 0) -> None:
        """Sends a status report of TP-ST `st` for the message that `modem` sent to `to` under `mr`."""
        if not (0 <= mr <= 255 and 0 <= st <= 255):
            raise RequestError("mr and st are octets, 0 to 255", field="mr")
        try:
            ra = tpdu.address(to)
        except ValueError as exc:
            raise RequestError(str(exc), field="to") from exc
        scts = self.network.centres.main.timestamp()
        octets = tpdu.status_report(mr, ra, scts, scts, st)
        self.network.route(self.modem(modem), Item(octets=octets, report=True))

    def fault(self, modem: str, kind: str, **values: Any) -> list[Fault]:
        """Sets a fault on one modem or on all (`*`); see `faults.KINDS`. Raises RequestError."""
        targets = list(self.modems.values()) if modem == ALL_MODEMS else [self.modem(modem)]
        return [target.fault(kind, **values) for target in targets]

    def schedule(self, at_s: float, modem: str, kind: str, **values: Any) -> None:
        """Sets a fault in `at_s` seconds. Raises RequestError now when it is none."""
        build(kind, values)
        if modem != ALL_MODEMS:
            self.modem(modem)
        self._script = [step for step in self._script if step.when() > self._loop.time()]
        if len(self._script) >= MAX_SCRIPT:
            raise RequestError(f"at most {MAX_SCRIPT} faults can be waiting for their time")
        self._script.append(self._loop.call_later(at_s, self._step, modem, kind, values))

    def _step(self, modem: str, kind: str, values: dict[str, Any]) -> None:
        try:
            self.fault(modem, kind, **values)
        except RequestError as error:  # there are too many, or this family lacks the memory: nobody is left to be told
            log.warning("a fault of the script was not set: %s", error)

    def configure_network(self, **values: Any) -> None:
        """Changes how the network treats messages from now on. Raises ConfigError."""
        changed = replace(self.network.config, **values)
        check_network(changed)
        self.network.configure(changed)

    def reset(self) -> None:
        """As at the start: no messages anywhere, no faults, the network as configured."""
        self.network.reset()
        self.network.configure(self.config.network)
        for modem in self.modems.values():
            modem.erase()
            modem.recover()

    def describe(self) -> dict[str, Any]:
        """The line that `smsgw emulate` prints when it is ready."""
        modems = [
            {
                "name": modem.config.name,
                "port": modem.port.name if modem.port is not None else None,
                "ports": modem.ttys.describe(),
                "number": modem.config.number,
                "imei": modem.config.imei,
                "iccid": modem.config.iccid,
                "imsi": modem.config.imsi,
                "personality": modem.personality.name,
            }
            for modem in self.modems.values()
        ]
        return {"modems": modems, "control": self.control_url}


async def serve(config: EmulatorConfig, ready: Callable[[dict[str, Any]], None], stopped: asyncio.Event) -> None:
    """Runs the emulator until `stopped` is set; `ready` is called once with `Emulator.describe()`."""
    async with Emulator(config) as emulator:
        ready(emulator.describe())
        await stopped.wait()
