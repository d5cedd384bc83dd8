"""A whole gateway: private mosquitto, emulated modems, the daemon as its own process, and a client that watches."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.support.broker import Broker, Observer
from tests.support.processes import PATIENCE, DaemonProcess, EmulatorProcess, wait_until

GATEWAY = "box"
ROOT_TOPIC = f"smsgw/{GATEWAY}"


class Box:
    """Emulated modems are called modem1 … and have the numbers +491700000001 …"""

    def __init__(self, broker: Broker, emulator: EmulatorProcess, observer: Observer, config: Path) -> None:
        self.broker = broker
        self.emulator = emulator
        self.observer = observer
        self.config = config
        self.daemon: DaemonProcess | None = None

    # --- the daemon ---

    def start(self, *, crash_at: str = "") -> None:
        """Starts the daemon; does not wait for it. `crash_at`: a place of `gateway.crashpoints`, with its passage."""
        self.daemon = DaemonProcess(self.config, env={"SMSGW_CRASH_AT": crash_at})
        self.daemon.start()

    def kill(self) -> None:
        """SIGKILL: no time to put anything away."""
        assert self.daemon is not None
        self.daemon.kill()

    def stop(self) -> int:
        assert self.daemon is not None
        return self.daemon.stop()

    def memory(self) -> int:
        """Resident octets of the daemon."""
        assert self.daemon is not None
        status = Path(f"/proc/{self.daemon.process.pid}/status").read_text()
        return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS"))

    def wait_online(self, *modems: str, seconds: float = PATIENCE) -> None:
        for modem in modems:
            topic = f"{ROOT_TOPIC}/modem/{modem}/availability"
            wait_until(lambda t=topic: self._last(t) == b"online", f"{modem} to be online", seconds)

    def _last(self, topic: str) -> bytes | None:
        found = self.observer.on(topic)
        return found[-1].payload if found else None

    # --- MQTT ---

    def send(self, *, wait: bool = True, **payload: Any) -> None:
        self.observer.publish(f"{ROOT_TOPIC}/send", json.dumps(payload, ensure_ascii=False), wait=wait)

    def events(self, topic: str, count: int = 1, *, seconds: float = PATIENCE) -> list[dict[str, Any]]:
        """The payloads on a topic below the gateway's, as soon as there are `count`."""
        return [
            json.loads(each.payload) for each in self.observer.wait(f"{ROOT_TOPIC}/{topic}", count, seconds=seconds)
        ]

    def seen(self, topic: str) -> list[dict[str, Any]]:
        return [json.loads(each.payload) for each in self.observer.on(f"{ROOT_TOPIC}/{topic}")]

    def statuses(self, client_id: str) -> list[str]:
        """Status words of the messages sent under an id, in order, repeats by `seq` dropped."""
        by_seq = {event["seq"]: event for event in self.seen("message/+/status") if event["id"] == client_id}
        return [by_seq[seq]["status"] for seq in sorted(by_seq)]

    def wait_status(self, client_id: str, status: str, *, seconds: float = PATIENCE) -> list[str]:
        wait_until(lambda: status in self.statuses(client_id), f"{client_id} to be {status}", seconds)
        return self.statuses(client_id)

    # --- the emulated world ---

    def control(self, path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.emulator.control + path, data, {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return json.load(answer)

    def submitted(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        after = 0
        while True:
            page = self.control(f"/submitted?after={after}")
            if not page["submitted"]:
                return found
            found += page["submitted"]
            after = page["next"]


@contextmanager
def box(
    directory: Path,
    *,
    modems: int | None = 2,
    extra: str = "",
    each_modem: str = "",
    emulate: Sequence[str] = (),
    observer_session: str | None = None,
) -> Iterator[Box]:
    """Everything but the daemon, which `start()` starts; all of it ends with the block."""
    with ExitStack() as stack:
        broker = stack.enter_context(Broker(directory / "broker"))
        emulator = EmulatorProcess(directory / "links", modems=modems, extra=emulate)
        stack.enter_context(emulator)
        observer = stack.enter_context(Observer(broker.port, f"{ROOT_TOPIC}/#", session=observer_session))
        found = Box(broker, emulator, observer, directory / "smsgw.toml")
        found.config.write_text(_config(found, directory, extra, each_modem))
        try:
            yield found
        finally:
            if found.daemon is not None:
                found.daemon.stop()


def _config(box: Box, directory: Path, extra: str, each_modem: str) -> str:
    modems = "".join(
        f'[[modem]]\nname = "{modem["name"]}"\nport = "{modem["port"]}"\nnumber = "{modem["number"]}"\n{each_modem}'
        for modem in box.emulator.ready["modems"]
    )
    return (
        f'[gateway]\nid = "{GATEWAY}"\ndata_dir = "{directory / "data"}"\ndefault_region = "DE"\n'
        f'[mqtt]\nurl = "{box.broker.url}"\n[web]\nlisten = "127.0.0.1:0"\n{modems}{extra}'
    )
