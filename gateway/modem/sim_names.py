"""What a SIM is called: by its ICCID, and by what it was first called where that cannot always be read.

What was received and what is owed belong to a SIM by its name. Under another name the same SIM would get its texts again,
and no report on what it has sent.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from pathlib import Path

from gateway.modem.discovery import same_iccid

log = logging.getLogger(__name__)


class SimNames:
    """The name of each SIM that was seen, by its IMSI. `record`: a file that keeps them over restarts (mode 0600)."""

    def __init__(self, record: Path | None = None) -> None:
        self._record = record
        self._names: dict[str, str] = {}  # digest of the IMSI -> name
        if record is not None and record.exists():
            self._load(record)

    def name(self, iccid: str, imsi: str, line: str) -> str:
        """What the SIM with these two numbers ("" where they cannot be read) in a line is called; the same each time.

        Without a name of its own, what one SIM received would pass for a copy of what another one did.
        """
        if not imsi:
            return iccid or f"line-{line}"
        known = self._names.get(_digest(imsi), "")
        if known and (not iccid or not known[:1].isdecimal() or same_iccid(known, iccid)):
            return known
        name = iccid or f"imsi-{imsi}"  # an ICCID that differs is another card of the same subscriber
        self._names[_digest(imsi)] = name
        self._save()
        return name

    def _load(self, record: Path) -> None:
        try:
            kept = json.loads(record.read_text(encoding="ascii"))
            self._names = {str(digest): str(name) for digest, name in kept.items()}
        except (OSError, ValueError, AttributeError) as error:
            log.error("%s: %s; what SIMs were called in earlier runs is not known", record, error)

    def _save(self) -> None:
        if self._record is None:
            return
        new = self._record.with_suffix(".new")
        try:
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with open(descriptor, "w", encoding="ascii") as file:
                json.dump(self._names, file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(new, self._record)
        except OSError as error:  # it costs something only where the ICCID cannot be read next time
            log.warning("%s cannot be written: %s", self._record, error.strerror)


def _digest(imsi: str) -> str:
    return hashlib.sha256(imsi.encode()).hexdigest()
