"""The phonebook of the SIM and its own numbers (27.007 7.1, 8.11 to 8.14)."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncIterator
from dataclasses import replace

from gateway import at
from gateway.at import replies
from gateway.modem import answers
from gateway.modem.charset import decode, ucs2_text
from gateway.modem.errors import CommandTimeout, ServiceError
from gateway.modem.model import PhonebookEntry
from gateway.modem.session import Session, cause

log = logging.getLogger(__name__)

OWN_NUMBERS = "ON"
STORAGES = ("SM", "ME", "FD", "LD", "EN", OWN_NUMBERS)
TIMEOUT_S = 30.0
CHUNK = 50  # entries that are read in one turn: texts go in between
_NATIONAL = 129
_DIGITS = frozenset("+0123456789*#")
_EMPTY = frozenset({"cme:21", "cme:22"})  # some refuse a range in which nothing is


async def entries(session: Session, storage: str, charset: str) -> list[PhonebookEntry]:
    """All entries of one of `STORAGES`. Raises ServiceError, CommandTimeout, PortLost."""
    async with _chosen(session, storage, charset):
        text = answers.info(await _ask(session, "AT+CPBR=?"), "+CPBR:")
    places = sorted(answers.numbers(answers.groups(text or "")[0])) if text and answers.groups(text) else []
    found: list[PhonebookEntry] = []
    for start in range(0, len(places), CHUNK):
        first, last = places[start], places[min(start + CHUNK, len(places)) - 1]
        async with _chosen(session, storage, charset) as names:
            done = await _run(session, f"AT+CPBR={first},{last}")
        if not done.ok and cause(done.final) not in _EMPTY:
            raise ServiceError.of(cause(done.final))
        for line in done.lines:
            entry = replies.cpbr(line.text)
            if entry is not None:
                found.append(
                    PhonebookEntry(index=entry.index, number=_number(entry.number), name=decode(entry.text, names))
                )
    return found


async def add(session: Session, storage: str, charset: str, number: str, name: str) -> None:
    """Write an entry in the first free place. Raises ServiceError, CommandTimeout, PortLost."""
    toa = replies.INTERNATIONAL if number.startswith("+") else _NATIONAL
    async with _chosen(session, storage, charset) as names:
        if names == "UCS2":
            written = name.encode("utf-16-be").hex().upper()
        elif name.isascii() and name.isprintable() and '"' not in name:
            written = name
        else:
            raise ServiceError("the modem cannot write this name", code="not_encodable")
        await _ask(session, f"AT+CPBW=,{at.quoted(number)},{toa},{at.quoted(written)}")


async def delete(session: Session, storage: str, charset: str, index: int) -> None:
    """Clear a place. Raises ServiceError, CommandTimeout, PortLost."""
    async with _chosen(session, storage, charset):
        await _ask(session, f"AT+CPBW={index:d}")


async def own_numbers(session: Session, charset: str) -> list[str]:
    """The SIM's own numbers: by +CNUM, else what its phonebook of own numbers holds. Raises CommandTimeout, PortLost."""
    async with session.turns.sending():
        done = await _run(session, "AT+CNUM")
    found = [number for line in done.lines if (number := replies.cnum(line.text))]
    if not found:
        with contextlib.suppress(ServiceError):  # not every SIM has one
            found = [entry.number for entry in await entries(session, OWN_NUMBERS, charset)]
    return [_number(number) for number in found]


@contextlib.asynccontextmanager
async def _chosen(session: Session, storage: str, charset: str) -> AsyncIterator[str]:
    """A turn in which a phonebook is selected and names are in the character set that is given out: UCS-2 where possible."""
    async with session.turns.sending():
        await _ask(session, f"AT+CPBS={at.quoted(storage)}")
        done = await session.run(at.from_text('AT+CSCS="UCS2"'))
        try:
            yield "UCS2" if done.ok else charset
        finally:
            if done.ok:
                await _restore(session, charset)


async def _restore(session: Session, charset: str) -> None:
    try:
        await session.run(at.from_text(f"AT+CSCS={at.quoted(charset)}"))
    except CommandTimeout as error:
        log.warning("the character set is not as it was: %s", error)


async def _ask(session: Session, text: str) -> at.Completed:
    done = await _run(session, text)
    if not done.ok:
        raise ServiceError.of(cause(done.final))
    return done


async def _run(session: Session, text: str) -> at.Completed:
    return await session.run(replace(at.from_text(text), timeout=TIMEOUT_S))


def _number(text: str) -> str:
    """A number as it is dialled; in UCS-2 some give that in hex too."""
    found = ucs2_text(text.removeprefix("+"))
    return found if found is not None and _DIGITS.issuperset(found) else text
