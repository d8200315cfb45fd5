"""The lock holds what pyproject.toml asks for, and nothing of the machine that made it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from scripts import lock

PROJECT = tomllib.loads(lock.PROJECT.read_text("utf-8"))["project"]
TEXT = lock.LOCK.read_text("utf-8")
PYTHONS = ["3.11", "3.12", "3.13", "3.14"]
SYSTEMS = {"linux": ("posix", "Linux"), "darwin": ("posix", "Darwin"), "win32": ("nt", "Windows")}


def wanted(extra: str) -> list[Requirement]:
    """What pyproject.toml asks for in an extra, or in `base`, without the extras that it names."""
    texts = PROJECT["dependencies"] if extra == "base" else PROJECT["optional-dependencies"][extra]
    return [requirement for requirement in map(Requirement, texts) if requirement.name != "api302"]


def pins(text: str) -> dict[str, Requirement]:
    """The locked packages, by name."""
    found = [
        Requirement(block.partition("\\")[0].strip()) for block in lock.packages(text).values()
    ]
    return {canonicalize_name(requirement.name): requirement for requirement in found}


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("extra", lock.SECTIONS)
def test_every_extra_is_locked_within_its_ranges(extra: str, python: str, system: str) -> None:
    os_name, platform = SYSTEMS[system]
    machine = {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "sys_platform": system,
        "os_name": os_name,
        "platform_system": platform,
    }
    locked = pins(lock.show(extra))
    for requirement in wanted(extra):
        if requirement.marker is None or requirement.marker.evaluate(machine):
            pin = locked[canonicalize_name(requirement.name)]
            (version,) = pin.specifier
            assert requirement.specifier.contains(version.version), (
                f"{pin} is not {requirement}; run: make lock"
            )
            assert pin.marker is None or pin.marker.evaluate(machine), (
                f"{pin} is not installed where {requirement} is asked for"
            )


def test_the_sections_are_the_extras_and_share_no_package() -> None:
    assert set(lock.SECTIONS) == {"base", *PROJECT["optional-dependencies"]}
    names = [name for part in lock.sections(TEXT).values() for name in lock.packages(part)]
    assert len(names) == len(set(names)) > 100
    assert {"hatchling", "editables"} <= pins(lock.show("base")).keys(), (
        "the project itself is installed without build isolation"
    )


def test_the_demo_waits_for_no_development_tool() -> None:
    demo = pins(lock.show("demo"))
    assert {"rich", "starlette", "httpx2"} <= demo.keys()
    assert (
        not {
            "pytest",
            "mypy",
            "basedpyright",
            "ruff",
            "openapi-python-client",
            "playwright",
            "openai",
        }
        & demo.keys()
    )
    assert (
        demo.keys()
        < pins(lock.show("dev")).keys()
        < pins(lock.show("bench")).keys()
        < pins(lock.show("proof")).keys()
    )


def test_every_package_has_hashes_and_no_index_is_named() -> None:
    for name, block in lock.packages(TEXT).items():
        first, *lines = block.split("\n")
        hashes = [
            line for line in lines if re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}( \\)?", line)
        ]
        assert hashes, name
        assert first.endswith("\\"), name
    assert not re.search(
        r"://|--(index|extra-index|find-links|trusted)|@ |[\w-]+\.(org|com|io)\b", TEXT
    )


def test_what_is_renewed_keeps_its_sections(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without asking the index: the resolver is replaced by one that gives what is locked."""

    def compiled(work: Path, out: Path, *options: str) -> None:
        extras = [option.partition("=")[2] for option in options if option.startswith("--extra=")]
        out.write_text(
            TEXT if "--generate-hashes" in options else lock.show((extras or ["base"])[-1]), "utf-8"
        )

    monkeypatch.setattr(lock, "_compile", compiled)
    assert lock.renew(keep=True) == TEXT


def test_the_vendors_clients_are_locked_with_hashes_and_without_hosts() -> None:
    text = lock.CLIENTS.read_text("utf-8")
    wanted = lock.CLIENTS.with_suffix(".in").read_text("utf-8").splitlines()
    names = {canonicalize_name(line) for line in wanted if line and not line.startswith("#")}
    blocks = lock.packages(text)
    assert names <= {canonicalize_name(name) for name in blocks}
    assert all("--hash=sha256:" in block for block in blocks.values())
    assert not re.search("index-url|https?:|file:", text)
