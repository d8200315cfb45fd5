"""The specification as a page is held against it: operations by path and page number, schemas with all their variants, prices."""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from .. import join
from ..rules.context import Context, Operation
from ..source import Spec, SpecError, obj, seq
from . import DocsError
from .page import Call, page_number

_LIMIT = 40  # variants and references below one schema


class Described:
    """A specification that was read whole, with what `docs` asks of it."""

    def __init__(self, folder: Path) -> None:
        self.spec = Spec.load(folder)
        document, problems = join.assemble(self.spec)
        if problems:  # also a path that two files claim
            raise SpecError(problems)
        self.context = Context(self.spec, document)
        self.schemas: dict[str, Any] = obj(document["components"].get("schemas"))

    @cached_property
    def by_path(self) -> dict[tuple[str, str], list[Operation]]:
        """Operations by method and path, aliases included, whatever the parameters in braces are called."""
        found: dict[tuple[str, str], list[Operation]] = {}
        for operation in self.context.operations:
            for path in [operation.path, *(str(alias) for alias in seq(operation.node.get("x-aliases")))]:
                found.setdefault((operation.method, shape(path)), []).append(operation)
        return found

    @cached_property
    def numbers(self) -> dict[str, list[tuple[Operation, str]]]:
        """Operations by the page numbers in their x-docs, each with the ledger's page if that is said."""
        found: dict[str, list[tuple[Operation, str]]] = {}
        for operation in self.context.operations:
            for entry in map(obj, seq(operation.node.get("x-docs"))):
                number = page_number(str(entry.get("url") or ""))
                if number and re.search("302|apifox", str(entry["url"])):
                    found.setdefault(number, []).append((operation, str(entry.get("page") or "")))
        return found

    @cached_property
    def decided(self) -> dict[tuple[str, str], str]:
        """What a person decided to leave as it is (`decided.yaml` beside openapi.yaml): the reason by operation and message.

        A page that says something else tomorrow has another message, and is to decide again. Raises DocsError if the file is malformed.
        """
        file = self.spec.root / "decided.yaml"
        try:
            rows = yaml.safe_load(file.read_text(encoding="utf-8")) or [] if file.is_file() else []
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise DocsError(f"{file}: this is not YAML: {error}") from error
        found: dict[tuple[str, str], str] = {}
        for number, row in enumerate(rows if isinstance(rows, list) else [rows], 1):
            texts = [obj(row).get(key) for key in ("operation", "message", "reason")]
            if not all(isinstance(text, str) and text.strip() for text in texts):
                raise DocsError(f"{file}: entry {number} needs operation, message (as `diff` prints it) and reason")
            found[str(texts[0]), " ".join(str(texts[1]).split())] = str(texts[2])
        return found

    def find(self, call: Call, number: str) -> Operation | None:
        """The operation that a page describes: by method and path, without /v1 or with it, else by the page's number."""
        for path in [call.path, *call.others]:
            for spelling in (path, "/v1" + path, path.removeprefix("/v1")):
                found = self.by_path.get((call.method, shape(spelling)), [])
                homes = {operation.id: operation for operation in found}
                if len(homes) > 1:
                    names = " and ".join(f"`{name}` ({self.file(operation)})" for name, operation in homes.items())
                    raise DocsError(f"{call.method.upper()} {path} is claimed by {names}; keep it at one of them")
                if found:
                    return found[0]
        numbered = {operation.id: operation for operation, _ in self.numbers.get(number, []) if operation.method == call.method}
        return next(iter(numbered.values())) if len(numbered) == 1 else None

    def file(self, operation: Operation) -> str:
        """File and line of an operation."""
        return "{}:{}".format(*self.place(operation))

    def place(self, operation: Operation, *keys: str | int) -> tuple[str, int]:
        """File and line of an operation, or of a part of it."""
        return self.spec.locate(self.context.document, ["paths", operation.path, operation.method, *keys])

    def home(self, path: str) -> tuple[str, str] | None:
        """Section and vendor whose prefix in vendors.yaml is the longest of a path. Raises DocsError if two vendors claim it."""
        found: dict[int, set[tuple[str, str]]] = {}
        for slug, vendor in self.context.vendors.items():
            for section, prefixes in obj(obj(vendor).get("homes")).items():
                for prefix in seq(prefixes):
                    if path == prefix or (path.startswith(str(prefix)) and path[len(str(prefix))] in "/:"):
                        found.setdefault(len(str(prefix)), set()).add((section, slug))
        best = sorted(found[max(found)]) if found else []
        if len(best) > 1:
            names = " and ".join(".".join(home) for home in best)
            raise DocsError(f"{path} is claimed by {names} in vendors.yaml; give one of them a longer prefix, or the other none")
        return best[0] if best else None

    def variants(self, schema: Any) -> list[dict[str, Any]]:
        """A schema and all that its references, allOf, anyOf and oneOf add to it."""
        found: list[dict[str, Any]] = []
        waiting = [schema]
        while waiting and len(found) < _LIMIT:
            node = obj(self.context.resolve("", waiting.pop(0)).value)
            if any(node is other for other in found):
                continue
            found.append(node)
            waiting += [part for key in ("allOf", "anyOf", "oneOf") for part in seq(node.get(key))]
        return found

    def required(self, schema: Any, depth: int = 0) -> set[str]:
        """The fields that every value of a schema has."""
        node = obj(self.context.resolve("", schema).value)
        found = set(map(str, seq(node.get("required"))))
        if depth < 10:
            for part in seq(node.get("allOf")):
                found |= self.required(part, depth + 1)
            for key in ("anyOf", "oneOf"):
                if seq(node.get(key)):
                    found |= set.intersection(*(self.required(part, depth + 1) for part in node[key]))
        return found


def shape(path: str) -> str:
    """A path without the names of its parameters."""
    return re.sub(r"\{[^}]*\}|(?<=/):\w+", "{}", path.rstrip("/") or "/")


def fields(variants: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """The fields of a schema's variants, with the schemas that they give to each."""
    found: dict[str, list[Any]] = {}
    for variant in variants:
        for name, schema in obj(variant.get("properties")).items():
            found.setdefault(name, []).append(schema)
    return found


def types(variants: list[dict[str, Any]]) -> set[str]:
    """The JSON types that a schema's variants admit; empty if any."""
    found: set[str] = set()
    for variant in variants:
        kind = variant.get("type")
        if kind is not None:
            found |= set(map(str, kind if isinstance(kind, list) else [kind]))
        elif "const" in variant or "enum" in variant:
            found |= {type_name(value) for value in options(variant)}
        elif not any(key in variant for key in ("allOf", "anyOf", "oneOf", "properties")):
            return set()
    return found


def options(variant: dict[str, Any]) -> list[Any]:
    """The values that a schema lists."""
    return [variant["const"]] if "const" in variant else seq(variant.get("enum"))


def type_name(value: Any) -> str:
    """The JSON type of a value."""
    if isinstance(value, bool) or value is None:
        return "null" if value is None else "boolean"
    names = {str: "string", int: "integer", float: "number", list: "array", dict: "object"}
    return next((name for kind, name in names.items() if isinstance(value, kind)), "string")


# What a page writes for the units of x-price. The first that fits counts.
_UNITS: tuple[tuple[str, str], ...] = (
    (r"(?:1\s*)?M\s*input\s*tokens?", "1M input tokens"),
    (r"(?:1\s*)?M\s*output\s*tokens?", "1M output tokens"),
    (r"(?:1\s*)?M\s*tokens?|百万\s*tokens?|million tokens?", "1M tokens"),
    (r"(?:1\s*)?M\s*(?:characters?|chars?|字符)|百万字符", "1M characters"),
    (r"1?k\s*(?:characters?|chars?|字符)|千字符", "1k characters"),
    (r"次|calls?\b|times?\b|requests?\b", "call"),
    (r"张|images?\b", "image"),
    (r"秒|seconds?\b|sec\b|s\b", "second"),
    (r"分钟|minutes?\b|mins?\b", "minute"),
    (r"小时|hours?\b", "hour"),
    (r"页|pages?\b", "page"),
    (r"天|日|days?\b", "day"),
    (r"个?月|months?\b", "month"),
    (r"积分|points?\b", "point"),
)
_UNIT = "|".join(f"(?P<u{number}>{pattern})" for number, (pattern, _) in enumerate(_UNITS))
_PRICE = re.compile(rf"(?P<amount>\d+(?:\.\d+)?)\s*(?:PTC|USD)\b\s*(?:/|per\b|每)\s*(?:{_UNIT})", re.IGNORECASE)
_TABLE = re.compile(rf"(?:每|per\s|/)\s*(?:{_UNIT})\s*(?:价格|price)", re.IGNORECASE)
_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)\s*PTC\b(?!\s*(?:/|per\b|每))", re.IGNORECASE)
_FREE = re.compile(r"(?:价格|Price)\s*[:：]?\s*\**\s*(?:免费|free\b)", re.IGNORECASE)
_BY_MODEL = re.compile(r"原有模型|相应模型|corresponding (?:image )?model|original model|by model|pricing_api", re.IGNORECASE)


def prices(text: str) -> list[dict[str, Any]]:
    """The prices that a description names, as `x-price` has them."""
    found: list[dict[str, Any]] = []
    for match in _PRICE.finditer(text):
        found.append({"amount": _number(match["amount"]), "unit": "PTC", "per": _unit(match)})
    table = _TABLE.search(text)
    if table and not found:
        found = [{"amount": _number(amount[1]), "unit": "PTC", "per": _unit(table)} for amount in _AMOUNT.finditer(text)]
    if not found and _FREE.search(text):
        found = [{"amount": 0, "unit": "PTC", "per": "call"}]
    if not found and _BY_MODEL.search(text):
        return [{"note": "by model"}]
    return [price for number, price in enumerate(found) if price not in found[:number]]


def _unit(match: re.Match[str]) -> str:
    return next(unit for number, (_, unit) in enumerate(_UNITS) if match[f"u{number}"])


def _number(text: str) -> int | float:
    value = float(text)
    return int(value) if value.is_integer() else value
