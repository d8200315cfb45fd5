"""API keys, in the places that the document's security schemes name and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from api302_mock import MockServer, start

from .test_own import REAL

SCHEMES: dict[str, Any] = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "basic": {"type": "http", "scheme": "basic"},
    "header": {"type": "apiKey", "in": "header", "name": "X-Acme-Key"},
    "query": {"type": "apiKey", "in": "query", "name": "acme_key"},
    "cookie": {"type": "apiKey", "in": "cookie", "name": "acme"},
}


def operation(name: str, security: list[dict[str, list[str]]] | None) -> dict[str, Any]:
    own = {} if security is None else {"security": security}
    return {
        "get": {"operationId": name, "responses": {"200": {"description": ""}}} | own,
    }


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    document = {
        "openapi": "3.2.0",
        "security": [{"bearer": []}],
        "components": {"securitySchemes": SCHEMES},
        "paths": {
            "/usual": operation("usual", None),
            "/any": operation("any", [{name: []} for name in SCHEMES]),
            "/query": operation("query", [{"query": []}]),
            "/both": operation("both", [{"bearer": [], "header": []}, {"cookie": []}]),
            "/free": operation("free", []),
            "/optional": operation("optional", [{}, {"bearer": []}]),
        },
    }
    with start(document, strict=True) as server:
        yield server


def get(server: MockServer, path: str, **sent: Any) -> int:
    return httpx.get(server.url + path, **sent).status_code


@pytest.mark.parametrize(
    "sent",
    [
        {"headers": {"Authorization": "Bearer sk-x"}},
        {"headers": {"Authorization": "bearer sk-x"}},
        {"headers": {"Authorization": "Basic sk-x"}},
        {"headers": {"x-acme-key": "sk-x"}},
        {"params": {"acme_key": "sk-x"}},
        {"headers": {"Cookie": "acme=sk-x"}},
    ],
    ids=str,
)
def test_any_scheme_of_an_operation_takes_the_key(server: MockServer, sent: Any) -> None:
    assert get(server, "/any", **sent) == 200
    assert server.requests[-1].keys == ["sk-x"]


def test_a_scheme_of_others_does_not(server: MockServer) -> None:
    assert get(server, "/usual", headers={"x-acme-key": "sk-x"}) == 401
    assert get(server, "/query", headers={"Authorization": "Bearer sk-x"}) == 401
    assert get(server, "/both", headers={"x-acme-key": "sk-x"}) == 200
    response = httpx.get(f"{server.url}/any", headers={"x-acme-key": "nonsense"})
    assert response.status_code == 401
    assert response.json()["error"]["err_code"] == -10005


def test_a_missing_key_is_told_with_the_places_for_one(server: MockServer) -> None:
    response = httpx.get(f"{server.url}/any")
    assert response.status_code == 401
    message = response.json()["error"]["message"]
    for place in ("Authorization: Bearer", "X-Acme-Key", "acme_key=", "acme"):
        assert place in message


def test_no_key_where_none_is_needed(server: MockServer) -> None:
    assert get(server, "/free") == get(server, "/optional") == 200


def test_a_key_that_goes_to_a_file_is_seen_wherever_it_is(server: MockServer) -> None:
    url = f"{server.url}/mock/files/x.png"
    for sent in ({"headers": {"X-Other": "sk-x"}}, {"params": {"token": "sk-x"}}):
        server.reset()
        assert server.leaked_keys == []
        httpx.get(url, **sent)  # type: ignore[arg-type]
        assert [seen.keys for seen in server.leaked_keys] == [["sk-x"]]


CONTENTS = {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]}
MESSAGES = {
    "model": "claude-3-5-haiku-latest",
    "max_tokens": 9,
    "messages": [{"role": "user", "content": "hello"}],
}


def test_vendors_own_programs_send_their_own_headers() -> None:
    """As Google's and Anthropic's clients do it, which know nothing of 302.AI."""
    gemini = "/v1beta/models/gemini-2.5-flash:generateContent"
    with start(REAL, strict=True) as server, httpx.Client(base_url=server.url) as http:
        for path, body, sent in (
            (gemini, CONTENTS, {"headers": {"x-goog-api-key": "sk-x"}}),
            (gemini, CONTENTS, {"params": {"key": "sk-x"}}),
            ("/v1/messages", MESSAGES, {"headers": {"x-api-key": "sk-x"}}),
        ):
            response = http.post(path, json=body, **sent)  # type: ignore[arg-type]
            assert response.status_code == 200, response.text
        wrong = http.post("/v1/messages", json=MESSAGES, headers={"x-goog-api-key": "sk-x"})
        assert wrong.status_code == 401
        assert "x-api-key" in wrong.json()["error"]["message"]
