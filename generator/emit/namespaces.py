"""The namespaces: methods with explicit keyword arguments, a module a vendor.

They are rendered from the joined document.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from generator.document import Document, Operation
from generator.document.names import CLIENT_ATTRIBUTES, argument_name, is_name
from generator.document.realtime import RealtimeCall
from generator.source import Problem, Spec, SpecError, obj

from .arguments import NameProblem
from .code import HEADER, File
from .methods import Method, Methods
from .realtime import Connecting, connecting

PACKAGE = "api302_resources"
Called = TypeVar("Called", Operation, RealtimeCall)


@dataclass
class Class:
    """A namespace: methods, and further namespaces below it."""

    name: str
    doc: str
    methods: list[Method | Connecting] = field(default_factory=list)
    children: dict[str, Child] = field(default_factory=dict)


@dataclass
class Child:
    """A namespace on another: its class, its module (None: the same one), and what it is."""

    name: str
    module: str | None
    doc: str


@dataclass
class Module:
    """A file to write."""

    path: str
    doc: str
    classes: list[Class] = field(default_factory=list)


def files(tree: Tree) -> Iterator[File]:
    """The files of `api302_resources`."""
    for module in tree.modules.values():
        yield File(f"{PACKAGE}/{module.path}", "resources/module.py.jinja", _shown(module))
    operations = tree.methods.document.operations
    index = {one.id: f"{one.tag.replace('.', '_')}.{one.id}" for one in operations}
    tasks = (one.node.get("x-task", {}) for one in operations)
    webhooks = sorted({task["fetch"] for task in tasks if "webhook" in task})
    values = {"header": HEADER, "index": dict(sorted(index.items())), "webhooks": webhooks}
    yield File(f"{PACKAGE}/_index.py", "resources/index.py.jinja", values)
    yield File(f"{PACKAGE}/_calls.py", "resources/calls.py.jinja", _named(tree.methods.document))
    yield from tree.methods.plan.models.files()
    for package in dict.fromkeys(str(Path(path).parent) for path in tree.modules):
        if (path := f"{package}/__init__.py") not in tree.modules and package != ".":
            yield File(f"{PACKAGE}/{path}", "", {"text": f"{HEADER}\n"})
    yield File(f"{PACKAGE}/py.typed", "", {"text": ""}, is_formatted=True)


def _named(document: Document) -> dict[str, Any]:
    """What each operation is called on a client."""
    ordered = sorted(document.operations, key=lambda one: one.id)
    shortcuts = {".".join(one.place): one.id for one in ordered if "x-shortcut" in one.node}
    calls = {one.id: f"{one.tag}.{one.action}" for one in ordered}
    sessions = {one.id: f"{one.tag}.{one.action}" for one in document.realtime}
    return {
        "header": HEADER,
        "calls": calls,
        "shortcuts": dict(sorted(shortcuts.items())),
        "sessions": sessions,
    }


def _shown(module: Module) -> dict[str, Any]:
    """What the template of a module renders: plain data, so that it stands for the file."""
    children = [(child.module, child.name) for child in _child_imports(module)]
    return {
        "header": HEADER,
        "doc": module.doc,
        "imports": _imports(module),
        "children": children,
        "classes": [
            {
                "name": cls.name,
                "doc": cls.doc,
                "children": [
                    (name, child.name, child.module, child.doc)
                    for name, child in cls.children.items()
                ],
                "methods": [method.shown() for method in cls.methods],
            }
            for cls in module.classes
        ],
    }


def planned(methods: Methods, spec: Spec | None = None) -> Tree:
    """The namespaces, before anything is written.

    Raises SpecError for names that Python or the client cannot have, with file and line if `spec`
    is given.
    """
    tree = Tree(methods)
    tree.grow()
    if tree.problems:
        raise SpecError([_problem(operation, error, spec) for operation, error in tree.problems])
    for module in tree.modules.values():
        _check_names(module)
    return tree


def _check_names(module: Module) -> None:
    """Refuse a file in which a name would mean two things."""
    sources: dict[str, str] = {}
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


def _problem(operation: Operation | RealtimeCall, error: NameProblem, spec: Spec | None) -> Problem:
    file, line = f"{operation.tag.replace('.', '/')}.yaml", 1
    if spec and isinstance(operation, RealtimeCall):
        file, line = spec.locate(operation.document.events, ["channels", operation.id])
    elif spec and isinstance(operation, Operation):
        file, line = spec.locate(
            operation.document.node, ["paths", operation.path, operation.method]
        )
    return Problem(file, line, f"{operation.id}: {error}", error.fix)


def _imports(module: Module) -> dict[str, list[str]]:
    """What the type checker needs, by module."""
    found: dict[str, set[str]] = {}
    for cls in module.classes:
        for method in cls.methods:
            for source, name in method.imports:
                found.setdefault(source, set()).add(name)
    return {source: sorted(names) for source, names in sorted(found.items())}


def _child_imports(module: Module) -> list[Child]:
    return [child for cls in module.classes for child in cls.children.values() if child.module]


class Tree:
    """Builds the modules from the operations of a document."""

    def __init__(self, methods: Methods) -> None:
        self.methods = methods
        self.document = methods.document
        self.problems: list[tuple[Operation | RealtimeCall, NameProblem]] = []
        self.root = Class("Sections", "What stands below a client.")
        about = "Every call of the API by section and vendor, and the well-known ones at the top."
        self.modules = {"__init__.py": Module("__init__.py", about, [self.root])}

    def grow(self) -> None:
        """Make all modules, shortcuts last so that they find their section."""
        for operation in self.document.operations:
            self._guard(operation, self._add)
        for call in self.document.realtime:
            self._guard(call, self._add_realtime)
        shortcuts = [one for one in self.document.operations if "x-shortcut" in one.node]
        for operation in sorted(shortcuts, key=lambda one: len(one.place)):
            self._guard(operation, self._add_shortcut)
        for operation in self.document.operations:
            if "x-shared-shortcut" in operation.node:
                self._guard(operation, self._share)

    def _guard(self, operation: Called, add: Callable[[Called], None]) -> None:
        try:
            add(operation)
        except NameProblem as error:
            self.problems.append((operation, error))

    def _add(self, operation: Operation) -> None:
        vendor = self._vendor(operation)
        for method in self.methods.of(operation, operation.action):
            self._place(vendor, method.name, method)

    def _add_realtime(self, call: RealtimeCall) -> None:
        method = connecting(self.methods.plan, call)
        self._place(self._vendor(call), method.name, method)

    def _vendor(self, call: Operation | RealtimeCall) -> Class:
        """The namespace of the vendor that a call belongs to."""
        section = call.section
        above = self._module(f"{section}/__init__.py", self.root, section, section)
        path = f"{section}/{call.vendor}.py"
        return self._module(path, above.classes[0], call.vendor, call.tag).classes[0]

    def _add_shortcut(self, operation: Operation) -> None:
        *groups, name = operation.place
        module = self._shortcut_module(groups[0])
        cls = module.classes[0]
        for number in range(2, len(groups) + 1):
            cls = self._group(module, cls, groups[:number])
        for method in self.methods.of(operation, name):
            self._place(cls, method.name, method)

    def _share(self, operation: Operation) -> None:
        """Let the method of a shortcut make this call too, for its models."""
        *groups, name = str(operation.node["x-shared-shortcut"]).split(".")
        cls = self._shortcut_module(groups[0]).classes[0]
        for number, method in enumerate(cls.methods):
            if isinstance(method, Method) and method.name == name and len(groups) == 1:
                cls.methods[number] = self.methods.shared(method, operation)
                return
        fault = f"`{name}` is no method at the top of {groups[0]}"
        raise NameProblem(fault, "name a shortcut of two words")

    def _shortcut_module(self, name: str) -> Module:
        """The module of the first word of a shortcut: a section's, or one of its own."""
        if name in self.root.children and f"{name}/__init__.py" in self.modules:
            return self.modules[f"{name}/__init__.py"]
        return self._module(f"shortcuts/{name}.py", self.root, name, name)

    def _group(self, module: Module, above: Class, groups: list[str]) -> Class:
        """The class of a further word of a shortcut, made when first asked for.

        A method of that name becomes what calling the namespace does.
        """
        *_, group = groups
        if group not in above.children:
            new = Class(
                _pascal("_".join(groups)), f"{groups[0].capitalize()}: {' '.join(groups[1:])}."
            )
            known = [one for one in above.methods if isinstance(one, Method)]
            for method in [one for one in known if one.name == group]:
                above.methods.remove(method)
                new.methods.append(replace(method, name="__call__"))
                new.doc = f"{new.doc} Called itself: {method.doc[0]}"
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

    def _place(self, cls: Class, name: str, what: Method | Connecting | Child) -> None:
        """Hang a method or namespace below a class, unless the name is taken or cannot be."""
        fix = "rename the operationId, the vendor or the x-shortcut"
        if name in cls.children or any(method.name == name for method in cls.methods):
            raise NameProblem(f"`{name}` is already the name of something in {cls.name}", fix)
        if cls is self.root and name in CLIENT_ATTRIBUTES:
            raise NameProblem(f"`{name}` is an attribute of the client itself", fix)
        if not is_name(name):
            raise NameProblem(f"`{name}` is no name that a method can have", fix)
        if isinstance(what, Child):
            cls.children[name] = what
        else:
            cls.methods.append(what)


def _pascal(name: str) -> str:
    return "".join(part.capitalize() for part in argument_name(name).split("_"))
