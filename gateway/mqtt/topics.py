"""The topic tree of the contract, design §4.3."""

from __future__ import annotations

import itertools
import logging
from dataclasses import dataclass

from gateway.messaging.model import Event, EventKind

log = logging.getLogger(__name__)

MAX_TOPIC = 65_535  # MQTT 5 clause 1.5.4, octets of a UTF-8 string
MAX_REFUSED = 1000
MAX_STRIKES = 2


@dataclass(frozen=True, slots=True)
class Topics:
    """Topics below `<base>/<gateway>`."""

    root: str

    @property
    def send(self) -> str:
        return f"{self.root}/send"

    @property
    def send_result(self) -> str:
        return f"{self.root}/send/result"

    @property
    def bridge_state(self) -> str:
        return f"{self.root}/bridge/state"

    @property
    def bridge_info(self) -> str:
        return f"{self.root}/bridge/info"

    @property
    def requests(self) -> str:
        return f"{self.root}/bridge/request/"

    @property
    def notify(self) -> str:
        return f"{self.root}/notify/"

    @property
    def subscriptions(self) -> tuple[str, ...]:
        return (self.send, f"{self.notify}+", f"{self.requests}+")

    def response(self, operation: str) -> str:
        return f"{self.root}/bridge/response/{operation}"

    def modem_state(self, modem: str) -> str:
        return f"{self.root}/modem/{modem}/state"

    def modem_availability(self, modem: str) -> str:
        return f"{self.root}/modem/{modem}/availability"

    def of_event(self, event: Event) -> str:
        """Where an event is published, the requester's response topic apart."""
        match event.kind:
            case EventKind.SEND_RESULT:
                return self.send_result
            case EventKind.MESSAGE_STATUS:
                return f"{self.root}/message/{event.subject}/status"
            case _:
                return f"{self.root}/{event.kind.value}"


class ReplyTopics:
    """Which of the response topics that clients ask for can be used.

    It remembers what the broker refused, over connections: some brokers close the connection with the refusal, and some
    instead of it (mosquitto does for more than 200 levels). An answer that is tried there again and again would keep the
    gateway from everything else. So what is published there is noted until it is acknowledged; a topic that is the first
    to wait when a connection ends, a second time, counts as refused.
    """

    def __init__(self) -> None:
        self._refused: set[str] = set()
        self._waiting: dict[int, str] = {}  # in publishing order
        self._strikes: dict[str, int] = {}
        self._numbers = itertools.count()

    def usable(self, topic: str | None) -> str | None:
        """`topic`, or None if there is none, nobody can publish to it (MQTT 5 clause 4.7), or the broker refused it."""
        if not topic or set(topic) & set("+#\0") or len(topic.encode("utf-8", "replace")) > MAX_TOPIC:
            return None
        return None if topic in self._refused else topic

    def refuse(self, topic: str) -> None:
        if len(self._refused) >= MAX_REFUSED:
            self._refused.clear()
        self._refused.add(topic)

    def published(self, topic: str) -> int:
        """Notes that something is on its way to `topic`. Returns what `acknowledged` wants."""
        number = next(self._numbers)
        self._waiting[number] = topic
        return number

    def acknowledged(self, number: int) -> None:
        """The broker has answered, whatever it said."""
        self._strikes.pop(self._waiting.pop(number, ""), None)

    def connection_ended(self) -> None:
        """Whatever is not acknowledged now never will be."""
        suspect = next(iter(self._waiting.values()), None)
        self._waiting.clear()
        if suspect is None:
            return
        self._strikes[suspect] = self._strikes.get(suspect, 0) + 1
        if self._strikes[suspect] >= MAX_STRIKES:
            log.warning("mqtt: the connection ends with what is published on a response topic; it is not used any more")
            del self._strikes[suspect]
            self.refuse(suspect)
