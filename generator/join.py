"""Put the files of a specification together into one OpenAPI 3.2 document.

What files say once for many operations is written out: defaults, tags, links and callbacks. No name
is invented.
"""

from __future__ import annotations

import re
from typing import Any

from .models import models
from .source import (
    COMMON_FILE,
    ROOT_FILE,
    VENDORS_FILE,
    Problem,
    Spec,
    SpecError,
    VendorFile,
    obj,
    seq,
)

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace", "query")
COMPONENTS = (
    "schemas",
    "responses",
    "parameters",
    "examples",
    "requestBodies",
    "headers",
    "securitySchemes",
    "links",
)

JSON = "application/json"
CALLBACK = "taskEnded"
DEFAULTS = "x-defaults"  # at the head of a file: what its operations share
SHARED = ("security", "responses", "x-success")  # what may stand there
# The keys of an operation, top down. Between the two stands behaviour, in any order.
_HEAD = (
    *("summary", "description", "operationId", "tags", "deprecated", "x-replaced-by"),
    *("externalDocs", "security"),
    *("parameters", "requestBody", "responses", "callbacks"),
)
_TAIL = ("x-price", "x-unknown", "x-docs")

_STEP = re.compile(r"""([A-Za-z_][A-Za-z0-9_]*|"[^"\\]+")((?:\[[0-9]+\])*)(?:\.|\Z)""")


def join(spec: Spec) -> dict[str, Any]:
    """The joined document: paths by section, vendor and place in the file, components by name.

    Raises SpecError if it cannot be joined.
    """
    document, problems = assemble(spec)
    if problems:
        raise SpecError(problems)
    _add_links(spec, document)
    _add_callbacks(spec, document)
    _add_models(spec, document)
    return document


def assemble(spec: Spec) -> tuple[dict[str, Any], list[Problem]]:
    """The joined document without links, as far as it goes, and what stands in its way.

    Its parts below the names are the files' own.
    """
    problems = list(spec.problems)
    root = obj(spec.files.get(ROOT_FILE))
    files = [(ROOT_FILE, root), (COMMON_FILE, obj(spec.files.get(COMMON_FILE)))]
    vendors = {file.name: file for file in spec.vendor_files()}
    files += [(name, file.content) for name, file in vendors.items()]
    paths: dict[str, Any] = {}
    components: dict[str, dict[str, Any]] = {}
    for name, content in files:
        own = complete_paths(spec, vendors[name]) if name in vendors else obj(content.get("paths"))
        merge(spec, name, own, paths, "path", problems)
        for kind, definitions in obj(content.get("components")).items():
            merge(
                spec,
                name,
                obj(definitions),
                components.setdefault(kind, {}),
                kind.removesuffix("s"),
                problems,
            )
    document = {
        key: value
        for key, value in root.items()
        if key not in ("tags", "paths", "components", DEFAULTS)
    }
    spec.adopt(document, root)
    document["tags"] = _tags(spec, root)
    document["paths"] = paths
    _put_deprecated_last(paths)
    document["components"] = _in_order(spec, components)
    return document, problems


def _in_order(spec: Spec, components: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The components by the order of their kinds, and within a kind by name."""
    known = sorted(
        components,
        key=lambda kind: COMPONENTS.index(kind) if kind in COMPONENTS else len(COMPONENTS),
    )
    ordered = {kind: dict(sorted(components[kind].items())) for kind in known}
    for kind in known:
        for name in components[kind]:
            spec.adopt(ordered[kind], components[kind], name)
    return ordered


def merge(
    spec: Spec,
    file: str,
    new: dict[str, Any],
    into: dict[str, Any],
    what: str,
    problems: list[Problem],
) -> None:
    """Add the entries of a file's mapping to another; one that is there already is a problem."""
    for name, value in new.items():
        if name in into:
            there = "{}:{}".format(*(spec.place(into, name) or (ROOT_FILE, 1)))
            fix = (
                "keep one; what two files need goes into common.yaml"
                if what != "path"
                else "keep it in its home alone (vendors.yaml)"
            )
            problems.append(
                spec.problem(
                    new, name, f"the {what} `{name}` of {file} is already defined in {there}", fix
                )
            )
        else:
            into[name] = value
            spec.adopt(into, new, name)


def _put_deprecated_last(paths: dict[str, Any]) -> None:
    """Order the paths of each vendor: those with only deprecated operations stand last.

    The mapping itself is changed, since the spec knows by its identity where its keys stand.
    """
    vendors = {str(seq(one.get("tags"))): None for _, _, one in operations({"paths": paths})}
    order = {vendor: number for number, vendor in enumerate(vendors)}

    def rank_of(path: str) -> tuple[int, bool]:
        found = [one for _, _, one in operations({"paths": {path: paths[path]}})]
        vendor = order[str(seq(found[0].get("tags")))] if found else -1
        return vendor, bool(found) and all(one.get("deprecated") is True for one in found)

    for path in sorted(paths, key=rank_of):
        paths[path] = paths.pop(path)


def _tags(spec: Spec, root: dict[str, Any]) -> list[Any]:
    """The section tags of openapi.yaml, each followed by the leaf tags of its vendors that have
    operations.
    """
    vendors = obj(spec.files.get(VENDORS_FILE))
    with_paths = dict.fromkeys(
        (file.section, file.vendor)
        for file in spec.vendor_files()
        if obj(file.content.get("paths"))
    )
    tags: list[Any] = []
    spec.adopt(tags, root.get("tags"))
    for tag in seq(root.get("tags")):
        tags.append(tag)
        for section, vendor in with_paths:
            if section == obj(tag).get("name"):
                about = obj(vendors.get(vendor))
                leaf = {
                    "name": f"{section}.{vendor}",
                    "summary": about.get("name", vendor),
                    "parent": section,
                }
                if others := seq(about.get("also")):
                    leaf["description"] = f"{leaf['summary']}, also {', '.join(map(str, others))}."
                tags.append(leaf)
    return tags


def defaults(spec: Spec, file: VendorFile) -> dict[str, Any]:
    """What the operations of a file share: `x-defaults` of openapi.yaml, of the vendor's
    common.yaml, of the file itself.

    The later of these wins; responses are laid over each other by status.
    """
    made: dict[str, Any] = {}
    for name in (ROOT_FILE, file.shared, file.name):
        shared = obj(obj(spec.files.get(name)).get(DEFAULTS))
        for key in SHARED:
            if key not in shared:
                continue
            before, made[key] = obj(made.get(key)), shared[key]
            if key == "responses" and isinstance(shared[key], dict):
                made[key] = _laid_over(spec, shared[key], before)
            spec.adopt(made, shared, key)
    return made


def complete_paths(spec: Spec, file: VendorFile) -> dict[str, Any]:
    """The paths of a file, each operation with the tag of its folder and the defaults that it does
    not override.
    """
    paths = obj(file.content.get("paths"))
    shared, made = defaults(spec, file), {}
    spec.adopt(made, paths)
    for path, item in paths.items():
        made[path] = item
        if isinstance(item, dict):
            made[path] = dict(item.items())
            spec.adopt(made[path], item)
            for method, operation in item.items():
                if method in METHODS and isinstance(operation, dict):
                    made[path][method] = _complete(spec, operation, shared, file)
    return made


def _complete(
    spec: Spec, operation: dict[str, Any], shared: dict[str, Any], file: VendorFile
) -> dict[str, Any]:
    """An operation with its tag and the defaults that it does not override."""
    whole = {**shared, **operation, "tags": [f"{file.section}.{file.vendor}"]}
    if isinstance(operation.get("responses"), dict):
        whole["responses"] = _laid_over(spec, operation["responses"], obj(shared.get("responses")))
    made = {key: whole[key] for key in sorted(whole, key=rank)}
    spec.adopt(made, operation)
    for key in shared.keys() - operation.keys():
        spec.adopt(made, shared, key)
    return made


def rank(key: str) -> int:
    """Where a key stands in an operation: head, request, responses, then behaviour, then price and
    evidence.
    """
    if key in _TAIL:
        return len(_HEAD) + 1 + _TAIL.index(key)
    return _HEAD.index(key) if key in _HEAD else len(_HEAD)


def _laid_over(spec: Spec, own: dict[str, Any], shared: dict[str, Any]) -> dict[str, Any]:
    """The entries of a mapping, and after them those of another that it does not have."""
    missing = [key for key in shared if key not in own]
    made = own | {key: shared[key] for key in missing}
    spec.adopt(made, own)
    for key in missing:
        spec.adopt(made, shared, key)
    return made


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """Path, method and operation object of every operation of a document, in its order."""
    return [
        (path, method, operation)
        for path, item in obj(document.get("paths")).items()
        for method, operation in obj(item).items()
        if method in METHODS and isinstance(operation, dict)
    ]


def newest_evidence(document: dict[str, Any]) -> str:
    """The day of the newest evidence in any `x-docs`; empty if there is none."""
    docs = (seq(operation.get("x-docs")) for _, _, operation in operations(document))
    return max((str(obj(entry).get("seen", "")) for some in docs for entry in some), default="")


def pointer(path: str) -> str | None:
    """The JSON pointer for a JMESPath of names and indexes; None where there cannot be one."""
    parts: list[str] = []
    position = 0
    while position < len(path):
        step = _STEP.match(path, position)
        if step is None or (step.end() == len(path) and path.endswith(".")):
            return None
        parts += [
            step[1].strip('"').replace("~", "~0").replace("/", "~1"),
            *re.findall(r"[0-9]+", step[2]),
        ]
        position = step.end()
    return "".join(f"/{part}" for part in parts) or None


def unlinked(document: dict[str, Any]) -> list[str]:
    """The submitting operations whose ids no link can express, each with the reason."""
    found = []
    by_id = {operation.get("operationId"): operation for _, _, operation in operations(document)}
    for _, _, operation in operations(document):
        task = obj(operation.get("x-task"))
        for follower in (task.get("fetch"), task.get("cancel")):
            if isinstance(follower, str):
                link = _link(task, follower, obj(by_id.get(follower)))
                if isinstance(link, str):
                    found.append(f"{operation.get('operationId')} -> {follower}: {link}")
    return found


def _link(task: dict[str, Any], follower: str, target: dict[str, Any]) -> dict[str, Any] | str:
    """The link object from a submitting operation to one that takes its task's id, or why there is
    none.
    """
    named = {obj(parameter).get("name") for parameter in seq(target.get("parameters"))}
    parameters: dict[str, str] = {}
    body: dict[str, str] = {}
    for name, path in obj(task.get("parameters")).items():
        there = pointer(path) if isinstance(path, str) else None
        if there is None:
            return f"no JSON pointer says `{path}`"
        (parameters if name in named else body)[name] = f"$response.body#{there}"
    link: dict[str, Any] = {"operationId": follower}
    if parameters:
        link["parameters"] = parameters
    if body:
        link["requestBody"] = body
    return link


def _links(task: dict[str, Any], by_id: dict[Any, Any]) -> dict[str, Any]:
    """The links of a submitting operation, to the calls that get and cancel its task."""
    links: dict[str, Any] = {}
    for follower in (task.get("fetch"), task.get("cancel")):
        if isinstance(follower, str) and follower in by_id:
            link = _link(task, follower, by_id[follower])
            if isinstance(link, dict):
                links[follower] = link
    return links


def _add_links(spec: Spec, document: dict[str, Any]) -> None:
    """Put links into the 2xx JSON responses of submitting operations; changes copies, since the
    parts belong to the files.
    """
    by_id = {operation.get("operationId"): operation for _, _, operation in operations(document)}
    for path, method, operation in operations(document):
        links = _links(obj(operation.get("x-task")), by_id)
        if not links or not isinstance(operation.get("responses"), dict):
            continue
        responses = dict(obj(operation.get("responses")))
        for status, response in responses.items():
            if status.startswith("2") and "application/json" in obj(obj(response).get("content")):
                responses[status] = {**response, "links": {**obj(response.get("links")), **links}}
                spec.adopt(responses[status], response)
        changed = {**operation, "responses": responses}
        item = {**document["paths"][path], method: changed}
        spec.adopt(responses, operation["responses"])
        spec.adopt(changed, operation)
        spec.adopt(item, document["paths"][path])
        document["paths"][path] = item


def _add_models(spec: Spec, document: dict[str, Any]) -> None:
    """Say in `x-models` which field takes the models that list an operation; changes copies."""
    fields: dict[str, str] = {}
    for model in models(spec)[0].values():
        for call in map(obj, seq(model.get("calls"))):
            if isinstance(call.get("field"), str):
                fields.setdefault(str(call.get("operation")), call["field"])
    for path, method, operation in operations(document):
        field = fields.get(str(operation.get("operationId")))
        if field and "x-models" not in operation:
            whole = {**operation, "x-models": {"field": field}}
            changed = {key: whole[key] for key in sorted(whole, key=rank)}
            item = {**document["paths"][path], method: changed}
            spec.adopt(changed, operation)
            spec.adopt(item, document["paths"][path])
            document["paths"][path] = item


def _add_callbacks(spec: Spec, document: dict[str, Any]) -> None:
    """Say of submitting operations that take a webhook what is sent to it; changes copies."""
    by_id = {operation.get("operationId"): operation for _, _, operation in operations(document)}
    for path, method, operation in operations(document):
        task = obj(operation.get("x-task"))
        name = f"{operation.get('operationId')}_ended"
        callback = _callback(name, task, obj(by_id.get(task.get("fetch"))))
        if callback is None:
            continue
        changed = {**operation, "callbacks": {CALLBACK: callback}}
        changed = {key: changed[key] for key in sorted(changed, key=rank)}
        item = {**document["paths"][path], method: changed}
        spec.adopt(changed, operation)
        spec.adopt(item, document["paths"][path])
        document["paths"][path] = item


def _callback(
    operation_id: str, task: dict[str, Any], fetch: dict[str, Any]
) -> dict[str, Any] | None:
    """What is sent to the webhook of a task: what the call that gets its status returns."""
    webhook = obj(task.get("webhook"))
    name, responses = webhook.get("name"), obj(fetch.get("responses"))
    schema = obj(obj(obj(obj(responses.get("200")).get("content")).get(JSON)).get("schema"))
    if not isinstance(name, str) or not schema:
        return None
    place = f"query.{name}" if webhook.get("in") == "query" else f"body#/{name}"
    message = {
        "summary": "The task has ended",
        "operationId": operation_id,
        "description": f"Read the message as a response of `{task.get('fetch')}`. No signature is "
        "documented: where it matters, make that call.",
        "requestBody": {"required": True, "content": {JSON: {"schema": dict(schema)}}},
        "responses": {"200": {"description": "The message is taken."}},
    }
    return {f"{{$request.{place}}}": {"post": message}}
