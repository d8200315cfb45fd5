"""Rendering the raw client: what comes out, and what is refused."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from zoo import Emitted, Package, mini_document, zoo_document

from generator import emit as emitting
from generator.document import Document
from generator.emit import raw_client as raw
from generator.emit.code import HEADER, GenerationError
from generator.emit.importing import import_everything
from generator.emit.plan import Plan

ROOT = Path(__file__).resolve().parents[2]


def generate(document: dict[str, Any], out: Path) -> None:
    raw.render(Plan(Document(document)), out)


def test_counts_and_files(emitted: Emitted) -> None:
    document = Document(zoo_document())
    pairs = [len(one.media) for operation in document.operations for one in operation.responses]
    counts = emitted.counts
    assert (counts["functions"], counts["parsers"]) == (len(document.operations), sum(pairs))
    files = {path.relative_to(emitted.folder).as_posix() for path in emitted.folder.rglob("*.py*")}
    files = {name for name in files if "__pycache__" not in name}
    assert counts["modules"] == len([name for name in files if name.endswith(".py")])
    assert {
        "api302_client/py.typed",
        "api302_client/models/__init__.pyi",
        "api302_client/api/videos_acme/acme_get_video.py",
        "api302_client/models/acme_task.py",
        "api302_client/_model.py",
    } <= files | {"api302_client/py.typed"}
    assert not [name for name in files if "models/acme_chat_request" in name]
    packages = sorted(path.name for path in emitted.folder.iterdir())
    assert packages == ["api302_client", "api302_resources"]


def test_each_file_says_where_it_comes_from(client: Package) -> None:
    for path in client.folder.rglob("*.py*"):
        if path.name != "py.typed" and "__pycache__" not in path.parts:
            assert path.read_text("utf-8").startswith(HEADER + "\n"), path


def test_same_input_same_bytes(tmp_path: Path) -> None:
    """Whatever the hash seed, the time, and the configuration around the output."""
    program = (
        "import sys; from pathlib import Path; from zoo import zoo_document; "
        "from generator.document import Document; from generator.emit import emit; "
        "emit(Document(zoo_document()), Path(sys.argv[1]))"
    )
    trees: list[dict[str, bytes]] = []
    for seed in ("1", "2"):
        out = tmp_path / seed
        out.mkdir()
        (out / "ruff.toml").write_text(f"line-length = {60 * int(seed)}\n")
        environment = {
            **os.environ,
            "PYTHONHASHSEED": seed,
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(Path(__file__).parent)]),
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
        match=r"operation acmeGetVideo|operation acme_get_video, tag videos\.Acme-Studio",
    ):
        generate(document, tmp_path)


def test_a_warning_of_the_tool_is_an_error_that_names_the_place(tmp_path: Path) -> None:
    document = mini_document()
    document["paths"]["/acme/v1/videos"]["post"]["responses"]["2OO"] = {
        "description": "A typing error."
    }
    with pytest.raises(GenerationError, match=r"/acme/v1/videos.*2OO"):
        generate(document, tmp_path)


def test_a_lost_operation_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = {"functions": 4, "parsers": 18, "types": 11, "indexed": 5, "modules": 60}
    monkeypatch.setattr(emitting, "import_everything", lambda out: counts)
    with pytest.raises(
        GenerationError, match=r"has \{'functions': 5.*\}, .* have \{'functions': 4"
    ):
        emitting.emit(Document(mini_document()), tmp_path)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("import nothing_there", "No module named 'nothing_there'"),
        ("import socket; socket.create_connection(('127.0.0.1', 9))", "does socket"),
        ("import os; os.system('true')", r"does os\.system"),
        ("open('made.txt', 'w')", "does open"),
        ("import os; assert 'AI302_API_KEY' in os.environ", "AssertionError"),
        ("import warnings; warnings.warn('old')", "UserWarning: old"),
    ],
)
def test_a_module_that_fails_or_reaches_out_is_noticed(
    emitted: Emitted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, message: str
) -> None:
    """What a module does when imported, it does without network, files and API key.

    Most other things end the build.
    """
    monkeypatch.setenv("AI302_API_KEY", "sk-secret")
    shutil.copytree(emitted.folder, tmp_path / "out")
    module = tmp_path / "out/api302_client/models/acme_task.py"
    module.write_text(f"{module.read_text('utf-8')}\n{line}\n", "utf-8")
    with pytest.raises(GenerationError, match=message):
        import_everything(tmp_path / "out")


SAMPLE = """
from api302_client import Client
from api302_client.api.llm_acme import acme_chat_completions
from api302_client.api.tools_zoo import zoo_animals, zoo_find, zoo_sound
from api302_client.models import ZooCat, ZooDog
from api302_client.types import Binary

client = Client(token="x")
answer = acme_chat_completions.sync(client=client, body={"model": "x", "messages": []})
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
from api302_client.api.llm_acme import acme_chat_completions
from api302_client.api.tools_zoo import zoo_find
from api302_client.models import ZooCat

ZooCat(kind="dog")
ZooCat(naem="Tom")
ZooCat("cat")
zoo_find.sync("a", 1, client=Client(), X_Trace="t", limit="3")
zoo_find.sync("a", 1, client=Client(), X_Trace="t").nothing
zoo_find.sync("a", 1, client=Client())
acme_chat_completions.sync(client=Client(), body={"model": "x", "mesages": []})
"""


def test_types_for_users(client: Package, tmp_path: Path) -> None:
    """mypy, strict, accepts the generated package and right code, and refuses wrong lines."""
    (tmp_path / "right.py").write_text(SAMPLE)
    (tmp_path / "wrong.py").write_text(WRONG)
    untyped = "[mypy-jmespath.*]\nignore_missing_imports = True\n"
    (tmp_path / "mypy.ini").write_text(f"[mypy]\n{untyped}")
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
    assert lines == {7, 8, 9, 10, 11, 12, 13}


def test_the_runtime_source_is_what_ships(client: Package) -> None:
    for source in raw.RUNTIME.glob("*.py"):
        assert (client.folder / source.name).read_text("utf-8").endswith(source.read_text("utf-8"))
