"""A mock of the 302.AI API that needs nothing but the joined OpenAPI document.

``python -m api302_mock`` serves it, :func:`start` serves it to a test from a thread,
:func:`create_app` is the ASGI app alone, and the pytest fixture ``api302_mock`` is a running
server that each test gets as new.

A `Prefer` header on any call says how its response is to be, in any language, such as
`Prefer: code=429, retry-after=2`.

  code=429            this status: an error in 302.AI's envelope, or a documented success
  err-code=-10012     302.AI's code in that error
  retry-after=2       seconds, in its Retry-After header (429 and 503 say 1 without it)
  example=NAME        the document's example of this name; a wrong one is refused with the names
  latency=0.5         seconds to wait before anything else
  fault=reset         the connection is reset before any response
  fault=cut-stream    any body breaks off in the middle
  fault=end-stream    an event stream closes cleanly, but without its end
  fault=error-event   an event stream has an error in it
  fault=broken-json   the JSON of a body or an event is spoilt
  fault=envelope      a failure inside a 200, where the call has x-success (or 400)
  fault=task-failed   the task that the call begins fails, if its states have a word for it (or 400)
  fault=new-word      state and enum words become one that is not listed, if there are any (or 400)

A task also fails when any text of its request contains `mock:fail`. Callers that cannot send
headers schedule the same for the next calls: `POST /mock/next` with `{"code": 429, "times": 2,
"operation": "kling_text_to_video"}`; names have underscores there (`retry_after`), and a
response of your own is possible too: `{"body": {...}}` for all of it, `{"text": "Hello"}` and
`{"tool_calls": [{"name": "f", "arguments": {...}}]}` for what a model says, also as a stream,
`{"error": "..."}`. `GET /mock/requests` lists the calls so far, `GET` and `POST /mock/settings`
show and change settings (`{"polls": 0}`), and `POST /mock/reset` forgets everything and restores
the settings. Web pages may call the API from any origin, and `/mock/` from none but its own.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from api302_mock.app import MockApp, create_app
    from api302_mock.control import Seen, Settings
    from api302_mock.server import MockServer, start

__all__ = ["MockApp", "MockServer", "Seen", "Settings", "create_app", "start"]

_HOMES = {
    "MockApp": "app",
    "create_app": "app",
    "Seen": "control",
    "Settings": "control",
    "MockServer": "server",
    "start": "server",
}


def __getattr__(name: str) -> Any:
    # On first use: pytest imports this package for its fixture in every run, also where the
    # extra `mock` is not installed.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == __name__:
            raise
        raise ModuleNotFoundError(missing(error), name=error.name) from error


def missing(error: ModuleNotFoundError) -> str:
    """What to do where a module that the mock needs is missing."""
    name = error.name or "a module"
    if name.partition(".")[0] == "api302_client":
        return f"The mock needs {name}: in a checkout, run `python -m generator build`"
    return f"The mock needs {name}: pip install 'api302[mock]'"
