"""The pytest fixture ``api302_mock``: a running mock, as new for each test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from api302_mock.server import MockServer


@pytest.fixture(scope="session")
def api302_mock_server() -> Iterator[MockServer]:
    """One mock of the shipped document for the whole run."""
    from api302_mock.server import start  # here, so that runs that do not use it do not pay for it

    with start(delay=0) as server:
        yield server


@pytest.fixture
def api302_mock(api302_mock_server: MockServer) -> Iterator[MockServer]:
    """A mock that remembers nothing of other tests, neither requests nor settings.

    Give its `url` to the client as `base_url`, with any API key like `sk-test`.
    """
    api302_mock_server.reset()
    yield api302_mock_server
    api302_mock_server.reset()
