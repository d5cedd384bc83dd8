"""+CMS ERROR numbers from 512 on, which every vendor uses for something else, so that one table would be wrong.

What is not confirmed by a manual or driver is marked so on the family's page in firmware-notes/.
"""

from __future__ import annotations

from collections.abc import Mapping

from gateway.at.codes import Code, Retry, cme, cms


def _code(retry: str, meaning: str, attempts: int | None = None) -> Code:
    return Code(meaning=meaning, retry=Retry(retry), attempts=attempts)


_SIMCOM: dict[int, Code] = {
    512: _code("A", "no error told", 3),
    513: _code("P", "message too long"),
    514: _code("P", "invalid request parameters"),
    515: _code("L", "storage of the modem failed"),
    516: _code("L", "invalid bearer service"),
    517: _code("L", "invalid service mode"),
    518: _code("L", "invalid storage type"),
    519: _code("P", "invalid message format"),
    520: _code("P", "too many concatenated messages"),
    521: _code("R", "SMS service not ready"),
    522: _code("R", "SMS service has ended", 3),
    523: _code("P", "kind of TPDU not supported in storage"),
    524: _code("P", "reserved message type"),
    525: _code("R", "no free entity in the relay layer", 3),
    528: _code("R", "more-messages-to-send state error", 3),
    529: _code("L", "sending is not allowed"),
    530: _code("R", "GPRS is suspended"),
    531: _code("L", "storage of the modem is full"),
    532: _code("R", "SIM refresh in progress"),
}

_QUECTEL: dict[int, Code] = {
    512: _code("R", "SIM not ready", 3),
    513: _code("P", "message too long"),
    514: _code("P", "invalid request parameters"),
    515: _code("L", "storage of the modem failed"),
    517: _code("L", "invalid service mode"),
    528: _code("R", "more-messages-to-send state error", 3),
    529: _code("L", "sending is not allowed"),
    530: _code("R", "GPRS is suspended"),
    531: _code("L", "storage of the modem is full"),
}

_LAYERS: dict[int, Code] = {  # Wavecom's, which several others took over
    512: _code("R", "no connection to the network could be made (weak signal?)", 3),
    513: _code("R", "lower layer failure", 3),
    514: _code("R", "congestion, or an error of the connection layer", 3),
    515: _code("R", "please wait, initialisation or command in progress"),
    517: _code("R", "SIM not ready", 3),
}

_CINTERION: dict[int, Code] = {
    512: _code("R", "aborted by the user", 3),
    513: _code("L", "the message cannot be stored"),
    514: _code("P", "invalid message status"),
    515: _code("P", "invalid character in the address"),
    516: _code("P", "invalid length"),
    517: _code("P", "invalid character in the PDU"),
    521: _code("A", "timer expired", 2),
    532: _code("R", "SIM not ready"),
    549: _code("P", "invalid length"),
    553: _code("P", "invalid length"),
}

_UBLOX: dict[int, Code] = {
    512: _code("A", "acknowledgement of the relay protocol", 2),
    513: _code("A", "timer expired", 2),
    514: _code("R", "forwarding is not available", 3),
    515: _code("R", "forwarding was aborted", 3),
    516: _code("P", "invalid message type"),
    521: _code("P", "no validity period"),
    523: _code("P", "no destination address"),
    524: _code("P", "invalid destination address"),
    525: _code("L", "no service centre address"),
    526: _code("L", "invalid service centre address"),
}

VENDORS: Mapping[str, Mapping[int, Code]] = {
    "simcom": _SIMCOM,
    "quectel": _QUECTEL,
    "huawei": _LAYERS,
    "telit": _LAYERS,
    "wavecom": _LAYERS,
    "cinterion": _CINTERION,
    "ublox": _UBLOX,
}


def refusal(error: str, vendor: str = "") -> Code | None:
    """What "cms:38", "cme:14" … means. `vendor`: whose numbers from 512 on these are, a key of `VENDORS`.

    None for an error without a number ("error", "timeout" …).
    """
    kind, _, digits = error.partition(":")
    if kind not in ("cms", "cme") or not digits.isdecimal():
        return None
    number = int(digits)
    if kind == "cme":
        return cme(number)
    own = VENDORS.get(vendor, {}).get(number)
    return own if own is not None else cms(number)
