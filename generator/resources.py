"""The namespaces: real methods with explicit keyword arguments, a module a vendor, rendered from the joined document."""

from __future__ import annotations

import keyword
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from .arguments import NameProblem, identifier
from .docstrings import best_source
from .methods import Method, Methods, Operation
from .raw import HEADER, format_code
from .source import Problem, Spec, SpecError, obj, seq

PACKAGE = "api302_resources"
# What the hand-written clients have beside the namespaces.
CORE = (
    *(
        "request",
        "resume",
        "cost",
        "download",
        "close",
        "aclose",
        "with_options",
        "with_raw_response",
        "options",
        "webhooks",
    ),
    *("api_key", "base_url", "timeout", "max_retries", "http_client", "extra_headers"),
)


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


def build(document: dict[str, Any], out: Path, spec: Spec | None = None) -> dict[str, int]:
    """Write `api302_resources/` below `out`. Returns how many `functions` (operations) and `modules` there are.

    Raises SpecError for names that Python or the client cannot have, with file and line if `spec` is given.
    """
    tree = planned(document, spec)
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
        text = template.render(
            header=HEADER, module=module, imports=_imports(module), children=_child_imports(module)
        )
        _write(root / module.path, text)
    index = {
        operation.content["operationId"]: f"{operation.module}:{operation.constant}"
        for operation in tree.methods.operations
    }
    _write(
        root / "_index.py",
        environment.get_template("index.py.jinja").render(
            header=HEADER, index=dict(sorted(index.items()))
        ),
    )
    for package in {str(Path(module.path).parent) for module in tree.modules.values()}:
        if not (root / package / "__init__.py").exists():
            _write(root / package / "__init__.py", f"{HEADER}\n")
    _write(root / "py.typed", "")
    format_code(root)
    return {"functions": len(tree.methods.operations), "modules": len(tree.modules)}


def planned(document: dict[str, Any], spec: Spec | None = None) -> Tree:
    """The namespaces, before anything is written. Raises SpecError as `build`."""
    tree = Tree(document)
    tree.grow()
    if tree.problems:
        raise SpecError(
            [_problem(operation, error, document, spec) for operation, error in tree.problems]
        )
    return tree


def _check_names(module: Module) -> None:
    """Refuse a file in which a name would mean two things."""
    sources = {name: "this file" for name, _ in module.constants} | {
        name: source for source, name in module.borrowed
    }
    for source, names in [
        *_imports(module).items(),
        *(
            (child.module or "", [child.name, f"Async{child.name}"])
            for child in _child_imports(module)
        ),
    ]:
        for name in (name.rpartition(" ")[2] for name in names):
            if sources.setdefault(name, source) != source or any(
                name in (cls.name, f"Async{cls.name}") for cls in module.classes
            ):
                message = f"{PACKAGE}/{module.path} would have two things called `{name}`"
                raise SpecError(
                    [
                        Problem(
                            module.path.replace(".py", ".yaml"),
                            1,
                            message,
                            "rename the schema or the vendor",
                        )
                    ]
                )


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _problem(
    operation: Operation, error: NameProblem, document: dict[str, Any], spec: Spec | None
) -> Problem:
    file, line = (
        spec.locate(document, ["paths", operation.path, operation.method])
        if spec
        else (f"{operation.module.replace('.', '/')}.yaml", 1)
    )
    return Problem(file, line, f"{operation.content['operationId']}: {error}", error.fix)


def _imports(module: Module) -> dict[str, list[str]]:
    """What the type checker needs, by module."""
    found: dict[str, set[str]] = {}
    for name, source in sorted(
        {pair[::-1] for cls in module.classes for method in cls.methods for pair in method.imports}
    ):
        found.setdefault(source, set()).add(name)
    return {source: sorted(names) for source, names in sorted(found.items())}


def _child_imports(module: Module) -> list[Child]:
    return [child for cls in module.classes for child in cls.children.values() if child.module]


class Tree:
    """Builds the modules from the operations of a document."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self.methods = Methods(document)
        self.problems: list[tuple[Operation, NameProblem]] = []
        self.modules: dict[str, Module] = {}

    def grow(self) -> None:
        """Make all modules, shortcuts last so that they find their section."""
        top = Module(
            "__init__.py",
            "Every call of the API by section and vendor, and the well-known ones at the top.",
        )
        self.root = Class("Sections", "What stands below a client.")
        top.classes.append(self.root)
        self.modules["__init__.py"] = top
        for operation in self.methods.operations:
            self._guard(operation, self._add)
        for operation in self.methods.operations:
            if "x-shortcut" in operation.content:
                self._guard(operation, self._add_shortcut)

    def _guard(self, operation: Operation, add: Any) -> None:
        try:
            add(operation)
        except NameProblem as error:
            self.problems.append((operation, error))

    def _add(self, operation: Operation) -> None:
        section = self._module(
            f"{operation.section}/__init__.py", self.root, operation.section, operation.section
        )
        vendor = self._module(
            f"{operation.section}/{operation.vendor}.py",
            section.classes[0],
            operation.vendor,
            operation.module,
        )
        if any(name == operation.constant for name, _ in vendor.constants):
            raise NameProblem(
                f"another operation of {operation.module} is called `{operation.action}` too",
                "give one another operationId",
            )
        vendor.constants.append((operation.constant, self._described(operation)))
        for method in self.methods.of(operation, operation.action):
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
                new = Class(
                    name_of_class, f"{groups[0].capitalize()}: {' '.join(groups[1:number])}."
                )
                self._place(cls, group, Child(new.name, None, new.doc))
                module.classes.append(new)
            below = [known for known in module.classes if known.name == cls.children[group].name]
            if not below:
                raise NameProblem(
                    f"the shortcut's `{group}` is a vendor's namespace already",
                    "choose another x-shortcut",
                )
            cls = below[0]
        module.borrowed.add((f"{PACKAGE}.{operation.module}", operation.constant))
        for method in self.methods.of(operation, name):
            self._place(cls, method.name, method)

    def _module(self, path: str, parent: Class, name: str, tag: str) -> Module:
        """The module of a namespace, made when first asked for and hung below its parent."""
        if path not in self.modules:
            about = obj(self.methods.tags.get(tag))
            doc = str(
                about.get("description")
                or about.get("summary")
                or f"{name.replace('_', ' ').capitalize()}, at the top of the client."
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
                f"`{name}` is already the name of something in {cls.name}",
                "rename the operationId, the vendor or the x-shortcut",
            )
        core = cls is self.root and name in CORE
        if (
            core
            or not name.isidentifier()
            or keyword.iskeyword(name)
            or name.startswith("_")
            or name in ("str", "int", "float", "bool")
        ):
            why = "an attribute of the client itself" if core else "no name that a method can have"
            raise NameProblem(
                f"`{name}` is {why}", "rename the operationId, the vendor or the x-shortcut"
            )
        if isinstance(what, Method):
            cls.methods.append(what)
        else:
            cls.children[name] = what

    def _described(self, operation: Operation) -> dict[str, Any]:
        """What the core must know of an operation, beside what its endpoint module says."""
        content = operation.content
        _, body = self.methods.arguments(operation)
        described = {
            "id": content["operationId"],
            "endpoint": f"{operation.section}_{operation.vendor}.{content['operationId']}",
            "docs": best_source(content),
            "files": {argument.wire: argument.files for argument in body.fields if argument.files},
            "required": tuple(
                argument.wire for argument in body.fields if argument.required and argument.wire
            ),
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
        named = [
            obj(schemes.get(name))
            for requirement in seq(content.get("security"))
            for name in requirement
        ]
        return tuple(
            scheme["name"].lower()
            for scheme in named
            if scheme.get("type") == "apiKey" and scheme.get("in") == "header"
        )


def _pascal(name: str) -> str:
    return "".join(part.capitalize() for part in identifier(name).split("_"))
