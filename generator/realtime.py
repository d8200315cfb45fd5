"""Put the files of what goes over a WebSocket together into one AsyncAPI 3 document.

What openapi.yaml says already is written out: version, license, servers, how the API key is sent.
So is what a channel takes: the messages of its operations.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from .join import merge
from .source import ROOT_FILE, Problem, Spec, SpecError, obj, seq

DOCUMENT_FILE = "asyncapi.json"
COMPONENTS = ("securitySchemes", "messages", "schemas")
HEAD = ("asyncapi", "info", "defaultContentType", "channels", "operations")
"""What the file of the document has beside components."""
_PROTOCOLS = {"https": "wss", "http": "ws"}


def join(spec: Spec) -> dict[str, Any]:
    """The AsyncAPI document; empty if the specification has none.

    Raises SpecError if it cannot be joined.
    """
    document, problems = assemble(spec)
    if problems:
        raise SpecError(problems)
    return document


def assemble(spec: Spec) -> tuple[dict[str, Any], list[Problem]]:
    """The document as far as it goes, and what stands in its way."""
    files, problems = spec.realtime_files(), list[Problem]()
    if not files:
        return {}, problems
    head, root = next(iter(files.values())), obj(spec.files.get(ROOT_FILE))
    components: dict[str, dict[str, Any]] = {}
    for name, content in files.items():
        for kind, definitions in obj(content.get("components")).items():
            into = components.setdefault(kind, {})
            merge(spec, name, obj(definitions), into, kind.removesuffix("s"), problems)
    document: dict[str, Any] = {key: head[key] for key in HEAD if key in head}
    spec.adopt(document, head)
    document["info"] = _info(spec, head, root)
    document["channels"] = _channels(spec, head)
    if schemes := _schemes(spec, root, components):
        components = {"securitySchemes": schemes, **components}
    document["servers"] = _servers(root, schemes)
    document["components"] = {key: components[key] for key in COMPONENTS if key in components}
    order = ("asyncapi", "info", "servers", *HEAD[2:], "components")
    made = {key: document[key] for key in order if key in document}
    spec.adopt(made, head)
    return made, problems


def _info(spec: Spec, head: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    shared = obj(root.get("info"))
    info = {**obj(head.get("info")), "version": str(shared.get("version", ""))}
    info |= {key: shared[key] for key in ("contact",) if key in shared}
    if name := obj(shared.get("license")).get("name"):
        info["license"] = {"name": name}
    spec.adopt(info, head.get("info"))
    return info


def _servers(root: dict[str, Any], schemes: dict[str, Any]) -> dict[str, Any]:
    """The servers of openapi.yaml, under their descriptions."""
    security = [{"$ref": f"#/components/securitySchemes/{name}"} for name in schemes]
    servers: dict[str, Any] = {}
    for server in map(obj, seq(root.get("servers"))):
        url = urlsplit(str(server.get("url")))
        about = str(server.get("description") or url.hostname)
        key = re.sub(r"\W+", "_", about.lower()).strip("_")
        servers[key] = {
            "host": url.netloc,
            "protocol": _PROTOCOLS.get(url.scheme, "wss"),
            "description": about,
            **({"security": security} if security else {}),
        }
        if url.path.strip("/"):
            servers[key]["pathname"] = url.path
    return servers


def _schemes(
    spec: Spec, root: dict[str, Any], components: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    """The security schemes that every call of openapi.yaml has, unless the files have their own."""
    if own := components.get("securitySchemes"):
        return own
    known = obj(obj(root.get("components")).get("securitySchemes"))
    names = [name for one in seq(root.get("security")) for name in obj(one) if name in known]
    made = {name: known[name] for name in names}
    spec.adopt(made, known)
    return made


def _channels(spec: Spec, head: dict[str, Any]) -> dict[str, Any]:
    """The channels, each with the messages of its operations."""
    made: dict[str, Any] = {}
    spec.adopt(made, head.get("channels"))
    for name, channel in obj(head.get("channels")).items():
        used = messages_of(head, name)
        messages = {one: {"$ref": f"#/components/messages/{one}"} for one in used}
        made[name] = {**obj(channel), "messages": messages}
        spec.adopt(made[name], channel)
    return made


def messages_of(document: dict[str, Any], channel: str) -> list[str]:
    """The messages that the operations of a channel name, replies included, in their order."""
    found: dict[str, None] = {}
    for operation in map(obj, obj(document.get("operations")).values()):
        if obj(operation.get("channel")).get("$ref") == f"#/channels/{channel}":
            listed = [operation, obj(operation.get("reply"))]
            found |= dict.fromkeys(name for one in listed for name in message_names(one))
    return list(found)


def message_names(holder: dict[str, Any]) -> list[str]:
    """The names of the messages that an operation or its reply refers to."""
    refs = [str(obj(one).get("$ref")) for one in seq(holder.get("messages"))]
    return [ref.partition("/messages/")[2] for ref in refs]
