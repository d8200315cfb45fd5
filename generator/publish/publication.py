"""The publication: what teams in other languages take, as a folder that any web server can serve.

`publish` writes all of it from the specification, or nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from openapi_spec_validator import (
    OpenAPIV30SpecValidator,
    OpenAPIV31SpecValidator,
    OpenAPIV32SpecValidator,
)

from generator import realtime, rules
from generator.build import BuildError, as_json, replaced
from generator.document import Document, DocumentError
from generator.document.references import escape
from generator.emit.methods import Methods
from generator.emit.namespaces import planned
from generator.join import join, newest_evidence, operations
from generator.models import models
from generator.source import EXTENSIONS_FILE, Spec, SpecError

from . import arazzo, asyncapi, generators, site
from .distribution import add_distribution, repository
from .llms import INDEX, llms_text, pages
from .models import FILE, SCHEMA_FILE, models_json, models_schema
from .parts import FOLDER as PARTS
from .parts import VERSION, checked_tags, known_tags, models_of, part
from .samples import samples
from .site import guides, try_it
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


def publish(spec_dir: Path, out: Path, only: Sequence[str] = ()) -> list[str]:
    """Write the publication into a folder, which is replaced whole, and only on success.

    Args:
        spec_dir: The specification.
        out: The folder of the publication.
        only: Tags and sections; the publication has the calls of these alone, and what they refer
            to.

    Returns:
        A line for each file: its path and its size.

    Raises:
        SpecError: The specification breaks rules; all of them are listed.
        BuildError: A version is not valid, a tool is missing, a tag has no call, or the folder is
            not a publication.
    """
    with replaced(out, f"{DOCUMENT}.json") as folder:
        spec = Spec.load(spec_dir)
        if problems := rules.check_spec(spec):
            raise SpecError(problems)
        document = join(spec)
        only = checked_tags(document, only)
        try:
            events = asyncapi.of_tags(realtime.join(spec), only)
            methods = _methods(document, models(spec)[0], only, events)
            planned(methods, spec)  # a call that Python cannot have has no sample either
            documents, losses = versions(document, methods, only)
        except DocumentError as error:
            raise BuildError(str(error)) from error
        _write_documents(documents, folder)
        _write_parts(documents[VERSION], folder)
        extensions = json.dumps(spec.extensions_schema(), indent=2, ensure_ascii=False)
        _write(folder / EXTENSIONS_FILE, extensions + "\n")
        _write_models(methods, documents["3.2"]["info"], spec.extensions_schema(), folder)
        _write_workflows(methods.document, documents["3.2"]["info"], folder)
        _write(folder / "losses.md", loss_report(losses))
        _write_llms(methods, documents["3.2"]["info"], folder)
        asyncapi.write(events, folder)
        _write(folder / try_it.FILE, try_it.page(methods))
        guides.write(folder)
        generators.write(folder)
        site.build(methods, documents["3.2"], folder)
        add_distribution(folder, document["info"]["version"])
        return list(_sizes(folder))


def _methods(
    document: Json, catalog: dict[str, Json], only: Sequence[str], events: Json
) -> Methods:
    """How the operations are called, or those of some tags."""
    if only:
        document = part(document, only)
        catalog = models_of(catalog, document)
    return Methods.of_document(Document(document, catalog, events))


def versions(
    document: Json, methods: Methods, only: Sequence[str] = ()
) -> tuple[dict[str, Json], list[Loss]]:
    """The published document by OpenAPI version, and what the older versions cannot say.

    Args:
        document: The joined document.
        methods: How its operations are called, those of the part alone where it is one.
        only: The tags of the part. Its schemas have the names that they have in the whole.
    """
    newest = as_published(stamped(document, methods))
    newest = part(newest, only) if only else newest
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
    for path, method, operation in operations(document):
        if own := code.get(operation["operationId"]):
            paths[path][method] = {**operation, "x-codeSamples": own}
    digest = hashlib.sha256(as_json(document).encode()).hexdigest()
    stamp = {"x-content-hash": f"sha256:{digest}", "x-evidence-date": newest_evidence(document)}
    info = {**document["info"], **stamp}
    if url := repository():
        info["contact"] = {**info.get("contact", {}), "url": f"{url}/issues"}
    head = {"openapi": document["openapi"], "$self": f"{DOCUMENT}.json"}
    return {**head, **document, "info": info, "paths": paths}


def validate(version: str, document: Json, tag: str = "") -> None:
    """Refuse a document that is not valid.

    Args:
        version: Of OpenAPI.
        document: The document.
        tag: The tag that it is a part for.

    Raises:
        BuildError: The first errors, each with its place.
    """
    errors = list(_VALIDATORS[version](document).iter_errors())
    if not errors:
        return
    name = f"the OpenAPI {version} document{f' of {tag}' if tag else ''}"
    lines = [f"{name} is not valid, and nothing is published:"]
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


def _write_parts(document: Json, folder: Path) -> None:
    """Write a document for each tag and each section."""
    (folder / PARTS).mkdir()
    for tag in known_tags(document):
        one = part(document, [tag])
        validate(VERSION, one, tag)
        _write(folder / PARTS / f"{tag}.json", as_json(one))


def _write_models(methods: Methods, info: Json, extensions: Json, folder: Path) -> None:
    """Write the catalogue of models, its schema, and the page that searches it."""
    _write(folder / FILE, as_json(models_json(methods.document, info)))
    _write(folder / SCHEMA_FILE, as_json(models_schema(extensions)))
    _write(folder / models_page.FILE, models_page.page(methods.document))


def _write_workflows(document: Document, info: Json, folder: Path) -> None:
    """Write the workflows, where there are tasks or uploads."""
    if made := arazzo.arazzo(document, info):
        arazzo.validate(made)
        _write(folder / arazzo.FILE, as_json(made))


def _write_llms(methods: Methods, info: Json, folder: Path) -> None:
    """Write `llms.txt`, and a page for each tag in a folder of its own."""
    _write(folder / INDEX, llms_text(methods, info, "llms/"))
    (folder / "llms").mkdir()
    for name, text in pages(methods, f"../{INDEX}").items():
        _write(folder / "llms" / name, text)


def _sizes(folder: Path) -> list[str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    sizes = {path.relative_to(folder).as_posix(): path.stat().st_size for path in files}
    return [f"{name:<36}{size:>12,} bytes" for name, size in sizes.items()]


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
