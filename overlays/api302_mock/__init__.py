"""A mock of the 302.AI API that needs nothing but the joined OpenAPI document.

``python -m api302_mock`` serves it, :func:`start` serves it to a test from a thread, :func:`create_app` is the ASGI app alone, and the
pytest fixture ``api302_mock`` is a running server with its memory and its scheduled faults cleared for each test.

A `Prefer` header on any call says how its reply shall be, in any language: `Prefer: code=429, retry-after=2`.

  code=429            this status: an error in the provider's envelope, or a success that the call documents
  err-code=-10012     302.AI's code in that error
  retry-after=2       seconds, in its Retry-After header (429 and 503 say 1 without it)
  example=NAME        the document's example of this name; a wrong name is told with the right ones
  latency=0.5         seconds to wait before anything else
  fault=reset         the connection is reset before any reply
  fault=cut-stream    any body breaks off in the middle
  fault=end-stream    an event stream closes cleanly, but without its end
  fault=error-event   an event stream has an error in it
  fault=broken-json   the JSON of a body or an event is spoilt
  fault=envelope      a failure inside a 200, where the call has x-success (else 400)
  fault=task-failed   the task that the call begins fails, where its states have a word for that (else 400)

A task also fails when any text of its request contains `mock:fail`. Callers that cannot send headers schedule the same for the next calls:
`POST /mock/next` with `{"code": 429, "times": 2, "operation": "kling_text_to_video"}`; names have underscores there (`retry_after`).
`GET /mock/requests` lists the calls so far, and `POST /mock/reset` forgets everything.
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
        raise ModuleNotFoundError(
            f"The mock needs {error.name}: pip install 'api302[mock]'", name=error.name
        ) from error
