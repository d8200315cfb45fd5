"""Types of request bodies: TypedDicts by datamodel-code-generator, a module a vendor, free at run time."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from .annotations import has_shape, is_file, is_open_object, types_of
from .docstrings import wrap
from .join import operations
from .raw import HEADER, format_code
from .source import obj, seq

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


def build(document: dict[str, Any], out: Path) -> dict[str, int]:
    """Write `api302_client/params/` below `out`; returns how many modules and schemas. Raises RuntimeError if the tool fails."""
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


def owners(document: dict[str, Any]) -> dict[str, str]:
    """The params module of each schema that requests reach: its vendor's, or `common` if several vendors reach it.

    So a common schema never refers to a vendor's, and modules import each other in one direction alone.
    """
    schemas = obj(obj(document.get("components")).get("schemas"))
    reached: dict[str, set[str]] = {}
    for _, _, operation in operations(document):
        home = str(operation["tags"][0]).replace(".", "_")
        for name in reach(document, [operation.get("requestBody"), operation.get("parameters")]):
            reached.setdefault(name, set()).add(home)
    return {
        name: next(iter(homes)) if len(homes) == 1 else COMMON
        for name, homes in sorted(reached.items())
        if name in schemas and not is_open_object(schemas[name])
    }


def reach(document: dict[str, Any], roots: Iterable[Any]) -> set[str]:
    """Names of the schemas that some parts of a document refer to, directly or not."""
    found: set[str] = set()
    seen: set[str] = set()
    todo = [ref for root in roots for ref in _refs(root)]
    while todo:
        ref = todo.pop()
        if ref in seen:
            continue
        seen.add(ref)
        _, _, kind, name = ref.split("/")
        if kind == "schemas":
            found.add(name)
        todo += _refs(obj(obj(document.get("components")).get(kind)).get(name))
    return found


def _refs(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for key, value in node.items():
            if key not in ("example", "examples", "default", "enum", "const"):
                yield from _refs(value)
    elif isinstance(node, list):
        for value in node:
            yield from _refs(value)


def _generate(document: dict[str, Any], modules: dict[str, str], made: Path) -> None:
    schemas = document["components"]["schemas"]
    # The tool takes the part of a name before a dot for a module.
    lowered = {
        f"{module}.{name}": _lower(schemas[name], schemas, modules)
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
            raise RuntimeError(
                "datamodel-code-generator met a cycle between modules: a shared request schema refers to a vendor's"
            )
        if path.name != "__init__.py":
            shutil.copy(path, made / path.name)
    missing = sorted(
        {f"{module}.py" for module in modules.values()} - {path.name for path in made.iterdir()}
    )
    if missing:
        raise RuntimeError(
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


def _lower(schema: Any, schemas: dict[str, Any], modules: dict[str, str]) -> Any:
    """A schema as the tool types it best."""
    if not isinstance(schema, dict):
        return {}
    ref = schema.get("$ref")
    if isinstance(ref, str):
        name = ref.removeprefix(_REF)
        return (
            {"$ref": f"{_REF}{modules[name]}.{name}"}
            if name in modules
            else _lower(schemas.get(name), schemas, modules)
        )
    if (
        is_file(schema)
        and "string" in types_of(schema)
        and "part" in seq(schema.get("x-file", ["part"]))
    ):
        text = [{"type": "string"}] if len(seq(schema.get("x-file"))) > 1 else []
        return {
            **_described(schema),
            "anyOf": [{"type": "object", "customTypePath": f"{PACKAGE}.files.File"}, *text],
        }
    lowered = {key: schema[key] for key in _KEPT if key in schema} | _described(schema)
    if schema.get("properties"):
        lowered["properties"] = {
            key: _lower(value, schemas, modules) for key, value in schema["properties"].items()
        }
    elif isinstance(schema.get("additionalProperties"), dict):
        lowered["additionalProperties"] = _lower(schema["additionalProperties"], schemas, modules)
    if "items" in schema:
        lowered["items"] = _lower(schema["items"], schemas, modules)
    for key in ("anyOf", "oneOf", "allOf"):
        members = [
            member
            for member in _join_consts(seq(schema.get(key)))
            if has_shape(obj(member)) or not member
        ]
        if members:
            lowered[key] = [_lower(member, schemas, modules) for member in members]
    return lowered


def _join_consts(members: list[Any]) -> list[Any]:
    """Alternatives with their constants as one enum: one Literal of many values instead of many."""
    values = [obj(member)["const"] for member in members if "const" in obj(member)]
    return [
        *([{"enum": values}] if values else []),
        *(member for member in members if "const" not in obj(member)),
    ]


def _described(schema: dict[str, Any]) -> dict[str, str]:
    text = str(schema.get("description") or "").strip()
    if schema.get("default") is not None:
        text = (
            f"{text} Server default: {json.dumps(schema['default'], ensure_ascii=False)}.".strip()
        )
    return {"description": "\n".join(wrap(text))} if text else {}


def _run(command: list[str], given: str = "", environment: dict[str, str] | None = None) -> None:
    done = subprocess.run(
        command, input=given, capture_output=True, text=True, check=False, env=environment
    )
    if done.returncode or done.stderr.strip():
        raise RuntimeError(
            f"the types of request bodies: {' '.join(command[1:3])} failed or warned:\n{done.stdout}{done.stderr}"
        )
