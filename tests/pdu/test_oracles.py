"""Three other decoders read what this codec writes, and say the same, but where they are known to be wrong."""

from __future__ import annotations

import importlib.metadata
import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.pdu import Address, Deliver, encode_frame, segment
from gateway.pdu.alphabet import DEFAULT, EXTENSION
from tests.pdu.oracle_cases import GROUPS, MOMENT, SC, cases_of
from tests.pdu.oracles import ORACLES, differences

WRONG = tomllib.loads(Path(__file__).with_name("oracles.toml").read_text(encoding="utf-8"))
PACKAGES = {"gsmmodem": "python-gsmmodem-new", "gammu": "python-gammu", "smspdudecoder": "smspdudecoder"}


def expected(oracle: str) -> dict[str, tuple[str, ...]]:
    """What an oracle says otherwise, by case."""
    return {name: tuple(row["says"]) for row in WRONG[oracle] for each in row["cases"] for name in names(each)}


def names(case: str) -> list[str]:
    """`coding 0C..0F` are four."""
    if not (ends := re.fullmatch(r"(.* )([0-9A-F]{2})\.\.([0-9A-F]{2})", case)):
        return [case]
    kind, first, last = ends.groups()
    return [f"{kind}{octet:02X}" for octet in range(int(first, 16), int(last, 16) + 1)]


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("oracle", ORACLES)
def test_it_says_the_same_but_where_it_is_known_to_be_wrong(oracle: str, group: str) -> None:
    known = expected(oracle)
    found = {name: said for name, pdu in cases_of(group) if (said := differences(oracle, pdu))}
    assert found == {name: known[name] for name, _ in cases_of(group) if name in known}


def test_every_mistake_is_of_a_case_and_has_a_reason() -> None:
    cases = {name for group in GROUPS for name, _ in cases_of(group)}
    assert len(cases) == sum(len(cases_of(group)) for group in GROUPS)
    for oracle, rows in WRONG.items():
        listed = [name for row in rows for each in row["cases"] for name in names(each)]
        assert set(listed) <= cases
        assert len(listed) == len(set(listed))
        assert all(row["reason"] for row in rows)
        assert oracle in ORACLES


# Characters that all three read: none of the extension table, which has a NUL behind it with one of them.
SAFE = sorted(set(DEFAULT) - set("\x1b§@") - set(EXTENSION.values()))
texts = st.text(st.sampled_from(SAFE), min_size=1, max_size=60) | st.text(
    st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs", "Cc"]), min_size=1, max_size=60
).filter(lambda text: not set(text) & set("".join(EXTENSION.values()) + "§@\x1b"))
numbers = st.from_regex(r"\+[0-9]{3,15}", fullmatch=True)


@pytest.mark.parametrize("oracle", ORACLES)
@given(texts, numbers)
def test_it_reads_any_text_from_any_number(oracle: str, text: str, number: str) -> None:
    cut = segment(text)
    tpdu = Deliver(oa=Address.parse(number), ud=cut.parts[0], dcs=cut.dcs, scts=MOMENT)
    assert differences(oracle, encode_frame(tpdu, sc=SC)[0]) == ()


@pytest.mark.parametrize("oracle", ORACLES)
def test_it_is_the_release_that_the_list_was_made_with(oracle: str) -> None:
    """Another one may have other mistakes: the lock says which it is."""
    lock = Path(__file__).parents[2] / "requirements-dev.txt"
    try:
        version = importlib.metadata.version(PACKAGES[oracle])
    except importlib.metadata.PackageNotFoundError:
        pytest.skip(f"{PACKAGES[oracle]} is not installed")
    assert f"\n{PACKAGES[oracle]}=={version}" in lock.read_text()
