"""The list of mutants that change nothing is of the code as it is."""

from __future__ import annotations

from tests.fuzz.mutate import equivalents, every_site, key_of


def test_every_mutant_that_is_listed_can_be_made() -> None:
    listed = equivalents()
    assert listed.keys() - {key_of(site) for site in every_site()} == set(), "a line was changed: look at it again"
    assert all(listed.values()), "each has a reason"
