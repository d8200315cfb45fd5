"""A mock of the 302.AI API that needs nothing but the joined OpenAPI document.

``python -m api302_mock`` serves it, :func:`start` serves it to a test from a thread, :func:`create_app` is the ASGI app alone, and the
pytest fixture ``api302_mock`` is a running server with its memory and its scheduled faults cleared for each test.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from api302_mock.app import MockApp, create_app
    from api302_mock.server import MockServer, start

__all__ = ["MockApp", "MockServer", "create_app", "start"]

_HOMES = {"MockApp": "app", "create_app": "app", "MockServer": "server", "start": "server"}


def __getattr__(name: str) -> Any:
    # On first use: pytest imports this package for its fixture in every run, also where the extra `mock` is not installed.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == __name__:
            raise
        raise ModuleNotFoundError(f"The mock needs {error.name}: pip install 'api302[mock]'", name=error.name) from error
