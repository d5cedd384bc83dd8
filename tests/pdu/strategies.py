"""What Hypothesis makes: valid values of every type that the codec writes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from hypothesis import strategies as st

from gateway.pdu import (
    AbsoluteValidity,
    Address,
    Alphabet,
    Command,
    Concat,
    Dcs,
    Deliver,
    DeliverReport,
    EnhancedValidity,
    InformationElement,
    Ports,
    StatusReport,
    Submit,
    SubmitReport,
    Timestamp,
    Ton,
    UserData,
    ValidityPeriod,
)
from gateway.pdu.alphabet import BASIC
from gateway.pdu.tpdu import Tpdu

octet = st.integers(0, 0xFF)
gsm7_text = st.text(st.sampled_from(sorted(map(chr, BASIC.encoding))))
text = st.one_of(gsm7_text, st.text(st.characters(exclude_categories=["Cs"])))

numbers = st.builds(
    Address,
    value=st.text("0123456789*#abc", max_size=20),
    ton=st.sampled_from([ton for ton in Ton if ton is not Ton.ALPHANUMERIC]),
    npi=st.integers(0, 15),
)
# Eight characters that end in @ are not told from seven (see address.py).
names = st.builds(
    Address,
    value=st.text(st.sampled_from("ABCxyz019 @£€"), max_size=5).filter(lambda name: len(name) != 8),
    ton=st.just(Ton.ALPHANUMERIC),
    npi=st.integers(0, 15),
)
addresses = numbers | names

moments = st.builds(
    lambda seconds, quarters: (datetime(1971, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)).astimezone(
        timezone(quarters * timedelta(minutes=15))
    ),
    st.integers(0, 98 * 365 * 86400),
    st.integers(-79, 79),
)
timestamps = st.builds(Timestamp, octets=st.binary(min_size=7, max_size=7)) | moments.map(Timestamp.of)

concats = st.builds(
    lambda ref, pair, wide: Concat(ref=ref if wide else ref & 0xFF, total=max(pair), seq=min(pair), wide=wide),
    st.integers(0, 0xFFFF),
    st.tuples(st.integers(1, 255), st.integers(1, 255)),
    st.booleans(),
)
ports = st.builds(Ports, destination=octet, source=octet, wide=st.booleans())
elements = st.one_of(
    concats.map(Concat.element),
    ports.map(Ports.element),
    st.builds(InformationElement, iei=octet, data=st.binary(max_size=12)),
)
headers = st.lists(elements, max_size=4).map(tuple)


@st.composite
def user_data(draw: st.DrawFn, alphabet: Alphabet, max_octets: int = 140) -> UserData:
    """Any user data that fits."""
    header = draw(headers)
    room = max_octets - (1 + sum(2 + len(element.data) for element in header) if header else 0)
    if alphabet is Alphabet.GSM7:
        payload = bytes(draw(st.lists(st.integers(0, 0x7F), max_size=room * 8 // 7)))
    else:
        payload = draw(st.binary(max_size=room))
    return UserData(alphabet=alphabet, payload=payload, header=header)


dcs = octet.map(lambda value: Dcs(octet=value))
validities = st.one_of(
    st.none(),
    st.builds(ValidityPeriod, octet=octet),
    st.builds(AbsoluteValidity, octets=st.binary(min_size=7, max_size=7)),
    st.builds(EnhancedValidity, octets=st.binary(min_size=7, max_size=7)),
)


@st.composite
def delivers(draw: st.DrawFn) -> Deliver:
    coding = draw(dcs)
    return Deliver(
        oa=draw(addresses),
        pid=draw(octet),
        dcs=coding,
        scts=draw(timestamps),
        ud=draw(user_data(coding.user_data_alphabet)),
        more_messages=draw(st.booleans()),
        loop_prevention=draw(st.booleans()),
        status_report_indication=draw(st.booleans()),
        reply_path=draw(st.booleans()),
    )


@st.composite
def submits(draw: st.DrawFn) -> Submit:
    coding = draw(dcs)
    return Submit(
        da=draw(addresses),
        mr=draw(octet),
        pid=draw(octet),
        dcs=coding,
        validity=draw(validities),
        ud=draw(user_data(coding.user_data_alphabet)),
        status_report_request=draw(st.booleans()),
        reject_duplicates=draw(st.booleans()),
        reply_path=draw(st.booleans()),
    )


@st.composite
def announced(draw: st.DrawFn, max_octets: int) -> dict[str, Any]:
    """What a TP-PI announces."""
    coding = draw(st.none() | dcs)
    alphabet = coding.user_data_alphabet if coding else Alphabet.GSM7
    return {
        "pid": draw(st.none() | octet),
        "dcs": coding,
        "ud": draw(st.none() | user_data(alphabet, max_octets)),
    }


@st.composite
def status_reports(draw: st.DrawFn) -> StatusReport:
    return StatusReport(
        mr=draw(octet),
        ra=draw(addresses),
        scts=draw(timestamps),
        dt=draw(timestamps),
        st=draw(octet),
        more_messages=draw(st.booleans()),
        loop_prevention=draw(st.booleans()),
        status_report_qualifier=draw(st.booleans()),
        **draw(announced(131)),
    )


# Below 0x80 all causes are reserved, and some cannot be told from a TP-PI.
causes = st.none() | st.integers(0x80, 0xFF)


@st.composite
def deliver_reports(draw: st.DrawFn) -> DeliverReport:
    return DeliverReport(fcs=draw(causes), **draw(announced(158)))


@st.composite
def submit_reports(draw: st.DrawFn) -> SubmitReport:
    return SubmitReport(fcs=draw(causes), scts=draw(timestamps), **draw(announced(151)))


@st.composite
def commands(draw: st.DrawFn) -> Command:
    return Command(
        mr=draw(octet),
        pid=draw(octet),
        ct=draw(octet),
        mn=draw(octet),
        da=draw(addresses),
        ud=draw(user_data(Alphabet.DATA, 156)),
        status_report_request=draw(st.booleans()),
    )


tpdus: st.SearchStrategy[Tpdu] = st.one_of(
    delivers(), submits(), status_reports(), deliver_reports(), submit_reports(), commands()
)
service_centres = st.none() | numbers.filter(lambda number: bool(number.value))
