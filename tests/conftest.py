"""Settings for all tests."""

from hypothesis import HealthCheck, settings

# What scripts/check runs for as long as it is told; the default tier keeps Hypothesis' own, short profile.
settings.register_profile("long", max_examples=5_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
