"""A copy of the mini specification, pages in the provider's Markdown form, and a local server for
them.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from documentation import FIXTURES, Answer, Page, Run, Site

from generator.__main__ import main
from generator.source import Spec

SPEC = FIXTURES.parents[1] / "spec"


@pytest.fixture(scope="session", autouse=True)
def parsed_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Files of a specification that many tests read are parsed once."""
    kept = tmp_path_factory.mktemp("parsed") / "spec"
    load = Spec.load

    def quick(root: Path, own: Path | None = None) -> Spec:
        return load(root, own or (kept if root.resolve() == SPEC else None))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Spec, "load", quick)
        yield


@pytest.fixture
def mini(tmp_path: Path) -> Path:
    """A copy of the mini specification."""
    shutil.copytree(FIXTURES / "mini_spec", tmp_path / "spec")
    return tmp_path / "spec"


@pytest.fixture
def site() -> Iterator[Site]:
    """A local documentation site."""
    made = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.asked.append((self.path, dict(self.headers)))
            waiting = made.answers.get(self.path, [Answer("no such page", 404)])
            answer = waiting.pop(0) if len(waiting) > 1 else waiting[0]
            body = answer.body.encode() if isinstance(answer.body, str) else answer.body
            status = answer.status
            if (
                status == 200
                and (tag := answer.headers.get("ETag"))
                and self.headers.get("If-None-Match") == tag
            ):
                status, body = 304, b""
            self.send_response(status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body) + 100 * answer.cut))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    made.url = f"http://127.0.0.1:{server.server_port}"
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def page() -> Page:
    """Makes a page in the provider's form:

    an operation, changed by a function, in a fenced block.
    """

    def make(
        change: Callable[[dict[str, Any]], None] | None = None,
        title: str = "Text to video",
        path: str = "/acme/v1/videos",
    ) -> str:
        operation: dict[str, Any] = {
            "summary": title,
            "deprecated": False,
            "description": "文本生成视频。\n\n**价格：0.5 PTC/次**",
            "tags": ["Videos/Acme"],
            "parameters": [
                {
                    "name": "Authorization",
                    "in": "header",
                    "required": False,
                    "example": "Bearer {{YOUR_API_KEY}}",
                    "schema": {"type": "string"},
                }
            ],
            "requestBody": {
                "content": {
                    "application/json": {
                        "schema": {
                            "type": "object",
                            "properties": {
                                "prompt": {"type": "string", "description": "提示词"},
                                "duration": {"type": "string"},
                                "image": {"type": "string"},
                            },
                            "required": ["prompt"],
                            "x-apifox-orders": ["prompt", "duration", "image"],
                        },
                        "example": {"prompt": "一只熊猫", "duration": "5"},
                    }
                }
            },
            "responses": {
                "200": {
                    "description": "",
                    "content": {
                        "application/json": {
                            "schema": {
                                "type": "object",
                                "properties": {
                                    "code": {"type": "integer"},
                                    "data": {
                                        "type": "object",
                                        "properties": {"task_id": {"type": "string"}},
                                    },
                                },
                                "required": ["code", "data"],
                            },
                            "example": {"code": 0, "data": {"task_id": "t-1"}},
                        }
                    },
                    "headers": {},
                    "x-apifox-name": "成功",
                }
            },
            "security": [],
            "x-apifox-folder": "Videos/Acme",
            "x-apifox-status": "released",
            "x-run-in-apifox": "https://app.apifox.com/web/project/4012774/apis/api-400000003-run",
        }
        if change:
            change(operation)
        document = {
            "openapi": "3.0.1",
            "info": {"title": "", "description": "", "version": "1.0.0"},
            "paths": {path: {"post": operation}},
            "components": {
                "schemas": {},
                "securitySchemes": {
                    "apiKeyAuth": {"type": "apikey", "in": "header", "name": "Authorization"}
                },
            },
            "servers": [{"url": "https://api.302.ai", "description": "正式环境"}],
            "security": [],
        }
        text = yaml.safe_dump(document, allow_unicode=True, sort_keys=False)
        return f"# {title}\n\n## OpenAPI Specification\n\n```yaml\n{text}\n```\n"

    return make


@pytest.fixture
def docs(
    mini: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., Run]:
    """Runs `python -m generator docs …` over the mini specification, without an API key."""
    monkeypatch.delenv("AI302_API_KEY", raising=False)

    def run(*arguments: str | Path, spec: Path | None = None) -> Run:
        action, *rest = map(str, arguments)
        ours = (
            []
            if action == "issue"
            else ["--spec", str(spec or mini), "--cache", str(tmp_path / "cache"), "--pause", "0"]
        )
        code = main(["docs", action, *rest, *ours])
        said = capsys.readouterr()
        return Run(code, said.out, said.err)

    return run
