"""A mock of the 302.AI API that needs nothing but the joined OpenAPI document.

``python -m api302_mock`` serves it, :func:`start` serves it to a test from a thread, :func:`create_app` is the ASGI app alone, and the
pytest fixture ``api302_mock`` is a running server with its memory and its scheduled faults cleared for each test.
"""

from __future__ import annotations

from api302_mock.app import MockApp, create_app
from api302_mock.server import MockServer, start

__all__ = ["MockApp", "MockServer", "create_app", "start"]
