"""Commands: what is sent, which lines answer it, how long it may take. Shapes are a table, builders are typed."""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.errors import GatewayError

ANY = ("",)
"""Owns every line that is no final result and no known unsolicited code: identity commands answer without a prefix."""

MAX_COMMAND = 400
"""Characters of a command line; the shortest input buffers in the field take little more."""
MAX_PAYLOAD = 1024
"""Hex digits at a prompt; the longest TPDU with its SC address has 352 (23.040 9.2.3, 24.011 8.2.5)."""

CMGS_TIMEOUT = 180.0
CMGL_TIMEOUT = 60.0

_HEX = frozenset("0123456789abcdefABCDEF")


class ProtocolMisuse(GatewayError):
    """Our own mistake: a command that must not be sent, or a call that the engine's state does not allow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command line. Raises ProtocolMisuse for text that could hold a second one, or a payload that is no hex."""

    text: str
    """The line without its CR, e.g. `AT+CMGR=3`."""
    prefixes: tuple[str, ...] = ()
    """Starts of the information lines that answer it; () for none, `ANY` for all."""
    timeout: float = 5.0
    """Seconds from the write (of Ctrl-Z, with a payload) to the final result."""
    pdu_lines: bool = False
    """Each owned information line has one PDU line behind it (27.005 4.1, 4.2)."""
    payload: str | None = field(default=None, repr=False)
    """Hex to be sent at the prompt; None where the command has no second phase."""
    prompt_timeout: float = 10.0
    """Seconds from the write to the prompt."""
    ok_grace: float = 0
    """Seconds from an information line to the OK, past which the command counts as done; 0 where OK has to come."""

    def __post_init__(self) -> None:
        text, payload = self.text, self.payload
        # One printable line: a CR, an ESC or a Ctrl-Z from outside would be a command of its own. The text is not
        # told, since it may hold a PIN.
        if not (text.isascii() and text.isprintable() and text[:2].upper() == "AT" and len(text) <= MAX_COMMAND):
            raise ProtocolMisuse(f"not one printable AT command line of at most {MAX_COMMAND} characters")
        if payload is not None and not (0 < len(payload) <= MAX_PAYLOAD and len(payload) % 2 == 0):
            raise ProtocolMisuse(f"a payload has 2 to {MAX_PAYLOAD} hex digits in pairs, not {len(payload)}")
        if payload is not None and not _HEX.issuperset(payload):
            raise ProtocolMisuse("a payload is hex digits only")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What is known of a command by its name. `prefixes` None: its own name with a colon."""

    prefixes: tuple[str, ...] | None = None
    timeout: float = 5.0
    pdu_lines: bool = False
    ok_grace: float = 0


SHAPES: dict[str, Shape] = {
    # identity (27.007 5): the answer may stand alone or behind a prefix
    "I": Shape(prefixes=ANY),
    "+CGMI": Shape(prefixes=ANY),
    "+CGMM": Shape(prefixes=ANY),
    "+CGMR": Shape(prefixes=ANY),
    "+CGSN": Shape(prefixes=ANY),
    "+GMI": Shape(prefixes=ANY),
    "+GMM": Shape(prefixes=ANY),
    "+GMR": Shape(prefixes=ANY),
    "+GSN": Shape(prefixes=ANY),
    "+CIMI": Shape(prefixes=ANY),
    "+CCID": Shape(prefixes=ANY, timeout=10),
    "+CLAC": Shape(prefixes=ANY, timeout=30),
    "+CICCID": Shape(prefixes=("+ICCID:", "+CICCID:"), timeout=10),
    # messages (27.005)
    "+CMGS": Shape(timeout=CMGS_TIMEOUT),
    "+CMSS": Shape(timeout=CMGS_TIMEOUT),
    "+CMGR": Shape(timeout=10, pdu_lines=True),
    "+CMGL": Shape(timeout=CMGL_TIMEOUT, pdu_lines=True),
    "+CMGD": Shape(prefixes=(), timeout=10),
    "+CPMS": Shape(timeout=30, ok_grace=1),  # some firmware forgets the OK
    "+CNMA": Shape(prefixes=()),
    # the SIM and the network answer these, not the modem alone
    "+CPIN": Shape(timeout=20),
    "+CFUN": Shape(timeout=15),
    "+COPS": Shape(timeout=180),
    "+CRSM": Shape(timeout=30),
    "+CSIM": Shape(timeout=30),
    "+CUSD": Shape(timeout=30),
    "+CGATT": Shape(timeout=140),
    "+CGACT": Shape(timeout=150),
    "+CLCK": Shape(timeout=30),
    "+CPWD": Shape(timeout=30),
    "+CCFC": Shape(timeout=60),
    "+ZPAS": Shape(prefixes=("+ZPAS:", "+BEARTYPE:")),
    "+CPBW": Shape(prefixes=(), timeout=30),
    "+CPBR": Shape(timeout=30),
    "+CHUP": Shape(prefixes=(), timeout=30),
}
_DEFAULT = Shape()


def from_text(text: str) -> Command:
    """The command for a line as it would be typed, with owned prefixes and time-out by its name.

    A basic command (`ATE0`) owns nothing, an extended one the lines that begin with its name. No second phase.
    """
    name = command_name(text)
    shape = SHAPES.get(name, _DEFAULT)
    prefixes = shape.prefixes
    if prefixes is None:
        prefixes = (name + ":",) if name and not name[0].isalpha() else ()
    reads = not text.endswith("=?")
    return Command(
        text=text,
        prefixes=prefixes,
        timeout=shape.timeout,
        pdu_lines=shape.pdu_lines and reads,
        ok_grace=shape.ok_grace,
    )


def command_name(text: str) -> str:
    """`+CMGR` of `AT+CMGR=3`, `E` of `ATE0`, "" of `AT`: upper case, without parameters."""
    body = text[2:].upper()
    if not body or body[0].isalpha():
        return body[:1]
    end = next((at for at, char in enumerate(body) if char in "=?; "), len(body))
    return body[:end]


def quoted(text: str) -> str:
    """A string parameter. Raises ProtocolMisuse where it holds a quote, which would end it."""
    if '"' in text:
        raise ProtocolMisuse("a string parameter cannot hold a quotation mark")
    return f'"{text}"'


def _set(name: str, *values: int | str) -> Command:
    return from_text(f"AT{name}=" + ",".join(quoted(v) if isinstance(v, str) else str(v) for v in values))


def cmgs(length: int, pdu: str, timeout: float = CMGS_TIMEOUT) -> Command:
    """Send a message. `length`: TPDU octets without the SC address; `timeout`: seconds from Ctrl-Z (27.005 4.3)."""
    return Command(text=f"AT+CMGS={length:d}", prefixes=("+CMGS:",), timeout=timeout, payload=pdu)


def cnma(ack: int | None = None, length: int | None = None, pdu: str | None = None) -> Command:
    """Acknowledge what was delivered directly: plain, with `<n>`, or with a report PDU at a prompt (27.005 4.6)."""
    if pdu is not None and ack is not None and length is not None:
        return Command(text=f"AT+CNMA={ack:d},{length:d}", payload=pdu)
    return from_text("AT+CNMA" if ack is None else f"AT+CNMA={ack:d}")


def cmgr(index: int) -> Command:
    """Read the message at an index of the first storage (27.005 4.2)."""
    return _set("+CMGR", index)


def cmgl(stat: int = 4) -> Command:
    """List the first storage; 4 is all messages (27.005 4.1)."""
    return _set("+CMGL", stat)


def cmgd(index: int) -> Command:
    """Delete one message; there is no builder for the mass-delete flags (27.005 3.5.4)."""
    return _set("+CMGD", index)


def cpms(*memories: str) -> Command:
    """Choose one to three storages: to read and delete, to write, to receive (27.005 3.2.2)."""
    return _set("+CPMS", *memories)


def cnmi(*values: int) -> Command:
    """Choose how new messages are indicated: mode, mt, bm, ds, bfr (27.005 3.4.1)."""
    return _set("+CNMI", *values)


def csms(service: int) -> Command:
    """Choose the message service; 1 asks for acknowledgements (27.005 3.2.1)."""
    return _set("+CSMS", service)


def cpin(pin: str) -> Command:
    """Enter the SIM PIN (27.007 8.3)."""
    return _set("+CPIN", pin)


def cfun(level: int) -> Command:
    """Choose the level of functionality; 1 is full (27.007 8.2)."""
    return _set("+CFUN", level)


AT = from_text("AT")
ATI = from_text("ATI")
ECHO_OFF = from_text("ATE0")
VERBOSE = from_text("ATV1")
CMEE_NUMERIC = from_text("AT+CMEE=1")
PDU_MODE = from_text("AT+CMGF=0")
CSQ = from_text("AT+CSQ")
CREG = from_text("AT+CREG?")
CGREG = from_text("AT+CGREG?")
CEREG = from_text("AT+CEREG?")
COPS = from_text("AT+COPS?")
CPIN = from_text("AT+CPIN?")
CSCA = from_text("AT+CSCA?")
CPMS = from_text("AT+CPMS?")
CPMS_OFFER = from_text("AT+CPMS=?")
CNMI = from_text("AT+CNMI?")
CNMI_OFFER = from_text("AT+CNMI=?")
CGMI = from_text("AT+CGMI")
CGMM = from_text("AT+CGMM")
CGMR = from_text("AT+CGMR")
CGSN = from_text("AT+CGSN")
CIMI = from_text("AT+CIMI")
