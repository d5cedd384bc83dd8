"""Call forwarding (27.007 7.11): asked, set and taken back in the network, for voice calls.

`AT+CCFC` holds the port until the network has answered. Texts wait meanwhile, those that come in too, so each reason is a
turn of its own, and what waits goes in between.
"""

from __future__ import annotations

from dataclasses import replace

from gateway import at
from gateway.at import replies
from gateway.modem.errors import ServiceError
from gateway.modem.model import Forwarding
from gateway.modem.session import Session, cause

REASONS = {"unconditional": 0, "busy": 1, "no-reply": 2, "unreachable": 3}
TIMEOUT_S = 120.0
VOICE = 1
_QUERY, _REGISTER, _ERASE = 2, 3, 4
_NATIONAL = 129


async def query(session: Session, reason: str) -> Forwarding:
    """What the network does with voice calls for one of `REASONS`. Raises ServiceError, CommandTimeout, PortLost."""
    done = await _ask(session, f"AT+CCFC={REASONS[reason]},{_QUERY}")
    found = [entry for line in done.lines if (entry := replies.ccfc(line.text)) is not None and entry.classes & VOICE]
    entry = next((each for each in found if each.active), None)
    if entry is None:
        return Forwarding(reason=reason, active=False)
    return Forwarding(reason=reason, active=True, number=entry.number, after_s=entry.time_s)


async def register(session: Session, reason: str, number: str, after_s: int | None) -> None:
    """Have voice calls forwarded to `number`, of no reply after so many seconds (5 to 30, the network's own where None)."""
    toa = replies.INTERNATIONAL if number.startswith("+") else _NATIONAL
    time = f",,,{after_s:d}" if after_s is not None else ""
    await _ask(session, f"AT+CCFC={REASONS[reason]},{_REGISTER},{at.quoted(number)},{toa},{VOICE}{time}")


async def erase(session: Session, reason: str) -> None:
    """Take it back."""
    await _ask(session, f"AT+CCFC={REASONS[reason]},{_ERASE},,,{VOICE}")


async def _ask(session: Session, text: str) -> at.Completed:
    async with session.turns.sending():
        done = await session.run(replace(at.from_text(text), timeout=TIMEOUT_S))
    if not done.ok:
        raise ServiceError.of(cause(done.final))
    return done
