"""uv looks for packages where pip looks."""

from __future__ import annotations

import pytest

from scripts import pip_settings

LISTED = r"""
:env:.cert='/certs/proxy.pem'
:env:.find-links='/wheels'
global.index-url='https://mirror.example.com/simple'
global.timeout='60'
install.extra-index-url='https://one.example.com\nhttps://two.example.com'
site.no-index=''
"""


def test_what_pip_is_told_uv_is_told() -> None:
    assert pip_settings.translated(LISTED) == {
        "SSL_CERT_FILE": "/certs/proxy.pem",
        "UV_DEFAULT_INDEX": "https://mirror.example.com/simple",
        "UV_INDEX": "https://one.example.com https://two.example.com",
    }


def test_what_uv_itself_is_told_counts_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://mirror.example.com/simple")
    monkeypatch.delenv("UV_DEFAULT_INDEX", raising=False)
    assert pip_settings.for_uv()["UV_DEFAULT_INDEX"] == "https://mirror.example.com/simple"
    monkeypatch.setenv("UV_DEFAULT_INDEX", "https://own.example.com/simple")
    assert pip_settings.for_uv()["UV_DEFAULT_INDEX"] == "https://own.example.com/simple"
