"""The application: a table of routes, each with the permission that it asks for."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.accounts import Accounts, Permission, Principal, Role
from gateway.clock import Clock
from gateway.messaging.ports import Store
from gateway.web.auth import Passwords, Requirement
from gateway.web.ports import Service
from gateway.web.twilio.account import Account
from gateway.web.twilio.context import Context
from gateway.web.twilio.errors import HANDLERS
from gateway.web.twilio.lookups import Lookups
from gateway.web.twilio.messages import Messages
from gateway.web.twilio.numbers import Numbers
from gateway.web.twilio.services import Services

Handler = Callable[[Request], Awaitable[Response]]

BEGINNINGS = ("/2010-04-01/", "/v1/Services", "/v2/PhoneNumbers/")
"""Three hosts at Twilio (api, messaging, lookups), one here."""

ACCOUNT = "/2010-04-01/Accounts/{account}"
MESSAGES = f"{ACCOUNT}/Messages"
NUMBERS = f"{ACCOUNT}/IncomingPhoneNumbers"
SERVICES = "/v1/Services"
SERVICE = f"{SERVICES}/{{service}}"


def is_ours(path: str) -> bool:
    """Whether a path belongs to this API."""
    return path.startswith(BEGINNINGS)


def routes_of(context: Context) -> list[tuple[str, str, Permission, Handler]]:
    """Method, path, permission, handler."""
    messages, numbers, services = Messages(context), Numbers(context), Services(context)
    read, send, operate = Permission.READ, Permission.SEND, Permission.OPERATE
    return [
        ("GET", "/2010-04-01/Accounts.json", read, numbers.accounts),
        ("GET", f"{ACCOUNT}.json", read, numbers.account),
        ("POST", f"{MESSAGES}.json", send, messages.create),
        ("GET", f"{MESSAGES}.json", read, messages.index),
        ("GET", f"{MESSAGES}/{{sid}}.json", read, messages.fetch),
        ("POST", f"{MESSAGES}/{{sid}}.json", operate, messages.update),
        ("DELETE", f"{MESSAGES}/{{sid}}.json", operate, messages.delete),
        ("GET", f"{MESSAGES}/{{sid}}/Media.json", read, messages.media),
        ("GET", f"{MESSAGES}/{{sid}}/Media/{{media}}.json", read, messages.medium),
        ("GET", f"{NUMBERS}.json", read, numbers.index),
        ("GET", f"{NUMBERS}/{{sid}}.json", read, numbers.fetch),
        ("POST", f"{NUMBERS}/{{sid}}.json", operate, numbers.update),
        ("POST", SERVICES, operate, services.create),
        ("GET", SERVICES, read, services.index),
        ("GET", SERVICE, read, services.fetch),
        ("POST", SERVICE, operate, services.update),
        ("DELETE", SERVICE, operate, services.delete),
        ("POST", f"{SERVICE}/PhoneNumbers", operate, services.add_number),
        ("GET", f"{SERVICE}/PhoneNumbers", read, services.numbers),
        ("GET", f"{SERVICE}/PhoneNumbers/{{sid}}", read, services.number),
        ("DELETE", f"{SERVICE}/PhoneNumbers/{{sid}}", operate, services.remove_number),
        ("GET", "/v2/PhoneNumbers/{number}", read, Lookups(context).fetch),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Twilio:
    """What this API needs beside the service: its account, and where it keeps its own."""

    account: Account
    store: Store


def make_twilio_app(twilio: Twilio, service: Service, clock: Clock) -> Starlette:
    """Each request comes with who asks, in its scope: see `auth.Gate`."""
    context = Context(account=twilio.account, service=service, store=twilio.store, clock=clock)
    routes = [
        Route(path, permitted(permission, handler), methods=[method])
        for method, path, permission, handler in routes_of(context)
    ]
    return Starlette(routes=routes, exception_handlers=HANDLERS)


def permitted(permission: Permission, handler: Handler) -> Handler:
    requirement = Requirement((permission,))

    async def checked(request: Request) -> Response:
        requirement.check(request)
        return await handler(request)

    return checked


def passwords_of(account: Account, accounts: Accounts) -> Passwords:
    """Who it is that comes with a name and a password: the account by its token, a token of the own API, or a user.

    A token counts whatever name goes with it, so that it can stand where a program has an API key or an auth token.
    """

    async def who(name: str, password: str, source: str) -> Principal | None:
        named = hmac.compare_digest(name.encode(), account.sid.encode())
        if hmac.compare_digest(password.encode(), account.token.encode()) and named:
            return Principal(name="account", role=Role.OPERATOR, kind="twilio")
        by_token = await accounts.by_token(password)
        return by_token if by_token is not None else await accounts.by_password(name, password, source)

    return who
