"""From the modem's storages, or straight from the air, to the listener; deleted only after it has committed."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import deque
from collections.abc import Awaitable, Sequence
from dataclasses import replace

from gateway import at
from gateway.modem import answers
from gateway.modem.model import LineListener, Received
from gateway.modem.profiles import Profile
from gateway.modem.session import Session, cause
from gateway.modem.settings import SmsSettings

log = logging.getLogger(__name__)

BATCH = 32  # slots that are read before they are committed together
BATCH_S = 0.05  # seconds after which no further slot is read first: a slow modem commits each message at once
SLOTS = 1024  # indications that are remembered; beyond them the next sweep finds the messages
ACKNOWLEDGE_S = 8.0  # the network repeats what is not acknowledged in time
RESTART_S = 1.0  # a modem can have started anew in this time without a word; then another storage is selected
DIRECT = ("+CMT", "+CDS")
REFUSALS = 3  # so often in a row a storage may refuse to be listed or emptied before somebody is told
STORAGE_REFUSED = "storage_refused"
_REPLACE_PIDS = range(0x41, 0x48)  # 23.040 9.2.3.9: a newer message of this type may have replaced the stored one
_MO_STATES = (2, 3)  # <stat> of messages that somebody stored to send them (27.005 3.1)
_EMPTY_SLOT = frozenset({"cms:321"})
_FULL = ("^SMMEMFULL", "+SMS FULL", "+CIEV: SMSFULL")

listings = itertools.count(1)


class Inbound:
    """What has to be fetched from one modem, and the jobs that fetch it. The caller holds the turn during `step`.

    `kept`: what the modem delivered directly without wanting an acknowledgement and what is not stored yet. Nobody else
    has a copy of it, so it outlives the connection.
    """

    def __init__(
        self,
        session: Session,
        listener: LineListener,
        line: str,
        iccid: str,
        profile: Profile,
        settings: SmsSettings,
        kept: deque[Received],
    ) -> None:
        self.retry = False  # something was not stored: the next sweep should come soon
        self._session = session
        self._listener = listener
        self._line = line
        self._iccid = iccid
        self._profile = profile
        self._settings = settings
        self._selected = ""
        self._direct: deque[Received] = deque()
        self._kept = kept
        self._slots: dict[tuple[str, int], None] = {}
        self._sweeps: dict[str, None] = {}
        self._released: list[Received] = []
        self._refusals: dict[tuple[str, str], int] = {}  # (what, storage) → how often in a row

    @property
    def owes_acknowledge(self) -> bool:
        """True when something came directly and was not handed over yet."""
        return bool(self._direct)

    @property
    def indicated(self) -> bool:
        """True when the modem told of a message that was not fetched yet."""
        return bool(self._direct or self._slots)

    @property
    def urgent(self) -> bool:
        """True when there is something to fetch."""
        return bool(self._direct or self._slots or self._sweeps)

    @property
    def has_released(self) -> bool:
        return bool(self._released)

    def note(self, urc: at.Urc) -> bool:
        """Take an indication in; False when this URC is none. Only notes what there is to do."""
        if urc.name in ("+CMTI", "+CDSI"):
            self._indicated(answers.fields(urc.text))
        elif urc.name in DIRECT:
            self._direct.extend(delivered(urc))
        elif urc.text.startswith(_FULL):
            self.want_sweep()
        else:
            return False
        return True

    def want_sweep(self, memories: Sequence[str] = ()) -> None:
        """List these storages, or all, as soon as the line is free."""
        self._sweeps.update(dict.fromkeys(memories or self._settings.memories))

    async def step(self) -> None:
        """One job, the most urgent one. Raises CommandTimeout, PortLost."""
        if self._direct:
            await self._take_direct()
        elif self._slots:
            await self._fetch()
        elif self._sweeps:
            memory = next(iter(self._sweeps))
            del self._sweeps[memory]
            await self._sweep(memory)

    async def tell_released(self) -> bool:
        """Tell the listener what is gone from the modem; False when it could not note it, then it is told again."""
        if not self._released:
            return True
        released, self._released = self._released, []
        if await self._told("released", self._listener.released(self._line, self._iccid, released)):
            return True
        self._released = released + self._released
        return False

    def _indicated(self, values: list[str]) -> None:
        """`+CMTI: "SM",3[,…]`; SIM7000 says `+CMTI: ,-1` when it cannot store."""
        index = answers.number_at(values, 1)
        if not values or not values[0] or index is None or index < 0 or len(self._slots) >= SLOTS:
            self.want_sweep()
        else:
            self._slots[values[0], index] = None

    async def _take_direct(self) -> None:
        """Everything that is there, then its acknowledgement."""
        if not self._settings.acknowledge:
            self._keep_direct()
            await self._store_kept()
            return
        items: list[Received] = []
        stored = True
        try:
            async with asyncio.timeout(ACKNOWLEDGE_S):
                # The modem gives up one that waits too long and brings the next: an acknowledgement is for the latest,
                # so all have to be stored before it goes.
                while stored and self._direct:
                    new = [*self._direct]
                    self._direct.clear()
                    items += new
                    stored = await self._hand_over(new)
        except TimeoutError:
            log.warning("%s: not stored within %g s; not acknowledged", self._line, ACKNOWLEDGE_S)
            stored = False
        if stored:
            await self._acknowledge(items)
            return
        self.retry = True  # some modems take their indications back then: they are to be looked at soon
        if self._profile.negative_acknowledge:
            await self._session.run(at.from_text(self._profile.negative_acknowledge))

    async def _acknowledge(self, items: Sequence[Received]) -> None:
        """CNMA until no more is expected. What is refused was given up before, and the network sends it again."""
        for item in reversed(items):
            done = await self._session.run(at.cnma())
            if not done.ok:
                log.info("%s: an acknowledgement was refused: %s", self._line, cause(done.final))
                self.retry = True
                return
            self._released.append(item)

    def _keep_direct(self) -> None:
        """Another SIM may be in the modem before these can be stored: they are that of now."""
        self._kept.extend(replace(item, iccid=self._iccid) for item in self._direct)
        self._direct.clear()

    async def _store_kept(self) -> None:
        """One by one: the same text can have come twice, and the second is no copy once the first is told as released."""
        while self._kept:
            item = self._kept[0]
            iccid = item.iccid or self._iccid  # what came before the SIM was read is taken for this one's
            if not await self._hand_over([item], iccid):
                return
            if (
                not self._settings.acknowledge
                and not await self._told(  # else it is from before we knew: it comes again
                    "released", self._listener.released(self._line, iccid, [item])
                )
            ):
                return
            self._kept.popleft()

    async def leave(self) -> None:
        """The connection is over: store what nobody else has, tell what was released. What fails stays in `kept`."""
        if not self._settings.acknowledge:
            self._keep_direct()
        await self._store_kept()
        await self.tell_released()

    async def _fetch(self) -> None:
        """Read the slots that were indicated in one storage, commit them together, delete them."""
        memory = next(iter(self._slots))[0]
        if not await self._select(memory):
            self._slots = {slot: None for slot in self._slots if slot[0] != memory}
            self.want_sweep()
            return
        loop = asyncio.get_running_loop()
        end = loop.time() + BATCH_S
        listing = next(listings)
        items: list[Received] = []
        while len(items) < BATCH and (not items or loop.time() < end):
            slot = next((one for one in self._slots if one[0] == memory), None)
            if slot is None:
                break
            del self._slots[slot]
            item = await self._read(memory, slot[1], listing)
            if item is not None:
                items.append(item)
        if items and await self._hand_over(items):
            await self._delete(items)

    async def _sweep(self, memory: str) -> None:
        """List one storage completely, commit, delete what was listed."""
        await self._store_kept()
        if not await self._select(memory):
            return
        listing = next(listings)
        done = await self._session.run(at.cmgl())
        whole = done.ok
        if not whole and done.final.kind is not at.FinalKind.OVERFLOW:
            log.warning("%s: %s could not be listed: %s", self._line, memory, cause(done.final))
            self._refused("list", memory)
            return
        self._took("list", memory)
        items: list[Received] = []
        for line in done.lines:
            item = await self._listed(memory, line, listing)
            if item is not None:
                items.append(item)
                self._slots.pop((memory, item.index or 0), None)
        if not await self.tell_released():
            return
        if whole:
            if not await self._told("swept", self._listener.swept(self._line, self._iccid, memory, items)):
                return
        elif items:
            self.want_sweep([memory])  # longer than the engine keeps: take these away, then list again
        if items and await self._hand_over(items):
            await self._delete(items)

    async def _listed(self, memory: str, line: at.InfoLine, listing: int) -> Received | None:
        """`+CMGL: <index>,<stat>,[<alpha>],<length>` and its PDU."""
        values = answers.fields(line.text)
        index, length = answers.number_at(values, 0), answers.number_at(values, len(values) - 1)
        if index is None or answers.number_at(values, 1) in _MO_STATES:
            return None
        if length is None or not line.pdu or answers.tpdu_length(line.pdu) != length:
            return await self._read(memory, index, listing)  # damaged on the way, or in the modem: look again
        return _item(memory, index, line.pdu, length, listing)

    async def _read(self, memory: str, index: int, listing: int) -> Received | None:
        """The TPDU in a slot; None when it is empty, holds no received message, or came without a PDU."""
        item: Received | None = None
        for _ in range(2):
            done = await self._session.run(at.cmgr(index))
            line = done.lines[0] if done.ok and done.lines else None
            if line is None:
                if not done.ok and cause(done.final) not in _EMPTY_SLOT:
                    log.info("%s: slot %s,%d: %s", self._line, memory, index, cause(done.final))
                return item
            values = answers.fields(line.text)
            length = answers.number_at(values, len(values) - 1)
            if answers.number_at(values, 0) in _MO_STATES:
                return None
            if answers.number_at(values, 0) is None:  # <stat> in words: the modem fell back to text mode (27.005 3.1)
                self.retry = True  # before the next sweep the mode is set again
                return None
            if line.pdu:
                item = _item(memory, index, line.pdu, length or 0, listing)
                if answers.tpdu_length(line.pdu) == length:
                    break
        return item  # read twice and still no proper PDU: the listener keeps it raw

    async def _delete(self, items: Sequence[Received]) -> None:
        """CMGD of the slots just read, in the storage that is selected."""
        for item in items:
            if item.index is None or not await self._select(item.memory):
                continue
            if _may_be_replaced(item) and not await self._unchanged(item):
                self._slots[item.memory, item.index] = None
                continue
            done = await self._session.run(at.cmgd(item.index))
            if done.ok or cause(done.final) in _EMPTY_SLOT:
                self._released.append(item)
                self._took("delete", item.memory)
            else:
                log.warning("%s: %s,%d not deleted: %s", self._line, item.memory, item.index, cause(done.final))
                self._refused("delete", item.memory)

    async def _unchanged(self, item: Received) -> bool:
        again = await self._read(item.memory, item.index or 0, item.listing)
        return again is not None and again.pdu.upper() == item.pdu.upper()

    async def _hand_over(self, items: Sequence[Received], iccid: str = "") -> bool:
        """True when the listener has committed the items. `iccid`: of their SIM, if that is not the one that is in now."""
        # before anything new is handed over, what is gone is told: a slot may hold the same text again by now
        if not await self.tell_released():
            return False
        loop = asyncio.get_running_loop()
        begun = loop.time()
        stored = await self._told("received", self._listener.received(self._line, iccid or self._iccid, items))
        if loop.time() - begun > RESTART_S:
            self.forget_selection()
        return stored

    async def _told(self, what: str, call: Awaitable[None]) -> bool:
        """True when the listener has done its part. Whatever kept it from that, the messages stay in the modem."""
        try:
            await call
        except Exception:
            log.exception("%s: %s not noted; nothing is deleted from the modem", self._line, what)
            self.retry = True
            return False
        return True

    async def _select(self, memory: str) -> bool:
        """Make `memory` the one that is listed, read and deleted from (<mem1>)."""
        if memory == self._selected:
            return True
        self._selected = ""
        done = await self._session.run(at.cpms(memory))
        if done.ok:
            self._selected = memory
        else:
            log.warning("%s: storage %s cannot be selected: %s", self._line, memory, cause(done.final))
            self._refused("list", memory)
        return done.ok

    def _refused(self, what: str, memory: str) -> None:
        self._refusals[what, memory] = self._refusals.get((what, memory), 0) + 1

    def _took(self, what: str, memory: str) -> None:
        self._refusals.pop((what, memory), None)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Codes of what is wrong with the storages although the line works."""
        return (STORAGE_REFUSED,) if any(count >= REFUSALS for count in self._refusals.values()) else ()

    def forget_selection(self) -> None:
        """Nobody knows any more which storage is selected: after a time-out, or when the modem may have restarted."""
        self._selected = ""


def delivered(urc: at.Urc) -> list[Received]:
    """What a +CMT or +CDS brought; nothing when its PDU did not come. A header that cannot be read does no harm.

    Of a modem that has fallen back to text mode the header is kept with the text: it has the sender (27.005 3.4.1).
    """
    if not urc.pdu:
        log.warning("%s came without its PDU", urc.name)
        return []
    length = answers.number(answers.fields(urc.text)[-1])
    kind = "deliver" if urc.name == "+CMT" else "status-report"
    pdu = urc.pdu if answers.tpdu_length(urc.pdu) is not None else f"{urc.text}\n{urc.pdu}"
    return [
        Received(
            memory="",
            index=None,
            kind=kind,
            pdu=pdu,
            length=length if length is not None else answers.tpdu_length(urc.pdu) or 0,
            listing=next(listings),
        )
    ]


def _item(memory: str, index: int, pdu: str, length: int, listing: int) -> Received:
    return Received(memory=memory, index=index, kind=_kind(memory, pdu), pdu=pdu, length=length, listing=listing)


def _kind(memory: str, pdu: str) -> str:
    """By the storage, or by the message type bits (23.040 9.2.3.1, service centre to mobile)."""
    octets = answers.first_tpdu_octets(pdu)
    if not octets:
        return "unknown"
    if memory == "SR":
        return "status-report"
    return {0: "deliver", 2: "status-report"}.get(octets[0] & 0x03, "unknown")


def _may_be_replaced(item: Received) -> bool:
    octets = answers.first_tpdu_octets(item.pdu)
    if item.kind != "deliver" or len(octets) < 2:
        return False
    pid = 3 + (octets[1] + 1) // 2
    return len(octets) > pid and octets[pid] in _REPLACE_PIDS
