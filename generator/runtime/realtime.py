"""What `x-realtime` says of a WebSocket, for clients and the mock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Settings:
    """The message that sets a session up, and its field."""

    message: str
    field: str


@dataclass(frozen=True, slots=True)
class Audio:
    """The message that takes audio, and its field, in base64."""

    message: str
    field: str
    rate: int
    """Samples a second, of 16 bits each."""

    @property
    def bytes_per_ms(self) -> float:
        return self.rate * 2 / 1000


@dataclass(frozen=True, slots=True)
class Turn:
    """The messages that a response begins and ends with, that asks for it, and that cancels it."""

    begin: str
    end: str
    ask: str | None = None
    cancel: str | None = None
    canceled: str | None = None
    """The example of the end that a canceled response has."""


@dataclass(frozen=True, slots=True)
class Truncate:
    """The message that cuts the audio of a response after what was heard."""

    message: str
    until: str
    """Its field for the milliseconds."""
    copied: tuple[str, ...]
    """The fields that it has from the last message with a piece of that audio."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Where the kind of a response is said, as JMESPath, and the kind where it is not."""

    fields: tuple[str, ...]
    otherwise: str
    tools: str | None = None
    """The kind of one that calls functions."""


@dataclass(frozen=True, slots=True)
class Realtime:
    """The rules of a WebSocket; messages are named as in the description."""

    first: tuple[str, ...]
    """What the service sends once the connection is open."""
    error: str
    """What it sends for a message that it cannot take."""
    response: Turn
    settings: Settings | None = None
    audio: Audio | None = None
    truncate: Truncate | None = None
    kind: Kind | None = None


def read(node: Mapping[str, Any]) -> Realtime:
    """The rules as the description has them."""
    truncate, kind = node.get("truncate"), node.get("kind")
    return Realtime(
        first=tuple(node["first"]),
        error=node["error"],
        response=Turn(**node["response"]),
        settings=Settings(**node["settings"]) if "settings" in node else None,
        audio=Audio(**node["audio"]) if "audio" in node else None,
        truncate=Truncate(**{**truncate, "copied": tuple(truncate["copied"])})
        if truncate
        else None,
        kind=Kind(**{**kind, "fields": tuple(kind["fields"])}) if kind else None,
    )
