"""What a server may do: which calls, for how much, which files it reads and where it writes."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from api302 import InvalidArgument, directory
from api302.directory import Found


class Guards:
    """What a server may do.

    Args:
        only: Sections whose calls may be made, such as `images`; all unless given.
        read_only: Whether only calls may be made that read and change nothing.
        budget: PTC that all calls together may cost. Without it each call that may cost something
            is confirmed by a person, or refused where the client cannot ask one.
        root: The folder below which files may be read; None: no file is read.
        out: The folder that results are written to; None: nothing is written.

    Raises:
        InvalidArgument: naming the argument and what to do.
    """

    def __init__(
        self,
        *,
        only: Collection[str] = (),
        read_only: bool = False,
        budget: float | None = None,
        root: str | Path | None = None,
        out: str | Path | None = None,
    ) -> None:
        self.only: frozenset[str] = directory.checked_sections(only)
        self.read_only = read_only
        self.budget = budget
        if budget is not None and (isinstance(budget, bool) or not budget >= 0):
            raise InvalidArgument(f"budget: must be PTC, 0 or more, not {budget!r}")
        self.root: Path | None = None if root is None else _folder("root", root)
        self.out: Path | None = None if out is None else _folder("out", out)

    def search(self, words: str, limit: int) -> list[Found]:
        """The calls that fit, of those that may be made. Raises InvalidArgument."""
        sessions = [one for one in directory.calls() if one.kind == "session"]
        more = len(sessions) if limit > 0 else 0  # they are left out
        found = directory.search(
            words, limit + more, sections=self.only, only_reading=self.read_only
        )
        return [one for one in found if self.allows(one)][:limit]

    def allows(self, found: Found) -> bool:
        """Whether a call may be made."""
        return not self._refusal(found)

    def allowed(self, call: str) -> Found:
        """The entry of a call. Raises InvalidArgument if there is none, or it may not be made."""
        found = directory.find(call)
        if why := self._refusal(found):
            raise InvalidArgument(f"call: {found.call} is not allowed: {why}")
        return found

    def allowed_task(self, operation: str) -> None:
        """Raise InvalidArgument if tasks of a call may not be followed, which only reads."""
        found = directory.find(operation)
        section = found.tag.partition(".")[0]
        if self.only and section not in self.only:
            raise InvalidArgument(f"task: {self._refusal(found)}")

    def _refusal(self, found: Found) -> str:
        section = found.tag.partition(".")[0]
        if self.only and section not in self.only:
            return f"this server serves only {', '.join(sorted(self.only))} (--only)"
        if found.kind == "session":
            return f"it is a conversation; in Python, client.{found.call}(…) holds it"
        if self.read_only and not found.reads:
            return "this server only reads (--read-only)"
        return ""


def _folder(name: str, path: str | Path) -> Path:
    """An existing folder, whole and without symlinks. Raises InvalidArgument."""
    found = Path(path).expanduser().resolve()
    if not found.is_dir():
        raise InvalidArgument(f"{name}: {str(path)!r} is not a folder; make it first")
    return found
