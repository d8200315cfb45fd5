"""The tests with other versions than the locked ones, in environments below `.venvs/`.

    python scripts/versions.py lowest     the lowest versions that pyproject.toml promises to users
    python scripts/versions.py newest     the newest versions it allows, and drift from the lock
    python scripts/versions.py pythons    the locked versions, with each Python from 3.11 here
    python scripts/versions.py installed  the built wheel without the repository, lowest and newest

What follows `--` goes to pytest. The exit code is 1 if a test fails, or if a promised version
cannot be installed at all.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts import lock, pip_settings

FOLDER = lock.ROOT / ".venvs"
MINUTES = 40  # for one run of the tests

# What the tests themselves need, at the locked version: it is no promise to anybody.
TOOLS = (
    "httpx",
    "hypothesis",
    "numpy",
    "pillow",
    "pydantic",
    "pytest",
    "pytest-timeout",
    "pytest-xdist",
    "trio",
    "hatchling",
    "editables",
)
# The tests that use what the package promises: the client, the mock, and of the generator what
# stands on other packages.
TESTS = (
    "tests/overlay",
    "tests/mock",
    *(f"tests/generator/test_{name}.py" for name in ("source", "rules", "build", "raw", "runtime")),
    "tests/test_readme.py",
    "tests/test_trio.py",
)
# Versions change how the packages behave, not what is drawn: `make test` draws 2,000 inputs.
EXAMPLES = "25"
# The extras whose lowest versions are promised and tested. What `mcp` and `otel` need does not
# stand beside the mock's lowest versions.
PROMISED = ("mock", "demo", "generator", "aiohttp", "cli", "realtime", "batch")
# Type checkers and fuzzers are not in the environment of the lowest versions.
LOWEST_WITHOUT = (
    "--deselect=tests/generator/test_raw.py::test_types_for_users",
    # The oldest starlette imports python-multipart by its old name.
    "-Wignore::PendingDeprecationWarning:starlette.formparsers",
    # anyio 4.15 leaves a connection to the collector if it is cancelled while it is made.
    "-Wignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning",
)
PYTHONS = ("3.11", "3.12", "3.13", "3.14")


def lowest(pytest: list[str]) -> int:
    """Install and test the lowest versions that the package, its mock and its generator allow."""
    with tempfile.TemporaryDirectory() as folder:
        tools, made = Path(folder, "tools.in"), Path(folder, "lowest.txt")
        locked = pinned(lock.LOCK.read_text("utf-8"))
        tools.write_text("".join(f"{name}=={locked[name]}\n" for name in TOOLS), "utf-8")
        extras = [f"--extra={name}" for name in PROMISED]
        _compile(made, "--resolution=lowest-direct", *extras, lock.PROJECT, tools)
        found = pinned(made.read_text("utf-8"))
        python = _environment("lowest", sys.executable, made)
    broken = list(broken_promises(found))
    print("\n".join(broken))
    return _tests(python, [*TESTS, *LOWEST_WITHOUT, *pytest]) or bool(broken)


def broken_promises(found: dict[str, Version]) -> Iterable[str]:
    """A line about each promised lowest version that other packages do not let us install."""
    with lock.PROJECT.open("rb") as file:
        project = tomllib.load(file)["project"]
    extras = (project["optional-dependencies"][name] for name in PROMISED)
    texts = [*project["dependencies"], *(text for extra in extras for text in extra)]
    for requirement in map(Requirement, texts):
        bounds = {part.operator: Version(part.version) for part in requirement.specifier}
        low = bounds.get(">=", bounds.get("=="))
        name = canonicalize_name(requirement.name)
        if low and found[name] != low:
            yield (
                f"{name} {low} is promised and cannot be tested: others need {found[name]}. "
                "Raise it in pyproject.toml."
            )


def newest(pytest: list[str]) -> int:
    """Install and test the newest versions of everything, and say what is newer than the lock."""
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder, "newest.txt")
        tools = Path(folder, "tools.in")  # what the tests build and install with
        tools.write_text("hatchling\neditables\npip\n", "utf-8")
        _compile(made, "--extra=bench", lock.PROJECT, tools)
        python = _environment("newest", sys.executable, made)
        found = pinned(made.read_text("utf-8"))
    locked = pinned(lock.LOCK.read_text("utf-8"))
    drifted = [name for name, version in found.items() if locked.get(name) != version]
    print(f"{len(drifted)} packages differ from requirements.lock:")
    for name in drifted:
        print(f"  {name} {locked.get(name, 'not locked')} -> {found[name]}")
    return _tests(python, pytest)


def pythons(pytest: list[str]) -> int:
    """Install and test the locked versions with each Python that is found."""
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        locked = Path(folder, "locked.txt")
        locked.write_text(lock.show("dev"), "utf-8")
        for version in PYTHONS:
            found = shutil.which(f"python{version}")
            if not found or subprocess.run([found, "-c", ""], capture_output=True).returncode:
                print(f"Python {version} is not on PATH, or a shim of one that is not active")
                continue
            python = _environment(version, found, locked)
            failed |= _tests(python, [*TESTS, *pytest])
    return failed


def installed(pytest: list[str]) -> int:
    """Install the built wheel and its mock alone, and use them (`tests/installed.py`)."""
    with tempfile.TemporaryDirectory() as folder:
        build = [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", folder]
        subprocess.run([*build, str(lock.ROOT)], check=True, stdout=subprocess.DEVNULL)
        (wheel,) = Path(folder).glob("*.whl")
        return max(_used(wheel, kind, folder) for kind in ("lowest", "newest"))


def _used(wheel: Path, kind: str, folder: str) -> int:
    """Use a wheel in a fresh environment; 0 if all went well."""
    home = FOLDER / f"installed-{kind}"
    python = _python(home)
    wanted = f"{wheel}[mock]"
    if kind == "lowest":
        _uv("venv", "--clear", f"--python={sys.executable}", home)
        made = Path(folder, "lowest.txt")  # seen from the wheel, none of them is a direct one
        _compile(made, "--resolution=lowest-direct", "--extra=mock", lock.PROJECT)
        _uv("pip", "install", f"--python={python}", f"--constraint={made}", wanted)
    else:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(home)], check=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*install, wanted], check=True)
    print(f"the wheel with the {kind} versions:", flush=True)
    program = str(lock.ROOT / "tests" / "installed.py")
    # -I: nothing of the repository is on the path.
    return subprocess.run([str(python), "-I", program], cwd=folder).returncode


def _python(home: Path) -> Path:
    return home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def pinned(text: str) -> dict[str, Version]:
    """The locked version of each package."""
    return {
        name: Version(version)
        for name, version in re.findall(r"^([\w.-]+)==([\w.!+-]+)", text, re.M)
    }


def _compile(out: Path, *arguments: str | Path) -> None:
    _uv("pip", "compile", f"--python={sys.executable}", f"--output-file={out}", *arguments)


def _uv(*arguments: str | Path) -> None:
    texts = [str(argument) for argument in arguments]
    command = [sys.executable, "-m", "uv", "--quiet", "--no-config", *texts]
    if subprocess.run(command, env=pip_settings.for_uv()).returncode:
        raise SystemExit(f"uv {' '.join(texts)} failed")


def _environment(name: str, python: str, requirements: Path) -> Path:
    """A fresh virtual environment with these packages and the project; its Python."""
    folder = FOLDER / name
    made = _python(folder)
    _uv("venv", "--clear", f"--python={python}", folder)
    _uv("pip", "sync", f"--python={made}", requirements)
    options = (f"--python={made}", "--no-deps", "--no-build-isolation")
    _uv("pip", "install", *options, "--editable", lock.ROOT)
    return made


def _tests(python: Path, arguments: list[str]) -> int:
    """Run pytest; 0 if all tests passed."""
    options = ("-q", "-n", "2", "-p", "no:cacheprovider")
    command = [str(python), "-m", "pytest", *options, *arguments]
    print(*command, flush=True)
    kept = os.environ.keys() - {"PYTHONPATH", "VIRTUAL_ENV"}
    environment = {name: os.environ[name] for name in kept}
    environment.setdefault("API302_FUZZ_EXAMPLES", EXAMPLES)
    environment["PATH"] = os.pathsep.join([str(python.parent), environment["PATH"]])
    try:
        done = subprocess.run(command, cwd=lock.ROOT, env=environment, timeout=60 * MINUTES)
        return int(done.returncode != 0)
    except subprocess.TimeoutExpired:
        print(f"the tests took longer than {MINUTES} minutes")
        return 1


def main() -> int:
    """Run a command; 1 if a test fails."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("command", choices=tuple(_COMMANDS))
    parser.add_argument("pytest", nargs="*", help="after --: what goes to pytest")
    options = parser.parse_args()
    return _COMMANDS[options.command](options.pytest)


_COMMANDS = {"lowest": lowest, "newest": newest, "pythons": pythons, "installed": installed}


if __name__ == "__main__":
    sys.exit(main())
