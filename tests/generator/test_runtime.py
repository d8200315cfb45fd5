"""What the generated raw client does, run against real sockets where bytes on the wire matter."""

from __future__ import annotations

import asyncio
import copy as copying
import inspect
import io
import json
import os
import pickle
import re
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

import pytest
from zoo import Package

JSON = {"content-type": "application/json"}
KEY = "sk-very-secret"


# -- replies: structuring --------------------------------------------------------------------------


@pytest.fixture
def everything(client: Package) -> Callable[[dict[str, Any]], Any]:
    return lambda data: client("_structure").structure("ZooEverything", data)


def test_nested_objects_lists_and_maps(everything) -> None:
    cat = {"kind": "cat", "name": "Tom"}
    reply = everything(
        {
            "name": "x",
            "merged": cat | {"tail": "long"},
            "rows": [[cat], []],
            "cages": {"a": cat},
            "herds": {"b": [cat]},
        }
    )
    assert (reply.merged.name, reply.merged.tail) == ("Tom", "long")
    assert reply.rows[0][0].name == reply.cages["a"].name == reply.herds["b"][0].name == "Tom"
    assert reply.rows[1] == []
    assert reply.owner is None
    assert reply.size is None
    assert reply.animals is None


def test_recursion(everything) -> None:
    reply = everything(
        {
            "node": {
                "value": "a",
                "children": [{"value": "b", "parent": {"value": "c"}}],
                "parent": None,
            }
        }
    )
    assert reply.node.children[0].parent.value == "c"
    assert reply.node.parent is None


def test_deeper_than_python_goes_is_kept(client: Package) -> None:
    data: dict[str, Any] = {"value": "leaf"}
    for _ in range(5000):
        data = {"children": [data]}
    assert client("_structure").structure("ZooNode", data) is data


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("size", "enormous"),
        ("level", 3),
        ("level", "one"),
        ("name", 5),
        ("name", None),
        ("name", {"first": "Tom"}),
        ("owner", ["Tom"]),
        ("owner", "Tom"),
        ("animals", {"kind": "cat"}),
        ("animals", "cat"),
        ("cages", ["a"]),
        ("rows", ["a", 1, None]),
        ("node", 3.5),
        ("limb", [1]),
        ("created", 1732233600),
    ],
)
def test_a_value_that_strays_is_kept(everything, field: str, value: Any) -> None:
    reply = everything({field: value, "type": "x"})
    assert getattr(reply, field) == value
    assert reply.type == "x"
    assert reply.to_dict() == {field: value, "type": "x"}


def test_union_by_constant(everything, client: Package) -> None:
    models = client("models")
    reply = everything(
        {"animals": [{"kind": "dog", "owner": {"name": "Ann"}}, {"kind": "cat"}, "a mouse", None]}
    )
    assert [type(item) for item in reply.animals] == [models.ZooDog, models.ZooCat, str, type(None)]
    assert reply.animals[0].owner.name == "Ann"


def test_union_by_enum(everything, client: Package) -> None:
    models = client("models")
    for value, expected in {
        "trout": models.ZooFish,
        "pike": models.ZooFish,
        "owl": models.ZooBird,
    }.items():
        assert type(everything({"by_enum": {"class": value}}).by_enum) is expected
    assert type(everything({"by_enum": {"wings": 2}}).by_enum) is models.ZooBird


@pytest.mark.parametrize("tag", ["snake", 7, True, ["cat"], {"is": "cat"}])
def test_a_tag_newer_than_the_description(everything, tag: Any) -> None:
    """User code that looks at the tag must go on working."""
    animal = everything({"animal": {"kind": tag, "legs": 0}}).animal
    if isinstance(tag, (list, dict)):
        assert animal["kind"] == tag  # no tag at all: told by the fields
        return
    assert animal.kind == tag
    assert (animal.legs, animal["legs"], animal.anything_else) == (0, 0, None)
    assert animal.to_dict() == {"kind": tag, "legs": 0}
    assert pickle.loads(pickle.dumps(animal)) == copying.deepcopy(animal) == animal


def test_untagged_union_goes_by_shared_fields(everything, client: Package) -> None:
    models = client("models")
    assert type(everything({"limb": {"length": 1, "toes": 5}}).limb) is models.ZooLeg
    assert type(everything({"limb": {"length": 1, "feathers": 5}}).limb) is models.ZooWing
    assert everything({"limb": {"suckers": 8}}).limb.suckers == 8


def test_union_of_model_and_open_object(everything, client: Package) -> None:
    assert type(everything({"cat_or_open": {"kind": "cat"}}).cat_or_open) is client("models").ZooCat
    assert everything({"cat_or_open": {"else": 1}}).cat_or_open == {"else": 1}


def test_text_list_or_object(everything, client: Package) -> None:
    models = client("models")
    read = lambda value: everything({"text_or_cats_or_dog": value}).text_or_cats_or_dog  # noqa: E731
    assert read("miau") == "miau"
    assert type(read([{"kind": "cat"}])[0]) is models.ZooCat
    assert type(read({"kind": "dog"})) is models.ZooDog
    assert read(7) == 7


def test_names_are_those_of_the_wire_where_python_allows(everything) -> None:
    wire = {
        "voice-id": "voice_id", "from": "from_", "self": "self_", "302-trace": "field_302_trace",
        "maxTokens": "maxTokens", "type": "type", "id": "id", "_id": "id_", "list": "list_",
        "model": "model", "Any": "Any_", "request_id": "request_id_", "http": "http_",
        "to_dict": "to_dict_", "from_dict": "from_dict", "with space": "with_space",
        "additional_properties": "additional_properties",
        'say "x"': "say_x", "ZooCat": "ZooCat_", "名字": "名字",
    }  # fmt: skip
    data = {name: f"value of {name}" for name in wire}
    reply = everything(data)
    assert {name: getattr(reply, attribute) for name, attribute in wire.items()} == data
    assert all(reply[name] == value for name, value in data.items())
    assert reply.to_dict() == data
    assert reply.request_id is None
    assert reply.http is None
    assert callable(reply.to_dict)


def test_unknown_fields_and_defaults(everything, client: Package) -> None:
    data = {"brand": {"new": [1]}, "nullable": None}
    reply = everything(data)
    assert reply["brand"] == {"new": [1]}
    assert "brand" in reply
    assert "name" not in reply
    assert reply.name is None, "a default is the server's business"
    with pytest.raises(KeyError):
        reply["name"]
    given = reply.to_dict()
    assert given == data
    given["brand"]["new"].append(2)
    assert reply.to_dict() == data, "to_dict gives a copy"


def test_objects_made_by_hand(client: Package) -> None:
    models = client("models")
    made = models.ZooEverything(
        name="x",
        from_="zoo",
        animals=[models.ZooCat(kind="cat", lives=7)],
        cages={"a": models.ZooCat(name="Tom")},
    )
    assert made.to_dict() == {
        "name": "x",
        "animals": [{"kind": "cat", "lives": 7}],
        "cages": {"a": {"name": "Tom"}},
        "from": "zoo",
    }
    assert made["from"] == "zoo"
    assert client("_structure").structure("ZooEverything", made.to_dict()) == made
    assert repr(models.ZooCat(kind="cat")) == "ZooCat(kind='cat')"
    with pytest.raises(TypeError):
        models.ZooCat("cat")
    with pytest.raises(TypeError):
        iter(made)


def test_models_are_plain_slotted_classes(client: Package) -> None:
    models = client("models")
    cat = models.ZooCat()
    with pytest.raises(AttributeError):
        cat.naem = "Tom"
    assert not hasattr(cat, "__dict__")
    with pytest.raises(AttributeError, match="no class 'ZooUnicorn'"):
        models.__getattr__("ZooUnicorn")
    assert not hasattr(models, "zoo_unicorn")


def test_many_threads_write_the_same_functions(client: Package) -> None:
    """First use is where functions are written; nothing may be mixed up."""
    structure = client("_structure")
    types = [
        "ZooNode",
        "ZooCat | ZooDog",
        "list[ZooLeg | ZooWing]",
        "dict[str, ZooCat]",
        "list[ZooFish | ZooBird | str]",
        "ZooEverything",
    ]
    data = {"kind": "dog", "children": [{"value": "x"}]}
    expected = {kind: repr(structure.structure(kind, data)) for kind in types}
    for _ in range(20):
        for table in (structure._loaders, structure._unions):
            table.clear()
        for name in [name for name in structure._scope if name.startswith(("load_", "union_"))]:
            del structure._scope[name]
        found: list[tuple[str, str]] = []
        start = threading.Barrier(len(types))

        def work(
            kind: str, start: threading.Barrier = start, found: list[tuple[str, str]] = found
        ) -> None:
            start.wait()
            found.append((kind, repr(structure.structure(kind, data))))

        threads = [threading.Thread(target=work, args=(kind,)) for kind in types]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert dict(found) == expected


# -- replies: status and media type ----------------------------------------------------------------


def parse(client: Package, operation: str, status: int, content: bytes, **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client("_response").parse(client.endpoint(operation).RESPONSES, status, named, content)


def test_each_pair_of_status_and_media_type_is_there(client: Package) -> None:
    assert client.endpoint("zoo_sound").RESPONSES == {
        "200": {"application/json": "ZooCat", "audio/mpeg": "bytes"},
        "202": {"image/*": "bytes"},
        "404": {"application/problem+json": "ZooProblem"},
        "4XX": {"application/json": "ErrorResponse"},
        "default": {"text/plain": "str"},
    }
    assert client.endpoint("acme_chat_completions").RESPONSES["200"] == {
        "application/json": "AcmeChatResponse",
        "text/event-stream": "str",
    }


@pytest.mark.parametrize(
    ("status", "media_type", "content", "kind"),
    [
        (200, "audio/mpeg", b"ID3\xff", "Binary"),
        (200, "Audio/MPEG; x=y", b"ID3\xff", "Binary"),
        (200, "application/json; charset=utf-8", b'{"kind": "cat"}', "ZooCat"),
        (200, "application/vnd.zoo+json", b'{"kind": "cat"}', "ZooCat"),
        (200, "text/plain", b'{"kind": "cat"}', "ZooCat"),
        (200, "", b'{"kind": "cat"}', "ZooCat"),
        (200, "", b"ID3\xff", "Binary"),
        (200, "application/octet-stream", b"plain", "Binary"),
        (200, "text/html", "<p>né</p>".encode(), "Text"),
        (200, "application/json", b"[1, 2]", "JsonList"),
        (200, "application/json", b'"quota"', "Text"),
        (200, "application/json", b"17", "int"),
        (200, "audio/mpeg", b"", "Binary"),
        (202, "image/webp", b"RIFF", "Binary"),
        (202, "application/json", b'{"state": "queued"}', "JsonObject"),
        (404, "application/problem+json", b'{"title": "no"}', "ZooProblem"),
        (404, "application/json", b'{"title": "no"}', "ZooProblem"),
        (429, "application/json", b'{"error": {"message": "slow"}}', "ErrorResponse"),
        (429, "application/json", b"<html>", "Text"),
        (503, "text/plain", b"down", "Text"),
        (503, "text/html", b"<p>down", "Text"),
        (204, "application/json", b"", "NoneType"),
        (500, "application/json", b"", "NoneType"),
    ],
)
def test_the_reply_decides(
    client: Package, status: int, media_type: str, content: bytes, kind: str
) -> None:
    reply = parse(
        client,
        "zoo_sound",
        status,
        content,
        **({"Content_Type": media_type} if media_type else {}),
        Request_Id="r-1",
    )
    assert type(reply).__name__ == kind
    if kind not in ("int", "NoneType"):
        assert reply.request_id == "r-1"
        assert reply.http == (status, reply.http.headers, content)


def test_texts_keep_their_charset(client: Package) -> None:
    assert (
        parse(client, "zoo_form", 200, "你好".encode("gbk"), content_type="text/plain; charset=gbk")
        == "你好"
    )
    assert (
        parse(client, "zoo_form", 200, b"\xff", content_type='text/plain; charset="no-such"')
        == "\ufffd"
    )
    assert parse(
        client,
        "zoo_open",
        200,
        '{"a": "你好"}'.encode("gbk"),
        content_type="application/json;charset=GBK",
    ) == {"a": "你好"}
    assert parse(client, "zoo_open", 200, b'\xef\xbb\xbf{"a": 1}', **JSON_HEADER) == {"a": 1}


JSON_HEADER = {"content_type": "application/json"}


def test_lists_and_open_objects_carry_the_request_id(client: Package) -> None:
    animals = parse(
        client, "zoo_animals", 200, b'[{"kind": "dog"}]', **JSON_HEADER, request_id="r-2"
    )
    assert animals[0].kind == "dog"
    assert animals.request_id == "r-2"
    assert animals[0].request_id is None
    opened = parse(client, "zoo_open", 200, b'{"http": 1}', **JSON_HEADER, request_id="r-3")
    assert opened == {"http": 1}
    assert opened.request_id == "r-3"
    for reply in (
        animals,
        opened,
        parse(client, "zoo_sound", 200, b'{"kind": "cat"}', **JSON_HEADER, request_id="r-4"),
    ):
        again = pickle.loads(pickle.dumps(reply))
        assert again == reply
        assert again.request_id == reply.request_id
        assert reply.http.content.decode() not in repr(reply.http)


@pytest.mark.parametrize("content", [b'{"cut', b"", b"\xff\xfe", b"[" * 100_000])
def test_a_good_reply_that_is_no_json_is_not_lost(client: Package, content: bytes) -> None:
    with pytest.raises(client("errors").DecodeError) as caught:
        parse(client, "zoo_open", 200, content, **JSON_HEADER)
    assert (caught.value.content, caught.value.status) == (content, 200)
    again = pickle.loads(pickle.dumps(caught.value))
    assert (again.content, again.status, str(again)) == (content, 200, str(caught.value))


def test_binary_replies_are_saved(client: Package, tmp_path) -> None:
    reply = parse(client, "zoo_bytes", 200, b"\x89PNG", content_type="image/png")
    assert reply.save(tmp_path / "cat.png") == tmp_path / "cat.png"
    assert list(tmp_path.iterdir()) == [tmp_path / "cat.png"]
    assert (tmp_path / "cat.png").read_bytes() == b"\x89PNG"
    assert (reply.media_type, repr(reply)) == (
        "image/png",
        "Binary(<4 bytes>, media_type='image/png')",
    )


def test_types_of_stream_events(client: Package) -> None:
    streams = {
        name: client.endpoint(name).STREAM
        for name in ("acme_chat_completions", "zoo_speech", "zoo_sound")
    }
    assert streams == {
        "acme_chat_completions": "AcmeChatChunk",
        "zoo_speech": "ZooCat | ZooDog",
        "zoo_sound": None,
    }
    assert (
        parse(
            client,
            "acme_chat_completions",
            200,
            "data: 你\n\n".encode(),
            content_type="text/event-stream",
        )
        == "data: 你\n\n"
    )


# -- requests --------------------------------------------------------------------------------------


def test_arguments_become_a_request(client: Package) -> None:
    find = client.endpoint("zoo_find")
    assert find._get_kwargs(
        "cats & dogs/é",
        7,
        X_Trace="t",
        tags=["a", "b"],
        asleep=True,
        from_="wild",
        lang="x",
        lang_header="y",
    ) == {
        "method": "GET",
        "url": "/zoo/cats%20%26%20dogs%2F%C3%A9/animals/7",
        "params": {"tags": ["a", "b"], "asleep": "true", "from": "wild", "lang": "x"},
        "headers": {"X-Trace": "t", "lang": "y"},
    }
    assert find._get_kwargs("a", 7, X_Trace="t") == {
        "method": "GET",
        "url": "/zoo/a/animals/7",
        "headers": {"X-Trace": "t"},
    }
    assert find.build({"kind": "a", "animal-id": 7}, {"limit": 0, "client": None}, {}, None, None)[
        "params"
    ] == {"limit": "0"}


@pytest.mark.parametrize("value", ["", " ", ".", "..", None])
def test_path_values_that_lead_elsewhere_are_refused(client: Package, value: Any) -> None:
    with pytest.raises(ValueError, match="'animal-id'"):
        client.endpoint("zoo_find")._get_kwargs("cats", value, X_Trace="t")
    with pytest.raises(ValueError, match="'kind'"):
        client.endpoint("zoo_find").build({"animal-id": 7}, {}, {}, None, None)


def test_headers_that_cannot_be_sent_are_refused_unseen(client: Package) -> None:
    with pytest.raises(ValueError, match="'X-Trace'") as caught:
        client.endpoint("zoo_find")._get_kwargs("a", 1, X_Trace=f"{KEY}\r\nX-Evil: 1")
    assert KEY not in str(caught.value)


def test_defaults_are_not_sent(client: Package) -> None:
    assert "params" not in client.endpoint("zoo_find")._get_kwargs("a", 1, X_Trace="t")
    assert client.endpoint("zoo_upload")._get_kwargs(body={})["json"] == {}


def test_json_takes_models_tuples_and_null(client: Package) -> None:
    cat = client("models").ZooCat(kind="cat")
    kwargs = client.endpoint("zoo_upload")._get_kwargs(
        body={"cat": cat, "pair": (1, cat), "deep": {"x": [cat]}, "none": None}
    )
    assert kwargs["json"] == {
        "cat": {"kind": "cat"},
        "pair": [1, {"kind": "cat"}],
        "deep": {"x": [{"kind": "cat"}]},
        "none": None,
    }


def test_a_file_needs_a_form(client: Package) -> None:
    with pytest.raises(ValueError, match=r"'name' is a file.*application/json"):
        client.endpoint("zoo_sound")._get_kwargs(body={"name": b"x"})
    with pytest.raises(ValueError, match="'name' is a file"):
        client.endpoint("zoo_upload")._get_kwargs(
            body={"name": [b"x"]}, content_type="application/json"
        )
    with pytest.raises(ValueError, match="not a mapping"):
        client.endpoint("zoo_bytes")._get_kwargs(body={"data": b"x"})
    with pytest.raises(ValueError, match="must be a mapping"):
        client.endpoint("zoo_form")._get_kwargs(body="text")


class Request(NamedTuple):
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Server:
    """A server that keeps each request and answers what it is told."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.reply: tuple[int, dict[str, str], bytes] = (200, JSON, b"{}")
        keep = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                if self.headers.get("transfer-encoding") == "chunked":
                    body = bytearray()
                    while size := int(self.rfile.readline(), 16):
                        body += self.rfile.read(size)
                        self.rfile.readline()
                    self.rfile.readline()
                else:
                    body = self.rfile.read(int(self.headers.get("content-length", 0)))
                keep.requests.append(
                    Request(
                        self.command,
                        self.path,
                        {k.lower(): v for k, v in self.headers.items()},
                        bytes(body),
                    )
                )
                status, headers, content = keep.reply
                self.send_response(status)
                for name, value in {
                    **headers,
                    "Content-Length": str(len(content)),
                    "Request-Id": "r-9",
                }.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        self.thread = threading.Thread(
            target=self.http.serve_forever, kwargs={"poll_interval": 0.01}
        )
        self.thread.start()

    @property
    def last(self) -> Request:
        return self.requests[-1]

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture
def session(client: Package, server: Server) -> Iterator[Any]:
    with client("client").Client(server.url, KEY) as session:
        yield session


def boundary(request: Request) -> bytes:
    found = re.fullmatch(r"multipart/form-data; boundary=(\S+)", request.headers["content-type"])
    assert found
    return found[1].encode()


def parts(request: Request) -> list[tuple[str, bytes]]:
    """Names and contents of a multipart body, split at its boundary."""
    pieces = request.body.split(b"--" + boundary(request))
    assert pieces[0] == b""
    assert pieces[-1] == b"--\r\n"
    found: list[tuple[str, bytes]] = []
    for piece in pieces[1:-1]:
        head, _, content = piece.removeprefix(b"\r\n").removesuffix(b"\r\n").partition(b"\r\n\r\n")
        name = re.search(rb'name="([^"]*)"', head)
        assert name
        found.append((name[1].decode(), content))
    return found


def test_a_file_cannot_forge_form_fields(client: Package, server: Server, session: Any) -> None:
    evil = b'\r\n--+++\r\nContent-Disposition: form-data; name="model"\r\n\r\nevil\r\n--+++--\r\n'
    seen = set()
    for _ in range(2):
        client.endpoint("zoo_upload").sync(
            client=session, body={"picture": evil, "name": 'x"\r\nX: y'}
        )
        assert parts(server.last) == [("picture", evil), ("name", b'x"\r\nX: y')]
        seen.add(boundary(server.last))
    assert len(seen) == 2, "boundaries are random"
    assert all(len(found) >= 16 for found in seen)


def test_forms_encode_values(client: Package, server: Server, session: Any) -> None:
    body = {
        "file": ("a.mp3", io.BytesIO(b"sound"), "audio/mpeg"),
        "timestamp_granularities[]": ["word", "segment"],
        "flag": True,
        "number": 0.5,
        "object": {"a": [1, None], "b": "你"},
        "none": None,
        "empty": "",
        "images": [b"1", ("b.png", b"2")],
    }
    server.reply = (200, JSON, b'{"text": "Hello"}')
    reply = client.endpoint("acme_transcribe").sync(client=session, body=body)
    assert reply.text == "Hello"
    assert reply.request_id == "r-9"
    assert parts(server.last) == [
        ("file", b"sound"),
        ("timestamp_granularities[]", b"word"),
        ("timestamp_granularities[]", b"segment"),
        ("flag", b"true"),
        ("number", b"0.5"),
        ("object", '{"a":[1,null],"b":"你"}'.encode()),
        ("empty", b""),
        ("images", b"1"),
        ("images", b"2"),
    ]
    assert b'filename="a.mp3"\r\nContent-Type: audio/mpeg' in server.last.body
    assert b'name="flag"\r\n\r\ntrue' in server.last.body
    assert b'name="images"; filename="upload"' in server.last.body


def test_a_form_without_a_file_stays_a_form(client: Package, server: Server, session: Any) -> None:
    client.endpoint("acme_transcribe").sync(client=session, body={"name": "x"})
    assert parts(server.last) == [("name", b"x")]


def test_json_or_form_as_the_values_ask(client: Package, server: Server, session: Any) -> None:
    upload = client.endpoint("zoo_upload")
    upload.sync(client=session, body={"name": "你"})
    sent = (server.last.headers["content-type"], json.loads(server.last.body))
    assert sent == ("application/json", {"name": "你"})
    upload.sync(client=session, body={"name": "x"}, content_type="multipart/form-data")
    assert parts(server.last) == [("name", b"x")]
    upload.sync(client=session, body={"name": "x", "picture": ("p.png", b"png")})
    assert parts(server.last) == [("name", b"x"), ("picture", b"png")]


def test_other_bodies(client: Package, server: Server, session: Any) -> None:
    server.reply = (200, {"Content-Type": "text/plain"}, b"ok")
    assert (
        client.endpoint("zoo_form").sync(
            client=session, body={"a": [1, 2], "b": False, "c": None, "d": {"x": 1}}
        )
        == "ok"
    )
    assert server.last.headers["content-type"] == "application/x-www-form-urlencoded"
    assert server.last.body == b"a=1&a=2&b=false&d=%7B%22x%22%3A1%7D"
    client.endpoint("zoo_speech").sync(client=session, body="<speak>你</speak>")
    assert (server.last.headers["content-type"], server.last.body) == (
        "application/ssml+xml",
        "<speak>你</speak>".encode(),
    )
    for body in (b"\x00\xff", io.BytesIO(b"\x00\xff")):
        client.endpoint("zoo_bytes").sync(client=session, body=body)
        assert server.last.headers["content-type"] == "application/octet-stream"
        assert (server.last.method, server.last.body) == ("PUT", b"\x00\xff")
    server.reply = (200, {}, b"")
    assert client.endpoint("zoo_patch").sync(client=session, body={"a": None}) is None
    sent = (server.last.headers["content-type"], json.loads(server.last.body))
    assert sent == ("application/merge-patch+json", {"a": None})
    server.reply = (204, {}, b"")
    assert client.endpoint("zoo_release").sync("cats", "7", client=session) is None
    assert (server.last.method, server.last.path) == ("DELETE", "/zoo/cats/animals/7")


class Counted(io.RawIOBase):
    """A file of 8 MiB that remembers the largest piece asked for."""

    name = "big.bin"
    size = 8 << 20

    def __init__(self) -> None:
        self.at = 0
        self.largest = 0

    def read(self, size: int = -1) -> bytes:
        assert size > 0, "read whole"
        self.largest = max(self.largest, size)
        size = min(size, self.size - self.at)
        self.at += size
        return bytes(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        self.at = offset if whence == 0 else self.at + offset if whence == 1 else self.size + offset
        return self.at

    def tell(self) -> int:
        return self.at

    def seekable(self) -> bool:
        return True


@pytest.mark.parametrize("operation", ["zoo_upload", "zoo_bytes"])
def test_files_are_sent_piece_by_piece(
    client: Package, server: Server, session: Any, operation: str
) -> None:
    for is_async in (False, True):
        file = Counted()
        body = file if operation == "zoo_bytes" else {"picture": file}
        if is_async:
            asyncio.run(_once(client, server, operation, body))
        else:
            client.endpoint(operation).sync(client=session, body=body)
        assert len(server.last.body) >= file.size
        assert file.largest <= 1 << 20


async def _once(client: Package, server: Server, operation: str, body: Any) -> Any:
    async with client("client").Client(server.url, KEY) as session:
        return await client.endpoint(operation).asyncio(client=session, body=body)


# -- the client ------------------------------------------------------------------------------------


def test_the_four_functions_of_an_operation(client: Package, server: Server, session: Any) -> None:
    server.reply = (200, JSON, '{"kind": "dog", "name": "旺财"}'.encode())
    find = client.endpoint("zoo_find")
    assert find.sync("dogs", 7, client=session, X_Trace="t", limit=3).name == "旺财"
    assert server.last.path == "/zoo/dogs/animals/7?limit=3"
    assert server.last.headers["authorization"] == f"Bearer {KEY}"
    detailed = find.sync_detailed("dogs", 7, client=session, X_Trace="t")
    assert (detailed.status_code, detailed.headers["request-id"], detailed.parsed.request_id) == (
        200,
        "r-9",
        "r-9",
    )
    assert json.loads(detailed.content)["name"] == detailed.parsed["name"]

    async def twice() -> list[Any]:
        async with client("client").Client(server.url, KEY) as other:
            return [
                await function("dogs", 7, client=other, X_Trace="t")
                for function in (find.asyncio, find.asyncio_detailed)
            ]

    reply, response = asyncio.run(twice())
    assert reply == response.parsed == detailed.parsed


def test_the_key_never_shows(client: Package, server: Server, session: Any) -> None:
    assert KEY not in f"{session!r} {session}"
    server.reply = (401, JSON, json.dumps({"error": {"message": f"Incorrect key {KEY}"}}).encode())
    with pytest.raises(client("errors").ApiStatusError) as caught:
        client.endpoint("acme_get_video").sync("t-1", client=session)
    error = caught.value
    assert (error.status_code, error.parsed.error.message) == (401, f"Incorrect key {KEY}")
    assert str(error) == "HTTP 401: Incorrect key …"
    assert KEY not in repr(error)
    for bad in (f"{KEY}\n", f" {KEY}", f"{KEY}é"):
        with pytest.raises(ValueError, match="token") as refused:
            session.token = bad
        assert KEY not in str(refused.value)


def test_a_new_key_counts_at_once(client: Package, server: Server, session: Any) -> None:
    client.endpoint("zoo_open").sync(client=session)
    session.token = "sk-second"
    client.endpoint("zoo_open").sync(client=session)
    assert [request.headers["authorization"] for request in server.requests] == [
        f"Bearer {KEY}",
        "Bearer sk-second",
    ]


def test_with_headers_changes_nothing(client: Package, server: Server, session: Any) -> None:
    client.endpoint("zoo_open").sync(client=session)
    with session.with_headers({"X-One": "1"}) as other:
        client.endpoint("zoo_open").sync(client=other)
        client.endpoint("zoo_open").sync(client=session)
    assert [request.headers.get("x-one") for request in server.requests] == [None, "1", None]
    session.headers["X-Two"] = "2"
    assert session.headers == {}


def test_errors_raise_and_pickle(client: Package, server: Server, session: Any) -> None:
    server.reply = (429, JSON, b'{"error": {"message": "slow down", "err_code": -10006}}')
    with pytest.raises(client("errors").ApiStatusError, match="HTTP 429: slow down") as caught:
        client.endpoint("acme_get_video").sync("t-1", client=session)
    again = pickle.loads(pickle.dumps(caught.value))
    assert again.parsed.error.err_code == -10006
    assert (again.status_code, again.content, again.headers["request-id"]) == (
        429,
        server.reply[2],
        "r-9",
    )
    assert str(again) == "HTTP 429: slow down"


def test_redirects_are_not_followed(client: Package, server: Server, session: Any) -> None:
    other = Server()
    try:
        server.reply = (302, {"Location": f"{other.url}/steal"}, b"")
        with pytest.raises(client("errors").ApiStatusError, match="HTTP 302"):
            client.endpoint("zoo_open").sync(client=session)
        assert other.requests == []
        other.reply = (200, JSON, b"{}")
        with client("client").Client(
            server.url, KEY, httpx_args={"follow_redirects": True}
        ) as willing:
            client.endpoint("zoo_open").sync(client=willing)
        assert "authorization" not in other.last.headers
    finally:
        other.close()


def test_there_is_a_timeout(client: Package) -> None:
    made = client("client").Client("https://api.example.test/", "x")
    timeout = made.get_httpx_client().timeout
    assert (timeout.connect, timeout.read, made.base_url) == (5, 600, "https://api.example.test")
    made.close()
    with pytest.raises(ValueError, match="scheme"):
        client("client").Client("api.example.test", "x")
    with client("client").Client(timeout=3) as quick:
        assert quick.get_httpx_client().timeout.read == 3
        assert quick.base_url == "https://api.example.test", "the document's server"


# -- laziness --------------------------------------------------------------------------------------


def run(client: Package, code: str) -> list[str]:
    """The output lines of a fresh interpreter that can import the package under its real name."""
    environment = {**os.environ, "PYTHONPATH": str(client.folder.parent)}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_nothing_is_loaded_before_it_is_needed(client: Package) -> None:
    lines = run(
        client,
        """
import sys
from api302_client.api.tools_zoo import zoo_everything, zoo_sound
import api302_client._request
print("begin", *({"attrs", "httpx2", "api302_client.models"} & sys.modules.keys()))
from api302_client import _response
JSON = {"Content-Type": "application/json"}
def models():
    return sorted(name.rpartition(".")[2] for name in sys.modules if ".models." in name)
_response.parse(zoo_sound.RESPONSES, 200, JSON, b'{"kind": "cat"}')
print("reply", *models(), "httpx2" in sys.modules)
_response.parse(zoo_everything.RESPONSES, 200, JSON, b'{"owner": {"name": "x"}}')
print("more", *models())
from api302_client import Client
Client(token="x")
print("client", "httpx2" in sys.modules)
""",
    )
    assert lines == [
        "begin",
        "reply",
        "zoo_cat",
        "False",
        "more",
        "zoo_cat",
        "zoo_everything",
        "zoo_owner",
        "client",
        "False",
    ]


def test_the_package_stands_alone(client: Package) -> None:
    """Only the standard library, httpx2 and attrs, with what these need."""
    lines = run(
        client,
        """
import pkgutil, importlib, sys
import httpx2, attrs
httpx2.Client().close()
before = {name.partition(".")[0] for name in sys.modules}
import api302_client
for info in pkgutil.walk_packages(api302_client.__path__, "api302_client."):
    importlib.import_module(info.name)
api302_client.Client("http://127.0.0.1:9", "x").get_httpx_client().close()
print(*sorted({name.partition(".")[0] for name in sys.modules} - before - sys.stdlib_module_names))
""",
    )
    assert lines == ["api302_client"]


def test_an_endpoint_module_holds_the_facts_of_its_operation(client: Package) -> None:
    chat = client.endpoint("acme_chat_completions")
    assert (chat.ID, chat.METHOD, chat.PATH) == (
        "acme_chat_completions",
        "POST",
        "/v1/chat/completions",
    )
    assert chat.MEDIA_TYPES == ("application/json",)
    assert chat.REQUIRED == ("model", "messages")
    assert chat.EXTENSIONS["x-stream"]["when"] == {"in": "body", "name": "stream", "value": True}
    assert not [name for name in chat.EXTENSIONS if name in ("x-docs", "x-unknown", "x-shortcut")]
    video = client.endpoint("acme_text_to_video")
    assert video.FILES == {"image": ("url", "data_url", "base64", "part")}
    assert video.__doc__.startswith("POST /acme/v1/videos: ")


def test_a_traceback_shows_the_source_of_a_loader(client: Package) -> None:
    structure = client("_structure")
    load = structure.write(client("models").AcmeTask)
    assert load.__code__.co_filename == "<api302_client loader of AcmeTask>"
    assert "o = new(AcmeTask)" in inspect.getsource(load)
    with pytest.raises(TypeError) as caught:
        load(None)
    frame = traceback.extract_tb(caught.value.__traceback__)[-1]
    assert frame.line
    assert frame.line.startswith("o.")
