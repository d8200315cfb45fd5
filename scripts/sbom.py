"""The software bill of materials of a release: CycloneDX 1.6 as JSON.

What `pip install api302` and each of its extras for users bring along, at the locked versions:
those that the tests ran with. The graph and the licenses are what the packages say of themselves.
"""

from __future__ import annotations

import json
import sys
import tomllib
import uuid
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts import lock
from scripts.versions import pinned

FOR_DEVELOPERS = frozenset({"generator", "dev", "bench", "proof"})
"""The extras that a release does not bring along."""
_LICENSE = "License :: OSI Approved :: "
_LONGEST = 60
"""Characters of a license's name; some packages put its whole text there."""

Json = dict[str, Any]


def sbom(project: Json, locked: dict[str, str], day: str) -> Json:
    """The document.

    Args:
        project: `[project]` of pyproject.toml.
        locked: The version of each package.
        day: Of the release, YYYY-MM-DD.

    Raises:
        SystemExit: A package is not locked, or not installed here at all.
    """
    roots = _roots(project)
    found = {extra: _reached(names) for extra, names in roots.items()}
    graph = {name: inner for part in found.values() for name, inner in part.items()}
    references = _references(graph, locked)
    own = f"pkg:pypi/{project['name']}@{project['version']}"
    needs = {own: {name for names in roots.values() for name, _ in names}}
    needs |= {references[name]: set(graph[name]) for name in sorted(graph)}
    made: Json = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"timestamp": f"{day}T00:00:00Z", "component": _product(project, own)},
        "components": [
            _component(name, locked[name], references[name], _extras(name, found))
            for name in sorted(graph)
        ],
        "dependencies": [
            {"ref": reference, "dependsOn": sorted(references[name] for name in names)}
            for reference, names in needs.items()
        ],
    }
    serial = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(made, sort_keys=True))
    return {**made, "serialNumber": f"urn:uuid:{serial}"}


def _references(names: Iterable[str], locked: dict[str, str]) -> dict[str, str]:
    """The package URL of each: it stands for the package in the document."""
    missing = sorted(name for name in names if name not in locked)
    if missing:
        raise SystemExit(f"not in requirements.lock: {', '.join(missing)}; run `make lock`")
    return {name: f"pkg:pypi/{name}@{locked[name]}" for name in names}


def _product(project: Json, reference: str) -> Json:
    """The component that the document is about."""
    return {
        "type": "library",
        "bom-ref": reference,
        "name": project["name"],
        "version": project["version"],
        "description": project["description"],
        "licenses": [{"expression": project["license"]}],
        "purl": reference,
    }


def _roots(project: Json) -> dict[str, list[Name]]:
    """What the package needs itself: in any case, under an empty name, and with each extra."""
    roots = {"": _names(project["dependencies"])}
    for extra, texts in project["optional-dependencies"].items():
        if extra not in FOR_DEVELOPERS:
            roots[extra] = _names(_own(project, texts))
    return roots


def _own(project: Json, texts: Iterable[str]) -> Iterator[str]:
    """The requirements of an extra, with those of the extras that it names."""
    for text in texts:
        requirement = Requirement(text)
        if requirement.name == project["name"]:
            for extra in requirement.extras:
                yield from _own(project, project["optional-dependencies"][extra])
        else:
            yield text


Name = tuple[str, frozenset[str]]
"""A package with its extras."""


def _names(texts: Iterable[str]) -> list[Name]:
    wanted = [one for one in map(Requirement, texts) if not one.marker or one.marker.evaluate()]
    return [(canonicalize_name(one.name), frozenset(one.extras)) for one in wanted]


def _reached(roots: list[Name]) -> dict[str, list[str]]:
    """Every package that is reached, with those that it needs itself."""
    reached: dict[str, set[str]] = {}
    waiting, seen = list(roots), set[Name]()
    while waiting:
        name, extras = one = waiting.pop()
        if one in seen:
            continue
        seen.add(one)
        needed = _needs(name, extras)
        reached.setdefault(name, set()).update(inner for inner, _ in needed)
        waiting += needed
    return {name: sorted(inner) for name, inner in reached.items()}


def _needs(name: str, extras: frozenset[str]) -> list[Name]:
    """What a package needs, as its metadata says, on a machine like this one."""
    try:
        texts = metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        raise SystemExit(
            f"{name} is not installed; make the release with the extra `dev`"
        ) from None
    needed: list[Name] = []
    for requirement in map(Requirement, texts):
        marker = requirement.marker
        cases = [{"extra": extra} for extra in ("", *sorted(extras))]
        if marker is None or any(map(marker.evaluate, cases)):
            needed.append((canonicalize_name(requirement.name), frozenset(requirement.extras)))
    return needed


def _extras(name: str, found: dict[str, dict[str, list[str]]]) -> list[str]:
    """The extras that bring a package along; none if it comes with all."""
    return [] if name in found[""] else sorted(extra for extra in found if name in found[extra])


def _component(name: str, version: str, reference: str, extras: list[str]) -> Json:
    made: Json = {
        "type": "library",
        "bom-ref": reference,
        "name": name,
        "version": version,
        "scope": "optional" if extras else "required",
        "purl": reference,
    }
    if licenses := _licenses(name):
        made["licenses"] = licenses
    if extras:
        made["properties"] = [{"name": "api302:extra", "value": extra} for extra in extras]
    return made


def _licenses(name: str) -> list[Json]:
    """An SPDX expression where the package has one, else the names of its classifiers."""
    said: Any = metadata.metadata(name)
    if expression := said.get("License-Expression"):
        return [{"expression": expression}]
    classified = [one for one in said.get_all("Classifier") or [] if one.startswith(_LICENSE)]
    given = said.get("License", "")
    if not classified and given and len(given) <= _LONGEST:
        return [{"license": {"name": given}}]
    if not classified and given:
        return [{"license": {"name": f"License of {name}", "text": {"content": given}}}]
    return [{"license": {"name": one.removeprefix(_LICENSE)}} for one in classified]


def of_project(day: str) -> Json:
    """The document of this project as it is locked."""
    project = tomllib.loads(lock.PROJECT.read_text("utf-8"))["project"]
    versions = pinned(lock.LOCK.read_text("utf-8"))
    locked = {str(canonicalize_name(name)): str(one) for name, one in versions.items()}
    return sbom(project, locked, day)
