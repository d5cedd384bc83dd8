"""What the lines of a modem say: through the engine first, then read by the functions that the driver uses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gateway.at import ANY, Command, Completed, Engine, Event, Fields, Urc, from_text, replies
from gateway.modem.charset import decode

Parsed = dict[str, Any]

_STATES = (
    *("idle", "home", "searching", "denied", "unknown", "roaming", "home_sms_only", "roaming_sms_only"),
    *("emergency_only", "home_csfb_not_preferred", "roaming_csfb_not_preferred", "attached_rlos"),
)
_NETWORK_STATES = ("unknown", "available", "current", "forbidden")
_ACCESS = {0: "gsm", 1: "gsm_compact", 2: "umts", 3: "edge", 4: "hsdpa", 5: "hsupa", 6: "hspa", 7: "lte"}
_ACCESS |= {11: "5gnr", 12: "5gnr"}


def at_parse(request: Mapping[str, Any]) -> Parsed:
    """The fields of the first line that says something; `error` where nothing is known of its kind."""
    lines = _lines(request)
    if not lines:
        return {"error": "nothing but a result"}
    name = lines[0][0].partition(":")[0]
    reader = _READERS.get("+COPS=?" if request.get("command", "").upper() == "AT+COPS=?" else name)
    return reader(lines, "command" in request) if reader is not None else {"error": "unsupported"}


def _lines(request: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Every line with its PDU, "" where it has none."""
    engine = Engine()
    if "command" in request:
        engine.send(_command(request), 0.0)
    octets = "".join(f"\r\n{line}\r\n" for line in [*request["response_lines"], "OK"]).encode()
    engine.receive(octets, 0.0)
    engine.tick(60.0)
    found: list[tuple[str, str]] = []
    while (event := engine.next_event()) is not None:
        found += _of(event)
    return found


def _command(request: Mapping[str, Any]) -> Command:
    """Some firmware answers with another prefix than the command's; it owns every line then."""
    command = from_text(request["command"])
    owned = request["response_lines"] and request["response_lines"][0].startswith(command.prefixes)
    return command if owned else Command(text=command.text, prefixes=ANY, timeout=command.timeout)


def _of(event: Event) -> list[tuple[str, str]]:
    match event:
        case Completed():
            return [(line.text, line.pdu or "") for line in event.lines]
        case Urc():
            return [(event.text, event.pdu or "")]
    return []


Lines = Sequence[tuple[str, str]]


def _registration(lines: Lines, asked: bool) -> Parsed:
    found = replies.registration(lines[0][0], asked=asked)
    if found is None:
        return {"error": "no registration"}
    return {
        "state": _STATES[found.stat] if found.stat < len(_STATES) else "unknown",
        "stat": found.stat,
        "registered": found.stat in (1, 5, 6, 7, 9, 10),
        "lac": _hex(found.lac),
        "ci": _hex(found.ci),
        "lac_hex": found.lac,
        "ci_hex": found.ci,
        "act": _ACCESS.get(found.act, "unknown") if found.act is not None else "unknown",
    }


def _hex(text: str) -> int | str:
    """As a number, 0 where the modem tells none; letters that are no digits as they are."""
    try:
        return int(text, 16) if text else 0
    except ValueError:
        return 0 if set(text) <= set("0123456789abcdefABCDEF ") else text


def _networks(lines: Lines, _asked: bool) -> Parsed:
    found = [network for line, _ in lines for network in replies.networks(line)]
    return {
        "networks": [
            {
                "status": _NETWORK_STATES[network.stat],
                "long": decode(network.long, "GSM") or None,
                "short": decode(network.short, "GSM") or None,
                "code": decode(network.code, "GSM"),
                "act": _ACCESS.get(network.act or 0, "unknown"),
            }
            for network in found
        ]
    }


def _operator(lines: Lines, _asked: bool) -> Parsed:
    fields = Fields(lines[0][0]).skip(2)
    return {"operator": decode(fields.string() or "", "GSM"), "act": fields.number()}


def _messages(lines: Lines, _asked: bool) -> Parsed:
    found = []
    for line, pdu in lines:
        fields = Fields(line)
        found.append({"index": fields.number(), "status": fields.number(), "pdu": pdu})
    return {"messages": found}


def _stored(lines: Lines, _asked: bool) -> Parsed:
    fields = Fields(lines[0][0])
    memory, index = fields.string(), fields.number()
    return {"memory": memory, "index": -1 if index is None else index}


def _number(lines: Lines, _asked: bool) -> Parsed:
    return {"number": replies.cnum(lines[0][0])}


def _ussd(lines: Lines, _asked: bool) -> Parsed:
    found = replies.cusd(lines[0][0])
    if found is None:
        return {"error": "no USSD answer"}
    return {"type": found.m, "payload": found.text, "dcs": -1 if found.dcs is None else found.dcs}


def _call(lines: Lines, _asked: bool) -> Parsed:
    found = replies.clcc(lines[0][0])
    if found is None:
        return {"error": "no call"}
    return {"call": found.call, "incoming": found.incoming, "stat": found.stat, "number": found.number}


def _forwarding(lines: Lines, _asked: bool) -> Parsed:
    found = [entry for line, _ in lines if (entry := replies.ccfc(line)) is not None]
    return {"forwarding": [{"active": each.active, "class": each.classes, "number": each.number} for each in found]}


def _entries(lines: Lines, _asked: bool) -> Parsed:
    found = [entry for line, _ in lines if (entry := replies.cpbr(line)) is not None]
    return {
        "entries": [{"index": each.index, "number": each.number, "text": decode(each.text, "IRA")} for each in found]
    }


_READERS: dict[str, Callable[[Lines, bool], Parsed]] = {
    "+CREG": _registration,
    "+CGREG": _registration,
    "+CEREG": _registration,
    "+C5GREG": _registration,
    "+COPS=?": _networks,
    "+COPS": _operator,
    "+CMGL": _messages,
    "+CMTI": _stored,
    "+CDSI": _stored,
    "+CNUM": _number,
    "+CUSD": _ussd,
    "+CLCC": _call,
    "+CCFC": _forwarding,
    "+CPBR": _entries,
}
