"""The AT interpreter of one modem: octets in, command lines run in order, answers out (V.250 5, 27.005 3.5)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from gateway.emulator.commands.table import AtError, Call, Op, Prompt, parse
from gateway.emulator.commands.verbose import CME_TEXT, CMS_TEXT
from gateway.emulator.faults import Fault, Stage
from gateway.emulator.replies import answer
from gateway.emulator.state import Manner

if TYPE_CHECKING:
    from gateway.emulator.modem import Modem
    from gateway.emulator.output import Output

MAX_LINE = 2048
MAX_TEXT = 2048  # at the prompt; the longest PDU is 176 octets
MAX_HELD = 4096  # octets that arrive while a command is being carried out
CTRL_Z, ESC = 0x1A, 0x1B
NOISE = bytes((0x00, 0x0A, CTRL_Z, ESC, 0xFF))  # in a command line these do not count
VERBOSE = 2  # +CMEE: errors in words
SUBMITS = ("+CMGS", "+CMSS")
NUMERIC = {"OK": "0", "ERROR": "4", "NO CARRIER": "3"}


class Interpreter:
    """Lives from power-on to power-off; a client that closes the port and comes back finds it as it was left."""

    def __init__(self, modem: Modem, output: Output) -> None:
        self._modem = modem
        self._output = output
        self.manner = Manner()
        self._line = bytearray()
        self._last = ""
        self._text = bytearray()
        self._prompt: Prompt | None = None
        self._prompt_line = ""
        self._prompt_timer: asyncio.TimerHandle | None = None
        self._busy = False
        self._held = bytearray()
        self._stopped = False

    @property
    def prompting(self) -> bool:
        """Whether the modem waits for a PDU and Ctrl-Z."""
        return self._prompt is not None

    @property
    def sending(self) -> bool:
        """Whether a message is on its way out: its prompt is open, or its answer not there yet."""
        return self._prompt is not None or (self._busy and any(name in self._last.upper() for name in SUBMITS))

    def stop(self) -> None:
        self._stopped = True
        if self._prompt_timer is not None:
            self._prompt_timer.cancel()

    def receive(self, data: bytes) -> None:
        """Takes what a client wrote. While a command runs, more is kept and worked off after it."""
        output = self._output
        output.collect()
        try:
            while data and not self._busy and not self._stopped:
                data = self._collect(data) if self._prompt is not None else self._command(data)
        finally:
            output.release()
        if data and not self._stopped:
            self._held += data[: MAX_HELD - len(self._held)]

    # command mode

    def _command(self, data: bytes) -> bytes:
        end = data.find(b"\r")
        if end < 0:
            self._echo(data)
            self._line += data[: MAX_LINE - len(self._line)]
            return b""
        self._echo(data[: end + 1])
        line = bytes(self._line) + data[:end] if self._line else data[:end]
        self._line.clear()
        self._execute(line)
        return data[end + 1 :]

    def _echo(self, data: bytes) -> None:
        if self.manner.echo:
            self._output.write(data)

    def _execute(self, octets: bytes) -> None:
        line = octets.translate(None, NOISE).decode("ascii", "backslashreplace").strip()
        if line.upper() == "A/":
            line = self._last
        calls = parse(line) if line else None
        if calls is None:
            return
        self._last = line
        self._modem.heard(line)
        if self._modem.faults.active and self._disturbed(line):
            return
        self._run(line, calls)

    def _disturbed(self, line: str) -> bool:
        """Whether a fault takes the command away."""
        fault = self._modem.faults.take(Stage.COMMAND, line, frozenset({"ignore", "error"}))
        if fault is None:
            return False
        if fault.kind == "error":
            error = AtError(fault.text) if fault.text else AtError("CME", fault.code)
            self._answer(line, [], self.final(error))
        return True

    def _run(self, line: str, calls: tuple[Call, ...]) -> None:
        modem = self._modem
        modem.talking = self
        texts: list[str] = []
        final = "OK"
        for call in calls:
            handler = modem.handlers.get((call.name, call.op))
            try:
                result = handler(modem, call.arguments) if handler is not None else self._unknown(call)
            except AtError as error:
                final = self.final(error)
                break
            if isinstance(result, Prompt):
                self._open_prompt(line, result)
                return
            if result:
                texts.append(result)
        self._answer(line, texts, final)

    def _unknown(self, call: Call) -> str:
        personality = self._modem.personality
        vendor = call.name[:1] in "^$*#%"
        known = any((call.name, op) in self._modem.handlers for op in Op)
        text = "" if known else personality.unknown_vendor if vendor else personality.unknown_command
        if text:
            raise AtError(text)
        raise AtError("CME", 4 if known else 100) if call.name[:1] == "+" else AtError("ERROR")

    # answers

    def final(self, error: AtError) -> str:
        """The final result code of an error, as +CMEE wants it. +CMS ERROR has no ERROR form (27.005 3.2.5)."""
        level = self.manner.cmee
        if error.kind == "CMS":
            words = CMS_TEXT | dict(self._modem.personality.cms_words) if level == VERBOSE else {}
            return f"+CMS ERROR: {words.get(error.code, error.code)}"
        if error.kind != "CME":
            return error.kind
        if level == 0:
            return "ERROR"
        return f"+CME ERROR: {CME_TEXT.get(error.code, error.code) if level == 2 else error.code}"

    def _answer(self, line: str, texts: list[str], final: str) -> None:
        modem = self._modem
        fault = modem.faults.take(Stage.REPLY, line) if modem.faults.active and self._output.main else None
        delay = self._delay(line) if modem.realistic else 0.0
        if fault is not None and fault.kind == "delay-reply":
            delay += fault.delay_s
        if not delay:
            self._finish(texts, final, fault)
            return
        self._busy = True
        modem.loop.call_later(delay, self._finish, texts, final, fault)

    def _delay(self, line: str) -> float:
        personality = self._modem.personality
        submit = any(name in line.upper() for name in SUBMITS)
        return self._modem.rng.uniform(*(personality.submit_delay if submit else personality.command_delay))

    def _finish(self, texts: list[str], final: str, fault: Fault | None) -> None:
        if self._stopped:
            return
        if fault is None:
            self._output.write(self._framed(texts, final))
        else:
            answer(self._modem, fault, self._framed, texts, final)
        if self._busy:
            self._busy = False
            held = bytes(self._held)
            self._held.clear()
            self.receive(held)

    def _framed(self, texts: list[str], final: str) -> bytes:
        manner = self.manner
        if manner.verbose:
            parts = [f"\r\n{text}\r\n" for text in texts]
            if final and not manner.quiet:
                parts.append(f"\r\n{final}\r\n")
        else:
            parts = [f"{text}\r\n" for text in texts]
            if final and not manner.quiet:
                parts.append(f"{NUMERIC.get(final, final)}\r")
        return "".join(parts).encode("ascii", "replace")

    # the prompt

    def _open_prompt(self, line: str, prompt: Prompt) -> None:
        fault = self._modem.faults.take(Stage.COMMAND, line, frozenset({"no-prompt", "odd-prompt"}))
        if fault is not None and fault.swallow:
            return
        self._prompt, self._prompt_line = prompt, line
        self._text.clear()
        self._prompt_timer = self._modem.loop.call_later(self._modem.config.prompt_timeout_s, self._prompt_expired)
        shown = "\r\n> " if fault is None else fault.text  # "" where there is to be none
        self._output.write(shown.encode())

    def _collect(self, data: bytes) -> bytes:
        ends = [place for place in (data.find(CTRL_Z), data.find(ESC)) if place >= 0]
        if not ends:
            self._echo(data)
            self._text += data[: MAX_TEXT - len(self._text)]
            return b""
        end = min(ends)
        self._echo(data[:end])
        text = bytes(self._text) + data[:end]
        prompt = self._close_prompt()
        if data[end] == CTRL_Z:
            self._submit(prompt, text)
        elif self._modem.personality.prompt_abort:
            self._answer("", [], self._modem.personality.prompt_abort)
        return data[end + 1 :]

    def _submit(self, prompt: Prompt, text: bytes) -> None:
        try:
            texts, final = [prompt.done(text)], "OK"
        except AtError as error:
            texts, final = [], self.final(error)
        self._answer(self._prompt_line, [one for one in texts if one], final)

    def _close_prompt(self) -> Prompt:
        if self._prompt is None or self._prompt_timer is None:
            raise RuntimeError("there is no prompt to close")
        prompt, self._prompt = self._prompt, None
        self._prompt_timer.cancel()
        self._text.clear()
        return prompt

    def _prompt_expired(self) -> None:
        self._close_prompt()
        self._answer("", [], "ERROR")
