"""kannel's bearerbox and smsbox: texts come in over HTTP, messages and reports go out over HTTP."""

from __future__ import annotations

import threading
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.support.broker import free_port
from tests.support.processes import PATIENCE, wait_until

from .bench import BEYOND_BMP, GSM7, PHONE, Bench, Foreign, bench, folders, need

DELIVERED, ACCEPTED_BY_MODEM = "1", "8"  # kannel's types of report
BOTH = "25"  # dlr-mask: those two, and 16 for what the modem refuses
CONFIG = """\
group = core
admin-port = {admin}
admin-interface = 127.0.0.1
admin-password = admin
status-password = status
smsbox-port = {boxes}
smsbox-interface = 127.0.0.1
log-file = {directory}/bearerbox.log
log-level = 0
store-type = spool
store-location = {directory}/store
dlr-storage = internal
sms-combine-concatenated-mo = true

group = smsc
smsc = at
smsc-id = modem
device = {port}
modemtype = auto
my-number = {number}
sim-buffering = true

group = modems
id = emulated
name = "Emulated modem"
detect-string = "HM-1"
init-string = "AT+CNMI=1,2,0,1,0"
message-storage = SM
speed = 115200

group = smsbox
bearerbox-host = 127.0.0.1
bearerbox-port = {boxes}
sendsms-port = {sendsms}
sendsms-interface = 127.0.0.1
log-file = {directory}/smsbox.log
log-level = 0

group = sendsms-user
username = user
password = password
concatenation = true
max-messages = 10

group = sms-service
keyword = default
catch-all = true
get-url = "{sink}/message?from=%p&charset=%C&text=%b"
max-messages = 0
"""


class Sink:
    """What kannel has called: paths and parameters, each value as its octets in latin-1."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, str]]] = []
        sink = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path, _, query = self.path.partition("?")
                sink.calls.append((path, dict(urllib.parse.parse_qsl(query, encoding="latin-1"))))
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  as the base class calls it
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    @contextmanager
    def serving(self) -> Iterator[None]:
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join(PATIENCE)

    def to(self, path: str) -> list[dict[str, str]]:
        return [parameters for called, parameters in list(self.calls) if called == path]


def test_kannel_sends_with_a_report_and_receives(tmp_path: Path) -> None:
    bearerbox, smsbox = need("bearerbox", "kannel"), need("smsbox", "kannel")
    folders(tmp_path, ("store",))
    config = tmp_path / "kannel.conf"
    admin, boxes, sendsms = free_port(), free_port(), free_port()
    sink = Sink()
    with sink.serving(), bench(tmp_path, "generic") as world:
        values = {"directory": tmp_path, "port": world.port, "number": world.number, "sink": sink.url}
        config.write_text(CONFIG.format(admin=admin, boxes=boxes, sendsms=sendsms, **values))
        with Foreign(tmp_path, "bearerbox", bearerbox, str(config)) as bearer:
            bearer.wait_for(tmp_path / "bearerbox.log", "AT SMSC successfully opened")
            with Foreign(tmp_path, "smsbox", smsbox, str(config)) as box:
                box.wait_for(tmp_path / "smsbox.log", "Connected to bearerbox")
                _sent(world, sink, sendsms)
                _received(world, sink)
        assert "ATI" in world.said()
        assert "using modem definition <Emulated modem>" in (tmp_path / "bearerbox.log").read_text()


def _sent(world: Bench, sink: Sink, port: int) -> None:
    report = f"{sink.url}/report?type=%d&to=%p"
    parameters = {
        "username": "user",
        "password": "password",
        "from": world.number,  # kannel refuses a text without it
        "to": PHONE,
        "charset": "UTF-8",
        "coding": "2",
        "text": BEYOND_BMP,
        "dlr-mask": BOTH,
        "dlr-url": report,
    }
    url = f"http://127.0.0.1:{port}/cgi-bin/sendsms?{urllib.parse.urlencode(parameters)}"
    with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
        assert answer.status == 202
    parts = world.wait_message(BEYOND_BMP)
    # kannel asks for the first part's report and takes it for the whole text's
    assert [part["status_report_request"] for part in parts] == [True] + [False] * (len(parts) - 1)
    wait_until(lambda: len(sink.to("/report")) >= 2, "both reports")
    reports = sink.to("/report")
    assert sorted(one["type"] for one in reports) == [DELIVERED, ACCEPTED_BY_MODEM]
    assert {one["to"] for one in reports} == {PHONE}


def _received(world: Bench, sink: Sink) -> None:
    world.deliver(GSM7, ref=7)
    world.deliver(BEYOND_BMP, ref=8)
    wait_until(lambda: len(sink.to("/message")) >= 2, "both texts")
    messages = sink.to("/message")
    assert {one["text"].encode("latin-1").decode(one["charset"]) for one in messages} == {GSM7, BEYOND_BMP}
    assert [one["from"] for one in messages] == [PHONE, PHONE]
    world.wait_empty()
