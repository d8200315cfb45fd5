"""Exa's client. It sends the API key in `x-api-key` alone; 302.AI reads `Authorization` here."""

from __future__ import annotations

import pytest
from exa_py import Exa


def client(mock: str, api_key: str = "sk-clients") -> Exa:
    exa = Exa(api_key, base_url=f"{mock}/exaai")
    exa.headers["Authorization"] = f"Bearer {api_key}"
    return exa


def test_a_search(mock: str) -> None:
    found = client(mock).search("red panda", num_results=3, type="auto", category="news")
    assert found.results[0].url


def test_a_search_with_text(mock: str) -> None:
    found = client(mock).search(
        "red panda", contents={"text": {"max_characters": 500}, "highlights": True}
    )
    assert found.results[0].url


def test_contents(mock: str) -> None:
    found = client(mock).get_contents(["https://example.com"], text=True)
    assert found.results[0].text


def test_an_answer(mock: str) -> None:
    assert client(mock).answer("Where do red pandas live?", text=True).answer


def test_a_wrong_key_is_refused(mock: str) -> None:
    with pytest.raises(ValueError, match="401"):
        client(mock, "nonsense").search("red panda")
