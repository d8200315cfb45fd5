"""Rendering the raw client: what comes out, and what is refused."""

from __future__ import annotations

import ast
import dataclasses
import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from zoo import Package, mini_document

from generator.document import Document
from generator.emit import raw_client as raw
from generator.emit.code import HEADER, GenerationError

ROOT = Path(__file__).resolve().parents[2]


def generate(document: dict[str, Any], out: Path) -> dict[str, int]:
    return raw.build(raw.plan(Document(document)), out)


def test_counts_and_files(tmp_path: Path) -> None:
    stale = tmp_path / "api302_client/models/gone.py"
    stale.parent.mkdir(parents=True)
    stale.write_text("broken =")
    counts = generate(mini_document(), tmp_path)
    assert (counts["functions"], counts["parsers"]) == (5, 18)
    files = {
        path.relative_to(tmp_path / "api302_client").as_posix()
        for path in tmp_path.rglob("*")
        if path.is_file()
    }
    assert counts["modules"] == len([name for name in files if name.endswith(".py")])
    assert {
        "py.typed",
        "models/__init__.pyi",
        "api/videos_acme/acme_get_video.py",
        "models/acme_task.py",
        "_model.py",
    } <= files
    assert not [
        name for name in files if "cache" in name or "gone" in name or "acme_chat_request" in name
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["api302_client"]


def test_each_file_says_where_it_comes_from(client: Package) -> None:
    for path in client.folder.rglob("*.py*"):
        if path.name != "py.typed" and "__pycache__" not in path.parts:
            assert path.read_text("utf-8").startswith(HEADER + "\n"), path


def test_same_input_same_bytes(tmp_path: Path) -> None:
    """Whatever the hash seed, the time, and the configuration around the output."""
    program = (
        "import sys; from pathlib import Path; from zoo import zoo_document; "
        "from generator.document import Document; from generator.emit import raw_client; "
        "raw_client.build(raw_client.plan(Document(zoo_document())), Path(sys.argv[1]))"
    )
    trees: list[dict[str, bytes]] = []
    for seed in ("1", "2"):
        out = tmp_path / seed
        out.mkdir()
        (out / "ruff.toml").write_text(f"line-length = {60 * int(seed)}\n")
        environment = {
            **os.environ,
            "PYTHONHASHSEED": seed,
            "PYTHONPATH": f"{ROOT}:{Path(__file__).parent}",
        }
        subprocess.run(
            [sys.executable, "-c", program, str(out)], check=True, env=environment, cwd=ROOT
        )
        package = out / "api302_client"
        trees.append(
            {
                path.relative_to(package).as_posix(): path.read_bytes()
                for path in package.rglob("*")
                if path.is_file()
            }
        )
    assert trees[0] == trees[1]


def test_another_version_of_the_tool_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(raw, "version", lambda name: "0.30.0")
    with pytest.raises(
        GenerationError,
        match=r"0\.29\.1 is needed, 0\.30\.0 is here.*pip install openapi-python-client==0\.29\.1",
    ):
        generate(mini_document(), tmp_path)

    def absent(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(raw, "version", absent)
    with pytest.raises(GenerationError, match="not installed is here"):
        generate(mini_document(), tmp_path)


def renamed(old: str, new: str) -> dict[str, Any]:
    """The mini document with a schema under another name."""

    def walk(node: Any) -> Any:
        if isinstance(node, dict):
            return {(new if key == old else key): walk(value) for key, value in node.items()}
        if isinstance(node, list):
            return [walk(item) for item in node]
        return f"#/components/schemas/{new}" if node == f"#/components/schemas/{old}" else node

    return walk(mini_document())


@pytest.mark.parametrize("name", ["AcmeGPT4oTask", "acmeTask", "Acme_Task"])
def test_schema_names_that_would_change_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(GenerationError, match=f"schema {name}: "):
        generate(renamed("AcmeTask", name), tmp_path)


def test_two_schemas_in_one_module_are_refused(tmp_path: Path) -> None:
    document = renamed("AcmeVideo", "AcmeV2task")
    document["components"]["schemas"]["AcmeV2Task"] = {
        "type": "object",
        "properties": {"a": {"type": "string"}},
    }
    document["components"]["schemas"]["AcmeTask"]["properties"]["x"] = {
        "$ref": "#/components/schemas/AcmeV2Task"
    }
    with pytest.raises(GenerationError, match=r"AcmeV2task|acme_v2_task"):
        generate(document, tmp_path)


@pytest.mark.parametrize(
    "change", [{"operationId": "acmeGetVideo"}, {"tags": ["videos.Acme-Studio"]}]
)
def test_operation_names_that_would_change_are_refused(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    document = mini_document()
    document["paths"]["/acme/v1/videos/{task_id}"]["get"] |= change
    with pytest.raises(
        GenerationError,
        match=r"operation acmeGetVideo|operation acme_get_video, tag videos.Acme-Studio",
    ):
        generate(document, tmp_path)


def test_a_warning_of_the_tool_is_an_error_that_names_the_place(tmp_path: Path) -> None:
    document = mini_document()
    document["paths"]["/acme/v1/videos"]["post"]["responses"]["2OO"] = {
        "description": "A typing error."
    }
    with pytest.raises(GenerationError, match=r"/acme/v1/videos.*2OO"):
        generate(document, tmp_path)


def test_a_lost_operation_is_noticed(tmp_path: Path) -> None:
    planned = raw.plan(Document(mini_document()))
    more = mini_document()
    more["paths"]["/acme/v2/videos"] = more["paths"]["/acme/v1/videos"]
    planned.document = Document(more)
    with pytest.raises(GenerationError, match=r"document has 6 operations .* client 5 functions"):
        raw.build(planned, tmp_path)


def test_a_module_that_does_not_import_is_noticed(tmp_path: Path) -> None:
    planned = raw.plan(Document(mini_document()))
    fields = planned.classes["AcmeTask"].fields
    fields[0] = dataclasses.replace(fields[0], name="self")
    with pytest.raises(GenerationError, match=r"self"):
        raw.build(planned, tmp_path)


SAMPLE = """
from api302_client import Client
from api302_client.api.llm_acme import acme_chat_completions
from api302_client.api.tools_zoo import zoo_animals, zoo_find, zoo_sound
from api302_client.models import ZooCat, ZooDog
from api302_client.types import Binary

client = Client(token="x")
answer = acme_chat_completions.sync(client=client, body={"model": "x"})
first: str = answer.id  # required: not None
index: int | None = answer.choices[0].index
for animal in zoo_animals.sync(client=client):
    if animal.kind == "dog":
        name: str | None = animal.owner.name if animal.owner else None
    else:
        lives: int | None = animal.lives
sound = zoo_sound.sync(client=client, body={})
if isinstance(sound, Binary):
    sound.save("x")
else:
    cat: ZooCat = sound
ZooDog(kind="dog", owner=None)
size: int = len(zoo_find.sync_detailed("a", 1, client=client, X_Trace="t").content)
"""

WRONG = """
from api302_client import Client
from api302_client.api.tools_zoo import zoo_find
from api302_client.models import ZooCat

ZooCat(kind="dog")
ZooCat(naem="Tom")
ZooCat("cat")
zoo_find.sync("a", 1, client=Client(), X_Trace="t", limit="3")
zoo_find.sync("a", 1, client=Client(), X_Trace="t").nothing
zoo_find.sync("a", 1, client=Client())
"""


def test_types_for_users(client: Package, tmp_path: Path) -> None:
    """mypy accepts the generated package, strictly, and right code, and refuses each line of wrong code."""
    (tmp_path / "right.py").write_text(SAMPLE)
    (tmp_path / "wrong.py").write_text(WRONG)
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--cache-dir",
        str(tmp_path / "cache"),
        "--no-error-summary",
    ]
    environment = {**os.environ, "MYPYPATH": str(client.folder.parent)}
    right = subprocess.run(
        [*command, "-p", "api302_client", "-m", "right"],
        capture_output=True,
        text=True,
        env=environment,
        cwd=tmp_path,
        check=False,
    )
    assert right.stdout == ""
    wrong = subprocess.run(
        [*command, "wrong.py"],
        capture_output=True,
        text=True,
        env=environment,
        cwd=tmp_path,
        check=False,
    )
    lines = {int(line.split(":")[1]) for line in wrong.stdout.splitlines() if ": error:" in line}
    assert lines == {6, 7, 8, 9, 10, 11}


def test_the_runtime_source_is_what_ships(client: Package) -> None:
    """The same code: only its formatting is that of generated code."""
    sources = list(raw.RUNTIME.glob("*.py"))
    assert sources
    for source in sources:
        shipped = ast.parse((client.folder / source.name).read_text("utf-8"))
        assert ast.dump(shipped) == ast.dump(ast.parse(source.read_text("utf-8"))), source.name
