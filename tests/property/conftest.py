"""How Hypothesis runs here: the same examples each time, and what is needed to repeat one that failed.

A test run is to refuse a change for that change alone. With $NEREID_RANDOM_EXAMPLES set, to anything, it looks for new
examples.
"""

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "ci",
    deadline=None,
    derandomize="NEREID_RANDOM_EXAMPLES" not in os.environ,
    print_blob=True,
    max_examples=250,
    stateful_step_count=60,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("ci")
