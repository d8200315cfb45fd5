"""`make lowest` and `make newest`: what they read of pyproject.toml and the lock."""

from __future__ import annotations

import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from scripts import lock, versions

PROJECT = tomllib.loads(lock.PROJECT.read_text("utf-8"))["project"]


def promised() -> dict[str, Version]:
    """The lowest version of each package that the package's users are promised."""
    extras = (PROJECT["optional-dependencies"][name] for name in versions.PROMISED)
    texts = [*PROJECT["dependencies"], *(text for extra in extras for text in extra)]
    requirements = [Requirement(text) for text in texts]
    return {
        requirement.name.lower(): Version(part.version)
        for requirement in requirements
        for part in requirement.specifier
        if part.operator in (">=", "==")
    }


def test_promises_that_hold_are_not_told() -> None:
    assert list(versions.broken_promises(promised())) == []


@pytest.mark.parametrize("name", ["httpx2", "starlette", "ruff"])
def test_a_promise_that_cannot_be_installed_is_told(name: str) -> None:
    low = promised()[name]
    (line,) = versions.broken_promises({**promised(), name: Version("99")})
    assert line.startswith(f"{name} {low} is promised")
    assert "99" in line


def test_every_promise_has_a_lowest_and_an_end() -> None:
    for text in [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["mock"]]:
        operators = {part.operator for part in Requirement(text).specifier}
        assert operators == {">=", "<"}, text


FASTAPI_OF_TWO_YEARS = {
    "0.110.0": {"starlette": ("0.36.3", "0.36.3"), "uvicorn": ("0.30.0", "0.54.0")},
    "0.115.0": {"starlette": ("0.37.2", "0.38.6"), "uvicorn": ("0.30.0", "0.54.0")},
}
"""By FastAPI's version, the lowest and highest versions of its servers that it admits."""


@pytest.mark.parametrize("fastapi", FASTAPI_OF_TWO_YEARS)
def test_the_mock_fits_an_application_with_an_older_fastapi(fastapi: str) -> None:
    texts = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["mock"]]
    ranges = {one.name: one.specifier for one in map(Requirement, texts)}
    for name, (low, high) in FASTAPI_OF_TWO_YEARS[fastapi].items():
        assert low in ranges[name]
        assert high in ranges[name]


def test_the_tools_of_the_tests_are_locked() -> None:
    locked = versions.pinned(lock.LOCK.read_text("utf-8"))
    assert set(versions.TOOLS) <= locked.keys()
    assert locked["starlette"] >= promised()["starlette"]
