"""How many examples the state machines run: a hundred by default, ten thousand with ``thorough``.

The ordinary ones are the same in each run, so that nobody's change fails by chance; the others are new each night.
"""

from hypothesis import HealthCheck, settings

QUIET = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
settings.register_profile("ordinary", max_examples=100, deadline=None, suppress_health_check=QUIET, derandomize=True)
settings.register_profile(
    "thorough", max_examples=10_000, stateful_step_count=60, deadline=None, suppress_health_check=QUIET
)
settings.load_profile("ordinary")
