"""Types of request bodies: TypedDicts by datamodel-code-generator, a module a vendor, free at run time."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..document import Document, Schema
from .code import HEADER, GenerationError
from .docstrings import wrap

if TYPE_CHECKING:
    from .plan import Plan

Json = dict[str, Any]

PACKAGE = "api302_client.params"
COMMON = "common"
_FILES = f'''{HEADER}
"""What a field that takes a file is given in the raw client: content, an open file, or (name, either[, media type])."""

from __future__ import annotations

from typing import IO, TypeAlias

File: TypeAlias = bytes | IO[bytes] | tuple[str, bytes | IO[bytes]] | tuple[str, bytes | IO[bytes], str]
'''
_OPTIONS = (
    "--input-file-type openapi --output-model-type typing.TypedDict --target-python-version 3.11 --enum-field-as-literal all"
    " --openapi-scopes schemas --use-standard-collections --use-union-operator --use-generic-container-types --no-use-closed-typed-dict"
    " --use-field-description --use-schema-description --use-single-line-docstring --formatters builtin --disable-timestamp"
).split()
# Everything else says what a value must be like, which a type cannot.
_KEPT = ("type", "required", "enum", "const", "description")
_REF = "#/components/schemas/"


def write(plan: Plan, out: Path) -> None:
    """Write `api302_client/params/` anew below `out`, not formatted yet. Raises GenerationError if the tool fails."""
    target = out.joinpath(*PACKAGE.split("."))
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    about = f'{HEADER}\n"""Types of request bodies, a module a vendor."""\n'
    (target / "__init__.py").write_text(about, encoding="utf-8")
    (target / "files.py").write_text(_FILES, encoding="utf-8")
    if plan.modules:
        with tempfile.TemporaryDirectory() as folder:
            _generate(plan, Path(folder), target)


def owners(document: Document) -> dict[str, str]:
    """The params module of each schema that requests reach: its vendor's, or `common` if several vendors reach it.

    So a common schema never refers to a vendor's, and modules import each other in one direction alone.
    """
    reached: dict[str, set[str]] = {}
    for operation in document.operations:
        body = operation.body.media.values() if operation.body else ()
        roots = [media.schema for media in body] + [one.schema for one in operation.parameters]
        for name in _reach(roots):
            reached.setdefault(name, set()).add(operation.tag.replace(".", "_"))
    return {
        name: next(iter(homes)) if len(homes) == 1 else COMMON
        for name, homes in sorted(reached.items())
        if name in document.schemas and not document.schemas[name].is_open_object
    }


def _reach(roots: Iterable[Schema]) -> set[str]:
    """Names of the schemas that types of these are made of."""
    found: set[str] = set()
    todo = list(roots)
    while todo:
        schema = todo.pop()
        if not schema.ref:
            todo += _parts(schema)
        elif schema.target_name not in found:
            found.add(schema.target_name)
            todo.append(schema.referred)
    return found


def _parts(schema: Schema) -> list[Schema]:
    """The schemas inside a schema of which its type is made."""
    if _is_file(schema):
        return []
    fields = list(schema.properties.values()) or ([schema.additional] if schema.additional else [])
    items = [schema.items] if schema.items else []
    members = [*schema.any_of, *schema.one_of, *schema.all_of]
    return [*fields, *items, *(member for member in members if member.has_shape)]


def _is_file(schema: Schema) -> bool:
    """A text that may be sent as a part of a form: the content of a file."""
    is_text = schema.is_file and "string" in schema.types
    return is_text and "part" in (schema.file_forms or ["part"])


def _generate(plan: Plan, scratch: Path, target: Path) -> None:
    modules = plan.modules
    # The tool takes the part of a name before a dot for a module.
    lowered = {
        f"{module}.{name}": _lower(plan.document.schemas[name], modules)
        for name, module in modules.items()
    }
    source, output = scratch / "params.json", scratch / "output"
    head = {"openapi": "3.1.0", "info": {"title": "params", "version": "0"}, "paths": {}}
    text = json.dumps({**head, "components": {"schemas": lowered}}, ensure_ascii=False)
    source.write_text(text, encoding="utf-8")
    _run(["--input", str(source), "--output", str(output), "--custom-file-header", HEADER])
    for path in sorted(output.glob("*.py")):
        if path.name == "_internal.py":
            fault = "a shared request schema refers to a vendor's"
            raise GenerationError(f"datamodel-code-generator met a cycle between modules: {fault}")
        if path.name != "__init__.py":
            shutil.copy(path, target / path.name)
    written = {path.name for path in target.iterdir()}
    if missing := sorted({f"{module}.py" for module in modules.values()} - written):
        fault = f"wrote no {', '.join(missing)}; is a module's name no identifier?"
        raise GenerationError(f"datamodel-code-generator {fault}")


def _lower(schema: Schema, modules: dict[str, str]) -> Json:
    """A schema as the tool types it best."""
    if schema.ref:
        name = schema.target_name
        return (
            {"$ref": f"{_REF}{modules[name]}.{name}"}
            if name in modules
            else _lower(schema.referred, modules)
        )
    if _is_file(schema):
        text = [{"type": "string"}] if len(schema.file_forms) > 1 else []
        return {
            **_described(schema),
            "anyOf": [{"type": "object", "customTypePath": f"{PACKAGE}.files.File"}, *text],
        }
    lowered = {key: schema.node[key] for key in _KEPT if key in schema.node} | _described(schema)
    if schema.properties:
        lowered["properties"] = {
            wire: _lower(inner, modules) for wire, inner in schema.properties.items()
        }
    elif schema.additional:
        lowered["additionalProperties"] = _lower(schema.additional, modules)
    if schema.items:
        lowered["items"] = _lower(schema.items, modules)
    for key, members in (
        ("anyOf", schema.any_of),
        ("oneOf", schema.one_of),
        ("allOf", schema.all_of),
    ):
        if alternatives := list(_alternatives(members, modules)):
            lowered[key] = alternatives
    return lowered


def _alternatives(members: list[Schema], modules: dict[str, str]) -> Iterator[Json]:
    """Alternatives with their constants as one enum: one Literal of many values instead of many."""
    if constants := [member.node["const"] for member in members if member.is_constant]:
        yield {"enum": constants}
    for member in members:
        if not member.is_constant and (member.has_shape or not member.node):
            yield _lower(member, modules)


def _described(schema: Schema) -> dict[str, str]:
    text = str(schema.node.get("description") or "").strip()
    if schema.node.get("default") is not None:
        text = f"{text} Server default: {json.dumps(schema.node['default'], ensure_ascii=False)}.".strip()
    return {"description": "\n".join(wrap(text))} if text else {}


def _run(arguments: list[str]) -> None:
    """Run datamodel-code-generator. Warnings are errors."""
    command = [sys.executable, "-m", "datamodel_code_generator", *arguments, *_OPTIONS]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode or done.stderr.strip():
        raise GenerationError(
            f"the types of request bodies: datamodel-code-generator failed or warned:\n{done.stdout}{done.stderr}"
        )
