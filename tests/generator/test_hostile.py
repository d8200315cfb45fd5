"""Text of the document never becomes code, through no template and no tool."""

from __future__ import annotations

import ast
import copy
import itertools
import os
import random
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, seed, settings
from hypothesis import strategies as st
from zoo import zoo_document

from generator.document import Document
from generator.emit import namespaces, raw_client, typed_dicts
from generator.emit.code import (
    GenerationError,
    docstring,
    name,
    names,
    output,
    templates,
    type_expression,
)
from generator.emit.methods import Methods
from generator.emit.plan import Plan
from generator.source import SpecError

BREAKERS = (
    '"""',
    "'''",
    '"',
    "'",
    "\\",
    "\\\\",
    "\n",
    "\r",
    "\0",
    "\x0c",
    "\u2028",
    "\ud800",
    "\t",
)
SNIPPETS = (
    "{{ 1 }}",
    "{% if %}",
    "import os",
    "os.system('x')",
    "# ",
    "\\N{DASH}",
    "\\x41",
    "é你",
    "}",
    ")",
)
hostile = st.lists(
    st.one_of(st.sampled_from(BREAKERS + SNIPPETS), st.text(max_size=8)), min_size=1, max_size=6
).map("".join)
"""Texts that would end a literal or a docstring, or are no source code."""
DOCUMENT = zoo_document()


def with_texts(texts: Iterable[str]) -> dict[str, Any]:
    """The zoo with texts, in turn, wherever the document has free text, or words of others."""
    document = copy.deepcopy(DOCUMENT)
    turn = itertools.cycle(texts)
    for tag in document["tags"]:
        tag.update(summary=next(turn), description=next(turn))
    for item in document["paths"].values():
        for operation in item.values():
            if isinstance(operation, dict):
                spoil(operation, turn)
    for schema in document["components"]["schemas"].values():
        schema["description"] = next(turn)
        for inner in schema.get("properties", {}).values():
            if isinstance(inner, dict) and "$ref" not in inner:
                inner.update(description=next(turn), default=next(turn))
                if "enum" in inner:
                    inner["enum"] = [next(turn)]
    return document


def spoil(operation: dict[str, Any], turn: Iterator[str]) -> None:
    operation.update(summary=next(turn), description=next(turn))
    operation["x-docs"] = [{"url": next(turn), "evidence": next(turn), "seen": next(turn)}]
    price = {name: next(turn) for name in ("unit", "per", "for", "note")}
    operation["x-price"] = [{"amount": 1, **price}]
    media_type = f"text/{next(turn)}"
    for response in operation["responses"].values():
        if "content" in response:
            response["description"] = next(turn)
            media = next(iter(response["content"].values()))
            response["content"][media_type] = copy.deepcopy(media)
    for parameter in operation.get("parameters", []):
        if "$ref" not in parameter:
            parameter["description"] = next(turn)
    for key in ("x-task", "x-stream"):
        if "when" in operation.get(key, {}):
            operation[key]["when"]["value"] = next(turn)


def rendered(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Each file that a template makes, and its text."""
    methods = Methods.of_document(Document(document))
    environment = templates()
    files = [*raw_client.files(methods.plan), *namespaces.files(namespaces.planned(methods))]
    for file in files:
        if file.template and not file.is_formatted:
            yield file.path, file.text(environment)


class Skeleton(ast.NodeTransformer):
    """Takes what is text out of a module, so that only its code is left."""

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        return ast.Constant("text" if isinstance(node.value, str) else node.value)


def code_of(text: str) -> str:
    return ast.dump(Skeleton().visit(ast.parse(text)))


PLAIN = {path: code_of(text) for path, text in rendered(with_texts(["plain text"]))}


WIRE_NAMES = {"Dict", "Assign", "Constant", "Name", "If", "UnaryOp", "Not"}
"""What says the wire's names of fields: an assignment that type checkers do not see."""
UNCHECKED = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
"""A build is slow, and hostile texts are large."""
EXAMPLES = int(os.environ.get("API302_FUZZ_EXAMPLES", "2160"))
TEXTS = 72
"""Of each example of the templates, each in some places of every template."""


@seed(302)
@settings(max_examples=max(1, EXAMPLES // TEXTS), deadline=None, suppress_health_check=UNCHECKED)
@given(st.lists(hostile, min_size=TEXTS, max_size=TEXTS))
@example(['"""\nimport os\n"""'])
@example(["\\"])
@example(['"'])
@example(["'; import os #"])
def test_templates_write_text_as_text(texts: list[str]) -> None:
    """Whatever the texts are, the code is that of plain texts."""
    spoiled = dict(rendered(with_texts([text if text.strip() else "x" for text in texts])))
    assert spoiled.keys() == PLAIN.keys()
    for path, written in spoiled.items():
        assert code_of(written) == PLAIN[path], path


@seed(302)
@settings(max_examples=max(1, EXAMPLES // 144), deadline=None, suppress_health_check=UNCHECKED)
@given(hostile)
def test_names_on_the_wire_are_refused_or_harmless(text: str) -> None:
    """A field or parameter of any name changes no statement of a module, and adds one field."""
    document = copy.deepcopy(DOCUMENT)
    schemas = document["components"]["schemas"]
    schemas["AcmeTask"]["properties"][text] = {"type": "string"}
    schemas["AcmeVideoRequest"]["properties"][text] = {"type": "string"}
    try:
        written = dict(rendered(document))
    except (SpecError, GenerationError):  # two names that are one in Python
        return
    for path, module in written.items():
        kinds = {type(node).__name__ for node in ast.walk(ast.parse(module))}
        plain = {type(node).__name__ for node in ast.walk(ast.parse(BENIGN[path]))}
        assert kinds <= plain | WIRE_NAMES, path
        assert calls(module) <= calls(BENIGN[path]), path


BENIGN = dict(rendered(copy.deepcopy(DOCUMENT)))


def calls(module: str) -> set[str]:
    found = (node for node in ast.walk(ast.parse(module)) if isinstance(node, ast.Call))
    return {ast.unparse(node.func) for node in found}


@seed(302)
@settings(max_examples=EXAMPLES, deadline=None)
@given(hostile)
def test_every_text_is_its_own_literal_and_docstring(text: str) -> None:
    assert ast.literal_eval(str(output(text))) == text
    encoded = text.encode("utf-8", "replace").decode()
    lines = encoded.replace("\r", " ").split("\n")
    shown = ast.parse(str(docstring(lines))).body
    assert len(shown) == 1
    assert ast.literal_eval(ast.unparse(shown[0])).strip() == "\n".join(lines).strip()


@seed(302)
@settings(max_examples=EXAMPLES, deadline=None)
@given(hostile)
def test_the_filters_for_code_take_nothing_else(text: str) -> None:
    for filter_ in (name, names, type_expression):
        try:
            kept = filter_(text)
        except GenerationError:
            continue
        tree = ast.parse(f"import {kept}" if filter_ is not type_expression else kept)
        assert len(tree.body) == 1
        assert not [node for node in ast.walk(tree) if isinstance(node, (ast.Call, ast.Lambda))]


@pytest.mark.parametrize(
    "text", ["f()", "a; b", "a\nb", "x.__class__()", "[x for x in y]", "`a`", ""]
)
def test_a_type_is_no_other_expression(text: str) -> None:
    with pytest.raises(GenerationError, match="is not a type"):
        type_expression(text)


# -- datamodel-code-generator


@pytest.mark.parametrize("number", range(2))
def test_types_of_requests_hold_no_code(number: int) -> None:
    """Many texts at once, each as description, enum word, default and name of a field."""
    draw = random.Random(number)
    parts = (*BREAKERS[:-2], *SNIPPETS) if number else SNIPPETS
    texts = {"".join(draw.choices(parts, k=3)) for _ in range(40)}
    document = copy.deepcopy(DOCUMENT)
    fields = document["components"]["schemas"]["AcmeVideoRequest"]["properties"]
    for place, text in enumerate(sorted(texts)):
        fields[f"described_{place}"] = {"type": "string", "description": text, "default": text}
        fields[f"chosen_{place}"] = {"type": "string", "enum": [text, "plain"]}
        fields[f"{place}{text}"] = {"type": "string"}
    plan = Plan(Document(document))
    wanted = [file.path for file in typed_dicts.files(plan) if file.tool]
    try:
        made = typed_dicts.Running(plan, wanted).result()
    except GenerationError:  # the tool fails, or what it wrote is refused
        return
    for text in made.values():
        assert calls(text) <= {"TypedDict"}


@pytest.mark.parametrize(
    "text",
    [
        "import os",
        "from os import system",
        "x = f()",
        "def f(): pass",
        "class A(TypedDict):\n    x: str = exec('1')",
        "x = [y for y in z]",
        "x = lambda: 1",
        "(",
    ],
)
def test_a_module_of_types_that_is_more_is_refused(text: str) -> None:
    with pytest.raises(GenerationError):
        typed_dicts.refuse_code(text)
