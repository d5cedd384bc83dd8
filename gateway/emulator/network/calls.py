"""Switching of voice calls between modems and phones: routing, forwarding, ringing, DTMF, and how they end."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from gateway.emulator.network.forwarding import Reason
from gateway.emulator.network.legs import Call, Cause, Leg, Stat, hear, ring, tell, tell_missed
from gateway.emulator.network.phones import Phone
from gateway.errors import RequestError

if TYPE_CHECKING:
    from gateway.emulator.modem import Modem
    from gateway.emulator.network.core import Network

MAX_LEGS = 10_000  # that are remembered
MAX_HOPS = 5  # of forwarding
RING_S, QUICK_RING_S = 5.0, 0.05  # from ring to ring: realistic, and when nothing takes time
SETUP_S = (1.0, 3.0)  # from dialling to alerting, realistic


class Switch:
    """Every call of the network. Runs on the event loop."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._loop = asyncio.get_running_loop()
        self.legs: deque[Leg] = deque(maxlen=MAX_LEGS)
        self._open: dict[str, list[Leg]] = {}  # by modem
        self._count = 0
        self._waiting: set[str] = set()  # numbers of the SIMs that have call waiting

    def reset(self) -> None:
        """Ends everything without a word."""
        for leg in [leg for legs in self._open.values() for leg in legs]:
            leg.call.stop_timers()
            leg.call.over = True
        self._open.clear()
        self._waiting.clear()
        self.legs.clear()
        self._count = 0

    def of(self, modem: Modem) -> list[Leg]:
        """The modem's calls that are not over, by id."""
        return sorted(self._open.get(modem.config.name, ()), key=lambda leg: leg.id)

    def has_waiting(self, modem: Modem) -> bool:
        """Whether the SIM has call waiting (22.083)."""
        return modem.config.number in self._waiting

    def set_waiting(self, modem: Modem, active: bool) -> None:
        """Gives call waiting to the SIM, or takes it."""
        (self._waiting.add if active else self._waiting.discard)(modem.config.number)

    # from modems

    def dial(self, modem: Modem, number: str, *, hidden: bool) -> None:
        """A modem calls `number`; what becomes of it comes as lines."""
        call = Call(caller=modem.config.number, called=number, hidden=hidden)
        call.a = self._leg(modem, call, incoming=False, number=number, stat=Stat.DIALLING)
        self._after(call, 0.0, self._dialled, call)

    def _dialled(self, call: Call) -> None:
        if call.a is not None:
            tell(call.a, "dialling")
        setup = self._network.chance(*SETUP_S) if self._network.realistic else 0.0
        self._after(call, setup, self._place, call, call.called, 0)

    def answer(self, modem: Modem) -> bool:
        """The modem takes the call that rings. False when there is none."""
        leg = next((leg for leg in self.of(modem) if leg.stat in (Stat.INCOMING, Stat.WAITING)), None)
        if leg is None:
            return False
        for other in self.of(modem):
            if other.stat is Stat.ACTIVE:
                other.stat = Stat.HELD
        self._answered(leg.call)
        return True

    def hang_up(self, modem: Modem, *stats: Stat) -> None:
        """ATH and CHUP: the modem's calls in one of `stats` end, without any all of them; one that rings is refused."""
        for leg in self.of(modem):
            if not stats or leg.stat in stats:
                refused = leg.stat in (Stat.INCOMING, Stat.WAITING)
                self.end(leg.call, Cause.REJECTED if refused else Cause.NORMAL, by=leg)

    def hold(self, modem: Modem) -> None:
        """The active call is held, a held one goes on; a waiting one is taken in the first place (CHLD=2)."""
        active = [leg for leg in self.of(modem) if leg.stat is Stat.ACTIVE]
        if not self.answer(modem):
            self.resume(modem)
            for leg in active:
                leg.stat = Stat.HELD
                tell(leg, "held")

    def resume(self, modem: Modem) -> None:
        """A held call goes on."""
        for leg in self.of(modem):
            if leg.stat is Stat.HELD:
                leg.stat = Stat.ACTIVE
                tell(leg, "answered")

    def play(self, leg: Leg, digits: str) -> None:
        """DTMF from a modem to the other side."""
        leg.sent += digits
        other = leg.call.other(leg)
        if other is not None:
            for digit in digits:
                hear(other, digit)

    def lost(self, modem: Modem, *, powered: bool) -> None:
        """Power or network are gone: the other sides notice, and the modem itself while it is `powered`."""
        for leg in self.of(modem):
            if not powered:
                self._forget(leg)
            self.end(leg.call, Cause.LOST)

    def _forget(self, leg: Leg) -> None:
        """Takes the leg out of its call without a line."""
        if leg is leg.call.a:
            leg.call.a = None
        else:
            leg.call.b = None
        leg.stat, leg.cause, leg.ended = Stat.ENDED, Cause.LOST, self._network.clock.monotonic()
        self._open[leg.modem.config.name].remove(leg)

    # from outside

    def call(self, modem: Modem, caller: str, *, rings: int | None = None, hidden: bool = False) -> Leg | None:
        """A phone calls a modem. None where it did not ring there: busy, not reachable, or forwarded."""
        call = Call(caller=caller, called=modem.config.number, hidden=hidden, rings=rings)
        self._place(call, call.called, 0)
        return call.b

    def hang_up_other(self, modem: Modem) -> None:
        """The other side ends the modem's calls. Raises RequestError where there is none."""
        legs = self.of(modem)
        if not legs:
            raise RequestError(f"{modem.config.name} has no call", field="modem")
        for leg in legs:
            self.end(leg.call, Cause.NORMAL, by=leg.call.other(leg))

    def play_to(self, modem: Modem, digits: str) -> None:
        """DTMF from the other side. Raises RequestError without an active call."""
        leg = next((leg for leg in self.of(modem) if leg.stat is Stat.ACTIVE), None)
        if leg is None:
            raise RequestError(f"{modem.config.name} has no active call", field="modem")
        for digit in digits:
            hear(leg, digit)

    # routing

    def _place(self, call: Call, number: str, hops: int) -> None:
        if hops:
            call.via.append(number)
        if hops > MAX_HOPS:
            self.end(call, Cause.NO_ROUTE)
            return
        modem = self._network.modem_of(number)
        if modem is None:
            self._ring_phone(call, self._network.phones.get(number))
            return
        if self._forwarded(call, modem, Reason.UNCONDITIONAL, hops):
            return
        if not modem.registered or modem.plight.deaf:
            self._unless_forwarded(call, modem, Reason.NOT_REACHABLE, Cause.NOT_REACHABLE, hops)
        elif self._busy(modem):
            self._unless_forwarded(call, modem, Reason.BUSY, Cause.BUSY, hops)
        else:
            self._ring_modem(call, modem, hops)

    def _forwarded(self, call: Call, modem: Modem, reason: Reason, hops: int) -> bool:
        forward = self._network.forwarding.of_calls(modem.config.number, reason)
        if forward is not None:
            self._place(call, forward.number, hops + 1)
        return forward is not None

    def _unless_forwarded(self, call: Call, modem: Modem, reason: Reason, cause: Cause, hops: int) -> None:
        if not self._forwarded(call, modem, reason, hops):
            self.end(call, cause)

    def _busy(self, modem: Modem) -> bool:
        legs = self.of(modem)
        if modem.personality.calls.busy_while_sending and modem.sending:
            return True
        if not legs:
            return False
        can_wait = self.has_waiting(modem) and len(legs) == 1 and legs[0].stat in (Stat.ACTIVE, Stat.HELD)
        return not can_wait

    # ringing

    def _ring_phone(self, call: Call, phone: Phone) -> None:
        config = self._network.config
        if not phone.on:
            self.end(call, Cause.NOT_REACHABLE)
        elif phone.call == "busy":
            self.end(call, Cause.BUSY)
        else:
            self._alerting(call)
            if phone.call == "answer":
                self._after(call, phone.answer_s, self._answered, call)
            elif phone.call == "reject":
                self._after(call, phone.answer_s, self.end, call, Cause.REJECTED)
            else:
                self._after(call, config.no_answer_s, self.end, call, Cause.NO_ANSWER)

    def _alerting(self, call: Call) -> None:
        if call.a is not None and call.a.stat is Stat.DIALLING:
            call.a.stat = Stat.ALERTING
            tell(call.a, "alerting")

    def _ring_modem(self, call: Call, modem: Modem, hops: int) -> None:
        stat = Stat.WAITING if self.of(modem) else Stat.INCOMING
        number = "" if call.hidden else call.caller
        leg = call.b = self._leg(modem, call, incoming=True, number=number, stat=stat)
        leg.validity = int(call.hidden)
        self._alerting(call)
        if stat is Stat.WAITING:
            if modem.settings.registers.get("+CCWA"):
                modem.urc(f'+CCWA: "{modem.shown(number)}",{leg.type},1')
            tell(leg, "waiting")
        else:
            tell(leg, "incoming")
            self._ring(leg, 1)
        forward = self._network.forwarding.of_calls(modem.config.number, Reason.NO_REPLY)
        patience = self._network.config.no_answer_s if forward is None else self._scaled(forward.time_s)
        self._after(call, patience, self._not_answered, leg, hops)

    def _scaled(self, seconds: float) -> float:
        """A no-reply time in rings, where rings come faster than they do."""
        return seconds * self._interval / RING_S

    @property
    def _interval(self) -> float:
        configured = self._network.config.ring_interval_s
        return configured or (RING_S if self._network.realistic else QUICK_RING_S)

    def _ring(self, leg: Leg, count: int) -> None:
        if leg.stat is not Stat.INCOMING:
            return
        ring(leg)
        more = leg.call.rings is None or count < leg.call.rings
        if more:
            self._after(leg.call, self._interval, self._ring, leg, count + 1)
        else:
            self._after(leg.call, self._interval, self.end, leg.call, Cause.NORMAL)

    def _not_answered(self, leg: Leg, hops: int) -> None:
        if leg.stat not in (Stat.INCOMING, Stat.WAITING):
            return
        call, modem = leg.call, leg.modem
        forward = self._network.forwarding.of_calls(modem.config.number, Reason.NO_REPLY)
        if forward is None:
            self.end(call, Cause.NO_ANSWER)
            return
        call.stop_timers()
        call.b = None
        self._close(leg, Cause.NO_ANSWER, told=True)
        self._place(call, forward.number, hops + 1)

    def _answered(self, call: Call) -> None:
        call.stop_timers()
        now = self._network.clock.monotonic()
        for leg in (call.b, call.a):
            if leg is not None and leg.answered is None:
                leg.stat, leg.answered = Stat.ACTIVE, now
                tell(leg, "answered", *(() if leg.incoming else ("connected",)))

    # the end

    def end(self, call: Call, cause: Cause, by: Leg | None = None) -> None:
        """Ends the call for both; the side that did it (`by`) is told nothing but what its family says anyway."""
        if call.over:
            return
        call.over = True
        call.stop_timers()
        for leg in (call.a, call.b):
            if leg is not None:
                self._close(leg, cause, told=leg is not by)

    def _close(self, leg: Leg, cause: Cause, *, told: bool) -> None:
        missed = leg.incoming and leg.answered is None and told
        leg.stat, leg.cause, leg.ended = Stat.ENDED, cause, self._network.clock.monotonic()
        self._open[leg.modem.config.name].remove(leg)
        tell(leg, "ended", *(("hung-up",) if leg.answered is not None else ()))
        if told:
            leg.modem.urc(Cause.NORMAL.line if leg.incoming else cause.line)
        if missed:
            tell_missed(leg)

    # helpers

    def _leg(self, modem: Modem, call: Call, *, incoming: bool, number: str, stat: Stat) -> Leg:
        open_ = self._open.setdefault(modem.config.name, [])
        id_ = next(n for n in range(1, len(open_) + 2) if n not in {leg.id for leg in open_})
        self._count += 1
        now = self._network.clock.monotonic()
        leg = Leg(
            n=self._count, modem=modem, id=id_, incoming=incoming, number=number, call=call, started=now, stat=stat
        )
        open_.append(leg)
        self.legs.append(leg)
        return leg

    def _after(self, call: Call, delay: float, action: Callable[..., None], *arguments: Any) -> None:
        call.timers.append(self._loop.call_later(delay, self._do, call, action, *arguments))

    @staticmethod
    def _do(call: Call, action: Callable[..., None], *arguments: Any) -> None:
        if not call.over:
            action(*arguments)
