"""Code samples: each call in Python with api302 and with curl, as `x-codeSamples`.

Redoc and Scalar show them. Both are made from one and the same example request, so that they send
the same.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

from generator.build import BuildError
from generator.document import Operation
from generator.emit.methods import Methods

from . import curl, python
from .request import request

Sample = dict[str, str]

WIDTH = 88
_LABELS = {
    "_submit": "api302, as a task",
    "_stream": "api302, streaming",
    "_upload": "api302, all steps in one call",
}
_MARK = "# --- sample ---\n"


def samples(methods: Methods) -> dict[str, list[Sample]]:
    """The samples of every operation by operationId: Python, curl, then Python's other forms.

    Raises:
        BuildError: ruff cannot format a sample.
    """
    by_id = {one.id: list(_samples(methods, one)) for one in methods.document.operations}
    in_python = [one for several in by_id.values() for one in several if one["lang"] == "Python"]
    formatted = _formatted([sample["source"] for sample in in_python])
    for sample, source in zip(in_python, formatted, strict=True):
        sample["source"] = source
    return by_id


def _samples(methods: Methods, operation: Operation) -> Iterator[Sample]:
    """The samples of an operation, Python not yet formatted."""
    main, *twins = methods.of(operation)
    example = request(methods, operation, main.kind)
    first = next((twin for twin in twins if twin.kind == "_iterate"), main)
    in_python = python.Writer(methods, operation, example)
    yield {"lang": "Python", "label": "api302", "source": in_python.source(first)}
    with_curl = curl.source(methods, operation, example, streams=main.kind == "_stream")
    yield {"lang": "Shell", "label": "curl", "source": with_curl}
    for twin in twins:
        if twin.kind in _LABELS:
            source = in_python.source(twin)
            yield {"lang": "Python", "label": _LABELS[twin.kind], "source": source}


def _formatted(sources: list[str]) -> list[str]:
    """Python as ruff formats it, all in one run."""
    options = ["--isolated", "--no-cache", "--quiet", f"--line-length={WIDTH}"]
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "format", *options, "-"],
        input=_MARK + _MARK.join(sources),
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    if done.returncode:
        raise BuildError(f"ruff cannot format the samples:\n{done.stderr}")
    return [source.strip() + "\n" for source in done.stdout.split(_MARK)[1:]]
