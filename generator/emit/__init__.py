"""What is made of the document: the raw client, the types of requests, the namespaces."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..document import Document
from ..source import Spec
from . import namespaces, raw_client, typed_dicts
from .code import GenerationError, format_code
from .importing import import_everything
from .methods import Methods
from .plan import Plan

__all__ = ["GenerationError", "emit"]


Step = Callable[[str, Callable[[], Any]], Any]
"""Does a part of the work, whose name it is told, and returns what that returns."""


def emit(
    document: Document,
    out: Path,
    spec: Spec | None = None,
    step: Step = lambda _, work: work(),
) -> dict[str, int]:
    """Write `api302_client/` and `api302_resources/` anew below `out`, and import every module of them once.

    Args:
        document: The joined document, against which the result is counted.
        out: The folder of the generated packages.
        spec: Where the document comes from, so that problems are reported with file and line.
        step: Is handed each part of the work, to measure it.

    Returns:
        How many `functions` (operations), `parsers` ((status, media type) pairs), `types` of requests and `modules` there are.

    Raises:
        SpecError: A name is none that Python or the client can have.
        DocumentError: The document says what no client can be made from.
        GenerationError: A tool warns or refuses; a module fails to import; a count is off.
    """
    plan: Plan = step("plan", lambda: Plan(document))
    tree = step("names", lambda: namespaces.planned(Methods(plan), spec))
    step("client", lambda: raw_client.write(plan, out))
    step("params", lambda: typed_dicts.write(plan, out))
    step("resources", lambda: namespaces.write(tree, out))
    step("format", lambda: format_code(out))
    raw_client.copy_runtime(out)
    counts: dict[str, int] = step("import", lambda: import_everything(out))
    _compare(counts, plan)
    return counts


def _compare(counts: dict[str, int], plan: Plan) -> None:
    """Operations in must be functions out, in both packages; (status, media type) pairs in must be parsers out."""
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
