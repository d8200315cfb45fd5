"""The types to annotate with: of what calls take, and of what they give.

    from api302.types import OpenaiChatMessage, OpenaiChatResponse

Each is loaded when it is first asked for. A request type whose name a response has too is called
`…Param`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from api302_client.models import *  # noqa: F403
    from api302_client.params import *  # noqa: F403

if not TYPE_CHECKING:  # or else a type checker would take any name

    def __getattr__(name: str) -> object:
        from importlib import import_module

        for source in ("api302_client.models", "api302_client.params"):
            value = getattr(import_module(source), name, None) if name[:1].isupper() else None
            if value is not None:
                globals()[name] = value
                return value
        raise AttributeError(f"module 'api302.types' has no type {name!r}")
