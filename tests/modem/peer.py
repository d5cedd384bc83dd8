"""A small scripted modem on a pty. It shares nothing with the engine under test, so that a shared mistake would show."""

from __future__ import annotations

import asyncio
import os
import tty
from collections.abc import Callable

DELIVER = "07911326040000F0040B911346610089F60000208062917314080CC8F71D14969741F977FD07"
REPLACE = DELIVER.replace("F60000", "F64100")  # PID 0x41: replace type 1
REPORT = "07911326040000F006050B911346610089F62080629173140820806291731408" + "00"
SUBMIT = "0011000B911346610089F60000AA0CC8F71D14969741F977FD07"
SUBMIT_LENGTH = 25

Reply = str | None | Callable[["Peer", str], str | None]

OK = "\r\nOK\r\n"


def info(*lines: str) -> str:
    return "".join(f"\r\n{line}\r\n" for line in lines) + OK


class Peer:
    """Answers by table: the longest start of the line that is in `replies` wins. `heard` is everything it was told."""

    def __init__(self, port: str = "") -> None:
        self.heard: list[str] = []
        self.prompt = "\r\n> "
        self.submit_reply: str | None = "\r\n+CMGS: 7\r\n" + OK
        self.escape_reply = ""
        self.in_prompt = False
        self.echo = False
        self.deaf = False
        self.storages: dict[str, dict[int, str]] = {"SM": {}, "ME": {}, "SR": {}}
        self.selected = "ME"
        self.cnmi = "0,0,0,0,0"
        self.csms = "0"
        self.changed = asyncio.Event()
        self.replies: dict[str, Reply] = dict(_DEFAULTS)
        self._buffer = b""
        self.path = ""
        self.plug()

    def plug(self) -> None:
        """The device appears."""
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.path = os.ttyname(self._slave)
        self._buffer = b""
        self.in_prompt = False
        asyncio.get_running_loop().add_reader(self._master, self._readable)

    def unplug(self) -> None:
        """The device vanishes; a client sees a hang-up."""
        if not self.path:
            return
        self.path = ""
        asyncio.get_running_loop().remove_reader(self._master)
        os.close(self._slave)
        os.close(self._master)

    def say(self, text: str) -> None:
        os.write(self._master, text.encode("latin-1"))

    def heard_since(self, mark: int) -> list[str]:
        return self.heard[mark:]

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until `condition` holds; it is looked at whenever the client says something."""
        while not condition():
            self.changed.clear()
            await self.changed.wait()

    async def hears(self, text: str, since: int = 0) -> None:
        await self.until(lambda: text in self.heard[since:])

    def _note(self, text: str) -> None:
        self.heard.append(text)
        self.changed.set()

    def _readable(self) -> None:
        self._buffer += os.read(self._master, 4096)
        while self._buffer:
            if not self._take():
                break

    def _take(self) -> bool:
        """One unit of input: ESC, the payload's end, or a command line. False when it is not complete yet."""
        if self.in_prompt:
            end = min((at for at in (self._buffer.find(b"\x1a"), self._buffer.find(b"\x1b")) if at >= 0), default=-1)
            if end < 0:
                self._note("PDU " + self._buffer.decode())
                self.payload = self._buffer.decode()
                self._buffer = b""
                return False
            rest, mark, self._buffer = self._buffer[:end], self._buffer[end], self._buffer[end + 1 :]
            if rest:
                self._note("PDU " + rest.decode())
            self._prompt_over(mark)
            return True
        if self._buffer[:1] == b"\x1b":
            self._note("ESC")
            self._buffer = self._buffer[1:]
            return True
        line, end_of_line, rest = self._buffer.partition(b"\r")
        if not end_of_line:
            return False
        self._buffer = rest
        self._line(line.decode())
        return True

    def _prompt_over(self, mark: int) -> None:
        self.in_prompt = False
        if mark == 0x1B:
            self._note("ESC")
            self.say(self.escape_reply)
            return
        self._note("CTRL-Z")
        if self.submit_reply is not None:
            self.say(self.submit_reply)

    def _line(self, line: str) -> None:
        self._note(line)
        if self.deaf:
            return
        if self.echo:
            self.say(line + "\r")
        key = max((key for key in self.replies if line.startswith(key)), key=len, default="")
        reply = self.replies[key] if key else "\r\nERROR\r\n"
        text = reply(self, line) if callable(reply) else reply
        if text is not None:
            self.say(text)


def _cmgs(peer: Peer, _line: str) -> str | None:
    peer.in_prompt = True
    return peer.prompt or None


def _cpms(peer: Peer, line: str) -> str:
    memory = line.partition("=")[2].split(",")[0].strip('"')
    if memory not in peer.storages:
        return "\r\n+CMS ERROR: 302\r\n"
    peer.selected = memory
    return info("+CPMS: 0,10,0,10,0,10")


def _cmgl(peer: Peer, _line: str) -> str:
    slots = peer.storages[peer.selected]
    return "".join(f"\r\n+CMGL: {n},0,,{length(pdu)}\r\n{pdu}\r\n" for n, pdu in sorted(slots.items())) + OK


def _cmgr(peer: Peer, line: str) -> str:
    pdu = peer.storages[peer.selected].get(int(line.partition("=")[2]))
    return "\r\n+CMS ERROR: 321\r\n" if pdu is None else f"\r\n+CMGR: 0,,{length(pdu)}\r\n{pdu}\r\n" + OK


def _cmgd(peer: Peer, line: str) -> str:
    peer.storages[peer.selected].pop(int(line.partition("=")[2]), None)
    return OK


def _cnmi(peer: Peer, line: str) -> str:
    peer.cnmi = line.partition("=")[2]
    return OK


def _csms(peer: Peer, line: str) -> str:
    peer.csms = line.partition("=")[2]
    return info("+CSMS: 1,1,1")


def length(pdu: str) -> int:
    try:
        return len(bytes.fromhex(pdu)) - 1 - int(pdu[:2], 16)
    except ValueError:
        return 99


_DEFAULTS: dict[str, Reply] = {
    "AT": OK,
    "ATI": info("ACME", "M1", "Revision: 1"),
    "AT+CGMI": info("ACME"),
    "AT+CGMM": info("M1"),
    "AT+CGMR": info("+CGMR: 1.0"),
    "AT+CGSN": info("356938035640001"),
    "AT+CIMI": info("262010000000001"),
    "AT+CNUM": info('+CNUM: "","+491700000001",145'),
    "AT+CPIN?": info("+CPIN: READY"),
    "AT+CCID": info("+CCID: 89492000000000000018"),
    "AT+CFUN?": info("+CFUN: 1"),
    "AT+CMEE?": info("+CMEE: 1"),
    "AT+CMGF?": info("+CMGF: 0"),
    "AT+CSMS?": lambda peer, _: info(f"+CSMS: {peer.csms},1,1,1"),
    "AT+CSMS=": _csms,
    "AT+CPMS=?": info('+CPMS: ("SM","ME","SR"),("SM","ME"),("SM","ME")'),
    "AT+CPMS?": info('+CPMS: "ME",0,10,"ME",0,10,"ME",0,10'),
    "AT+CPMS=": _cpms,
    "AT+CNMI=?": info("+CNMI: (0-2),(0-3),(0,2),(0-2),(0,1)"),
    "AT+CNMI?": lambda peer, _: info(f"+CNMI: {peer.cnmi}"),
    "AT+CNMI=": _cnmi,
    "AT+CMGL=": _cmgl,
    "AT+CMGR=": _cmgr,
    "AT+CMGD=": _cmgd,
    "AT+CMGS=": _cmgs,
    "AT+CREG?": info('+CREG: 2,1,"1A2B","01A2B3C4",7'),
    "AT+CGREG?": info("+CGREG: 2,1"),
    "AT+CEREG?": info("+CEREG: 2,0"),
    "AT+CSQ": info("+CSQ: 20,99"),
    "AT+COPS?": info('+COPS: 0,0,"Testnetz",7'),
    "AT+COPS=": OK,
    "AT+CNMA": OK,
}
