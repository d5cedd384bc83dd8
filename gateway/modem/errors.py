"""Why a connection to a modem ended, or a command in it did not do its work."""

from __future__ import annotations

from gateway.errors import ModemError
from gateway.modem.recovery import Trouble


class PortLost(ModemError):
    """The port vanished, was closed, or the modem behind it is silent: this connection is over."""


class PortBusy(PortLost):
    """The port is there but cannot be opened: another process holds it, or permission is missing."""


class Restarted(PortLost):
    """The modem was restarted on purpose."""


class NeedsRemedy(ModemError):
    """The modem answers and yet does not do its work: this connection is over, and `trouble` says what to treat."""

    def __init__(self, message: str, *, trouble: Trouble) -> None:
        super().__init__(message)
        self.trouble = trouble


class WrongModem(ModemError):
    """What is on the port is not the modem that is meant, or not its AT port. No restart mends that."""


class CommandTimeout(ModemError):
    """One command got no final result in time; the engine fences, the connection goes on."""


class CommandRefused(ModemError):
    """A command that has to work was answered by an error. `cause` is "cms:38", "cme:14", "error" …"""

    def __init__(self, message: str, *, cause: str) -> None:
        super().__init__(message)
        self.cause = cause


class SimUnusable(ModemError):
    """The SIM cannot be used; `sim` is "pin", "puk", "missing" or "unknown"."""

    def __init__(self, message: str, *, sim: str, code: str) -> None:
        super().__init__(message, code=code)
        self.sim = sim


class ServiceError(ModemError):
    """The modem or the network refused something beside texts; the code says how."""

    code = "service_refused"

    @classmethod
    def of(cls, cause: str) -> ServiceError:
        """For an error answer: "cme:4", "error" …"""
        return cls(f"the modem answered {cause}", code=_SERVICE_CODES.get(cause, cls.code))


_SERVICE_CODES = {
    "cme:4": "service_unsupported",
    "not_supported": "service_unsupported",
    "cme:31": "service_timeout",
    "cme:20": "phonebook_full",
}
