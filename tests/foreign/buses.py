"""What programs on D-Bus need that no test machine has: a bus of their own, and a modem behind a socket."""

from __future__ import annotations

import os
import selectors
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.support.processes import PATIENCE, wait_until

from .bench import Foreign, need

POLICY = """\
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={path}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/> <allow own="*"/>
    <allow send_type="method_call"/> <allow send_type="method_return"/>
    <allow send_type="signal"/> <allow send_type="error"/>
    <allow receive_type="method_call"/> <allow receive_type="method_return"/>
    <allow receive_type="signal"/> <allow receive_type="error"/>
  </policy>
</busconfig>
"""


class Bus:
    """A private system bus on which everybody may do everything. `env` points programs at it."""

    def __init__(self, directory: Path, env: Mapping[str, str]) -> None:
        self._directory = directory
        self.env = dict(env)

    def call(self, service: str, path: str, method: str, *arguments: str) -> str:
        """Calls a method and returns what dbus-send prints; the call must succeed."""
        done = self.attempt(service, path, method, *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def attempt(self, service: str, path: str, method: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = ("dbus-send", "--system", "--print-reply", f"--dest={service}", path, method, *arguments)
        return self.run(*command)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Runs a command that talks to the bus."""
        return subprocess.run(
            command,
            env={**os.environ, "LC_ALL": "C.UTF-8", **self.env},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )


@contextmanager
def private_bus(directory: Path) -> Iterator[Bus]:
    need("dbus-send", "dbus")
    program = need("dbus-daemon", "dbus")
    with tempfile.TemporaryDirectory(prefix="smsgw-bus-") as place:
        Path(place).chmod(0o755)  # polkitd is nobody in particular when it looks for the bus
        yield from _bus(directory, Path(place) / "bus", program)


def _bus(directory: Path, path: Path, program: str) -> Iterator[Bus]:
    config = directory / "bus.conf"
    config.write_text(POLICY.format(path=path))
    with Foreign(directory, "dbus-daemon", program, f"--config-file={config}", "--nofork", "--nopidfile"):
        wait_until(path.exists, "the bus")
        yield Bus(directory, {"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={path}"})


class Bridge:
    """Lets who connects to `listener` talk to the modem at `port`, one connection at a time.

    `prelude` is said to the modem first, and its answer is kept from the client.
    """

    def __init__(self, listener: socket.socket, port: str, prelude: bytes = b"") -> None:
        self._listener = listener
        self._port = port
        self._prelude = prelude
        self._end, self._ending = socket.socketpair()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Bridge:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.close()
        self._thread.join(PATIENCE)
        self._end.close()
        self._listener.close()

    def _serve(self) -> None:
        while True:
            with selectors.DefaultSelector() as ready:
                ready.register(self._listener, selectors.EVENT_READ)
                ready.register(self._end, selectors.EVENT_READ)
                if self._end in {key.fileobj for key, _ in ready.select()}:
                    return
            client, _ = self._listener.accept()
            with client:
                self._talk(client)

    def _talk(self, client: socket.socket) -> None:
        modem = os.open(self._port, os.O_RDWR | os.O_NOCTTY)
        try:
            if self._prelude:
                os.write(modem, self._prelude)
                answer = b""
                while not answer.endswith(b"OK\r\n"):
                    answer += os.read(modem, 4096)
            with selectors.DefaultSelector() as ready:
                for one in (client, modem, self._end):
                    ready.register(one, selectors.EVENT_READ)
                while self._pass_on(client, modem, {key.fileobj for key, _ in ready.select()}):
                    pass
        finally:
            os.close(modem)

    def _pass_on(self, client: socket.socket, modem: int, ready: set[object]) -> bool:
        """Moves what is there. False when one of them has gone."""
        if self._end in ready:
            return False
        try:
            if client in ready:
                data = client.recv(4096)
                os.write(modem, data)
                return bool(data)
            client.sendall(os.read(modem, 4096))
        except OSError:
            return False
        return True
