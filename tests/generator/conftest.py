from __future__ import annotations

from pathlib import Path

import pytest
from broken import Copy
from zoo import Emitted, Package, zoo_document

from generator.document import Document
from generator.emit import emit


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    """A copy of the mini specification."""
    return Copy(tmp_path)


@pytest.fixture(scope="session")
def emitted(tmp_path_factory: pytest.TempPathFactory) -> Emitted:
    """Both packages of the mini specification with the zoo's operations."""
    out = tmp_path_factory.mktemp("emitted")
    return Emitted(out, emit(Document(zoo_document()), out))


@pytest.fixture(scope="session")
def client(emitted: Emitted) -> Package:
    """The raw client of the mini specification and the zoo."""
    return Package(emitted.folder / "api302_client")
