"""An operation as its module of the raw client has it: request line, media types, types of parameters and responses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ..document import Body, DocumentError, Media, Operation, Parameter, Response
from ..document.media import EVENT_STREAM, has_fields, is_event_stream, is_json
from ..document.names import RAW_ARGUMENTS, TYPE_NAMES, python_name, unique
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

    type: str
    required: bool
    schemas: list[str]
    """Names of the schemas that describe it."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What the template of an endpoint module renders."""

    operation: Operation
    path: str
    """As a URI template: `{+name}` where a value may be several segments (RFC 6570)."""
    parameters: list[EndpointParameter]
    media_types: list[str]
    body: EndpointBody | None
    responses: dict[str, dict[str, str]]
    """Type expressions by status and media type."""
    stream: str | None
    """The type of the JSON in the `data` of an event; `str` where it is no JSON; None without a stream."""
    returns: str

    @property
    def id(self) -> str:
        return self.operation.id

    @property
    def method(self) -> str:
        return self.operation.method.upper()

    @property
    def summary(self) -> str:
        return prose(self.operation.node.get("summary"))

    @property
    def description(self) -> str:
        return prose(self.operation.node.get("description"))

    @property
    def names(self) -> set[str]:
        """The names that its annotations use."""
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
        return sorted(self.names - TYPE_NAMES - RETURNED.keys())

    @property
    def expressions(self) -> Iterator[str]:
        """Every type expression in it."""
        yield from (kind for by_media in self.responses.values() for kind in by_media.values())
        yield from (parameter.type for parameter in self.parameters)
        yield from [self.stream] if self.stream else []


def endpoint(operation: Operation) -> Endpoint:
    """The facts of an operation. Raises DocumentError for what the raw client cannot be made from, naming the place and the fix."""
    if not operation.id:
        raise DocumentError(f"{operation}: has no operationId.")
    if operation.method in UNSEEN_METHODS:
        raise DocumentError(f"{operation.path}: the raw client has no method {operation.method!r}.")
    responses = _responses(operation)
    return Endpoint(
        operation,
        path=_template(operation),
        parameters=_parameters(operation),
        media_types=operation.body.media_types if operation.body else [],
        body=_body(operation.body) if operation.body else None,
        responses=responses,
        stream=_stream(operation),
        returns=_returns(responses),
    )


def _template(operation: Operation) -> str:
    template = operation.path
    for parameter in operation.parameters:
        if parameter.has_segments:
            template = template.replace(f"{{{parameter.wire}}}", f"{{+{parameter.wire}}}")
    return template


# -- what goes in


def _parameters(operation: Operation) -> list[EndpointParameter]:
    """Parameters in the order path (as in the path), query, header; the required ones of a place first."""
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
            fault = f"parameter {parameter.wire!r} is in {parameter.place!r}. The raw client sends path, query and header."
            raise DocumentError(f"{operation.id}: {fault}")
    in_path = re.findall(r"{([^{}]+)}", operation.path)
    declared = [parameter.wire for parameter in parameters if parameter.place == "path"]
    if sorted(in_path) != sorted(declared):
        fault = f"the path {operation.path} has {in_path}, its parameters are {declared}. Make them agree."
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


def _body(body: Body) -> EndpointBody:
    schemas = {media.schema.target_name for media in body.media.values() if media.schema.ref}
    kind = "Mapping[str, Any]" if any(map(has_fields, body.media)) else "Any"
    return EndpointBody(kind, body.required, sorted(schemas))


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
    """The type of the JSON inside the `data` of an event of its last stream."""
    streams = [media for media in operation.successes if is_event_stream(media.type)]
    if not streams:
        return None
    contents = streams[-1].item_schema.contents if streams[-1].item_schema else []
    return expression(*contents) if contents else "str"


def _returns(responses: dict[str, dict[str, str]]) -> str:
    """What a successful call returns. A stream read whole is left out when there is another form: the streaming call is for that."""
    successes = [by_media for status, by_media in responses.items() if status.startswith("2")]
    forms = {(media, kind) for by_media in successes for media, kind in by_media.items()}
    if len(forms) > 1:
        forms = {form for form in forms if form[0] != EVENT_STREAM}
    named = {kind: name for name, kind in RETURNED.items()}
    pairs = [pair for by_media in successes for pair in by_media.items() if pair in forms]
    ordered = dict.fromkeys(named.get(kind, kind) for _, kind in pairs)
    return "Any" if "Any" in ordered or not ordered else " | ".join(ordered)
