"""The configuration: what is accepted, and that each mistake names file, key and what is allowed."""

from __future__ import annotations

import stat
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import MqttAddress, load_config, parse_config
from gateway.errors import ConfigError
from gateway.places import find_config
from gateway.secret_files import SHORTEST_SECRET, ensure_secrets, webhook_secret
from gateway.sections import EVENTS

FILE = Path("box.toml")
MODEM = '[[modem]]\nname = "stick1"\nport = "/dev/ttyUSB0"\n'

MISTAKES = [
    # text, key, a part of what is allowed
    (MODEM + 'baudrate = "9600"', "modem[0].baudrate", "from 300 to 4000000"),
    (MODEM + "baudrate = 12", "modem[0].baudrate", "from 300 to 4000000"),
    (MODEM + "baudrat = 9600", "modem[0].baudrat", "did you mean 'baudrate'?"),
    (MODEM + "submit_timeout_s = 2", "modem[0].submit_timeout_s", "from 5 to 300"),
    (MODEM + 'number = "0170"', "modem[0].number", "+ and country code"),
    (MODEM + '[modem.mms]\nbearer = "pigeon"', "modem[0].mms.bearer", '"simcom"'),
    (MODEM + "[modem.mms]\nfoo = 1", "modem[0].mms.foo", "bearer"),
    (MODEM + MODEM, "modem[1].name", "unique"),
    (MODEM + 'imei = "356938035643809"', "modem[0].imei", "only one of port, imei and iccid"),
    ('[[modem]]\nname = "a"', "modem[0].port", "missing"),
    ('[[modem]]\nport = "/dev/ttyUSB0"', "modem[0].name", "missing"),
    ('[[modem]]\nname = "Stick 1"\nport = "x"', "modem[0].name", "lower-case"),
    ('[modem]\nname = "a"', "modem", "[[modem]]"),
    ('[gateway]\nid = "Home"', "gateway.id", "lower-case"),
    ("[gateway]\nid = 5", "gateway.id", "lower-case"),
    ("[gateway]\ndata_dir = 5", "gateway.data_dir", "directory"),
    ('[gateway]\ndefault_region = "germany"', "gateway.default_region", "two capital letters"),
    ('[gateway]\nlog_bodies = "yes"', "gateway.log_bodies", "true or false"),
    ("[store]\nretention_days = -1", "store.retention_days", "from 0"),
    ('[mqtt]\nurl = "http://localhost"', "mqtt.url", "mqtt://"),
    ('[mqtt]\nurl = "mqtt://localhost:99999"', "mqtt.url", "mqtt://"),
    ('[mqtt]\nbase_topic = "a/+/b"', "mqtt.base_topic", "without wildcards"),
    ('[mqtt]\nbase_topic = "/a"', "mqtt.base_topic", "slash"),
    ('[mqtt]\nca_file = "ca.pem"', "mqtt.ca_file", "mqtts://"),
    ('[mqtt]\npassword_file = "p"', "mqtt.password_file", "user"),
    ('[web]\nlisten = "8080"', "web.listen", "host:port"),
    ('[web]\naccount_sid = "AC1"', "web.account_sid", "32 hexadecimal"),
    ("[outbox]\nmax_attempts = 0", "outbox.max_attempts", "from 1 to 100"),
    ("[outbox]\nmax_attempts = true", "outbox.max_attempts", "from 1 to 100"),
    ("[outbox]\nunknown_hold_s = 4", "outbox.unknown_hold_s", "from 5 to 86400"),
    ("[outbox]\nunknown_hold_s = nan", "outbox.unknown_hold_s", "from 5 to 86400"),
    ('[outbox]\non_unknown = "maybe"', "outbox.on_unknown", '"resend" or "fail"'),
    ("[inbox]\nreassembly_timeout_s = 604801", "inbox.reassembly_timeout_s", "from 5 to 604800"),
    ('[compliance]\nscope = "some"', "compliance.scope", '"twilio"'),
    ("routing = 3", "routing", "[routing]"),
    ("[routing]\nsticky_hours = -1", "routing.sticky_hours", "from 0"),
    ('[routing]\nquiet_hours = "22-7"', "routing.quiet_hours", "HH:MM-HH:MM"),
    ('[routing]\nquiet_hours = "24:00-07:00"', "routing.quiet_hours", "HH:MM-HH:MM"),
    ('[routing]\nquiet_hours = "07:00-07:00"', "routing.quiet_hours", "HH:MM-HH:MM"),
    ("[routing]\nquiet_up_to = 10", "routing.quiet_up_to", "from 0 to 9"),
    ('[[route]]\nquiet_hours = "never"', "route[0].quiet_hours", '"none"'),
    ('[gateway]\ntimezone = "Europe/Berln"', "gateway.timezone", "Europe/Berlin"),
    ('[gateway]\ntimezone = "../etc/passwd"', "gateway.timezone", "Europe/Berlin"),
    ('[quotas]\nat_limit = "drop"', "quotas.at_limit", '"wait" or "refuse"'),
    (MODEM + "monthly_limit = -1", "modem[0].monthly_limit", "no limit"),
    (MODEM + "daily_recipients = 1.5", "modem[0].daily_recipients", "no limit"),
    ("[routing]\nsticky = 1", "routing.sticky", "did you mean 'sticky_hours'?"),
    ('[[route]]\nprefix = "0049"\nmodems = ["stick2"]\n' + MODEM, "route[0].modems", "allowed: stick1"),
    ('[[route]]\nprefix = ["+49", "x"]', "route[0].prefix[1]", '"+49"'),
    ('[[route]]\ncountry = "Germany"', "route[0].country[0]", "two capital letters"),
    ('[[route]]\nmodems = ["stick1", "stick1"]\n' + MODEM, "route[0].modems", "twice"),
    ('[[route]]\nmodems = ["stick1"]\nweights = [1, 2]\n' + MODEM, "route[0].weights", "2 for 1 modems"),
    ('[[route]]\nmodems = ["stick1"]\nweights = [0]\n' + MODEM, "route[0].weights[0]", "from 1 to 100"),
    ('[[route]]\nprefix = "+49"\n[[route]]\nprefix = "+49"', "route[1].name", "matches the same"),
    ("[route]", "route", "[[route]]"),
    ("rule = [1]", "rule[0]", "[[rule]]"),
    ("quotas = 1", "quotas", "[quotas]"),
    (MODEM + '[modem.calls]\nreject = "maybe"', "modem[0].calls.reject", '"withheld"'),
    (MODEM + "cell_broadcast = [70000]", "modem[0].cell_broadcast[0]", "from 0 to 65535"),
    (MODEM + "ussd_timeout_s = 1", "modem[0].ussd_timeout_s", "from 5 to 300"),
    ('[notify]\noncall = "nobody"', "notify.oncall[0]", "a table of names"),
    ("[notify]\noncall = []", "notify.oncall", "a table of names"),
    ('[notify]\n"a/b" = "+491701234567"', "notify", "a table of names"),
    ("[mqqt]", "mqqt", "did you mean 'mqtt'?"),
    ('path = "x"', "path", "there is no such key"),
]


@pytest.mark.parametrize(("text", "key", "allowed"), MISTAKES)
def test_a_mistake_is_one_line_with_file_key_and_what_is_allowed(text: str, key: str, allowed: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config(text, FILE)
    lines = str(caught.value).splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith(f"box.toml: {key}: ")
    assert allowed in lines[0]


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config('[gateway]\nid = "X"\n[outbox]\nmax_attempts = 0\nmax_attemps = 1', FILE)
    assert len(str(caught.value).splitlines()) == 3


def test_a_password_is_not_in_the_error_or_the_text_form() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config('[mqtt]\nurl = "mqtt://me:geheim@host:70000"', FILE)
    assert "geheim" not in str(caught.value)
    assert "geheim" not in repr(parse_config('[mqtt]\nurl = "mqtt://me:geheim@host"', FILE))


def test_text_that_is_no_toml_names_the_line() -> None:
    with pytest.raises(ConfigError, match=r"box\.toml: is not TOML: .*line 2"):
        parse_config("[gateway]\nid = \n", FILE)


def test_an_empty_file_has_the_documented_defaults() -> None:
    config = parse_config("", FILE)
    assert config.gateway.data_dir == Path("/var/lib/smsgw")
    assert (config.outbox.max_attempts, config.outbox.on_unknown) == (5, "resend")
    assert (config.outbox.unknown_hold_s, config.outbox.max_characters) == (600, 1600)
    assert config.inbox.reassembly_timeout_s == 86_400
    assert (config.mqtt.url, config.web.listen) == ("mqtt://localhost:1883", "127.0.0.1:8080")
    assert config.store.retention_days == 365
    assert config.compliance.scope == "twilio"


def test_the_sections_of_later_features_are_accepted() -> None:
    text = "[[rule]]\nc = 1\n" + MODEM
    config = parse_config(text, FILE)
    assert config.rules == ({"c": 1},)
    assert [modem.name for modem in config.modems] == ["stick1"]


HOOK = '[[webhook]]\nname = "crm"\nurl = "https://crm.example/hook"\n'


def test_a_webhook_and_what_is_wrong_with_others(tmp_path: Path) -> None:
    (hook,) = parse_config(HOOK, FILE).webhooks
    assert (hook.events, hook.allow_private, hook.concurrency) == (EVENTS, False, 4)
    made = webhook_secret(hook, tmp_path)
    assert len(made) >= SHORTEST_SECRET
    assert webhook_secret(hook, tmp_path) == made
    assert (tmp_path / "webhook-crm.secret").stat().st_mode & 0o777 == 0o600
    (tmp_path / "short").write_text("secret\n")
    own = parse_config(HOOK + f'secret_file = "{tmp_path / "short"}"', FILE).webhooks[0]
    with pytest.raises(ConfigError, match="at least 16 characters"):
        webhook_secret(own, tmp_path)
    for wrong in (
        'url = "ftp://x"',
        'url = "https://user@x/"',
        'events = ["nonsense"]',
        "events = []",
        "timeout_s = 0",
    ):
        key = wrong.split(" ")[0]
        text = HOOK.replace('url = "https://crm.example/hook"\n', "") if key == "url" else HOOK
        with pytest.raises(ConfigError, match=rf"webhook\[0\]\.{key}"):
            parse_config(text + wrong, FILE)
    with pytest.raises(ConfigError, match="twice"):
        parse_config(HOOK + HOOK, FILE)


def test_search_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SMSGW_CONFIG", raising=False)
    monkeypatch.setattr("gateway.places.SEARCH_PATH", (Path("smsgw.toml"), tmp_path / "etc.toml"))
    with pytest.raises(ConfigError, match="no configuration found"):
        find_config()
    (tmp_path / "etc.toml").touch()
    assert find_config() == tmp_path / "etc.toml"
    (tmp_path / "smsgw.toml").touch()
    assert find_config() == Path("smsgw.toml")
    (tmp_path / "env.toml").touch()
    monkeypatch.setenv("SMSGW_CONFIG", str(tmp_path / "env.toml"))
    assert find_config() == tmp_path / "env.toml"
    (tmp_path / "given.toml").touch()
    assert find_config(tmp_path / "given.toml") == tmp_path / "given.toml"
    with pytest.raises(ConfigError, match="no such file"):
        find_config(tmp_path / "nothing.toml")


def test_a_file_that_is_not_utf8_is_told(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_bytes(b"# \xff")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(path)


def test_secrets_are_made_once_and_for_the_owner_only(tmp_path: Path) -> None:
    path = ensure_secrets(tmp_path / "data")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    made = tomllib.loads(path.read_text())
    assert set(made) == {"admin_password", "api_token", "account_sid", "auth_token"}
    assert made["account_sid"].startswith("AC")
    assert len(made["account_sid"]) == 34
    assert tomllib.loads(ensure_secrets(tmp_path / "data").read_text()) == made
    assert tomllib.loads(ensure_secrets(tmp_path / "other").read_text()) != made


def test_secrets_that_cannot_be_written_are_a_mistake_of_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"gateway\.data_dir must be writable"):
        ensure_secrets(tmp_path / "file")


def test_broker_urls() -> None:
    address = MqttAddress.parse("mqtts://me:a%40b@[::1]")
    assert address is not None
    assert (address.host, address.port, address.tls) == ("::1", 8883, True)
    assert (address.username, address.password) == ("me", "a@b")
    plain = MqttAddress.parse("mqtt://broker:2000/")
    assert plain is not None
    assert (plain.host, plain.port, plain.username) == ("broker", 2000, None)


@given(st.text())
def test_any_text_as_url_is_parsed_or_refused(text: str) -> None:
    address = MqttAddress.parse(text)
    assert address is None or 0 < address.port < 65536


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["name", "port", "mms", "x"]), inner),
    ).map(lambda value: value if value is not None else "x"),
    st.sampled_from(["gateway", "modem", "mqtt", "web", "outbox", "route", "routing"]),
)
def test_no_value_anywhere_gives_another_error(value: object, section: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gateway.config.tomllib.loads", lambda _text: {section: value})
        mistakes = _mistakes("")
    assert all(line.startswith("box.toml: ") for line in mistakes)


def _mistakes(text: str) -> list[str]:
    try:
        parse_config(text, FILE)
    except ConfigError as exc:
        return str(exc).splitlines()
    return []
