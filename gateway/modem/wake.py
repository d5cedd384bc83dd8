"""The first words to a modem: silence for a late answer, out of a prompt that was left open, then AT until OK."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from gateway import at
from gateway.errors import ModemError
from gateway.modem.errors import CommandTimeout
from gateway.modem.session import ESC, Session

log = logging.getLogger(__name__)

QUIET_S = 0.1  # no octet for so long: what ESC brought has arrived
QUIET_LIMIT_S = 1.0
PROBES = 10
PROBE_TIMEOUT_S = 2.0
_STEP_S = 0.02

# The modem has just started: nobody answers any more for what was asked before.
SILENCE_ENDS = ("RDY", "^SYSSTART", "*ATREADY", "+READY")

_OWN_LINE = ("AT+CMEE?", "AT+CSMS?", "AT+CGMI", "AT+CMEE?", "AT+CGMI")


async def awaken(session: Session, silence_s: float, answered: Callable[[], bool], *, probes: int = PROBES) -> None:
    """Return when the modem answers in step. `silence_s`: how long to wait for the late answer to a submit of before.

    Raises ModemError when it answers only nonsense, PortLost when it does not answer.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + silence_s
    while not answered() and loop.time() < end:
        await asyncio.sleep(_STEP_S)
        session.check()
    # A client that was killed can have left the prompt open. ESC leaves it; Ctrl-Z would send what stands there.
    await _escape(session)
    for _ in range(probes):
        try:
            if (await session.run(at.Command(text="AT", timeout=PROBE_TIMEOUT_S))).ok:
                break
        except CommandTimeout:
            await _escape(session)
    else:
        raise ModemError("the modem answers AT with errors only")
    await _in_step(session)


async def _in_step(session: Session) -> None:
    """An OK that ESC brought late would shift every answer by one: ask until a command gets its own line."""
    for text in _OWN_LINE:
        try:
            if (await session.run(at.from_text(text))).lines:
                return
        except CommandTimeout:
            log.debug("no answer to %s", text)
        await _quiet(session)
    raise ModemError("the modem's answers do not fit the questions")


async def _escape(session: Session) -> None:
    await session.idle()
    session.write_raw(ESC)
    await _quiet(session)


async def _quiet(session: Session) -> None:
    loop = asyncio.get_running_loop()
    end = loop.time() + QUIET_LIMIT_S
    session.quiet_since = loop.time()
    while True:
        left = min(end, session.quiet_since + QUIET_S) - loop.time()
        if left <= 0:
            break
        await asyncio.sleep(left)
    session.check()
