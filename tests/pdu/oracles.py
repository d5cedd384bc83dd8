"""Other programs that read PDUs, each made to say the same few things as this codec, in the same words."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.pdu import Direction, StatusReport, Submit, Timestamp, ValidityPeriod, decode_frame, join
from gateway.pdu.tpdu import Tpdu

Reading = dict[str, Any]
"""What a PDU says: `kind`, `number`, `text` or `data`, `time` … An oracle leaves out what it does not tell."""

DELIVER, SUBMIT, REPORT = "deliver", "submit", "status-report"
REFUSED: Reading = {"refused": True}


def kind_of(pdu: str) -> str:
    """By the first octet of the TPDU: these PDUs all have an SC address of eight octets, and SUBMITs go up."""
    return {1: SUBMIT, 2: REPORT}.get(int(pdu[16:18], 16) & 3, DELIVER)


def ours(pdu: str) -> Reading:
    """What this codec reads."""
    direction = Direction.MO if kind_of(pdu) == SUBMIT else Direction.MT
    tpdu = decode_frame(pdu, direction).tpdu
    peer = getattr(tpdu, "oa", None) or getattr(tpdu, "da", None) or getattr(tpdu, "ra", None)
    return {"kind": kind_of(pdu), "number": str(peer), **_content(tpdu), **_times(tpdu)}


def _content(tpdu: Tpdu) -> Reading:
    if tpdu.ud is None:
        return {"text": ""}
    concat = tpdu.ud.concat
    content = join([tpdu.ud])
    return {
        "concat": (concat.ref, concat.total, concat.seq) if concat else None,
        "text": content.text if content.data is None else content.data.hex(),
    }


def _times(tpdu: Tpdu) -> Reading:
    if isinstance(tpdu, Submit):
        seconds = tpdu.validity.seconds if isinstance(tpdu.validity, ValidityPeriod) else None
        return {"validity": seconds, "reference": tpdu.mr}
    if isinstance(tpdu, StatusReport):
        return {"time": _utc(tpdu.scts), "discharge": _utc(tpdu.dt), "status": tpdu.st, "reference": tpdu.mr}
    return {"time": _utc(getattr(tpdu, "scts", None))}


def _utc(stamp: Timestamp | datetime | None) -> str | None:
    moment = stamp.moment if isinstance(stamp, Timestamp) else stamp
    return moment.astimezone(UTC).isoformat() if moment else None


def gsmmodem(pdu: str) -> Reading:
    """python-gsmmodem-new."""
    module = pytest.importorskip("gsmmodem.pdu", exc_type=ImportError)
    got = module.decodeSmsPdu(pdu)
    found: Reading = {"kind": got["type"].removeprefix("SMS-").lower(), "number": got["number"]}
    if "time" in got:
        found["time"] = _utc(got["time"])
    if found["kind"] == REPORT:
        return found | {"discharge": _utc(got["discharge"]), "status": got["status"], "reference": got["reference"]}
    concat = next((each for each in got.get("udh", ()) if hasattr(each, "parts")), None)
    found["concat"] = (concat.reference, concat.parts, concat.number) if concat else None
    if found["kind"] == SUBMIT and not isinstance(got.get("validity"), datetime):
        found["validity"] = int(got["validity"].total_seconds()) if got.get("validity") else None
    return found | {"text": got["text"]}


def smspdudecoder(pdu: str) -> Reading:
    """smspdudecoder. What comes after TP-ST in a report it does not know."""
    fields = pytest.importorskip("smspdudecoder.fields", exc_type=ImportError)
    kind = kind_of(pdu)
    got = (fields.SMSSubmit if kind == SUBMIT else fields.SMSDeliver).decode(io.StringIO(pdu))
    peer = got["recipient" if kind == SUBMIT else "sender"]
    plus = "+" if peer["toa"]["ton"] == "international" else ""
    data, header = got["user_data"]["data"], got["user_data"]["header"]
    parts = [each["data"] for each in (header or {"elements": ()})["elements"] if each["iei"] in (0x00, 0x08)]
    found = {
        "kind": got["header"]["mti"],
        "number": plus + peer["number"],
        "text": data.hex() if isinstance(data, bytes) else data,
        "concat": (parts[0]["reference"], parts[0]["parts_count"], parts[0]["part_number"]) if parts else None,
    }
    return found | ({} if kind == SUBMIT else {"time": _utc(got["scts"])})


_GAMMU_KINDS = {"Deliver": DELIVER, "Submit": SUBMIT, "Status_Report": REPORT}


def gammu(pdu: str) -> Reading:
    """libgammu, by python-gammu."""
    module = pytest.importorskip("gammu", exc_type=ImportError)
    got = module.DecodePDU(bytes.fromhex(pdu))
    text, header = got["Text"], got["UDH"]
    ref = max(header["ID8bit"], header["ID16bit"])
    found = {
        "kind": _GAMMU_KINDS[got["Type"]],
        "number": got["Number"],
        "concat": (ref, header["AllParts"], header["PartNumber"]) if header["AllParts"] > 0 else None,
    }
    if found["kind"] == REPORT:
        times = {"time": _utc(got["DateTime"]), "discharge": _utc(got["SMSCDateTime"])}
        return found | times | {"status": got["DeliveryStatus"], "reference": got["MessageReference"]}
    if found["kind"] == DELIVER:
        found["time"] = _utc(got["DateTime"])
    else:
        found["reference"] = got["MessageReference"]
    return found | {"text": text.hex() if isinstance(text, bytes) else text}


ORACLES: Mapping[str, Callable[[str], Reading]] = {"gsmmodem": gsmmodem, "gammu": gammu, "smspdudecoder": smspdudecoder}


def differences(oracle: str, pdu: str) -> tuple[str, ...]:
    """The names of what an oracle says otherwise than this codec, or `refused`."""
    expected = ours(pdu)
    try:
        got = ORACLES[oracle](pdu)
    except pytest.skip.Exception:
        raise
    except Exception:  # noqa: BLE001  # what another program raises is its own affair: it did not read the PDU
        return ("refused",)
    return tuple(sorted(name for name, value in got.items() if name in expected and expected[name] != value))
