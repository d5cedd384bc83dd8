"""One submit: AT+CMGS, prompt, gate, PDU, drain, Ctrl-Z, answer. What is known at each point decides the outcome."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable
from dataclasses import replace

from gateway import at, crashpoints
from gateway.at.vendor_codes import refusal
from gateway.errors import ModemError
from gateway.modem.errors import PortLost
from gateway.modem.model import SubmitOutcome, SubmitResult
from gateway.modem.session import Session, cause, reference

log = logging.getLogger(__name__)


async def submit(
    session: Session, pdu: str, length: int, timeout: float, gate: Awaitable[object] | None, vendor: str = ""
) -> SubmitResult:
    """Send one SMS-SUBMIT. `timeout` is the time from Ctrl-Z to the answer, in seconds; `vendor`: whose error numbers.

    Raises only what `gate` raises, after leaving the prompt.
    """
    try:
        await session.turns.take_for_send()
    except PortLost as error:
        discard(gate)
        return not_sent("port_lost", error)
    try:
        result = await _submit(session, at.cmgs(length, pdu, timeout), gate)
    finally:
        session.turns.release()
    if result.outcome is SubmitOutcome.REFUSED:
        return replace(result, vendor=vendor, detail=meaning(result.error, vendor) or result.detail)
    return result


async def _submit(session: Session, command: at.Command, gate: Awaitable[object] | None) -> SubmitResult:
    try:
        await session.begin(command)
    except PortLost as error:
        discard(gate)
        return not_sent("port_lost", error)
    try:
        event = await session.event()
        if not isinstance(event, at.PromptReady):
            discard(gate)
            return _closed_prompt(event)
        if gate is not None:
            await gate
            gate = None
        if session.pending():  # the modem closed the prompt while the commit was on its way
            return _closed_prompt(await session.event())
        session.send_payload()
        await session.drain()
        crashpoints.at("submit.payload")
        if session.pending():
            return _closed_prompt(await session.event())
        session.send_end()
        crashpoints.at("submit.ended")
    except PortLost as error:
        discard(gate)
        return not_sent("port_lost", error)
    except ModemError as error:
        session.abort()
        return not_sent("modem_error", error)
    except BaseException:
        # the gate's own error, or cancellation: nothing may leave that was not committed
        session.abort()
        raise
    return await _answer(session)


def _closed_prompt(event: at.Event) -> SubmitResult:
    if isinstance(event, at.TimedOut) and event.stage == "payload":  # no fault of the modem
        return SubmitResult(outcome=SubmitOutcome.NOT_SENT, error="too_late", detail="the commit took too long")
    if isinstance(event, at.TimedOut):
        return SubmitResult(outcome=SubmitOutcome.NOT_SENT, error="timeout", detail="the modem gave no prompt")
    if isinstance(event, at.Completed) and event.final.kind not in (at.FinalKind.OK, at.FinalKind.ABORTED):
        return _refused(event, unsent=True)
    return SubmitResult(outcome=SubmitOutcome.NOT_SENT, error="no_prompt", detail="the modem closed the prompt")


async def _answer(session: Session) -> SubmitResult:
    """Ctrl-Z is written: from here on only an answer tells."""
    event: at.Event | None
    try:
        event = await session.event()
    except PortLost as error:
        event = session.last_word()
        if event is None:
            return SubmitResult(outcome=SubmitOutcome.UNKNOWN, error="port_lost", detail=str(error))
    except asyncio.CancelledError:
        session.abandon()
        raise
    if isinstance(event, at.Completed):
        mr = reference(event)
        if event.ok or mr is not None:
            return SubmitResult(outcome=SubmitOutcome.SENT, mr=mr)
        return _refused(event)
    return SubmitResult(outcome=SubmitOutcome.UNKNOWN, error="timeout", detail="no answer to the submit")


def _refused(event: at.Completed, *, unsent: bool = False) -> SubmitResult:
    error = cause(event.final)
    return SubmitResult(outcome=SubmitOutcome.REFUSED, error=error, detail=describe(event.final), unsent=unsent)


def describe(final: at.Final) -> str:
    """The error result in words."""
    return f"the modem answered {final.text or final.kind.name}"


def meaning(error: str, vendor: str) -> str:
    """What the number in "cms:38" … means, "" where it has none."""
    code = refusal(error, vendor)
    return code.meaning if code is not None else ""


def not_sent(error: str, why: object) -> SubmitResult:
    """Nothing can have left."""
    return SubmitResult(outcome=SubmitOutcome.NOT_SENT, error=error, detail=str(why))


def discard(gate: Awaitable[object] | None) -> None:
    """A gate that nobody will wait for: a coroutine is closed, a future belongs to who made it."""
    if inspect.iscoroutine(gate):
        gate.close()
