"""A copy of the mini specification to break."""

from __future__ import annotations

import shutil
from pathlib import Path

from generator.source import Spec

MINI = Path(__file__).parent.parent / "fixtures" / "mini_spec"


class Copy:
    """A specification folder that a test may spoil."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "spec"
        shutil.copytree(MINI, self.root)

    def replace(self, file: str, old: str, new: str) -> None:
        """Put `new` where `old` stands, which must be in exactly one place."""
        path = self.root / file
        text = path.read_text("utf-8")
        assert text.count(old) == 1, f"{old!r} is {text.count(old)} times in {file}"
        path.write_text(text.replace(old, new), "utf-8")

    def append(self, file: str, text: str) -> None:
        """Add text to the end of a file, which need not exist."""
        path = self.root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text((path.read_text("utf-8") if path.exists() else "") + text, "utf-8")

    def line(self, file: str, text: str) -> int:
        """The line, from 1, of the first place of a text."""
        before, found, _ = (self.root / file).read_text("utf-8").partition(text)
        assert found, f"{text!r} is not in {file}"
        return before.count("\n") + 1

    def load(self) -> Spec:
        return Spec.load(self.root)
