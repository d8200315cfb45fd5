from __future__ import annotations

from pathlib import Path

import pytest
from broken import Copy
from zoo import Package, zoo_document

from generator.document import Document
from generator.emit.raw_client import build, plan


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    """A copy of the mini specification."""
    return Copy(tmp_path)


@pytest.fixture(scope="session")
def client(tmp_path_factory: pytest.TempPathFactory) -> Package:
    """The raw client of the mini specification and the zoo."""
    out = tmp_path_factory.mktemp("raw")
    document = zoo_document()
    build(plan(Document(document)), out)
    return Package(out / "api302_client")
