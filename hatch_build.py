"""The project's URLs for the package index, from `[tool.api302]` in pyproject.toml."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface


def urls(repository: str) -> dict[str, str]:
    """The URLs by their names; without those of the repository while its address is not known."""
    found = {"302.AI": "https://doc.302.ai"}
    if repository:
        found |= {
            "Documentation": pages(repository),
            "Repository": repository,
            "Issues": f"{repository}/issues",
            "Changelog": f"{repository}/blob/main/CHANGELOG.md",
            "Security": f"{repository}/security/policy",
        }
    return found


def pages(repository: str) -> str:
    """Where the guides and the reference are: the Pages of a release, or else the guides alone."""
    host, _, path = repository.removeprefix("https://").partition("/")
    owner, _, name = path.partition("/")
    if host == "github.com":
        return f"https://{owner.lower()}.github.io/{name}/"
    return f"{repository}/blob/main/docs/guides"


class Urls(MetadataHookInterface):
    """What hatchling calls when it makes the package's metadata."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Add the URLs."""
        project = tomllib.loads(Path(self.root, "pyproject.toml").read_text("utf-8"))
        metadata["urls"] = urls(project["tool"]["api302"]["repository"].rstrip("/"))
