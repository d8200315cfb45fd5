"""The vendors' own clients, as they are, against the mock.

`make test-clients` runs these, in an environment of their own; `make test` passes them over. The
mock runs as a process of the main environment.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

import pytest

PYTHON = os.environ.get("API302_MOCK_PYTHON", "")
"""The Python that has the mock."""

collect_ignore_glob = [] if PYTHON else ["test_*.py"]


@pytest.fixture(scope="session")
def mock() -> Iterator[str]:
    """The URL of a running mock."""
    command = [PYTHON, "-m", "api302_mock", "--port", "0", "--quiet", "--delay", "0", "--pace", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            assert " at http://" in line, f"the mock did not start: {line!r}"
            yield line.rpartition(" at ")[2].strip()
        finally:
            process.terminate()
