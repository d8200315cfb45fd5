"""Render the raw client: openapi-python-client with our templates, plus the runtime modules that are written by hand.

openapi-python-client is run in this process and pinned exactly, since templates and programmatic use are outside its promise of
compatibility. Its post hooks are not used: they look for ruff on PATH, only warn if there is none, and leave a cache in the output.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ..document import Document
from ..document.names import module_of
from . import ends
from .code import HEADER, TEMPLATES, GenerationError, format_code
from .endpoints import Endpoint, endpoint
from .response_types import Class, classes

PACKAGE = "api302_client"
TOOL_VERSION = "0.29.1"
RUNTIME = Path(__file__).parent.parent / "runtime"


@dataclass
class RawClient:
    """What the raw client is made of.

    Attributes:
        document: The joined document.
        endpoints: An operation's module, by operation id, in the order of path and method.
        classes: The classes of responses by name.
    """

    document: Document
    endpoints: dict[str, Endpoint]
    classes: dict[str, Class]


def plan(document: Document) -> RawClient:
    """The raw client, before anything is written. Raises DocumentError, naming the place and the fix."""
    ordered = sorted(document.operations, key=lambda operation: operation.path)
    endpoints = {operation.id: endpoint(operation) for operation in ordered}
    expressions = (text for made in endpoints.values() for text in made.expressions)
    return RawClient(document, endpoints, classes(document, expressions))


def build(planned: RawClient, out: Path) -> dict[str, int]:
    """Write `<out>/api302_client/` anew and import every module of it once.

    Args:
        planned: What to write.
        out: The folder of the generated packages.

    Returns:
        How many `functions` (operations), `parsers` ((status, media type) pairs) and `modules` there are.

    Raises:
        GenerationError: openapi-python-client warns or refuses, or would change a name; a module fails to import; a count is off.
    """
    target = Path(out) / PACKAGE
    shutil.rmtree(target, ignore_errors=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    _render(planned, target)
    for source in sorted(RUNTIME.glob("*.py")):
        text = f"{HEADER}\n# Its source is generator/runtime/{source.name}.\n{source.read_text('utf-8')}"
        (target / source.name).write_text(text, "utf-8")
    ends.write(planned.document, target, HEADER)
    (target / "py.typed").write_text("", "utf-8")
    format_code(target)
    counts = _import_everything(target)
    _compare(counts, planned.document)
    return counts


def _skeleton(planned: RawClient) -> dict[str, Any]:
    """What openapi-python-client reads: names, from which it lays out the package. All else the templates take from the plan."""
    paths: dict[str, dict[str, Any]] = {}
    for made in planned.endpoints.values():
        operation = made.operation
        in_path = [parameter.wire for parameter in made.parameters if parameter.place == "path"]
        paths.setdefault(operation.path, {})[operation.method] = {
            "operationId": made.id,
            "tags": [operation.tag],
            "parameters": [
                {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
                for name in in_path
            ],
            "responses": {status: {"description": ""} for status in made.responses},
        }
    return {
        "openapi": "3.1.0",
        "info": {"title": "api302", "version": "0"},
        "paths": paths,
        "components": {"schemas": {name: {"type": "object"} for name in planned.classes}},
    }


def _render(planned: RawClient, target: Path) -> None:
    """Run openapi-python-client. Warnings are errors."""
    _check_version()
    from openapi_python_client import Project
    from openapi_python_client.config import Config, ConfigFile, MetaType
    from openapi_python_client.parser import GeneratorData
    from openapi_python_client.parser.errors import GeneratorError

    config = Config.from_sources(
        ConfigFile(package_name_override=PACKAGE, post_hooks=[]),
        meta_type=MetaType.NONE,
        document_source="",
        file_encoding="utf-8",
        overwrite=True,
        output_path=target,
    )
    with _readable_errors():
        data = GeneratorData.from_dict(_skeleton(planned), config=config)
    errors = [data] if isinstance(data, GeneratorError) else [*data.errors, *_parse_errors(data)]
    if errors or isinstance(data, GeneratorError):
        raise GenerationError(_problems(errors))
    _check_names(data, planned)
    project = Project(openapi=data, config=config, custom_template_path=TEMPLATES)
    project.env.globals.update(
        header=HEADER,
        endpoints=planned.endpoints,
        classes=planned.classes,
        module_of=module_of,
        server=planned.document.server,
    )
    project.env.filters["literal"] = repr
    with contextlib.redirect_stdout(io.StringIO()), _readable_errors():
        errors = project.build()
    if errors:
        raise GenerationError(_problems(errors))
    lines = [
        HEADER,
        *(f"from .{module_of(name)} import {name} as {name}" for name in planned.classes),
    ]
    (target / "models" / "__init__.pyi").write_text("\n".join(lines) + "\n", "utf-8")


def _check_version() -> None:
    try:
        found = version("openapi-python-client")
    except PackageNotFoundError:
        found = "not installed"
    if found != TOOL_VERSION:
        raise GenerationError(
            f"openapi-python-client {TOOL_VERSION} is needed, {found} is here. Our templates rely on its internals: "
            f"pip install openapi-python-client=={TOOL_VERSION}"
        )


@contextlib.contextmanager
def _readable_errors() -> Iterator[None]:
    """Let messages show names: strings of the document print as `<UntrustedString object at 0x…>` otherwise."""
    from openapi_python_client.schema.untrusted_string import UntrustedString

    before = UntrustedString.__repr__
    UntrustedString.__repr__ = UntrustedString.get_untrusted_value  # type: ignore[method-assign]
    try:
        yield
    finally:
        UntrustedString.__repr__ = before  # type: ignore[method-assign]


def _problems(errors: Sequence[Any]) -> str:
    """What openapi-python-client complains about, warnings too."""
    lines = [
        f"- {error.level.value}: {' '.join([*error.header.split(), *(error.detail or '').split()])}"
        for error in errors
    ]
    return "openapi-python-client refuses the lowered document:\n" + "\n".join(lines)


def _parse_errors(data: Any) -> list[Any]:
    return [
        error for group in data.endpoint_collections_by_tag.values() for error in group.parse_errors
    ]


def _check_names(data: Any, planned: RawClient) -> None:
    """Refuse names that openapi-python-client would rewrite: everything else refers to them as they are in the document."""
    modules_of = {
        str(model.class_info.name): str(model.class_info.module_name) for model in data.models
    }
    groups = data.endpoint_collections_by_tag.items()
    made = {(str(tag), str(endpoint.name)) for tag, group in groups for endpoint in group.endpoints}
    problems = [
        f"- schema {name}: openapi-python-client spells it otherwise. Rename it in spec/; new words begin with one capital letter."
        for name in planned.classes
        if modules_of.get(name) != module_of(name)
    ]
    shared = Counter(modules_of.values()) - Counter(set(modules_of.values()))
    problems += [
        f"- two schemas share the module models/{module}.py. Rename one in spec/."
        for module in shared
    ]
    problems += [
        f"- operation {made_of.id}, tag {made_of.operation.tag}: must be snake_case, with one tag `section.vendor`."
        for made_of in planned.endpoints.values()
        if (made_of.operation.tag.replace(".", "_"), made_of.id) not in made
    ]
    if problems:
        raise GenerationError("names of the document that cannot be kept:\n" + "\n".join(problems))


def _import_everything(target: Path) -> dict[str, int]:
    """Import every module in a fresh interpreter, make every class, and count what is there."""
    environment = {**os.environ, "PYTHONPATH": str(target.parent), "PYTHONDONTWRITEBYTECODE": "1"}
    with tempfile.TemporaryDirectory() as elsewhere:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", COUNT],
            capture_output=True,
            text=True,
            check=False,
            env=environment,
            cwd=elsewhere,
        )
    if done.returncode:
        raise GenerationError(f"a generated module does not work:\n{done.stderr}")
    return json.loads(done.stdout)


COUNT = f"""
import importlib, json, pkgutil, sys
import {PACKAGE} as package
from {PACKAGE} import _structure, models

counts = dict(functions=0, parsers=0, modules=1)
for info in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
    module = importlib.import_module(info.name)
    counts["modules"] += 1
    if hasattr(module, "RESPONSES"):
        assert all(callable(getattr(module, name)) for name in ("build", "sync", "sync_detailed", "asyncio", "asyncio_detailed")), info.name
        counts["functions"] += 1
        expressions = [kind for by_media in module.RESPONSES.values() for kind in by_media.values()]
        counts["parsers"] += len(expressions)
        for expression in [*expressions, *filter(None, [module.STREAM])]:
            _structure.loader(expression)
    for name, value in list(vars(module).items()):
        if isinstance(value, type) and value.__module__ == info.name and info.name.startswith(models.__name__):
            assert getattr(models, name) is value, name
            _structure.write(value)
print(json.dumps(counts))
"""


def _compare(counts: Mapping[str, int], document: Document) -> None:
    """Operations in must be functions out, (status, media type) pairs in must be parsers out."""
    functions = len(document.operations)
    parsers = sum(
        len(response.media) for operation in document.operations for response in operation.responses
    )
    if (counts["functions"], counts["parsers"]) != (functions, parsers):
        raise GenerationError(
            f"the document has {functions} operations and {parsers} (status, media type) pairs, "
            f"the client {counts['functions']} functions and {counts['parsers']} parsers"
        )
