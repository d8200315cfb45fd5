"""The locked development environment: `requirements.lock`, with a section for each extra.

    python scripts/lock.py show dev      print what the extra `dev` needs, for pip
    python scripts/lock.py renew         write it anew, with the newest allowed versions (needs uv)
    python scripts/lock.py renew --keep  the same, but versions that are locked already stay

`pip install --require-hashes -r requirements.lock` installs all of it. The sections exist so that
`make demo` need not wait for the type checkers: a section holds what those before it do not, an
extra needs its own and all before it, and `base` is what the package and its build backend need.
`show` runs on a bare Python, before anything is installed.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts import pip_settings

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements.lock"
CLIENTS = ROOT / "tests" / "clients" / "requirements.txt"
"""The environment of `make test-clients`, from `requirements.in` beside it."""
PROJECT = ROOT / "pyproject.toml"

SECTIONS = (
    "base",
    "mock",
    "demo",
    "generator",
    "aiohttp",
    "otel",
    "cli",
    "mcp",
    "realtime",
    "batch",
    "celery",
    "dev",
    "bench",
    "proof",
)
EDITABLES = "editables>=0.5,<1"  # what hatchling asks for when a project is installed as editable

HEAD = f"""\
# Made by `make lock`; not edited. Every package of the development environment with its hashes,
# for Python 3.11 to 3.14 on Linux, macOS and Windows.
# A section per extra of pyproject.toml: {", ".join(SECTIONS)}.
"""
_SECTION = re.compile(r"^# == (\w+)$", re.M)
_PACKAGE = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==", re.M)


def sections(text: str) -> dict[str, str]:
    """The packages of each section, as requirement lines."""
    _, *parts = _SECTION.split(text)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def show(extra: str) -> str:
    """The requirement lines that an extra needs: its own section, and all before it."""
    held = sections(LOCK.read_text("utf-8"))
    return "".join(held[name] for name in SECTIONS[: SECTIONS.index(extra) + 1])


def renew(*, keep: bool) -> str:
    """The file's new text.

    Raises:
        subprocess.CalledProcessError: no set of versions fits, or the package index cannot be
            reached.
    """
    with PROJECT.open("rb") as file:
        backend = [*tomllib.load(file)["build-system"]["requires"], EDITABLES]
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        (work / "backend.in").write_text("\n".join(backend), "utf-8")
        whole = work / "whole.txt"
        if keep and LOCK.exists():
            whole.write_text(LOCK.read_text("utf-8"), "utf-8")
        _compile(work, whole, "--generate-hashes", *(f"--extra={name}" for name in SECTIONS[1:]))
        blocks = packages(whole.read_text("utf-8"))
        made, placed = [HEAD], set[str]()
        for name in SECTIONS:
            part = work / f"{name}.txt"
            extras = [] if name == "base" else [f"--extra={name}"]
            _compile(work, part, f"--constraints={whole}", *extras)
            own = sorted(packages(part.read_text("utf-8")).keys() - placed)
            made.append(f"\n# == {name}\n" + "".join(blocks[package] for package in own))
            placed.update(own)
    left_out = blocks.keys() - placed
    assert not left_out, f"in no section: {', '.join(sorted(left_out))}"
    return "".join(made)


def renew_clients(*, keep: bool) -> str:
    """The new text of the file for the vendors' own clients.

    Raises:
        SystemExit: no set of versions fits, or the package index cannot be reached.
    """
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder, "clients.txt")
        if keep and CLIENTS.exists():
            made.write_text(CLIENTS.read_text("utf-8"), "utf-8")
        _run("--generate-hashes", f"--output-file={made}", str(CLIENTS.with_suffix(".in")))
        blocks = packages(made.read_text("utf-8"))
    head = "# Made by `make lock` from requirements.in; not edited.\n"
    own = re.compile(r"-r .*requirements\.in")
    return head + "".join(own.sub("requirements.in", block) for block in blocks.values())


def packages(text: str) -> dict[str, str]:
    """Each package's lines (pin, marker, hashes, and what wants it), by its name."""
    found: dict[str, str] = {}
    starts = list(_PACKAGE.finditer(text))
    ends = [*(start.start() for start in starts[1:]), len(text)][: len(starts)]
    for start, end in zip(starts, ends, strict=True):
        found[start[1]] = _SECTION.sub("", text[start.start() : end]).rstrip() + "\n"
    return found


def _compile(work: Path, out: Path, *options: str) -> None:
    _run(*options, f"--output-file={out}", str(PROJECT), str(work / "backend.in"))
    out.write_text(
        re.sub(r"\(?-r .*backend\.in\)?", "the build backend", out.read_text("utf-8")), "utf-8"
    )


def _run(*arguments: str) -> None:
    command = [
        "uv",
        "pip",
        "compile",
        "--quiet",
        "--universal",
        "--no-header",
        "--no-config",
        "--python-version=3.11",
        "--fork-strategy=fewest",  # one version of a package for all Pythons
    ]
    done = subprocess.run(
        [sys.executable, "-m", *command, *arguments],
        env=pip_settings.for_uv(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"no lock was written: {done.stderr}")


def main(arguments: Iterable[str] | None = None) -> int:
    """Run a command; 1 if it fails."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    shown = commands.add_parser("show", help="print what an extra needs")
    shown.add_argument("extra", choices=SECTIONS)
    renewed = commands.add_parser("renew", help="write requirements.lock anew")
    renewed.add_argument(
        "--keep", action="store_true", help="keep the versions that are locked already"
    )
    options = parser.parse_args(arguments)
    if options.command == "show":
        print(show(options.extra), end="")
    else:
        LOCK.write_text(renew(keep=options.keep), "utf-8", newline="\n")
        CLIENTS.write_text(renew_clients(keep=options.keep), "utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
