"""Which messages are shown to the client, how, and their acknowledgement: CNMI, CSMS, CNMA (27.005 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.emulator.commands.table import Op, Prompt, cms, integer, on, text_list

if TYPE_CHECKING:
    from gateway.emulator.modem import Modem

Arguments = tuple[str, ...]
CNMI_FIELDS = ("mode", "mt", "bm", "ds", "bfr")


@on("+CNMI", Op.SET)
def set_indications(modem: Modem, arguments: Arguments) -> str:
    """Values that are left out stay as they are."""
    offer = modem.personality.cnmi
    if len(arguments) > len(CNMI_FIELDS):
        raise cms(304)
    wanted = [integer(arguments, place, current, error=cms(304)) for place, current in enumerate(modem.settings.cnmi)]
    chosen = dict(zip(CNMI_FIELDS, wanted, strict=True))
    if any(value not in allowed for value, allowed in zip(wanted, offer.ranges, strict=True)):
        raise cms(303)
    if wanted[0] in offer.refused_modes or any(
        wanted[0] not in offer.needs_mode.get(item, offer.modes) for item in chosen.items()
    ):
        raise cms(303)
    modem.settings.cnmi = wanted
    modem.reception.cnmi_changed()
    return ""


@on("+CNMI", Op.READ)
def indications(modem: Modem, _: Arguments) -> str:
    return "+CNMI: " + ",".join(map(str, modem.settings.cnmi))


@on("+CNMI", Op.TEST)
def possible_indications(modem: Modem, _: Arguments) -> str:
    return "+CNMI: " + ",".join(text_list(values) for values in modem.personality.cnmi.ranges)


@on("+CSMS", Op.SET)
def set_service(modem: Modem, arguments: Arguments) -> str:
    service = integer(arguments, 0, error=cms(304))
    if service not in modem.personality.csms_services:
        raise cms(303)
    modem.settings.csms = service
    return "+CSMS: 1,1,1"


@on("+CSMS", Op.READ)
def service(modem: Modem, _: Arguments) -> str:
    return f"+CSMS: {modem.settings.csms},1,1,1"


@on("+CSMS", Op.TEST)
def services(modem: Modem, _: Arguments) -> str:
    return f"+CSMS: {text_list(modem.personality.csms_services)}"


@on("+CNMA", Op.RUN, Op.SET)
def acknowledge(modem: Modem, arguments: Arguments) -> str | Prompt:
    """<n> 0 or 1 is yes, 2 is no; with a length the acknowledgement PDU follows at a prompt."""
    n = integer(arguments, 0, 0, error=cms(304))
    if n > 2 or (arguments and not modem.personality.cnma_numbers):
        raise cms(304)
    if not modem.reception.owes:
        raise cms(340)
    if integer(arguments, 1, 0, error=cms(304)):
        return Prompt("+CNMA", lambda _: _acknowledged(modem, n))
    return _acknowledged(modem, n)


def _acknowledged(modem: Modem, n: int) -> str:
    if not modem.reception.owes:
        raise cms(340)
    modem.reception.acknowledged(n != 2)
    return ""


@on("+CNMA", Op.TEST)
def acknowledgements(_: Modem, __: Arguments) -> str:
    return "+CNMA: (0-2)"
