"""How results are printed: as JSON, YAML, a table or text; all of it or what JMESPath finds."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import Any

import click

from api302._json import is_array, is_mapping, is_object, is_tuple
from api302._terminal import harmless, json_for

from .errors import has_colors

_WIDEST = 60
"""Characters of a cell of a table."""


def plain(value: Any) -> Any:
    """A result as plain JSON."""
    if hasattr(value, "to_dict"):
        return plain(value.to_dict())
    if hasattr(value, "_asdict"):
        return plain(value._asdict())
    if is_mapping(value):
        return {name: plain(inner) for name, inner in value.items()}
    if isinstance(value, str):
        return str(value)
    if is_array(value) or is_tuple(value):
        return [plain(inner) for inner in value]
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    return value if isinstance(value, (bool, int, float, type(None))) else str(value)


def found(value: Any, query: str | None) -> Any:
    """What a JMESPath finds in a result. Raises click.UsageError for what is none."""
    data = plain(value)
    if not query:
        return data
    import jmespath
    from jmespath.exceptions import JMESPathError

    try:
        return jmespath.search(query, data)
    except JMESPathError as error:
        raise click.UsageError(f"--query: {' '.join(str(error).split())}") from None


def emit(value: Any, form: str | None = None, query: str | None = None) -> None:
    """Print a result. Without a format, a text stands as it is, and all else is JSON."""
    data = found(value, query)
    if data is None and query:
        form = form or "text"
    elif form is None:
        form = "text" if isinstance(data, str) else "json"
    {"json": _json, "yaml": _yaml, "table": table, "text": _text}[form](data)


def line(value: Any, query: str | None = None) -> None:
    """Print a value as one line of JSON."""
    write(json_for(sys.stdout, found(value, query)) + "\n")
    sys.stdout.flush()


def write(text: str) -> None:
    """Print a text as it is; on a terminal, what would command it is escaped."""
    sys.stdout.write(harmless(text) if sys.stdout.isatty() else text)


def note(text: str) -> None:
    """Say something beside the result: on the standard error."""
    print(harmless(text), file=sys.stderr)


def _json(data: Any) -> None:
    write(json_for(sys.stdout, data, indent=2) + "\n")


def _yaml(data: Any) -> None:
    import yaml  # that it is installed was found before the call

    write(yaml.safe_dump(data, allow_unicode=True, sort_keys=False))


def _text(data: Any) -> None:
    for said in texts(data):
        write(f"{said}\n")


def texts(data: Any, indent: str = "") -> Iterable[str]:
    """The lines of a value: a text as it is, a list line by line, a mapping with its names."""
    if is_object(data):
        for name, value in data.items():
            if isinstance(value, (dict, list)):
                yield f"{indent}{name}:"
                yield from texts(value, f"{indent}  ")
            else:
                yield f"{indent}{name}: {_cell(value)}"
    elif is_array(data):
        for value in data:
            yield from texts(value, indent)
    elif data is not None:
        yield f"{indent}{_cell(data)}"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


# --- tables ---------------------------------------------------------------------------------------


def table(data: Any) -> None:
    """Print a list of objects as a table, and an object by its fields.

    Of a response that has one list of objects, that list is meant.
    """
    rows = _rows(data)
    if rows is None:
        pairs: dict[str, Any] = data or {}
        show(["field", "value"], [[name, _cell(value)] for name, value in pairs.items()])
        return
    names = list(dict.fromkeys(name for row in rows for name in row))
    show(names, [[_cell(row.get(name)) for name in names] for row in rows])


def _rows(data: Any) -> list[dict[str, Any]] | None:
    """The objects that a table has as its rows."""
    if is_object(data):
        lists = [value for value in data.values() if _are_objects(value)]
        return lists[0] if len(lists) == 1 else None
    if _are_objects(data):
        return data
    return [{"value": value} for value in (data if is_array(data) else [data])]


def _are_objects(value: Any) -> bool:
    return is_array(value) and bool(value) and all(map(is_object, value))


def show(names: list[str], rows: list[list[str]]) -> None:
    """Print a table: with rich where it is installed and somebody looks, else in columns."""
    shown = [[_short(cell) for cell in row] for row in rows]
    if has_colors(sys.stdout) and _with_rich(names, shown):
        return
    widths = [
        max([_width(name), *(_width(row[at]) for row in shown)]) for at, name in enumerate(names)
    ]
    for row in [names, *shown]:
        padded = [
            cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)
        ]
        write("  ".join(padded).rstrip() + "\n")


def _with_rich(names: list[str], rows: list[list[str]]) -> bool:
    try:
        from rich import box
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text
    except ImportError:
        return False
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in names:
        made.add_column(Text(harmless(name)))
    for row in rows:
        made.add_row(*(Text(harmless(cell)) for cell in row))
    Console().print(made)
    return True


def _short(cell: str) -> str:
    flat = " ".join(cell.split())
    return flat if len(flat) <= _WIDEST else f"{flat[: _WIDEST - 1]}…"


def _width(text: str) -> int:
    """Columns that a text takes: wide characters, such as Chinese ones, take two."""
    import unicodedata

    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)
