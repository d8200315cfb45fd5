"""Types of request bodies: TypedDicts by datamodel-code-generator, a module a vendor, free at run time."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..document import Document, Schema
from .code import HEADER, GenerationError, format_code
from .docstrings import wrap

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
    " --use-field-description --use-schema-description --formatters ruff-format --disable-timestamp"
).split()
# Everything else says what a value must be like, which a type cannot.
_KEPT = ("type", "required", "enum", "const", "description")
_REF = "#/components/schemas/"


def build(document: Document, out: Path) -> dict[str, int]:
    """Write `api302_client/params/` below `out`; returns how many modules and schemas. Raises GenerationError if the tool fails."""
    modules = owners(document)
    target = out.joinpath(*PACKAGE.split("."))
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder, "params")
        made.mkdir()
        (made / "__init__.py").write_text(
            f'{HEADER}\n"""Types of request bodies, a module a vendor."""\n', encoding="utf-8"
        )
        (made / "files.py").write_text(_FILES, encoding="utf-8")
        if modules:
            _generate(document, modules, made)
        format_code(made)
        _import_all(made, modules)
        shutil.rmtree(target, ignore_errors=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(made, target)
    return {"modules": len(set(modules.values())), "schemas": len(modules)}


def owners(document: Document) -> dict[str, str]:
    """The params module of each schema that requests reach: its vendor's, or `common` if several vendors reach it.

    So a common schema never refers to a vendor's, and modules import each other in one direction alone.
    """
    reached: dict[str, set[str]] = {}
    for operation in document.operations:
        home = operation.tag.replace(".", "_")
        for name in document.reached(
            [operation.node.get("requestBody"), operation.node.get("parameters")]
        ):
            reached.setdefault(name, set()).add(home)
    return {
        name: next(iter(homes)) if len(homes) == 1 else COMMON
        for name, homes in sorted(reached.items())
        if name in document.schemas and not document.schemas[name].is_open_object
    }


def _generate(document: Document, modules: dict[str, str], made: Path) -> None:
    # The tool takes the part of a name before a dot for a module.
    lowered = {
        f"{module}.{name}": _lower(document.schemas[name], modules)
        for name, module in modules.items()
    }
    source = made.with_name("params.json")
    head = {"openapi": "3.1.0", "info": {"title": "params", "version": "0"}, "paths": {}}
    source.write_text(
        json.dumps({**head, "components": {"schemas": lowered}}, ensure_ascii=False),
        encoding="utf-8",
    )
    output = made.with_name("output")
    command = [
        sys.executable,
        "-m",
        "datamodel_code_generator",
        "--input",
        str(source),
        "--output",
        str(output),
    ]
    _run([*command, "--custom-file-header", HEADER, *_OPTIONS])
    for path in sorted(output.glob("*.py")):
        if path.name == "_internal.py":
            raise GenerationError(
                "datamodel-code-generator met a cycle between modules: a shared request schema refers to a vendor's"
            )
        if path.name != "__init__.py":
            shutil.copy(path, made / path.name)
    missing = sorted(
        {f"{module}.py" for module in modules.values()} - {path.name for path in made.iterdir()}
    )
    if missing:
        raise GenerationError(
            f"datamodel-code-generator wrote no {', '.join(missing)}; is a module's name no identifier?"
        )


def _import_all(made: Path, modules: dict[str, str]) -> None:
    """Import every module once in a fresh interpreter, warnings as errors, and see that it has its types."""
    package = made.with_name("package")
    shutil.copytree(made, package.joinpath(*PACKAGE.split(".")))
    (
        package / PACKAGE.partition(".")[0] / "__init__.py"
    ).touch()  # else an installed package of that name would come before it
    places = [[module, name] for name, module in modules.items()]
    code = f"import importlib, json, sys\nfor m, n in json.load(sys.stdin): getattr(importlib.import_module('{PACKAGE}.' + m), n)"
    environment = {**os.environ, "PYTHONPATH": str(package), "PYTHONDONTWRITEBYTECODE": "1"}
    _run([sys.executable, "-W", "error", "-c", code], json.dumps(places), environment)


def _lower(schema: Schema, modules: dict[str, str]) -> Json:
    """A schema as the tool types it best."""
    if schema.ref:
        name = schema.target_name
        return (
            {"$ref": f"{_REF}{modules[name]}.{name}"}
            if name in modules
            else _lower(schema.referred, modules)
        )
    if schema.is_file and "string" in schema.types and "part" in (schema.file_forms or ["part"]):
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


def _run(command: list[str], given: str = "", environment: dict[str, str] | None = None) -> None:
    done = subprocess.run(
        command, input=given, capture_output=True, text=True, check=False, env=environment
    )
    if done.returncode or done.stderr.strip():
        raise GenerationError(
            f"the types of request bodies: {' '.join(command[1:3])} failed or warned:\n{done.stdout}{done.stderr}"
        )
