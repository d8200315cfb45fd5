"""`make live` tried on the mock: it finds calls, accepts true responses, reports false ones."""

from __future__ import annotations

import live

import api302_mock
from api302 import Client
from api302_mock.document import Document, load


def test_free_calls_match_and_a_false_reply_is_seen() -> None:
    document = Document(load())
    with api302_mock.start() as server, Client(api_key="sk-live", base_url=server.url) as client:
        found = dict(live.mismatches(client, document))
        assert {"ai302_list_models", "ai302_get_balance"} <= found.keys()
        assert not any(found.values()), found
        document.operations["ai302_get_balance"].responses["200"]["content"]["application/json"][
            "schema"
        ] = {"type": "array"}
        assert dict(live.mismatches(client, document))["ai302_get_balance"].startswith("reply: ")
