"""The namespaces: real methods with explicit keyword arguments, a module a vendor, rendered from the joined document."""

from __future__ import annotations

import keyword
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from .annotations import ANY, FILE, Annotation, Schemas, imported, literal, received, returned, scalar, union
from .arguments import Argument, Body, NameProblem, arguments, identifier
from .docstrings import best_source, docstring
from .join import operations
from .lower import Types, is_json, lower
from .lower import operations as lowered_operations
from .params import owners
from .raw import HEADER, format_code
from .source import Problem, Spec, SpecError, obj, seq

PACKAGE = "api302_resources"
# What the hand-written clients have beside the namespaces.
CORE = (
    *("request", "resume", "cost", "download", "close", "aclose", "with_options", "with_raw_response", "options", "webhooks"),
    *("api_key", "base_url", "timeout", "max_retries", "http_client", "extra_headers"),
)
_SOON = {"_submit": "Task", "_stream": "Stream", "_stream_bytes": "ByteStream", "_iterate": "Iterator"}
_TWINS = {
    "_submit": "gives a task at once",
    "_stream": "gives the events as they come",
    "_stream_bytes": "gives the bytes as they come",
    "_iterate": "goes through the items of all pages",
    "_upload": "makes all the steps of the upload in one call",
}
_EVENTS = "text/event-stream"


@dataclass
class Operation:
    """An operation of the document, and where it stands."""

    path: str
    method: str
    content: dict[str, Any]
    parameters: list[dict[str, Any]]
    section: str
    vendor: str
    action: str
    """What the operation id says after the vendor: the name of its method."""

    @property
    def constant(self) -> str:
        return self.action.upper()

    @property
    def module(self) -> str:
        return f"{self.section}.{self.vendor}"


@dataclass
class Form:
    """One way of calling an operation."""

    kind: str
    """The method of `api302._resource.Resource` that does the work."""
    name: str
    item: Annotation
    """What is returned, or what the task, stream or iterator returned is of."""
    whole: Annotation | None = None
    """What `final()` of a stream gives."""
    switch: dict[str, Any] = field(default_factory=dict)
    """The field that asks for this form, as in `x-task.when`."""
    accept: tuple[str, ...] = ()
    hidden: tuple[dict[str, Any], ...] = ()
    """Fields that are no arguments, beside the switches of all forms."""


@dataclass
class Method:
    """A method to render, for the sync class and the async one."""

    name: str
    kind: str
    constant: str
    arguments: list[Argument]
    own: list[tuple[str, str]]
    """Our own arguments, as name and `annotation = default`."""
    sent: dict[str, list[tuple[str, str]]]
    """By place, what is sent: name on the wire and the Python expression."""
    item: Annotation
    doc: list[str]
    imports: set[tuple[str, str]]
    whole: Annotation | None
    """What `final()` of a stream gives."""
    overloads: list[tuple[list[Argument], Annotation]]
    """Where each shape of the request has a reply of its own: its arguments and what takes the place of `item`."""

    def returns(self, prefix: str, item: Annotation | None = None) -> str:
        """The annotation of what the method returns; `prefix` is `Async` on the async class."""
        items = [item] if item else [own for _, own in self.overloads] or [self.item]
        if self.kind == "_stream_bytes":
            return f"{prefix}ByteStream"
        if self.kind == "_stream":
            return f"{prefix}Stream[{self.item}, {self.whole}]"
        outer = f"{prefix}{_SOON[self.kind]}[{{}}]" if self.kind in _SOON else "{}"
        return " | ".join(outer.format(own) for own in items)


@dataclass
class Class:
    """A namespace: methods, and further namespaces below it."""

    name: str
    doc: str
    methods: list[Method] = field(default_factory=list)
    children: dict[str, Child] = field(default_factory=dict)


@dataclass
class Child:
    """A namespace below another: its class, where that is (None: the same module), and what it is."""

    name: str
    module: str | None
    doc: str


@dataclass
class Module:
    """A file to write."""

    path: str
    doc: str
    classes: list[Class] = field(default_factory=list)
    constants: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    borrowed: set[tuple[str, str]] = field(default_factory=set)
    """Constants of other modules: (module, name)."""


def build(document: dict[str, Any], out: Path, spec: Spec | None = None) -> dict[str, Any]:
    """Write `api302_resources/` below `out`. Returns how many `functions` (operations) and `modules`, and what was `renamed`.

    Raises SpecError for names that Python or the client cannot have, with file and line if `spec` is given.
    """
    tree = _Tree(document)
    tree.grow()
    if tree.problems:
        raise SpecError([_problem(operation, error, document, spec) for operation, error in tree.problems])
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates" / "resources"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    environment.filters["python"] = repr
    for module in tree.modules.values():
        _check_names(module)
    root = out / PACKAGE
    shutil.rmtree(root, ignore_errors=True)
    template = environment.get_template("module.py.jinja")
    for module in tree.modules.values():
        text = template.render(header=HEADER, module=module, imports=_imports(module), children=_child_imports(module))
        _write(root / module.path, text)
    index = {operation.content["operationId"]: f"{operation.module}:{operation.constant}" for operation in tree.operations}
    _write(root / "_index.py", environment.get_template("index.py.jinja").render(header=HEADER, index=dict(sorted(index.items()))))
    for package in {str(Path(module.path).parent) for module in tree.modules.values()}:
        if not (root / package / "__init__.py").exists():
            _write(root / package / "__init__.py", f"{HEADER}\n")
    _write(root / "py.typed", "")
    format_code(root)
    return {"functions": len(tree.operations), "modules": len(tree.modules), "renamed": sorted(tree.renamed)}


def _check_names(module: Module) -> None:
    """Refuse a file in which a name would mean two things."""
    sources = {name: "this file" for name, _ in module.constants} | {name: source for source, name in module.borrowed}
    for source, names in [
        *_imports(module).items(),
        *((child.module or "", [child.name, f"Async{child.name}"]) for child in _child_imports(module)),
    ]:
        for name in (name.rpartition(" ")[2] for name in names):
            if sources.setdefault(name, source) != source or any(name in (cls.name, f"Async{cls.name}") for cls in module.classes):
                message = f"{PACKAGE}/{module.path} would have two things called `{name}`"
                raise SpecError([Problem(module.path.replace(".py", ".yaml"), 1, message, "rename the schema or the vendor")])


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _problem(operation: Operation, error: NameProblem, document: dict[str, Any], spec: Spec | None) -> Problem:
    file, line = (
        spec.locate(document, ["paths", operation.path, operation.method]) if spec else (f"{operation.module.replace('.', '/')}.yaml", 1)
    )
    return Problem(file, line, f"{operation.content['operationId']}: {error}", error.fix)


def _imports(module: Module) -> dict[str, list[str]]:
    """What the type checker needs, by module."""
    found: dict[str, set[str]] = {}
    for name, source in sorted({pair[::-1] for cls in module.classes for method in cls.methods for pair in method.imports}):
        found.setdefault(source, set()).add(name)
    return {source: sorted(names) for source, names in sorted(found.items())}


def _child_imports(module: Module) -> list[Child]:
    return [child for cls in module.classes for child in cls.children.values() if child.module]


class _Tree:
    """Builds the modules from the operations of a document."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        found = operations(document)
        lowered = lower(document)
        self.raw = {operation["x-client"]["id"]: operation["x-client"] for operation in lowered_operations(lowered)}
        self.types = Types(document)
        self.schemas = Schemas(document, owners(document), set(lowered["components"]["schemas"]))
        self.tags = {tag["name"]: tag for tag in seq(document.get("tags"))}
        self.problems: list[tuple[Operation, NameProblem]] = []
        self.renamed: set[str] = set()
        self.modules: dict[str, Module] = {}
        self.operations = [self._operation(path, method, content) for path, method, content in found]
        self.by_id = {operation.content["operationId"]: operation for operation in self.operations}

    def _operation(self, path: str, method: str, content: dict[str, Any]) -> Operation:
        section, _, vendor = str(content["tags"][0]).partition(".")
        inherited = seq(obj(self.document["paths"][path]).get("parameters"))
        parameters = {(p["name"], p["in"]): p for p in map(self.schemas.deref, [*inherited, *seq(content.get("parameters"))])}
        action = str(content["operationId"]).removeprefix(f"{vendor}_")
        return Operation(path, method, content, list(parameters.values()), section, vendor, action)

    def grow(self) -> None:
        """Make all modules, shortcuts last so that they find their section."""
        top = Module("__init__.py", "Every call of the API by section and vendor, and the well-known ones at the top.")
        self.root = Class("Sections", "What stands below a client.")
        top.classes.append(self.root)
        self.modules["__init__.py"] = top
        for operation in self.operations:
            self._guard(operation, self._add)
        for operation in self.operations:
            if "x-shortcut" in operation.content:
                self._guard(operation, self._add_shortcut)

    def _guard(self, operation: Operation, add: Any) -> None:
        try:
            add(operation)
        except NameProblem as error:
            self.problems.append((operation, error))

    def _add(self, operation: Operation) -> None:
        section = self._module(f"{operation.section}/__init__.py", self.root, operation.section, operation.section)
        vendor = self._module(f"{operation.section}/{operation.vendor}.py", section.classes[0], operation.vendor, operation.module)
        if any(name == operation.constant for name, _ in vendor.constants):
            raise NameProblem(f"another operation of {operation.module} is called `{operation.action}` too", "give one another operationId")
        vendor.constants.append((operation.constant, self._described(operation)))
        for method in self._methods(operation, operation.action):
            self._place(vendor.classes[0], method.name, method)

    def _add_shortcut(self, operation: Operation) -> None:
        *groups, name = str(operation.content["x-shortcut"]).split(".")
        if groups[0] in self.root.children and f"{groups[0]}/__init__.py" in self.modules:
            module = self.modules[f"{groups[0]}/__init__.py"]
        else:
            module = self._module(f"shortcuts/{groups[0]}.py", self.root, groups[0], groups[0])
        cls = module.classes[0]
        for number, group in enumerate(groups[1:], 2):
            name_of_class = _pascal("_".join(groups[:number]))
            if group not in cls.children:
                new = Class(name_of_class, f"{groups[0].capitalize()}: {' '.join(groups[1:number])}.")
                self._place(cls, group, Child(new.name, None, new.doc))
                module.classes.append(new)
            below = [known for known in module.classes if known.name == cls.children[group].name]
            if not below:
                raise NameProblem(f"the shortcut's `{group}` is a vendor's namespace already", "choose another x-shortcut")
            cls = below[0]
        module.borrowed.add((f"{PACKAGE}.{operation.module}", operation.constant))
        for method in self._methods(operation, name):
            self._place(cls, method.name, method)

    def _module(self, path: str, parent: Class, name: str, tag: str) -> Module:
        """The module of a namespace, made when first asked for and hung below its parent."""
        if path not in self.modules:
            about = obj(self.tags.get(tag))
            doc = str(
                about.get("description") or about.get("summary") or f"{name.replace('_', ' ').capitalize()}, at the top of the client."
            )
            cls = Class(_pascal(name), doc if doc.endswith(".") else f"{doc}.")
            source = path.removesuffix("/__init__.py").removesuffix(".py").replace("/", ".")
            self._place(parent, name, Child(cls.name, f"{PACKAGE}.{source}", cls.doc))
            self.modules[path] = Module(path, cls.doc, [cls])
        return self.modules[path]

    def _place(self, cls: Class, name: str, what: Method | Child) -> None:
        """Hang a method or namespace below a class, unless the name is taken or cannot be."""
        taken = name in cls.children or any(method.name == name for method in cls.methods)
        if taken:
            raise NameProblem(
                f"`{name}` is already the name of something in {cls.name}", "rename the operationId, the vendor or the x-shortcut"
            )
        core = cls is self.root and name in CORE
        if core or not name.isidentifier() or keyword.iskeyword(name) or name.startswith("_") or name in ("str", "int", "float", "bool"):
            why = "an attribute of the client itself" if core else "no name that a method can have"
            raise NameProblem(f"`{name}` is {why}", "rename the operationId, the vendor or the x-shortcut")
        if isinstance(what, Method):
            cls.methods.append(what)
        else:
            cls.children[name] = what

    def _described(self, operation: Operation) -> dict[str, Any]:
        """What the core must know of an operation, beside what its endpoint module says."""
        content = operation.content
        _, body = self._arguments(operation)
        described = {
            "id": content["operationId"],
            "endpoint": f"{operation.section}_{operation.vendor}.{content['operationId']}",
            "docs": best_source(content),
            "files": {argument.wire: argument.files for argument in body.fields if argument.files},
            "required": tuple(argument.wire for argument in body.fields if argument.required and argument.wire),
            "not_empty": tuple(argument.wire for argument in body.fields if argument.not_empty),
            "keys": self._key_headers(content),
            "success": content.get("x-success"),
            "task": content.get("x-task"),
            "status": content.get("x-task-status"),
            "stream": content.get("x-stream"),
            "pages": content.get("x-pages"),
            "upload": content.get("x-upload"),
            "price": content.get("x-price"),
        }
        return {name: value for name, value in described.items() if value}

    def _key_headers(self, content: dict[str, Any]) -> tuple[str, ...]:
        """The headers beside `Authorization` that the operation's `security` names."""
        schemes = obj(self.document["components"].get("securitySchemes"))
        named = [obj(schemes.get(name)) for requirement in seq(content.get("security")) for name in requirement]
        return tuple(scheme["name"].lower() for scheme in named if scheme.get("type") == "apiKey" and scheme.get("in") == "header")

    def _arguments(self, operation: Operation) -> tuple[list[Argument], Body]:
        try:
            return arguments(operation.content, operation.parameters, self.schemas)
        except NameProblem:
            raise
        except (KeyError, TypeError, ValueError) as error:
            raise NameProblem(f"its request cannot be read ({type(error).__name__}: {error})", "run `python -m generator lint`") from error

    def _methods(self, operation: Operation, name: str) -> list[Method]:
        """The methods of an operation under a name; the first one's docstring points to the others."""
        first, *twins = self._forms(operation, name)
        see = [f"`{twin.name}` {_TWINS[twin.kind]}." for twin in twins]
        return [self._method(operation, first, see), *(self._method(operation, twin, []) for twin in twins)]

    def _forms(self, operation: Operation, name: str) -> Iterator[Form]:
        """The forms in which an operation is called; `create`, a shortcut's name, gives its twins bare names."""
        content = operation.content
        twin = str.format if name != "create" else lambda prefix, _: prefix.removesuffix("_{}")
        task, stream, pages = obj(content.get("x-task")), content.get("x-stream"), obj(content.get("x-pages"))
        replies = self._replies(content)
        whole = [media for media in replies if media != _EVENTS]
        binary = [media for media in whole if replies[media] == "bytes"]
        streams_alone = stream is not None and (not whole or name.startswith("stream"))
        if task and not task.get("when"):
            yield Form("_submit", name, self._task_reply(operation))
        elif not streams_alone:
            yield Form("_call", name, returned(replies[media] for media in whole) if whole else scalar("None"), accept=tuple(whole))
        if task.get("when"):
            yield Form("_submit", twin("submit_{}", name), self._task_reply(operation), switch=task["when"])
        if stream is not None:
            called = name if streams_alone else twin("stream_{}", name)
            yield Form("_stream", called, self._event(content), self._sum(content), obj(obj(stream).get("when")))
        if binary:
            called = twin("stream_{}" if stream is None else "stream_bytes_{}", name)
            yield Form("_stream_bytes", called, Annotation(), accept=tuple(binary))
        if pages:
            item = self._item(content, str(pages["items"]))
            yield Form("_iterate", twin("iter_{}", name), item, hidden=({"in": "query", "name": pages["parameter"]},))
        if "x-upload" in content:
            yield Form("_upload", content["x-upload"]["method"], imported("Uploaded", "api302"))

    def _method(self, operation: Operation, form: Form, see: list[str]) -> Method:
        content, kind, item = operation.content, form.kind, form.item
        shown, body = self._arguments(operation)
        hidden = [*form.hidden, *(obj(obj(content[key]).get("when")) for key in ("x-task", "x-stream") if key in content)]
        switches = {(place.get("in"), place.get("name")) for place in hidden}
        shown = [argument for argument in shown if (argument.place, argument.wire) not in switches]
        renamed = [argument for argument in shown if argument.name == f"{argument.wire}_" or argument.name.startswith("field_")]
        self.renamed |= {f"{content['operationId']}: {argument.wire} -> {argument.name}" for argument in renamed}
        sent: dict[str, list[tuple[str, str]]] = {"path": [], "query": [], "headers": [], "body": []}
        for argument in shown:
            sent["headers" if argument.place == "header" else argument.place].append((argument.wire, argument.name))
        sent["path"].sort(key=lambda pair: operation.path.find(f"{{{pair[0]}}}"))
        if form.switch:
            sent["headers" if form.switch["in"] == "header" else form.switch["in"]].append(
                (form.switch["name"], repr(form.switch["value"]))
            )
        if not content.get("requestBody"):
            del sent["body"]
        unknown = body.unknown and "body" in sent
        own, texts, imports = _own_arguments(form.accept, unknown)
        if kind == "_upload":
            content, shown = self._as_upload(operation, shown)
        imports |= (
            item.imports
            | (form.whole.imports if form.whole else set())
            | {pair for argument in shown for pair in argument.annotation.imports}
        )
        if kind == "_iterate":
            imports |= {("collections.abc", "Iterator"), ("collections.abc", "AsyncIterator")}
        elif kind in _SOON:
            imports |= {("api302", _SOON[kind]), ("api302", f"Async{_SOON[kind]}")}
        lines = docstring(content, shown, body, texts, self._returns(content, kind, item), see)
        kept = {place: pairs for place, pairs in sent.items() if pairs or place == "body"}
        overloads = self._overloads(shown, body, form) if kind in ("_call", "_submit") else []
        return Method(form.name, kind, operation.constant, shown, own, kept, item, lines, imports, form.whole, overloads)

    def _overloads(self, shown: list[Argument], body: Body, form: Form) -> list[tuple[list[Argument], Annotation]]:
        """Where the request is one of `…Request` and the reply one of the `…Reply` to each: what each takes and gives."""
        replies = [part for expression in form.item.parts for part in expression.split(" | ")]
        names = [name.removesuffix("Request") + "Reply" for name, _, _ in body.variants]
        if len(names) < 2 or sorted(names) != sorted(replies):
            return []
        overloads = []
        for reply, (_, required, fields) in zip(names, body.variants, strict=True):
            own = [
                replace(argument, required=argument.wire in required) if argument.place == "body" else argument
                for argument in shown
                if argument.place != "body" or argument.wire in fields
            ]
            overloads.append((sorted(own, key=lambda argument: not argument.required), received(reply)))
        return overloads

    def _as_upload(self, operation: Operation, shown: list[Argument]) -> tuple[dict[str, Any], list[Argument]]:
        """What the one call of an upload says of itself, and what it takes: the file, and the arguments of the step that begins it."""
        rule = operation.content["x-upload"]
        finish = self.by_id.get(rule["finish"])
        if finish is None:
            raise NameProblem(f"x-upload.finish names `{rule['finish']}`, which is no operation", "name the last step")
        if any(argument.name == "file" for argument in shown):
            raise NameProblem("an argument `file` stands where x-upload's method has the file", "take x-upload off this operation")
        told = f"Makes the calls `{operation.action}` and `{finish.action}`; see there which files are taken. "
        told += "In between, the file goes to a store on another host, which never sees the key. " if "put" in rule else ""
        told += "The notes of an error say which step failed and what was begun before. "
        told += "`extra_query` and `extra_body` go with the first call, `extra_headers` with both."
        file = Argument("file", "", "file", True, FILE, "The file; it is streamed, whatever its size.", files=("part",))
        return {**operation.content, "summary": "Upload a file, all steps in one call", "description": told}, [file, *shown]

    def _returns(self, content: dict[str, Any], kind: str, item: Annotation) -> str:
        replies = [self.schemas.deref(reply) for status, reply in obj(content.get("responses")).items() if status.startswith("2")]
        described = [reply.get("description") for reply in replies]
        text = str(next(iter(described), "") or "The reply.").strip()
        return {
            "_call": text,
            "_submit": f"The task, accepted; `wait()` follows it to its end and gives its outputs and its `reply` ({item}).",
            "_stream": f"The stream, a context manager to iterate over ({item}).",
            "_stream_bytes": f"{text.rstrip('.')}, as a context manager that gives the bytes as they come.",
            "_iterate": "The items of all pages, each page asked for when it is reached.",
            "_upload": "In `url` what other calls take for the file, and in `reply` what the last step replied.",
        }[kind]

    def _replies(self, content: dict[str, Any]) -> dict[str, str]:
        """Type expressions of the successful replies by media type."""
        found: dict[str, str] = {}
        for status, by_media in self.raw[content["operationId"]]["responses"].items():
            for media, expression in by_media.items() if status.startswith("2") else ():
                if "when" in obj(content.get("x-task")):
                    expression = self._without_ticket(content, expression)
                known = found.setdefault(media, expression)
                found[media] = known if known == expression else f"{known} | {expression}"
        return found

    def _json_reply(self, content: dict[str, Any]) -> list[str]:
        return [expression for media, expression in self._replies(content).items() if is_json(media)] or ["Any"]

    def _without_ticket(self, content: dict[str, Any], expression: str) -> str:
        """The type of a reply that may also be a task's id, without the classes that hold the id: they answer `submit_…` alone."""
        names = expression.split(" | ")
        schemas = obj(self.document["components"].get("schemas"))
        paths = obj(obj(content.get("x-task")).get("parameters")).values()
        ids = {re.split(r"[.\[]", str(path))[0] for path in paths}
        kept = [name for name in names if not ids & obj(obj(schemas.get(name)).get("properties")).keys()]
        return " | ".join(kept) if kept else expression

    def _task_reply(self, operation: Operation) -> Annotation:
        """What a finished task's `reply` is."""
        fetch = self.by_id.get(operation.content["x-task"]["fetch"])
        if fetch is None:
            raise NameProblem(
                f"x-task.fetch names `{operation.content['x-task']['fetch']}`, which is no operation", "name the fetching operation"
            )
        status = obj(fetch.content.get("x-task-status"))
        own = self._json_reply(operation.content if "reply" in status else fetch.content)
        return returned(iter([*own, "bytes"] if obj(status.get("done")).get("binary") else own))

    def _event(self, content: dict[str, Any]) -> Annotation:
        """What each event of the operation's stream carries."""
        expression = self.raw[content["operationId"]]["stream"]
        if expression is None:
            raise NameProblem(f"it has x-stream, but no 2xx reply of {_EVENTS} with itemSchema", "describe the stream's events")
        return received(expression)

    def _sum(self, content: dict[str, Any]) -> Annotation:
        """What the events of the operation's stream add up to."""
        stream = obj(content.get("x-stream"))
        if "accumulate" not in stream:
            return received("Any")
        return received(stream.get("reply") or self._json_reply(content)[0].split(" | ")[0])

    def _item(self, content: dict[str, Any], path: str) -> Annotation:
        """The type of the items that a plain path of names finds in the reply."""
        for media, about in self._contents(content):
            if is_json(media):
                schema = obj(obj(about).get("schema"))
                for step in path.removesuffix("[]").split(".") if path not in ("@", "[]") else []:
                    schema = obj(obj(self.schemas.deref(schema).get("properties")).get(step.strip('"')))
                items = obj(self.schemas.deref(schema).get("items"))
                return received(self.types.expression(items, path)) if items else ANY
        return ANY

    def _contents(self, content: dict[str, Any]) -> Iterator[tuple[str, Any]]:
        for status, response in obj(content.get("responses")).items():
            if status.startswith("2"):
                yield from obj(self.schemas.deref(response).get("content")).items()


def _own_arguments(accept: tuple[str, ...], unknown: bool) -> tuple[list[tuple[str, str]], dict[str, str], set[tuple[str, str]]]:
    """Our own arguments: name and annotation with default, their descriptions, and what to import for them."""
    mapping, texts = "Mapping[str, Any]", dict[str, str]()
    own: dict[str, str] = {}
    media = union(literal(name) for name in accept)
    if unknown:
        own["extra_body"] = mapping
        texts["extra_body"] = "The whole body."
    if len(accept) > 1:
        own["accept"] = f"{media} | None = None"
        texts["accept"] = "The media type to answer in."
    own["extra_headers"] = "Mapping[str, str] | None = None"
    own["extra_query"] = f"{mapping} | None = None"
    own.setdefault("extra_body", f"{mapping} | None = None")
    own["timeout"] = "float | None = None"
    given = ", ".join(name for name in own if name.startswith("extra_") and name not in texts)
    texts[given] = "Sent on top of the rest."
    texts["timeout"] = "Seconds to wait for the service, unless the client's; a task's own time is `wait(timeout=…)`."
    imports = {("collections.abc", "Mapping"), ("typing", "Any")} | (media.imports if len(accept) > 1 else set())
    return list(own.items()), texts, imports


def _pascal(name: str) -> str:
    return "".join(part.capitalize() for part in identifier(name).split("_"))
