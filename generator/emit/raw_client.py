"""Render the raw client: openapi-python-client with our templates, plus the runtime modules that are written by hand.

openapi-python-client is run in this process and pinned exactly, since templates and programmatic use are outside its promise of
compatibility. Its post hooks are not used: they look for ruff on PATH, only warn if there is none, and leave a cache in the output.
"""

from __future__ import annotations

import contextlib
import io
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ..document.names import module_of
from . import ends
from .code import HEADER, TEMPLATES, GenerationError, escape_by_default
from .code import name as checked
from .plan import Plan

PACKAGE = "api302_client"
TOOL_VERSION = "0.29.1"
RUNTIME = Path(__file__).parent.parent / "runtime"


def write(plan: Plan, out: Path) -> None:
    """Write `<out>/api302_client/` anew, but for its types of requests and its runtime; not formatted yet.

    Raises GenerationError if openapi-python-client warns or refuses, or would change a name.
    """
    target = Path(out) / PACKAGE
    shutil.rmtree(target, ignore_errors=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    _render(plan, target)
    ends.write(plan.document, target, HEADER)
    (target / "py.typed").write_text("", "utf-8")


def copy_runtime(out: Path) -> None:
    """Write the modules that are written by hand; they are formatted already."""
    target = Path(out) / PACKAGE
    for source in sorted(RUNTIME.glob("*.py")):
        origin = f"# Its source is generator/runtime/{source.name}."
        text = f"{HEADER}\n{origin}\n{source.read_text('utf-8')}"
        (target / source.name).write_text(text, "utf-8")


def _skeleton(plan: Plan) -> dict[str, Any]:
    """What openapi-python-client reads: names, from which it lays out the package. All else the templates take from the plan."""
    paths: dict[str, dict[str, Any]] = {}
    for made in plan.endpoints.values():
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
        "components": {"schemas": {name: {"type": "object"} for name in plan.classes}},
    }


def _render(plan: Plan, target: Path) -> None:
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
        data = GeneratorData.from_dict(_skeleton(plan), config=config)
    errors = [data] if isinstance(data, GeneratorError) else [*data.errors, *_parse_errors(data)]
    if errors or isinstance(data, GeneratorError):
        raise GenerationError(_problems(errors))
    _check_names(data, plan)
    project = Project(openapi=data, config=config, custom_template_path=TEMPLATES)
    escape_by_default(project.env)
    project.env.globals.update(
        header=HEADER,
        endpoints=plan.endpoints,
        facts=plan.facts,
        classes=plan.classes,
        module_of=module_of,
        server=plan.document.server,
    )
    with contextlib.redirect_stdout(io.StringIO()), _readable_errors():
        errors = project.build()
    if errors:
        raise GenerationError(_problems(errors))
    names = [checked(name) for name in plan.classes]
    lines = [HEADER, *(f"from .{module_of(name)} import {name} as {name}" for name in names)]
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


def _check_names(data: Any, plan: Plan) -> None:
    """Refuse names that openapi-python-client would rewrite: everything else refers to them as they are in the document."""
    modules_of = {
        str(model.class_info.name): str(model.class_info.module_name) for model in data.models
    }
    groups = data.endpoint_collections_by_tag.items()
    made = {(str(tag), str(endpoint.name)) for tag, group in groups for endpoint in group.endpoints}
    problems = [
        f"- schema {name}: openapi-python-client spells it otherwise. Rename it in spec/; new words begin with one capital letter."
        for name in plan.classes
        if modules_of.get(name) != module_of(name)
    ]
    shared = Counter(modules_of.values()) - Counter(set(modules_of.values()))
    problems += [
        f"- two schemas share the module models/{module}.py. Rename one in spec/."
        for module in shared
    ]
    problems += [
        f"- operation {made_of.id}, tag {made_of.operation.tag}: must be snake_case, with one tag `section.vendor`."
        for made_of in plan.endpoints.values()
        if (made_of.operation.tag.replace(".", "_"), made_of.id) not in made
    ]
    if problems:
        raise GenerationError("names of the document that cannot be kept:\n" + "\n".join(problems))
