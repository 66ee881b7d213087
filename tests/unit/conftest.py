"""What holds for every test without servers."""

from hypothesis import HealthCheck, settings

# The same examples each time, however slow the machine is and whatever an earlier run has found.
settings.register_profile(
    "same",
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("same")
