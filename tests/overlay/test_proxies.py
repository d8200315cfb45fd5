"""What NO_PROXY says, as URL patterns of the HTTP library."""

from __future__ import annotations

import pytest
from support import Lazy

proxies = Lazy("api302._http.proxies")


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("", []),
        ("https://a.example", ["https://a.example"]),
        ("a.example", ["all://*a.example"]),
        (".a.example", ["all://*a.example"]),
        ("*.a.example", ["all://*a.example"]),
        ("127.0.0.1", ["all://127.0.0.1"]),
        ("10.0.0.0/8", ["all://10.0.0.0/8"]),
        ("::1", ["all://[::1]"]),
        ("[::1]", ["all://[::1]"]),
        ("fd00::/8", ["all://[fd00::]/8"]),
        ("xn--fsq.example", ["all://*例.example"]),
        ("xn--\u00fc", ["all://*xn--\u00fc"]),
    ],
)
def test_an_entry_is_a_pattern(entry: str, expected: list[str]) -> None:
    assert list(proxies.patterns(entry)) == expected


def test_what_is_proxied_and_what_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "ALL_PROXY", "all_proxy", "http_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("https_proxy", "proxy.example:3128")
    monkeypatch.setenv("no_proxy", "a.example, 10.0.0.0/8")
    made = proxies.mounts(lambda url: f"by {url}", lambda pattern: "/8" not in pattern)
    assert made == {"https://": "by http://proxy.example:3128", "all://*a.example": None}

    monkeypatch.setenv("no_proxy", "a.example,*")
    assert proxies.mounts(lambda url: url, lambda _: True) == {}
