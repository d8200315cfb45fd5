"""Render the raw client: openapi-python-client with our templates, and the runtime modules.

openapi-python-client is run in this process and pinned exactly, since templates and programmatic
use are outside its promise of compatibility. Its post hooks are not used: they look for ruff on
PATH, only warn if there is none, and leave a cache in the output.
"""

from __future__ import annotations

import contextlib
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from generator.document.names import module_of

from . import catalog
from .code import HEADER, TEMPLATES, File, GenerationError, escape_by_default
from .code import name as checked
from .ends import ends
from .plan import Plan

PACKAGE = "api302_client"
TOOL, TOOL_VERSION = "openapi-python-client", "0.29.1"
RUNTIME = Path(__file__).parent.parent / "runtime"


def files(plan: Plan) -> Iterator[File]:
    """The files of the raw client, but for its types of requests."""
    root, shared = PACKAGE, {"header": HEADER, "module_of": module_of}
    for name, template in _PLAIN.items():
        yield File(f"{root}/{name}", template, shared, TOOL)
    client = {**shared, "server": plan.document.server}
    yield File(f"{root}/client.py", "client.py.jinja", client, TOOL)
    yield File(f"{root}/ends.py", "ends.py.jinja", {**shared, "ends": ends(plan.document)})
    yield File(f"{root}/models/__init__.pyi", "", {"text": _stub(plan)})
    for package in dict.fromkeys(endpoint.package for endpoint in plan.endpoints.values()):
        yield File(f"{root}/api/{package}/__init__.py", "endpoint_init.py.jinja", shared, TOOL)
    for name, endpoint in plan.endpoints.items():
        values = {"op": endpoint, "fact": plan.facts[name], **shared}
        path = f"{root}/api/{endpoint.package}/{name}.py"
        yield File(path, "endpoint_module.py.jinja", values, TOOL)
    for name, facts in plan.classes.items():
        path = f"{root}/models/{module_of(name)}.py"
        yield File(path, "model.py.jinja", {"facts": facts, **shared}, TOOL)
    for source in sorted(RUNTIME.glob("*.py")):
        origin = f"# Its source is generator/runtime/{source.name}."
        text = f"{HEADER}\n{origin}\n{source.read_text('utf-8')}"
        yield File(f"{root}/{source.name}", "", {"text": text}, is_formatted=True)
    yield File(f"{root}/catalog.json", "", {"text": catalog.text(plan)}, is_formatted=True)
    yield File(f"{root}/py.typed", "", {"text": ""}, is_formatted=True)


_PLAIN = {
    "__init__.py": "package_init.py.jinja",
    "types.py": "types.py.jinja",
    "models/__init__.py": "models_init.py.jinja",
    "api/__init__.py": "api_init.py.jinja",
}


def _stub(plan: Plan) -> str:
    """The names in `models`, for editors and type checkers."""
    names = [checked(name) for name in plan.classes]
    lines = [HEADER, *(f"from .{module_of(name)} import {name} as {name}" for name in names)]
    return "\n".join(lines) + "\n"


def render(plan: Plan, out: Path) -> None:
    """Write `<out>/api302_client/` with openapi-python-client, unformatted.

    What the tool has no template for is left to others.

    Raises GenerationError if openapi-python-client warns or refuses, or would change a name.
    """
    target = Path(out) / PACKAGE
    target.parent.mkdir(parents=True, exist_ok=True)
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
        all_facts=plan.facts,
        classes=plan.classes,
        module_of=module_of,
        server=plan.document.server,
    )
    with contextlib.redirect_stdout(io.StringIO()), _readable_errors():
        errors = project.build()
    if errors:
        raise GenerationError(_problems(errors))


def _skeleton(plan: Plan) -> dict[str, Any]:
    """What openapi-python-client reads: names, from which it lays out the package.

    All else the templates take from the plan.
    """
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in plan.endpoints.values():
        in_path = [one.wire for one in endpoint.parameters if one.place == "path"]
        paths.setdefault(endpoint.place, {})[endpoint.method.lower()] = {
            "operationId": endpoint.id,
            "tags": [endpoint.tag],
            "parameters": [
                {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
                for name in in_path
            ],
            "responses": {status: {"description": ""} for status in endpoint.responses},
        }
    return {
        "openapi": "3.1.0",
        "info": {"title": "api302", "version": "0"},
        "paths": paths,
        "components": {"schemas": {name: {"type": "object"} for name in plan.classes}},
    }


def _check_version() -> None:
    try:
        found = version("openapi-python-client")
    except PackageNotFoundError:
        found = "not installed"
    if found != TOOL_VERSION:
        raise GenerationError(
            f"openapi-python-client {TOOL_VERSION} is needed, {found} is here. Our templates "
            "rely on its internals: "
            f"pip install openapi-python-client=={TOOL_VERSION}"
        )


@contextlib.contextmanager
def _readable_errors() -> Iterator[None]:
    """Let messages show names; strings of the document print as `<UntrustedString …>` else."""
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
    """Refuse names that openapi-python-client would rewrite.

    Everything else refers to them as they are in the document.
    """
    modules_of = {
        str(model.class_info.name): str(model.class_info.module_name) for model in data.models
    }
    groups = data.endpoint_collections_by_tag.items()
    made = {(str(tag), str(endpoint.name)) for tag, group in groups for endpoint in group.endpoints}
    problems = [
        (
            f"- schema {name}: openapi-python-client spells it otherwise. Rename it in spec/; "
            "new words begin with one capital letter."
        )
        for name in plan.classes
        if modules_of.get(name) != module_of(name)
    ]
    shared = Counter(modules_of.values()) - Counter(set(modules_of.values()))
    problems += [
        f"- two schemas share the module models/{module}.py. Rename one in spec/."
        for module in shared
    ]
    problems += [
        (
            f"- operation {endpoint.id}, tag {endpoint.tag}: must be snake_case, with one tag "
            "`section.vendor`."
        )
        for endpoint in plan.endpoints.values()
        if (endpoint.package, endpoint.id) not in made
    ]
    if problems:
        raise GenerationError("names of the document that cannot be kept:\n" + "\n".join(problems))
