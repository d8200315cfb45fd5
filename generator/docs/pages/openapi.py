"""The OpenAPI 3.0.1 document of a page, read into calls."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from generator.docs import PageError
from generator.join import METHODS
from generator.source import obj, seq

from . import Body, Call, Page, page_number
from .examples import Examples, is_usable
from .schemas import Schemas
from .untrusted import clean, is_field, is_header, is_path, media_type, one_line, quoted
from .values import fit

# The gateway's own headers: no operation has them as parameters.
_OWN_HEADERS = {
    "authorization",
    "content-type",
    "accept",
    "content-length",
    "host",
    "x-api-key",
    "x-goog-api-key",
    "mj-api-secret",
}
_MOST_CALLS = 50
_MOST_PARAMETERS = 300
_MOST_BODIES = 10


def read(page: Page, document: dict[str, Any]) -> Page:
    """Fill a page from its OpenAPI document. Raises PageError if no call can be read."""
    page.number = page_number(page.source)
    reader = _Reader(page, document)
    for path, method, operation in _operations(document):
        if len(page.calls) == _MOST_CALLS:
            raise PageError(page.source, f"it has more than {_MOST_CALLS} operations")
        path = path.partition("?")[0]
        if not is_path(path):
            page.refuse(f"the call of {quoted(path)}, which is not a path")
            continue
        page.calls.append(reader.call(path, method, operation))
        folder = one_line(_text(operation, "x-apifox-folder"))
        page.group = page.group or folder.replace("/", " > ")
        page.number = page.number or page_number(_text(operation, "x-run-in-apifox"))
        page.title = page.title or page.calls[-1].summary
    if not page.calls:
        reason = (
            f"left out {page.refused[0]}"
            if page.refused
            else "the page's OpenAPI document has no operation"
        )
        raise PageError(page.source, reason)
    return page


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in obj(document.get("paths")).items():
        for method, operation in obj(item).items():
            if method in METHODS and isinstance(operation, dict):
                yield path, method, operation


def _text(node: dict[str, Any], key: str) -> str:
    value = node.get(key)
    return value if isinstance(value, str) else ""


class _Reader:
    """Reads the operations of one document."""

    def __init__(self, page: Page, document: dict[str, Any]) -> None:
        self.page = page
        self.schemas, self.examples = Schemas(page, document), Examples(page)

    def call(self, path: str, method: str, operation: dict[str, Any]) -> Call:
        responses = obj(operation.get("responses"))
        good = [response for status, response in responses.items() if status.startswith("2")]
        return Call(
            method,
            path,
            summary=one_line(_text(operation, "summary")),
            description=clean(_text(operation, "description")),
            deprecated=operation.get("deprecated") is True,
            parameters=list(self.parameters(seq(operation.get("parameters")))),
            request=self.bodies(operation.get("requestBody"), is_request=True),
            response=self.bodies(good[0] if good else None, is_request=False),
        )

    def parameters(self, given: list[Any]) -> Iterator[dict[str, Any]]:
        """The parameters, without the gateway's own."""
        if len(given) > _MOST_PARAMETERS:
            raise PageError(self.page.source, f"it has more than {_MOST_PARAMETERS} parameters")
        for parameter in map(self.schemas.resolve, given):
            name, place = str(parameter.get("name")), parameter.get("in")
            if place not in ("path", "query", "header"):
                continue
            if place == "header" and name.lower() in _OWN_HEADERS:
                continue
            if not (is_header(name) if place == "header" else is_field(name)):
                self.page.refuse(f"the {place} parameter {quoted(name)}, whose name is not a name")
                continue
            yield self.parameter(parameter, name, str(place))

    def parameter(self, parameter: dict[str, Any], name: str, place: str) -> dict[str, Any]:
        schema = self.schemas.read(parameter.get("schema"), name)
        required = place == "path" or parameter.get("required") is True
        made = {"name": name, "in": place, "required": required, "schema": schema}
        example = parameter.get("example")
        if is_usable(example) and (example := self.examples.known(fit(example, schema), {})):
            made["example"] = example
        return made

    def bodies(self, body: Any, *, is_request: bool) -> dict[str, Body]:
        """Schema and examples by media type."""
        content = obj(self.schemas.resolve(body).get("content"))
        if len(content) > _MOST_BODIES:
            raise PageError(self.page.source, f"a body has more than {_MOST_BODIES} media types")
        bodies: dict[str, Body] = {}
        for given, media in content.items():
            name = media_type(given)
            if not name:
                self.page.refuse(f"the body of {quoted(given)}, which is not a media type")
                continue
            schema, examples = self.schemas.read(obj(media).get("schema")), _examples(obj(media))
            if schema or examples:
                usable = [example for example in examples if is_usable(example)]
                bodies[name] = self.examples.body(name, schema, usable, is_request=is_request)
        return bodies


def _examples(media: dict[str, Any]) -> list[Any]:
    """The examples of a body."""
    if "example" in media:
        return [media["example"]]
    return [obj(example).get("value") for example in obj(media.get("examples")).values()]
