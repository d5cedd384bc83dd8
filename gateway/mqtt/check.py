"""Whether the broker can be reached and takes the gateway's name and password, tried under a client id of its own."""

from __future__ import annotations

import os
from typing import Any

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from gateway.config import MqttAddress, MqttSection
from gateway.mqtt.bridge import tls_context
from gateway.mqtt.connection import V311

CONNECT_TIMEOUT = 5.0
_LOOPS = 50
_LOOP_S = 0.1


def refusal(config: MqttSection) -> str:
    """Why the broker of `config` cannot be used, in one line; "" when it can. The gateway's session is left alone."""
    address = MqttAddress.parse(config.url)
    if address is None:
        return f"{config.url} is no broker's address"
    answers: list[Any] = []
    client = Client(CallbackAPIVersion.VERSION2, client_id=f"smsgw-doctor-{os.getpid()}", protocol=V311)
    client.connect_timeout = CONNECT_TIMEOUT
    client.on_connect = lambda _client, _data, _flags, reason, _properties: answers.append(reason)
    try:
        password = address.password
        if config.password_file is not None:
            password = config.password_file.read_text(encoding="utf-8").rstrip("\r\n")
        if address.username is not None:
            client.username_pw_set(address.username, password)
        if address.tls:
            client.tls_set_context(tls_context(config))
        client.connect(address.host, address.port)
    except (OSError, ValueError) as exc:
        return f"{address.host}:{address.port}: {getattr(exc, 'strerror', None) or exc}"
    for _ in range(_LOOPS):
        if answers or client.loop(timeout=_LOOP_S) is not MQTTErrorCode.MQTT_ERR_SUCCESS:
            break
    client.disconnect()
    if not answers:
        return f"{address.host}:{address.port}: no answer to CONNECT; is it an MQTT broker?"
    return f"{address.host}:{address.port}: {answers[0]}" if answers[0].is_failure else ""
