"""The same kills for everybody: smsgw, gammu-smsd and smstools on the same emulated modem, SIGKILL in the middle of work.

Each program gets texts to send and texts to receive, and is killed while it talks to the modem about one of them. What
counts is what the virtual phones got, and what the program handed over, once it has been left in peace.
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import httpx

from tests.support.processes import PATIENCE, EmulatorProcess, environment

SBIN = "/usr/sbin:/usr/local/sbin:/sbin"
SENDER = "+491718888888"
SLOW_S = {r"\+CMGS": 0.5, r"\+CMG[RDL]": 0.02}  # how long the modem takes, so that a kill finds something under way
KILL_WITHIN_S = 1.2  # of the first command: some programs wait half a second between AT+CMGS and the text
AT_WORK_S = 20.0  # how long a program is given to get to work again after a kill
PEACE_S, GRACE_S = 90.0, 15.0  # without anything new the bench is over; what comes within the grace still counts
EMULATED = '[[modem]]\nname = "modem"\npersonality = "{personality}"\n[network]\nreport_delay_s = 0.3\n'


class Program(ABC):
    """One that sends and receives texts, with its files below `directory` and the modem at `port`."""

    name: str
    personality = "generic"
    needs: tuple[str, ...] = ()

    def __init__(self, directory: Path, port: str) -> None:
        self.directory = directory
        self.port = port
        self._process: subprocess.Popen[bytes] | None = None
        self.prepare()

    @classmethod
    def there(cls) -> bool:
        return all(find(program) for program in cls.needs)

    @abstractmethod
    def prepare(self) -> None:
        """Writes the configuration."""

    @abstractmethod
    def command(self) -> list[str]:
        """What starts it in the foreground."""

    @abstractmethod
    def send(self, to: str, text: str) -> None:
        """Hands a text over to be sent."""

    @abstractmethod
    def received(self) -> list[str]:
        """The texts that it has handed over."""

    def start(self) -> None:
        with (self.directory / "output").open("ab") as output:
            self._process = subprocess.Popen(
                self.command(),
                cwd=self.directory,
                env={**environment(), "LC_ALL": "C.UTF-8"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def kill(self) -> None:
        """SIGKILL to all of it."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(PATIENCE)

    def end(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.kill()


def find(program: str) -> str | None:
    return shutil.which(program) or shutil.which(program, path=SBIN)


class Smsgw(Program):
    name = "smsgw"

    def prepare(self) -> None:
        (self.directory / "smsgw.toml").write_text(
            f'[gateway]\ndata_dir = "{self.directory}/data"\n[mqtt]\nurl = ""\n[web]\nlisten = ""\n'
            f'[[modem]]\nname = "modem"\nport = "{self.port}"\n[outbox]\nunknown_hold_s = 8\nlate_reply_s = 1\n'
        )

    def command(self) -> list[str]:
        return [sys.executable, "-m", "gateway", "run", "-c", "smsgw.toml"]

    def _api(self) -> httpx.Client:
        """Waits until the daemon answers: it may just have been started again."""
        transport = httpx.HTTPTransport(uds=str(self.directory / "data" / "smsgw.sock"))
        with httpx.Client(transport=transport, base_url="http://smsgw/api/v1") as api:
            until(lambda: answers(api), PATIENCE)
        transport = httpx.HTTPTransport(uds=str(self.directory / "data" / "smsgw.sock"))
        return httpx.Client(transport=transport, base_url="http://smsgw/api/v1", timeout=PATIENCE)

    def send(self, to: str, text: str) -> None:
        with self._api() as api:
            assert api.post("/messages", json={"to": to, "text": text}).status_code == 201

    def received(self) -> list[str]:
        found: list[str] = []
        before: int | None = None
        with self._api() as api:
            while True:
                wanted = {"direction": "inbound", "limit": 200} | ({"before": before} if before else {})
                page = api.get("/messages", params=wanted).json()
                found += [each["text"] for each in page["messages"]]
                before = page["next"]
                if before is None:
                    return found


def answers(api: httpx.Client) -> bool:
    """Whether there is a daemon behind the socket."""
    try:
        return api.get("/modems").is_success
    except httpx.TransportError:
        return False


class Gammu(Program):
    name = "gammu-smsd"
    personality = "sim800"  # it takes reports as +CDS only
    needs = ("gammu-smsd", "gammu-smsd-inject")

    def prepare(self) -> None:
        for name in ("inbox", "outbox", "sent", "error"):
            (self.directory / name).mkdir()
        (self.directory / "smsdrc").write_text(
            f"[gammu]\ndevice = {self.port}\nconnection = at115200\n[smsd]\nservice = files\n"
            f"logfile = {self.directory}/log\ninboxpath = {self.directory}/inbox/\n"
            f"outboxpath = {self.directory}/outbox/\nsentsmspath = {self.directory}/sent/\n"
            f"errorsmspath = {self.directory}/error/\nchecksecurity = 0\nstatusfrequency = 0\n"
            "receivefrequency = 1\ncommtimeout = 1\nsendtimeout = 10\n"
        )

    def command(self) -> list[str]:
        return [str(find("gammu-smsd")), "-c", "smsdrc"]

    def send(self, to: str, text: str) -> None:
        command = [str(find("gammu-smsd-inject")), "-c", "smsdrc", "TEXT", to, "-report", "-text", text]
        subprocess.run(command, cwd=self.directory, check=True, capture_output=True, timeout=PATIENCE)

    def received(self) -> list[str]:
        return [_decoded(path.read_bytes()) for path in (self.directory / "inbox").glob("IN*")]


class Smstools(Program):
    name = "smstools"
    needs = ("smsd",)
    folders = ("outgoing", "checked", "incoming", "sent", "failed", "report", "saved")

    def prepare(self) -> None:
        for name in self.folders:
            (self.directory / name).mkdir()
        paths = "".join(f"{name} = {self.directory}/{name}\n" for name in self.folders)
        (self.directory / "smsd.conf").write_text(
            f"devices = GSM1\n{paths}logfile = {self.directory}/log\ninfofile = {self.directory}/running\n"
            f"pidfile = {self.directory}/pid\ndelaytime = 1\ndelaytime_mainprocess = 1\nexecutable_check = no\n"
            f"[GSM1]\ndevice = {self.port}\ninit = AT+CNMI=1,0,0,1,0\nincoming = yes\nreport = yes\n"
        )

    def command(self) -> list[str]:
        return [str(find("smsd")), "-t", "-c", "smsd.conf"]

    def send(self, to: str, text: str) -> None:
        written = self.directory / "letter"
        written.write_text(f"To: {to.removeprefix('+')}\nReport: yes\n\n{text}")
        written.rename(self.directory / "outgoing" / text.replace(" ", "-"))

    def received(self) -> list[str]:
        files = (self.directory / "incoming").iterdir()
        return [path.read_text(encoding="latin-1").split("\n\n", 1)[1].strip() for path in files]


def _decoded(data: bytes) -> str:
    return data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8").strip()


PROGRAMS: tuple[type[Program], ...] = (Smsgw, Gammu, Smstools)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of texts that each were to arrive once."""

    wanted: int
    lost: int
    repeated: int
    kills: int

    @classmethod
    def of(cls, texts: list[str], prefix: str, count: int, kills: int) -> Outcome:
        found = Counter(text for text in texts if text.startswith(prefix))
        lost = sum(f"{prefix}{n}" not in found for n in range(count))
        return cls(wanted=count, lost=lost, repeated=found.total() - len(found), kills=kills)

    def __str__(self) -> str:
        return f"{self.lost} lost, {self.repeated} repeated of {self.wanted}, {self.kills} kills"


class Trial:
    """One program on its own emulator."""

    def __init__(self, emulator: EmulatorProcess, program: Program, seed: int) -> None:
        self._emulator = emulator
        self.program = program
        self.rng = random.Random(seed)

    def control(self, path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._emulator.control + path, data, {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return json.load(answer)

    def taken(self) -> list[str]:
        """The texts that the network took."""
        found, after = [], 0
        while True:
            page = self.control(f"/submitted?after={after}")
            if not page["submitted"]:
                return found
            found += [each["text"] for each in page["submitted"]]
            after = page["next"]

    def kill_at_work(self, hand_over: Callable[[], object], pattern: str) -> bool:
        """Gives it work, kills it shortly after it has begun with a command, and starts it again. Whether it began."""
        after = int(self.control("/recorder?modem=modem")["next"])
        hand_over()
        at_work = until(lambda: self.heard(pattern, after), AT_WORK_S)
        threading.Event().wait(self.rng.uniform(0, KILL_WITHIN_S))  # when exactly it is killed is what is random here
        self.program.kill()
        self.program.start()
        return at_work

    def heard(self, pattern: str, after: int = 0) -> bool:
        """Whether the modem has heard something like it after a chunk of its recording."""
        chunks = self.control(f"/recorder?modem=modem&after={after}")["chunks"]
        return any(re.search(pattern, chunk["text"]) for chunk in chunks if chunk["direction"] == "<")

    def settle(self, count: Callable[[], int], wanted: int) -> None:
        """Waits until as many are there as wanted, or nothing new comes; and a little longer for what is too much."""
        best, since = -1, time.monotonic()
        while best < wanted and time.monotonic() - since < PEACE_S:
            if (now := count()) > best:
                best, since = now, time.monotonic()
            time.sleep(0.1)
        threading.Event().wait(GRACE_S)


def until(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether the condition has come true in that time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def outbound(trial: Trial, messages: int, kills: int) -> Outcome:
    """Texts to send, some at a time, the program killed at a submit of each lot."""
    trial.program.start()
    until(lambda: trial.heard("AT"), AT_WORK_S)
    struck = 0
    for kill in range(kills):
        numbers = range(messages * kill // kills, messages * (kill + 1) // kills)

        def hand_over(numbers: range = numbers) -> None:
            for n in numbers:
                trial.program.send(f"+4917199{n:06d}", f"out {n}")

        struck += trial.kill_at_work(hand_over, r"AT\+CMGS=")
    trial.settle(lambda: len(set(trial.taken())), messages)
    return Outcome.of(trial.taken(), "out ", messages, struck)


def inbound(trial: Trial, messages: int, kills: int) -> Outcome:
    """Texts that come in, some at a time, the program killed while it reads each lot."""
    struck = 0
    for kill in range(kills):
        numbers = range(messages * kill // kills, messages * (kill + 1) // kills)

        def hand_over(numbers: range = numbers) -> None:
            for n in numbers:
                trial.control("/deliver", {"modem": "modem", "from": SENDER, "text": f"in {n}"})

        struck += trial.kill_at_work(hand_over, r"AT\+CMG[RLD]")
    trial.settle(lambda: len(set(trial.program.received())), messages)
    return Outcome.of(trial.program.received(), "in ", messages, struck)


def measure(kind: type[Program], *, out: int, in_: int, kills: int, seed: int) -> tuple[Outcome, Outcome]:
    """Both halves for one program."""
    with tempfile.TemporaryDirectory(prefix="smsgw-bench-") as place:
        directory = Path(place)
        config = directory / "emulator.toml"
        config.write_text(EMULATED.format(personality=kind.personality))
        with EmulatorProcess(directory / "ports", modems=None, extra=["-c", str(config)]) as emulator:
            (directory / "program").mkdir()
            program = kind(directory / "program", emulator.ready["modems"][0]["port"])
            trial = Trial(emulator, program, seed)
            for match, delay in SLOW_S.items():
                slow = {"modem": "modem", "kind": "delay-reply", "match": match, "count": 0, "delay_s": delay}
                trial.control("/fault", slow)
            try:
                sent = outbound(trial, out, kills)
                return sent, inbound(trial, in_, kills)
            finally:
                program.end()


def faults(*, out: int = 60, in_: int = 150, kills: int = 20, seed: int = 1) -> list[tuple[str, str, str]]:
    """Rows for the table of figures: every program that is installed."""
    rows = []
    for kind in PROGRAMS:
        if not kind.there():
            rows.append((f"kills: {kind.name}", "not installed", ""))
            continue
        click.echo(f"  {kind.name}, killed {kills} times while sending and {kills} while receiving …", err=True)
        sent, received = measure(kind, out=out, in_=in_, kills=kills, seed=seed)
        goal = "nothing lost, nothing repeated"
        rows += [(f"kills: {kind.name} sends", str(sent), goal), (f"kills: {kind.name} receives", str(received), goal)]
    return rows
