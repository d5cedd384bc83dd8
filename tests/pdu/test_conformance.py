"""The conformance vectors beside the repository, as far as they concern the SMS codec."""

from __future__ import annotations

import pytest

from gateway.errors import PduError
from gateway.pdu import encode_frame
from tests.vectors.messages import frame_of
from tests.vectors.score import EXCEPTIONS, VECTORS, Vector, misses, table, vectors

pytestmark = pytest.mark.skipif(not VECTORS.exists(), reason="the conformance vectors are not beside the repository")

ENOUGH = 0.99


def parametrized(chosen: list[Vector]) -> pytest.MarkDecorator:
    """Known exceptions are expected to fail, so that one which no longer does is noticed."""
    params = [
        pytest.param(
            vector,
            id=f"{vector['kind']}:{vector['id']}",
            marks=[pytest.mark.xfail(reason=EXCEPTIONS[vector["id"]])] if vector["id"] in EXCEPTIONS else [],
        )
        for vector in chosen
    ]
    return pytest.mark.parametrize("vector", params)


@parametrized(vectors())
def test_is_as_the_source_asserts(vector: Vector) -> None:
    assert list(misses(vector)) == []


def test_the_score_is_high_enough() -> None:
    met, scored = (sum(column) for column in zip(*table().values(), strict=True))
    assert scored > 350
    assert met / scored >= ENOUGH


# Read, but not written in the same octets.
REWRITTEN = {
    "gammu/at-sms/19": "a header without elements is left out",
    "gammu/at-sms/34": "TP-PI of zero announces nothing",
    "ofono/sr1": "TP-PI of zero announces nothing",
    "ofono/sr2": "TP-PI of zero announces nothing",
    "gammu/at-sms/41": "octets are missing: TP-UDL says how many are there",
    "smspdudecoder/truncated-ucs2": "octets are missing: TP-UDL says how many are there",
}
TPDUS = vectors("deliver", "submit", "status-report", "deliver-report", "submit-report", "command")


@parametrized(TPDUS)
def test_writes_again_what_it_read(vector: Vector) -> None:
    for pdu in vector.get("hex_parts") or [vector["hex"]]:
        frame = frame_of(vector, pdu, truncated=vector["id"] in REWRITTEN)
        again, length = encode_frame(frame.tpdu, sc=frame.sc)
        assert frame_of({**vector, "with_smsc": True}, again).tpdu == frame.tpdu
        if vector["id"] not in REWRITTEN:
            assert length == len(frame.tpdu_octets)  # not the same octets: some senders fill spare bits with ones


@pytest.mark.parametrize(
    "vector", [v for v in vectors("robustness") if "at_octet" in v["expect"]], ids=lambda v: v["id"]
)
def test_an_error_tells_where(vector: Vector) -> None:
    with pytest.raises(PduError) as caught:
        frame_of(vector, vector["hex"])
    # The field, or the octet inside it, that is missing or wrong; the SC address is in front.
    assert caught.value.offset - 1 >= vector["expect"]["at_octet"]
    assert caught.value.offset <= 1 + len(vector["hex"]) // 2
