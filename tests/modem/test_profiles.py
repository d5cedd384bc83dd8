"""The profiles: which one is chosen, that each difference is explained, and what vendors mean by their error numbers."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from gateway import at
from gateway.app import _late, attempts_of, cause_of
from gateway.at.codes import Retry
from gateway.at.vendor_codes import VENDORS, refusal
from gateway.modem import LateSubmit
from gateway.modem.profiles import AccessQuery, Profile, Query, SignalQuery, detect, profile, profiles
from gateway.modem.signal import READERS

NOTES = Path(__file__).parents[2] / "firmware-notes"
CITATION = re.compile(r"# ([a-z0-9-]+\.md)#([a-z0-9-]+)")
SOURCES = sorted(Path(profile.__file__).parent.glob("*.py"))


@pytest.mark.parametrize(
    ("manufacturer", "model", "ati", "name"),
    [
        ("huawei", "E173", "", "huawei-stick"),
        ("", "", "Manufacturer: huawei Model: E1550", "huawei-stick"),
        ("Huawei Technologies Co.,Ltd.", "E3372h-320", "", "huawei-e3372"),
        ("huawei", "E3372", "", "huawei-e3372"),
        ("SIMCOM INCORPORATED", "SIMCOM_SIM7600E-H", "", "sim7600"),
        ("SIMCOM_Ltd", "SIMCOM_SIM800C", "SIM800 R14.18", "sim800"),
        ("SIMCOM_Ltd", "SIMCOM_SIM7070", "", "sim7070"),
        ("INCORPORATED", "A7670E-FASE", "Manufacturer: INCORPORATED", "a7670"),
        ("Quectel", "EC25", "Quectel EC25 Revision: EC25EFAR06A03M4G", "quectel-ec25"),
        ("Quectel", "EG25", "Quectel EG25 Revision: EG25GGBR07A08M2G", "quectel-ec25"),
        ("Quectel", "EC21", "", "quectel-ec25"),
        ("Quectel", "EC200T", "Quectel EC200T Revision: EC200TEUHAR05A01M16", "quectel-ec200"),
        ("Quectel", "EC200U", "", "quectel-ec200"),
        ("Quectel", "EC200S", "", "quectel-ec200s"),
        ("Quectel_Ltd", "Quectel_M66", "Quectel_Ltd Quectel_M66 Revision: M66FBR03A09", "quectel-m66"),
        ("Telit", "LE910C1-EU", "332", "telit-le910"),
        ("u-blox", "SARA-R410M-02B", "", "ublox-sara-r4"),
        ("u-blox", "LARA-R211", "", "ublox-lara"),
        ("u-blox", "SARA-U270", "", "ublox-sara-u2"),
        ("ZTE INCORPORATED", "MF627", "", "zte-mf"),
        ("ACME", "EC25 look-alike", "", "generic"),
        ("", "", "", "generic"),
    ],
)
def test_detection(manufacturer: str, model: str, ati: str, name: str) -> None:
    assert detect(manufacturer, model, ati).name == name


def test_every_citation_names_a_heading() -> None:
    cited = [match.groups() for source in SOURCES for match in CITATION.finditer(source.read_text(encoding="utf-8"))]
    assert len(cited) > 40
    for page, anchor in cited:
        headings = re.findall(r"^## (.+)$", (NOTES / page).read_text(encoding="utf-8").lower(), re.MULTILINE)
        assert anchor in headings, (page, anchor)


def test_every_difference_is_cited() -> None:
    """Each value in a family's table has a citation on its line, or on the first of its lines."""
    names = {field.name for field in fields(Profile)} - {"name", "notes", "manufacturers", "models"}
    for source in SOURCES:
        if source.name in ("__init__.py", "profile.py", "generic.py"):
            continue
        for line in source.read_text(encoding="utf-8").splitlines():
            match = re.match(r"    ([a-z_]+)=", line)
            if match and match.group(1) in names:
                assert CITATION.search(line), f"{source.name}: {line}"


def test_every_profile_is_whole() -> None:
    index = (NOTES / "README.md").read_text(encoding="utf-8")
    for name, one in profiles().items():
        assert one.name == name
        assert f"`{name}`" in index
        assert (NOTES / one.notes).is_file()
        assert one.errors in ("", *VENDORS)
        assert one.signal is None or one.signal.reader in READERS
        assert set(one.cnmi_modes) <= {0, 1, 2, 3}
        queries = [*one.iccid, *one.pin_attempts, one.temperature, one.voltage]
        texts = [query.command for query in [*queries, one.signal, one.access] if query is not None]
        for text in (*texts, *one.extra_init, *one.usb_init, one.reset):
            assert at.from_text(text).text == text
    for kind in (Query, SignalQuery, AccessQuery):
        assert kind.__doc__


def test_what_is_not_confirmed_is_marked() -> None:
    """Pages that rest on general knowledge say so."""
    for page in ("telit-le910.md", "ublox.md", "zte-mf.md", "quectel-m66.md", "sim7070.md"):
        assert "†" in (NOTES / page).read_text(encoding="utf-8"), page


@pytest.mark.parametrize(
    ("error", "vendor", "retry", "meaning"),
    [
        ("cms:38", "", Retry.LATER, "network out of order"),
        ("cms:38", "simcom", Retry.LATER, "network out of order"),
        ("cms:515", "simcom", Retry.LOCAL, "storage of the modem failed"),
        ("cms:515", "huawei", Retry.LATER, "please wait, initialisation or command in progress"),
        ("cms:515", "cinterion", Retry.PERMANENT, "invalid character in the address"),
        ("cms:515", "", Retry.LATER, "vendor specific error"),
        ("cms:515", "nobody", Retry.LATER, "vendor specific error"),
        ("cms:513", "ublox", Retry.AMBIGUOUS, "timer expired"),
        ("cme:515", "simcom", Retry.LATER, "please wait, initialisation or command in progress"),
        ("cms:999", "quectel", Retry.LATER, "vendor specific error"),
    ],
)
def test_error_numbers_by_vendor(error: str, vendor: str, retry: Retry, meaning: str) -> None:
    code = refusal(error, vendor)
    assert code is not None
    assert (code.retry, code.meaning) == (retry, meaning)


@pytest.mark.parametrize("error", ["", "error", "timeout", "cms:", "cms:x", "not_supported"])
def test_errors_without_a_number_have_no_entry(error: str) -> None:
    assert refusal(error, "simcom") is None


def test_vendors_share_no_numbers_of_the_specification() -> None:
    for vendor, table in VENDORS.items():
        assert min(table) >= 512, vendor
        assert all(
            (code.meaning and code.meaning[0].islower()) or code.meaning[:3].isupper() for code in table.values()
        )
        assert all(code.attempts is None or 1 < code.attempts <= 3 for code in table.values())


def test_the_rules_above_hear_the_vendors_meaning() -> None:
    assert cause_of("cms:515", vendor="simcom") == "local"
    assert cause_of("cms:515", vendor="cinterion") == "permanent"
    assert cause_of("cms:515") == "retry"
    assert cause_of("cms:512", vendor="simcom") == "ambiguous"
    assert cause_of("cms:512", vendor="simcom", unsent=True) == "retry"
    assert (attempts_of("cms:513", "telit"), attempts_of("cms:513", "simcom")) == (3, None)
    late = _late(LateSubmit(mr=None, error="cms:513", vendor="simcom"))
    assert (late.error, late.cause) == ("cms:513: message too long", "permanent")
    assert _late(LateSubmit(mr=None, error="error")).error == "error"
