"""Which calls there are, and what each takes: data that the build writes beside the client.

It is read as it stands, without importing the client: `--help` and completion have to be quick.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

Json = Mapping[str, Any]


class Call(NamedTuple):
    """A call as the tree has it."""

    section: str
    vendor: str
    name: str
    """The method's name."""
    id: str
    """The operation id."""
    summary: str
    deprecated: bool

    @property
    def place(self) -> str:
        """As it is called on a client: `videos.kling.text_to_video`."""
        return f"{self.section}.{self.vendor}.{self.name}"

    @property
    def data(self) -> Json:
        """All that is described of it."""
        return _of_tag(f"{self.section}.{self.vendor}")["calls"][self.id]

    @property
    def definitions(self) -> Json:
        """The schemas that its arguments refer to."""
        return _of_tag(f"{self.section}.{self.vendor}").get("$defs", {})


@cache
def _read(name: str) -> Json:
    spec = find_spec("api302_resources")
    assert spec is not None
    assert spec.origin is not None
    path = Path(spec.origin).parent / "_directory" / f"{name}.json"
    loader: Any = spec.loader  # which reads from a zip file too
    return json.loads(loader.get_data(str(path)))


def _of_tag(tag: str) -> Json:
    return _read(tag)


def sections() -> dict[str, str]:
    """Each section and what it is about."""
    return {name: node["about"] for name, node in _read("tree")["sections"].items()}


def vendors(section: str) -> dict[str, str]:
    """The vendors of a section, each with its names."""
    nodes = _read("tree")["sections"][section]["vendors"]
    return {name: node["about"] for name, node in nodes.items()}


def calls(section: str, vendor: str) -> dict[str, Call]:
    """The calls of a vendor by the names of their methods, the deprecated ones last."""
    node = _read("tree")["sections"][section]["vendors"][vendor]
    return {name: Call(section, vendor, name, *about) for name, about in node["calls"].items()}


def everything() -> Iterator[Call]:
    """All calls."""
    for section in sections():
        for vendor in vendors(section):
            yield from calls(section, vendor).values()


def shortcuts() -> dict[str, str]:
    """Operation ids by the shorter names that a client has for them."""
    return dict(_read("tree")["shortcuts"])


def named(name: str) -> Call | None:
    """The call of an operation id, of its place on a client, or of a shortcut."""
    plain = name.removeprefix("client.").replace("-", "_")
    wanted = shortcuts().get(plain, plain)
    for call in everything():
        if wanted in (call.id, call.place):
            return call
    return None
