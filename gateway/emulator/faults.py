"""Faults as data: what goes wrong, at which occasion, how often, for how long. One grammar for all who break things.

The control API, the `[[fault]]` tables of an emulator file and the chaos tests use the same kinds and the same fields.
"""

from __future__ import annotations

import random
import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from enum import Enum
from itertools import islice
from typing import Any

from gateway.errors import RequestError

MAX_FAULTS = 100  # per modem
MAX_STRUCK = 10_000  # strikes that a modem remembers


class Stage(Enum):
    """Where a fault strikes, and what its `match` is compared with."""

    NOW = "now"  # at once; with `match` when a command line that matches is answered
    COMMAND = "command"  # when a command line arrives: the line
    SUBMIT = "submit"  # when a submit goes to the network: its command and the recipient, `+CMGS +49…`
    DELIVER = "deliver"  # when a message is stored: `+CMTI`, `+CDSI` or nothing
    REPLY = "reply"  # instead of, or around, the answer: the command line
    NETWORK = "network"  # on the way from the service centre: `message` or `report`
    OUTPUT = "output"  # on every octet that the modem sends


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of fault: where it strikes, its own fields with their defaults, and what it matches by default."""

    stage: Stage
    fields: Mapping[str, Any] = field(default_factory=dict)
    match: str = ""
    count: int = 1
    meaning: str


COMMON: Mapping[str, Any] = {"match": "", "after": 0, "count": 1, "probability": 1.0, "duration_s": None}
KINDS: Mapping[str, Kind] = {
    "unplug": Kind(
        stage=Stage.NOW,
        fields={"renumber": False, "rename": "", "relink": True},
        meaning="the port vanishes, for `duration_s` or for good; with `renumber` it comes back as another device, "
        "with `rename` its link has that name, without `relink` the link stays behind and leads nowhere",
    ),
    "power-cycle": Kind(stage=Stage.NOW, meaning="the same, with the shortest possible absence"),
    "brown-out": Kind(
        stage=Stage.NOW,
        fields={"keep_port": False},
        meaning="the supply sags: the family's last words, if it has any, then a reboot; with `keep_port`, as on a UART, "
        "the port stays and a NUL comes out of it",
    ),
    "garbage": Kind(stage=Stage.NOW, fields={"hex": "00ff7e41005e"}, meaning="octets that mean nothing"),
    "urc": Kind(
        stage=Stage.NOW,
        fields={"text": "", "inside": False, "glued": False},
        meaning="a line that nobody asked for; with `match` before the answer, `inside` it before its final result, "
        "or `glued` to the final result without a line break",
    ),
    "clear": Kind(stage=Stage.NOW, meaning="the end of every fault of this modem"),
    "registration-lost": Kind(stage=Stage.NOW, meaning="no network (stat 2), for `duration_s` or until it is cleared"),
    "registration-denied": Kind(stage=Stage.NOW, meaning="the network refuses the SIM (stat 3), for `duration_s`"),
    "roaming": Kind(stage=Stage.NOW, meaning="registered abroad (stat 5), for `duration_s`"),
    "low-signal": Kind(stage=Stage.NOW, fields={"rssi": 2}, meaning="+CSQ says `rssi`, for `duration_s`"),
    "deaf": Kind(
        stage=Stage.NOW,
        fields={"code": 0, "network_takes": False},
        meaning="registered and answering, yet nothing gets through, for `duration_s`: no message comes in, a submit is "
        "never answered, or with `code`; with `network_takes` it left nevertheless",
    ),
    "sim-locked": Kind(stage=Stage.NOW, meaning="the SIM wants its PIN again"),
    "sim-blocked": Kind(stage=Stage.NOW, meaning="the SIM wants its PUK"),
    "sim-missing": Kind(stage=Stage.NOW, meaning="no SIM, for `duration_s` or until it is cleared"),
    "sim-swap": Kind(
        stage=Stage.NOW,
        fields={"iccid": "", "imsi": "", "number": ""},
        meaning="another SIM with its own memory, after `duration_s` without one; what is left empty is made up; the "
        "ICCID of a SIM that was in before brings that one back",
    ),
    "storage-full": Kind(
        stage=Stage.NOW, fields={"memory": "SM"}, meaning="the memory takes nothing more, for `duration_s`"
    ),
    "forget-cnmi": Kind(stage=Stage.NOW, meaning="+CNMI falls back to 0,0,0,0,0 without a word"),
    "mr-reset": Kind(stage=Stage.NOW, fields={"mr": 0}, meaning="the next message gets the reference `mr`"),
    "data-mode": Kind(
        stage=Stage.NOW,
        fields={"leave": "any", "guard_s": 1.0},
        meaning="the modem takes everything for data of a call; `leave`: `escape` (+++ between pauses of `guard_s`), "
        "`close` (the port is closed: DTR drops) or `any` of them; or after `duration_s`",
    ),
    "ignore": Kind(stage=Stage.COMMAND, match=".", meaning="the command is neither carried out nor answered"),
    "no-prompt": Kind(
        stage=Stage.COMMAND,
        fields={"swallow": False},
        match=r"\+CMGS",
        meaning="`> ` does not come; the modem waits for the PDU all the same, unless `swallow`",
    ),
    "odd-prompt": Kind(
        stage=Stage.COMMAND,
        fields={"text": "\r\n>"},
        match=r"\+CMGS",
        meaning="`text` instead of the prompt: without its space, without its line break",
    ),
    "error": Kind(
        stage=Stage.COMMAND, fields={"code": 500, "text": ""}, match=".", meaning="+CME ERROR: `code`, or `text`"
    ),
    "cms-error": Kind(
        stage=Stage.SUBMIT,
        fields={"code": 500, "text": "", "network_takes": False},
        match=".",
        meaning="the submit is refused with `code`, or `text` as final result; with `network_takes` it left nevertheless",
    ),
    "no-indication": Kind(stage=Stage.DELIVER, match=".", meaning="a message is stored without +CMTI or +CDSI"),
    "other-memory": Kind(
        stage=Stage.DELIVER,
        fields={"memory": "SM"},
        match="CMTI",
        meaning="a message lands in `memory`, whatever +CPMS says",
    ),
    "drop-reply": Kind(stage=Stage.REPLY, match=".", meaning="carried out, never answered"),
    "drop-ok": Kind(stage=Stage.REPLY, match=r"\+CMGS", meaning="the information comes, the OK does not"),
    "delay-reply": Kind(
        stage=Stage.REPLY, fields={"delay_s": 5.0}, match=".", meaning="the answer comes `delay_s` later"
    ),
    "cut-reply": Kind(
        stage=Stage.REPLY,
        fields={"at": 1, "interval_s": 0.05},
        match=".",
        meaning="the answer stops behind octet `at` (0: anywhere) and goes on `interval_s` later",
    ),
    "wrong-length": Kind(
        stage=Stage.REPLY,
        fields={"by": 1},
        match=r"\+CMG[RL]|\+CMT|\+CDS",
        meaning="the <length> in front of a PDU is wrong by `by`, in answers and in +CMT and +CDS",
    ),
    "message-repeat": Kind(
        stage=Stage.NETWORK,
        fields={"delay_s": 0.0},
        match="message",
        meaning="the network delivers a message twice, the second time `delay_s` later",
    ),
    "message-late": Kind(
        stage=Stage.NETWORK, fields={"delay_s": 5.0}, match="message", meaning="a message comes `delay_s` later"
    ),
    "report-repeat": Kind(
        stage=Stage.NETWORK,
        fields={"delay_s": 0.0},
        match="report",
        meaning="a status report comes twice, the second time `delay_s` later",
    ),
    "report-late": Kind(
        stage=Stage.NETWORK, fields={"delay_s": 5.0}, match="report", meaning="a status report comes `delay_s` later"
    ),
    "report-lost": Kind(stage=Stage.NETWORK, match="report", meaning="a status report never comes"),
    "mute": Kind(stage=Stage.OUTPUT, count=0, meaning="the modem neither hears nor says anything"),
    "split": Kind(
        stage=Stage.OUTPUT,
        fields={"chunk": 1, "interval_s": 0.001},
        count=0,
        meaning="output drips in pieces of `chunk` octets, `interval_s` apart",
    ),
    "glue": Kind(
        stage=Stage.OUTPUT,
        fields={"interval_s": 0.05, "hard": False},
        count=0,
        meaning="output is collected for `interval_s`; `hard` takes the line breaks at the seams",
    ),
}
INSTEAD = frozenset({"unplug", "power-cycle", "brown-out", "data-mode"})  # of the answer, where they are matched
SIGNED = frozenset({"by"})
LEAVES = ("escape", "close", "any")
_PATTERNS = {
    "rename": (r"[A-Za-z0-9-]+", "a file name of letters, digits and -"),
    "iccid": (r"[0-9]{10,20}", "10 to 20 digits"),
    "imsi": (r"[0-9]{6,15}", "6 to 15 digits"),
    "number": (r"\+?[0-9]{1,20}", "1 to 20 digits, with or without +"),
}


@dataclass(slots=True, kw_only=True)
class Fault:
    """One fault that is set. `count` 0: any number of times. `until`: loop time at which it ends by itself.

    The fields of a kind have their defaults in `KINDS`; those here are for kinds that do not have the field.
    """

    kind: str
    match: str = ""
    after: int = 0  # how many matching occasions pass first
    count: int = 1
    probability: float = 1.0
    duration_s: float | None = None
    delay_s: float = 0.0
    code: int = 0
    memory: str = ""
    hex: str = ""
    text: str = ""
    chunk: int = 1
    at: int = 0
    by: int = 0
    mr: int = 0
    rssi: int = 0
    interval_s: float = 0.0
    guard_s: float = 0.0
    leave: str = "any"
    iccid: str = ""
    imsi: str = ""
    number: str = ""
    rename: str = ""
    renumber: bool = False
    relink: bool = True
    keep_port: bool = False
    network_takes: bool = False
    swallow: bool = False
    hard: bool = False
    inside: bool = False
    glued: bool = False
    until: float | None = None
    seen: int = 0
    struck: int = 0
    pattern: re.Pattern[str] = field(default=re.compile("."), repr=False)

    @property
    def stage(self) -> Stage:
        stage = KINDS[self.kind].stage
        return Stage.REPLY if self.match and stage is Stage.NOW else stage

    @property
    def spent(self) -> bool:
        return bool(self.count) and self.struck >= self.count

    def strikes(self, occasion: str, rng: random.Random) -> bool:
        """Whether the occasion is one of those that the fault is for; counts it."""
        if not self.pattern.search(occasion):
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
_DECLARED = {f.name: str(f.type) for f in fields(Fault)}


def build(kind: str, values: Mapping[str, Any]) -> Fault:
    """A fault from its name and fields. Raises RequestError that says what is allowed."""
    if kind not in KINDS:
        raise RequestError(f"no fault is called {kind!r}; there are {', '.join(KINDS)}", field="kind")
    spec = KINDS[kind]
    for name, value in values.items():
        if name not in COMMON and name not in spec.fields:
            raise RequestError(f"{kind} takes {', '.join(sorted({*COMMON, *spec.fields}))}, not {name!r}", field=name)
        _check(name, value)
    fault = Fault(kind=kind, **{"count": spec.count, **spec.fields, **values})
    try:
        fault.pattern = re.compile(fault.match or spec.match or ".")
        bytes.fromhex(fault.hex)
    except (re.error, ValueError) as exc:
        raise RequestError(f"{kind}: {exc}") from exc
    return fault


def _check(name: str, value: Any) -> None:
    """Raises RequestError when `value` does not fit the field."""
    declared = _DECLARED[name]
    if not isinstance(value, _TYPES[declared]) or isinstance(value, bool) != (declared == "bool"):
        raise RequestError(f"{name} must be {declared}", field=name)
    if isinstance(value, int | float) and value < 0 and name not in SIGNED:
        raise RequestError(f"{name} must not be negative", field=name)
    if name == "leave" and value not in LEAVES:
        raise RequestError(f"leave must be one of {', '.join(LEAVES)}", field=name)
    pattern, meaning = _PATTERNS.get(name, ("", ""))
    if pattern and value and not re.fullmatch(pattern, str(value)):
        raise RequestError(f"{name} must be {meaning}", field=name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Struck:
    """One strike: monotonic `time`, the occasion, and how many octets the modem had heard and said until then."""

    n: int
    time: float
    kind: str
    occasion: str
    heard: int
    said: int


class Faults:
    """The faults that one modem has. Everything is looked up only while there are any: the usual path stays short."""

    def __init__(self, seed: str, now: Callable[[], float], octets: Callable[[], tuple[int, int]]) -> None:
        """`octets`: how many the modem has heard and said so far."""
        self._seed = seed
        self._now = now
        self._octets = octets
        self._count = 0
        self.reset()

    def reset(self) -> None:
        """As at the start: no faults, nothing on record, the same random numbers again."""
        self.rng = random.Random(self._seed)  # noqa: S311  reproducible, not secret
        self.active: list[Fault] = []
        self._struck: deque[Struck] = deque(maxlen=MAX_STRUCK)

    def add(self, fault: Fault) -> None:
        """Sets a fault that waits for its occasion."""
        self._sweep()
        if len(self.active) >= MAX_FAULTS:
            raise RequestError(f"a modem has at most {MAX_FAULTS} faults at a time")
        if fault.duration_s is not None and KINDS[fault.kind].stage is not Stage.NOW:
            fault.until = self._now() + fault.duration_s
        self.active.append(fault)

    def clear(self) -> None:
        self.active.clear()

    def take(self, stage: Stage, occasion: str, kinds: frozenset[str] | None = None) -> Fault | None:
        """The first fault of `stage` (and `kinds`) that strikes at the occasion; it is put on record."""
        if not self.active:
            return None
        self._sweep()
        for fault in self.active:
            if fault.stage is stage and (kinds is None or fault.kind in kinds) and fault.strikes(occasion, self.rng):
                self.note(fault.kind, occasion)
                return fault
        return None

    def output(self, kind: str) -> Fault | None:
        """The fault of that kind which lies on the output now; its first effect is put on record."""
        self._sweep()
        fault = next((fault for fault in self.active if fault.kind == kind), None)
        if fault is not None and not fault.seen:
            fault.seen = 1
            self.note(kind, "")
        return fault

    def note(self, kind: str, occasion: str) -> None:
        """Puts a strike on record."""
        self._count += 1
        heard, said = self._octets()
        self._struck.append(
            Struck(n=self._count, time=self._now(), kind=kind, occasion=occasion, heard=heard, said=said)
        )

    def struck(self, after: int = 0) -> list[Struck]:
        """The strikes on record with a number above `after`, oldest first."""
        skip = 0 if not self._struck else max(0, after + 1 - self._struck[0].n)
        return list(islice(self._struck, skip, None))

    def _sweep(self) -> None:
        now = self._now()
        self.active = [f for f in self.active if not f.spent and (f.until is None or now < f.until)]
