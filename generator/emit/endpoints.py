"""An operation as its module of the raw client has it.

Request line, media types, and the types of parameters and responses.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from generator.document import Body, DocumentError, Media, Operation, Parameter, Response
from generator.document.media import EVENT_STREAM, has_fields, is_event_stream, is_json
from generator.document.names import RAW_ARGUMENTS, TYPE_NAMES, python_name, unique
from generator.runtime.behaviour import READ_BY_CLIENTS

from .arguments import Arguments, BodyArguments
from .docstrings import best_source, paragraphs, wrap
from .inner_files import inner_files
from .response_types import expression, names_in, prose

PLACES = ("path", "query", "header")
UNSEEN_METHODS = frozenset({"query"})
"""Methods that openapi-python-client does not render."""

RETURNED = {"Binary": "bytes", "JsonObject": "dict[str, Any]", "Text": "str"}
"""Classes that responses get when they are no model, so that they too carry the HTTP facts."""


@dataclass(frozen=True, slots=True)
class EndpointParameter:
    """A parameter of the functions of an endpoint module."""

    place: str
    wire: str
    name: str
    type: str
    required: bool
    description: str


@dataclass(frozen=True, slots=True)
class EndpointBody:
    """The body that the functions of an endpoint module take."""

    types: list[str]
    """What it may be: TypedDicts, `Mapping[str, Any]`, `Any`."""
    required: bool
    modules: dict[str, str]
    """The module of `params` of each TypedDict among its types."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What the template of an endpoint module renders."""

    id: str
    tag: str
    method: str
    """In capitals."""
    place: str
    """The path as in the document."""
    path: str
    """As a URI template: `{+name}` where a value may be several segments (RFC 6570)."""
    summary: str
    description: str
    deprecated: str
    parameters: list[EndpointParameter]
    media_types: list[str]
    body: EndpointBody | None
    responses: dict[str, dict[str, str]]
    """Type expressions by status and media type."""
    stream: str | None
    """The type of the JSON in the `data` of an event.

    `str` where it is not JSON; None without a stream.
    """
    returns: str

    @property
    def package(self) -> str:
        """The package of its module, below `api302_client.api`."""
        return self.tag.replace(".", "_")

    @property
    def lines(self) -> list[str]:
        """The docstring of `sync`."""
        last = [("client", "Sends the request."), *self._texts(False)]
        if self.body:
            kinds = " or ".join(name for name, _ in self.params) or "The request body"
            last.append(("body", f"{kinds}, as {' or '.join(self.media_types)}."))
        if len(self.media_types) > 1:
            last.append(("content_type", "Which of these, where the body alone does not tell."))
        described = [
            wrap(f"{name}: {text}".strip(), 8, 4) for name, text in [*self._texts(True), *last]
        ]
        arguments = ["Args:", *itertools.chain(*described)]
        raises = ["Raises: what `Client.send` raises."]
        texts = [wrap(self.summary), wrap(self.deprecated), wrap(self.description)]
        return paragraphs([*texts, arguments, raises])

    def _texts(self, in_path: bool) -> list[tuple[str, str]]:
        """Name and description of the parameters in the path, or of the others, required first."""
        found = [one for one in self.parameters if (one.place == "path") == in_path]
        found.sort(key=lambda one: not one.required)
        return [(one.name, one.description) for one in found]

    @property
    def body_type(self) -> str:
        """The type of its body. A TypedDict is called `…Param` where a class has its name."""
        kinds = self.body.types if self.body else []
        renamed = [f"{kind}Param" if kind in self.models else kind for kind in kinds]
        return "Any" if "Any" in kinds else " | ".join(renamed)

    @property
    def params(self) -> list[tuple[str, str]]:
        """The TypedDicts of its body: name and module of `params`."""
        return sorted(self.body.modules.items()) if self.body else []

    @property
    def names(self) -> set[str]:
        """The names in the types of its responses and parameters."""
        return names_in([self.returns, *(parameter.type for parameter in self.parameters)])

    @property
    def typing(self) -> list[str]:
        """What its module imports from `typing`."""
        return sorted(self.names & {"Any", "Literal"})

    @property
    def runtime(self) -> list[str]:
        """The classes of responses that are no models."""
        return sorted(self.names & RETURNED.keys())

    @property
    def models(self) -> list[str]:
        """The classes of its responses."""
        return sorted(self.names - TYPE_NAMES - RETURNED.keys())

    @property
    def expressions(self) -> Iterator[str]:
        """Every type expression in it."""
        yield from (kind for by_media in self.responses.values() for kind in by_media.values())
        yield from (parameter.type for parameter in self.parameters)
        yield from [self.stream] if self.stream else []


@dataclass(frozen=True, slots=True)
class Facts:
    """What clients must know of an operation beside request line and response types.

    Attributes:
        docs: The URL, page or file of the best evidence.
        files: Fields of the body that take a file, each with the forms it takes it in.
        required: Fields of the body that every call needs.
        not_empty: Fields of the body in which an empty text is a mistake.
        key_headers: Headers that take the API key as well as `Authorization`.
        extensions: The `x-` extensions that clients act on, as in the document.
    """

    docs: str
    files: dict[str, tuple[str, ...]]
    required: tuple[str, ...]
    not_empty: tuple[str, ...]
    key_headers: tuple[str, ...]
    extensions: dict[str, Any]


def facts(operation: Operation, taken: Arguments) -> Facts:
    """The facts of an operation that takes these arguments."""
    fields = taken.body.fields
    return Facts(
        docs=best_source(operation.node),
        files={argument.wire: argument.files for argument in fields if argument.files},
        required=tuple(field.wire for field in fields if field.required and field.wire),
        not_empty=tuple(argument.wire for argument in fields if argument.not_empty),
        key_headers=operation.key_headers,
        extensions=_extensions(operation, taken.body),
    )


def _extensions(operation: Operation, body: BodyArguments) -> dict[str, Any]:
    """What the document says in extensions, and what its schemas say, in the same form."""
    node, variants = operation.node, [shape.required for shape in body.shapes]
    written = {name: node[name] for name in READ_BY_CLIENTS if name in node}
    of_schemas = {
        "x-file-max": {one.wire: one.file_max for one in body.fields if one.file_max},
        "x-inner-files": inner_files(operation),
        "x-variants": variants if len(variants) > 1 else [],
    }
    return {**written, **{name: value for name, value in of_schemas.items() if value}}


def endpoint(operation: Operation, modules: Mapping[str, str]) -> Endpoint:
    """What an operation's module says.

    `modules`: in which module of `params` each request schema is.

    Raises DocumentError for what the raw client cannot be made from, naming the place and the fix.
    """
    if not operation.id:
        raise DocumentError(f"{operation}: has no operationId.")
    if operation.method in UNSEEN_METHODS:
        raise DocumentError(f"{operation.path}: the raw client has no method {operation.method!r}.")
    responses = _responses(operation)
    return Endpoint(
        id=operation.id,
        tag=operation.tag,
        method=operation.method.upper(),
        place=operation.path,
        summary=prose(operation.node.get("summary")),
        description=prose(operation.node.get("description")),
        deprecated=_advice(operation),
        path=_template(operation),
        parameters=_parameters(operation),
        media_types=operation.body.media_types if operation.body else [],
        body=_body(operation.body, modules) if operation.body else None,
        responses=responses,
        stream=_stream(operation),
        returns=_returns(responses),
    )


def _advice(operation: Operation) -> str:
    """What to call in place of a deprecated operation, in the raw client."""
    if not operation.is_deprecated:
        return ""
    return f"Deprecated: use `{operation.replacement}`." if operation.replacement else "Deprecated."


def _template(operation: Operation) -> str:
    template = operation.path
    for parameter in operation.parameters:
        if parameter.has_segments:
            template = template.replace(f"{{{parameter.wire}}}", f"{{+{parameter.wire}}}")
    return template


# -- what goes in


def _parameters(operation: Operation) -> list[EndpointParameter]:
    """Parameters in the order path (as in the path), query, header; required ones first."""
    made: list[EndpointParameter] = []
    taken: set[str] = set()
    for parameter in _in_order(operation):
        name = python_name(parameter.wire, RAW_ARGUMENTS)
        name = unique(f"{name}_{parameter.place}" if name in taken else name, taken)
        taken.add(name)
        made.append(_parameter(parameter, name))
    return sorted(
        made, key=lambda parameter: (PLACES.index(parameter.place), not parameter.required)
    )


def _in_order(operation: Operation) -> list[Parameter]:
    parameters = operation.parameters
    for parameter in parameters:
        if parameter.place not in PLACES:
            fault = (
                f"parameter {parameter.wire!r} is in {parameter.place!r}. The raw client sends "
                "path, query and header."
            )
            raise DocumentError(f"{operation.id}: {fault}")
    in_path = re.findall(r"{([^{}]+)}", operation.path)
    declared = [parameter.wire for parameter in parameters if parameter.place == "path"]
    if sorted(in_path) != sorted(declared):
        fault = (
            f"the path {operation.path} has {in_path}, its parameters are {declared}. Make them "
            "agree."
        )
        raise DocumentError(f"{operation.id}: {fault}")

    def position(parameter: Parameter) -> tuple[int, int]:
        is_in_path = parameter.place == "path"
        return PLACES.index(parameter.place), in_path.index(parameter.wire) if is_in_path else 0

    return sorted(parameters, key=position)


def _parameter(parameter: Parameter, name: str) -> EndpointParameter:
    kind = expression(parameter.schema)
    description = prose(parameter.node.get("description"))
    target = parameter.schema.target.node
    if "default" in target:
        description = f"{description} Server default: {target['default']!r}.".strip()
    if not parameter.required and "None" not in kind.split(" | ") and kind != "Any":
        kind += " | None"
    return EndpointParameter(
        parameter.place, parameter.wire, name, kind, parameter.required, description
    )


def _body(body: Body, modules: Mapping[str, str]) -> EndpointBody:
    kinds = dict.fromkeys(_body_type(media, modules) for media in body.media.values())
    own = {kind: modules[kind] for kind in kinds if kind in modules}
    return EndpointBody(list(kinds), body.required, own)


def _body_type(media: Media, modules: Mapping[str, str]) -> str:
    if not has_fields(media.type):
        return "Any"
    name = media.schema.target_name
    return name if name in modules else "Mapping[str, Any]"


# -- what comes out


def _responses(operation: Operation) -> dict[str, dict[str, str]]:
    """Type expressions by status and media type, the exact statuses first."""
    found: dict[str, dict[str, str]] = {}
    for response in sorted(operation.responses, key=_precision):
        status = response.status.upper() if response.status != "default" else response.status
        found[status] = {name: _type(response.media[name]) for name in response.media_types}
    return found


def _precision(response: Response) -> tuple[int, str]:
    status = response.status
    return (2 if status == "default" else status.upper().endswith("XX"), status)


def _type(media: Media) -> str:
    if is_event_stream(media.type):
        return "str"
    if is_json(media.type):
        return expression(media.schema)
    return "str" if media.type.startswith("text/") or media.schema.is_text else "bytes"


def _stream(operation: Operation) -> str | None:
    """The type of the JSON inside the `data` of an event of its last stream.

    What can be nothing but an error is left out, since it raises.
    """
    streams = [media for media in operation.successes if is_event_stream(media.type)]
    if not streams:
        return None
    contents = streams[-1].item_schema.contents if streams[-1].item_schema else []
    error = operation.extension("x-stream").get("error")
    contents = [one for one in contents if error not in one.target.required] or contents
    return expression(*contents) if contents else "str"


def _returns(responses: dict[str, dict[str, str]]) -> str:
    """What a successful call returns.

    A stream read whole is left out when there is another form: the streaming call is for that.
    """
    successes = [by_media.items() for status, by_media in responses.items() if status[0] == "2"]
    pairs = list(itertools.chain(*successes))
    others = [pair for pair in pairs if pair[0] != EVENT_STREAM]
    named = {kind: name for name, kind in RETURNED.items()}
    ordered = dict.fromkeys(named.get(kind, kind) for _, kind in others or pairs)
    return "Any" if "Any" in ordered or not ordered else " | ".join(ordered)
