"""The topic tree of the contract, design §4.3."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.messaging.model import Event, EventKind

MAX_TOPIC = 65_535  # MQTT 5 clause 1.5.4, octets of a UTF-8 string


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


def is_publishable(topic: str) -> bool:
    """Whether a client's response topic is one that can be published to: MQTT 5 clause 4.7."""
    return bool(topic) and not set(topic) & set("+#\0") and len(topic.encode("utf-8", "replace")) <= MAX_TOPIC
