"""L4 edge: events to HTTP receivers; signed, durable, in order per message."""

from gateway.webhooks.dispatcher import Dispatcher
from gateway.webhooks.hook import Webhook
from gateway.webhooks.signature import sign, verify
from gateway.webhooks.target import Target

__all__ = ["Dispatcher", "Target", "Webhook", "sign", "verify"]
