"""L4 edge: MQTT. Commands in, acknowledged after the commit; events out, in order, at least once."""

from gateway.mqtt.bridge import Bridge

__all__ = ["Bridge"]
