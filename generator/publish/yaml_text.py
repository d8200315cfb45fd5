"""A document as YAML that every reader takes for the same."""

from __future__ import annotations

from typing import Any

import yaml

from generator.source import is_ambiguous


def as_yaml(document: Any) -> str:
    """A document as YAML text, the same every time.

    Text that a reader of YAML 1.1 or 1.2 would take for something else is quoted.
    """
    options = {"sort_keys": False, "allow_unicode": True, "width": 140}
    return yaml.dump(document, Dumper=_Dumper, **options)


_SHORT_BOOLEANS = {"y", "Y", "n", "N"}
"""Booleans of YAML 1.1 that some readers take for such, and others for text."""


class _Dumper(yaml.CSafeDumper):
    """A dumper without anchors, which people cannot follow."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    if is_ambiguous(text) or text in _SHORT_BOOLEANS:
        style = '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
