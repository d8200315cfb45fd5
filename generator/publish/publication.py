"""The publication: what teams in other languages take, as a folder that any web server can serve.

`publish` writes all of it from the specification, or nothing.
"""

from __future__ import annotations

import hashlib
import json
from itertools import groupby
from pathlib import Path
from typing import Any

import yaml
from openapi_spec_validator import (
    OpenAPIV30SpecValidator,
    OpenAPIV31SpecValidator,
    OpenAPIV32SpecValidator,
)

from .. import rules
from ..build import BuildError, as_json, replaced
from ..document import Document, DocumentError
from ..document.references import escape
from ..emit.methods import Methods
from ..emit.namespaces import planned
from ..join import join, operations
from ..source import EXTENSIONS_FILE, Spec, SpecError, is_ambiguous, seq
from . import llms, samples, site
from .hints import hinted
from .versions import Json, Loss, to_30, to_31

VALIDATORS = {
    "3.2": OpenAPIV32SpecValidator,
    "3.1": OpenAPIV31SpecValidator,
    "3.0": OpenAPIV30SpecValidator,
}
SHOWN = 20
_LOSSES = """# What the older versions cannot say

The OpenAPI 3.2 document says everything; 3.1 is made from it, and 3.0 from 3.1. What a version has no word for stands there in the
`x-` field that is named here; the places are those in the version before. What 3.0 says in other words (`nullable` for a type null,
`enum` for `const`, `anyOf` for several types) is no loss and is not listed."""


def publish(spec_dir: Path, out: Path) -> list[str]:
    """Write the publication into a folder, which is replaced whole, and only if everything succeeded. Returns the files, with their sizes.

    Raises:
        SpecError: The specification breaks rules; all of them are listed.
        BuildError: A version is not valid, a tool is missing, or the folder is not a publication.
    """
    with replaced(out, "openapi-3.2.json") as made:
        spec = Spec.load(spec_dir)
        if problems := rules.check_spec(spec):
            raise SpecError(problems)
        document = join(spec)
        try:
            planned(
                Methods(Document(document)), spec
            )  # a call that Python cannot have has no sample either
            documents, losses = versions(document)
        except DocumentError as error:
            raise BuildError(str(error)) from error
        for version, document in documents.items():
            validate(version, document)
            _write(made / f"openapi-{version}.json", as_json(document))
            _write(made / f"openapi-{version}.yaml", as_yaml(document))
        _write(
            made / EXTENSIONS_FILE,
            json.dumps(spec.extensions_schema(), indent=2, ensure_ascii=False) + "\n",
        )
        _write(made / "losses.md", loss_report(losses))
        _write(made / "llms.txt", llms.text(documents["3.2"]))
        site.build(documents["3.2"], made)
        files = sorted(path for path in made.rglob("*") if path.is_file())
        return [
            f"{path.relative_to(made).as_posix():<24}{path.stat().st_size:>12,} bytes"
            for path in files
        ]


def versions(document: Json) -> tuple[dict[str, Json], list[Loss]]:
    """The joined document, stamped and with samples, by OpenAPI version; and what is lost on the way down."""
    newest = hinted(stamped(document))
    middle, lost_first = to_31(newest)
    oldest, lost_then = to_30(middle)
    return {"3.2": newest, "3.1": middle, "3.0": oldest}, [*lost_first, *lost_then]


def stamped(document: Json) -> Json:
    """A copy that says in `info` what it was made of, and shows at each operation how it is called.

    `x-content-hash` is the SHA-256 of the joined document as it stands in `generated/openapi.json`, so it is the same in every version;
    `x-evidence-date` is the day of the newest evidence in any `x-docs`.
    """
    found = operations(document)
    code = samples.samples(document)
    seen = max(
        (str(entry["seen"]) for _, _, operation in found for entry in seq(operation.get("x-docs"))),
        default="",
    )
    digest = hashlib.sha256(as_json(document).encode()).hexdigest()
    paths: Json = {path: dict(item) for path, item in document["paths"].items()}
    for path, method, operation in found:
        paths[path][method] = {**operation, "x-codeSamples": code[operation["operationId"]]}
    info = {**document["info"], "x-content-hash": f"sha256:{digest}", "x-evidence-date": seen}
    return {**document, "info": info, "paths": paths}


def validate(version: str, document: Json) -> None:
    """Refuse a document that its version's validator does not take. Raises BuildError with the first errors."""
    errors = list(VALIDATORS[version](document).iter_errors())
    if not errors:
        return
    lines = [f"the OpenAPI {version} document is not valid, and nothing is published:"]
    for error in errors[:SHOWN]:
        lines.append(
            f"  #/{'/'.join(escape(str(key)) for key in error.absolute_path)}: {error.message.splitlines()[0][:300]}"
        )
    raise BuildError(
        "\n".join([*lines, *[f"  … and {len(errors) - SHOWN} more"] * (len(errors) > SHOWN)])
    )


class _Dumper(yaml.CSafeDumper):
    """YAML that readers of 1.1 and 1.2 take for the same: what either would take for something else than text is quoted."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    style = '"' if is_ambiguous(text) else "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def as_yaml(document: Json) -> str:
    """A document as YAML text, the same every time."""
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=140)


def loss_report(losses: list[Loss]) -> str:
    """What the older versions cannot say, where it is carried, and every place, as Markdown."""
    lines = [_LOSSES]
    for (version, what, carried), group in groupby(
        losses, key=lambda loss: (loss.version, loss.what, loss.carried)
    ):
        places = [loss.place for loss in group]
        lines += [
            "",
            f"## {version}: `{what}` is `{carried}` ({len(places)})",
            "",
            *(f"- `{place}`" for place in places),
        ]
    return "\n".join(lines) + "\n"


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
