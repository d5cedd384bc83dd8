"""Whether a modem that answers AT still reaches the network: by its registration, and by what becomes of its texts."""

from __future__ import annotations

from gateway.modem.model import SubmitOutcome, SubmitResult
from gateway.modem.telemetry import Telemetry

UNANSWERED = 2  # submits in a row without an answer
REFUSALS = 5  # submits in a row refused by the network's or the modem's own trouble …
REFUSED_S = 300.0  # … for at least so long: a network that is busy for a minute is no fault of the modem

NO_NETWORK_TOLD_S = 60.0  # without a network for so long is worth a word

# Refusals that a modem which lost its way gives for ever (modem error tables: network out of order, no service,
# network time-out, unknown) and that a restart is known to cure.
_TROUBLE = frozenset(
    {"cms:38", "cms:41", "cms:42", "cms:47", "cms:300", "cms:302", "cms:331", "cms:332", "cms:500", "cme:30", "error"}
)


_NO_ANSWER = frozenset({"timeout", "no_prompt"})  # to the text, or to the wish to send one


class SubmitHealth:
    """Counts over connections; `note` every result, `forget` after the modem was restarted."""

    def __init__(self) -> None:
        self._unanswered = 0
        self._refusals = 0
        self._refused_since = 0.0

    def note(self, result: SubmitResult, now: float) -> str:
        """Why the modem is taken for deaf, "" when it is not. `now`: monotonic seconds."""
        if result.outcome in (SubmitOutcome.UNKNOWN, SubmitOutcome.NOT_SENT) and result.error in _NO_ANSWER:
            self._unanswered += 1
        elif result.outcome is SubmitOutcome.REFUSED and result.error in _TROUBLE:
            self._unanswered = 0
            self._refused_since = self._refused_since if self._refusals else now
            self._refusals += 1
        elif result.outcome in (SubmitOutcome.SENT, SubmitOutcome.REFUSED):
            self.forget()
        if self._unanswered >= UNANSWERED:
            return f"{self._unanswered} messages in a row got no answer, though the modem answers AT"
        if self._refusals >= REFUSALS and now - self._refused_since >= REFUSED_S:
            return f"the last {self._refusals} messages were refused ({result.error})"
        return ""

    def forget(self) -> None:
        self._unanswered = self._refusals = 0


class NetworkWatch:
    """What there is to say of the network. `notice` is one line for a person, "" when all is well."""

    def __init__(self, *, allow_roaming: bool) -> None:
        self.notice = ""
        self.searched_s = 0.0
        self._allow_roaming = allow_roaming
        self._since: float | None = None

    def abroad(self, telemetry: Telemetry) -> bool:
        """Whether the modem is in a network in which this line must not send."""
        return telemetry.registered and telemetry.roaming and not self._allow_roaming

    def judge(self, telemetry: Telemetry, now: float) -> None:
        """Look at the registration. `now`: monotonic seconds."""
        if telemetry.registered:
            self._since, self.searched_s = None, 0.0
            abroad = self.abroad(telemetry)
            self.notice = "abroad, and allow_roaming is off: it receives and does not send" if abroad else ""
            return
        self._since = now if self._since is None else self._since
        self.searched_s = now - self._since
        if self.searched_s >= NO_NETWORK_TOLD_S:
            self.notice = "the network refuses this SIM" if telemetry.denied else "no network for over a minute"
