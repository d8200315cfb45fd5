"""The reference site: the published document in Redoc, on a page that needs no other host.

Redoc knows none of our extensions, so what they say is put in words into the descriptions of the
copy that the page shows; the published documents stay as they are.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from generator.emit.methods import Methods
from generator.publish.markdown import code, prose, text
from generator.publish.versions.walk import walk
from generator.source import seq

from .descriptions import description, table
from .redoc import redoc_script

Json = dict[str, Any]

FOLDER = Path(__file__).parent


def build(methods: Methods, document: Json, out: Path) -> None:
    """Write `index.html` and the folder `site/` beside the published documents.

    Args:
        methods: How the operations of the joined document are called.
        document: The published OpenAPI 3.2 document; Redoc reads the tree of its tags.
        out: The folder of the publication.

    Raises:
        BuildError: npm is missing or fails; nothing is written.
    """
    script = redoc_script()
    copy = shown(methods, document)
    folder = out / "site"
    folder.mkdir()
    _write(folder / "redoc.js", script)
    _write(folder / "document.js", script_of({"options": _options(copy), "document": copy}))
    _write(out / "index.html", (FOLDER / "index.html").read_text(encoding="utf-8"))


def _options(document: Json) -> Json:
    contents = [one for item in document["paths"].values() for one in item.values()]
    samples = [sample for one in contents for sample in seq(one.get("x-codeSamples"))]
    labels = dict.fromkeys(sample["label"] for sample in samples)
    return {
        "disableTelemetry": True,
        "router": "hash",
        "codeSamples": {"languages": [{"lang": label} for label in [*labels, "Payload"]]},
        "hideDownloadButtons": True,
    }


def script_of(content: Json) -> str:
    """A script that defines `api`. As text that is parsed, since a key may be `__proto__`."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    quoted = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"const api=JSON.parse('{quoted}');\n"


def shown(methods: Methods, document: Json) -> Json:
    """The copy that the page shows: what our extensions say is in the descriptions, in words.

    No text of the document is markup on the page, code spans in descriptions apart.
    """
    document = walk(document, _as_data)
    paths: Json = {path: dict(item) for path, item in document["paths"].items()}
    for operation in methods.document.operations:
        content = paths[operation.path][operation.method]
        own = {key: value for key, value in content.items() if not key.startswith("x-")}
        paths[operation.path][operation.method] = {
            **own,
            "description": description(methods, operation),
            "x-codeSamples": _samples(content),
        }
    info = {**document["info"], "description": _landing(document["info"])}
    return {**document, "info": info, "tags": _tags(document["tags"]), "paths": paths}


def _as_data(kind: str, node: Any, place: str) -> Any:
    """An object whose texts are data. Redoc shows summaries and titles as text anyway."""
    if not isinstance(node, dict) or not isinstance(node.get("description"), str):
        return node
    return {**node, "description": prose(node["description"])}


def _samples(content: Json) -> list[dict[str, str]]:
    """The samples, with labels that say the language too."""
    samples = seq(content.get("x-codeSamples"))
    return [{**one, "label": f"{one['lang']} ({one['label']})"} for one in samples]


def _tags(tags: list[Json]) -> list[Json]:
    """The tags; a vendor's names its section, since one vendor may be in several."""
    titles = {tag["name"]: tag["summary"] for tag in tags}
    named = []
    for tag in tags:
        if "parent" in tag and not tag["description"].startswith(titles[tag["parent"]]):
            section = text(titles[tag["parent"]])
            tag = {**tag, "description": f"{section}. {tag['description']}"}
        named.append(tag)
    return named


def _landing(info: Json) -> str:
    edition = [("Version", text(info["version"]))]
    if "x-evidence-date" in info:
        edition.append(("Newest evidence", text(info["x-evidence-date"])))
    if "x-content-hash" in info:
        edition.append(("Content hash", code(info["x-content-hash"])))
    landing = (FOLDER / "landing.md").read_text(encoding="utf-8")
    return f"{info.get('description', '')}\n{landing}{table(edition)}"


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
