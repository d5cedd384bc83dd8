"""Whether what answers on a port is the modem, and the SIM, that a line is configured for."""

from __future__ import annotations

import asyncio
import os

from gateway.errors import ModemError
from gateway.modem import sim, usb
from gateway.modem.discovery import same_iccid, same_imei
from gateway.modem.errors import PortBusy, WrongModem
from gateway.modem.holders import holders
from gateway.modem.model import LineConfig
from gateway.modem.profiles import Profile
from gateway.modem.session import Session


async def explained(error: ModemError, port: str, roots: usb.Roots) -> ModemError:
    """The error of a port on which nobody answered, with what is known against that port."""
    wrong = await asyncio.to_thread(usb.advice, port, roots)
    return WrongModem(f"{error}; {wrong}") if wrong else error


async def held(error: PortBusy, port: str, roots: usb.Roots) -> PortBusy:
    """The error of a port that cannot be opened, with who has it, as far as that can be seen."""
    others = await asyncio.to_thread(holders, port, roots, but=os.getpid())
    return PortBusy(f"{error}: {', '.join(map(str, others))}") if others else error


def check_imei(config: LineConfig, imei: str) -> None:
    """Raises WrongModem where the line is named by another IMEI."""
    if config.imei and not same_imei(config.imei, imei):
        raise WrongModem(f"{config.port}: this is the modem {imei or 'of unknown IMEI'}, not {config.imei}")


async def check_iccid(config: LineConfig, session: Session, profile: Profile) -> None:
    """Raises WrongModem where the line is named by another SIM, before that one is given the PIN."""
    if not config.iccid:
        return
    found = await sim.read_iccid(session, profile)
    if not same_iccid(config.iccid, found):
        raise WrongModem(f"{config.port}: this is the SIM {found or 'of unknown ICCID'}, not {config.iccid}")


def same_sim(name: str, iccid: str) -> bool:
    """Whether a SIM that is known as `name` may be the one that tells this ICCID: by another name it cannot be told."""
    return not name[:1].isdecimal() or same_iccid(name, iccid)


async def own_commands(config: LineConfig, profile: Profile, roots: usb.Roots) -> tuple[str, ...]:
    """The commands of the family that help, those for the AT interface on USB only where this is it."""
    own = bool(profile.usb_init) and await asyncio.to_thread(usb.is_at_interface, config.port, roots)
    return (*profile.extra_init, *(profile.usb_init if own else ()))
