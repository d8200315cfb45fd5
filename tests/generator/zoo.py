"""The raw client of the mini specification and odd operations, generated once a session."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import yaml

from generator.emit.code import File, templates, write
from generator.join import join
from generator.source import Spec

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"


def mini_document() -> dict[str, Any]:
    """The joined mini specification."""
    return join(Spec.load(FIXTURES / "mini_spec"))


def zoo_document() -> dict[str, Any]:
    """The mini specification with the zoo's operations."""
    document = mini_document()
    zoo = yaml.safe_load((FIXTURES / "zoo.yaml").read_text("utf-8"))
    document["paths"] |= zoo["paths"]
    document["components"]["schemas"] |= zoo["components"]["schemas"]
    return document


def put(files: Iterable[File], out: Path) -> None:
    """Write files unformatted as the templates make them; those of other tools are left out."""
    environment = templates()
    for file in files:
        if file.template or not file.tool:
            write(out, file.path, file.text(environment))


class Emitted(NamedTuple):
    """What was generated: the folder, and the counts that `emit` returned."""

    folder: Path
    counts: dict[str, int]


class Package:
    """A generated package under another name, since the real one may be loaded as well."""

    def __init__(self, folder: Path, name: str = "zoo_client") -> None:
        spec = importlib.util.spec_from_file_location(
            name, folder / "__init__.py", submodule_search_locations=[str(folder)]
        )
        assert spec
        assert spec.loader
        self.folder = folder
        self.name = name
        self.package = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.package)

    def __call__(self, name: str) -> ModuleType:
        """A module of the package."""
        return importlib.import_module(f"{self.name}.{name}")

    def endpoint(self, name: str) -> Any:
        """The module of an operation, whatever its tag."""
        (path,) = self.folder.glob(f"api/*/{name}.py")
        return self(f"api.{path.parent.name}.{name}")
