"""For all tests: one TLS context, signals that end processes under `nohup` too; and
`ONLY=videos.kling`, the tests of one section or vendor.
"""

from __future__ import annotations

import difflib
import json
import os
import signal
import ssl
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from patience import PATIENCE, libraries_that_wait

DOCUMENT = Path(__file__).resolve().parents[1] / "generated" / "openapi.json"
ONLY = os.environ.get("API302_ONLY", "")

with suppress(ImportError):
    from hypothesis import HealthCheck, settings

    # A busy machine draws slowly, and the inputs of other runs are not those of this one.
    settings.register_profile(
        "api302", deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
    )
    settings.load_profile("api302")


@pytest.fixture(scope="session", autouse=True)
def one_tls_context() -> Iterator[None]:
    """Every client has a TLS context, and to make one takes longer than most tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ssl, "create_default_context", cache(ssl.create_default_context))
        yield


@pytest.fixture(scope="session", autouse=True)
def patient_libraries() -> Iterator[None]:
    """The HTTP libraries wait five seconds from the start, in which a busy machine may say nothing.

    The tests of the client itself take this back: they see what callers see.
    """
    with libraries_that_wait(PATIENCE):
        yield


@pytest.fixture
def signals_heard() -> Iterator[None]:
    """SIGHUP and SIGINT end the processes that a test starts, which inherit what this one ignores.

    `nohup` ignores the one, a shell's background job the other.
    """
    wanted = {"SIGHUP": signal.SIG_DFL, "SIGINT": signal.default_int_handler}
    numbers = {name: getattr(signal, name) for name in wanted if hasattr(signal, name)}
    before = {number: signal.signal(number, wanted[name]) for name, number in numbers.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave what is not about the section or vendor that ONLY names."""
    if not ONLY:
        return
    tags = _tags()
    known = {*tags.values(), *(tag.partition(".")[0] for tag in tags.values())}
    if ONLY not in known:
        near = difflib.get_close_matches(ONLY, known, 3, 0.3)
        raise pytest.UsageError(f"ONLY={ONLY}: no such section or vendor; near it: {near}")
    wanted = [item for item in items if _is_about(item, tags)]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(wanted)])
    items[:] = wanted


def _tags() -> dict[str, str]:
    """The tag of each operation, by id."""
    paths = json.loads(DOCUMENT.read_text(encoding="utf-8"))["paths"].values()
    nodes = [node for path in paths for node in path.values()]
    operations = [node for node in nodes if isinstance(node, dict) and "operationId" in node]
    return {operation["operationId"]: operation["tags"][0] for operation in operations}


def _is_about(item: pytest.Item, tags: dict[str, str]) -> bool:
    """Whether a test's parameters name one of the operations, or some that are fuzzed together."""
    callspec: Any = getattr(item, "callspec", None)
    values = callspec.params.values() if callspec else ()
    return any(f"{_tag_of(value, tags)}.".startswith(f"{ONLY}.") for value in values)


def _tag_of(value: Any, tags: dict[str, str]) -> str:
    """The tag of an operation, or its id, or of what has a tag itself."""
    name = getattr(value, "id", value)
    return tags.get(name if isinstance(name, str) else "") or str(getattr(value, "tag", ""))
