"""The fence: how the engine learns, after a time-out, that no earlier answer is still on its way.

A modem answers in order. So once a command is answered by a line that nothing else in flight could have caused, whatever
came before has been answered or never will be. One command at a time; each repeat is another command, and only the
answer to the last one counts, since the earlier ones may still be answered.
"""

from __future__ import annotations

from gateway.at.commands import Command, from_text
from gateway.at.events import Final

FENCE_TIMEOUT = 5.0
"""Seconds that one fence command waits for its answer."""
FENCE_GRACE = 1.0
"""Seconds after an error answer, which may be the late one or the fence command's own refusal."""
MAX_SILENT = 3
"""Fence commands without any answer before the modem counts as silent."""

FENCES: tuple[Command, ...] = tuple(
    from_text(text) for text in ("AT+CMEE?", "AT+CSMS?", "AT+CNMI?", "AT+CMGF?", "AT+CSCS?")
)


class Fence:
    """One fence. `late`: the command that timed out was a submit whose Ctrl-Z had been written."""

    __slots__ = ("_finals", "_first_final", "_heard", "_left", "_sent", "_silent", "late", "seen")

    def __init__(self, after: Command | None, *, late: bool) -> None:
        # A fence command that looks like the one timed out would prove nothing.
        self._left = [fence for fence in FENCES if after is None or not _alike(fence, after)]
        self._sent: list[Command] = []
        self._first_final: Final | None = None
        self._finals = 0
        self._silent = 0
        self._heard = True
        self.late = late
        self.seen = False

    def next_command(self) -> Command | None:
        """The next command to write, None when there is no point in another one."""
        if not self._heard:
            self._silent += 1
        self._heard = self.seen = False
        if not self._left or self._silent >= MAX_SILENT:
            return None
        self._sent.append(self._left.pop(0))
        return self._sent[-1]

    def takes_line(self, line: str) -> bool:
        """True when the line answers one of the fence commands; `seen` then tells whether it was the last one."""
        for command in self._sent:
            if line.startswith(command.prefixes):
                self._heard = True
                self.seen = self.seen or command is self._sent[-1]
                return True
        return False

    def late_final(self, line: str) -> Final | None:
        """The final result of the submit, once the count proves that the first one heard was its own. At most once.

        Before the answer of fence number i (from 0) an in-order modem gives i + 1 final results: that of the submit
        and those of the fences before. One fewer, and the submit's may be the one that was lost.
        """
        final, at = self._first_final, self._index(line)
        if not self.late or final is None or at is None or self._finals != at + 1:
            return None
        self.late = False
        return final

    def takes_final(self, final: Final) -> bool:
        """Count a final result; True when it ends the fence."""
        self._heard = True
        if self.seen:
            return True
        self._finals += 1
        self._first_final = self._first_final or final
        return False

    def _index(self, line: str) -> int | None:
        return next((at for at, command in enumerate(self._sent) if line.startswith(command.prefixes)), None)


def _alike(fence: Command, after: Command) -> bool:
    # A command that owns every line is no matter: its answer has no line with this prefix.
    name = fence.prefixes[0]
    return after.text.upper().startswith("AT" + name[:-1]) or name in after.prefixes
