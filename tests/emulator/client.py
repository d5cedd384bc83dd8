"""A tiny AT client of the tests' own: it knows octets, final results and how to wait, nothing of the gateway."""

from __future__ import annotations

import asyncio
import os
import re
from types import TracebackType
from typing import Self

PATIENCE_S = 5.0
FINAL = re.compile(rb"(?:^|\n)(OK|ERROR|\+CM[ES] ERROR: [^\r]*|NO CARRIER|COMMAND NOT SUPPORT)\r\n")


class Client:
    """One open of a port."""

    def __init__(self, path: str) -> None:
        self.fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        self.buffer = b""
        self.hung_up = False
        self.reads: list[bytes] = []
        self._arrived = asyncio.Event()
        asyncio.get_running_loop().add_reader(self.fd, self._read)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        if self.fd >= 0:
            asyncio.get_running_loop().remove_reader(self.fd)
            os.close(self.fd)
            self.fd = -1

    def _read(self) -> None:
        try:
            data = os.read(self.fd, 4096)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.hung_up = True
            asyncio.get_running_loop().remove_reader(self.fd)
        self.reads.append(data)
        self.buffer += data
        self._arrived.set()

    def write(self, data: bytes) -> None:
        os.write(self.fd, data)

    async def wait_for(self, pattern: bytes | re.Pattern[bytes], timeout: float = PATIENCE_S) -> bytes:
        """Everything up to the end of `pattern`, taken out of the buffer."""
        async with asyncio.timeout(timeout):
            while (found := re.search(pattern, self.buffer)) is None:
                self._arrived.clear()
                await self._arrived.wait()
        taken, self.buffer = self.buffer[: found.end()], self.buffer[found.end() :]
        return taken

    async def hang_up(self, timeout: float = PATIENCE_S) -> None:
        """Waits until the device is gone."""
        async with asyncio.timeout(timeout):
            while not self.hung_up:
                self._arrived.clear()
                await self._arrived.wait()

    async def at(self, line: str, timeout: float = PATIENCE_S) -> list[str]:
        """Sends `line` and returns the non-empty lines of the answer, the final result last."""
        self.write(line.encode() + b"\r")
        answer = await self.wait_for(FINAL, timeout)
        return [one for one in answer.decode().replace("\r", "\n").split("\n") if one]

    async def ok(self, line: str) -> list[str]:
        """As `at`, for a command that must succeed; the information lines only."""
        lines = await self.at(line)
        assert lines[-1] == "OK", (line, lines)
        return lines[:-1]

    async def cmgs(self, pdu: str) -> list[str]:
        """Submits a PDU without service-centre address in front (it is put there)."""
        self.write(f"AT+CMGS={len(pdu) // 2}\r".encode())
        await self.wait_for(rb"> ")
        self.write(b"00" + pdu.encode() + b"\x1a")
        answer = await self.wait_for(FINAL)
        return [one for one in answer.decode().replace("\r", "\n").split("\n") if one]


async def silent(client: Client, seconds: float = 0.1) -> bool:
    """Whether nothing arrives for a little while, beyond what the buffer has."""
    before = len(client.buffer)
    try:
        async with asyncio.timeout(seconds):
            while len(client.buffer) == before:
                client._arrived.clear()
                await client._arrived.wait()
    except TimeoutError:
        return True
    return False


def swapped(digits: str) -> str:
    even = digits + "F" * (len(digits) % 2)
    return "".join(even[n + 1] + even[n] for n in range(0, len(even), 2))


def submit(
    to: str,
    text: str = "hello",
    *,
    report: bool = False,
    concat: tuple[int, int, int] | None = None,
    dcs: int = 0x08,
    pid: int = 0,
) -> str:
    """An SMS-SUBMIT in UCS2 (or with whatever coding scheme is wanted), as hex without service-centre address."""
    header = b"" if concat is None else bytes((5, 0, 3, *concat))
    payload = header + text.encode("utf-16-be")
    first = 0x01 | (0x20 if report else 0) | (0x40 if header else 0)
    digits = to.removeprefix("+")
    address = f"{len(digits):02X}{'91' if to.startswith('+') else '81'}{swapped(digits)}"
    return f"{first:02X}00{address}{pid:02X}{dcs:02X}{len(payload):02X}{payload.hex().upper()}"


def text_of(pdu: str) -> tuple[str, tuple[int, int, int] | None]:
    """Text and concatenation of a DELIVER in UCS2, with its service-centre address in front."""
    octets = bytes.fromhex(pdu)
    octets = octets[1 + octets[0] :]
    at = 1 + 2 + (octets[1] + 1) // 2 + 2 + 7
    payload = octets[at + 1 : at + 1 + octets[at]]
    concat = None
    if octets[0] & 0x40:
        concat = (payload[3], payload[4], payload[5])
        payload = payload[1 + payload[0] :]
    return payload.decode("utf-16-be"), concat
