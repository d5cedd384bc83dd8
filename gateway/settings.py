"""What the configuration says, in the words of the messaging rules."""

from __future__ import annotations

from datetime import timedelta

from gateway.config import Config
from gateway.messaging import LineSettings, Settings
from gateway.messaging.calendar import Calendar, QuietHours
from gateway.messaging.compliance import Terms
from gateway.messaging.consent import Entry, ListName, Way
from gateway.messaging.routing import Route, Routing
from gateway.messaging.words import Change, Words
from gateway.sections import quiet_times, route_names, time_zone


def settings_of(config: Config) -> Settings:
    """What the messaging rules take from the configuration."""
    return Settings(
        region=config.gateway.default_region or None,
        lines=tuple(
            LineSettings(
                name=modem.name,
                number=modem.number,
                delivery_reports=modem.delivery_reports,
                rate_per_minute=modem.rate_per_minute,
                daily_limit=modem.daily_limit,
                monthly_limit=modem.monthly_limit,
                daily_recipients=modem.daily_recipients,
            )
            for modem in config.modems
        ),
        max_attempts=config.outbox.max_attempts,
        unknown_hold_s=config.outbox.unknown_hold_s,
        on_unknown=config.outbox.on_unknown,
        max_characters=config.outbox.max_characters,
        reassembly_timeout_s=config.inbox.reassembly_timeout_s,
        allow_emergency=config.outbox.allow_emergency,
        retention_days=config.store.retention_days,
        routing=routing_of(config),
        calendar=Calendar(zone=time_zone(config.gateway.timezone)),
        at_limit=config.quotas.at_limit,
        compliance=terms_of(config),
    )


def routing_of(config: Config) -> Routing:
    """`[routing]` and `[[route]]`."""
    calendar = Calendar(zone=time_zone(config.gateway.timezone))

    def quiet(written: str) -> QuietHours | None:
        times = quiet_times(written)
        return QuietHours(begin=times[0], end=times[1], calendar=calendar) if times else None

    return Routing(
        routes=tuple(
            Route(
                name=name,
                prefixes=route.prefix,
                countries=frozenset(route.country),
                modems=route.modems,
                weights=route.weights,
                fallback=route.fallback,
                quiet=quiet(route.quiet_hours),
                always=route.quiet_hours == "none",
            )
            for name, route in zip(route_names(config.routes), config.routes, strict=True)
        ),
        sticky=timedelta(hours=config.routing.sticky_hours),
        client_tag=config.routing.client_tag,
        quiet=quiet(config.routing.quiet_hours),
        quiet_up_to=config.routing.quiet_up_to,
    )


def terms_of(config: Config) -> Terms:
    """`[compliance]`."""
    section = config.compliance
    words = {change: own for change in Change if (own := getattr(section, change.value))}
    texts = {change: own for change in Change if (own := getattr(section, f"{change.value}_reply")) is not None}
    lists = ((ListName.BLOCK, section.block), (ListName.ALLOW, section.allow))
    return Terms(
        scope=section.scope,
        words=Words(section.languages, words),
        replies=section.replies,
        texts=texts,
        entries=tuple(
            Entry(name=name, way=way, pattern=pattern.casefold())
            for name, one in lists
            for way, patterns in ((Way.OUT, one.out), (Way.IN, one.inward))
            for pattern in patterns
        ),
    )
