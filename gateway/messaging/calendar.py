"""The box's own days, months and quiet hours, in the time zone that it lives in. Moments are aware; results are in UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """`zone`: None means as the system has it."""

    zone: tzinfo | None = None

    def local(self, moment: datetime) -> datetime:
        return moment.astimezone(self.zone)

    def at(self, day: datetime, clock: time) -> datetime:
        """The moment at which the clocks show `clock` on that local day. When they skip it: as if they did not."""
        naive = datetime.combine(day.date(), clock)
        found = naive.astimezone() if self.zone is None else naive.replace(tzinfo=self.zone)
        return found.astimezone(UTC)

    def day_begin(self, now: datetime) -> datetime:
        return self.at(self.local(now), time(0))

    def day_end(self, now: datetime) -> datetime:
        return self.at(self.local(now) + DAY, time(0))

    def month_begin(self, now: datetime) -> datetime:
        return self.at(self.local(now).replace(day=1), time(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietHours:
    """From `begin` to `end`, local time, every day; over midnight when `end` is the smaller."""

    begin: time
    end: time
    calendar: Calendar = Calendar()

    def until(self, now: datetime) -> datetime | None:
        """When the quiet hours that it is in end; None outside of them."""
        local = self.calendar.local(now)
        clock = local.time()
        over_midnight = self.end <= self.begin
        inside = (clock >= self.begin or clock < self.end) if over_midnight else self.begin <= clock < self.end
        if not inside:
            return None
        ends = self.calendar.at(local + DAY if over_midnight and clock >= self.begin else local, self.end)
        return ends if ends > now else now + timedelta(minutes=1)  # in the night in which the clocks are changed
