"""How many inputs a property draws: `API302_FUZZ_EXAMPLES`, or 2,000. The same ones in each run."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

EXAMPLES = int(os.environ.get("API302_FUZZ_EXAMPLES", "2000"))
many = settings(
    max_examples=EXAMPLES,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
