"""The mock of the mini spec, on a real socket and clean for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from api302_mock import MockServer, start
from generator import join
from generator.source import Spec

ROOT = Path(__file__).parents[2]
KEY = {"Authorization": "Bearer sk-test"}


@pytest.fixture(scope="session")
def mini() -> dict[str, Any]:
    return join.join(Spec.load(ROOT / "tests" / "fixtures" / "mini_spec"))


@pytest.fixture(scope="session")
def _server(mini: dict[str, Any]) -> Iterator[MockServer]:
    with start(mini, delay=0) as server:
        yield server


@pytest.fixture
def server(_server: MockServer) -> MockServer:
    _server.reset()
    return _server


@pytest.fixture
def http(server: MockServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, headers=KEY) as client:
        yield client


@pytest.fixture(scope="session")
def made() -> dict[str, Any]:
    """A small document with what the mini spec has not: the other kinds of task, pages of
    things, urlencoded and raw bodies.
    """
    return DOCUMENT


def _response(schema: dict[str, Any], **examples: Any) -> dict[str, Any]:
    media = {"schema": schema} | (
        {"examples": {name: {"value": value} for name, value in examples.items()}}
        if examples
        else {}
    )
    return {"200": {"description": "", "content": {"application/json": media}}}


def _body(schema: dict[str, Any], media_type: str = "application/json") -> dict[str, Any]:
    return {"required": True, "content": {media_type: {"schema": schema}}}


OPEN: dict[str, Any] = {"type": "object"}
CHAT = {
    "type": "object",
    "required": ["q"],
    "properties": {
        "q": {"type": "string"},
        "more": {"$ref": "#/components/schemas/More"},
        "free": {"type": "object"},
    },
}
ITEM = {
    "name": "name",
    "in": "path",
    "required": True,
    "schema": {"type": "string"},
    "example": "shown",
}
DOCUMENT: dict[str, Any] = {
    "openapi": "3.2.0",
    "info": {"title": "Made", "version": "1"},
    "security": [{"bearer": []}],
    "components": {
        "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        "schemas": {
            "More": {
                "allOf": [
                    {"properties": {"a": {"type": "integer"}}},
                    {"properties": {"b": {"type": "string"}}},
                ]
            }
        },
    },
    "paths": {
        "/chat": {
            "post": {
                "operationId": "chat",
                "parameters": [{"name": "async", "in": "query", "schema": {"type": "boolean"}}],
                "x-task": {
                    "fetch": "result",
                    "parameters": {"task_id": "task_id"},
                    "when": {"in": "query", "name": "async", "value": True},
                },
                "requestBody": _body(CHAT),
                "responses": _response(
                    OPEN,
                    own={"answer": "hello"},
                    task={"task_id": "b5e3c1c8-8d3f-4a9b-9a54-2f1f0a3c7d11"},
                ),
            }
        },
        "/result": {
            "get": {
                "operationId": "result",
                "parameters": [
                    {
                        "name": "task_id",
                        "in": "query",
                        "required": True,
                        "schema": {"type": "string"},
                    }
                ],
                "x-task-status": {
                    "state": "status_code",
                    "pending": [0],
                    "succeeded": [200],
                    "failed": [400],
                    "response": {"field": "data", "encoding": "json"},
                    "error": {"message": "err"},
                },
                "responses": _response(
                    OPEN,
                    done={
                        "status_code": 200,
                        "data": "{}",
                        "err": None,
                        "content_type": "application/json",
                    },
                ),
            }
        },
        "/model": {
            "post": {
                "operationId": "model",
                "x-task": {"fetch": "model_task", "parameters": {"id": "id"}},
                "requestBody": _body(OPEN),
                "responses": _response(
                    OPEN, made={"id": "task_0123456789ab", "status": "starting"}
                ),
            }
        },
        "/task/{id}/fetch": {
            "get": {
                "operationId": "model_task",
                "parameters": [
                    {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
                ],
                "x-task-status": {
                    "state": "status",
                    "pending": ["processing"],
                    "succeeded": ["succeeded"],
                    "outputs": [{"field": "output", "encoding": "json"}],
                    "progress": {"field": "progress"},
                },
                "responses": _response(
                    OPEN,
                    done={
                        "id": "task_0123456789ab",
                        "status": "succeeded",
                        "output": '["https://file.302.ai/a/b"]',
                        "progress": "100%",
                    },
                ),
            }
        },
        "/task/{id}/cancel": {
            "post": {
                "operationId": "stop",
                "parameters": [
                    {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
                ],
                "responses": _response(OPEN, done={"ok": True}),
            }
        },
        "/voice": {
            "post": {
                "operationId": "voice",
                "x-task": {"fetch": "get_voice", "parameters": {"number": "data.number"}},
                "requestBody": _body(
                    {"type": "object", "properties": {"n": {"type": "integer"}}},
                    "application/x-www-form-urlencoded",
                ),
                "responses": _response(OPEN, made={"data": {"number": 7}}),
            },
            "put": {
                "operationId": "get_voice",
                "requestBody": _body(
                    {
                        "type": "object",
                        "required": ["number"],
                        "properties": {"number": {"type": "integer"}},
                    }
                ),
                "x-task-status": {"done": {"binary": True}},
                "responses": {
                    "200": {
                        "description": "",
                        "content": {
                            "application/json": {
                                "schema": OPEN,
                                "examples": {"wait": {"value": {"wait": True}}},
                            },
                            "audio/wav": {
                                "schema": {"type": "string", "contentMediaType": "audio/wav"}
                            },
                        },
                    }
                },
            },
        },
        "/thing": {
            "post": {
                "operationId": "make",
                "requestBody": _body(
                    {
                        "type": "object",
                        "required": ["name"],
                        "properties": {"name": {"type": "string"}},
                    }
                ),
                "responses": _response(OPEN, made={"data": {"name": "shown", "size": 1}}),
            }
        },
        "/thing/{name}": {
            "get": {
                "operationId": "get",
                "parameters": [ITEM],
                "responses": _response(OPEN, one={"data": {"name": "shown", "size": 1}}),
            },
            "put": {
                "operationId": "change",
                "parameters": [ITEM],
                "requestBody": _body(OPEN),
                "responses": _response(OPEN, one={"data": {"name": "shown", "size": 1}}),
            },
            "delete": {
                "operationId": "remove",
                "parameters": [ITEM],
                "responses": {"204": {"description": ""}},
            },
        },
        "/file/upload": {
            "post": {
                "operationId": "upload",
                "x-upload": {"address": "data"},
                "requestBody": _body(
                    {
                        "type": "object",
                        "required": ["file"],
                        "properties": {"file": {"type": "string", "x-file": ["part"]}},
                    },
                    "multipart/form-data",
                ),
                "responses": _response(
                    OPEN, made={"data": "https://file.302.ai/gpt/imgs/20250101/abc.png"}
                ),
            }
        },
        "/raw": {
            "post": {
                "operationId": "raw",
                "parameters": [
                    {"name": "n", "in": "query", "schema": {"type": "integer", "maximum": 5}},
                    {
                        "name": "tags",
                        "in": "query",
                        "schema": {"type": "array", "items": {"type": "integer"}},
                    },
                    {
                        "name": "x-mode",
                        "in": "header",
                        "schema": {"type": "string", "enum": ["a", "b"]},
                    },
                ],
                "requestBody": _body(
                    {"type": "string", "contentMediaType": "application/octet-stream"},
                    "application/octet-stream",
                ),
                "responses": {
                    "200": {
                        "description": "",
                        "content": {"image/png": {"schema": {"type": "string"}}},
                    }
                },
            }
        },
    },
}
DOCUMENT["paths"]["/model"]["post"]["x-task"]["cancel"] = "stop"
