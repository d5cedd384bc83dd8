"""The composition root: the only module that knows all layers. Builds them from the configuration and runs them as named tasks."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from gateway.accounts import Accounts
from gateway.at import codes
from gateway.at.vendor_codes import refusal
from gateway.clock import Clock, SystemClock
from gateway.config import Config
from gateway.errors import ConfigError
from gateway.lock import only_one
from gateway.messaging import Service
from gateway.messaging.listener import Listener
from gateway.messaging.notices import Notices
from gateway.messaging.timekeeper import Timekeeper
from gateway.modem import (
    CallChange,
    Finder,
    Identity,
    LateSubmit,
    Line,
    LineConfig,
    LineState,
    PinGuard,
    Received,
    Recorders,
    SimNames,
    SubmitResult,
    Unstored,
    profiles,
)
from gateway.mqtt import Bridge
from gateway.secret_files import SECRETS, ensure_secrets, read_secrets, webhook_secret
from gateway.settings import settings_of
from gateway.store import Backups, SqliteStore
from gateway.web import Parts, Place, WebServer
from gateway.web.twilio.account import Account
from gateway.web.twilio.app import Twilio
from gateway.web.twilio.callbacks import Callbacks
from gateway.web.twilio.inbox import Inbox
from gateway.webhooks import Dispatcher, Webhook

log = logging.getLogger(__name__)

DATABASE = "smsgw.db"
DISTRUST_S = 60.0
"""A database in which damage is met again within this time is set aside even if a check finds nothing."""

ANEW_S = 1.0  # before it: a card that dies damages the next file as soon
PIN_RECORD = "pin-attempts.json"
SIM_NAMES = "sim-names.json"
RECORDER = "recorder"
Untold = Mapping[str, Unstored]  # by line; outlives a run on one database file


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layers:
    """What is built before anything runs."""

    clock: Clock
    service: Service
    recorders: Recorders
    webhooks: Dispatcher
    accounts: Accounts
    twilio: Twilio
    unstored: Untold
    timekeeper: Timekeeper


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where the running daemon can be reached. `web`: base URL or None; `socket`: path of the Unix socket."""

    web: str | None
    socket: str


Ready = Callable[[Addresses], None] | None


async def run(config: Config, *, ready: Ready = None) -> None:
    """Runs the gateway until cancelled; a cancellation first lets the modems finish what they have in hand.

    `ready` hears of each begin. Installs no signal handlers. Raises GatewayError when it cannot start (address in use).
    """
    clock = SystemClock()
    with only_one(config.gateway.data_dir):
        ensure_secrets(config.gateway.data_dir)
        begun, distrust = clock.monotonic(), False
        unstored = {modem.name: Unstored() for modem in config.modems}
        while await _run_once(config, clock, ready, unstored, distrust=distrust):
            # Met again so soon although the whole file was looked through: it is not to be trusted, whatever it says.
            distrust = clock.monotonic() - begun < DISTRUST_S
            log.error("the database is damaged; everything is stopped and begun anew")
            await asyncio.sleep(ANEW_S)
            begun = clock.monotonic()


async def _run_once(config: Config, clock: SystemClock, ready: Ready, unstored: Untold, *, distrust: bool) -> bool:
    """One run on one database file. True when it ended because that file is damaged."""
    store = SqliteStore(config.gateway.data_dir / DATABASE)
    await store.open(distrust=distrust)
    try:
        await _run_on(store, config, clock, ready, unstored)
    except Exception:
        if not store.damaged:
            raise
        log.exception("the database is damaged")
    finally:
        await store.close()
    return store.damaged


async def _run_on(store: SqliteStore, config: Config, clock: SystemClock, ready: Ready, unstored: Untold) -> None:
    """Until the database turns out to be damaged."""
    service = Service(store, clock, settings_of(config))
    timekeeper = Timekeeper(store, clock, service.alert, service.time_is_known)
    await timekeeper.begin()
    if unknown := await service.start():
        log.warning("%d segments were with a modem when the last run ended; their outcome is unknown", unknown)
    if store.set_aside is not None:
        told = f"the database was damaged; it is kept as {store.set_aside} and a new one was begun"
        await service.alert("database_replaced", told)
    with _recorders(config, clock) as recorders:
        layers = _Layers(
            clock=clock,
            service=service,
            recorders=recorders,
            webhooks=_dispatcher(config, store, service, clock),
            accounts=await _accounts(config, store, clock),
            twilio=Twilio(account=_account(config), store=store),
            unstored=unstored,
            timekeeper=timekeeper,
        )
        await _serve(_run_all(config, layers, ready), service, store)


def _dispatcher(config: Config, store: SqliteStore, service: Service, clock: Clock) -> Dispatcher:
    account, private = _account(config), config.twilio.allow_private
    applications = (
        Inbox(account, store, service, clock, allow_private=private),
        Callbacks(account, allow_private=private),
    )
    anew = store.set_aside is not None
    return Dispatcher(webhooks_of(config), store, service, clock, others=applications, anew=anew)


async def _accounts(config: Config, store: SqliteStore, clock: Clock) -> Accounts:
    made = read_secrets(config.gateway.data_dir / SECRETS)
    accounts = Accounts(store, clock, admin_password=made["admin_password"], api_token=made["api_token"])
    await accounts.begin()
    return accounts


def _account(config: Config) -> Account:
    """The account of the Twilio-compatible API."""
    made = read_secrets(config.gateway.data_dir / SECRETS)
    sid = config.web.account_sid or made["account_sid"]
    return Account(sid=sid, token=made["auth_token"], region=config.gateway.default_region or None)


def _recorders(config: Config, clock: Clock) -> Recorders:
    names, kept = [modem.name for modem in config.modems], config.recorder
    return Recorders(
        names,
        clock,
        config.gateway.data_dir / RECORDER,
        size=kept.size_kb * 1000,
        redact=kept.redact,
        log_bodies=config.gateway.log_bodies,
    )


async def _serve(running: Coroutine[None, None, None], service: Service, store: SqliteStore) -> None:
    """Until it fails, is cancelled, or the database turns out to be damaged."""
    tasks = asyncio.create_task(running, name="gateway")
    damage = asyncio.create_task(store.damage(), name="database-watch")
    try:
        await asyncio.wait((tasks, damage), return_when=asyncio.FIRST_COMPLETED)
        if tasks.done():
            await tasks
    except asyncio.CancelledError:
        await service.drain()
        raise
    finally:
        for task in (damage, tasks):
            if not task.done():
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task


async def _run_all(config: Config, layers: _Layers, ready: Ready) -> None:
    service, recorders, clock = layers.service, layers.recorders, layers.clock
    guard = PinGuard(config.gateway.data_dir / PIN_RECORD)
    finder, names = Finder(clock), SimNames(config.gateway.data_dir / SIM_NAMES)
    settings = [line_config(config, n) for n in range(len(config.modems))]
    lines = [_line(one, layers, guard, finder, names) for one in settings]
    ports = {modem.name: _LinePort(modem.name, line) for modem, line in zip(config.modems, lines, strict=True)}
    bridge = Bridge(config, service, clock) if config.mqtt.url else None
    web = WebServer(
        config,
        Parts(
            service=service,
            accounts=layers.accounts,
            clock=clock,
            troubles={"mqtt": lambda: bridge.trouble} if bridge is not None else {},
            recording=recorders.recording,
            webhooks=layers.webhooks,
            place=Place(data_dir=config.gateway.data_dir, database=DATABASE),
            backups=Backups(config.gateway.data_dir / DATABASE),
            gateway=config.gateway.id,
            twilio=layers.twilio,
        ),
    )
    web.open()
    async with asyncio.TaskGroup() as group:
        group.create_task(service.run(ports), name="messaging")
        group.create_task(layers.timekeeper.run(), name="clock")
        for name, port in ports.items():
            group.create_task(port.run(), name=f"line[{name}]")
        if bridge is not None:
            group.create_task(bridge.run(), name="mqtt")
        group.create_task(layers.webhooks.run(), name="webhooks")
        group.create_task(web.run(), name="web")
        if ready is not None:
            ready(Addresses(web=web.url, socket=str(config.socket)))


def _line(settings: LineConfig, layers: _Layers, guard: PinGuard, finder: Finder, names: SimNames) -> Line:
    service, name = layers.service, settings.name
    return Line(
        settings,
        _LineListener(service.listener, service.notices),
        layers.clock,
        expect_late=partial(service.listener.expects_late, name),
        guard=guard,
        finder=finder,
        recorder=layers.recorders.of(name),
        unstored=layers.unstored[name],
        names=names,
    )


def webhooks_of(config: Config) -> list[Webhook]:
    """The configured webhooks, each with the secret that signs its deliveries. Raises ConfigError."""
    return [
        Webhook(
            name=hook.name,
            url=hook.url,
            secret=webhook_secret(hook, config.gateway.data_dir),
            events=frozenset(hook.events),
            allow_private=hook.allow_private,
            concurrency=hook.concurrency,
            timeout_s=hook.timeout_s,
        )
        for hook in config.webhooks
    ]


def line_config(config: Config, n: int) -> LineConfig:
    """What the modem layer takes of `[[modem]]` number `n`. Raises ConfigError for a family that there is no profile of."""
    modem = config.modems[n]
    if modem.profile not in ("auto", *profiles()):
        known = ", ".join(profiles())
        raise ConfigError(
            f"{config.path}: modem[{n}].profile: {modem.profile!r} is not allowed; allowed: auto, {known}"
        )
    return LineConfig(
        name=modem.name,
        port=modem.port,
        imei=modem.imei,
        iccid=modem.iccid,
        baudrate=modem.baudrate,
        profile=modem.profile,
        submit_timeout_s=modem.submit_timeout_s,
        pin_file=modem.pin_file,
        smsc=modem.smsc,
        number=modem.number,
        late_reply_s=config.outbox.late_reply_s,
        ussd_timeout_s=modem.ussd_timeout_s,
        reject_calls=modem.calls.reject,
        cell_broadcast=modem.cell_broadcast,
        allow_roaming=modem.allow_roaming,
        power_cycle=modem.power_cycle,
    )


# --- modem layer ↔ messaging: the same facts in the other layer's words ---------------------------------------------

_CAUSES = {
    codes.Retry.LATER: "retry",
    codes.Retry.PERMANENT: "permanent",
    codes.Retry.LOCAL: "local",
    codes.Retry.AMBIGUOUS: "ambiguous",
    codes.Retry.SENT: "sent",
    codes.Retry.NO_VALIDITY: "no_validity",
}


def cause_of(error: str, *, unsent: bool = False, vendor: str = "") -> str:
    """A modem's refusal ("cms:38", "cme:14", "error" …) → how messaging is to treat it.

    `unsent`: nothing can have left. `vendor`: whose error numbers these are.
    """
    code = refusal(error, vendor)
    if code is None:
        return "retry" if error else ""
    cause = _CAUSES[code.retry]
    return "retry" if unsent and cause in ("ambiguous", "sent") else cause


def attempts_of(error: str, vendor: str = "") -> int | None:
    """How often at most what met this error is tried; None: as often as anything."""
    code = refusal(error, vendor)
    return code.attempts if code is not None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Verdict:
    """Satisfies `messaging.ports.SubmitResult` and `LateSubmit`."""

    mr: int | None
    error: str
    cause: str
    attempts: int | None = None
    iccid: str = ""
    outcome: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rung:
    """Satisfies `messaging.ports.CallChange`."""

    call: int
    number: str | None
    state: str


class _LinePort:
    """A modem line as messaging sends through it."""

    def __init__(self, name: str, line: Line) -> None:
        self.name = name
        self._line = line
        services = line.services
        self.ussd_start = services.ussd.start
        self.ussd_reply = services.ussd.reply
        self.ussd_cancel = services.ussd.cancel
        self.forwarding = services.forwarding
        self.forward = services.forward
        self.forward_no_more = services.forward_no_more
        self.phonebook = services.phonebook
        self.phonebook_add = services.phonebook_add
        self.phonebook_delete = services.phonebook_delete
        self.own_numbers = services.own_numbers

    @property
    def counts_accepted(self) -> bool:
        profile = self._line.profile
        return profile is not None and profile.references_count_accepted

    async def run(self) -> None:
        await self._line.run()

    async def reset(self) -> None:
        await self._line.reset()

    async def submit(self, pdu: str, length: int, *, gate: Awaitable[object] | None = None) -> _Verdict:
        result: SubmitResult = await self._line.submit(pdu, length, gate=gate)
        return _Verdict(
            outcome=result.outcome.value,
            mr=result.mr,
            error=result.error,
            detail=result.detail,
            cause=cause_of(result.error, unsent=result.unsent, vendor=result.vendor),
            attempts=attempts_of(result.error, result.vendor),
        )


class _LineListener:
    """What a modem line reports, handed on to messaging."""

    def __init__(self, listener: Listener, notices: Notices) -> None:
        self._listener = listener
        self.ussd = notices.ussd
        self.broadcast = notices.broadcast
        self._notices = notices

    async def ready(self, line: str, identity: Identity, late: LateSubmit | None) -> None:
        await self._listener.ready(line, identity, _late(late) if late else None)

    async def late_submit(self, line: str, late: LateSubmit) -> None:
        await self._listener.late_submit(line, _late(late))

    async def received(self, line: str, iccid: str, items: Sequence[Received]) -> None:
        await self._listener.received(line, iccid, items)

    async def released(self, line: str, iccid: str, items: Sequence[Received]) -> None:
        await self._listener.released(line, iccid, items)

    async def swept(self, line: str, iccid: str, memory: str, listed: Sequence[Received]) -> None:
        await self._listener.swept(line, iccid, memory, listed)

    def state_changed(self, line: str, state: LineState) -> None:
        self._listener.state_changed(line, state)

    def call(self, line: str, change: CallChange) -> None:
        self._notices.call(line, _Rung(call=change.call, number=change.number, state=change.state.value))

    def down(self, line: str) -> None:
        self._listener.down(line)


def _late(late: LateSubmit) -> _Verdict:
    code = refusal(late.error, late.vendor)
    return _Verdict(
        mr=late.mr,
        error=f"{late.error}: {code.meaning}" if code is not None else late.error,
        cause=cause_of(late.error, vendor=late.vendor),
        attempts=attempts_of(late.error, late.vendor),
        iccid=late.iccid,
    )
