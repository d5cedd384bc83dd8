"""The status page: rendered here, over the same service functions as the API. Nothing on it comes from elsewhere."""

from __future__ import annotations

from fastapi import APIRouter

from gateway.accounts import Accounts
from gateway.clock import Clock
from gateway.web.health import Place
from gateway.web.pages.login import login_routes, logout_routes
from gateway.web.pages.messages import message_pages
from gateway.web.pages.modem import modem_pages
from gateway.web.pages.overview import Troubles, overview_pages
from gateway.web.pages.render import static_routes
from gateway.web.ports import Service


def page_routes(
    service: Service, accounts: Accounts, clock: Clock, troubles: Troubles, place: Place | None
) -> list[APIRouter]:
    """What is shown to whoever is logged in. `troubles`: what else the gateway hangs on, by name."""
    return [
        overview_pages(service, troubles, place, clock),
        message_pages(service),
        modem_pages(service),
        logout_routes(accounts),
    ]


def open_routes(accounts: Accounts) -> list[APIRouter]:
    """The way in, and the files that it takes: see `auth.is_open`."""
    return [login_routes(accounts), static_routes()]
