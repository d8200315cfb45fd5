"""The API keys of a request, in whichever places the document's security schemes name."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

from starlette.requests import HTTPConnection

from api302_mock.document import Document
from api302_mock.errors import Refused

KEY_PREFIX = "sk-"
_MISSING = -10001
_WRONG = -10005


class Keys:
    """Finds and checks API keys.

    Args:
        document: The document, whose `securitySchemes` say where keys are.
    """

    def __init__(self, document: Document) -> None:
        schemes = document.raw.get("components", {}).get("securitySchemes", {})
        self._schemes = {name: document.resolve(scheme) for name, scheme in schemes.items()}

    @property
    def query_names(self) -> set[str]:
        """The query parameters that take a key."""
        schemes = self._schemes.values()
        return {
            one["name"] for one in schemes if one.get("type") == "apiKey" and one["in"] == "query"
        }

    def sent(self, request: HTTPConnection) -> list[str]:
        """Every key that a request carries, also where the document expects none: where keys
        leak to is a test's question.
        """
        named = [_credential(scheme, request) for scheme in self._schemes.values()]
        keys = [key for key in named if key]
        for value in _values(request):
            key = value.rpartition(" ")[2]
            if key.startswith(KEY_PREFIX) and key not in keys:
                keys.append(key)
        return keys

    def check(self, security: list[dict[str, list[str]]], request: HTTPConnection) -> None:
        """Refuse a request without an API key, or with one that cannot be one.

        Args:
            security: The requirements of the operation.
            request: A request, or the handshake of a WebSocket.

        Raises:
            Refused: 401.
        """
        if not security or not all(security):
            return  # an empty requirement is met by nothing at all
        names = chain.from_iterable(security)
        schemes = [self._schemes.get(name, {}) for name in names]
        # Any one of the alternatives will do, as at 302.AI, where one key stands in for every
        # vendor's.
        given = list(filter(None, (_credential(scheme, request) for scheme in schemes)))
        if not given:
            places = " or ".join(dict.fromkeys(map(_place, schemes)))
            raise Refused(401, f"The API key is missing: send {places}.", _MISSING)
        if not any(key.startswith(KEY_PREFIX) for key in given):
            raise Refused(
                401, "The API key is wrong: the mock takes any that begins with `sk-`.", _WRONG
            )


def _values(request: HTTPConnection) -> Iterator[str]:
    yield from request.headers.values()
    yield from request.query_params.values()


def _credential(scheme: dict[str, Any], request: HTTPConnection) -> str | None:
    if scheme.get("type") == "apiKey":
        places = {
            "header": request.headers,
            "query": request.query_params,
            "cookie": request.cookies,
        }
        return places[scheme["in"]].get(scheme["name"])
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    return value.strip() if kind.lower() == scheme.get("scheme", "bearer").lower() else None


def _place(scheme: dict[str, Any]) -> str:
    """Where a scheme takes the key, as one would write it."""
    if scheme.get("type") != "apiKey":
        return (
            f"the header `Authorization: {scheme.get('scheme', 'bearer').title()} {KEY_PREFIX}...`"
        )
    mark = "=" if scheme["in"] == "query" else ": "
    return f"the {scheme['in']} `{scheme['name']}{mark}{KEY_PREFIX}...`"
