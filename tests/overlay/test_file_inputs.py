"""What callers give as files: rewound, measured, known by content, or refused.

Its properties draw `EXAMPLES` inputs (see `drawn`).
"""

from __future__ import annotations

import asyncio
import base64
import gzip
import io
import mmap
import os
import random
import tempfile
import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from drawn import many
from hypothesis import given
from hypothesis import strategies as st
from patience import PATIENCE
from starlette.datastructures import UploadFile
from support import KEY, Lazy, Server, api302, http
from test_files import UPLOADED, parts

inputs = Lazy("api302._calls.files")
local_files = Lazy("api302._calls.local_files")

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8


class Picture:
    """As much of a `PIL.Image.Image` as is used of it."""

    __module__ = "PIL.Image"

    def __init__(self, mode: str = "RGB") -> None:
        self.mode = mode

    def save(self, to: Any, kind: str) -> None:
        if self.mode == "CMYK":
            raise OSError("cannot write mode CMYK as PNG")
        assert kind == "PNG"
        to.write(PNG)


def upload_file(content: bytes, name: str | None = "cat.png") -> UploadFile:
    """FastAPI's and Starlette's: its `read` is a coroutine."""
    spooled: Any = tempfile.SpooledTemporaryFile()  # noqa: SIM115 - closed with its object
    spooled.write(content)  # and left at its end
    return UploadFile(spooled, filename=name)


def at_its_end(content: bytes) -> io.BytesIO:
    buffer = io.BytesIO()
    buffer.write(content)
    return buffer


def opened(path: Path) -> Any:
    file = path.open("rb")
    file.read(7)
    return file


FORMS: dict[str, Callable[[Path], Any]] = {
    "bytes": lambda _: PNG,
    "a buffer at its end": lambda _: at_its_end(PNG),
    "an open file that was read from": opened,
    "a path": lambda path: path,
    "gzip": lambda path: gzip.open(path.with_suffix(".gz")),  # noqa: SIM115
    "a memory map": lambda path: mmap.mmap(os.open(path, os.O_RDONLY), 0, access=mmap.ACCESS_READ),
    "a temporary file": lambda _: upload_file(PNG).file,
    "an UploadFile": lambda _: upload_file(PNG),
    "a PIL image": lambda _: Picture(),
    "a tuple": lambda path: ("cat.png", opened(path)),
    "a memoryview": lambda _: memoryview(PNG),
}


def close(*files: Any) -> None:
    for one in files:
        file = one[1] if isinstance(one, tuple) else getattr(one, "file", one)
        getattr(file, "close", bool)()


@pytest.fixture
def cat(tmp_path: Path) -> Path:
    path = tmp_path / "cat.png"
    path.write_bytes(PNG)
    with gzip.open(path.with_suffix(".gz"), "wb") as file:
        file.write(PNG)
    return path


@pytest.mark.parametrize("form", FORMS)
def test_fault_19_every_form_is_sent_whole_as_text(form: str, cat: Path) -> None:
    for field_forms, start in ((("base64",), ""), (("url", "data_url"), "data:image/png;base64,")):
        closing: list[Any] = []
        file = FORMS[form](cat)
        for _ in range(2):  # the same open file a second time
            made = inputs.put_files({"image": file}, {"image": field_forms}, closing, False)
            assert made["image"] == start + base64.b64encode(PNG).decode()
        close(file, *closing)


@pytest.mark.usefixtures("network")
@pytest.mark.parametrize("form", FORMS)
def test_fault_19_every_form_is_sent_whole_as_a_part(form: str, cat: Path, serve: Any) -> None:
    server: Server = serve(UPLOADED, forever=True)
    file = FORMS[form](cat)
    with api302.Client(api_key=KEY, base_url=server.url) as client:
        for _ in range(2):
            client.tools.extra.upload(file=file)

    async def main() -> None:
        async with api302.AsyncClient(api_key=KEY, base_url=server.url) as client:
            await client.tools.extra.upload(file=file)

    asyncio.run(main())
    assert [parts(request)[0][3] == PNG for request in server.requests] == [True] * 3
    assert {parts(request)[0][2] for request in server.requests} == {"image/png"}
    assert all(request.headers["content-length"] for request in server.requests), "measured"
    close(file)


def test_trial_05_names_and_types_by_content(serve: Any, connect: Any) -> None:
    server: Server = serve(UPLOADED, forever=True)
    client = connect(server)
    for content, name, kind in (
        (PNG, "upload.png", "image/png"),
        (io.BytesIO(b"RIFF\0\0\0\0WAVEfmt "), "upload.wav", "audio/wav"),
        (("voice", b"ID3\4"), "voice", "audio/mpeg"),
        (b"some text", "upload", "application/octet-stream"),
        (("a.webp", b"x"), "a.webp", "image/webp"),
        (("a.m4a", b"x"), "a.m4a", "audio/mp4"),
    ):
        client.tools.extra.upload(file=content)
        assert parts(server.requests[-1])[0][1:3] == (name, kind)


EMPTY: dict[str, Callable[[Path], Any]] = {
    "bytes": lambda _: b"",
    "a bytearray": lambda _: bytearray(),
    "a buffer": lambda _: io.BytesIO(),
    "a tuple": lambda _: ("a.png", b""),
    "a path": lambda path: path,
    "an UploadFile": lambda _: upload_file(b""),
}


@pytest.mark.parametrize("form", EMPTY)
@pytest.mark.parametrize("forms", [("part",), ("base64",), ("url", "data_url")])
def test_fault_19_an_empty_file_is_refused(
    form: str, forms: tuple[str, ...], tmp_path: Path
) -> None:
    path = tmp_path / "empty.png"
    path.touch()
    closing: list[Any] = []
    file = EMPTY[form](path)
    with pytest.raises(api302.InvalidArgument, match=r"^image: the file.* is empty"):
        inputs.put_files({"image": file}, {"image": forms}, closing, True)
    close(file, *closing)


def test_fault_19_an_empty_pipe_is_refused(serve: Any, connect: Any) -> None:
    reading, writing = os.pipe()
    os.close(writing)
    with (
        os.fdopen(reading, "rb") as pipe,
        pytest.raises(api302.InvalidArgument, match="file: the file is empty"),
    ):
        connect(serve(UPLOADED)).tools.extra.upload(file=pipe)


class Array:
    """As much of a numpy array as could be taken for a file."""

    __name__ = "ndarray"

    def __iter__(self) -> Any:
        return iter((1, 2))

    def tobytes(self) -> bytes:
        return b"\1\2"


FOREIGN: dict[str, Any] = {
    "int": 7,
    "float": 1.5,
    "bool": True,
    "object": object(),
    "dict": {"url": "https://x"},
    "set": {b"x"},
    "generator": (b for b in (b"x",)),
    "array": Array(),
    "class": io.BytesIO,
    "uuid": uuid.uuid4(),
    "function": open,
}


@pytest.mark.parametrize("name", FOREIGN)
@pytest.mark.parametrize(
    "forms", [("part",), ("part", "url"), ("base64",), ("url",), ("url", "data_url")]
)
def test_fault_19_foreign_objects_are_refused_by_field(name: str, forms: tuple[str, ...]) -> None:
    for value, body in ((FOREIGN[name], "one"), ([PNG, FOREIGN[name]], "several")):
        with pytest.raises(api302.InvalidArgument) as caught:
            inputs.put_files({"image": value}, {"image": forms}, [], True)
        text = str(caught.value)
        assert text.startswith("image: "), body
        assert ";" in text, "it says what to do"


def test_fault_19_foreign_objects_never_reach_the_service(serve: Any, connect: Any) -> None:
    server: Server = serve()
    client = connect(server)
    for value in FOREIGN.values():
        for call in (
            lambda value=value: client.tools.extra.upload(file=value),
            lambda value=value: client.videos.create(prompt="x", image=value),
            lambda value=value: client.tools.extra.look(image=value),
        ):
            with pytest.raises(api302.InvalidArgument, match=r"^(file|image): "):
                call()
    assert server.requests == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_fault_19_what_reads_as_no_bytes_is_refused(
    tmp_path: Path, serve: Any, connect: Any
) -> None:
    class Slow:
        async def read(self) -> bytes:
            return PNG

    class Letters:
        def read(self, size: int = -1) -> str:
            return "x"

    server: Server = serve()
    upload = connect(server, max_retries=0).tools.extra.upload
    for file, said in (
        (Slow(), "is read asynchronously; give its path"),
        (Letters(), "reads as str, not bytes"),
        (io.StringIO("x"), "open it with mode 'rb'"),
        (Picture("CMYK"), r"cannot be encoded as PNG .*convert it first"),
    ):
        with pytest.raises(api302.InvalidArgument, match=said):
            upload(file=file)
    os.mkfifo(tmp_path / "pipe")
    for path, said in (
        (tmp_path / "pipe", "not a regular file"),
        (Path("/dev/zero"), "not a regular file"),
    ):
        with pytest.raises(api302.InvalidArgument, match=said):
            upload(file=path)


def test_fault_19_a_file_that_shrinks_is_a_clear_error(
    tmp_path: Path, serve: Any, connect: Any
) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"x" * 300_000)
    with path.open("rb") as file:
        source = local_files.Source("file", file)
        assert source.read(10) == b"x" * 10
        os.truncate(path, 100)
        said = r"^file: the file became shorter .* of 300000 bytes"
        with pytest.raises(api302.InvalidArgument, match=said):
            b"".join(source)


def test_fault_19_a_file_that_grows_is_sent_as_it_was_measured(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"first")
    with path.open("rb") as file, path.open("ab") as writer:
        source = local_files.Source("file", file)
        writer.write(b" and more")
        writer.flush()
        assert (source.length, b"".join(source)) == (5, b"first")


def test_fault_19_compressed_and_unmeasured_files_arrive_whole(
    tmp_path: Path, serve: Any, connect: Any
) -> None:
    content = os.urandom(1000) * 500
    with gzip.open(tmp_path / "a.gz", "wb") as file:
        file.write(content)
    server: Server = serve(UPLOADED, UPLOADED, UPLOADED)
    client = connect(server)
    with gzip.open(tmp_path / "a.gz") as file:
        client.tools.extra.upload(file=file)
        client.tools.extra.send_raw(body=file)
    reading, writing = os.pipe()
    threading.Thread(target=lambda: (os.write(writing, b"y" * 5000), os.close(writing))).start()
    with os.fdopen(reading, "rb") as pipe:
        client.tools.extra.send_raw(body=pipe)
    first, second, third = server.requests
    assert parts(first)[0][3] == second.body == content
    assert (third.body, third.headers["transfer-encoding"]) == (b"y" * 5000, "chunked")


class More(io.BytesIO):
    """A file that gives more than it was asked for, and never ends."""

    name = "a.bin"

    def read(self, size: int | None = -1) -> bytes:
        return super().read(size) + b"more"


class Whole(io.BytesIO):
    """A file that gives all of it, whatever it was asked for."""

    name = "a.bin"

    def read(self, size: int | None = -1) -> bytes:
        return super().read()


@pytest.mark.parametrize("mode", ["sync", "asyncio", "trio"])
def test_fault_19_a_file_that_gives_more_than_it_has_is_refused(serve: Any, mode: str) -> None:
    """It was sent without an end, or was an error of the HTTP library."""
    server = serve(http({"url": "https://x/a"}), forever=True)

    def send(file: Any) -> None:
        if mode == "sync":
            with api302.Client(api_key=KEY, base_url=server.url) as client:
                client.request("POST", "/x", files={"file": file})
            return

        async def main() -> None:
            with anyio.fail_after(PATIENCE):
                async with api302.AsyncClient(api_key=KEY, base_url=server.url) as client:
                    await client.request("POST", "/x", files={"file": file})

        anyio.run(main, backend=mode)

    for _ in range(2):
        with pytest.raises(api302.InvalidArgument, match="file: the file gave more than the 30"):
            send(More(b"x" * 300_000))
    send(Whole(b"x" * 300_000))
    assert server.requests[-1].body.count(b"x" * 300_000) == 1


def test_an_uploaded_file_is_taken_by_its_url() -> None:
    uploaded = api302.Uploaded("https://x/a.png", None)
    assert inputs.put_files({"image": uploaded}, {"image": ("url",)}, [], False) == {
        "image": "https://x/a.png"
    }


@many
@given(st.integers(0, 2**48))
def test_fault_19_any_source_reads_as_it_was_measured(seed: int) -> None:
    """Sources of any content and kind, read in any pieces, with seeks between, are read whole."""
    chance = random.Random(seed)
    content = chance.randbytes(chance.randint(1, 300))
    file = io.BytesIO(content)
    file.seek(chance.randint(0, len(content)))
    if chance.random() < 0.3:
        file.seekable = lambda: False  # type: ignore[method-assign]
        file.seek(0)
    source = local_files.Source("file", file)
    received = b""
    while chunk := source.read(chance.choice((1, 7, 64, -1))):
        received += chunk
        if source.seekable() and chance.random() < 0.05:
            source.seek(0)
            received = b""
        if len(received) > len(content):
            break
        if source.length is None and len(received) == len(content):
            break
    assert received == content
    assert source.again is source.seekable()


VALUES: list[Any] = [
    None, 0, "", "x", "cat.png", "https://x/a", "data:,x", "data:image/png;base64,", b"", b"x", [],
    [b"x"], {}, (),
    ("a",), ("a", b""), ("a", b"x", "text/plain"), (1, b"x"), ("a", "b"), io.BytesIO(b"x"),
    object(), Picture(), "\ud83d", "C:\\a.png", "a\0b", Path("none.png"),
    Path("/dev/null"), range(3), True,
]  # fmt: skip


@many
@given(st.integers(0, 2**48))
def test_fault_19_any_value_is_a_file_or_refused_by_its_field(seed: int) -> None:
    chance = random.Random(seed)
    forms = tuple(chance.sample(("part", "url", "data_url", "base64"), chance.randint(1, 4)))
    value = chance.choice(VALUES)
    if chance.random() < 0.2:
        value = [value, chance.choice(VALUES)]
    closing: list[Any] = []
    try:
        made = inputs.put_files({"image": value}, {"image": forms}, closing, "part" in forms)
    except api302.InvalidArgument as error:
        made = {"image": None if str(error).startswith("image: ") else ""}
    sent: Any = made["image"]
    for one in sent if isinstance(sent, list) else [sent]:
        assert one is None or isinstance(one, (str, local_files.Local))
        assert one != ""


def test_a_json_call_still_takes_text(serve: Any, connect: Any) -> None:
    server: Server = serve(http({"code": 0, "data": {"task_id": "t"}}))
    connect(server).videos.create(prompt="x", image="https://x/a.png")
    assert server.requests[0].json["image"] == "https://x/a.png"


def test_whether_a_body_is_a_form_is_decided_by_its_file_fields(serve: Any, connect: Any) -> None:
    """Not by the looks of other values: bytes in a field of text do not make a form."""
    server: Server = serve(*[http({"code": 0, "data": {"task_id": "t"}})] * 3)
    create = connect(server).videos.create
    create(prompt="x", image=b"picture")
    create(prompt="x", image="https://x/a.png", extra_body={"mask": ("m.png", b"mask")})
    kinds = [request.headers["content-type"].partition(";")[0] for request in server.requests]
    assert kinds == ["multipart/form-data", "multipart/form-data"]
    with pytest.raises(api302.InvalidArgument, match="prompt"):
        create(prompt=b"x", image="https://x/a.png")


LARGE = 50 << 20


def sparse(folder: Path, size: int) -> Path:
    """A file of that length that needs no room on the disk."""
    path = folder / "sparse.bin"
    with path.open("wb") as file:
        file.truncate(size)
    return path


@pytest.mark.parametrize("form", ["path", "open", "named"])
def test_a_file_of_more_bytes_than_its_field_takes_is_refused(form: str, tmp_path: Path) -> None:
    for size in (LARGE, LARGE + 1):
        path = sparse(tmp_path, size)
        closing: list[Any] = []
        with path.open("rb") as file:
            value = {"path": path, "open": file, "named": ("a.bin", file)}[form]
            taken = {"image": value}, {"image": ("part",)}, closing, True, {"image": LARGE}
            if size == LARGE:
                assert inputs.put_files(*taken)["image"].content.length == LARGE
            else:
                with pytest.raises(api302.InvalidArgument) as caught:
                    inputs.put_files(*taken)
                assert str(caught.value).startswith("image: the file has 50 MB (52428801 bytes)")
                assert "at most 50 MB (52428800 bytes)" in str(caught.value)
        close(*closing)


@pytest.mark.parametrize("forms", [("base64",), ("url", "data_url")])
@pytest.mark.parametrize("size", [30, 33])
def test_a_text_that_holds_too_large_a_file_is_refused(forms: tuple[str, ...], size: int) -> None:
    start = "data:image/png;base64," if "data_url" in forms else ""
    text = start + base64.b64encode(b"x" * size).decode()
    for value in (text, b"x" * size, [text]):
        taken = {"image": value}, {"image": forms}, [], False, {"image": 30}
        if size <= 30:
            assert inputs.put_files(*taken)["image"]
        else:
            with pytest.raises(api302.InvalidArgument, match=r"^image: the file has"):
                inputs.put_files(*taken)


def test_the_length_of_a_url_is_not_that_of_a_file() -> None:
    url = f"https://file.example.test/{'a' * 100}.png"
    taken = {"image": url}, {"image": ("url", "data_url")}, [], False, {"image": 30}
    assert inputs.put_files(*taken) == {"image": url}


class Moved(io.BytesIO):
    """Says of `seek` whether it worked, as files of some libraries do."""

    def seek(self, *where: int) -> bool:  # type: ignore[override]
        super().seek(*where)
        return True


def test_fault_19_a_file_whose_seek_returns_true_is_sent_whole(serve: Any) -> None:
    """True was taken for its length, and the first byte was sent."""
    server = serve(http({"url": "https://x/a"}))
    with api302.Client(api_key=KEY, base_url=server.url) as client:
        client.request("POST", "/x", files={"file": Moved(b"x" * 3000)})
    assert b"x" * 3000 in server.requests[0].body
