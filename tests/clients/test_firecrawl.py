"""Firecrawl's client, second version.

It drops the path of its `api_url`, so that `/firecrawl` is put before each path here.
"""

from __future__ import annotations

import pytest
from firecrawl import Firecrawl
from firecrawl.v2.types import ScrapeOptions
from firecrawl.v2.utils.error_handler import UnauthorizedError

PAGE = "https://example.com"


def client(mock: str, api_key: str = "sk-clients") -> Firecrawl:
    firecrawl = Firecrawl(api_key=api_key, api_url=mock)
    http = firecrawl._v2_client.http_client
    http._build_url = lambda endpoint: f"{mock}/firecrawl{endpoint}"
    return firecrawl


def test_a_page(mock: str) -> None:
    page = client(mock).scrape(PAGE, formats=["markdown", "links"], only_main_content=True)
    assert page.markdown
    assert page.metadata
    assert page.metadata.title


def test_a_crawl(mock: str) -> None:
    crawl = client(mock).crawl(
        PAGE, limit=2, scrape_options=ScrapeOptions(formats=["markdown"]), poll_interval=1
    )
    assert crawl.status == "completed"
    assert crawl.data[0].markdown


def test_a_crawl_that_is_cancelled(mock: str) -> None:
    firecrawl = client(mock)
    crawl = firecrawl.start_crawl(PAGE)
    assert firecrawl.cancel_crawl(crawl.id)
    assert firecrawl.get_crawl_status(crawl.id).status == "cancelled"
    assert firecrawl.get_crawl_errors(crawl.id).errors == []


def test_a_batch(mock: str) -> None:
    batch = client(mock).batch_scrape([PAGE], formats=["markdown"], poll_interval=1)
    assert batch.status == "completed"
    assert batch.data[0].markdown


def test_a_map(mock: str) -> None:
    assert client(mock).map(PAGE, search="docs", limit=2).links


def test_a_search(mock: str) -> None:
    found = client(mock).search("red panda", sources=["web", "news"], limit=2)
    assert found.web


def test_an_extraction(mock: str) -> None:
    schema = {"type": "object", "properties": {"headings": {"type": "array"}}}
    found = client(mock).extract([PAGE], prompt="Find the headings.", schema=schema)
    assert found.data


def test_a_wrong_key_is_refused(mock: str) -> None:
    with pytest.raises(UnauthorizedError):
        client(mock, "nonsense").scrape(PAGE)
