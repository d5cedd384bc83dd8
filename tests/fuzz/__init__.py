"""Fuzzing and mutation testing, for scripts/check and by hand; pytest collects nothing here."""
