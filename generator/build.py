"""Order the steps from a specification to the generated packages, and count them.

The result is put in place whole or not at all.
"""

from __future__ import annotations

import filecmp
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import join, models, realtime, rules
from .beside import beside
from .document import Document, DocumentError
from .source import Spec, SpecError

if TYPE_CHECKING:
    from .emit import Earlier, Emission

DOCUMENT_FILE = "openapi.json"
COMMAND = "python -m generator build"


class BuildError(RuntimeError):
    """Something could not be generated, though the specification is in order."""


class ToolMissing(BuildError):
    """A program that is needed is not installed; the message says what to install."""


@dataclass
class Summary:
    """What a build made, and how long each step took in seconds."""

    counts: dict[str, dict[str, Any]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    """What stands for all that each file is made of, by path."""
    spec: Spec | None = None
    document: Document | None = None
    """Of a build that came to its end."""

    def __str__(self) -> str:
        lines = []
        for name, seconds in self.seconds.items():
            counts = ", ".join(
                f"{count} {what}"
                for what, count in self.counts.get(name, {}).items()
                if isinstance(count, int)
            )
            lines.append(f"{name:<10} {seconds:6.1f} s  {counts}".rstrip())
        return "\n".join([*lines, f"{'all':<10} {sum(self.seconds.values()):6.1f} s"])

    def step(self, name: str, work: Callable[[], Any]) -> Any:
        """Do a part of the work and note how long it takes."""
        start = time.perf_counter()
        result = work()
        self.seconds[name] = time.perf_counter() - start
        return result

    @property
    def remarks(self) -> list[str]:
        """What is in order and yet worth knowing, a line each."""
        lines: list[str] = []
        unlinked = join.unlinked(self.document.node) if self.document else []
        renamed = rules.notes(self.spec) if self.spec else []
        for title, listed in (
            ("no link can say where these tasks' ids are", unlinked),
            ("written with an underscore", renamed),
        ):
            if listed:
                lines += [f"{title}:", *(f"  {entry}" for entry in listed)]
        return lines


def as_json(document: dict[str, Any]) -> str:
    """A document as JSON text, the same every time."""
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def build(spec_dir: Path, out_dir: Path, record: Path | None = None) -> Summary:
    """Generate everything of a specification into a folder.

    The folder is replaced whole, and only if every step succeeded.

    Args:
        spec_dir: The specification.
        out_dir: The folder.
        record: A file that remembers what each generated file was made of. With it only that is
            made anew which an edit touches; the result is the same.

    Raises:
        SpecError: The specification breaks rules; all of them are listed.
        BuildError: A generator failed, or made something else than the specification says, or the
            folder is not a generated one.
    """
    from .emit import earlier

    before = earlier.Earlier(out_dir.resolve(), record) if record and out_dir.is_dir() else None
    with replaced(out_dir, DOCUMENT_FILE) as made:
        summary = _generate(spec_dir, made, before, record.with_suffix(".spec") if record else None)
    if record:
        earlier.save(record, out_dir, summary.keys)
    return summary


@contextmanager
def replaced(folder: Path, marker: str) -> Iterator[Path]:
    """An empty folder that replaces another one if all goes well; if not, the other stays.

    Raises BuildError if the other is not empty and lacks the file `marker`: nobody knows what it
    is.
    """
    if folder.exists() and (
        not folder.is_dir() or (any(folder.iterdir()) and not (folder / marker).exists())
    ):
        raise BuildError(
            f"{folder} has no {marker}, so it was not generated, and is left alone; give an "
            "empty folder to --out"
        )
    folder = folder.resolve()  # the tools run in other folders
    with _folder_beside(folder) as scratch:
        made = scratch / "new"
        made.mkdir()
        yield made
        old = scratch / "old"
        try:
            if folder.exists():
                folder.rename(old)
            made.rename(folder)
        except BaseException:  # Ctrl-C too: the scratch folder goes, with all that is in it
            if old.exists() and not folder.exists():
                old.rename(folder)
            raise


def check(spec_dir: Path, generated_dir: Path) -> tuple[Summary, list[str]]:
    """Generate into a temporary folder and return what differs from the one there, byte for byte.

    Raises as `build` does.
    """
    with _folder_beside(None) as scratch:
        made = scratch / "new"
        made.mkdir()
        summary = _generate(spec_dir, made)
        return summary, list(differences(made, generated_dir))


def differences(made: Path, there: Path) -> Iterator[str]:
    """What differs between two generated folders; bytecode does not count."""
    new, old = _files(made), _files(there)
    for name in sorted(new | old):
        if name not in old:
            yield f"missing: {name}"
        elif name not in new:
            yield f"not generated: {name}"
        elif not filecmp.cmp(made / name, there / name, shallow=False):
            yield f"different: {name}"


def _files(folder: Path) -> set[str]:
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and path.parent.name != "__pycache__"
    }


@contextmanager
def _folder_beside(target: Path | None) -> Iterator[Path]:
    """A temporary folder on the target's file system, so that a rename puts the result in place."""
    parent = target.parent if target else Path(tempfile.gettempdir())
    try:
        parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=".generating-", dir=parent))
    except OSError as error:
        raise BuildError(f"nothing can be written into {parent}: {error.strerror}") from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _generate(
    spec_dir: Path, out: Path, before: Earlier | None = None, parsed: Path | None = None
) -> Summary:
    summary = Summary()
    spec = summary.step("read", lambda: Spec.load(spec_dir, parsed))
    checked = beside(lambda: rules.check_spec(spec))
    begun = summary.step("plan", lambda: _begin(spec, before))
    problems = summary.step("check", checked)
    if isinstance(begun, Exception):
        if isinstance(begun, DocumentError | RuntimeError) and not problems:
            raise BuildError(str(begun)) from begun
        raise SpecError(problems) if problems else begun
    if problems:
        begun.stop()
        raise SpecError(problems)
    document = begun.plan.document
    (out / DOCUMENT_FILE).write_text(as_json(document.node), encoding="utf-8", newline="\n")
    if document.events:
        text = as_json(document.events)
        (out / realtime.DOCUMENT_FILE).write_text(text, encoding="utf-8", newline="\n")
    counts = {"operations": len(document.operations), "schemas": len(document.schemas)}
    summary.counts["check"] = counts
    summary.document, summary.spec = document, spec
    try:
        pages = beside(lambda: _write_llms(begun, out))
        summary.counts["import"] = begun.write(out, summary.step)
        summary.counts["llms"] = {"pages": summary.step("llms", pages)}
    except (DocumentError, RuntimeError) as error:
        raise BuildError(str(error)) from error
    summary.keys = begun.keys
    return summary


def _write_llms(emission: Emission, out: Path) -> int:
    """Write what language models read. Returns how many pages there are."""
    from .publish import llms

    return llms.write(emission.methods, out / "llms")


def _begin(spec: Spec, before: Earlier | None) -> Emission | Exception:
    """Begin while the rules are checked, since a tool is slow.

    What is wrong with the specification is for the rules to report.
    """
    from .emit import Emission  # slow to import; reading and checking do without

    try:
        document = Document(join.join(spec), models.models(spec)[0], realtime.join(spec))
        return Emission(document, before, spec)
    except Exception as error:
        return error
