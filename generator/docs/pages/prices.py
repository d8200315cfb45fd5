"""The prices that a page's words name."""

from __future__ import annotations

import re
from typing import Any

# What a page writes for the units of x-price. The first that fits counts.
_UNITS = {
    r"(?:1\s{0,5})?M\s{0,5}input\s{0,5}tokens?": "1M input tokens",
    r"(?:1\s{0,5})?M\s{0,5}output\s{0,5}tokens?": "1M output tokens",
    r"(?:1\s{0,5})?M\s{0,5}tokens?|百万\s{0,5}tokens?|million tokens?": "1M tokens",
    r"(?:1\s{0,5})?M\s{0,5}(?:characters?|chars?|字符)|百万字符": "1M characters",
    r"1?k\s{0,5}(?:characters?|chars?|字符)|千字符": "1k characters",
    r"次|calls?\b|times?\b|requests?\b": "call",
    r"张|images?\b": "image",
    r"秒|seconds?\b|sec\b|s\b": "second",
    r"分钟|minutes?\b|mins?\b": "minute",
    r"小时|hours?\b": "hour",
    r"页|pages?\b": "page",
    r"天|日|days?\b": "day",
    r"个?月|months?\b": "month",
    r"积分|points?\b": "point",
}
_PER = r"(?:/|per\b|每)"
_UNIT = f"(?P<unit>{'|'.join(_UNITS)})"
_NUMBER = r"(?<![\d.])(?P<amount>\d{1,9}(?:\.\d{1,9})?)"
_GAP = r"\s{0,5}"
_PRICE = re.compile(rf"{_NUMBER}{_GAP}(?:PTC|USD)\b{_GAP}{_PER}{_GAP}{_UNIT}", re.IGNORECASE)
# The heading of a column, with amounts below.
_TABLE = re.compile(rf"{_PER}{_GAP}{_UNIT}{_GAP}(?:价格|price)", re.IGNORECASE)
_AMOUNT = re.compile(rf"{_NUMBER}{_GAP}PTC\b(?!{_GAP}{_PER})", re.IGNORECASE)
_FREE = re.compile(
    rf"(?:价格|Price){_GAP}[:：]?{_GAP}\*{{0,4}}{_GAP}(?:免费|free\b)", re.IGNORECASE
)
_BY_MODEL = re.compile(
    r"原有模型|相应模型|corresponding (?:image )?model|original model|by model|302\.ai/pric",
    re.IGNORECASE,
)
_MOST = 50


def prices(text: str) -> list[dict[str, Any]]:
    """The prices that a description names, as `x-price` has them."""
    found = [_price(match["amount"], match["unit"]) for match in _PRICE.finditer(text)]
    table = _TABLE.search(text)
    if table and not found:
        found = [_price(match["amount"], table["unit"]) for match in _AMOUNT.finditer(text)]
    if not found and _FREE.search(text):
        found = [_price("0", "call")]
    if not found and _BY_MODEL.search(text):
        found = [{"note": "by model"}]
    distinct = {tuple(price.items()): price for price in found}
    return list(distinct.values())[:_MOST]


def _price(amount: str, unit: str) -> dict[str, Any]:
    value = float(amount)
    per = next(
        name for pattern, name in _UNITS.items() if re.fullmatch(pattern, unit, re.IGNORECASE)
    )
    return {"amount": int(value) if value.is_integer() else value, "unit": "PTC", "per": per}
