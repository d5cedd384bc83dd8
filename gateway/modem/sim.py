"""The SIM: is it there, is it unlocked, who is it. A PIN is tried once, and never as the last attempt."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import os
from dataclasses import replace
from pathlib import Path

from gateway import at
from gateway.modem import answers
from gateway.modem.errors import CommandTimeout, SimUnusable
from gateway.modem.profiles import Profile, Query
from gateway.modem.sequence import run_patiently
from gateway.modem.session import Session, cause

log = logging.getLogger(__name__)

BUSY_S = 20.0  # how long a SIM may start up
_BUSY_PAUSE = 0.3
_MAX_ATTEMPTS = 15  # TS 102 221: the counter is one hex digit

_MISSING = frozenset({"cme:10", "cme:13", "cme:15", "cms:310", "cms:313", "cms:315"})
_BUSY = frozenset({"cme:14", "cms:314", "cme:515"})
_WORDS = {  # +CPIN: <code> and the errors that say the same -> what the SIM wants
    "READY": "ready",
    "SIM PIN2": "ready",  # only fixed dialling wants it
    "SIM PUK2": "ready",
    "SIM PIN": "pin",
    "SIM PUK": "puk",
    "NOT INSERTED": "missing",
    "NOT READY": "busy",
    "cme:11": "pin",
    "cms:311": "pin",
    "cme:12": "puk",
    "cms:316": "puk",
}


class PinGuard:
    """What was tried with which SIM. `record`: a file that remembers it over restarts of the gateway (mode 0600).

    Without it a gateway that is restarted by its supervisor would use up the attempts of a SIM whose modem tells none.
    """

    def __init__(self, record: Path | None = None) -> None:
        self._record = record
        self._tried: dict[str, int | None] = {}  # digest of SIM and PIN -> attempts that were left before
        self._failed: set[str] = set()  # SIMs that refused a PIN, as digests
        if record is not None and record.exists():
            self._load(record)

    def refusal(self, iccid: str, pin: str, attempts: int | None) -> str:
        """Why this PIN must not be tried now; "" if it may. `attempts`: how many are left, None if unknown."""
        if attempts is not None and attempts <= 1:
            return f"only {attempts} PIN attempt is left, and it is not for us"
        before = self._tried.get(_digest(iccid, pin), -1)
        if before != -1 and (attempts is None or before is None or attempts < before):
            return f"the PIN was tried already and refused{self._advice()}"
        if attempts is None and _digest(iccid) in self._failed:
            return f"a PIN was refused already and the modem does not tell how many attempts are left{self._advice()}"
        return ""

    def _advice(self) -> str:
        return f"; once the PIN is right and attempts are left, remove {self._record}" if self._record else ""

    def trying(self, iccid: str, pin: str, attempts: int | None) -> None:
        """Note the attempt, before it is made. Raises SimUnusable when it cannot be noted: then it must not be made."""
        self._tried[_digest(iccid, pin)] = attempts
        self._save()

    def accepted(self, iccid: str, pin: str) -> None:
        self._tried.pop(_digest(iccid, pin), None)
        self._failed.discard(_digest(iccid))
        self._save()

    def refused(self, iccid: str) -> None:
        self._failed.add(_digest(iccid))
        self._save()

    def _load(self, record: Path) -> None:
        try:
            kept = json.loads(record.read_text(encoding="ascii"))
            self._tried, self._failed = dict(kept["tried"]), set(kept["failed"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            log.error("%s: %s; PIN attempts of earlier runs are not known", record, error)

    def _save(self) -> None:
        if self._record is None:
            return
        text = json.dumps({"tried": self._tried, "failed": sorted(self._failed)})
        new = self._record.with_suffix(".new")
        try:
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with open(descriptor, "w", encoding="ascii") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.replace(new, self._record)
        except OSError as error:
            raise _unusable("pin", f"{self._record} cannot be written ({error.strerror}): no PIN is tried") from error


async def unlock(session: Session, profile: Profile, guard: PinGuard, pin_file: Path | None) -> None:
    """Return when the SIM is ready, after giving it its PIN if it wants one.

    Raises SimUnusable (with `sim` "pin", "puk", "missing" or "unknown") otherwise.
    """
    wants = await wanted(session)
    if wants == "pin":
        await _give_pin(session, profile, guard, pin_file)
        wants = await wanted(session)
    if wants != "ready":
        raise _unusable(wants)


async def wanted(session: Session, patience: float | None = None) -> str:
    """What the SIM wants: "ready", "pin", "puk", "missing" or "unknown"; waits while it is busy."""
    loop = asyncio.get_running_loop()
    end = loop.time() + (BUSY_S if patience is None else patience)
    while True:
        word = _word(await session.run(at.CPIN))
        if word != "busy" or loop.time() >= end:
            return "unknown" if word == "busy" else word
        await asyncio.sleep(_BUSY_PAUSE)


async def read_iccid(session: Session, profile: Profile, patience: float | None = None) -> str:
    """The ICCID by the first query that gives one, from a SIM that may still be busy; "" when none does."""
    for query in profile.iccid:
        value = await ask(session, query, patience=BUSY_S if patience is None else patience)
        if value and (found := answers.iccid(value)):
            return found
    return ""


async def check(session: Session) -> None:
    """Raises SimUnusable when the SIM is no longer ready."""
    wants = await wanted(session)
    if wants != "ready":
        raise _unusable(wants)


async def own_number(session: Session) -> str:
    """The first number that the SIM knows for itself (27.007 7.1); "" when it does not."""
    try:
        done = await session.run(at.from_text("AT+CNUM"))
    except CommandTimeout:
        return ""
    line = answers.info(done, "+CNUM:") if done.ok else None
    return at.replies.cnum(line) if line is not None else ""


async def ask(session: Session, query: Query, patience: float = 0) -> str | None:
    """The value that `query` is after; None when the modem refuses or does not say.

    `patience`: seconds for which it is asked again while the answer is "not ready".
    """
    command = replace(at.from_text(query.command), prefixes=query.prefixes)
    try:
        done = await run_patiently(session, command, patience)
    except CommandTimeout:
        return None
    for line in done.lines if done.ok else ():
        values = answers.fields(line.text)
        if len(values) > query.field and (not query.label or values[0] == query.label):
            return values[query.field]
    return None


async def attempts_left(session: Session, profile: Profile) -> int | None:
    """How many times a PIN may still be tried, None when the modem does not tell."""
    for query in profile.pin_attempts:
        value = await ask(session, query)
        left = answers.number(value) if value else None
        if value and value.upper().startswith("63C"):  # TS 102 221 10.2.1.5: VERIFY answers 63CX, X attempts left
            left = answers.number(str(int(value[3:4] or "0", 16)))
        if left is not None and 0 <= left <= _MAX_ATTEMPTS:
            return left
    return None


async def _give_pin(session: Session, profile: Profile, guard: PinGuard, pin_file: Path | None) -> None:
    if pin_file is None:
        raise _unusable("pin", "the SIM wants its PIN and no pin_file is configured")
    pin = await asyncio.to_thread(_read_pin, pin_file)
    attempts = await attempts_left(session, profile)
    iccid = await read_iccid(session, profile)
    if refusal := guard.refusal(iccid, pin, attempts):
        raise _unusable("pin", refusal)
    guard.trying(iccid, pin, attempts)
    log.info("giving the SIM its PIN (%s attempts left)", "unknown" if attempts is None else attempts)
    try:
        done = await session.run(at.cpin(pin))
        accepted = done.ok
    except CommandTimeout:
        accepted = await wanted(session) == "ready"
    if not accepted:
        guard.refused(iccid)
        raise _unusable("pin", "the SIM refused the PIN; it is not tried again")
    guard.accepted(iccid, pin)


def _read_pin(path: Path) -> str:
    try:
        pin = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise _unusable("pin", f"{path} cannot be read: {getattr(error, 'strerror', error)}") from error
    if not (4 <= len(pin) <= 8 and pin.isdecimal()):
        raise _unusable("pin", f"{path} holds no PIN of 4 to 8 digits")
    return pin


def _word(done: at.Completed) -> str:
    error = cause(done.final)
    if error in _MISSING:
        return "missing"
    if error in _BUSY:
        return "busy"
    line = answers.info(done, "+CPIN:") or ""
    return _WORDS.get(error or line.partition(":")[2].strip(), "unknown")


def _unusable(wants: str, why: str = "") -> SimUnusable:
    code, default = {
        "pin": ("sim_pin_required", "the SIM wants its PIN"),
        "puk": ("sim_puk_required", "the SIM is locked and wants its PUK"),
        "missing": ("sim_missing", "there is no SIM in the modem"),
    }.get(wants, ("sim_missing", "the modem does not tell what the SIM wants"))
    return SimUnusable(why or default, sim=wants, code=code)


def _digest(*what: str) -> str:
    return hashlib.sha256("/".join(what).encode()).hexdigest()
