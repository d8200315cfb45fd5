"""An agent that has only llms.txt and its pages writes correct calls: thirty tasks, on the mock.

Everything that a call is made of is read from the texts: the line of llms.txt, the link in it, the
page's example, and the arguments that the page lists.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import yaml
from publish.test_samples import as_request, make_files, words

import api302_mock

ROOT = Path(__file__).resolve().parents[2]
LLMS = ROOT / "generated/llms"
TASKS: list[dict[str, Any]] = yaml.safe_load((ROOT / "tests/data/llms-tasks.yaml").read_text())
LINK = re.compile(r"- \[((?:[^\]\\]|\\.)+)\]\(([\w.]+)#(\w+)\): ")


@pytest.fixture(scope="module")
def server() -> Iterator[api302_mock.MockServer]:
    with api302_mock.start(pace=0, delay=0) as server:
        yield server


def found(wanted: str) -> list[tuple[str, str]]:
    """The page and the anchor of each line of llms.txt whose title has some words."""
    lines = map(LINK.match, (LLMS / "llms.txt").read_text("utf-8").splitlines())
    return [(line[2], line[3]) for line in lines if line and wanted in line[1].lower()]


def section(page: str, anchor: str) -> str:
    """The part of a page under a heading."""
    _, _, rest = (LLMS / page).read_text("utf-8").partition(f"\n## {anchor}\n")
    assert rest, (page, anchor)
    return re.split(r"\n##? ", rest)[0]


def arguments(text: str) -> dict[str, str]:
    """What a section says of each argument of the call."""
    return dict(re.findall(r"^- `([^`]+)`(?: \([^)]*\))?: (.*)$", text, re.MULTILINE))


def fits(value: Any, said: str) -> bool:
    """Whether a value is of a kind and among the words that a page says for an argument."""
    kind = said.split(". ")[0]
    listed = re.match(r"one of ((?:`[^`]+`(?:, )?)+)", kind)
    if listed:
        return str(value) in re.findall("`([^`]+)`", listed[1])
    names = {bool: "boolean", int: "integer|number", float: "number", str: "string", list: "list"}
    return bool(re.search(names[type(value)], kind))


def example(text: str) -> list[str]:
    """The words of the section's curl command."""
    source = re.search(r"```sh\n(.*?)```", text, re.DOTALL)
    assert source
    return words(source[1])


def changed(command: list[str], changes: dict[str, Any], query: dict[str, str]) -> list[str]:
    """The command with other values: in its JSON, its form, or its query."""
    command = list(command)
    for name, value in query.items():
        url = next(i for i, word in enumerate(command) if word.startswith("http"))
        command[url] = re.sub(
            rf"([?&]{name}=)[^&]*", rf"\g<1>{quote(value, safe='')}", command[url]
        )
        assert quote(value, safe="") in command[url]
    if "-d" in command:
        at = command.index("-d") + 1
        command[at] = json.dumps(json.loads(command[at]) | changes)
        return command
    for name, value in changes.items():
        command = [word for i, word in enumerate(command) if not is_field(command, i, name)]
        command += ["-F", f"{name}={value}"]
    return command


def is_field(command: list[str], i: int, name: str) -> bool:
    """Whether a word is a form's option for a field, or its value."""
    value = command[i] if command[i - 1] == "-F" else command[min(i + 1, len(command) - 1)]
    is_option = command[i] == "-F" or command[i - 1] == "-F"
    return is_option and value.startswith(f"{name}=")


def test_there_are_thirty_tasks_in_all_sections() -> None:
    assert len(TASKS) >= 30
    pages = {page.partition(".")[0] for task in TASKS for page, _ in found(task["words"])}
    assert len(pages) == 8


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task["ask"])
def test_an_agent_writes_a_correct_call(
    task: dict[str, Any],
    server: api302_mock.MockServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    server.reset()
    pages = [page for page, anchor in found(task["words"]) if anchor == task["call"]]
    assert len(pages) == 1, found(task["words"])
    text = section(pages[0], task["call"])
    known = arguments(text)
    changes, query = task.get("change", {}), task.get("query", {})
    assert set(changes) | set(query) <= set(known)
    assert all(fits(value, known[name]) for name, value in changes.items()), known
    if "model" in changes:
        assert f"`{changes['model']}`" in text or changes["model"] in known["model"]
    command = changed(example(text), changes, query)
    if "of" in task:
        command = with_task(command, task, server)
    make_files([name for word in command for name in re.findall(r"@([\w.-]+)$", word)])
    response = httpx.request(**as_request(command, server.url))
    assert response.status_code == 200, response.text
    seen = server.requests[-1]
    assert seen.operation == task["call"]
    if isinstance(seen.body, dict):
        assert {name: str(seen.body[name]) for name in changes} == {
            name: str(value) for name, value in changes.items()
        }


def with_task(
    command: list[str], task: dict[str, Any], server: api302_mock.MockServer
) -> list[str]:
    """The command that polls a task, with the id of one that was begun by the page's example."""
    ((page, _),) = [one for one in found("") if one[1] == task["of"]]
    text = section(page, task["of"])
    follow = re.search(rf"\[{task['call']}\]\(#{task['call']}\), whose `\w+` is `([\w.]+)`", text)
    assert follow
    value = httpx.request(**as_request(example(text), server.url)).json()
    for name in follow[1].split("."):
        value = value[name]
    return [re.sub(r"[^/]+$", value, word) if word.startswith("http") else word for word in command]
