"""How messages reach us: storages and indications, chosen from what the modem offers and read back at every sweep."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gateway import at
from gateway.modem import answers
from gateway.modem.errors import CommandRefused, CommandTimeout
from gateway.modem.profiles import Profile
from gateway.modem.sequence import run_patiently
from gateway.modem.session import Session, cause

log = logging.getLogger(__name__)

_STORES = ("SM", "ME", "SR", "TA")  # real storages of 27.005 3.2.3; BM holds broadcasts, MT is ME and SM together
_OFFERED = (
    frozenset({0, 1, 2, 3}),
    frozenset({0, 1, 2, 3}),
    frozenset({0, 2}),
    frozenset({0, 1, 2}),
    frozenset({0, 1}),
)

Cnmi = tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SmsSettings:
    """What was agreed with the modem. `memories`: all that are swept, the one that receives last."""

    receive_memory: str
    memories: tuple[str, ...]
    cpms: tuple[str, ...]
    cnmi: Cnmi | None  # None: no indications at all, only sweeps find messages
    acknowledge: bool  # CSMS=1: what is delivered directly wants +CNMA

    @property
    def indicated(self) -> bool:
        """True when the modem tells of new messages by itself."""
        return self.cnmi is not None and self.cnmi[1] != 0


DIRECT_PAGES = 2  # <bm> of +CNMI: cell broadcast pages are handed on as +CBM


def cnmi_candidates(offered: Sequence[frozenset[int]], profile: Profile, *, broadcast: bool = False) -> Iterator[Cnmi]:
    """The +CNMI settings to try, best first: stored before direct, for messages and then for reports.

    `broadcast`: with cell broadcast pages where they can be had, but never at the price of a worse setting for texts.
    """
    modes, mts, bms, dss, bfrs = [*offered, *_OFFERED[len(offered) :]][:5]
    tail = () if len(offered) == 4 else (0 if 0 in bfrs or not bfrs else 1,)
    for mt in profile.cnmi_mts:
        for ds in profile.cnmi_dss:
            for mode in profile.cnmi_modes:
                if mt in mts and ds in dss and mode in modes:
                    if broadcast and DIRECT_PAGES in bms:
                        yield (mode, mt, DIRECT_PAGES, ds, *tail)
                    yield (mode, mt, 0, ds, *tail)


def is_direct(cnmi: Cnmi) -> bool:
    """True when it has messages or reports delivered past the storages (mt=2, mt=3, ds=1)."""
    return cnmi[1] in (2, 3) or cnmi[3] == 1


async def negotiate(session: Session, profile: Profile, *, broadcast: bool = False) -> SmsSettings:
    """Choose and set storages and indications, also of cell broadcast pages. Raises CommandRefused when no storage can be set, PortLost."""
    receive, memories, cpms = await _negotiate_cpms(session, profile)
    cnmi = await _negotiate_cnmi(session, profile, broadcast)
    return SmsSettings(
        receive_memory=receive,
        memories=memories,
        cpms=cpms,
        cnmi=cnmi,
        acknowledge=await _service(session) == 1,
    )


async def verify(session: Session, settings: SmsSettings) -> bool:
    """Read back mode, storages and indications, and set again what changed. True when something had changed."""
    changed = False
    text = await _line(session, at.from_text("AT+CMGF?"))
    if text is not None and answers.number_at(answers.fields(text), 0) == 1:
        changed = True
        await session.demand(at.PDU_MODE)
    text = await _line(session, at.CPMS)
    values = answers.fields(text) if text is not None else []
    if len(values) > 6 and values[6] != settings.receive_memory:
        changed = True
        await session.run(at.cpms(*settings.cpms))
    if settings.cnmi is not None:
        text = await _line(session, at.CNMI)
        now = tuple(answers.number(value, -1) for value in answers.fields(text)) if text is not None else ()
        if now and now[:4] != settings.cnmi[:4]:
            changed = True
            log.warning("the modem changed +CNMI to %s; setting it again", ",".join(map(str, now)))
            await session.run(at.cnmi(*settings.cnmi))
    return changed


def sweep_order(offered: Sequence[str], receive: str) -> tuple[str, ...]:
    """All real storages among `offered`, the receiving one last, so that it stays selected for the next +CMTI."""
    stores = [one for one in _STORES if one in offered]
    if not {"SM", "ME"} & set(stores) and "MT" in offered:
        stores.append("MT")
    return (*(one for one in stores if one != receive), receive)


async def _negotiate_cpms(session: Session, profile: Profile) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    done = await run_patiently(session, at.CPMS_OFFER, profile.busy_retry_s)
    offered = answers.groups(answers.info(done, "+CPMS:") or "") if done.ok else []
    if not offered:
        return await _keep_cpms(session)
    listing, writing, receiving = (offered + [offered[-1]] * 2)[:3]
    refused = ""
    for memory in [one for one in profile.receive_memories if one in receiving] or receiving[:1]:
        reading = memory if memory in listing else listing[0]
        second = memory if memory in writing else writing[0]
        for chosen in ((reading, second, memory), (reading, second), (reading,)):
            done = await run_patiently(session, at.cpms(*chosen), profile.busy_retry_s)
            if done.ok:
                receive = await _receiving(session, memory, chosen)
                return receive, sweep_order(listing, receive), chosen
            refused = cause(done.final)
    raise CommandRefused("the modem takes no message storage", cause=refused)


async def _receiving(session: Session, wanted: str, chosen: tuple[str, ...]) -> str:
    """Where messages land: as wanted, unless the modem takes less than three arguments and says otherwise."""
    if len(chosen) == 3:
        return wanted
    values = answers.fields(await _line(session, at.CPMS) or "")
    return values[6] if len(values) > 6 and values[6] else wanted


async def _keep_cpms(session: Session) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """A modem that does not tell what it has: stay with what is selected."""
    done = await session.demand(at.CPMS)
    values = answers.fields(answers.info(done, "+CPMS:") or "")
    if not values or not values[0]:
        raise CommandRefused("the modem does not tell which message storage it has", cause="error")
    receive = values[6] if len(values) > 6 else values[0]
    return receive, sweep_order(values[0:9:3], receive), (values[0],)


async def _negotiate_cnmi(session: Session, profile: Profile, broadcast: bool) -> Cnmi | None:
    text = await _line(session, at.CNMI_OFFER)
    offered = [answers.numbers(group) for group in answers.groups(text)] if text is not None else []
    service: int | None = None
    for cnmi in cnmi_candidates(offered, profile, broadcast=broadcast):
        wanted = 1 if is_direct(cnmi) and profile.acknowledge else 0
        if wanted != service:
            await session.run(at.csms(wanted))
            service = wanted
        done = await run_patiently(session, at.cnmi(*cnmi), profile.busy_retry_s)
        if done.ok:
            return cnmi
    log.warning("the modem takes no +CNMI: new messages are found by sweeps only")
    return None


async def _service(session: Session) -> int | None:
    text = await _line(session, at.from_text("AT+CSMS?"))
    return answers.number_at(answers.fields(text), 0) if text is not None else None


async def _line(session: Session, command: at.Command) -> str | None:
    """The information line of a query; None when it is refused or not answered."""
    try:
        done = await session.run(command)
    except CommandTimeout:
        return None
    return answers.info(done, command.prefixes[0]) if done.ok else None
