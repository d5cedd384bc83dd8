"""The gateway's words in those of its owner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gateway.messaging.alerts import Alert
from gateway.messaging.listener import ALERTS, NO_NETWORK
from gateway.messaging.model import LineStatus, Message, Status

STATUSES: Mapping[Status, tuple[str, str]] = {
    Status.SCHEDULED: ("Scheduled", "clock"),
    Status.QUEUED: ("Waiting for a modem", "clock"),
    Status.SENDING: ("Being sent", "clock"),
    Status.SENT: ("Sent", "check"),
    Status.DELIVERED: ("Delivered", "checks"),
    Status.UNDELIVERED: ("Not delivered", "alert"),
    Status.FAILED: ("Failed", "alert"),
    Status.CANCELED: ("Canceled", "cross"),
    Status.UNKNOWN: ("Outcome unknown", "alert"),
    Status.RECEIVING: ("Parts are missing", "clock"),
    Status.RECEIVED: ("Received", "inbox"),
}
"""What a status is called, and its icon."""

ADVICE: Mapping[Status, str] = {
    Status.QUEUED: "It leaves as soon as a modem is able to send. The timeline says what it waits for.",
    Status.UNDELIVERED: "The network could not hand it to the phone: off for too long, or the number does not exist. "
    "Check the number, then send it again.",
    Status.FAILED: "Nothing was charged as far as we know. Look at the reason above, mend it, and send it again.",
    Status.UNKNOWN: "The modem went silent after it had the text, so it may have left. Ask the recipient before you "
    "send it again.",
    Status.RECEIVING: "The other parts come from the network when it has them; what is there is kept.",
}

STATES: Mapping[str, str] = {
    "connecting": "Connecting",
    "initialising": "Starting",
    "sim_missing": "No SIM",
    "sim_pin": "The SIM wants its PIN",
    "sim_puk": "The SIM wants its PUK",
    "searching": "Looking for a network",
    "roaming": "Abroad, not sending",
    "ready": "Ready",
    "failed": "Does not work",
    "lost": "Unplugged",
    "stopped": "Stopped",
}
"""The words of `state`, as people say it."""

BAD = frozenset({"sim_missing", "sim_pin", "sim_puk", "failed", "lost"})

MISSING: Mapping[str, str] = {"mqtt": "MQTT broker", "store": "Database", "modems": "Modems"}


TOLD_BY_STATE = frozenset(ALERTS.values()) | {NO_NETWORK}
"""Alerts that say why a modem cannot send, which its state says as well."""

TITLES: Mapping[str, str] = {
    "quota_exceeded": "A limit is reached",
    "outcome_unknown": "The outcome of a text is unknown",
    "low_voltage": "A modem has too little power",
    "storage_refused": "A modem keeps texts to itself",
    "sim_barred": "A SIM may not send",
    "no_service_centre": "A SIM has no service centre",
    "bad_pdu": "A text could not be read",
    "too_many_parts": "Too many texts are incomplete",
    "database_restored": "The database was restored",
    "database_replaced": "The database was damaged and replaced",
    "no_modem": "Texts wait for a modem that is not there",
}
"""What an alert is called; others by their code."""

GIB = 1024**3
HOT_C = 80.0
"""A Raspberry Pi slows down from here on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attention:
    """Something that a person should look at. `link`: the page that shows more, or "". `dismiss`: the alert's number, or 0."""

    title: str
    detail: str
    link: str = ""
    dismiss: int = 0
    since: datetime | None = None
    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Vital:
    """Something that the gateway hangs on, in a word. `tone`: good, warn or bad."""

    name: str
    word: str
    tone: str = "good"
    detail: str = ""


def status_word(message: Message) -> str:
    return STATUSES[message.status][0]


def status_icon(message: Message) -> str:
    return STATUSES[message.status][1]


def state_of(line: LineStatus) -> str:
    """A modem's state in a few words."""
    if line.able:
        return "Ready"
    return STATES.get(line.state, line.state.replace("_", " ").capitalize())


def tone_of(line: LineStatus) -> str:
    """The colour of its state: good, warn or bad."""
    if line.able:
        return "warn" if line.bars == 1 or line.roaming else "good"
    return "bad" if line.error or line.state in BAD else "warn"


def attention(lines: Sequence[LineStatus], missing: Mapping[str, str], alerts: Sequence[Alert]) -> list[Attention]:
    """What needs a person: parts that do not work, modems that cannot send, and what was told and is not over."""
    found = [
        Attention(title=f"{MISSING.get(name, name)} does not work", detail=why)
        for name, why in missing.items()
        if name != "modems"
    ]
    disabled = {line.name for line in lines if not line.able}
    limited = {alert.line for alert in alerts if alert.code == "quota_exceeded"}
    for line in lines:
        link = f"/modems/{line.name}"
        if line.name in disabled:
            found.append(Attention(title=f"{line.name} cannot send", detail=line.error or state_of(line), link=link))
        elif line.bars == 1:
            found.append(Attention(title=f"{line.name} hears its network badly", detail="one bar", link=link))
        if line.daily_limit and line.sent_today >= line.daily_limit and line.name not in limited:
            detail = f"{line.sent_today} of {line.daily_limit} texts are sent; the rest waits for tomorrow"
            found.append(Attention(title=f"{line.name} has reached its daily limit", detail=detail, link=link))
    names = {line.name for line in lines}
    return found + [
        _told(alert, alert.line in names)
        for alert in alerts
        if not (alert.lasting and alert.code in TOLD_BY_STATE and alert.line in disabled)
    ]


def _told(alert: Alert, known: bool) -> Attention:
    return Attention(
        title=TITLES.get(alert.code, alert.code.replace("_", " ").capitalize()),
        detail=alert.message,
        link=f"/modems/{alert.line}" if known else "",
        dismiss=0 if alert.lasting else alert.n,
        since=alert.since,
        count=alert.count,
    )


def vitals(missing: Mapping[str, str], disk: Mapping[str, Any], box: Mapping[str, Any]) -> list[Vital]:
    """What the gateway hangs on. `disk`, `box`: see `web.health.looked`; what the box cannot tell is not shown."""
    found = [
        Vital(name=MISSING[name], word="does not work", tone="bad", detail=missing[name])
        if name in missing
        else Vital(name=MISSING[name], word="works")
        for name in ("mqtt", "store")
    ]
    if disk["error"] or disk["free"] is not None:
        free = f"{disk['free'] / GIB:.1f} GiB free" if disk["free"] is not None else "does not answer"
        found.append(Vital(name="Disk", word=free, tone="bad" if disk["error"] else "good", detail=disk["error"] or ""))
    if (heat := box["cpu_temperature_c"]) is not None:
        found.append(Vital(name="Processor", word=f"{heat:.0f} °C", tone="warn" if heat >= HOT_C else "good"))
    if (low := box["undervoltage"]) is not None:
        word, tone = ("too low", "bad") if low else ("enough", "good")
        found.append(Vital(name="Supply", word=word, tone=tone))
    return found
