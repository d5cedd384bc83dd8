"""What the rules are told of the configuration, and how the API names its clients."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest

from gateway.compliance_section import LANGUAGES
from gateway.config import parse_config
from gateway.errors import ConfigError
from gateway.messaging import LineSettings, words
from gateway.messaging.calendar import Calendar, QuietHours
from gateway.messaging.consent import Entry, ListName, Way
from gateway.messaging.model import CommandResult, Origin, SendRequest
from gateway.messaging.routing import Route, Routing
from gateway.messaging.words import Change
from gateway.settings import settings_of
from tests.edges.gateway_thread import GatewayThread, Service, config_for
from tests.edges.test_web import client

FILE = Path("box.toml")
EVERYTHING = """
[gateway]
timezone = "Europe/Berlin"
[[modem]]
name = "a"
port = "/dev/a"
rate_per_minute = 6
daily_limit = 1
monthly_limit = 2
daily_recipients = 3
[[modem]]
name = "b"
port = "/dev/b"
[routing]
sticky_hours = 1.5
client_tag = "app"
quiet_hours = "22:00-07:00"
quiet_up_to = 3
[[route]]
prefix = "+49"
country = ["AT", "CH"]
modems = ["b", "a"]
weights = [1, 2]
fallback = true
quiet_hours = "none"
[[route]]
name = "rest"
quiet_hours = "12:00-13:30"
[quotas]
at_limit = "refuse"
[compliance]
scope = "all"
languages = ["de"]
replies = false
opt_out = "Nix"
help_reply = "Ruf an."
opt_in_reply = ""
block = {out = "+4990*", in = ["Shouter", "22922"]}
[compliance.allow]
out = ["*"]
"""


def test_every_key_reaches_the_rules() -> None:
    settings = settings_of(parse_config(EVERYTHING, FILE))
    calendar = settings.calendar
    assert calendar.day_begin(datetime(2026, 7, 1, 12, tzinfo=UTC)) == datetime(2026, 6, 30, 22, tzinfo=UTC)
    assert settings.lines == (
        LineSettings(name="a", rate_per_minute=6, daily_limit=1, monthly_limit=2, daily_recipients=3),
        LineSettings(name="b"),
    )
    assert settings.at_limit == "refuse"
    assert settings.routing == Routing(
        routes=(
            Route(
                name="+49,AT,CH",
                prefixes=("+49",),
                countries=frozenset({"AT", "CH"}),
                modems=("b", "a"),
                weights=(1, 2),
                fallback=True,
                always=True,
            ),
            Route(name="rest", quiet=QuietHours(begin=time(12), end=time(13, 30), calendar=calendar)),
        ),
        sticky=timedelta(hours=1.5),
        client_tag="app",
        quiet=QuietHours(begin=time(22), end=time(7), calendar=calendar),
        quiet_up_to=3,
    )


def test_the_terms_of_compliance_reach_the_rules() -> None:
    terms = settings_of(parse_config(EVERYTHING, FILE)).compliance
    assert (terms.scope, terms.replies) == ("all", False)
    assert terms.texts == {Change.HELP: "Ruf an.", Change.OPT_IN: ""}
    assert terms.entries == (
        Entry(name=ListName.BLOCK, way=Way.OUT, pattern="+4990*"),
        Entry(name=ListName.BLOCK, way=Way.IN, pattern="shouter"),
        Entry(name=ListName.BLOCK, way=Way.IN, pattern="22922"),
        Entry(name=ListName.ALLOW, way=Way.OUT, pattern="*"),
    )
    heard = [terms.words.find(text) for text in ("nix", "STOPP", "Hilfe", "STOP")]
    assert [word and word.change for word in heard] == [Change.OPT_OUT, None, Change.HELP, None]
    assert settings_of(parse_config("", FILE)).compliance.words.find("stop") is not None
    assert LANGUAGES == words.LANGUAGES


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('opt_out = ["Aus"]\nopt_in = ["AUS"]', "compliance.opt_in: 'AUS' stands in opt_out too"),
        ('opt_out = "?!"', "compliance.opt_out"),
        ('languages = ["xx"]', "allowed: a list of en, de, fr"),
        ('block = ["+49*"]', "compliance.block"),
        ('block = {out = "Shouter"}', "compliance.block.out"),
        ('block = {in = "twelve chars"}', "compliance.block.in"),
        ('allow = {out = "+49 170*"}', "compliance.allow.out"),
        (f'help_reply = "{"x" * 481}"', "compliance.help_reply"),
    ],
)
def test_mistakes_in_compliance_are_told(text: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config(f"[compliance]\n{text}", FILE)
    assert told in str(caught.value)
    assert str(caught.value).startswith("box.toml: compliance.")


def test_without_a_word_there_are_no_routes_limits_and_quiet_hours() -> None:
    settings = settings_of(parse_config("", FILE))
    assert settings.routing == Routing(sticky=timedelta(hours=24))
    assert (settings.calendar, settings.at_limit) == (Calendar(), "wait")


class Notes(Service):
    """Keeps what it is told of the client."""

    def __init__(self, *args: object, **more: object) -> None:
        super().__init__(*args, **more)  # type: ignore[arg-type]
        self.origins: list[Origin] = []

    async def send(self, request: SendRequest, origin: Origin) -> CommandResult:
        self.origins.append(origin)
        return await super().send(request, origin)


def test_the_api_names_who_sends_for_fair_turns(tmp_path: Path) -> None:
    with GatewayThread(config_for(tmp_path, ""), service=Notes) as gateway, client(gateway) as api:
        assert api.post("/messages", json={"to": "+4915112345678", "text": "x"}).status_code == 201
        assert isinstance(gateway.service, Notes)
        assert [(each.edge, each.client) for each in gateway.service.origins] == [("api", "local")]
