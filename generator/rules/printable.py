"""Names in code, URLs and headings are printable, on one line, and no longer than needed."""

from __future__ import annotations

import re
from collections.abc import Iterator

from generator.document.names import SLUG
from generator.source import ROOT_FILE, Problem, obj, seq

from .context import Context

_MEDIA_NAME = r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*"
_MEDIA_TYPE = re.compile(rf"{_MEDIA_NAME}/(\*|{_MEDIA_NAME})(; ?[a-z0-9_-]+=[A-Za-z0-9_.+-]+)*")
_PATH = re.compile(r"/[A-Za-z0-9\-._~!$&()*+,;=:@%/{}]*")
_SERVER = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&*+.^_|~-]+")


def is_line(text: object) -> bool:
    """Whether something is a text of one line, with nothing in it that cannot be seen."""
    return isinstance(text, str) and text.isprintable() and text == text.strip() != ""


def media_types(context: Context) -> Iterator[Problem]:
    """A media type is `type/subtype`, with parameters that need no quotes."""
    for node in context.of_kind("mediaType"):
        if node.role == "content" and not _MEDIA_TYPE.fullmatch(str(node.key)):
            message = f"{str(node.key)!r} is not a media type"
            yield context.at(node, message, "write it as `type/subtype`, such as image/png")


def paths(context: Context) -> Iterator[Problem]:
    """A path and its aliases have the characters of URLs, and braces around parameters."""
    fix = "write letters, digits and -._~!$&()*+,;=:@%/ and parameters in braces"
    for operation in context.operations:
        if not _PATH.fullmatch(operation.path):
            yield context.on(operation, None, f"the path {operation.path!r} is no URL's", fix)
        for number, alias in enumerate(seq(operation.node.get("x-aliases"))):
            if isinstance(alias, str) and not _PATH.fullmatch(alias):
                message = f"the alias {alias!r} is no URL's path"
                yield context.on(operation, "x-aliases", message, fix, [number])


def servers(context: Context) -> Iterator[Problem]:
    """The URL of a server is a plain one: it stands in commands, and is where the key goes."""
    for server in seq(obj(context.spec.files.get(ROOT_FILE)).get("servers")):
        url = obj(server).get("url")
        if isinstance(url, str) and not _SERVER.fullmatch(url):
            message = f"the server's URL {url!r} is no plain one"
            yield context.problem(server, "url", message, "write it as https://host or with a path")


def wire_names(context: Context) -> Iterator[Problem]:
    """The name of a field or parameter is printable; that of a header is one that HTTP has."""
    for node in context.of_kind("schema"):
        if node.role == "properties" and not is_line(node.key):
            message = f"the field name {str(node.key)!r} is not a printable line"
            yield context.at(node, message, "correct the name")
    for node in context.of_kind("parameter"):
        name, place = obj(node.value).get("name"), obj(node.value).get("in")
        if isinstance(name, str) and not is_line(name):
            message = f"the parameter name {name!r} is not a printable line"
            yield context.at(node, message, "correct the name", "name")
        elif isinstance(name, str) and place == "header" and not _HEADER.fullmatch(name):
            message = f"{name!r} is not the name of a header"
            yield context.at(node, message, "write letters, digits and -", "name")


def titles(context: Context) -> Iterator[Problem]:
    """Summaries and names of sections and vendors are printable lines; a tag is a slug."""
    for operation in context.operations:
        summary = operation.node.get("summary")
        if isinstance(summary, str) and summary.strip() and not is_line(summary.strip(" ")):
            message = f"the summary of {operation} is not a printable line"
            yield context.on(operation, "summary", message, _ONE_LINE)
    for vendor in context.vendors.values():
        for key in ("name", "also"):
            told = obj(vendor).get(key)
            if not _are_lines(told if isinstance(told, list) else [told]):
                message = f"{key} of a vendor is not a printable line"
                yield context.problem(vendor, key, message, _ONE_LINE)
    yield from _sections(context)


_ONE_LINE = "write it on one line"


def _are_lines(texts: list[object]) -> bool:
    return all(is_line(text) for text in texts if isinstance(text, str))


def _sections(context: Context) -> Iterator[Problem]:
    for tag in seq(obj(context.spec.files.get(ROOT_FILE)).get("tags")):
        name, summary = obj(tag).get("name"), obj(tag).get("summary")
        if isinstance(name, str) and not SLUG.match(name):
            message = f"the section {name!r} is not snake_case"
            yield context.problem(tag, "name", message, "write small letters, digits and single _")
        if not _are_lines([summary]):
            message = f"the summary of the section {name!r} is not a printable line"
            yield context.problem(tag, "summary", message, _ONE_LINE)
