"""What fuzzing found, and the small mistakes that the other tests here would not have noticed."""

from __future__ import annotations

import pytest

from gateway.pdu import Direction, decode_frame


@pytest.mark.parametrize("sc", ["00", "0191", "0291FF", "049FFFFF2B"])
def test_a_service_centre_without_digits_is_none(sc: str) -> None:
    assert decode_frame(sc + "0000", Direction.MO).sc is None
