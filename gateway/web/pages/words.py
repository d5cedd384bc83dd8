"""The gateway's words in those of its owner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Attention:
    """Something that a person should look at. `link`: the page that shows more, or ""."""

    title: str
    detail: str
    link: str = ""


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


def attention(lines: Sequence[LineStatus], missing: Mapping[str, str]) -> list[Attention]:
    """What needs a person, worst first."""
    found = [
        Attention(title=f"{MISSING.get(name, name)} does not work", detail=why)
        for name, why in missing.items()
        if name != "modems"
    ]
    for line in lines:
        link = f"/modems/{line.name}"
        if not line.able:
            found.append(Attention(title=f"{line.name} cannot send", detail=line.error or state_of(line), link=link))
        elif line.bars == 1:
            found.append(Attention(title=f"{line.name} hears its network badly", detail="one bar", link=link))
        if line.daily_limit and line.sent_today >= line.daily_limit:
            detail = f"{line.sent_today} of {line.daily_limit} texts are sent; the rest waits for tomorrow"
            found.append(Attention(title=f"{line.name} has reached its daily limit", detail=detail, link=link))
    return found
