"""TOML → validated, frozen models. Every mistake is one line: file, key, what was found, what is allowed.

What is allowed stands in each field's `description`, so that the check, the error and the documentation are one table.
Secrets that the daemon makes for itself live in `secrets.toml` in the data directory, never in the file an owner edits.
"""

from __future__ import annotations

import difflib
import os
import re
import socket
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from gateway.compliance_section import ComplianceSection, check_words
from gateway.errors import ConfigError
from gateway.places import DATA_DIR, SOCKET, find_config
from gateway.sections import (
    CallsSection,
    Channels,
    NotifyTargets,
    OptionalPath,
    QuotasSection,
    RouteSection,
    RoutingSection,
    Section,
    TimeZone,
    TwilioSection,
    WebhookSection,
    check_routes,
)

_NAME = re.compile(r"[a-z0-9-]+")
_NUMBER = re.compile(r"\+[0-9]{5,15}")
_ACCOUNT_SID = re.compile(r"AC[0-9a-f]{32}")
_TOPIC_LEVELS = re.compile(r"[^/+#\x00]+(/[^/+#\x00]+)*")


Table = Annotated[Mapping[str, Any], Field(strict=False)]
FilePath = Annotated[Path, BeforeValidator(lambda value: Path(value) if isinstance(value, str) and value else value)]


def _matching(pattern: re.Pattern[str], *, empty: bool = False) -> AfterValidator:
    def check(text: str) -> str:
        if not (empty and not text) and not pattern.fullmatch(text):
            raise ValueError("form")
        return text

    return AfterValidator(check)


def _host_name() -> str:
    return re.sub(r"[^a-z0-9-]+", "-", socket.gethostname().split(".")[0].lower()).strip("-") or "gateway"


def _broker_url(url: str) -> str:
    if url and MqttAddress.parse(url) is None:
        raise ValueError("form")
    return url


def _listen(text: str) -> str:
    if text:
        listen_address(text)
    return text


def _submit_timeout(seconds: float) -> float:
    if seconds != 0 and not 5 <= seconds <= 300:
        raise ValueError("range")
    return seconds


def listen_address(text: str) -> tuple[str, int]:
    """`host:port` or `[v6]:port` → (host, port). Raises ValueError."""
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError("form")
    return host.removeprefix("[").removesuffix("]"), int(port)


class GatewaySection(Section):
    id: Annotated[str, _matching(_NAME)] = Field(
        default_factory=_host_name, description="lower-case letters, digits and hyphens"
    )
    data_dir: FilePath = Field(default=DATA_DIR, description="the path of a directory")
    default_region: Annotated[str, _matching(re.compile("[A-Z]{2}"), empty=True)] = Field(
        default="", description='a country code of two capital letters, for example "DE", or "" for none'
    )
    timezone: TimeZone = Field(
        default="", description='a time zone, for example "Europe/Berlin", or "" for the system\'s'
    )
    log_bodies: bool = Field(default=False, description="true or false")


class StoreSection(Section):
    retention_days: int = Field(
        default=365, ge=0, le=36500, description="a whole number of days from 0 (for ever) to 36500"
    )


class MmsSection(Section):
    bearer: Literal["auto", "interface", "simcom", "quectel", "http", "off"] = Field(
        default="auto", description='one of "auto", "interface", "simcom", "quectel", "http", "off"'
    )
    apn: str = Field(default="", description="a text")
    mmsc: str = Field(default="", description="a URL")
    proxy: str = Field(default="", description="host:port")
    interface: str = Field(default="", description="the name of a network interface")


class ModemSection(Section):
    name: Annotated[str, _matching(_NAME)] = Field(description="lower-case letters, digits and hyphens")
    port: str = Field(default="", description="the path of a serial port, for example /dev/serial/by-id/…")
    imei: Annotated[str, _matching(re.compile("[0-9]{14,16}"), empty=True)] = Field(
        default="", description="14 to 16 digits"
    )
    iccid: Annotated[str, _matching(re.compile("[0-9]{18,22}F?"), empty=True)] = Field(
        default="", description="18 to 22 digits"
    )
    baudrate: int = Field(default=115200, ge=300, le=4_000_000, description="a whole number from 300 to 4000000")
    profile: Annotated[str, _matching(_NAME)] = Field(default="auto", description='"auto" or the name of a profile')
    submit_timeout_s: Annotated[float, AfterValidator(_submit_timeout)] = Field(
        default=0, description="0 (the profile's) or seconds from 5 to 300"
    )
    pin_file: OptionalPath = Field(default=None, description="the path of a file that holds the SIM's PIN")
    number: Annotated[str, _matching(_NUMBER, empty=True)] = Field(
        default="", description='a number with + and country code, for example "+491701234567", or ""'
    )
    smsc: Annotated[str, _matching(_NUMBER, empty=True)] = Field(
        default="", description='a number with + and country code, or "" for the one of the SIM'
    )
    delivery_reports: bool = Field(default=True, description="true or false")
    rate_per_minute: int = Field(default=0, ge=0, le=10_000, description="a whole number from 0 (no limit) to 10000")
    daily_limit: int = Field(default=0, ge=0, le=1_000_000, description="a whole number from 0 (no limit) to 1000000")
    monthly_limit: int = Field(default=0, ge=0, le=9_999_999, description="a whole number from 0 (no limit) to 9999999")
    daily_recipients: int = Field(default=0, ge=0, le=100_000, description="a whole number from 0 (no limit) to 100000")
    allow_roaming: bool = Field(default=True, description="true or false")
    ussd_timeout_s: float = Field(default=60, ge=5, le=300, description="seconds from 5 to 300")
    power_cycle: str = Field(default="", description="a command line, run without a shell")
    cell_broadcast: Channels = Field(default=(), description="a list of at most 30 channels from 0 to 65535")
    calls: CallsSection = Field(default=CallsSection(), description="a table [modem.calls]")
    mms: MmsSection = Field(default=MmsSection(), description="a table [modem.mms]")


class MqttSection(Section):
    url: Annotated[str, AfterValidator(_broker_url)] = Field(
        default="mqtt://localhost:1883",
        repr=False,  # it may hold a password
        description='mqtt://[user:password@]host[:port], mqtts://…, or "" for no MQTT',
    )
    base_topic: Annotated[str, _matching(_TOPIC_LEVELS)] = Field(
        default="smsgw", description="topic levels without wildcards and without a slash at either end"
    )
    homeassistant: bool = Field(default=True, description="true or false")
    password_file: OptionalPath = Field(default=None, description="the path of a file that holds the password")
    ca_file: OptionalPath = Field(default=None, description="the path of a PEM file")
    cert_file: OptionalPath = Field(default=None, description="the path of a PEM file")
    key_file: OptionalPath = Field(default=None, description="the path of a PEM file")


class WebSection(Section):
    listen: Annotated[str, AfterValidator(_listen)] = Field(
        default="127.0.0.1:8080", description='host:port, or "" for none'
    )
    account_sid: Annotated[str, _matching(_ACCOUNT_SID, empty=True)] = Field(
        default="", description='"AC" and 32 hexadecimal digits, or "" to have one made'
    )
    hosts: Annotated[tuple[str, ...], Field(strict=False)] = Field(
        default=(), description="a list of host names by which the gateway may be called"
    )
    trusted_proxies: Annotated[tuple[str, ...], Field(strict=False)] = Field(
        default=(), description="a list of addresses or networks of proxies in front of the gateway"
    )
    cert_file: OptionalPath = Field(default=None, description="the path of a PEM file with certificate and chain")
    key_file: OptionalPath = Field(default=None, description="the path of a PEM file with the key")
    rate_per_minute: int = Field(
        default=6000, ge=0, le=1_000_000, description="a whole number from 0 (no limit) to 1000000"
    )


class OutboxSection(Section):
    max_attempts: int = Field(default=5, ge=1, le=100, description="a whole number from 1 to 100")
    unknown_hold_s: float = Field(default=600, ge=5, le=86_400, description="seconds from 5 to 86400")
    on_unknown: Literal["resend", "fail"] = Field(default="resend", description='"resend" or "fail"')
    max_characters: int = Field(
        default=1600, ge=1, le=39_015, description="a whole number from 1 to 39015 (255 segments)"
    )
    late_reply_s: float = Field(default=10, ge=0, le=60, description="seconds from 0 to 60")
    allow_emergency: bool = Field(default=False, description="true or false")


class InboxSection(Section):
    reassembly_timeout_s: float = Field(default=86_400, ge=5, le=604_800, description="seconds from 5 to 604800")


class RecorderSection(Section):
    redact: bool = Field(default=True, description="true or false")
    size_kb: int = Field(default=4096, ge=0, le=1_000_000, description="kilobytes from 0 (memory only) to 1000000")


class Config(Section):
    """The whole file. `path`: where it was read from."""

    path: OptionalPath = Field(default=None, exclude=True)
    gateway: GatewaySection = Field(default_factory=lambda: GatewaySection(), description="a table [gateway]")
    store: StoreSection = Field(default=StoreSection(), description="a table [store]")
    modems: Annotated[tuple[ModemSection, ...], Field(strict=False)] = Field(
        default=(), alias="modem", description="tables [[modem]], with two pairs of brackets"
    )
    mqtt: MqttSection = Field(default=MqttSection(), description="a table [mqtt]")
    web: WebSection = Field(default=WebSection(), description="a table [web]")
    outbox: OutboxSection = Field(default=OutboxSection(), description="a table [outbox]")
    inbox: InboxSection = Field(default=InboxSection(), description="a table [inbox]")
    recorder: RecorderSection = Field(default=RecorderSection(), description="a table [recorder]")
    compliance: ComplianceSection = Field(default=ComplianceSection(), description="a table [compliance]")
    routing: RoutingSection = Field(default=RoutingSection(), description="a table [routing]")
    routes: Annotated[tuple[RouteSection, ...], Field(strict=False)] = Field(
        default=(), alias="route", description="tables [[route]], with two pairs of brackets"
    )
    rules: Annotated[tuple[Table, ...], Field(strict=False)] = Field(
        default=(), alias="rule", description="tables [[rule]], with two pairs of brackets"
    )
    webhooks: Annotated[tuple[WebhookSection, ...], Field(strict=False)] = Field(
        default=(), alias="webhook", description="tables [[webhook]], with two pairs of brackets"
    )
    notify: NotifyTargets = Field(
        default_factory=dict,
        description='a table of names, each with a number or a list of numbers, for example oncall = ["+491701234567"]',
    )
    twilio: TwilioSection = Field(default=TwilioSection(), description="a table [twilio]")
    quotas: QuotasSection = Field(default=QuotasSection(), description="a table [quotas]")

    @property
    def socket(self) -> Path:
        """Where the daemon's Unix socket is."""
        return self.gateway.data_dir / SOCKET


class MqttAddress(BaseModel):
    """A broker's URL, taken apart."""

    model_config = ConfigDict(frozen=True)

    host: str
    port: int
    tls: bool
    username: str | None = None
    password: str | None = Field(default=None, repr=False)

    @classmethod
    def parse(cls, url: str) -> MqttAddress | None:
        """None when `url` has not the form `mqtt[s]://[user[:password]@]host[:port]`."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            return None
        if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname or parts.path not in ("", "/"):
            return None
        if parts.query or parts.fragment or port == 0:
            return None
        tls = parts.scheme == "mqtts"
        return cls(
            host=parts.hostname,
            port=port or (8883 if tls else 1883),
            tls=tls,
            username=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
        )


def load_config(given: str | os.PathLike[str] | None = None) -> Config:
    """Finds, reads and checks the configuration. Raises ConfigError with one line a mistake."""
    path = find_config(given)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{path}: cannot be read: {exc}") from exc
    return parse_config(text, path)


def parse_config(text: str, path: Path) -> Config:
    """Checks a configuration's text; `path` is for the errors. Raises ConfigError with one line a mistake."""
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise ConfigError(f"{path}: is not TOML: {exc}") from exc
    if "path" in values:
        raise ConfigError(_unknown(path, ("path",)))
    try:
        config = Config.model_validate({**values, "path": path})
    except ValidationError as exc:
        raise ConfigError("\n".join(_line(path, error) for error in exc.errors(include_url=False))) from exc
    if mistakes := _cross_checks(config):
        raise ConfigError("\n".join(f"{path}: {mistake}" for mistake in mistakes))
    return config


def _cross_checks(config: Config) -> list[str]:
    """What no single field can tell."""
    mistakes = []
    seen: dict[str, int] = {}
    for n, modem in enumerate(config.modems):
        key = f"modem[{n}]"
        if modem.name in seen:
            mistakes.append(
                f"{key}.name: {modem.name!r} is the name of modem[{seen[modem.name]}] too; names are unique"
            )
        seen.setdefault(modem.name, n)
        named = [field for field in ("port", "imei", "iccid") if getattr(modem, field)]
        if len(named) > 1:
            mistakes.append(f"{key}.{named[1]}: only one of port, imei and iccid is allowed")
        elif not named:
            mistakes.append(f"{key}.port: is missing; name the modem by port, imei or iccid")
    names = [hook.name for hook in config.webhooks]
    mistakes += [f"webhook[{n}].name: {name!r} is there twice" for n, name in enumerate(names) if name in names[:n]]
    mistakes += check_words(config.compliance)
    mistakes += check_routes(config.routes, [modem.name for modem in config.modems])
    address = MqttAddress.parse(config.mqtt.url) if config.mqtt.url else None
    if address is not None and not address.tls:
        mistakes += [
            f"mqtt.{field}: needs a url that starts with mqtts://"
            for field in ("ca_file", "cert_file", "key_file")
            if getattr(config.mqtt, field)
        ]
    if bool(config.web.cert_file) != bool(config.web.key_file):
        mistakes.append(
            f"web.{'key' if config.web.cert_file else 'cert'}_file: is missing; cert_file and key_file go together"
        )
    if config.mqtt.key_file and not config.mqtt.cert_file:
        mistakes.append("mqtt.key_file: needs mqtt.cert_file too")
    if config.mqtt.password_file and address is not None and not address.username:
        mistakes.append("mqtt.password_file: needs a user in the url: mqtt://user@host")
    return mistakes


def _line(path: Path, error: Mapping[str, Any]) -> str:
    """One mistake in one line."""
    loc = tuple(error["loc"])
    if error["type"] == "extra_forbidden":
        return _unknown(path, loc)
    key = _dotted(loc)
    model, field = _model_of(loc)
    allowed = _allowed(model, field) if model is not None else ""
    if error["type"] == "missing":
        return f"{path}: {key}: is missing; allowed: {allowed}"
    info = _field(model, field)
    secret = info is not None and not info.repr
    found = "this value" if secret else _shown(error.get("input"))
    return f"{path}: {key}: {found} is not allowed; allowed: {allowed}"


def _unknown(path: Path, loc: tuple[str | int, ...]) -> str:
    model, field = _model_of(loc)
    names = [info.alias or name for name, info in (model or Config).model_fields.items() if name != "path"]
    close = difflib.get_close_matches(field, names, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"{path}: {_dotted(loc)}: there is no such key; {hint}allowed: {', '.join(names)}"


def _model_of(loc: tuple[str | int, ...]) -> tuple[type[BaseModel] | None, str]:
    """The section and the field that an error's location names: the deepest field that is one of ours."""
    model: type[BaseModel] = Config
    keys = [step for step in loc if isinstance(step, str)]
    for n, step in enumerate(keys):
        info = _field(model, step)
        inner = _section_in(info.annotation) if info is not None else None
        if inner is None or n == len(keys) - 1:
            return model, step
        model = inner
    return None, ""


def _section_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for arg in get_args(annotation) if (found := _section_in(arg)) is not None), None)


def _field(model: type[BaseModel] | None, key: str) -> Any:
    fields = model.model_fields if model is not None else {}
    return next((info for name, info in fields.items() if key == (info.alias or name)), None)


def _allowed(model: type[BaseModel], key: str) -> str:
    info = _field(model, key)
    return info.description or "" if info is not None else ""


def _dotted(loc: tuple[str | int, ...]) -> str:
    text = ""
    for step in loc:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a table"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
