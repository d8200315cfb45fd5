"""YAML in the house style:

what is short stands on one line, lists are indented, dates are bare; with comments.
"""

from __future__ import annotations

from typing import Any

import yaml

from ...rules.layout import WIDTH
from ...source import is_ambiguous

TODO = "\ue000"
"""At the end of a text or key:

a comment `# TODO words` follows its line. Text of a page cannot hold it.
"""
CHECK = "\ue001"
"""The same for `# TODO check`."""

_COMMENTS = {TODO: "  # TODO words", CHECK: "  # TODO check"}
_LONGEST_FLOW = 84
_LONGEST_WORD = 60
_BLOCKS = {
    "paths",
    "schemas",
    "properties",
    "examples",
    "x-docs",
    "x-price",
    "x-task",
    "x-task-status",
    "x-stream",
}


def dump(data: dict[str, Any]) -> str:
    """A mapping as YAML text, its marks as comments."""
    text = yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=WIDTH)
    return "\n".join(map(_commented, text.split("\n")))


def _commented(line: str) -> str:
    for mark, comment in _COMMENTS.items():
        if mark in line:
            line = line.replace(f" {mark}", "").replace(mark, "") + comment
    return line


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def represent(self, data: Any) -> None:
        node = self.represent_data(data)
        self._lay_out(node, "")
        self.serialize(node)

    def _lay_out(self, node: yaml.Node, key: str) -> int:
        """Decide what stands on one line; returns how long it is."""
        if isinstance(node, yaml.ScalarNode):
            node.style = "|" if _is_literal(node.value) else node.style
            return len(node.value) if node.style != "|" else 1000
        width = sum(len(name) + 4 + self._lay_out(inner, name) for name, inner in _pairs(node))
        is_block = key.rstrip(CHECK) in _BLOCKS
        is_block |= key == "parameters" and isinstance(node, yaml.SequenceNode)
        is_flow = width <= _LONGEST_FLOW and not is_block
        node.flow_style = is_flow  # type: ignore[attr-defined]
        return width if is_flow else 1000


def _pairs(node: yaml.Node) -> list[tuple[str, yaml.Node]]:
    """What is inside a node, each with its key."""
    if isinstance(node, yaml.SequenceNode):
        return [("", inner) for inner in node.value]
    return [(key.value, inner) for key, inner in node.value]


def _is_literal(text: str) -> bool:
    """Whether a text stands as a block of its own:

    one of several lines, or with a word too long to fold at.
    """
    return "\n" in text or max(map(len, text.split(" "))) > _LONGEST_WORD


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    """A text, in quotes if some reader takes the plain one for something else."""
    style = "'" if is_ambiguous(text.removesuffix(f" {TODO}")) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)


_Dumper.add_representer(str, _text)
# Dates stand bare: the specification's reader takes them for text.
_Dumper.yaml_implicit_resolvers = {
    first: [one for one in resolvers if not one[0].endswith("timestamp")]
    for first, resolvers in yaml.SafeDumper.yaml_implicit_resolvers.items()
}
