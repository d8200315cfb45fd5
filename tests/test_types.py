"""`api302.types`: each type of a request and of a response by its name, loaded when asked for."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import api302
from api302 import types
from api302_client import models, params

STUBS = [Path(models.__file__ or "").with_suffix(".pyi"), Path(params.__file__).with_suffix(".pyi")]


def _names(stub: Path) -> list[str]:
    """The public names of a stub."""
    nodes = ast.parse(stub.read_text("utf-8")).body
    named = [one.asname for node in nodes if isinstance(node, ast.ImportFrom) for one in node.names]
    targets = [node.target for node in nodes if isinstance(node, ast.AnnAssign)]
    aliases = [one.id for one in targets if isinstance(one, ast.Name)]
    return [name for name in [*named, *aliases] if name and not name.startswith("_")]


@pytest.mark.parametrize("stub", STUBS, ids=["models", "params"])
def test_what_the_stub_names_is_there(stub: Path) -> None:
    names = _names(stub)
    assert len(names) > 700
    # In a process of its own: other tests load clients of other documents by the same names.
    code = "import sys; from api302 import types\n"
    code += "print([name for name in sys.stdin.read().split() if not hasattr(types, name)])"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, input=" ".join(names), capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_no_name_means_two_things() -> None:
    both = {*_names(STUBS[0])} & {*_names(STUBS[1])}
    assert both == set()


def test_a_name_is_the_type_itself() -> None:
    from api302_client.models import OpenaiChatResponse
    from api302_client.params.llm_openai import OpenaiChatMessage

    found: Any = types
    assert found.OpenaiChatResponse is OpenaiChatResponse
    assert found.OpenaiChatMessage is OpenaiChatMessage
    assert found is api302.types


def test_a_wrong_name_is_refused() -> None:
    for name in ("OpenaiChatMesage", "json", "_x"):
        with pytest.raises(AttributeError, match=f"no type '{name}'"):
            getattr(types, name)


def test_a_type_loads_no_other_vendor_and_import_api302_none() -> None:
    code = (
        "import sys, api302; assert 'api302.types' not in sys.modules\n"
        "from api302.types import OpenaiChatMessage\n"
        "print([one for one in sys.modules if one.startswith('api302_client.params.')])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = ast.literal_eval(done.stdout)
    assert "api302_client.params.llm_openai" in loaded
    assert len(loaded) <= 3
