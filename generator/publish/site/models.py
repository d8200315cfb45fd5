"""The table of models on the site: its own page, searched by name, kind, vendor and price."""

from __future__ import annotations

from html import escape
from pathlib import Path

from generator.document import Document
from generator.emit.docstrings import price_text
from generator.source import seq

FOLDER = Path(__file__).parent
FILE = "models.html"


def page(document: Document) -> str:
    """The page. All texts of the specification are data in it."""
    rows = "".join(map(_row, document.catalog.values()))
    kinds = dict.fromkeys(kind for model in document.models.values() for kind in model.kinds)
    options = "".join(f"<option>{escape(kind)}</option>" for kind in kinds)
    template = (FOLDER / FILE).read_text(encoding="utf-8")
    return template.replace("<!-- kinds -->", options).replace("<!-- rows -->", rows)


def _row(model: dict[str, object]) -> str:
    prices = [one for one in seq(model.get("price")) if "amount" in one]
    amounts = [float(one["amount"]) for one in prices]
    name = str(model.get("name") or model["id"])
    kinds = " ".join(map(str, seq(model["kinds"])))
    calls = ", ".join(str(call["operation"]) for call in seq(model["calls"]))
    cells = [
        f"<td><code>{escape(name)}</code></td>",
        f"<td>{escape(str(model['title']))}</td>",
        f"<td>{escape(kinds.replace(' ', ', '))}</td>",
        f"<td>{escape(str(model['vendor']))}</td>",
        f"<td>{escape(price_text(prices).rstrip('.')) if prices else 'not documented'}</td>",
        f"<td>{escape(calls)}</td>",
    ]
    gone = ' class="deprecated"' if model.get("deprecated") else ""
    most = f"{max(amounts):g}" if amounts else ""
    return f'<tr{gone} data-kinds="{escape(kinds)}" data-price="{most}">{"".join(cells)}</tr>\n'
