"""What the extensions of an operation say, in words, as the Markdown of its description."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from generator.document import Operation
from generator.emit.docstrings import price_text
from generator.emit.methods import Methods
from generator.publish.markdown import code, inline, link, prose, text
from generator.runtime.behaviour import Output, Path, Stream, Switch, TaskStatus, Test, read
from generator.source import obj, seq

EVIDENCE = {
    "live": "recorded exchange with the service",
    "page": "documentation page of 302.AI",
    "sample": "sample of 302.AI",
    "caller": "public program that calls it",
    "vendor": "the vendor's own reference",
    "catalog": "product catalogue of 302.AI",
}
TRY_FILE = "try.html"
_MAX_PRICES = 3  # more are a list
_PARTS = {"request": "Request", "reply": "Response", "response": "Response"}
_JMESPATH = "Paths with signs between names are [JMESPath](https://jmespath.org)."


def anchor(operation: Operation) -> str:
    """The end of an operation's URL on the page: `#/videos/videos.kling/kling_text_to_video`."""
    return f"#/{operation.section}/{operation.tag}/{operation.id}"


def try_link(operation: Operation) -> str:
    """Where an operation can be tried."""
    return f"{TRY_FILE}#{operation.id}"


def description(methods: Methods, operation: Operation) -> str:
    """An operation's own description, a table of its behavior, and its evidence, folded away."""
    node = operation.node
    rule = read(node)
    rows = [
        ("Deprecated", _deprecated(operation)),
        ("Python", _calls(methods, operation)),
        ("Price", _prices(seq(node.get("x-price")))),
        ("Task", _task(operation)),
        ("States", states(rule.status) if rule.status else ""),
        ("Files", files(rule.outputs) if node.get("x-outputs") else ""),
        ("Stream", streaming(rule.stream) if rule.stream else ""),
        ("Try it", f"[with a mock on your machine]({try_link(operation)})"),
        ("Also at", ", ".join(map(code, seq(node.get("x-aliases"))))),
        *_not_documented(obj(node.get("x-unknown"))),
    ]
    own = [prose(str(node["description"]))] if "description" in node else []
    found_by = [
        ("Vendor", _vendor(operation)),
        ("Also found by", text(", ".join(operation.search_words))),
    ]
    return "\n\n".join([*own, table(rows), _evidence(seq(node.get("x-docs")), table(found_by))])


def table(rows: Iterable[tuple[str, str]]) -> str:
    """Rows of a name and a Markdown text; rows without a text are left out."""
    space = "&nbsp;"  # the page's search shows cells without space between them
    lines = ["| | |", "| --- | --- |"]
    for name, cell in rows:
        if cell:
            escaped = cell.replace("|", r"\|")  # which is in code spans alone
            lines.append(f"| **{name}**{space} | {escaped}{space} |")
    return "\n".join(lines)


# -- rows ----------------------------------------------------------------------------------------


def _deprecated(operation: Operation) -> str:
    """What to use in its place."""
    if not operation.is_deprecated:
        return ""
    new = operation.replacement
    return f"Use [{text(new.node['summary'])}]({anchor(new)})." if new else "Yes."


def _vendor(operation: Operation) -> str:
    """The leaf tag in words, so that a search for a vendor finds its calls."""
    tags = operation.document.tags
    vendor, section = (tags[name]["summary"] for name in (operation.tag, operation.section))
    _, also, others = (
        str(tags[operation.tag].get("description") or "").rstrip(".").partition("also ")
    )
    known = f"{vendor} ({others})" if also else vendor
    return f"{text(known)}, {text(section.lower())}"


def _calls(methods: Methods, operation: Operation) -> str:
    """The methods of the client that make this call."""
    forms = methods.forms(operation)
    return ", ".join(code(operation.dotted(form.name)) for form in forms)


def _prices(prices: list[Any]) -> str:
    if len(prices) > _MAX_PRICES:
        return f"<ul>{''.join(f'<li>{inline(price_text([one]))}</li>' for one in prices)}</ul>"
    return inline(price_text(prices)) if prices else "not documented"


def _task(operation: Operation) -> str:
    rule = read(operation.node)
    if rule.status:
        return "Returns a task's status; in Python `task.wait()` polls it."
    if not rule.task:
        return ""
    fetch = operation.document.by_id[rule.task.fetch]
    status = f"[{text(fetch.node['summary'])}]({anchor(fetch)})"
    when = switched(rule.task.when)
    return f"Creates a task{when}; in Python `task.wait()` waits for the result. Status: {status}."


_FORMS = {"url": "URLs", "base64": "base64 or URLs", "hex": "hexadecimal digits or URLs"}


def files(outputs: Iterable[Output]) -> str:
    """Where the files of a response are."""
    places = "; ".join(f"{_FORMS[one.form]} at {_place(one.path)}" for one in outputs)
    sentence = f"{places[:1].upper()}{places[1:]}; in Python `response.outputs`."
    return f"{sentence} {_JMESPATH}" if "||" in places or "[?" in places else sentence


def states(status: TaskStatus) -> str:
    """How to read a status response without the client."""
    sentences = " ".join(_sentences(status))
    needs_jmespath = "||" in sentences or "[?" in sentences
    return f"{sentences} {_JMESPATH}" if needs_jmespath else sentences


def _sentences(status: TaskStatus) -> Iterator[str]:
    if status.state:
        yield f"The state is at {_place(status.state)}."
    yield from _words("Done", status.succeeded)
    yield from _words("Failed", status.failed)
    yield from _words("Pending, as any other word", status.pending)
    if status.done_is_file:
        yield "Done when the file itself comes."
    if status.done:
        yield f"Done too when {_condition(status.done)}."
    if status.outputs:
        yield f"Outputs at {_places(status.outputs)}."
    if status.result:
        taken = ", ".join(map(code, status.result.parameters.values()))
        fetch = code(status.result.fetch)
        where = f"at {_places(status.result.outputs)} in" if status.result.outputs else "is"
        yield f"Outputs {where} the response of {fetch}, which takes {taken}."
    if status.interval is not None:
        yield f"Poll every {status.interval:g} seconds."


def _words(title: str, words: Iterable[Any]) -> Iterator[str]:
    if listed := ", ".join(code(json.dumps(w, ensure_ascii=False).strip('"')) for w in words):
        yield f"{title}: {listed}."


def _places(paths: Iterable[Path]) -> str:
    return ", ".join(map(_place, paths))


def _place(path: Path) -> str:
    """Where something is in a response."""
    outer = code(path.field)
    return f"{code(path.then)} in the JSON text at {outer}" if path.then else outer


def _condition(test: Test) -> str:
    if test.values is None:
        return f"{code(test.field)} is there"
    return f"{code(test.field)} is {' or '.join(code(str(value)) for value in test.values)}"


def streaming(stream: Stream) -> str:
    """How a stream is asked for, and how it ends."""
    end = code(stream.sentinel) if stream.sentinel else ""
    if stream.last:
        end = _condition(stream.last)
    return f"Responds with events{switched(stream.when)}, until {end}."


def switched(switch: Switch | None) -> str:
    """The part of a sentence that says which field of a request turns something on."""
    if switch is None:
        return ""
    value = switch.value if isinstance(switch.value, str) else json.dumps(switch.value)
    return f" if {code(switch.name)} in the {switch.place} is {code(value)}"


def _not_documented(unknown: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What is not documented, and where it was searched: in sentences, or a list of places."""
    for part, searched in unknown.items():
        if searched == "as for the request":
            searched = unknown["request"]
        where = inline(searched if searched.endswith(".") else f"Searched: {searched}.")
        yield _PARTS.get(part, text(part.capitalize())), f"Not documented. {where}"


# -- evidence ------------------------------------------------------------------------------------


def _evidence(entries: list[Any], found_by: str) -> str:
    """The sources and the words that only a search needs, folded: else the body stands below."""
    lines = [f"- {_source(one)}: {_kind(one)}, {_seen(one)}" for one in entries]
    summary = f"<summary>Evidence: {len(lines)} source{'s' * (len(lines) != 1)}</summary>"
    return "\n".join(["<details>", summary, "", *lines, "", found_by, "", "</details>"])


def _kind(entry: dict[str, Any]) -> str:
    """What kind of source it is."""
    kind = EVIDENCE[entry["evidence"]]
    return f"{kind}, for a call of the same form" if "sister" in entry else kind


def _source(entry: dict[str, Any]) -> str:
    """Where something is known from: a link if it has a URL. A place in a repository is code."""
    source = str(entry.get("source", ""))
    parts = [text(str(entry["page"]))] if "page" in entry else []
    if source:
        parts.append(inline(source) if " " in source else code(source))
    label = " ".join(parts) or ("302.AI" if entry["evidence"] == "live" else "")
    url = str(entry.get("url", ""))
    return link(label or text(url), url) if url else label


def _seen(entry: dict[str, Any]) -> str:
    seen = f"seen {text(str(entry['seen']))}"
    if "modified" in entry:
        seen += f", dated {text(str(entry['modified']))}"
    return f"{seen}. {inline(str(entry['note']))}" if "note" in entry else seen
