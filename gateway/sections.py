"""The base of the configuration's sections, and those that say which modem takes what, who is told by name, and what becomes of calls."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import time
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

_QUIET_HOURS = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]")
_NAME = re.compile(r"[a-z0-9-]*")
_PREFIX = re.compile(r"\+?[0-9]{1,15}")
_COUNTRY = re.compile(r"[A-Z]{2}")
_HOOK_NAME = re.compile(r"[a-z0-9-]+")
_HTTP_URL = re.compile(r"https?://[^\s/@]+(/\S*)?")

EVENTS = ("message.status", "inbox", "mms", "call", "ussd", "cell-broadcast", "alert")
"""What a webhook can be told about: the names of the event kinds."""

OptionalPath = Annotated[
    Path | None, BeforeValidator(lambda value: (Path(value) if value else None) if isinstance(value, str) else value)
]


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)


def _like(pattern: re.Pattern[str]) -> AfterValidator:
    def check(text: str) -> str:
        if not pattern.fullmatch(text):
            raise ValueError("form")
        return text

    return AfterValidator(check)


def _one_or_more(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _quiet_hours(text: str) -> str:
    if text not in ("", "none") and (not _QUIET_HOURS.fullmatch(text) or text[:5] == text[6:]):
        raise ValueError("form")
    return text


def time_zone(name: str) -> ZoneInfo | None:
    """A zone of the IANA database; None for the system's. Raises ValueError."""
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, OSError) as exc:
        raise ValueError("zone") from exc


def _zone(name: str) -> str:
    time_zone(name)
    return name


TimeZone = Annotated[str, AfterValidator(_zone)]


def _texts(pattern: re.Pattern[str]) -> Any:
    """One text or a list of them."""
    return Annotated[
        tuple[Annotated[str, _like(pattern)], ...], Field(strict=False, max_length=100), BeforeValidator(_one_or_more)
    ]


class RouteSection(Section):
    """`[[route]]`: the first one that matches a recipient counts."""

    name: Annotated[str, _like(_NAME)] = Field(default="", description="lower-case letters, digits and hyphens")
    prefix: _texts(_PREFIX) = Field(  # type: ignore[valid-type]
        default=(), description='the beginning of a number, for example "+49", or a list of such'
    )
    country: _texts(_COUNTRY) = Field(  # type: ignore[valid-type]
        default=(), description='a country code of two capital letters, for example "DE", or a list of such'
    )
    modems: Annotated[tuple[str, ...], Field(strict=False, max_length=100)] = Field(
        default=(), description="a list of names of modems"
    )
    weights: Annotated[tuple[Annotated[int, Field(ge=1, le=100)], ...], Field(strict=False, max_length=100)] = Field(
        default=(), description="a whole number from 1 to 100 for each of the modems"
    )
    fallback: bool = Field(default=False, description="true or false")
    quiet_hours: Annotated[str, AfterValidator(_quiet_hours)] = Field(
        default="", description='"HH:MM-HH:MM", "none", or "" for those of [routing]'
    )


class RoutingSection(Section):
    sticky_hours: float = Field(default=24, ge=0, le=8784, description="hours from 0 (never) to 8784")
    quiet_hours: Annotated[str, AfterValidator(_quiet_hours)] = Field(
        default="", description='"HH:MM-HH:MM", local time, for example "22:00-07:00", or "" for none'
    )
    quiet_up_to: int = Field(default=7, ge=-1, le=9, description="a priority from 0 to 9, or -1 for none")
    client_tag: str = Field(default="client", min_length=1, max_length=64, description="the name of a tag")


class QuotasSection(Section):
    at_limit: Literal["wait", "refuse"] = Field(default="wait", description='"wait" or "refuse"')


def quiet_times(text: str) -> tuple[time, time] | None:
    """`"22:00-07:00"` → begin and end; None for none."""
    if text in ("", "none"):
        return None
    return time.fromisoformat(text[:5]), time.fromisoformat(text[6:])


def route_names(routes: Sequence[RouteSection]) -> list[str]:
    """What each route is called: its name, else what it matches."""
    return [route.name or ",".join((*route.prefix, *route.country)) or f"route-{n}" for n, route in enumerate(routes)]


def check_routes(routes: Sequence[RouteSection], modems: Sequence[str]) -> list[str]:
    """Mistakes that no single field can tell, one line each."""
    mistakes = []
    names = route_names(routes)
    for n, route in enumerate(routes):
        key = f"route[{n}]"
        unknown = [name for name in route.modems if name not in modems]
        if unknown:
            known = ", ".join(modems) or "none"
            mistakes.append(f"{key}.modems: there is no modem {unknown[0]!r}; allowed: {known}")
        if len(set(route.modems)) < len(route.modems):
            mistakes.append(f"{key}.modems: a modem is named twice")
        if route.weights and len(route.weights) != len(route.modems):
            mistakes.append(f"{key}.weights: there are {len(route.weights)} for {len(route.modems)} modems")
        if names.index(names[n]) < n:
            mistakes.append(
                f"{key}.name: route[{names.index(names[n])}] has that name, or matches the same; give another"
            )
    return mistakes


# --- what modems do beside texts, and who is told by name ---

_RECIPIENT = re.compile(r"\+?[0-9]{3,15}")
_TARGET = re.compile(r"[A-Za-z0-9_-]{1,64}")

Channels = Annotated[tuple[Annotated[int, Field(ge=0, le=0xFFFF)], ...], Field(strict=False, max_length=30)]
"""Message identifiers of cell broadcast (23.041 9.4.1.2.2)."""


def _named(values: Mapping[str, tuple[str, ...]]) -> Mapping[str, tuple[str, ...]]:
    if not all(_TARGET.fullmatch(name) for name in values):
        raise ValueError("form")
    return values


_Recipients = Annotated[
    tuple[Annotated[str, _like(_RECIPIENT)], ...],
    BeforeValidator(_one_or_more),
    Field(strict=False, min_length=1, max_length=100),
]

NotifyTargets = Annotated[Mapping[str, _Recipients], Field(strict=False), AfterValidator(_named)]
"""Names and the numbers behind them."""


class CallsSection(Section):
    reject: Literal["never", "always", "withheld"] = Field(
        default="never", description='one of "never", "always", "withheld"'
    )


def _event(name: str) -> str:
    if name not in EVENTS:
        raise ValueError("form")
    return name


class WebhookSection(Section):
    name: Annotated[str, _like(_HOOK_NAME)] = Field(description="lower-case letters, digits and hyphens")
    url: Annotated[str, _like(_HTTP_URL)] = Field(description="an address that begins with http:// or https://")
    events: Annotated[tuple[Annotated[str, AfterValidator(_event)], ...], Field(strict=False)] = Field(
        default=EVENTS, min_length=1, description=f"a list of {', '.join(EVENTS)}"
    )
    secret_file: OptionalPath = Field(default=None, description="the path of a file that holds the signing secret")
    allow_private: bool = Field(default=False, description="true or false")
    concurrency: int = Field(default=4, ge=1, le=32, description="a whole number from 1 to 32")
    timeout_s: float = Field(default=15, ge=1, le=120, description="seconds from 1 to 120")


class TwilioSection(Section):
    allow_private: bool = Field(default=False, description="true or false")
