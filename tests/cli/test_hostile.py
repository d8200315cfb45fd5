"""Whatever is given, a command ends with an exit code and a message, never with a traceback."""

from __future__ import annotations

import io
import os
import sys
from contextlib import redirect_stderr, redirect_stdout

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api302.cli import main

_COMMANDS = st.sampled_from(
    [
        ["chat"],
        ["image"],
        ["transcribe"],
        ["videos", "kling", "text-to-video"],
        ["videos", "kling", "image-to-video", "--prompt", "x"],
        ["llm", "openai", "chat-completions", "--model", "gpt-4o"],
        ["files.upload"],
        ["task", "wait"],
        ["task", "status"],
        ["models"],
        ["request"],
        ["find"],
        ["describe"],
        [],
    ]
)
_WORDS = st.sampled_from(
    """--prompt --file --image --body --field --query --output --save --timeout --budget --dry-run
    --estimate --detach --messages --errors --accepts --kind --stream --cfg-scale --mode --yes json
    text - @ @- @@ {} [] {"a":1} {"messages":1} a=1 = 0 -1 nan 1e999 /v1/models GET POST ../x . /
    results[] --help -o -q -F""".split()
)
_ARGUMENTS = st.lists(st.one_of(_WORDS, st.text(max_size=8)), max_size=6)


@pytest.fixture(autouse=True)
def nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """No host that answers, and no waiting."""
    monkeypatch.setenv("AI302_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setattr("api302._http.retry.backoff", lambda *_, **__: 0.0)
    monkeypatch.setattr("api302._features.polling.Schedule.pause", lambda *_: None)


@settings(
    max_examples=300,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(command=_COMMANDS, arguments=_ARGUMENTS)
def test_a_command_never_ends_in_a_traceback(command: list[str], arguments: list[str]) -> None:
    words = [*command, *(one for one in arguments if one not in ("mock", "mcp"))]
    out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.StringIO()
    before, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO(b"\xff\x00 stdin"), encoding="utf-8")
    try:
        with redirect_stdout(out), redirect_stderr(err):
            code = main(words)
    finally:
        sys.stdin = before

    assert code in {*range(13), 130, 141}
    assert code == 0 or err.getvalue().strip()
    assert os.environ["AI302_API_KEY"] not in err.getvalue()
