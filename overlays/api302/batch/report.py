"""What a batch leaves behind for people and programs: results and errors as JSON lines."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from api302_client.writer import replace

from .journal import Journal, Row

RESULTS, ERRORS = "results.jsonl", "errors.jsonl"


def write_reports(journal: Journal, out: Path) -> None:
    """Write `results.jsonl` and `errors.jsonl`, each whole or not at all."""
    _write(out / RESULTS, map(result_of, journal.all_rows(("saved",))))
    _write(out / ERRORS, map(error_of, journal.all_rows(("failed", "unknown"))))


def _write(path: Path, lines: Iterator[dict[str, Any]]) -> None:
    part = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with part.open("x", encoding="utf-8", errors="backslashreplace") as file:
            for line in lines:
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())
        replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def result_of(row: Row) -> dict[str, Any]:
    """The line of a job that is saved."""
    return {
        "key": row["key"],
        "call": row["call"],
        "request_id": row["request_id"],
        "cost": row["cost"],
        "files": json.loads(row["files"] or "[]"),
        "response": json.loads(row["response"]) if row["response"] else None,
    }


def error_of(row: Row) -> dict[str, Any]:
    """The line of a job that failed, or of which nobody knows: with the window in which it was
    made.
    """
    task = json.loads(row["task"]) if row["task"] else None
    window = [_time(row["sent_at"]), _time(row["until"])] if row["state"] == "unknown" else None
    line = {
        "key": row["key"],
        "call": row["call"],
        "state": row["state"],
        "error": json.loads(row["error"] or "{}"),
        "request_id": row["request_id"],
        "window": window,
        "task": task,
    }
    return {name: value for name, value in line.items() if value is not None}


def _time(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
