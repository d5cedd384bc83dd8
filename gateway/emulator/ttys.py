"""The ttys of one modem: the one to use, and with `ttys = "all"` those beside it that real modems have too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.emulator.interpreter import Interpreter
from gateway.emulator.output import Output
from gateway.emulator.pty import ClientWatch, Port

if TYPE_CHECKING:
    from gateway.emulator.modem import Modem
    from gateway.emulator.personalities import Tty

MAIN = "at"
ANSWERS = ("at", "at2", "modem")  # roles that speak AT
BINARY = ("diag", "log")
# A response of Qualcomm's diagnostic protocol (HDLC, "bad command") and a log frame: nothing in it is a line
DIAG_FRAME = bytes.fromhex("1341543a0d8a7e") + b"\x10\x00\x1c\x00\x1c\x00\x91\x13\xf7\x01\x7d\x5e\x00\x7e"
SENTENCES = "$GPGSV,1,1,01,21,,,33*72\r\n$GPGGA,,,,,,0,,,,,,,,*66\r\n$GPRMC,,V,,,,,,,,,,N*53\r\n$GPGSA,A,1,,,,,,,,,,,,,,,*1E\r\n"
PERIOD_S = 1.0  # of what NMEA and log ttys print by themselves
HURRIED_S = 0.1  # the same when nothing takes time
URC_ROLES = {"usbat": ("at", "at2"), "usbmodem": ("modem",), "all": ANSWERS, "uart1": ()}  # Quectel's "urcport"


@dataclass(slots=True, kw_only=True)
class Terminal:
    """One tty with what stands behind it."""

    tty: Tty
    port: Port
    output: Output | None = None
    interpreter: Interpreter | None = None


@dataclass(slots=True)
class Ttys:
    """Opens, closes and feeds them. `main` is the port that clients of the modem are to open."""

    modem: Modem
    watch: ClientWatch
    links: Path | None
    terminals: list[Terminal] = field(default_factory=list)
    link_name: str = ""  # in place of the modem's name
    used: list[str] = field(default_factory=list)  # where the ports were before they vanished

    @property
    def main(self) -> Terminal | None:
        return next((one for one in self.terminals if one.tty.role == MAIN), None)

    def open(self, *, elsewhere: bool = False, linked: bool = True) -> None:
        """Makes the ports appear. `elsewhere`: under other paths than before; `linked`: with their symlinks."""
        ttys = self.modem.personality.ttys
        chosen = ttys if self.modem.config.ttys == "all" else [one for one in ttys if one.role == MAIN]
        for tty in chosen:
            links = self._links(tty) if linked else ()
            self.terminals.append(self._terminal(tty, links, self.used if elsewhere else ()))

    def close(self, *, keep_links: bool = False) -> None:
        """They vanish. `keep_links`: their symlinks are left behind as they are."""
        self.used = [one.port.path for one in self.terminals]
        for one in self.terminals:
            one.port.close(keep_link=keep_links)
        self.terminals.clear()

    def start(self) -> tuple[Output, Interpreter]:
        """The modem behind the ports is on: it answers, and some ttys print by themselves. Returns what `main` has."""
        for one in self.terminals:
            if one.tty.role in ANSWERS:
                one.output = Output(self.modem, one.port, main=one.tty.role == MAIN)
                one.interpreter = Interpreter(self.modem, one.output)
            elif one.tty.role != "audio":
                self._later(one)
        main = self.main
        if main is None or main.output is None or main.interpreter is None:
            raise RuntimeError(f"{self.modem.personality.name} has no tty to use")
        return main.output, main.interpreter

    def stop(self) -> None:
        """The modem behind the ports is off."""
        for one in self.terminals:
            if one.interpreter is not None:
                one.interpreter.stop()
            if one.output is not None:
                one.output.stop()

    def unsolicited(self, data: bytes) -> None:
        """Sends a URC to every tty that shows them."""
        chosen = self.modem.settings.options.get("+QURCCFG/urcport")
        for one in self.terminals:
            shown = one.tty.role == MAIN or one.tty.urcs
            if chosen is not None:
                shown = one.tty.role in URC_ROLES[chosen]
            if shown and one.output is not None:
                one.output.write(data)

    def describe(self) -> list[dict[str, object]]:
        """What a client can open: name, role and path of each tty."""
        return [
            {"name": f"if{one.tty.interface}", "role": one.tty.role, "path": one.port.name} for one in self.terminals
        ]

    def _links(self, tty: Tty) -> Sequence[Path]:
        if self.links is None:
            return ()
        name = self.link_name or self.modem.config.name
        own = [self.links / name] if tty.role == MAIN else []
        return [*own, self.links / f"{name}-if{tty.interface}"] if self.modem.config.ttys == "all" else own

    def _terminal(self, tty: Tty, links: Sequence[Path], avoid: Sequence[str]) -> Terminal:
        def receive(data: bytes) -> None:
            self._heard(terminal, data)

        terminal = Terminal(tty=tty, port=Port(self.watch, receive, links, avoid))
        if tty.role == MAIN:
            terminal.port.on_closed = self.modem.clients_gone
        return terminal

    def _heard(self, terminal: Terminal, data: bytes) -> None:
        if terminal.tty.role == MAIN:
            self.modem.recorder.heard(data)
        if self.modem.deaf or (self.modem.faults.active and self.modem.faults.output("mute")):
            return
        if terminal.interpreter is not None:
            data_mode = self.modem.data_mode if terminal.tty.role == MAIN else None
            (data_mode or terminal.interpreter).receive(data)
        elif terminal.tty.role in BINARY and self.modem.powered:
            terminal.port.write(DIAG_FRAME)

    def _later(self, terminal: Terminal) -> None:
        self.modem.later(PERIOD_S if self.modem.realistic else HURRIED_S, self._print, terminal)

    def _print(self, terminal: Terminal) -> None:
        terminal.port.write(DIAG_FRAME if terminal.tty.role in BINARY else SENTENCES.encode())
        self._later(terminal)
