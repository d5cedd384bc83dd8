"""What an emulated modem remembers: what stays on the card, what a power cycle forgets, what is of one tty alone."""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.emulator.network.broadcast import Listening
from gateway.emulator.phonebook import Phonebook
from gateway.emulator.storage import PIN_TRIES, PUK_TRIES

REGISTRATIONS = ("+CREG", "+CGREG", "+CEREG")


@dataclass(slots=True)
class Sim:
    """What stays on the card over power cycles. `last_mr`: the last TP-MR given out (EF_SMSS)."""

    last_mr: int
    smsc: str
    pin: str
    puk: str
    pin_tries: int = PIN_TRIES
    puk_tries: int = PUK_TRIES
    present: bool = True
    books: dict[str, Phonebook] = field(default_factory=dict)


@dataclass(slots=True)
class Manner:
    """How one tty talks: ATE, ATV, ATQ (V.250 6.2) and +CMEE, at their power-on values."""

    echo: bool = True
    verbose: bool = True
    quiet: bool = False
    cmee: int = 0


@dataclass(slots=True)
class Settings:
    """What a power cycle forgets, at its power-on values."""

    memories: list[str]
    registers: dict[str, int]
    options: dict[str, str]
    cscs: str = "IRA"
    cops_format: int = 0
    csms: int = 0
    phonebook: str = "SM"
    listening: Listening = field(default_factory=Listening)
    cnmi: list[int] = field(default_factory=lambda: [0, 0, 0, 0, 0])
    registration: dict[str, int] = field(default_factory=lambda: dict.fromkeys(REGISTRATIONS, 0))
