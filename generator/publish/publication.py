"""The publication: what teams in other languages take, as a folder that any web server can serve.

`publish` writes all of it from the specification, or nothing.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from openapi_spec_validator import (
    OpenAPIV30SpecValidator,
    OpenAPIV31SpecValidator,
    OpenAPIV32SpecValidator,
)

from generator import rules
from generator.build import BuildError, as_json, replaced
from generator.document import Document, DocumentError
from generator.document.references import escape
from generator.emit.methods import Methods
from generator.emit.namespaces import planned
from generator.join import join, operations
from generator.models import models
from generator.source import EXTENSIONS_FILE, Spec, SpecError, seq

from . import site
from .distribution import add_distribution, repository
from .llms import llms_text
from .models import FILE, SCHEMA_FILE, models_json, models_schema
from .samples import samples
from .site import models as models_page
from .versions import Json, Loss, as_published, to_30, to_31
from .versions.losses import loss_report
from .yaml_text import as_yaml

DOCUMENT = "openapi-3.2"
_VALIDATORS = {
    "3.2": OpenAPIV32SpecValidator,
    "3.1": OpenAPIV31SpecValidator,
    "3.0": OpenAPIV30SpecValidator,
}
_MAX_ERRORS = 20


def publish(spec_dir: Path, out: Path) -> list[str]:
    """Write the publication into a folder, which is replaced whole, and only on success.

    Args:
        spec_dir: The specification.
        out: The folder of the publication.

    Returns:
        A line for each file: its path and its size.

    Raises:
        SpecError: The specification breaks rules; all of them are listed.
        BuildError: A version is not valid, a tool is missing, or the folder is not a publication.
    """
    with replaced(out, f"{DOCUMENT}.json") as folder:
        spec = Spec.load(spec_dir)
        if problems := rules.check_spec(spec):
            raise SpecError(problems)
        document = join(spec)
        try:
            methods = Methods.of_document(Document(document, models(spec)[0]))
            planned(methods, spec)  # a call that Python cannot have has no sample either
            documents, losses = versions(document, methods)
        except DocumentError as error:
            raise BuildError(str(error)) from error
        _write_documents(documents, folder)
        extensions = json.dumps(spec.extensions_schema(), indent=2, ensure_ascii=False)
        _write(folder / EXTENSIONS_FILE, extensions + "\n")
        _write_models(methods, documents["3.2"]["info"], spec.extensions_schema(), folder)
        _write(folder / "losses.md", loss_report(losses))
        _write(folder / "llms.txt", llms_text(methods, documents["3.2"]["info"]))
        site.build(methods, documents["3.2"], folder)
        add_distribution(folder, document["info"]["version"])
        return list(_sizes(folder))


def versions(document: Json, methods: Methods) -> tuple[dict[str, Json], list[Loss]]:
    """The published document by OpenAPI version, and what the older versions cannot say.

    Args:
        document: The joined document.
        methods: How its operations are called.
    """
    newest = as_published(stamped(document, methods))
    middle, losses_31 = to_31(newest)
    oldest, losses_30 = to_30(middle)
    return {"3.2": newest, "3.1": middle, "3.0": oldest}, [*losses_31, *losses_30]


def stamped(document: Json, methods: Methods) -> Json:
    """A copy that says what it is and what it was made from, and has samples at each operation.

    `$self` names the document's file, relative to wherever the publication is; `x-content-hash` is
    the SHA-256 of the joined document as it stands in `generated/openapi.json`, so it is the same
    in every version; `x-evidence-date` is the day of the newest evidence in any `x-docs`.
    """
    code = samples(methods)
    paths: Json = {path: dict(item) for path, item in document["paths"].items()}
    days = [""]
    for path, method, operation in operations(document):
        days += [str(entry["seen"]) for entry in seq(operation.get("x-docs"))]
        paths[path][method] = {**operation, "x-codeSamples": code[operation["operationId"]]}
    digest = hashlib.sha256(as_json(document).encode()).hexdigest()
    stamp = {"x-content-hash": f"sha256:{digest}", "x-evidence-date": max(days)}
    info = {**document["info"], **stamp}
    if url := repository():
        info["contact"] = {**info.get("contact", {}), "url": f"{url}/issues"}
    head = {"openapi": document["openapi"], "$self": f"{DOCUMENT}.json"}
    return {**head, **document, "info": info, "paths": paths}


def validate(version: str, document: Json) -> None:
    """Refuse a document that is not valid.

    Raises:
        BuildError: The first errors, each with its place.
    """
    errors = list(_VALIDATORS[version](document).iter_errors())
    if not errors:
        return
    lines = [f"the OpenAPI {version} document is not valid, and nothing is published:"]
    lines += map(_error_line, errors[:_MAX_ERRORS])
    if len(errors) > _MAX_ERRORS:
        lines.append(f"  … and {len(errors) - _MAX_ERRORS} more")
    raise BuildError("\n".join(lines))


def _error_line(error: Any) -> str:
    place = "/".join(escape(str(key)) for key in error.absolute_path)
    return f"  #/{place}: {error.message.splitlines()[0][:300]}"


def _write_documents(documents: dict[str, Json], folder: Path) -> None:
    for version, document in documents.items():
        validate(version, document)
        _write(folder / f"openapi-{version}.json", as_json(document))
        _write(folder / f"openapi-{version}.yaml", as_yaml(document))


def _write_models(methods: Methods, info: Json, extensions: Json, folder: Path) -> None:
    """Write the catalogue of models, its schema, and the page that searches it."""
    _write(folder / FILE, as_json(models_json(methods.document, info)))
    _write(folder / SCHEMA_FILE, as_json(models_schema(extensions)))
    _write(folder / models_page.FILE, models_page.page(methods.document))


def _sizes(folder: Path) -> list[str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    sizes = {path.relative_to(folder).as_posix(): path.stat().st_size for path in files}
    return [f"{name:<24}{size:>12,} bytes" for name, size in sizes.items()]


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
