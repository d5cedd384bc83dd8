"""Keeps a connection to the broker, and runs the parts on it."""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
import ssl
from contextlib import suppress

from paho.mqtt.client import MQTTMessage

from gateway import __version__
from gateway.clock import Clock
from gateway.config import Config, MqttAddress, MqttSection
from gateway.errors import ConfigError, StoreError
from gateway.mqtt import payloads
from gateway.mqtt.commands import CommandIntake
from gateway.mqtt.connection import V5, V311, ClosedEarly, Connection, ConnectionFailed, ProtocolRefused, Settings
from gateway.mqtt.lines import LinePublisher
from gateway.mqtt.ports import Service
from gateway.mqtt.proofs import Proofs
from gateway.mqtt.publisher import CONSUMER, EventPublisher
from gateway.mqtt.topics import ReplyTopics, Topics

log = logging.getLogger(__name__)

FIRST_PAUSE = 0.2
LONGEST_PAUSE = 30.0
STEADY_AFTER = 10.0
"""Seconds that a connection must have lasted for the next pause to be a short one again."""
SESSION_KEY = "mqtt.session"
SILENT_CLOSES = 2
"""So many times may a broker close the connection instead of answering CONNECT before MQTT 3.1.1 is tried."""
FAREWELL_SECONDS = 2.0


class Bridge:
    """The MQTT edge. `run` it until it is cancelled; it never ends by itself."""

    def __init__(self, config: Config, service: Service, clock: Clock) -> None:
        """Raises ConfigError when the URL is empty."""
        address = MqttAddress.parse(config.mqtt.url)
        if address is None:
            raise ConfigError("mqtt.url: there is no broker configured")
        self._config = config.mqtt
        self._address = address
        self._gateway = config.gateway.id
        self._topics = Topics(f"{config.mqtt.base_topic}/{config.gateway.id}")
        self._replies = ReplyTopics()
        self._targets = config.notify
        self._service = service
        self._clock = clock
        self._lines = LinePublisher(service, self._topics, clock)
        self._proofs = Proofs()
        self._silent_closes = 0
        self._trouble: str | None = "not connected yet"
        self._last_failure = ""

    @property
    def trouble(self) -> str | None:
        """Why the gateway is not connected to its broker; None when it is."""
        return self._trouble

    async def run(self) -> None:
        """Connects, serves, and connects again after a growing, jittered pause, until cancelled."""
        pause = FIRST_PAUSE
        while True:
            started = self._clock.monotonic()
            # A task of its own: a task group of Python 3.11 can hide a cancellation that comes together with a failure.
            connection = asyncio.create_task(self._connect_and_serve(), name="mqtt-connection")
            try:
                await asyncio.wait((connection,))
            except asyncio.CancelledError:
                connection.cancel()
                await asyncio.wait((connection,))
                raise
            finally:
                if connection.done() and not connection.cancelled():
                    self._note_trouble(connection.exception())
            if self._clock.monotonic() - started >= STEADY_AFTER:
                pause = FIRST_PAUSE
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311  # jitter is no secret
            pause = min(pause * 2, LONGEST_PAUSE)

    def _note_trouble(self, failure: BaseException | None) -> None:
        """A failure that goes on is logged once; a defect in full, but it does not take the modems down."""
        leaf = failure
        while isinstance(leaf, BaseExceptionGroup):
            leaf = leaf.exceptions[0]
        expected = isinstance(leaf, ConnectionFailed | StoreError)
        why = str(leaf) if expected else "a defect; the log says more"
        if not expected:
            log.error("mqtt: a defect; connecting again", exc_info=failure)
        elif why != self._last_failure:
            log.warning("mqtt: %s", why)
        self._trouble = self._last_failure = why

    async def _connect_and_serve(self) -> None:
        await self._service.cursor(CONSUMER)  # from here on events wait for us, also while no broker can be reached
        settings = self._settings()
        try:
            await self._serve(settings, v5=True)
        except ProtocolRefused:
            log.warning("mqtt: the broker does not speak MQTT 5; 3.1.1 cannot tell live retained commands from others")
        except ClosedEarly:
            self._silent_closes += 1
            if self._silent_closes < SILENT_CLOSES:
                raise
        await self._serve(settings, v5=False)

    async def _serve(self, settings: Settings, *, v5: bool) -> None:
        early: list[MQTTMessage] = []  # what arrives with CONNACK, before the session has its name
        intake: CommandIntake | None = None

        def on_message(message: MQTTMessage) -> None:
            if intake is None:
                early.append(message)
            else:
                intake.received(message)

        connection = Connection(settings, V5 if v5 else V311, on_message)
        try:
            session_present = await connection.open()
            session = await self._session(session_present)
            intake = CommandIntake(
                self._service, self._topics, self._replies, connection, session, self._targets, self._proofs
            )
            for message in early:
                intake.received(message)
            log.info(
                "mqtt: connected to %s:%d, MQTT %s, %s session",
                settings.host,
                settings.port,
                "5" if v5 else "3.1.1",
                "kept" if session_present else "new",
            )
            await self._run_parts(connection, intake)
        finally:
            connection.fail("closed by us")
            if intake is not None:
                await intake.drain()
            self._replies.connection_ended()

    async def _run_parts(self, connection: Connection, intake: CommandIntake) -> None:
        events = EventPublisher(self._service, self._topics, self._replies, connection)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._watch(connection), name="mqtt-watch")
                group.create_task(intake.run(), name="mqtt-intake")
                await connection.subscribe(self._topics.subscriptions)
                await self._announce(connection)
                self._trouble = None
                self._silent_closes = 0
                group.create_task(self._lines.run(connection), name="mqtt-lines")
                group.create_task(events.run(), name="mqtt-events")
        except asyncio.CancelledError:
            await self._farewell(connection, intake)
            raise
        finally:
            with suppress(StoreError):  # then the events come again after the next connect
                await events.save()

    async def _watch(self, connection: Connection) -> None:
        await asyncio.wait((connection.closed,))  # unlike awaiting it, this leaves it alone when we are cancelled
        raise ConnectionFailed(f"{self._address.host}:{self._address.port}: {connection.closed.result()}")

    async def _announce(self, connection: Connection) -> None:
        modems = [line.name for line in self._service.lines()]
        await connection.publish(self._topics.bridge_state, payloads.ONLINE, retain=True)
        await connection.publish(
            self._topics.bridge_info, payloads.info(__version__, self._gateway, modems), retain=True
        )
        await self._lines.publish_all(connection)

    async def _farewell(self, connection: Connection, intake: CommandIntake) -> None:
        """The orderly end: what was taken is acknowledged, and the retained topics say that we are gone."""
        with suppress(ConnectionFailed):
            await intake.drain()
            await self._lines.publish_offline(connection)
            await connection.publish(self._topics.bridge_state, payloads.OFFLINE, retain=True)
            await connection.drain(FAREWELL_SECONDS)
            await connection.disconnect()

    async def _session(self, present: bool) -> str:
        """The name of the broker's session: packet identifiers mean something only within it."""
        session = await self._service.get_value(SESSION_KEY) if present else None
        if session is None:
            session = secrets.token_hex(8)
            await self._service.set_value(SESSION_KEY, session)
        return session

    def _settings(self) -> Settings:
        password = self._address.password
        try:
            if self._config.password_file is not None:
                password = self._config.password_file.read_text(encoding="utf-8").rstrip("\r\n")
            tls = tls_context(self._config) if self._address.tls else None
        except (OSError, ValueError) as exc:  # ssl.SSLError is an OSError
            raise ConnectionFailed(f"a file that [mqtt] names cannot be used: {exc}") from exc
        return Settings(
            host=self._address.host,
            port=self._address.port,
            client_id=f"smsgw-{self._gateway}",
            will_topic=self._topics.bridge_state,
            will_payload=payloads.OFFLINE.encode(),
            username=self._address.username,
            password=password,
            tls=tls,
        )


def tls_context(config: MqttSection) -> ssl.SSLContext:
    """What `mqtts://` is made with. Raises OSError, ssl.SSLError among them, for files that cannot be used."""
    context = ssl.create_default_context(cafile=config.ca_file)
    if config.cert_file is not None:
        context.load_cert_chain(config.cert_file, config.key_file, password="")  # never ask the terminal
    return context
