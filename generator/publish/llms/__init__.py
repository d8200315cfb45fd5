"""The API for language models: `llms.txt`, a line a call, and a Markdown page a tag.

With these alone an agent can choose a call and write it: all names are those of the JSON, each call
has all its arguments, its models, and an example with curl.
"""

from __future__ import annotations

from pathlib import Path

from generator.emit.methods import Methods
from generator.join import newest_evidence

from .index import llms_text
from .page import pages

__all__ = ["llms_text", "pages", "write"]
INDEX = "llms.txt"


def write(methods: Methods, folder: Path) -> int:
    """Write `llms.txt` and its pages into a folder.

    Returns:
        How many pages there are.
    """
    node = methods.document.node
    info = {**node["info"], "x-evidence-date": newest_evidence(node)}
    made = {INDEX: llms_text(methods, info), **pages(methods)}
    folder.mkdir(exist_ok=True)  # of a process that died half-way, whose work is done again
    for name, text in made.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
    return len(made) - 1
