"""Files up and down."""

from __future__ import annotations

import asyncio
import errno
import gc
import io
import os
import re
import socket
import subprocess
import sys
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from support import KEY, Lazy, Request, Server, api302, environment, head, http, slowly

files = Lazy("api302._features.files")
inputs = Lazy("api302._calls.files")
writer = Lazy("api302_client.writer")
UPLOADED = http({"code": 200, "data": "https://file.example.test/a.png", "message": "ok"})


def parts(request: Request) -> list[tuple[str, str | None, str, bytes]]:
    """The parts of a form: field, file name, media type, content."""
    boundary = request.headers["content-type"].partition("boundary=")[2].encode()
    found: list[tuple[str, str | None, str, bytes]] = []
    for section in request.body.split(b"--" + boundary)[1:-1]:
        about, _, content = section.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        text = about.decode()
        name, file_name, kind = (
            re.search(pattern, text)
            for pattern in (r' name="([^"]*)"', r'filename="([^"]*)"', r"(?i)content-type: (.*)")
        )
        assert name
        found.append(
            (
                name[1],
                file_name and file_name[1],
                kind[1].strip() if kind else "text/plain",
                content.removesuffix(b"\r\n"),
            )
        )
    return found


def upload(client: Any, file: Any, **more: Any) -> Any:
    return client.tools.extra.upload(file=file, **more)


# --- what is taken --------------------------------------------------------------------------------


def test_every_form_of_a_file(serve: Any, connect: Any, tmp_path: Path) -> None:
    path = tmp_path / "猫.png"
    path.write_bytes(b"picture")
    server: Server = serve(UPLOADED, forever=True)
    client = connect(server)
    with path.open("rb") as opened:
        for given, name, kind in (
            (path, "猫.png", "image/png"),
            (str(path), "猫.png", "image/png"),
            (b"picture", "upload", "application/octet-stream"),
            (bytearray(b"picture"), "upload", "application/octet-stream"),
            (opened, "猫.png", "image/png"),
            (io.BytesIO(b"picture"), "upload", "application/octet-stream"),
            (("a.jpg", b"picture"), "a.jpg", "image/jpeg"),
            (("a.jpg", path), "a.jpg", "image/jpeg"),
            (("a.jpg", opened, "image/x-mine"), "a.jpg", "image/x-mine"),
        ):
            assert upload(client, given, prefix="p").data == "https://file.example.test/a.png"
            sent = parts(server.requests[-1])
            assert ("prefix", None, "text/plain", b"p") in sent
            assert ("file", name, kind, b"picture") in sent
        assert not opened.closed
        client.request("POST", "/new", files={"f": opened}, data={"a": "1"})
        assert parts(server.requests[-1])[1][3] == b"picture"


def test_what_is_refused(serve: Any, connect: Any, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("text")
    closed = (tmp_path / "text.txt").open("rb")
    closed.close()
    client = connect(serve())
    with (tmp_path / "text.txt").open() as text:
        for given, said in (
            (tmp_path / "none.png", "file: there is no file"),
            ("none.png", "file: there is no file 'none.png'; check the path"),
            (tmp_path, "is a folder; give the path of one file"),
            (text, "open it with mode 'rb'"),
            (io.StringIO("x"), "open it with mode 'rb'"),
            (closed, "the file is closed already"),
            (
                "https://x/y.png",
                (
                    "takes a local file (pathlib.Path, bytes, an open binary file, or a tuple "
                    "(name, content)), not the URL"
                ),
            ),
            (("a", "b", "c", "d"), "is (name, content)"),
            ((b"x",), "is (name, content)"),
            (("a", 3), "is bytes or an open binary file, not int"),
            ("a\0b", "cannot be read"),
        ):
            with pytest.raises(api302.InvalidArgument) as caught:
                upload(client, given)
            assert said in str(caught.value)
            assert str(caught.value).startswith("file: ")


def test_json_or_form(serve: Any, connect: Any, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"picture")
    server: Server = serve(http({"code": 0, "data": {"task_id": "t"}}), forever=True)
    client = connect(server)

    def make(image: Any) -> Request:
        client.videos.create(prompt="x", image=image, duration=5)
        return server.requests[-1]

    assert ("image", "a.png", "image/png", b"picture") in parts(make(path))
    assert ("duration", None, "text/plain", b"5") in parts(server.requests[-1])
    for text in ("https://x/a.png", "data:image/png;base64,AAAA", "iVBORw0KGgo=", "asset://1"):
        assert make(text).json == {"prompt": "x", "image": text, "duration": 5}
    with pytest.raises(
        api302.InvalidArgument,
        match=r"image: .* not the text '.*a\.png'; a local file is given as pathlib\.Path",
    ):
        make(str(path))
    output = files.Output(client._client, url="https://x/b.png")
    assert make(output).json["image"] == "https://x/b.png"


def test_an_address_alone(serve: Any, connect: Any, tmp_path: Path) -> None:
    server: Server = serve(http({"total": 1}), forever=True)
    client = connect(server)
    (tmp_path / "a.png").write_bytes(b"picture")
    client.tools.extra.look(image="https://x/a.png")
    assert server.requests[-1].json == {"image": "https://x/a.png"}
    for given, said in (
        ("x.example/a.png", "a URL (https://…)"),
        ("", "not an empty text"),
        ("data:image/png;base64,AA", "not a data URL"),
        (tmp_path / "a.png", "upload it first, and give the URL: client.files.upload('a.png')"),
        (b"picture", "takes a URL (https://…), not a local file"),
    ):
        with pytest.raises(api302.InvalidArgument) as caught:
            client.tools.extra.look(image=given)
        assert said in str(caught.value)


def test_encoded_where_only_text_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"\x89PNG")
    opened: list[Any] = []
    put = inputs.put_files
    assert put({"i": path, "o": 1}, {"i": ("url", "data_url")}, opened, False) == {
        "i": "data:image/png;base64,iVBORw==",
        "o": 1,
    }
    assert put({"i": [path, "https://x"]}, {"i": ("url", "base64")}, opened, False) == {
        "i": ["iVBORw==", "https://x"]
    }
    assert put({"i": "data:image/png;base64,AAAA"}, {"i": ("base64",)}, opened, False) == {
        "i": "AAAA"
    }
    with pytest.raises(
        api302.InvalidArgument, match=r"i: takes a URL .*, not a dict; give the file"
    ):
        put({"i": {"url": "x"}}, {"i": ("url",)}, opened, False)
    for file in opened:
        file.close()


def test_files_that_we_opened_are_closed(
    serve: Any, connect: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_bytes(b"x")
    opened: list[Any] = []
    real = Path.open
    monkeypatch.setattr(
        Path,
        "open",
        lambda *arguments, **more: opened.append(real(*arguments, **more)) or opened[-1],
    )
    client = connect(serve(UPLOADED, http({}, "500 x")))
    upload(client, tmp_path / "a")
    with pytest.raises(api302.ServerError):
        upload(client, tmp_path / "a")
    with pytest.raises(api302.InvalidArgument):
        upload(client, tmp_path / "a", extra_headers={"a": "\n"})
    assert len(opened) == 3
    assert all(file.closed for file in opened)


def test_a_file_that_holds_the_boundary_forges_no_field(serve: Any, connect: Any) -> None:
    server: Server = serve(UPLOADED, UPLOADED)
    client = connect(server)
    upload(client, b"x")
    boundary = server.requests[0].headers["content-type"].partition("boundary=")[2]
    evil = (
        f"\r\n--{boundary}\r\nContent-Disposition: form-data; "
        'name="prefix"\r\n\r\nevil\r\n--+++\r\n'
    ).encode()
    upload(client, evil)
    assert [part[3] for part in parts(server.requests[1])] == [evil]


@pytest.mark.usefixtures("quick")
def test_repeats_send_the_whole_file(serve: Any, connect: Any, tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"0123456789" * 10_000)
    server: Server = serve(http({}, "429 x"), UPLOADED)
    assert upload(connect(server), path).code == 200
    assert [parts(request)[0][3] == path.read_bytes() for request in server.requests] == [
        True,
        True,
    ]


@pytest.mark.usefixtures("quick")
def test_a_pipe_is_sent_once(serve: Any, connect: Any) -> None:
    def pipe() -> Any:
        reading, writing = os.pipe()
        threading.Thread(target=lambda: (os.write(writing, b"x" * 1000), os.close(writing))).start()
        return os.fdopen(reading, "rb")

    server: Server = serve(UPLOADED, http({}, "429 x"), UPLOADED)
    client = connect(server)
    with pipe() as file:
        upload(client, file)
    assert parts(server.requests[0])[0][3] == b"x" * 1000
    assert server.requests[0].headers["transfer-encoding"] == "chunked"
    with pipe() as file, pytest.raises(api302.RateLimitError):
        upload(client, file)
    assert len(server.requests) == 2


def test_empty_where_text_is_required(serve: Any, connect: Any) -> None:
    client = connect(serve(http({})))
    from api302_client.api.tools_extra import extra_ask  # pyright: ignore[reportMissingImports]

    ask = ModuleType("ask")
    ask.__dict__.update(vars(extra_ask), NOT_EMPTY=("prompt",))
    with pytest.raises(api302.InvalidArgument, match="prompt: is empty; give some text"):
        client.tools.extra._call(ask, body={"prompt": ""}, options=(None, None, None, None))
    assert (
        client.tools.extra._call(ask, body={"prompt": "x"}, options=(None, None, None, None))
        is not None
    )


# --- down -----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("network")
def test_a_download(serve: Any, connect: Any, tmp_path: Path) -> None:
    content = os.urandom(300_000)
    server: Server = serve(http(content, content_type="video/mp4"), forever=True)
    client = connect(server)
    assert client.download(f"{server.url}/a/b.mp4?sig=1", tmp_path) == tmp_path / "b.mp4"
    assert (
        client.download(f"{server.url}/a/b.mp4", tmp_path) == tmp_path / "b (1).mp4"
    )  # what the server names replaces nothing
    assert client.download(f"{server.url}/a/b.mp4", tmp_path / "b.mp4") == tmp_path / "b.mp4"
    assert (
        client.download(f"{server.url}/a/b.mp4", str(tmp_path / "c"), timeout=30).read_bytes()
        == content
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b (1).mp4", "b.mp4", "c"]
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"  # the client's own host

    async def main() -> None:
        async with api302.AsyncClient(api_key=KEY, base_url=server.url) as other:
            assert (await other.download(f"{server.url}/d.mp4", tmp_path)).read_bytes() == content

    asyncio.run(main())


def test_another_host_never_sees_the_key(serve: Any, connect: Any, tmp_path: Path) -> None:
    home: Server = serve(http("", "302 x", location="x"))
    other: Server = serve(http(b"a"), http(b"b"))
    home.steps = [http("", "302 x", location=f"{other.url}/there")]
    client = connect(home, headers={"x-team": "secret"})
    client.download(f"{other.url}/a", tmp_path)
    client.download(f"{home.url}/a", tmp_path)
    files.Output(client._client, url=f"{other.url}/a")
    assert len(other.requests) == 2
    for request in other.requests:
        assert "authorization" not in request.headers
        assert "x-team" not in request.headers


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("more", ["content-length: 100000", "transfer-encoding: chunked"])
def test_half_a_download_leaves_nothing_behind(
    more: str, serve: Any, connect: Any, tmp_path: Path
) -> None:
    body = b"x" * 50_000 if "length" in more else b"c350\r\n" + b"x" * 50_000
    server: Server = serve(slowly([body], head("video/mp4", more)), forever=True)
    client = connect(server)
    (tmp_path / "old.mp4").write_bytes(b"old")
    with pytest.raises(api302.ConnectionError):
        client.download(f"{server.url}/a.mp4", tmp_path / "old.mp4")
    with pytest.raises(api302.ConnectionError):
        client.audio.acme.stream_speech(input="x").save(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["old.mp4"]
    assert (tmp_path / "old.mp4").read_bytes() == b"old"
    assert len(server.requests) == 4  # three for the GET, one for the POST
    server.steps = [slowly([body], head("video/mp4", more)), http(b"whole")]
    server.forever = False
    assert client.download(f"{server.url}/a.mp4", tmp_path / "new.mp4").read_bytes() == b"whole"


def test_no_room_to_write(serve: Any, connect: Any, tmp_path: Path) -> None:
    server: Server = serve(http(b"x" * 1000), forever=True)
    client = connect(server)
    resource: Any = pytest.importorskip("resource", reason="Windows has no limits of a process")
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    import signal

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limit[1]))
    try:
        with pytest.raises(OSError) as caught:
            client.download(f"{server.url}/a", tmp_path / "a")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert caught.value.errno == errno.EFBIG
    assert list(tmp_path.iterdir()) == []


def test_bad_places(serve: Any, connect: Any, tmp_path: Path) -> None:
    client = connect(serve(http({}, "404 x")))
    for path in (tmp_path / "none" / "a.mp4", f"{tmp_path}/none/"):
        with pytest.raises(
            api302.InvalidArgument, match=r"path: there is no folder .*none'; make it first"
        ):
            client.download("https://127.0.0.1:1/a", path)
    for url in ("file.302.ai/a", "ftp://x/a", "//x/a", "", "/a"):
        with pytest.raises(api302.InvalidArgument, match="url: must be a whole URL"):
            client.download(url, tmp_path)
    with pytest.raises(api302.NotFoundError):
        client.download(f"{client._client.settings.base_url}/a", tmp_path)
    assert list(tmp_path.iterdir()) == []


HOSTILE = {
    'attachment; filename="../../etc/passwd"': "passwd",
    'attachment; filename="..\\\\..\\\\boot.ini"': "boot.ini",
    "attachment; filename=/etc/cron.d/x": "x",
    "attachment; filename*=UTF-8''..%2F..%2F%E7%8C%AB.png": "猫.png",
    "attachment; filename*=UTF-8''a%00b%0D%0A.png": "a_b__.png",
    'attachment; filename="a:b|c?.png"': "a_b_c_.png",
    'attachment; filename=".."': "download",
    'attachment; filename=""': "b.mp4",
    'attachment; filename=".bashrc"': "bashrc",
    'attachment; filename="CON.txt"': "_CON.txt",
    'attachment; filename="nul"': "_nul",
    'attachment; filename="a\u202egpj.exe"': "a_gpj.exe",
    f'attachment; filename="{"x" * 1000}.png"': "x" * 150 + ".png",
    'inline; filename="quo\\"ted.png"': "quo_ted.png",
    "attachment; filename*=nonsense''a.png": "a.png",
    "attachment": "b.mp4",
    "": "b.mp4",
}


@pytest.mark.parametrize("said", HOSTILE)
def test_names_from_the_server(said: str) -> None:
    name = writer.safe_name({"content-disposition": said}, "https://x/a/b.mp4?c=/d.exe")
    assert name == HOSTILE[said]
    assert len(name.encode()) < 200


def test_names_from_the_address() -> None:
    for url, name in (
        ("https://x/%2e%2e%2f%2e%2e%2fetc%2fpasswd", "passwd.mp3"),
        ("https://x/", "download.mp3"),
        ("https://x/..", "download.mp3"),
        ("https://x/a%00.mp4", "a_.mp4"),
        ("https://x/speech", "speech.mp3"),
    ):
        assert writer.safe_name({"content-type": "audio/mpeg; x=1"}, url) == name


def test_a_hostile_name_stays_in_the_folder(serve: Any, connect: Any, tmp_path: Path) -> None:
    inside = tmp_path / "in"
    inside.mkdir()
    server: Server = serve(
        http(b"x", content_disposition='attachment; filename="../../../out.txt"'), forever=True
    )
    assert connect(server).download(f"{server.url}/x", inside) == inside / "out.txt"
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_an_output_that_is_a_data_url(connect: Any, serve: Any, tmp_path: Path) -> None:
    output = files.Output(connect(serve())._client, url="data:image/png;base64,iVBORw==")
    assert (output.media_type, output.read()) == ("image/png", b"\x89PNG")
    assert output.url == "data:image/png;base64,iVBORw=="
    assert output.save(tmp_path).name == "download.png"
    assert output.save(tmp_path / "a.png").read_bytes() == b"\x89PNG"


GIB = 1 << 30
TRANSFER = """
import api302, pathlib, re, resource, sys

def most():  # ru_maxrss counts, on Linux, the process as well that this one was forked from
    status = pathlib.Path("/proc/self/status")
    if status.exists():
        return int(re.search("VmHWM:\\s*(\\d+)", status.read_text())[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

client = api302.Client(api_key="k", base_url=sys.argv[1])
client.tools.extra.look(image="https://x/a")
idle = most()
if sys.argv[2] == "up":
    client.files.upload(sys.argv[3])
else:
    client.download(sys.argv[1] + "/big.bin", sys.argv[3])
print((most() - idle) / 1024)
"""


@pytest.mark.slow
@pytest.mark.parametrize("way", ["up", "down"])
def test_a_gibibyte_in_constant_memory(way: str, packages: list[str], tmp_path: Path) -> None:
    file = tmp_path / "big.bin"
    if way == "up":
        with file.open("wb") as sparse:
            sparse.truncate(GIB)
    received = 0

    def serve_big(listener: socket.socket) -> None:
        nonlocal received
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as reader:
            for _ in range(2):
                method = reader.readline().split()[0]
                length = 0
                while (line := reader.readline().strip()) != b"":
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.split()[1])
                while length:
                    length -= len(block := reader.read(min(length, 1 << 20)))
                    received += len(block)
                if method == b"GET":
                    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % GIB)
                    for _ in range(1024):
                        connection.sendall(bytes(1 << 20))
                else:
                    connection.sendall(UPLOADED)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve_big, args=(listener,), daemon=True).start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        command = [sys.executable, "-c", TRANSFER, url, way, str(file)]
        done = subprocess.run(
            command,
            check=True,
            capture_output=True,
            text=True,
            env=environment(packages),
        )
    assert float(done.stdout) < 16, f"{done.stdout} MiB above idle"
    assert file.stat().st_size == GIB
    assert way == "down" or received > GIB


def test_an_upload_gives_an_address(serve: Any, connect: Any, tmp_path: Path) -> None:
    (tmp_path / "cat.png").write_bytes(b"cat")
    server = serve(
        http({"code": 200, "data": "https://file.example.test/cat.png"}),
        http({"code": 200, "data": {"size": 3}}),
    )
    client = connect(server)
    uploaded = client.files.upload(str(tmp_path / "cat.png"))
    assert uploaded.url == "https://file.example.test/cat.png"
    assert b"cat" in server.requests[0].body
    with pytest.raises(api302.DecodeError, match="has no URL") as caught:
        client.files.upload(tmp_path / "cat.png")
    assert caught.value.body == {"code": 200, "data": {"size": 3}}


@pytest.mark.usefixtures("network")
def test_a_body_that_is_no_object(serve: Any, connect: Any, tmp_path: Path) -> None:
    (tmp_path / "big.bin").write_bytes(b"\0raw")
    server = serve(http(b"sound", content_type="audio/mpeg"), UPLOADED, UPLOADED, UPLOADED)
    client = connect(server)
    assert client.tools.extra.speak(body="<speak>你好</speak>").content == b"sound"
    assert server.requests[0].headers["content-type"] == "application/ssml+xml"
    assert server.requests[0].body.decode() == "<speak>你好</speak>"
    client.tools.extra.send_raw(body=tmp_path / "big.bin")
    client.tools.extra.send_raw(body=b"bytes")
    assert [request.body for request in server.requests[1:]] == [b"\0raw", b"bytes"]
    assert server.requests[1].headers["content-length"] == "4"
    for call, message in (
        (lambda: client.tools.extra.speak(body=""), "body: is empty"),
        (lambda: client.tools.extra.send_raw(body=tmp_path / "none"), "body: there is no file"),
        (
            lambda: client.tools.extra.send_raw(body=b"x", extra_body={"a": 1}),
            "extra_body: the body of this call has no fields",
        ),
    ):
        with pytest.raises(api302.InvalidArgument, match=message):
            call()

    async def main() -> None:
        async with api302.AsyncClient(api_key=KEY, base_url=server.url) as other:
            await other.tools.extra.send_raw(body=tmp_path / "big.bin")

    asyncio.run(main())
    assert server.requests[3].body == b"\0raw"


def test_a_body_that_is_a_file_is_sent_from_its_start_again(
    serve: Any, connect: Any, tmp_path: Path
) -> None:
    (tmp_path / "b").write_bytes(b"\0raw")
    server = serve(http({}, "429 x", retry_after="0"), UPLOADED, UPLOADED)
    raw = connect(server).tools.extra.send_raw
    raw(body=tmp_path / "b")
    with (tmp_path / "b").open("rb") as file:
        file.read(2)
        raw(body=file)
    assert [request.body for request in server.requests] == [b"\0raw"] * 3


def test_downloads_at_once_take_names_of_their_own(
    serve: Any, connect: Any, tmp_path: Path
) -> None:
    server = serve(
        slowly([b"video"], head("video/mp4", "content-length: 5"), pause=0.2), forever=True
    )
    client = connect(server)
    found: list[str] = []
    threads = [
        threading.Thread(
            target=lambda: found.append(client.download(f"{server.url}/v.mp4", tmp_path).name)
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (
        sorted(found)
        == sorted(path.name for path in tmp_path.iterdir())
        == ["v (1).mp4", "v (2).mp4", "v (3).mp4", "v.mp4"]
    )


@pytest.mark.parametrize(
    "url",
    ["http://[bad/x", "http://x:99999/", "http://x:port/", "http://\u0660.example/x", "http://./"],
)
def test_addresses_that_are_none(url: str, connect: Any, serve: Any, tmp_path: Path) -> None:
    with pytest.raises(
        (api302.InvalidArgument, api302.ConnectionError),
        match=r"url: |the URL has no valid host name",
    ):
        connect(serve(), max_retries=0).download(url, tmp_path)


def test_data_urls_however_broken() -> None:
    made = [
        files.Output(None, url=url)
        for url in (
            "data:nothing",
            "data:,a%20b",
            "data:image/png;base64,YQ",
            "data:image/png;base64,Y",
        )
    ]
    assert [(one.content, one.media_type) for one in made] == [
        (b"", "nothing"),
        (b"a b", "text/plain"),
        (b"a", "image/png"),
        (None, None),
    ]


def test_a_wrong_path_is_no_base64() -> None:
    assert inputs.put_files({"image": "YWJj+/=="}, {"image": ("base64",)}, [], False) == {
        "image": "YWJj+/=="
    }
    with pytest.raises(
        api302.InvalidArgument,
        match=r"not the text 'cat\.png'; a local file is given as pathlib\.Path",
    ):
        inputs.put_files({"image": "cat.png"}, {"image": ("base64",)}, [], False)


def test_a_call_that_is_not_described_closes_the_files_it_opened(
    serve: Any, connect: Any, tmp_path: Path
) -> None:
    (tmp_path / "a").write_bytes(b"a")
    with pytest.raises(api302.InvalidArgument, match="two: there is no file"):
        connect(serve()).request("POST", "/x", files={"one": tmp_path / "a", "two": tmp_path / "b"})
    gc.collect()  # an open file would warn, and warnings are errors


def test_an_unknown_object_is_no_file(serve: Any, connect: Any) -> None:
    from api302_client._model import Unknown

    new = Unknown()
    new._raw = {"type": "newer"}
    server = serve(http({"id": "c"}))
    connect(server).chat.completions.create(model="small", messages=[new])
    assert server.requests[0].json["messages"] == [{"type": "newer"}]
