from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# A busy machine is slow, not wrong: no example is judged by the clock. CI tries the same examples each time, so that
# it says something about the change; at a desk every run tries new ones.
settings.register_profile(
    "unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize="CI" in os.environ
)
settings.load_profile("unhurried")
