"""The TypedDicts of request bodies."""

from __future__ import annotations

import importlib.util
import sys
import typing
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import pytest
from zoo import put

from generator.document import Document
from generator.emit import code
from generator.emit import typed_dicts as params
from generator.emit.owners import owners
from generator.emit.plan import Plan
from generator.join import join
from generator.source import Spec

MINI = Path(__file__).resolve().parents[1] / "fixtures/mini_spec"
RUNTIME = Path(code.__file__).resolve().parents[1] / "runtime"
ACME = "#/components/schemas/Acme"


def write(document: dict[str, Any], out: Path) -> None:
    """Write the types of requests of a document."""
    plan = Plan(Document(document))
    files = list(params.files(plan))
    put(files, out)
    for path, text in (
        params.Running(plan, [one.path for one in files if one.tool]).result().items()
    ):
        code.write(out, path, text)


@pytest.fixture
def document() -> dict[str, Any]:
    return join(Spec.load(MINI))


def load(out: Path, name: str) -> ModuleType:
    """A generated module: it needs its neighbours and the runtime modules."""
    path = out / "api302_client/params" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"api302_client.params.{name}", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def neighbours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let generated modules import each other from `tmp_path`, whatever else is installed."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "api302_client"]:
        monkeypatch.delitem(sys.modules, name)
    for name in ("api302_client", "api302_client.params"):
        package = ModuleType(name)
        package.__path__ = [str(tmp_path / name.replace(".", "/")), str(RUNTIME)]
        monkeypatch.setitem(sys.modules, name, package)


def hints(module: ModuleType, name: str, extras: bool = False) -> dict[str, Any]:
    # From Python 3.14 on, `typing` looks a class's names up in the module that is imported.
    with mock.patch.dict(sys.modules, {module.__name__: module}):
        return typing.get_type_hints(getattr(module, name), vars(module), include_extras=extras)


@pytest.mark.usefixtures("neighbours")
def test_each_vendor_has_a_module_whose_classes_say_the_fields(
    document: dict[str, Any], tmp_path: Path
) -> None:
    write(document, tmp_path)
    written = sorted(path.name for path in (tmp_path / "api302_client/params").iterdir())
    modules = ["audio_acme.py", "files.py", "llm_acme.py", "videos_acme.py"]
    assert written == ["__init__.py", "__init__.pyi", *modules]
    chat = load(tmp_path, "llm_acme")
    assert chat.AcmeChatMessage.__required_keys__ == {"role", "content"}
    assert hints(chat, "AcmeChatMessage")["role"] == typing.Literal["system", "user", "assistant"]
    assert "web-search" in chat.AcmeChatRequest.__optional_keys__
    assert not hasattr(chat, "AcmeChatResponse"), "replies have classes of their own"


@pytest.mark.usefixtures("neighbours")
def test_a_file_is_content_in_a_form_and_text_in_json(
    document: dict[str, Any], tmp_path: Path
) -> None:
    write(document, tmp_path)
    video = load(tmp_path, "videos_acme")
    assert hints(video, "AcmeVideoRequest")["image"] is str
    assert bytes in typing.get_args(hints(video, "AcmeVideoForm")["image"])


@pytest.mark.usefixtures("neighbours")
def test_what_two_vendors_use_is_common(document: dict[str, Any], tmp_path: Path) -> None:
    schemas = document["components"]["schemas"]
    schemas["AcmeVideoRequest"]["properties"]["cover"] = {"$ref": f"{ACME}ImageUrl"}
    write(document, tmp_path)
    assert owners(Document(document))["AcmeImageUrl"] == "common"
    assert load(tmp_path, "common").AcmeImageUrl.__required_keys__ == {"url"}
    assert load(tmp_path, "llm_acme").AcmeContentPart


@pytest.mark.usefixtures("neighbours")
def test_an_open_object_takes_any_mapping(document: dict[str, Any], tmp_path: Path) -> None:
    properties = document["components"]["schemas"]["AcmeVideoRequest"]["properties"]
    properties["extra"] = {"$ref": "#/components/schemas/JsonObject"}
    write(document, tmp_path)
    text = (tmp_path / "api302_client/params/videos_acme.py").read_text()
    assert "extra: NotRequired[Mapping[str, Any]]" in text


def test_a_default_is_told_and_an_open_enum_stays_open(
    document: dict[str, Any], tmp_path: Path
) -> None:
    properties = document["components"]["schemas"]["AcmeVideoRequest"]["properties"]
    choices = [{"const": "a"}, {"const": "b"}, {"type": "string"}]
    properties["style"] = {"anyOf": choices, "default": "a", "description": "The style."}
    write(document, tmp_path)
    text = (tmp_path / "api302_client/params/videos_acme.py").read_text()
    assert "style: NotRequired[Literal['a', 'b'] | str]" in text
    assert 'The style. Server default: "a".' in text


def test_same_input_same_bytes(document: dict[str, Any], tmp_path: Path) -> None:
    results = []
    for name in ("one", "two"):
        write(document, tmp_path / name)
        folder = tmp_path / name / "api302_client/params"
        results.append(
            {
                path.relative_to(folder).as_posix(): path.read_bytes()
                for path in folder.rglob("*")
                if path.is_file()
            }
        )
    assert results[0] == results[1]
    assert all(text.startswith(params.HEADER.encode()) for text in results[0].values())


def test_a_document_without_bodies_has_no_types(document: dict[str, Any], tmp_path: Path) -> None:
    for item in document["paths"].values():
        item.get("post", {}).pop("requestBody", None)
    assert Plan(Document(document)).modules == {}


@pytest.mark.usefixtures("neighbours")
def test_types_that_hold_themselves_can_be_imported(
    document: dict[str, Any], tmp_path: Path
) -> None:
    schemas = document["components"]["schemas"]
    value = {"$ref": f"{ACME}Value"}
    schemas["AcmeValue"] = {
        "anyOf": [{"type": "string"}, {"type": "array", "items": value}, {"$ref": f"{ACME}Node"}]
    }
    schemas["AcmeNode"] = {
        "type": "object",
        "properties": {"children": {"type": "array", "items": value}, "not-a-name": value},
    }
    schemas["AcmeVideoRequest"]["properties"]["tree"] = value
    write(document, tmp_path)
    assert load(tmp_path, "videos_acme").AcmeNode.__optional_keys__ == {"children", "not-a-name"}


@pytest.mark.usefixtures("neighbours")
def test_one_of_several_required_fields_leaves_the_class(
    document: dict[str, Any], tmp_path: Path
) -> None:
    document["components"]["schemas"]["AcmeVideoRequest"]["anyOf"] = [
        {"required": ["image"]},
        {"required": ["duration"]},
    ]
    write(document, tmp_path)
    video = load(tmp_path, "videos_acme")
    extras = hints(video, "AcmeVideoRequest", extras=True)
    assert [
        name for name, hint in extras.items() if typing.get_origin(hint) is not typing.NotRequired
    ] == ["prompt"]
