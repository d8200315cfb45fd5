"""Tavily's client."""

from __future__ import annotations

import pytest
from tavily import InvalidAPIKeyError, TavilyClient


def client(mock: str, api_key: str = "sk-clients") -> TavilyClient:
    return TavilyClient(api_key=api_key, api_base_url=f"{mock}/tavily")


def test_a_search(mock: str) -> None:
    found = client(mock).search(
        "red panda",
        search_depth="advanced",
        topic="news",
        time_range="week",
        max_results=3,
        include_answer=True,
        include_raw_content=True,
        include_domains=["example.com"],
    )
    assert found["results"][0]["url"]


def test_an_extract(mock: str) -> None:
    found = client(mock).extract(["https://example.com"], extract_depth="basic")
    assert found["results"][0]["raw_content"]


def test_a_wrong_key_is_refused(mock: str) -> None:
    with pytest.raises(InvalidAPIKeyError):
        client(mock, "nonsense").search("red panda")
