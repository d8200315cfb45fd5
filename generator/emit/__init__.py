"""What is made of the document: raw client, types of requests, namespaces, directory of calls."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from generator.document import Document
from generator.source import Spec

from . import commands, directory, namespaces, raw_client, realtime, typed_dicts
from .code import File, GenerationError, format_code, templates, write
from .earlier import Earlier
from .importing import import_everything, import_modules
from .methods import Methods
from .plan import Plan

__all__ = ["Earlier", "Emission", "GenerationError", "emit"]

Step = Callable[[str, Callable[[], Any]], Any]
"""Does a part of the work, whose name it is told, and returns what that returns."""


def emit(document: Document, out: Path) -> dict[str, int]:
    """Write `api302_client/` and `api302_resources/` below `out`, as `Emission.write`."""
    return Emission(document).write(out)


class Emission:
    """The packages of a document, on their way into a folder.

    What an earlier build made of the same by the same generator is taken over, the rest is made.
    Without an earlier build openapi-python-client makes the modules of the raw client, and every
    module is imported and counted.

    Args:
        document: The document.
        earlier: An earlier build.
        spec: Where the document comes from, so that problems are reported with file and line.

    Raises:
        DocumentError: No client can be made from it.
        SpecError: A name is none that Python or the client can have.
    """

    def __init__(
        self, document: Document, earlier: Earlier | None = None, spec: Spec | None = None
    ) -> None:
        self.plan = Plan(document)
        self._earlier = earlier or Earlier()
        self._types = list(typed_dicts.files(self.plan))
        wanted = [file.path for file in self._earlier.changed(self._types) if file.tool]
        self._tool = typed_dicts.Running(self.plan, wanted)  # the slowest; it works while others do
        try:
            self.methods = Methods(self.plan)
            tree = namespaces.planned(self.methods, spec)
        except BaseException:
            self.stop()
            raise
        self._calls = [*namespaces.files(tree), *directory.files(self.methods)]
        self._calls += [*commands.files(self.methods), *realtime.files(self.plan)]
        self.keys: dict[str, str] = {}
        """What stands for all that each file is made of, by path; of a finished build."""

    def stop(self) -> None:
        """Give up."""
        self._tool.stop()

    def write(self, out: Path, step: Step = lambda _, work: work()) -> dict[str, int]:
        """Write `api302_client/` and `api302_resources/` below `out`, and import what is new.

        Args:
            out: The folder of the generated packages; there is nothing in them yet.
            step: Is handed each part of the work, to measure it.

        Returns:
            How many `files` are new; of a full build also how many `functions` (operations),
            `parsers` ((status, media type) pairs), `types` of requests and `modules` there are.

        Raises:
            GenerationError: A tool warns or refuses; a module fails to import; a count is off.
        """
        files = [*raw_client.files(self.plan), *self._types, *self._calls]
        new = step("compare", lambda: self._earlier.changed(files))
        fresh = out.with_name(f"{out.name}-fresh")
        try:
            is_full = len(new) == len(files)
            if is_full:
                step("client", lambda: raw_client.render(self.plan, fresh))
            step("render", lambda: _render(new, fresh, is_full))
            for path, text in step("params", self._tool.result).items():
                write(fresh, path, text)
            step("format", lambda: format_code(fresh))
            _put(files, new, fresh, self._earlier.folder, out)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
        self.keys = {file.path: file.key for file in files}
        if not is_full:
            step("import", lambda: import_modules(out, [file.path for file in new]))
            return {"files": len(new)}
        counts: dict[str, int] = step("import", lambda: import_everything(out))
        _compare(counts, self.plan)
        return {"files": len(new), **counts}


def _render(new: Iterable[File], fresh: Path, is_full: bool) -> None:
    """Write what the tools do not make."""
    environment = templates()
    fresh.mkdir(exist_ok=True)
    for file in new:
        by_tool = file.tool and (is_full or not file.template)
        if not by_tool and not file.is_formatted:
            write(fresh, file.path, file.text(environment))


def _put(files: list[File], new: list[File], fresh: Path, old: Path | None, out: Path) -> None:
    """Put new files and those that stay into a folder.

    Raises GenerationError if there are others.
    """
    made = {path.relative_to(fresh).as_posix() for path in fresh.rglob("*") if path.is_file()}
    stay = {file.path: old / file.path for file in files} if old else {}
    for file in new:
        stay.pop(file.path, None)
    for file in files:
        target = out / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        if file.is_formatted:
            write(out, file.path, str(file.values["text"]))
        elif file.path in made:
            (fresh / file.path).rename(target)
        elif file.path in stay:
            _take(stay[file.path], target)
    _refuse_others(files, made, out)


def _refuse_others(files: list[File], made: set[str], out: Path) -> None:
    missing = [file.path for file in files if not (out / file.path).exists()]
    strange = made - {file.path for file in files} - {f"{raw_client.PACKAGE}/errors.py"}
    if missing or strange:
        raise GenerationError(f"files that nobody made: {missing}; that nobody wants: {strange}")


def _take(source: Path, target: Path) -> None:
    """The same file at another place; the old folder goes afterwards."""
    try:
        os.link(source, target)
    except OSError:  # not on every file system
        shutil.copyfile(source, target)


def _compare(counts: dict[str, int], plan: Plan) -> None:
    """Operations in must be functions out, in both packages.

    The same holds for (status, media type) pairs and parsers.
    """
    operations = plan.document.operations
    wanted = {
        "functions": len(operations),
        "parsers": sum(len(one.media) for operation in operations for one in operation.responses),
        "types": len(plan.modules),
        "indexed": len(operations),
    }
    if off := {name: counts[name] for name in wanted if counts[name] != wanted[name]}:
        meant = {name: wanted[name] for name in off}
        raise GenerationError(f"the document has {meant}, the packages have {off}")
