"""The reference site: a page that shows the published document with Redoc, and asks for nothing but the files beside it.

Redoc comes from npm, pinned in `site/package-lock.json`. It knows none of our extensions, so what they say is put in words into the
descriptions of the copy that the page shows; the published documents stay as they are.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from generator.build import BuildError, ToolMissing
from generator.document import Document, Operation
from generator.emit.docstrings import price_text
from generator.emit.methods import Methods
from generator.join import operations
from generator.source import obj, seq

FOLDER = Path(__file__).with_name("site")
_PINS = ("package.json", "package-lock.json", ".npmrc")
_SCRIPT = "node_modules/redoc/bundles/redoc.standalone.js"
_SECONDS = 300  # for npm

# A browser opens no module from a file, so Redoc becomes a plain script, which has no exports and no `import.meta`; and its logo comes
# from the web, so the name stands there in letters.
_EDITS = {
    "const{RedocStandalone,hydrate,init}=": "'use strict';window.Redoc=",
    "export{RedocStandalone,hydrate,init}": "",
    "import.meta.": "document.",
    "https://cdn.redoc.ly/redoc/logo-mini": "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' width='45' height='12'>"
    "<text y='10' font-size='11' font-family='sans-serif' fill='gray'>Redoc</text></svg>#",
}

_EVIDENCE = {
    "page": "documentation page of 302.AI",
    "sample": "sample of 302.AI's",
    "caller": "public program that calls it",
    "vendor": "the vendor's own reference",
    "catalog": "product catalogue of 302.AI",
}
_MANY = 6  # more sources than this are folded away
_WORDS = {"succeeded": "Done", "failed": "Failed", "pending": "Pending, as any other word"}
_PRICES = 3  # more prices than this are a list

_LANDING = """
## In Python

```sh
pip install api302
```

```python
from api302 import Client

client = Client()  # reads AI302_API_KEY
reply = client.chat.completions.create(
    model="gpt-4o",
    messages=[{"role": "user", "content": "Hi"}],
)
print(reply.choices[0].message.content)
```

## With curl

```sh
curl https://api.302.ai/v1/chat/completions \\
  -H "Authorization: Bearer $AI302_API_KEY" \\
  -H "Content-Type: application/json" \\
  -d '{
    "model": "gpt-4o",
    "messages": [{"role": "user", "content": "Hi"}]
  }'
```

Each call below has its sample in Python beside curl. `AsyncClient` is the same with `await`. Prices are in PTC; 1 PTC is 1 USD.

## Other languages

| | |
| --- | --- |
| **OpenAPI 3.2** | [YAML](openapi-3.2.yaml), [JSON](openapi-3.2.json) |
| **OpenAPI 3.1** | [YAML](openapi-3.1.yaml), [JSON](openapi-3.1.json) |
| **OpenAPI 3.0** | [YAML](openapi-3.0.yaml), [JSON](openapi-3.0.json) |
| **Losses** | [what 3.1 and 3.0 cannot say](losses.md) |
| **Extensions** | [what the x- fields mean](extensions.schema.json) |
| **Language models** | [llms.txt](llms.txt), one line a call |

## This edition

"""


def build(document: dict[str, Any], out: Path) -> None:
    """Write `index.html` and the folder `site/` beside the published documents.

    Args:
        document: The published OpenAPI 3.2 document; Redoc reads the tree of its tags.
        out: The folder of the publication.

    Raises:
        BuildError: npm is missing or fails; nothing is written.
    """
    script = _redoc()
    copy = shown(document)
    labels = dict.fromkeys(
        sample["label"]
        for _, _, operation in operations(copy)
        for sample in operation["x-codeSamples"]
    )
    options = {
        "disableTelemetry": True,
        "router": "hash",
        "codeSamples": {"languages": [{"lang": label} for label in [*labels, "Payload"]]},
        "hideDownloadButtons": True,
    }
    content = json.dumps(
        {"options": options, "document": copy}, ensure_ascii=False, separators=(",", ":")
    )
    folder = out / "site"
    folder.mkdir()
    _write(folder / "redoc.js", script)
    _write(folder / "document.js", f"const api={content};\n")
    _write(out / "index.html", (FOLDER / "index.html").read_text(encoding="utf-8"))


def anchors(document: dict[str, Any]) -> dict[str, str]:
    """By operationId the end of its address on the page, such as `#/videos/videos.kling/kling_text_to_video`."""
    return {
        operation["operationId"]: f"#/{tag.partition('.')[0]}/{tag}/{operation['operationId']}"
        for _, _, operation in operations(document)
        for tag in operation["tags"]
    }


def shown(document: dict[str, Any]) -> dict[str, Any]:
    """The copy that the page shows: what our extensions say is in the descriptions, in words."""
    writer = _Writer(document)
    paths: dict[str, Any] = {path: dict(item) for path, item in document["paths"].items()}
    for operation in writer.methods.document.operations:
        kept = {key: value for key, value in operation.node.items() if not key.startswith("x-")}
        told = {
            "description": writer.description(operation),
            "x-codeSamples": _code(operation.node),
        }
        paths[operation.path][operation.method] = {**kept, **told}
    sections = {tag["name"]: tag["summary"] for tag in document["tags"]}
    tags = [
        {**tag, "description": f"{sections[tag['parent']]}. {tag.get('description', '')}".strip()}
        if "parent" in tag
        else tag
        for tag in document["tags"]
    ]
    info = document["info"]
    edition = [
        ("Version", info["version"]),
        ("Newest evidence", info.get("x-evidence-date")),
        ("Content hash", f"`{info['x-content-hash']}`" if "x-content-hash" in info else None),
    ]
    description = f"{info.get('description', '')}\n{_LANDING}{_table(edition)}"
    return {**document, "info": {**info, "description": description}, "tags": tags, "paths": paths}


class _Writer:
    """Says in words what our extensions say of an operation."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.methods = Methods(Document(document))
        self.anchors = anchors(document)

    def description(self, operation: Operation) -> str:
        """An operation's own words, then a table and the list of its evidence."""
        content = operation.node
        rows: list[tuple[str, str | None]] = [
            ("Vendor", self.vendor(operation)),
            ("Python", self.calls(operation)),
            ("Price", _prices(seq(content.get("x-price")))),
            ("Task", self.task(content)),
            ("States", _states(obj(content.get("x-task-status")))),
            ("Stream", _stream(obj(content.get("x-stream")))),
            ("Also at", ", ".join(f"`{path}`" for path in seq(content.get("x-aliases")))),
            *((what.capitalize(), text) for what, text in _unknown(obj(content.get("x-unknown")))),
        ]
        own = [content["description"]] if "description" in content else []
        return "\n\n".join([*own, _table(rows), _evidence(seq(content.get("x-docs")))])

    def vendor(self, operation: Operation) -> str:
        """The leaf tag in words, so that a search for a vendor finds its calls."""
        vendor, section = (
            self.methods.document.tags[name]["summary"]
            for name in (operation.tag, operation.section)
        )
        return f"{vendor}, {section.lower()}"

    def calls(self, operation: Operation) -> str:
        """The methods of the client that make this call."""
        forms = self.methods.forms(operation)
        return ", ".join(f"`{operation.dotted(form.name)}`" for form in forms)

    def task(self, content: dict[str, Any]) -> str:
        if "x-task-status" in content:
            return "Tells how a task stands; in Python `task.wait()` asks."
        task = obj(content.get("x-task"))
        if not task:
            return ""
        fetch = self.methods.document.by_id[task["fetch"]].node
        told = f"[{fetch['summary']}]({self.anchors[task['fetch']]})"
        return (
            f"Begins one{_when(task)}; in Python `task.wait()` waits for the result. State: {told}."
        )


def _code(content: dict[str, Any]) -> list[dict[str, str]]:
    """The samples, with labels that say the language too."""
    return [
        {**sample, "label": f"{sample['lang']} ({sample['label']})"}
        for sample in seq(content.get("x-codeSamples"))
    ]


def _prices(prices: list[Any]) -> str:
    if len(prices) > _PRICES:
        return f"<ul>{''.join(f'<li>{price_text([price])}</li>' for price in prices)}</ul>"
    return price_text(prices) if prices else "not documented"


def _unknown(unknown: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What nobody documents, and where it was looked for: in sentences, or as a bare list of places."""
    for what, text in unknown.items():
        searched = unknown["request"] if text == "as for the request" else text
        yield (
            what,
            f"Not documented. {searched}"
            if searched.endswith(".")
            else f"Not documented. Looked for in: {searched}.",
        )


def _states(status: dict[str, Any]) -> str:
    """How to read a status reply without the client."""
    if not status:
        return ""
    done, words = (
        obj(status.get("done")),
        {key: [json.dumps(word).strip('"') for word in seq(status.get(key))] for key in _WORDS},
    )
    told = [f"The state is at {_place(status['state'])}."] if "state" in status else []
    told += [
        f"{title}: {', '.join(map(_coded, words[key]))}."
        for key, title in _WORDS.items()
        if words[key]
    ]
    told += ["Done when the file itself comes."] * ("binary" in done)
    told += [f"Done too when {_met(done)}."] if "field" in done else []
    told += (
        [f"Outputs at {', '.join(map(_place, status['outputs']))}."] if "outputs" in status else []
    )
    if result := obj(status.get("result")):
        places, given = (
            ", ".join(map(_place, paths))
            for paths in (result["outputs"], result["parameters"].values())
        )
        told += [f"Outputs at {places} in the reply of `{result['fetch']}`, which takes {given}."]
    told += [f"Ask every {status['interval']:g} seconds."] if "interval" in status else []
    told += ["Paths with signs between names are [JMESPath](https://jmespath.org)."] * (
        "||" in "".join(told) or "[?" in "".join(told)
    )
    return " ".join(told)


def _place(path: str | dict[str, Any]) -> str:
    """Where something is in a reply."""
    if isinstance(path, str):
        return _coded(path)
    outer = _coded(path["field"])
    return f"{_coded(path['then'])} in the JSON text at {outer}" if "then" in path else outer


def _coded(text: str) -> str:
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def _stream(stream: dict[str, Any]) -> str:
    if not stream:
        return ""
    done = obj(stream["done"])
    end = f"`{done['data']}`" if "data" in done else _met(done)
    return f"Answers with events{_when(stream)}, until {end}."


def _met(test: dict[str, Any]) -> str:
    return f"{_coded(test['field'])} is {' or '.join(f'`{value}`' for value in test['values']) if 'values' in test else 'there'}"


def _when(behaviour: dict[str, Any]) -> str:
    when = obj(behaviour.get("when"))
    if not when:
        return ""
    value = when["value"] if isinstance(when["value"], str) else json.dumps(when["value"])
    return f" if `{when['name']}` in the {when['in']} is `{value}`"


def _evidence(entries: list[Any]) -> str:
    lines = [
        f"- {_source(entry)}: {_EVIDENCE[entry['evidence']]}, seen {entry['seen']}{_remark(entry)}"
        for entry in entries
    ]
    if len(lines) > _MANY:
        lines = [
            "<details>",
            f"<summary>{len(lines)} sources</summary>",
            "",
            *lines,
            "",
            "</details>",
        ]
    return "\n".join(["**Evidence**", "", *lines])


def _source(entry: dict[str, Any]) -> str:
    """Where something is known from: a link if it has an address. A place in a repository is no prose, and stands as code."""
    source = entry.get("source", "")
    name = " ".join(
        filter(None, [entry.get("page"), source if " " in source else source and f"`{source}`"])
    )
    return f"[{name or entry['url']}]({entry['url']})" if "url" in entry else name


def _remark(entry: dict[str, Any]) -> str:
    dated = f", dated {entry['modified']}" if "modified" in entry else ""
    return dated + (f". {entry['note']}" if "note" in entry else "")


def _table(rows: list[tuple[str, str | None]]) -> str:
    """Rows of a name and a text; those without a text are left out."""
    told = [(name, text.replace("|", r"\|")) for name, text in rows if text]
    space = "&nbsp;"  # a search shows cells unspaced
    return "\n".join(
        [
            "| | |",
            "| --- | --- |",
            *(f"| **{name}**{space} | {text}{space} |" for name, text in told),
        ]
    )


def _redoc() -> str:
    """Redoc's browser script, as npm has it, edited for our page."""
    npm = shutil.which("npm")
    if npm is None:
        raise ToolMissing(
            "the reference site needs npm, which is not on the PATH: install Node.js 20 or newer (https://nodejs.org)"
        )
    with TemporaryDirectory() as folder:
        for name in _PINS:
            shutil.copyfile(FOLDER / name, Path(folder, name))
        command = [
            npm,
            "ci",
            "--ignore-scripts",
            "--prefer-offline",
            "--no-audit",
            "--no-fund",
            "--loglevel=error",
        ]
        try:
            done = subprocess.run(
                command,
                cwd=folder,
                capture_output=True,
                text=True,
                encoding="utf-8",
                timeout=_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise BuildError(
                f"npm did not install Redoc within {_SECONDS} seconds: see whether the npm registry can be reached"
            ) from None
        script = Path(folder, _SCRIPT)
        if done.returncode or not script.is_file():
            said = done.stderr.strip() or f"there is no {_SCRIPT}"
            raise BuildError(
                f"npm could not install what {FOLDER.name}/package-lock.json pins: {said}"
            )
        text = script.read_text(encoding="utf-8")
    for old, new in _EDITS.items():
        if old not in text:
            raise BuildError(
                f"Redoc no longer has `{old}`: another version needs other edits (_EDITS in {Path(__file__).name})"
            )
        text = text.replace(old, new)
    return text


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
