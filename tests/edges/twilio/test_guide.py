"""What docs/twilio.md shows is run as it stands there, but for addresses and credentials."""

from __future__ import annotations

import re
import threading
import tomllib
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.architecture.sources import ROOT
from tests.support.box import box
from tests.support.broker import free_port
from tests.support.processes import wait_until

GUIDE = (ROOT / "docs" / "twilio.md").read_text(encoding="utf-8")
PEER = "+491718888888"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


def test_the_examples_send_receive_and_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("twilio")
    sending, number, application = blocks("python")
    ports = free_port(), free_port()
    (extra,) = blocks("toml")
    with box(tmp_path, modems=1) as gateway:
        text = gateway.config.read_text().replace('[web]\nlisten = "127.0.0.1:0"\n', extra)
        gateway.config.write_text(text.replace("0.0.0.0:8080", f"127.0.0.1:{ports[0]}"))
        gateway.start()
        gateway.wait_online("modem1")
        made = tomllib.loads((tmp_path / "data" / "secrets.toml").read_text())

        def run(code: str) -> None:
            for shown, real in (
                ("192.168.1.10:8080", f"127.0.0.1:{ports[0]}"),
                ("192.168.1.20:5000", f"127.0.0.1:{ports[1]}"),
                ('"0.0.0.0", 5000', f'"127.0.0.1", {ports[1]}'),
                ("ACCOUNT_SID", made["account_sid"]),
                ("AUTH_TOKEN", made["auth_token"]),
            ):
                code = code.replace(shown, real)
            exec(compile(code, "docs/twilio.md", "exec"), names)

        names: dict[str, Any] = {}
        run(application)
        server = names["server"]
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        try:
            run(sending)
            run(number)
            gateway.control("/deliver", {"modem": "modem1", "from": PEER, "text": "Grüße"})
            wait_until(lambda: len(gateway.submitted()) == 2, "the answer to leave")
            assert {each["text"] for each in gateway.submitted()} == {"Hello from my own SIM", "You said: Grüße"}
            said: list[str] = []

            def told() -> bool:
                said.append(capsys.readouterr().out)
                return f"{names['message'].sid} delivered None" in "".join(said)

            wait_until(told, "the last status")
            refused = httpx.post(f"http://127.0.0.1:{ports[1]}/sms", data={}, headers={"X-Twilio-Signature": "x"})
            assert refused.status_code == 403
        finally:
            server.shutdown()
            serving.join()
            server.server_close()


def test_the_guide_tells_the_limits_that_there_are() -> None:
    from gateway.web.twilio import client, conversation, loops, twiml

    limits = GUIDE.partition("\nLimits: ")[2].partition("\n\n")[0]
    assert [int(number) for number in re.findall(r"\d+", limits)] == [
        int(client.TIMEOUT_S),
        client.MAX_HOPS,
        conversation.MAX_DOCUMENTS,
        conversation.MAX_REPLIES,
        twiml.MAX_OCTETS // 1024,
        loops.MAX_ANSWERS,
        twiml.TOO_MANY_AT_A_TIME,
    ]
    assert loops.WITHIN_S == 5 * 60
