"""Figures: latency, throughput, use of many modems, cost at rest. Prints one table; asserts nothing.

Machines are shared and noisy: compare figures of one run with each other, and with the bare AT loop of the same run.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import paho.mqtt.client as paho
import serial
from paho.mqtt.enums import CallbackAPIVersion

from tests.bench.codec import codec
from tests.bench.faults import faults
from tests.bench.posts import cpu_seconds, posts
from tests.bench.traffic import busy_share, chunks, first, submits
from tests.support.box import ROOT_TOPIC, Box, box
from tests.support.processes import wait_until

MODEM2 = "+491700000002"
PDU = "0011000B919471000000F00000AA0AE8329BFD4697D9EC37"
LONG = 300.0


class Tally:
    """Counts status events by word, cheaply: the observer shares two cores with what it measures."""

    def __init__(self, port: int) -> None:
        self.times: dict[str, list[float]] = {}
        self._changed = threading.Condition()
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.on_message = self._note
        self._client.connect("127.0.0.1", port)
        self._client.subscribe([(f"{ROOT_TOPIC}/message/+/status", 0), (f"{ROOT_TOPIC}/send/result", 0)])
        self._client.loop_start()

    def _note(self, _client: object, _data: object, message: paho.MQTTMessage) -> None:
        start = message.payload.index(b'"status":"') + 10
        word = message.payload[start : message.payload.index(b'"', start)].decode()
        with self._changed:
            self.times.setdefault(word, []).append(time.monotonic())
            self._changed.notify_all()

    def wait(self, word: str, count: int) -> list[float]:
        with self._changed:
            enough = self._changed.wait_for(lambda: len(self.times.get(word, ())) >= count, LONG)
        if not enough:
            raise SystemExit(f"only {len(self.times.get(word, ()))} of {count} messages became {word}")
        return self.times[word]

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@contextmanager
def running(modems: int, *, extra: str = "", emulate: tuple[str, ...] = ()) -> Iterator[Box]:
    with (
        tempfile.TemporaryDirectory(prefix="smsgw-bench-") as directory,
        box(Path(directory), modems=modems, extra=extra, emulate=emulate) as found,
    ):
        found.start()
        found.wait_online(*(f"modem{n}" for n in range(1, modems + 1)), seconds=60)
        yield found


def quantiles(seconds: list[float]) -> str:
    ordered = sorted(1000 * value for value in seconds)
    return (
        f"median {statistics.median(ordered):.2f} ms, 90 % {ordered[int(0.9 * len(ordered))]:.2f} ms, "
        f"worst {ordered[-1]:.2f} ms ({len(ordered)} samples)"
    )


def latency() -> list[tuple[str, str, str]]:
    """One message at a time through an idle gateway."""
    out, incoming = [], []
    with running(2) as gateway:
        for n in range(60):
            begun = time.monotonic()
            gateway.send(id=f"idle{n}", to="+4917099000001", modem="modem1", text=f"latency {n}", wait=False)
            gateway.wait_status(f"idle{n}", "delivered")
            heard = first(chunks(gateway, "modem1"), "<", "AT+CMGS", begun)
            if heard is not None:
                out.append(heard - begun)
        for n in range(60):
            begun = time.monotonic()
            gateway.control("/deliver", {"modem": "modem2", "from": "+491718888888", "text": f"in {n}"})
            wait_until(lambda n=n: len(gateway.observer.on(f"{ROOT_TOPIC}/inbox")) > n, "the text")
            said = first(chunks(gateway, "modem2"), ">", "+CMTI", begun)
            if said is not None:
                incoming.append(gateway.observer.on(f"{ROOT_TOPIC}/inbox")[n].at - said)
    return [
        ("PUBLISH → first octet of AT+CMGS, idle", quantiles(out), "median ≤ 5 ms"),
        ("+CMTI → inbox PUBLISH seen by a subscriber", quantiles(incoming), "median ≤ 10 ms"),
    ]


def bare_loop(messages: int = 2000) -> float:
    """Messages a second of nothing but AT on the same kind of modem."""
    with (
        tempfile.TemporaryDirectory(prefix="smsgw-bench-") as directory,
        box(Path(directory), modems=1) as gateway,
        serial.Serial(gateway.emulator.ready["modems"][0]["port"], timeout=5, exclusive=True) as port,
    ):
        for command in (b"ATE0", b"AT+CMGF=0"):
            port.write(command + b"\r")
            port.read_until(b"OK\r\n")
        length = len(PDU) // 2 - 1
        begun = time.monotonic()
        for _ in range(messages):
            port.write(b"AT+CMGS=%d\r" % length)
            port.read_until(b"> ")
            port.write(PDU.encode() + b"\x1a")
            port.read_until(b"OK\r\n")
        return messages / (time.monotonic() - begun)


def backlog(messages: int, *, reports: bool) -> str:
    """A queue of single-segment messages through one modem without delays, every commit and event included."""
    with tempfile.TemporaryDirectory(prefix="smsgw-bench-") as directory, box(Path(directory), modems=1) as gateway:
        gateway.control("/fault", {"modem": "modem1", "kind": "unplug"})
        gateway.start()
        gateway.observer.wait(f"{ROOT_TOPIC}/bridge/state")
        gateway.observer.close()
        tally = Tally(gateway.broker.port)
        publisher = paho.Client(CallbackAPIVersion.VERSION2)
        publisher.connect("127.0.0.1", gateway.broker.port)
        publisher.loop_start()
        for n in range(messages):
            payload = {"to": f"+4917099{n:06d}", "text": f"message {n}", "delivery_report": reports}
            publisher.publish(f"{ROOT_TOPIC}/send", json.dumps(payload), qos=1)
        tally.wait("accepted", messages)
        publisher.loop_stop()
        gateway.control("/fault", {"modem": "modem1", "kind": "clear"})
        last = "delivered" if reports else "sent"
        seen = tally.wait(last, messages)
        tally.close()
        taken = [each["time"] for each in gateway.submitted()]
        modem = (len(taken) - 1) / (taken[-1] - taken[0])
        events = (len(taken) - 1) / (max(seen) - taken[0])
        return f"{modem:.0f} / s at the modem, {events:.0f} / s until the last `{last}` event ({messages} messages)"


def many(modems: int, each: int) -> str:
    """All modems of a box with the timing of real ones."""
    with running(modems, emulate=("--timing", "realistic")) as gateway:
        gateway.observer.close()
        tally = Tally(gateway.broker.port)
        publisher = paho.Client(CallbackAPIVersion.VERSION2)
        publisher.connect("127.0.0.1", gateway.broker.port)
        publisher.loop_start()
        for n in range(modems * each):
            publisher.publish(
                f"{ROOT_TOPIC}/send", json.dumps({"to": f"+4917099{n:06d}", "text": f"message {n}"}), qos=1
            )
        tally.wait("sent", modems * each)
        tally.close()
        publisher.loop_stop()
        traffic = [chunks(gateway, f"modem{n}") for n in range(1, modems + 1)]
    # Until the queue is empty: after that a modem that has nothing to send is idle for a good reason.
    until = max(time for found in traffic for time in submits(found))
    shares = [busy_share(found, until) for found in traffic]
    return f"{100 * statistics.mean(shares):.1f} % on average, {100 * min(shares):.1f} % the least"


def at_rest(seconds: float) -> list[tuple[str, str, str]]:
    """What the daemon costs when nothing happens."""
    with running(4) as gateway:
        assert gateway.daemon is not None
        pid = gateway.daemon.process.pid
        threading.Event().wait(5)  # what the start leaves to be done
        before = cpu_seconds(pid)
        threading.Event().wait(seconds)
        share = (cpu_seconds(pid) - before) / seconds
        status = Path(f"/proc/{pid}/status").read_text()
        resident = int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024
    return [
        ("resident memory at rest, 4 modems", f"{resident:.1f} MB", "≤ 90 MB"),
        (f"CPU at rest over {seconds:.0f} s, 4 modems", f"{100 * share:.2f} % of a core", "≤ 0.5 %"),
    ]


@click.command()
@click.option(
    "--only",
    multiple=True,
    type=click.Choice(["latency", "posts", "backlog", "many", "rest", "codec", "faults"]),
    help="Just these.",
)
@click.option("--faults", "only_faults", is_flag=True, help="Kill it and others at work, and nothing else: 20 minutes.")
@click.option("--messages", default=3000, show_default=True, help="Messages in the backlog.")
@click.option("--rest", "rest_seconds", default=60.0, show_default=True, help="Seconds to watch the idle daemon.")
def main(only: tuple[str, ...], only_faults: bool, messages: int, rest_seconds: float) -> None:
    """Measure the gateway on this machine and print a table."""
    parts: dict[str, Callable[[], list[tuple[str, str, str]]]] = {
        "latency": latency,
        "posts": posts,
        "backlog": lambda: [
            ("bare AT loop on the same modem", f"{bare_loop():.0f} / s", "for comparison"),
            ("backlog, no reports", backlog(messages, reports=False), "≥ 500 / s"),
            ("backlog, every delivery reported", backlog(messages, reports=True), "for comparison"),
        ],
        "many": lambda: [("16 modems with realistic timing, busy", many(16, 12), "≥ 98 %")],
        "rest": lambda: at_rest(rest_seconds),
        "codec": codec,
        "faults": faults,
    }
    if only_faults:
        only = ("faults",)
    only = only or tuple(name for name in parts if name != "faults")  # which takes long, and needs other programs
    rows: list[tuple[str, str, str]] = []
    for name, measure in parts.items():
        if name in only:
            click.echo(f"measuring {name} …", err=True)
            rows += measure()
    width = max(len(row[0]) for row in rows)
    for what, figure, goal in rows:
        click.echo(f"{what:<{width}}  {figure}  [{goal}]")


if __name__ == "__main__":
    main()
