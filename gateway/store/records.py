"""The tables of what is kept for people to look at, as one connection sees them; satisfies `messaging.records.Records`."""

from __future__ import annotations

import sqlite3

from gateway.store.alerts import AlertRows
from gateway.store.conversations import ConversationRows
from gateway.store.history import HistoryRows
from gateway.store.media import MediaRows
from gateway.store.statistics import StatisticsRows


class RecordRows:
    """No rule decides by what is in here."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.alerts = AlertRows(db)
        self.conversations = ConversationRows(db)
        self.history = HistoryRows(db)
        self.media = MediaRows(db)
        self.statistics = StatisticsRows(db)
