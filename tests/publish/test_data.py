"""Text of the specification is data: in Markdown, HTML, YAML, scripts and samples it does nothing.

Each property is tried with hostile texts, the same ones in every run.
"""

from __future__ import annotations

import ast
import copy
import json
import re
import shlex
from functools import cache
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from generator.document import Document
from generator.emit.methods import Methods
from generator.join import join, operations
from generator.publish.changes.report import Change, Report
from generator.publish.llms import llms_text, pages
from generator.publish.markdown import code, inline, link, prose, text
from generator.publish.samples import curl, python
from generator.publish.samples.request import Request
from generator.publish.site import Json, descriptions, script_of
from generator.publish.versions.losses import Loss, loss_report
from generator.publish.yaml_text import as_yaml
from generator.source import Spec

MINI = Path(__file__).resolve().parents[1] / "fixtures" / "mini_spec"
MARKUP = (
    *("\n# Heading\n", "\n\n## ", "#", "\n- ", "\n1. ", "\n> ", "\n---\n", "\n===\n", "+ "),
    *("<script>alert(1)</script>", "<img src=x onerror=a>", "<!--", "-->", "</td>", "<http://a.b>"),
    *(
        "`",
        "``",
        "```",
        "\n```sh\n",
        "~~~\n",
        "~~",
        "*",
        "**",
        "_",
        "__",
        "![",
        "](",
        ")",
        "[a]: b\n",
    ),
    *("|", "\\", "\\|", "&lt;", "&#60;", "&amp;", "{{ 7 * 7 }}", "{% raw %}", "{#", "${HOME}"),
    *("$(id)", "`id`", "'", '"', ";", "\r\n", "\t", "\u2028", "\u0085", "\u00a0", "\x00", "\x1b"),
    *(
        "%",
        "@",
        "!",
        ": ",
        "? ",
        "null",
        "yes",
        "0x1F",
        "1e3",
        "~",
        "  ",
        "你好",
        "é",
        "\U0001f600",
    ),
)
CHARACTERS = st.characters(exclude_categories=["Cs"])
HOSTILE = st.lists(st.sampled_from(MARKUP) | st.text(CHARACTERS, max_size=4), max_size=8).map(
    "".join
)
TRUSTED = {"text", "softbreak"}
# The same texts in every run; a busy machine is no failure.
QUICK = {"derandomize": True, "deadline": None, "database": None}


def many(examples: int) -> Any:
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large]
    return settings(max_examples=examples, suppress_health_check=checks, **QUICK)


@cache
def parser() -> MarkdownIt:
    """As GitHub and Redoc read Markdown: with tables, strike-through and HTML."""
    return MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def blocks(markdown: str) -> list[str]:
    """The kinds of blocks of a text."""
    return [token.type for token in parser().parse(markdown)]


def spans(markdown: str) -> list[tuple[str, str]]:
    """Kind and content of what stands in the lines of a text, adjacent text in a block joined."""
    found: list[tuple[str, str]] = []
    for token in parser().parse(markdown):
        in_block: list[tuple[str, str]] = []
        for child in token.children or ():
            if in_block and in_block[-1][0] == child.type == "text":
                in_block[-1] = ("text", in_block[-1][1] + child.content)
            else:
                in_block.append((child.type, child.content))
        found += in_block
    return found


def one_line(value: str) -> str:
    """As a reader sees it: without control characters, and with single spaces."""
    return " ".join(re.sub(r"[\x00-\x20\x7f-\x9f]|\s", " ", value).split())


@many(500)
@given(HOSTILE)
@example("__0__")
def test_a_text_is_text(value: str) -> None:
    """In a heading, an item of a list and a table it makes nothing of its own."""
    shown = text(value)
    assert "\n" not in shown
    heading = f"## {shown}\n\nEnd\n"
    plain = "## a\n\nEnd\n" if shown else "##\n\nEnd\n"
    assert blocks(heading) == blocks(plain)
    assert spans(heading) == [*([("text", one_line(value))] if shown else []), ("text", "End")]
    item = f"- {shown}: `a`\n- End\n"
    assert blocks(item) == blocks("- a: `a`\n- End\n")
    assert spans(item)[0] == ("text", f"{one_line(value)}: ".lstrip(" "))


@many(500)
@given(HOSTILE)
def test_a_description_is_text_and_code(value: str) -> None:
    for shown in (inline(value), prose(value)):
        kinds = {kind for kind, _ in spans(f"{shown}\n")}
        assert kinds <= {*TRUSTED, "code_inline"}
        assert set(blocks(f"{shown}\n")) <= {"paragraph_open", "inline", "paragraph_close"}
        after = f"{shown}\n\n| | |\n| --- | --- |\n| **a** | b |\n"
        assert blocks(after)[-len(blocks(TABLE)) :] == blocks(TABLE), "what follows stays whole"
    assert "\n" not in inline(value)


TABLE = "| | |\n| --- | --- |\n| **a** | b |\n"


@many(300)
@given(HOSTILE)
def test_code_is_code(value: str) -> None:
    content = re.sub(r"\s", " ", value)
    wanted = content if content.strip(" ") else f'"{content}"'
    assert [one for one in spans(f"a {code(value)} b") if one[0] != "text"] in (
        [("code_inline", wanted)],
        [("code_inline", wanted.replace("\x00", "\ufffd"))],
    )


@many(300)
@given(HOSTILE, st.sampled_from(["https://a.test/", "http://a.test/x?", "javascript:", ""]))
def test_a_link_goes_where_it_says_or_nowhere(value: str, start: str) -> None:
    found = spans(f"- {link(text(value), start + value)}: a")
    kinds = [kind for kind, _ in found]
    assert set(kinds) <= {*TRUSTED, "link_open", "link_close"}
    assert kinds.count("link_open") <= (1 if start.startswith("http") else 0) or re.match(
        "https?://", value
    )


@many(300)
@given(HOSTILE, HOSTILE)
def test_a_table_keeps_its_rows(first: str, second: str) -> None:
    rows = [("a", inline(first) or "b"), ("b", code(second))]
    assert blocks(descriptions.table(rows)) == blocks(descriptions.table([("a", "b"), ("b", "c")]))
    kinds = {kind for kind, _ in spans(descriptions.table(rows))}
    assert kinds <= {*TRUSTED, "code_inline", "strong_open", "strong_close"}


@many(500)
@given(HOSTILE, HOSTILE)
def test_yaml_is_what_it_was(key: str, value: str) -> None:
    document = {key: value, "list": [value, {"a": key}], "b": {key: [value]}}
    assert yaml.load(as_yaml(document), yaml.CSafeLoader) == document


@many(400)
@given(HOSTILE, HOSTILE, st.sampled_from(["application/json", "multipart/form-data"]))
def test_a_shell_runs_nothing(name: str, value: str, media_type: str) -> None:
    """Each value is one word, and as it was."""
    request = Request(media_type, body={name or "a": value})
    (option, sent) = shlex.split(" ".join(curl.body_options(request)))
    if media_type == "application/json":
        assert (option, json.loads(sent)) == ("-d", request.body)
    else:
        assert option in ("-F", "--form-string")
        assert sent == f"{name or 'a'}={value}"


@many(300)
@given(HOSTILE)
def test_a_header_is_one_word(value: str) -> None:
    quoted = curl.quoted(f"X-A: {value}")
    assert shlex.split(f"-H {quoted}") == ["-H", re.sub(r"\s+", " ", f"X-A: {value}")]
    in_double_quotes = quoted.startswith('"')
    assert not (in_double_quotes and re.search(r'["$`\\]', quoted[1:-1]))


@cache
def mini() -> dict[str, Any]:
    return join(Spec.load(MINI))


@many(120)
@given(HOSTILE)
def test_python_is_called_with_the_value(value: str) -> None:
    methods = Methods.of_document(Document(mini()))
    operation = methods.document.by_id["acme_text_to_video"]
    request = Request("application/json", body={"prompt": value, "other": [value]})
    (method, *_) = methods.of(operation)
    module = ast.parse(python.Writer(methods, operation, request).source(method))
    (call,) = [
        node
        for node in ast.walk(module)
        if isinstance(node, ast.Call) and any(one.arg == "prompt" for one in node.keywords)
    ]
    passed = {one.arg: ast.literal_eval(one.value) for one in call.keywords}
    assert passed == {"prompt": value, "extra_body": {"other": [value]}}


@many(300)
@given(HOSTILE, HOSTILE)
def test_the_site_reads_the_document_as_it_is(key: str, value: str) -> None:
    content: Json = {key: value, "__proto__": {"a": [value]}}
    script = script_of(content)
    match = re.fullmatch(r"const api=JSON\.parse\('((?:[^'\\\n\r]|\\.)*)'\);\n", script, re.DOTALL)
    assert match, "one literal, and nothing else"
    assert json.loads(re.sub(r"\\(.)", r"\1", match[1])) == content


@many(40)
@given(HOSTILE, HOSTILE)
def test_a_hostile_operation_makes_one_line(summary: str, note: str) -> None:
    """llms.txt, its pages and the site's descriptions have the structure they have without it."""
    plain, hostile = structure("Summary", "note"), structure(f"S{summary}", f"n{note}")
    assert hostile == plain


def structure(summary: str, note: str) -> list[list[str]]:
    """The blocks of llms.txt, of its pages, and of an operation's description."""
    document = copy.deepcopy(mini())
    document["info"] |= {"title": summary, "summary": summary, "x-evidence-date": note}
    for tag in document["tags"]:
        tag["summary"] = summary
    for _, _, operation in operations(document):
        operation |= {"summary": summary, "x-price": [{"note": note}]}
        operation["x-unknown"] = {"response": note}
        operation["x-docs"][0] |= {"note": note, "source": note, "seen": note}
    methods = Methods.of_document(Document(document))
    operation = methods.document.by_id["acme_text_to_video"]
    llms = llms_text(methods, document["info"])
    lines = [line for line in llms.splitlines() if line.startswith("- ")]
    assert len(lines) == len(methods.document.operations)
    shown = [llms, *pages(methods).values(), descriptions.description(methods, operation)]
    return [blocks(text) for text in shown]


@many(200)
@given(HOSTILE, HOSTILE)
def test_reports_list_one_line_each(name: str, value: str) -> None:
    losses = [Loss("3.0", f"schema.{name}", f"x-{name}", f"#/{value}")] * 2
    assert blocks(loss_report(losses)) == blocks(loss_report([Loss("3.0", "a", "b", "c")] * 2))
    change = Change("added", f"h{name}", f"o{name}", f"c{value}", "rule", f"t{value}")
    plain = Change("added", "home", "operation", "call", "rule", "text")
    found, wanted = (Report("1.0.0", [one], 0).markdown() for one in (change, plain))
    assert blocks(found) == blocks(wanted)
    kinds = {kind for kind, _ in spans(found)}
    assert kinds <= {*TRUSTED, "code_inline", "strong_open", "strong_close"}


def test_a_link_keeps_its_url() -> None:
    for url in ("https://a.test/模型/x_y?a=1&copy;=2#z", "https://a.test/(b)*c*[d]"):
        html = parser().render(link("a", url))
        href = re.search('href="([^"]*)"', html)
        assert href
        assert unquote(unescape(href[1])) == url
