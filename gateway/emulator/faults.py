"""Faults as data: what goes wrong, at which command, how often, for how long. One grammar for all kinds."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from enum import Enum
from typing import Any

from gateway.errors import RequestError

MAX_FAULTS = 100  # per modem


class Stage(Enum):
    """Where a fault strikes."""

    NOW = "now"  # at once, when it is set
    COMMAND = "command"  # when a matching command line arrives
    SUBMIT = "submit"  # when a matching submit goes to the network
    DELIVER = "deliver"  # when a message is stored
    REPLY = "reply"  # instead of, or around, the answer to a matching command
    OUTPUT = "output"  # on every octet that the modem sends


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of fault: where it strikes, which fields it takes besides those that all take, and its usual match."""

    stage: Stage
    takes: frozenset[str] = frozenset()
    match: str = ""
    meaning: str


COMMON = frozenset({"match", "after", "count", "probability", "duration_s"})
KINDS: Mapping[str, Kind] = {
    "unplug": Kind(stage=Stage.NOW, meaning="the port vanishes, for `duration_s` or for good"),
    "power-cycle": Kind(stage=Stage.NOW, meaning="the same, with the shortest possible absence"),
    "garbage": Kind(stage=Stage.NOW, takes=frozenset({"hex"}), meaning="octets that mean nothing"),
    "urc": Kind(
        stage=Stage.NOW,
        takes=frozenset({"text", "inside"}),
        meaning="a line that nobody asked for; with `match` before the answer, or `inside` it, before its final result",
    ),
    "clear": Kind(stage=Stage.NOW, meaning="the end of every fault of this modem"),
    "registration-lost": Kind(stage=Stage.NOW, meaning="no network, for `duration_s` or until it is cleared"),
    "sim-locked": Kind(stage=Stage.NOW, meaning="the SIM wants its PIN again"),
    "sim-missing": Kind(stage=Stage.NOW, meaning="no SIM, for `duration_s` or until it is cleared"),
    "storage-full": Kind(
        stage=Stage.NOW, takes=frozenset({"memory"}), meaning="the memory takes nothing more, for `duration_s`"
    ),
    "forget-cnmi": Kind(stage=Stage.NOW, meaning="+CNMI falls back to 0,0,0,0,0 without a word"),
    "ignore": Kind(stage=Stage.COMMAND, match=".", meaning="the command is neither carried out nor answered"),
    "no-prompt": Kind(
        stage=Stage.COMMAND,
        takes=frozenset({"swallow"}),
        match=r"\+CMGS",
        meaning="`> ` does not come; the modem waits for the PDU all the same, unless `swallow`",
    ),
    "error": Kind(stage=Stage.COMMAND, takes=frozenset({"code", "text"}), match=".", meaning="+CME ERROR or `text`"),
    "cms-error": Kind(
        stage=Stage.SUBMIT,
        takes=frozenset({"code", "network_takes"}),
        match=".",
        meaning="the submit is refused with `code`; with `network_takes` it left nevertheless",
    ),
    "no-indication": Kind(stage=Stage.DELIVER, match=".", meaning="a message is stored without +CMTI or +CDSI"),
    "other-memory": Kind(
        stage=Stage.DELIVER,
        takes=frozenset({"memory"}),
        match="CMTI",
        meaning="a message lands in `memory`, whatever +CPMS says",
    ),
    "drop-reply": Kind(stage=Stage.REPLY, match=".", meaning="carried out, never answered"),
    "drop-ok": Kind(stage=Stage.REPLY, match=r"\+CMGS", meaning="the information comes, the OK does not"),
    "delay-reply": Kind(
        stage=Stage.REPLY, takes=frozenset({"delay_s"}), match=".", meaning="the answer comes `delay_s` later"
    ),
    "mute": Kind(stage=Stage.OUTPUT, meaning="the modem neither hears nor says anything"),
    "split": Kind(
        stage=Stage.OUTPUT, takes=frozenset({"chunk", "interval_s"}), meaning="output drips in pieces of `chunk` octets"
    ),
    "glue": Kind(
        stage=Stage.OUTPUT,
        takes=frozenset({"interval_s", "hard"}),
        meaning="output is collected for `interval_s`; `hard` takes the line breaks at the seams",
    ),
}
MATCHABLE_NOW = frozenset({"unplug", "power-cycle", "garbage", "urc"})  # with `match` they strike at the reply


@dataclass(slots=True, kw_only=True)
class Fault:
    """One fault that is set. `count` 0: any number of times. `until`: loop time at which it ends by itself."""

    kind: str
    match: str = ""
    after: int = 0  # how many matching occasions pass first
    count: int = 1
    probability: float = 1.0
    duration_s: float | None = None
    delay_s: float = 5.0
    code: int = 500
    memory: str = "SM"
    hex: str = "00ff7e41005e"
    text: str = ""
    chunk: int = 1
    interval_s: float = 0.001
    network_takes: bool = False
    swallow: bool = False
    hard: bool = False
    inside: bool = False
    until: float | None = None
    seen: int = 0
    struck: int = 0
    pattern: re.Pattern[str] = field(default=re.compile("."), repr=False)

    @property
    def stage(self) -> Stage:
        if self.match and self.kind in MATCHABLE_NOW:
            return Stage.REPLY
        return KINDS[self.kind].stage

    @property
    def spent(self) -> bool:
        return bool(self.count) and self.struck >= self.count

    def strikes(self, line: str, rng: random.Random) -> bool:
        """Whether the occasion `line` is one of those that the fault is for; counts it."""
        if not self.pattern.search(line):
            return False
        self.seen += 1
        if self.seen <= self.after or self.spent:
            return False
        if self.probability < 1 and rng.random() >= self.probability:
            return False
        self.struck += 1
        return True


_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "int": int,
    "float": (int, float),
    "float | None": (int, float),
    "bool": bool,
    "str": str,
}


def build(kind: str, values: Mapping[str, Any]) -> Fault:
    """A fault from its name and fields. Raises RequestError that says what is allowed."""
    if kind not in KINDS:
        raise RequestError(f"no fault is called {kind!r}; there are {', '.join(KINDS)}", field="kind")
    takes = COMMON | KINDS[kind].takes
    declared = {f.name: str(f.type) for f in fields(Fault)}
    for name, value in values.items():
        if name not in takes:
            raise RequestError(f"{kind} takes {', '.join(sorted(takes))}, not {name!r}", field=name)
        if not isinstance(value, _TYPES[declared[name]]) or isinstance(value, bool) != (declared[name] == "bool"):
            raise RequestError(f"{name} must be {declared[name]}", field=name)
        if isinstance(value, int | float) and value < 0:
            raise RequestError(f"{name} must not be negative", field=name)
    fault = Fault(kind=kind, **values)
    if KINDS[kind].stage is Stage.OUTPUT and "count" not in values:
        fault.count = 0
    try:
        fault.pattern = re.compile(fault.match or KINDS[kind].match or ".")
        bytes.fromhex(fault.hex)
    except (re.error, ValueError) as exc:
        raise RequestError(f"{kind}: {exc}") from exc
    return fault


class Faults:
    """The faults that one modem has. Everything is looked up only while there are any: the usual path stays short."""

    def __init__(self, rng: random.Random, now: Callable[[], float]) -> None:
        self._rng = rng
        self._now = now
        self.active: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Sets a fault that waits for its occasion."""
        self._sweep()
        if len(self.active) >= MAX_FAULTS:
            raise RequestError(f"a modem has at most {MAX_FAULTS} faults at a time")
        if fault.duration_s is not None:
            fault.until = self._now() + fault.duration_s
        self.active.append(fault)

    def clear(self) -> None:
        self.active.clear()

    def take(self, stage: Stage, line: str, kinds: frozenset[str] | None = None) -> Fault | None:
        """The first fault of `stage` (and `kinds`) that strikes at `line`."""
        if not self.active:
            return None
        self._sweep()
        for fault in self.active:
            if fault.stage is stage and (kinds is None or fault.kind in kinds) and fault.strikes(line, self._rng):
                return fault
        return None

    def output(self, kind: str) -> Fault | None:
        """The fault of that kind which lies on the output now."""
        self._sweep()
        return next((fault for fault in self.active if fault.kind == kind), None)

    def _sweep(self) -> None:
        now = self._now()
        self.active = [f for f in self.active if not f.spent and (f.until is None or now < f.until)]
