"""What the values of Python programs are as JSON: dates, enums, dataclasses, arrays of numpy …

No library is imported for it: what a value is shows its class.
"""

from __future__ import annotations

import datetime
import decimal
import enum
import sys
import uuid
from collections import deque
from collections.abc import (
    ItemsView,
    Iterator,
    KeysView,
    Mapping,
    Sequence,
    Set,
    ValuesView,
)
from typing import Any

from ._model import plain

_LISTS = (Sequence, KeysView, ValuesView, ItemsView, Iterator, deque, range)
_DATES = (datetime.datetime, datetime.date, datetime.time)


def converted(value: Any) -> Any:
    """A value that is of no JSON type itself, as one; itself where nobody knows."""
    if isinstance(value, enum.Enum):
        return plain(value.value)
    if isinstance(value, (str, int, float)):
        return value
    if isinstance(value, _DATES):
        return value.isoformat()
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, decimal.Decimal):
        return _number(value)
    if isinstance(value, Mapping):
        return {_key(key): plain(item) for key, item in value.items()}
    if isinstance(value, type) or _is_file(value):
        return value
    return _collected(value)


def _collected(value: Any) -> Any:
    """What has fields as an object, and what has items as an array."""
    fields = _fields(value)
    if fields is not None:
        return {name: plain(item) for name, item in fields.items() if item is not None}
    if hasattr(value, "dtype") and hasattr(value, "tolist"):  # numpy, pandas, torch
        return plain(value.tolist())
    if isinstance(value, _LISTS):
        return [plain(item) for item in value]
    if isinstance(value, Set):
        items = [plain(item) for item in value]
        return sorted(items, key=repr)  # sets have no order, and a request shall always be the same
    return value


def _fields(value: Any) -> Mapping[str, Any] | None:
    """The fields of an object of Pydantic's, of a dataclass or of attrs; of anything else None."""
    kind = type(value)
    if hasattr(kind, "model_dump"):
        dumped: Mapping[str, Any] = value.model_dump(mode="json", by_alias=True, exclude_none=True)
        return dumped
    if hasattr(kind, "__dataclass_fields__"):
        return {name: getattr(value, name) for name in kind.__dataclass_fields__}
    if hasattr(kind, "__attrs_attrs__"):
        return {one.name: getattr(value, one.name) for one in kind.__attrs_attrs__}
    if hasattr(kind, "__fields__") and hasattr(kind, "dict"):  # Pydantic 1
        old: Mapping[str, Any] = value.dict(by_alias=True, exclude_none=True)
        return old
    return None


def _is_file(value: Any) -> bool:
    """Whether a value is the content of a file, whose items nobody means."""
    return isinstance(value, (bytes, bytearray, memoryview)) or hasattr(value, "read")


def _key(key: Any) -> Any:
    return key.value if isinstance(key, enum.Enum) else str(key) if _is_odd_key(key) else key


def _is_odd_key(key: Any) -> bool:
    return isinstance(key, (uuid.UUID, *_DATES))


def _number(value: decimal.Decimal) -> Any:
    """A decimal as a JSON number, without a fraction where it has none.

    One beyond all floats stays, and is refused: with all its digits it could fill the memory.
    """
    if not value.is_finite() or value.adjusted() > sys.float_info.max_10_exp:
        return value
    return int(value) if value == value.to_integral_value() else float(value)
