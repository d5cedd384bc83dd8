"""Settings for all tests."""

from hypothesis import HealthCheck, settings

# The default tier tries the same cases on every machine, however slow: what it finds, it finds for everyone.
settings.register_profile("tier", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
# What scripts/check runs for as long as it is told, with new cases every time.
settings.register_profile("long", max_examples=5_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tier")
