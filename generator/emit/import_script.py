"""A program that imports generated packages and prints counts.

It is run by `importing` as a file, with Python's -I.

    python -I -B import_script.py FOLDER OVERLAYS

The names of the modules come as JSON on the standard input; null means all. Nothing that it imports
may reach the network, start a program or write a file: that ends it with an error.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any, is_typeddict

CLIENT, RESOURCES = "api302_client", "api302_resources"
FUNCTIONS = ("build", "sync", "sync_detailed", "asyncio", "asyncio_detailed")
REFUSED = (
    *("socket.", "subprocess.", "os.system", "os.exec", "os.spawn", "os.posix_spawn", "os.fork"),
    *("os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.putenv", "shutil.", "ctypes."),
    *("urllib.", "http.client.", "ftplib.", "smtplib.", "webbrowser."),
)
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC


def guard(event: str, arguments: tuple[Any, ...]) -> None:
    """Refuse what importing a module has no business with."""
    writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING
    if writes or event.startswith(REFUSED):
        raise PermissionError(f"generated code does {event} {arguments[:2]!r} when it is imported")


def modules(package: str) -> Iterator[ModuleType]:
    """Every module of a package, imported."""
    top = importlib.import_module(package)
    yield top
    for found in pkgutil.walk_packages(top.__path__, f"{package}."):
        yield importlib.import_module(found.name)


def everything() -> dict[str, int]:
    """Import both packages; returns how much is in them."""
    counts: dict[str, int] = {"functions": 0, "parsers": 0, "types": 0, "modules": 0}
    for module in [*modules(CLIENT), *modules(RESOURCES)]:
        counts["modules"] += 1
        for name, number in proven(module).items():
            counts[name] += number
    index = importlib.import_module(f"{RESOURCES}._index").OPERATIONS
    for place in index.values():
        assert f"{CLIENT}.api.{place}" in sys.modules, place
    return {**counts, "indexed": len(index)}


def proven(module: ModuleType) -> dict[str, int]:
    """Use what is in a module; returns how much that is."""
    structure = importlib.import_module(f"{CLIENT}._structure")
    if hasattr(module, "RESPONSES"):
        return {"functions": 1, "parsers": parsers(module, structure)}
    if module.__name__.startswith(f"{CLIENT}.models."):
        write_loaders(module, structure)
    elif module.__name__.startswith(f"{CLIENT}.params."):
        return {"types": len(types(module))}
    return {}


def parsers(module: ModuleType, structure: ModuleType) -> int:
    """How many types of responses an endpoint module has; makes the loader of each."""
    for name in FUNCTIONS:
        assert callable(getattr(module, name)), f"{module.__name__}.{name}"
    kinds = [kind for by_media in module.RESPONSES.values() for kind in by_media.values()]
    for kind in [*kinds, *filter(None, [module.STREAM])]:
        structure.loader(kind)
    return len(kinds)


def write_loaders(module: ModuleType, structure: ModuleType) -> None:
    models = importlib.import_module(f"{CLIENT}.models")
    for name, value in list(vars(module).items()):
        if isinstance(value, type) and value.__module__ == module.__name__:
            assert getattr(models, name) is value, name
            structure.write(value)


def types(module: ModuleType) -> list[str]:
    """The names of the TypedDicts and aliases that a module of request types defines."""
    aliases = getattr(module, "__annotations__", {})
    made = [
        name
        for name, value in vars(module).items()
        if is_typeddict(value) and value.__module__ == module.__name__
    ]
    return sorted({*made, *aliases} - {"File", "Local"})


def main() -> None:
    """Import what the standard input names, or everything; print counts."""
    folder, overlays = sys.argv[1:]
    names: list[str] | None = json.load(sys.stdin)
    sys.path[:0] = [folder, overlays]
    sys.addaudithook(guard)
    if names is None:
        print(json.dumps(everything()))
    for name in names or ():
        proven(importlib.import_module(name))


main()
