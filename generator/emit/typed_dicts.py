"""Types of request bodies: TypedDicts by datamodel-code-generator, free at run time."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from generator.document import Document, Schema
from generator.document.references import references

from .code import HEADER, File, GenerationError
from .code import name as checked
from .docstrings import wrap
from .owners import is_file
from .plan import Plan

Json = dict[str, Any]

PACKAGE = "api302_client.params"
MODELS = "api302_client.models"
TOOL = "datamodel-code-generator"
_FILES = f'''{HEADER}
"""What a field that takes a file is given in the raw client.

Its content, an open file, or a tuple (name, either of these[, media type]).
"""

from __future__ import annotations

from os import PathLike
from typing import IO, TypeAlias

from .._model import Picture, ResultFile, Upload

File: TypeAlias = (
    bytes | IO[bytes] | tuple[str, bytes | IO[bytes]] | tuple[str, bytes | IO[bytes], str]
)
Local: TypeAlias = File | PathLike[str] | ResultFile | Picture | Upload
"""A local file in the place of a URL or of base64, inside an object.

`api302` sends it as text; the raw client takes the text alone.
"""
'''
_OPTIONS = (
    "--input-file-type openapi --openapi-scopes schemas --output-model-type typing.TypedDict"
    " --target-python-version 3.11 --enum-field-as-literal all --use-standard-collections"
    " --use-union-operator --use-generic-container-types --no-use-closed-typed-dict"
    " --use-field-description --use-schema-description --use-single-line-docstring"
    " --formatters builtin --disable-timestamp"
).split()
# Everything else says what a value must be like, which a type cannot.
_KEPT = ("type", "required", "enum", "const", "description")
_REF = "#/components/schemas/"


def files(plan: Plan) -> Iterator[File]:
    """The files of `api302_client/params/`.

    Those of the tool have no text yet: `generate` makes it.
    """
    root = PACKAGE.replace(".", "/")
    yield File(f"{root}/__init__.py", "", {"text": _lazy(plan)})
    yield File(f"{root}/__init__.pyi", "", {"text": _stub(plan)})
    yield File(f"{root}/files.py", "", {"text": _FILES})
    for module in sorted(set(plan.modules.values())):
        schemas = _needed(plan, {module})
        yield File(f"{root}/{module}.py", "", {"schemas": schemas}, TOOL)


def _lazy(plan: Plan) -> str:
    """The package: each type by its name, loaded when it is first asked for."""
    names: dict[str, list[str]] = {}
    for name, module in plan.modules.items():
        names.setdefault(checked(module), []).append(checked(name))
    listed = [f"    {module!r}: {' '.join(own)!r},\n" for module, own in sorted(names.items())]
    return _PACKAGE.replace("{listed}", "".join(listed))


def _stub(plan: Plan) -> str:
    """The same names, for editors and type checkers."""
    lines = [HEADER, "from typing import TypeAlias", ""]
    for name, module in plan.modules.items():
        if name not in plan.classes:
            lines.append(f"from .{checked(module)} import {checked(name)} as {checked(name)}")
            continue
        lines.append(f"from .{checked(module)} import {checked(name)} as _{name}")
        lines.append(f"{name}Param: TypeAlias = _{name}")
    return "\n".join(lines) + "\n"


_PACKAGE = f'''{HEADER}
"""Types of request bodies, a module a vendor. Each name is here too, and in `__init__.pyi`; one
that a response has as well ends with `Param` there.
"""

from importlib import import_module
from typing import Any

_NAMES = {{
{{listed}}}}


def __getattr__(name: str) -> Any:
    for module, names in _NAMES.items():
        own = name if name in names.split() else name.removesuffix("Param")
        if own in names.split():
            value = globals()[name] = getattr(import_module(f"{{__name__}}.{{module}}"), own)
            return value
    raise AttributeError(f"module {{__name__!r}} has no type {{name!r}}")
'''

_HARMLESS = (
    *(ast.Module, ast.Import, ast.ImportFrom, ast.alias, ast.ClassDef, ast.Expr, ast.Pass),
    *(ast.Assign, ast.AnnAssign, ast.Constant, ast.Name, ast.Attribute, ast.Load, ast.Store),
    *(ast.Subscript, ast.Tuple, ast.List, ast.BinOp, ast.BitOr, ast.Dict, ast.keyword),
    *(ast.UnaryOp, ast.USub),
)
_IMPORTED = ("__future__", "collections.abc", "typing", f"{PACKAGE}.files", MODELS)


def refuse_code(text: str) -> None:
    """Raise GenerationError if a module of the tool holds more than imports and TypedDicts.

    The tool writes texts as they are.
    """
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError) as error:
        raise GenerationError(f"{TOOL} wrote a module that is no Python: {error}") from error
    for node in ast.walk(tree):
        is_dict = isinstance(node, ast.Call) and ast.unparse(node.func) == "TypedDict"
        if not is_dict and not isinstance(node, _HARMLESS):
            raise GenerationError(
                f"{TOOL} wrote a module that holds code: {ast.unparse(node)[:200]}"
            )
        if isinstance(node, ast.ImportFrom) and not node.level and node.module not in _IMPORTED:
            raise GenerationError(f"{TOOL} wrote a module that imports {node.module}")
        if isinstance(node, ast.Import):
            raise GenerationError(f"{TOOL} wrote a module that imports {node.names[0].name}")


def _needed(plan: Plan, modules: set[str]) -> dict[str, Json]:
    """The schemas of some modules, and those that they need, as the tool types them best."""
    todo = [name for name, module in plan.modules.items() if module in modules]
    bodies = _bodies(plan.document)
    lowered: dict[str, Json] = {}
    while todo:
        name = todo.pop()
        key = f"{plan.modules[name]}.{name}"  # the tool takes the part before a dot for a module
        if key not in lowered:
            is_inner = name not in bodies
            lowered[key] = _lower(plan.document.schemas[name], plan.modules, is_inner)
            todo += [ref.rpartition(".")[2] for ref in references(lowered[key])]
    return dict(sorted(lowered.items()))


def _bodies(document: Document) -> set[str]:
    """The names of the schemas that are a whole body: methods have their files as arguments."""
    operations = (operation.body for operation in document.operations if operation.body)
    return {media.schema.target_name for body in operations for media in body.media.values()}


class Running:
    """datamodel-code-generator at work on the modules that are wanted, by path.

    Raises GenerationError, from `result`, if the tool fails or warns.
    """

    def __init__(self, plan: Plan, wanted: Iterable[str]) -> None:
        self._wanted = {path: Path(path).stem for path in wanted}
        self._process: subprocess.Popen[str] | None = None
        if self._wanted:
            self._folder = tempfile.TemporaryDirectory()
            self._schemas = _needed(plan, set(self._wanted.values()))
            self._start(Path(self._folder.name))

    def _start(self, folder: Path) -> None:
        source = folder / "params.json"
        head = {"openapi": "3.1.0", "info": {"title": "params", "version": "0"}, "paths": {}}
        document = {**head, "components": {"schemas": self._schemas}}
        source.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
        command = [sys.executable, "-m", "datamodel_code_generator", "--input", str(source)]
        command += ["--output", str(folder / "output"), "--custom-file-header", HEADER, *_OPTIONS]
        with (folder / "said").open("w", encoding="utf-8") as said:
            self._process = subprocess.Popen(command, stdout=said, stderr=said, text=True)

    def result(self) -> dict[str, str]:
        """The text of each module, not formatted yet, by path."""
        if self._process is None:
            return {}
        folder = Path(self._folder.name)
        try:
            code = self._process.wait()
            said = (folder / "said").read_text(encoding="utf-8").strip()
            if code or said:
                raise GenerationError(
                    f"the types of request bodies: {TOOL} failed or warned:\n{said}"
                )
            return self._read(folder / "output")
        finally:
            self._folder.cleanup()

    def _read(self, output: Path) -> dict[str, str]:
        made = {path.stem: path.read_text(encoding="utf-8") for path in output.glob("*.py")}
        for text in made.values():
            refuse_code(text)
        if "_internal" in made:
            fault = "a shared request schema refers to a vendor's"
            raise GenerationError(f"{TOOL} met a cycle between modules: {fault}")
        if missing := sorted(set(self._wanted.values()) - made.keys()):
            fault = f"wrote no {', '.join(missing)}; is a module's name no identifier?"
            raise GenerationError(f"{TOOL} {fault}")
        return {path: made[module] for path, module in self._wanted.items()}

    def stop(self) -> None:
        """End it; nobody needs the result."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._folder.cleanup()


def _lower(schema: Schema, modules: dict[str, str], is_inner: bool) -> Json:
    """A schema as the tool types it best. `is_inner`: it is not the whole body of a request."""
    if schema.ref:
        name = schema.target_name
        if name not in modules:
            return _lower(schema.referred, modules, is_inner)
        own: Json = {"$ref": f"{_REF}{modules[name]}.{name}"}
        returned = schema.target.node.get("x-returned")
        path = f"{MODELS}.{returned}"
        return {"anyOf": [own, {"type": "object", "customTypePath": path}]} if returned else own
    if is_file(schema):
        text = [{"type": "string"}] if len(schema.file_forms) > 1 else []
        file = {"type": "object", "customTypePath": f"{PACKAGE}.files.File"}
        return {**_described(schema), "anyOf": [file, *text]}
    if is_inner and _takes_local(schema):
        file = {"type": "object", "customTypePath": f"{PACKAGE}.files.Local"}
        texts: list[Json] = [{"type": kind} for kind in schema.types]
        return {**_described(schema), "anyOf": [file, *texts]}
    kept = {key: schema.node[key] for key in _KEPT if key in schema.node}
    return {**kept, **_described(schema), **_lowered_parts(schema, modules, is_inner)}


def _takes_local(schema: Schema) -> bool:
    """A text in whose place a local file may stand: it is sent as a data URL, or in base64."""
    forms = schema.node.get("x-file") or ()
    return "string" in schema.types and not {"data_url", "base64"}.isdisjoint(forms)


def _lowered_parts(schema: Schema, modules: dict[str, str], is_inner: bool) -> Json:
    """The schemas inside a schema, under their keys."""
    parts: Json = {}
    if schema.properties:
        fields = schema.properties.items()
        parts["properties"] = {wire: _lower(inner, modules, is_inner) for wire, inner in fields}
    elif schema.additional:
        parts["additionalProperties"] = _lower(schema.additional, modules, is_inner)
    if schema.items:
        parts["items"] = _lower(schema.items, modules, is_inner)
    members = {"anyOf": schema.any_of, "oneOf": schema.one_of, "allOf": schema.all_of}
    listed = {key: list(_alternatives(inner, modules, is_inner)) for key, inner in members.items()}
    return {**parts, **{key: inner for key, inner in listed.items() if inner}}


def _alternatives(members: list[Schema], modules: dict[str, str], is_inner: bool) -> Iterator[Json]:
    """Alternatives with their constants as one enum: one Literal of many values instead of many."""
    if constants := [member.node["const"] for member in members if member.is_constant]:
        yield {"enum": constants}
    for member in members:
        if not member.is_constant and (member.has_shape or not member.node):
            yield _lower(member, modules, is_inner)


def _described(schema: Schema) -> dict[str, str]:
    text = str(schema.node.get("description") or "").strip()
    if schema.node.get("default") is not None:
        text = (
            f"{text} Server default: {json.dumps(schema.node['default'], ensure_ascii=False)}."
        ).strip()
    return {"description": "\n".join(wrap(text))} if text else {}
