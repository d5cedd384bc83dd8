"""Runs of commands as data: what is sent, whether it has to work, and what is learned from the answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum

from gateway.at import Command, Completed, from_text
from gateway.modem.answers import identity
from gateway.modem.errors import CommandRefused, CommandTimeout
from gateway.modem.session import Session, cause

log = logging.getLogger(__name__)

# "not ready yet": SIM busy, initialisation in progress, storage not loaded (27.005 3.2.5, 27.007 9.2). From 512 on, what
# any vendor means by it; where it means something else, asking again for a while does no harm.
NOT_READY = frozenset(
    {"cms:302", "cms:314", "cms:512", "cms:515", "cms:517", "cms:521", "cms:532", "cme:14", "cme:515"}
)
_PAUSES = (0.1, 0.2, 0.4, 0.8, 1.5)  # seconds between tries, the last one for ever


class Policy(Enum):
    """What an error answer means for the run."""

    REQUIRED = "required"
    OPTIONAL = "optional"


@dataclass(slots=True, kw_only=True)
class Setup:
    """What start-up learns; filled in by the processors of its steps."""

    manufacturer: str = ""
    model: str = ""
    revision: str = ""
    imei: str = ""
    ati: str = ""
    imsi: str = ""
    iccid: str = ""
    number: str = ""


Processor = Callable[[Setup, Completed], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One command of a run. `patient`: asked again for a while when the modem says that it is not ready."""

    text: str
    policy: Policy = Policy.OPTIONAL
    process: Processor | None = None
    patient: bool = False


def keep(name: str) -> Processor:
    """A processor that keeps an identity answer under `name`."""

    def process(setup: Setup, done: Completed) -> None:
        setattr(setup, name, identity(done))

    return process


PREPARE = (
    Step(text="ATE0"),
    Step(text="ATV1"),
    Step(text="ATQ0"),  # E3372h-320 refuses it
    Step(text="AT+CMEE=1"),
)

IDENTIFY = (
    Step(text="AT+CGMI", process=keep("manufacturer")),
    Step(text="AT+CGMM", process=keep("model")),
    Step(text="AT+CGMR", process=keep("revision")),
    Step(text="AT+CGSN", process=keep("imei")),
    Step(text="ATI", process=keep("ati")),
)

REPORTING = (
    Step(text="AT+CREG=2"),
    Step(text="AT+CGREG=2"),
    Step(text="AT+CEREG=2"),
    Step(text="AT+COPS=3,0"),
    Step(text='AT+CSCS="GSM"'),
)

PDU_MODE = Step(text="AT+CMGF=0", policy=Policy.REQUIRED, patient=True)


async def run_steps(session: Session, steps: Iterable[Step], setup: Setup, *, patience: float = 0) -> None:
    """Run the steps in order. `patience`: seconds that a patient step may be told "not ready".

    Raises CommandRefused for a REQUIRED step that is refused, CommandTimeout for one that is not answered, PortLost.
    """
    for step in steps:
        try:
            done = await run_patiently(session, from_text(step.text), patience if step.patient else 0)
        except CommandTimeout:
            if step.policy is Policy.REQUIRED:
                raise
            log.info("no answer to %s", step.text)
            continue
        if done.ok:
            if step.process is not None:
                step.process(setup, done)
        elif step.policy is Policy.REQUIRED:
            raise CommandRefused(f"{step.text} was answered by {cause(done.final)}", cause=cause(done.final))


async def run_patiently(session: Session, command: Command, patience: float) -> Completed:
    """Run `command`; while the answer is "not ready", ask again for `patience` seconds."""
    loop = asyncio.get_running_loop()
    end = loop.time() + patience
    for attempt in range(10_000):
        done = await session.run(command)
        if cause(done.final) not in NOT_READY or loop.time() >= end:
            break
        await asyncio.sleep(_PAUSES[min(attempt, len(_PAUSES) - 1)])
    return done
