"""Batches: ten thousand calls that survive a crash, on one machine or on many.

    from api302.batch import run

    run("jobs.jsonl", "results/", budget=20.0)

Jobs are `{"key": …, "call": …, "arguments": {…}}`. Each has its state in a journal: after a kill,
the same line goes on; nothing is sent twice, nothing is lost. Needs `pip install api302[batch]`.
`api302.batch.celery` runs the same jobs over many workers, and `step` lets any engine do so.
"""

from __future__ import annotations

from importlib.util import find_spec

if find_spec("sqlalchemy") is None:
    raise ImportError("api302.batch needs more packages: pip install 'api302[batch]'")

from .batch import Batch, Planned, run, status
from .jobs import BadJob, Job
from .journal import Journal
from .runner import Progress
from .step import astep, interrupted, started, step

__all__ = [
    "BadJob",
    "Batch",
    "Job",
    "Journal",
    "Planned",
    "Progress",
    "astep",
    "interrupted",
    "run",
    "started",
    "status",
    "step",
]
