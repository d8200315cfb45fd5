"""The namespaces: real methods with explicit keyword arguments, a module a vendor, rendered from the joined document."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ..document import Operation
from ..document.names import CLIENT_ATTRIBUTES, argument_name, is_name
from ..source import Problem, Spec, SpecError, obj
from .arguments import NameProblem
from .code import HEADER, TEMPLATES, format_code
from .docstrings import best_source
from .methods import Method, Methods

PACKAGE = "api302_resources"


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


def build(methods: Methods, out: Path, spec: Spec | None = None) -> dict[str, int]:
    """Write `api302_resources/` below `out`. Returns how many `functions` (operations) and `modules` there are.

    Raises SpecError for names that Python or the client cannot have, with file and line if `spec` is given.
    """
    tree = planned(methods, spec)
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES / "resources"),
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
    operations = methods.document.operations
    index = {
        operation.id: f"{operation.tag}:{operation.action.upper()}" for operation in operations
    }
    text = environment.get_template("index.py.jinja").render(
        header=HEADER, index=dict(sorted(index.items()))
    )
    _write(root / "_index.py", text)
    for package in {str(Path(module.path).parent) for module in tree.modules.values()}:
        if not (root / package / "__init__.py").exists():
            _write(root / package / "__init__.py", f"{HEADER}\n")
    _write(root / "py.typed", "")
    format_code(root)
    return {"functions": len(operations), "modules": len(tree.modules)}


def planned(methods: Methods, spec: Spec | None = None) -> Tree:
    """The namespaces, before anything is written. Raises SpecError as `build`."""
    tree = Tree(methods)
    tree.grow()
    if tree.problems:
        raise SpecError([_problem(operation, error, spec) for operation, error in tree.problems])
    return tree


def _check_names(module: Module) -> None:
    """Refuse a file in which a name would mean two things."""
    sources = {name: "this file" for name, _ in module.constants} | {
        name: source for source, name in module.borrowed
    }
    own = {name for cls in module.classes for name in (cls.name, f"Async{cls.name}")}
    children = [
        (child.module or "", [child.name, f"Async{child.name}"]) for child in _child_imports(module)
    ]
    for source, names in [*_imports(module).items(), *children]:
        for name in (name.rpartition(" ")[2] for name in names):
            if sources.setdefault(name, source) != source or name in own:
                message = f"{PACKAGE}/{module.path} would have two things called `{name}`"
                fix = "rename the schema or the vendor"
                raise SpecError([Problem(module.path.replace(".py", ".yaml"), 1, message, fix)])


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _problem(operation: Operation, error: NameProblem, spec: Spec | None) -> Problem:
    file, line = f"{operation.tag.replace('.', '/')}.yaml", 1
    if spec:
        file, line = spec.locate(
            operation.document.node, ["paths", operation.path, operation.method]
        )
    return Problem(file, line, f"{operation.id}: {error}", error.fix)


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

    def __init__(self, methods: Methods) -> None:
        self.methods = methods
        self.document = methods.document
        self.problems: list[tuple[Operation, NameProblem]] = []
        self.root = Class("Sections", "What stands below a client.")
        about = "Every call of the API by section and vendor, and the well-known ones at the top."
        self.modules = {"__init__.py": Module("__init__.py", about, [self.root])}

    def grow(self) -> None:
        """Make all modules, shortcuts last so that they find their section."""
        for operation in self.document.operations:
            self._guard(operation, self._add)
        for operation in self.document.operations:
            if "x-shortcut" in operation.node:
                self._guard(operation, self._add_shortcut)

    def _guard(self, operation: Operation, add: Callable[[Operation], None]) -> None:
        try:
            add(operation)
        except NameProblem as error:
            self.problems.append((operation, error))

    def _add(self, operation: Operation) -> None:
        section, name = operation.section, operation.action.upper()
        above = self._module(f"{section}/__init__.py", self.root, section, section)
        vendor = self._module(
            f"{section}/{operation.vendor}.py", above.classes[0], operation.vendor, operation.tag
        )
        if any(name == other for other, _ in vendor.constants):
            fault = f"another operation of {operation.tag} is called `{operation.action}` too"
            raise NameProblem(fault, "give one another operationId")
        vendor.constants.append((name, self._described(operation)))
        for method in self.methods.of(operation, operation.action):
            self._place(vendor.classes[0], method.name, method)

    def _add_shortcut(self, operation: Operation) -> None:
        *groups, name = operation.place
        module = self._shortcut_module(groups[0])
        cls = module.classes[0]
        for number in range(2, len(groups) + 1):
            cls = self._group(module, cls, groups[:number])
        module.borrowed.add((f"{PACKAGE}.{operation.tag}", operation.action.upper()))
        for method in self.methods.of(operation, name):
            self._place(cls, method.name, method)

    def _shortcut_module(self, name: str) -> Module:
        """The module of the first word of a shortcut: a section's, or one of its own."""
        if name in self.root.children and f"{name}/__init__.py" in self.modules:
            return self.modules[f"{name}/__init__.py"]
        return self._module(f"shortcuts/{name}.py", self.root, name, name)

    def _group(self, module: Module, above: Class, groups: list[str]) -> Class:
        """The class of a further word of a shortcut, made when first asked for."""
        *_, group = groups
        if group not in above.children:
            new = Class(
                _pascal("_".join(groups)), f"{groups[0].capitalize()}: {' '.join(groups[1:])}."
            )
            self._place(above, group, Child(new.name, None, new.doc))
            module.classes.append(new)
        for known in module.classes:
            if known.name == above.children[group].name:
                return known
        raise NameProblem(
            f"the shortcut's `{group}` is a vendor's namespace already", "choose another x-shortcut"
        )

    def _module(self, path: str, parent: Class, name: str, tag: str) -> Module:
        """The module of a namespace, made when first asked for and hung below its parent."""
        if path not in self.modules:
            about = obj(self.document.tags.get(tag))
            plain = f"{name.replace('_', ' ').capitalize()}, at the top of the client."
            doc = str(about.get("description") or about.get("summary") or plain)
            cls = Class(_pascal(name), doc if doc.endswith(".") else f"{doc}.")
            source = path.removesuffix("/__init__.py").removesuffix(".py").replace("/", ".")
            self._place(parent, name, Child(cls.name, f"{PACKAGE}.{source}", cls.doc))
            self.modules[path] = Module(path, cls.doc, [cls])
        return self.modules[path]

    def _place(self, cls: Class, name: str, what: Method | Child) -> None:
        """Hang a method or namespace below a class, unless the name is taken or cannot be."""
        fix = "rename the operationId, the vendor or the x-shortcut"
        if name in cls.children or any(method.name == name for method in cls.methods):
            raise NameProblem(f"`{name}` is already the name of something in {cls.name}", fix)
        if cls is self.root and name in CLIENT_ATTRIBUTES:
            raise NameProblem(f"`{name}` is an attribute of the client itself", fix)
        if not is_name(name):
            raise NameProblem(f"`{name}` is no name that a method can have", fix)
        if isinstance(what, Method):
            cls.methods.append(what)
        else:
            cls.children[name] = what

    def _described(self, operation: Operation) -> dict[str, Any]:
        """What the core must know of an operation, beside what its endpoint module says."""
        node = operation.node
        body = self.methods.arguments(operation).body
        described = {
            "id": operation.id,
            "endpoint": f"{operation.tag.replace('.', '_')}.{operation.id}",
            "docs": best_source(node),
            "files": {argument.wire: argument.files for argument in body.fields if argument.files},
            "required": tuple(
                argument.wire for argument in body.fields if argument.required and argument.wire
            ),
            "not_empty": tuple(argument.wire for argument in body.fields if argument.not_empty),
            "keys": operation.key_headers,
            "success": node.get("x-success"),
            "task": node.get("x-task"),
            "status": node.get("x-task-status"),
            "stream": node.get("x-stream"),
            "pages": node.get("x-pages"),
            "upload": node.get("x-upload"),
            "price": node.get("x-price"),
        }
        return {name: value for name, value in described.items() if value}


def _pascal(name: str) -> str:
    return "".join(part.capitalize() for part in argument_name(name).split("_"))
