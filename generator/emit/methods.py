"""The methods of the client: their arguments, their annotations, and what they hand to the core."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

from generator.document import Document, Operation
from generator.source import obj

from .annotation import FILE, MODEL_BASE, Annotation, literal, received, union
from .arguments import Argument, Arguments, BodyArguments, NameProblem, Shape
from .code import Name
from .docstrings import Texts, docstring, wrap
from .forms import Form, forms, responses_of
from .plan import Plan
from .response_types import OUTPUT, PARSED

PACKAGE = "api302_client"
_SOON = {
    "_submit": "Task",
    "_stream": "Stream",
    "_stream_bytes": "ByteStream",
    "_iterate": "Pages",
}
_TWINS = {
    "_submit": "gives a task at once",
    "_parse": "gives the output as an object of a class of yours",
    "_stream": "gives the events as they come",
    "_stream_bytes": "gives the bytes as they come",
    "_iterate": "goes through the items of all pages",
    "_upload": "makes all the steps of the upload in one call",
}
Sent = dict[str, list[tuple[str, Any]]]
"""By place, what is sent: name on the wire, and the argument's name or a value."""


_FORMAT = Annotation((f"type[{PARSED}]",), (), frozenset({(MODEL_BASE, PARSED)}))
_ABOUT_FORMAT = """\
The class of the output: a Pydantic model, a dataclass or a TypedDict. Its JSON schema is sent."""


@dataclass(frozen=True)
class Returned:
    """What a call returns."""

    kind: str
    item: Annotation
    whole: Annotation | None = None
    """What `final()` of a stream gives."""

    def text(self, prefix: str) -> str:
        """The annotation; `prefix` is `Async` on the async class."""
        if self.kind == "_stream_bytes":
            return f"{prefix}ByteStream"
        inner = [str(self.item), *([str(self.whole)] if self.whole else [])]
        text = ", ".join(one.replace(OUTPUT, f"{prefix}Output") for one in inner)
        outer = _SOON.get(self.kind)
        return f"{prefix}{outer}[{text}]" if outer else text

    @property
    def imports(self) -> set[tuple[str, str]]:
        """What a type checker must import to read it."""
        found = set(self.item.imports | (self.whole.imports if self.whole else frozenset()))
        outers = [_SOON.get(self.kind), "Output" if self.gives_files else None]
        for outer in filter(None, outers):
            found |= {("api302", outer), ("api302", f"Async{outer}")}
        return found

    @property
    def gives_files(self) -> bool:
        """Whether the annotation has the class of the files that a response gives."""
        parts = self.item.parts + (self.whole.parts if self.whole else ())
        return any(OUTPUT in part for part in parts)


@dataclass(frozen=True)
class Overload:
    """A way of calling a method that has a result of its own."""

    arguments: list[Argument]
    returned: tuple[Returned, ...]
    own: dict[str, str] = field(default_factory=dict)
    """Annotations of our own arguments, where they differ from the method's; none: not taken."""

    def text(self, prefix: str) -> str:
        """The annotation of what it returns."""
        return " | ".join(one.text(prefix) for one in self.returned)


@dataclass(frozen=True)
class OwnArguments:
    """The arguments of ours."""

    all: dict[str, str]
    """By name, the annotation."""
    texts: dict[str, str]
    """Their descriptions."""
    imports: set[tuple[str, str]]


@dataclass
class Method:
    """A method to render, for the sync class and the async one."""

    operation: Operation
    name: str
    kind: str
    arguments: list[Argument]
    own: dict[str, str]
    """Our own arguments: by name, the annotation; one that may be None has that as default."""
    sent: Sent
    returned: tuple[Returned, ...]
    doc: list[str]
    imports: set[tuple[str, str]]
    overloads: list[Overload]
    warning: str
    """What Python warns of, where the operation is deprecated."""
    format: str = ""
    """The argument that takes a class for the output."""
    other: Method | None = None
    """The call that is made in its place for some models."""
    models: list[str] = field(default_factory=list)
    """Those models."""
    foreign: list[str] = field(default_factory=list)
    """The arguments that the other call alone takes."""
    only: list[str] = field(default_factory=list)
    """The arguments that the other call does not take."""

    @property
    def package(self) -> str:
        """The package of its operation's endpoint module."""
        return f"{PACKAGE}.api.{self.operation.tag.replace('.', '_')}"

    def shown(self) -> dict[str, Any]:
        """What the template renders: plain data."""
        return {
            "name": self.name,
            "kind": self.kind,
            "package": self.package,
            "endpoint": self.operation.id,
            "arguments": _shown(self.arguments),
            "own": self.own,
            "sent": self.sent,
            "format": self.format,
            "other": self.other.shown() if self.other else None,
            "models": self.models,
            "foreign": self.foreign,
            "only": self.only,
            "doc": self.doc,
            "warning": self.warning,
            "returns": {prefix: self.returns(prefix) for prefix in ("", "Async")},
            "overloads": [
                {
                    "arguments": _shown(overload.arguments),
                    "own": {
                        name: kind for name, kind in {**self.own, **overload.own}.items() if kind
                    },
                    "returns": {prefix: overload.text(prefix) for prefix in ("", "Async")},
                }
                for overload in self.overloads
            ],
        }

    def returns(self, prefix: str) -> str:
        """The annotation of what the method returns; `prefix` is `Async` on the async class."""
        return " | ".join(dict.fromkeys(one.text(prefix) for one in self.returned))


def _shown(arguments: list[Argument]) -> list[tuple[str, str, bool]]:
    """Name, annotation and whether it is required, of each."""
    return [
        (one.name, str(one.annotation if one.required else one.annotation.or_none), one.required)
        for one in arguments
    ]


class Methods:
    """How each operation of a document is called in Python.

    Attributes:
        document: The joined document.
        plan: What the packages are made of.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.document = plan.document
        self._made: dict[tuple[str, str], list[Method]] = {}

    @classmethod
    def of_document(cls, document: Document) -> Methods:
        """The methods of a document."""
        return cls(Plan(document))

    def arguments(self, operation: Operation) -> Arguments:
        """What an operation takes. Raises NameProblem."""
        return self.plan.arguments(operation)

    def own_arguments(self, operation: Operation) -> list[Argument]:
        """The arguments, but for fields that choose a form, such as `stream`: that has a method."""
        switches = {(when.get("in"), when.get("name")) for when in _switches(operation)}
        taken = self.arguments(operation).all
        return [one for one in taken if (one.place, one.wire) not in switches]

    def forms(self, operation: Operation, name: str = "") -> list[Form]:
        """The forms in which an operation is called, under a name or where people find it.

        Raises NameProblem.
        """
        return forms(self.plan, operation, name)

    def responses(self, operation: Operation) -> dict[str, str]:
        """Type expressions of an operation's successful responses by media type."""
        return responses_of(self.plan, operation)

    def of(self, operation: Operation, name: str = "") -> list[Method]:
        """The methods of an operation, the plainest first, under a name or where people find it.

        The docstring of each points to the others.
        """
        key = operation.id, name
        if key not in self._made:
            self._made[key] = self._of(operation, name)
        return self._made[key]

    def _of(self, operation: Operation, name: str) -> list[Method]:
        first, *twins = self.forms(operation, name)
        see = [f"`{twin.name}` {_TWINS[twin.kind]}." for twin in twins]
        switched = (twin for twin in twins if twin.switch.get("value") is True)
        streamed = next((twin for twin in switched if twin.kind == "_stream"), None)
        return [
            self._method(operation, first, see, streamed if first.kind == "_call" else None),
            *(self._method(operation, twin, []) for twin in twins),
        ]

    def shared(self, method: Method, operation: Operation) -> Method:
        """A method that makes the call of another operation for the models of that one.

        Raises NameProblem where the catalogue has none.
        """
        listed = self.document.models_of(operation).get("model", [])
        names = [model.name for model in listed if model.name and not model.deprecated]
        if not names:
            raise NameProblem("its call has no models in the catalogue", "add them")
        other = self.of(operation, method.name)[0]
        model = union(literal(name) for name in names)
        ways = other.overloads or [Overload(other.arguments, other.returned)]
        own = {**other.own, **method.own}
        hidden = {name: "" for name in other.own if name not in method.own}
        listed_ = ", ".join(names)
        see = (
            f"With a model of OpenAI's ({listed_}) it is the call of "
            f"`client.{operation.tag}.{operation.action}`, with its arguments and its response."
        )
        return replace(
            method,
            arguments=_joined(method.arguments, other.arguments),
            own=own,
            returned=(*method.returned, *other.returned),
            doc=[method.doc[0], "", *wrap(see), *method.doc[1:]],
            imports=method.imports | other.imports | model.imports,
            overloads=[
                *(replace(way, arguments=_of_models(way.arguments, model)) for way in ways),
                Overload(method.arguments, method.returned, hidden),
            ],
            other=other,
            models=names,
            foreign=[*_only_in(other.arguments, method.arguments), *hidden],
            only=_only_in(method.arguments, other.arguments),
        )

    def _method(
        self, operation: Operation, form: Form, see: list[str], streamed: Form | None = None
    ) -> Method:
        """The method of a form; `streamed` is the form that its `stream=True` asks for."""
        taken = self.arguments(operation)
        shown = self.own_arguments(operation)
        plain = _variants(shown, taken.body, form)
        format_ = str(operation.extension("x-structured").get("argument", ""))
        if form.kind == "_parse":
            shown, body = _with_format(plain[0].arguments, format_), replace(taken.body, shapes=[])
        else:
            body = taken.body
        sent = _sent(operation, form, shown)
        unknown = taken.body.is_unknown and "body" in sent
        own = _own_arguments(form.accept, unknown, form.kind == "_submit", streamed)
        texts = Texts.of(operation)
        if form.kind == "_upload":
            texts, shown = _as_upload(operation, texts, shown)
        overloads = _overloads(plain, form, streamed, format_)
        if form.kind == "_stream" and form.structured:
            shown = _with_either(shown, format_)
        lines = docstring(texts, shown, body, own.texts, _returns(operation, form), see)
        results = [one.returned for one in overloads] or [(_result(form),)]
        returned = tuple(chain.from_iterable(results))
        return Method(
            operation,
            form.name,
            form.kind,
            shown,
            own.all,
            sent,
            returned,
            lines,
            _imports(returned, shown) | own.imports,
            overloads,
            warning(operation, form.name),
            format_ if form.structured else "",
        )


def warning(operation: Operation, method: str) -> str:
    """What Python warns of when a method of a deprecated operation is called; empty for others."""
    if not operation.is_deprecated:
        return ""
    new = operation.replacement
    told = f"{operation.dotted(method)} is deprecated"
    return f"{told}: use {new.dotted(new.place[-1])}" if new else told


def _switches(operation: Operation) -> Iterator[dict[str, object]]:
    """The fields that are no arguments, as they choose the form."""
    for name in ("x-task", "x-stream"):
        yield obj(operation.extension(name).get("when"))


def _sent(operation: Operation, form: Form, shown: list[Argument]) -> Sent:
    sent: Sent = {"path": [], "query": [], "headers": [], "body": []}
    for argument in shown:
        if argument.place == "format":
            continue
        sent[_key(argument.place)].append((argument.wire, Name(argument.name)))
    sent["path"].sort(key=lambda pair: operation.path.find(f"{{{pair[0]}}}"))
    if form.switch:
        sent[_key(form.switch["in"])].append((form.switch["name"], form.switch["value"]))
    if not operation.body:
        del sent["body"]
    return {place: pairs for place, pairs in sent.items() if pairs or place == "body"}


def _key(place: str) -> str:
    return "headers" if place == "header" else place


def _imports(returned: tuple[Returned, ...], shown: list[Argument]) -> set[tuple[str, str]]:
    """What a type checker must import to read a method's annotations."""
    found = {pair for argument in shown for pair in argument.annotation.imports}
    return found.union(*(one.imports for one in returned))


def _result(form: Form) -> Returned:
    return Returned(form.kind, form.item, form.whole)


def _overloads(
    plain: list[Overload], form: Form, streamed: Form | None, format_: str
) -> list[Overload]:
    """The ways of calling a method, where they have results of their own.

    `plain`: its request variants, or all of its arguments; `streamed`: the form that `stream=True`
    asks for; `format_`: the argument that takes a class for the output.
    """
    if streamed:
        return _with_stream(plain, _result(streamed))
    if form.kind == "_stream" and form.structured:
        result = Returned(form.kind, form.item, form.structured)
        return [plain[-1], Overload(_with_format(plain[0].arguments, format_), (result,))]
    return plain if form.kind in ("_call", "_submit") and len(plain) > 1 else []


def _with_stream(plain: list[Overload], events: Returned) -> list[Overload]:
    """The ways of calling a method that takes `stream`."""
    main = plain[0]
    return [
        *(replace(one, own={"stream": "Literal[False] | None"}) for one in plain),
        replace(main, returned=(events,), own={"stream": "Literal[True]"}),
        replace(main, returned=(*main.returned, events), own={"stream": "bool"}),
    ]


def _variants(shown: list[Argument], body: BodyArguments, form: Form) -> list[Overload]:
    """The request variants of a call: one, or those of several `…Request` schemas.

    Each of several has its own `…Response`. Of a stream, the first and the one of all arguments.
    """
    members = [part for expression in form.item.parts for part in expression.split(" | ")]
    responses = {member.partition("[")[0]: member for member in members}
    names = [shape.name.removesuffix("Request") + "Response" for shape in body.shapes]
    whole = Overload(shown, (_result(form),))
    if form.kind in ("_stream", "_parse") and body.shapes:
        return [Overload(_of_shape(shown, body.shapes[0]), whole.returned), whole]
    if len(names) < 2 or sorted(names) != sorted(responses):
        return [whole]
    pairs = zip(names, body.shapes, strict=True)
    return [
        Overload(_of_shape(shown, shape), (Returned(form.kind, received(responses[response])),))
        for response, shape in pairs
    ]


def _of_shape(shown: list[Argument], shape: Shape) -> list[Argument]:
    """The arguments of one request variant, the required first."""
    own = [argument for argument in shown if _is_taken(argument, shape)]
    own = [replace(argument, required=_is_required(argument, shape)) for argument in own]
    return sorted(own, key=lambda argument: not argument.required)


def _joined(own: list[Argument], others: list[Argument]) -> list[Argument]:
    """The arguments of either of two calls, the required of both first."""
    known = {one.name: one for one in own}
    more = {one.name: one for one in others}
    both = [
        replace(
            one,
            required=one.required and name in more and more[name].required,
            annotation=one.annotation | more[name].annotation if name in more else one.annotation,
        )
        for name, one in known.items()
    ]
    both += [replace(one, required=False) for name, one in more.items() if name not in known]
    return sorted(both, key=lambda argument: not argument.required)


def _only_in(arguments: list[Argument], others: list[Argument]) -> list[str]:
    known = {one.name for one in others}
    return [one.name for one in arguments if one.name not in known]


def _of_models(arguments: list[Argument], model: Annotation) -> list[Argument]:
    """The arguments with these models and no others."""
    made = [
        replace(one, annotation=model, required=True) if one.name == "model" else one
        for one in arguments
    ]
    return sorted(made, key=lambda argument: not argument.required)


def _with_format(shown: list[Argument], name: str) -> list[Argument]:
    """The arguments, one of which takes a class for the output."""
    taken = Argument(name, "", "format", True, _FORMAT, _ABOUT_FORMAT)
    required = [one for one in shown if one.required and one.name != name]
    optional = [one for one in shown if not one.required and one.name != name]
    return [*required, taken, *optional]


def _with_either(shown: list[Argument], name: str) -> list[Argument]:
    """The arguments, one of which may be a class for the output."""
    if all(one.name != name for one in shown):
        return [*shown, Argument(name, "", "format", False, _FORMAT, _ABOUT_FORMAT)]
    return [
        replace(one, annotation=one.annotation | _FORMAT) if one.name == name else one
        for one in shown
    ]


def _is_taken(argument: Argument, shape: Shape) -> bool:
    return argument.place != "body" or argument.wire in shape.fields


def _is_required(argument: Argument, shape: Shape) -> bool:
    return argument.wire in shape.required if argument.place == "body" else argument.required


def _as_upload(
    operation: Operation, texts: Texts, shown: list[Argument]
) -> tuple[Texts, list[Argument]]:
    """What the one call of an upload says of itself and takes.

    It takes the file, and the arguments of the step that begins the upload.
    """
    rule = operation.extension("x-upload")
    finish = operation.document.by_id.get(rule["finish"])
    if finish is None:
        fault = f"x-upload.finish names `{rule['finish']}`, which is no operation"
        raise NameProblem(fault, "name the last step")
    if any(argument.name == "file" for argument in shown):
        fault = "an argument `file` stands where x-upload's method has the file"
        raise NameProblem(fault, "take x-upload off this operation")
    told = (
        f"Makes the calls `{operation.action}` and `{finish.action}`; see there which files are "
        "taken. "
    )
    told += (
        "In between, the file goes to a store on another host, which never sees the key. "
        if "put" in rule
        else ""
    )
    told += "The notes of an error say which step failed and what was begun before. "
    told += "`extra_query` and `extra_body` go with the first call, `extra_headers` with both."
    about = "The file; it is streamed, whatever its size."
    file = Argument("file", "", "file", True, FILE, about, files=("part",))
    return replace(texts, summary="Upload a file, all steps in one call", description=told), [
        file,
        *shown,
    ]


def _returns(operation: Operation, form: Form) -> str:
    described = (response.description for response in operation.responses if response.is_success)
    text = next(described, "") or "The response."
    return {
        "_call": text,
        "_submit": (
            "The task, accepted; `wait()` follows it to its end and gives its outputs and its "
            f"`response` ({form.item})."
        ),
        "_stream": f"The stream, a context manager to iterate over ({form.item}).",
        "_parse": f"{text.rstrip('.')}, with the object in `parsed`; None where the model refuses.",
        "_stream_bytes": (
            f"{text.rstrip('.')}, as a context manager that gives the bytes as they come."
        ),
        "_iterate": (
            "The items of all pages, each page asked for when it is reached; `pages()` gives them "
            "page by page."
        ),
        "_upload": (
            "In `url` what other calls take for the file, and in `response` what the last step "
            "responded."
        ),
    }[form.kind]


def _own_arguments(
    accept: tuple[str, ...], unknown: bool, is_task: bool, streamed: Form | None
) -> OwnArguments:
    """Our own arguments.

    `accept`: the media types to choose from; `unknown`: nobody knows the fields of the body;
    `streamed`: what `stream=True` asks for.
    """
    mapping, texts = "Mapping[str, Any]", dict[str, str]()
    own: dict[str, str] = {}
    imports = {("collections.abc", "Mapping"), ("typing", "Any")}
    if streamed:
        own["stream"] = "bool | None"
        texts["stream"] = f"True returns the events as they come, as `{streamed.name}` does."
        imports.add(("typing", "Literal"))
    if unknown:
        own["extra_body"] = mapping
        texts["extra_body"] = "The whole body."
    if len(accept) > 1:
        media = union(literal(name) for name in accept)
        own["accept"] = f"{media} | None"
        texts["accept"] = "The media type to answer in."
        imports |= media.imports
    own["extra_headers"] = "Mapping[str, str] | None"
    own["extra_query"] = f"{mapping} | None"
    own.setdefault("extra_body", f"{mapping} | None")
    own["timeout"] = "float | None"
    given = ", ".join(name for name in own if name.startswith("extra_") and name not in texts)
    texts[given] = "Sent on top of the rest."
    texts["timeout"] = "Seconds to wait for the service; default: the client's."
    if is_task:
        texts["timeout"] += " A task's own time is `wait(timeout=…)`."
    return OwnArguments(own, texts, imports)
