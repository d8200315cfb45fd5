"""The one writer of files: whole or nothing, whatever the target is and whoever interrupts it.

Its properties draw `EXAMPLES` inputs (see `drawn`).
"""

from __future__ import annotations

import atexit
import os
import random
import shutil
import stat
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from drawn import many
from hypothesis import given
from hypothesis import strategies as st
from patience import PATIENCE, happened
from support import Lazy, environment

writer = Lazy("api302_client.writer")
media = Lazy("api302_client.media")
model = Lazy("api302_client._model")

CONTENT = bytes(range(256)) * 1000


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def mode_of(path: Path) -> int:
    return os.lstat(path).st_mode


def test_a_file_and_a_folder(tmp_path: Path) -> None:
    target = tmp_path / "a.mp3"
    assert writer.save(CONTENT, target, "x") == target
    assert writer.save(b"new", str(target), "x").read_bytes() == b"new"
    assert [writer.save(b"1", tmp_path, "a.mp3").name for _ in range(3)] == [
        "a (1).mp3",
        "a (2).mp3",
        "a (3).mp3",
    ]
    assert names(tmp_path) == ["a (1).mp3", "a (2).mp3", "a (3).mp3", "a.mp3"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_a_file_that_is_replaced_keeps_its_permissions(tmp_path: Path) -> None:
    target = tmp_path / "a"
    target.write_bytes(b"old")
    target.chmod(0o640)
    writer.save(b"new", target, "x")
    assert stat.S_IMODE(mode_of(target)) == 0o640


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_fault_18_a_device_is_written_to_and_stays(tmp_path: Path) -> None:
    link = tmp_path / "null"
    link.symlink_to("/dev/null")
    for path in ("/dev/null", link):
        assert writer.save(CONTENT, path, "x") == Path(path)
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    assert link.is_symlink()
    with pytest.raises(OSError, match="No space"):
        writer.save(CONTENT, "/dev/full", "x")
    assert stat.S_ISCHR(os.stat("/dev/full").st_mode)
    assert names(tmp_path) == ["null"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.parametrize("starts_late", [False, True])
def test_fault_18_a_pipe_is_written_to_and_stays(starts_late: bool, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    received: list[bytes] = []

    def read() -> None:
        time.sleep(0.2 if starts_late else 0)
        with pipe.open("rb") as file:
            time.sleep(0.1)  # more than the pipe holds is to be written
            received.append(file.read())

    reader = threading.Thread(target=read)
    reader.start()
    assert writer.save(CONTENT, pipe, "x") == pipe
    reader.join()
    assert received == [CONTENT]
    assert stat.S_ISFIFO(mode_of(pipe))
    assert names(tmp_path) == ["pipe"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_fault_18_a_pipe_beside_two_thousand_open_files(tmp_path: Path) -> None:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 4096:
        pytest.skip(f"this system allows {hard} open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, hard))
    held = [os.open(os.devnull, os.O_RDONLY) for _ in range(2000)]
    try:
        test_fault_18_a_pipe_is_written_to_and_stays(False, tmp_path)
    finally:
        for one in held:
            os.close(one)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_fault_18_a_pipe_that_nobody_reads_does_not_hold_up_dropping(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    one = writer.Writer(tmp_path / "pipe", "x")
    caught: list[BaseException] = []

    def write() -> None:
        try:
            one.write(CONTENT)
        except BaseException as error:
            caught.append(error)

    thread = threading.Thread(target=write)
    thread.start()
    time.sleep(0.1)  # for it to wait, which no event tells
    one.drop()
    thread.join(PATIENCE)
    assert [type(error).__name__ for error in caught] == ["Dropped"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no /dev/stdout")
def test_fault_18_standard_output_is_not_replaced(tmp_path: Path, packages: list[str]) -> None:
    import subprocess
    import sys

    code = "from api302_client.writer import save; save(b'sound', '/dev/stdout', 'x')"
    with (tmp_path / "out").open("wb") as out:
        env = environment(packages)
        subprocess.run([sys.executable, "-c", code], check=True, stdout=out, env=env)
    assert (tmp_path / "out").read_bytes() == b"sound"
    assert names(tmp_path) == ["out"]


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege")
def test_fault_18_no_link_is_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"mine")
    inside = tmp_path / "in"
    inside.mkdir()
    (inside / "a.mp3").symlink_to(victim)
    (inside / ".a.mp3.part").symlink_to(victim)
    model.Binary(CONTENT, "audio/mpeg").save(inside / "a.mp3")
    assert not (inside / "a.mp3").is_symlink()
    assert victim.read_bytes() == b"mine"
    monkeypatch.setattr("secrets.token_hex", lambda _: "guessed")
    (inside / ".guessed.part").symlink_to(victim)
    with pytest.raises(FileExistsError):
        writer.save(CONTENT, inside / "b", "x")
    assert victim.read_bytes() == b"mine"
    assert names(inside) == [".a.mp3.part", ".guessed.part", "a.mp3"], "what was there stays"


@pytest.mark.skipif(os.name == "nt", reason="a path is limited there, not a name")
def test_fault_18_long_names(tmp_path: Path) -> None:
    longest = tmp_path / ("x" * 255)
    assert model.Binary(CONTENT).save(longest).read_bytes() == CONTENT
    with pytest.raises(ValueError, match=r"^path: '.*File name too long"):
        model.Binary(CONTENT).save(tmp_path / ("x" * 300))
    assert names(tmp_path) == ["x" * 255]


def test_paths_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path, said in (
        (tmp_path / "none" / "a", "there is no folder .*none"),
        (f"{tmp_path}/none/", "there is no folder .*none"),
        (tmp_path / "file" / "a", "there is no folder .*file"),
        ("a\0b", "cannot be the path"),
        (b"bytes", "cannot be the path"),
    ):
        with pytest.raises(ValueError, match=f"^path: .*{said}"):
            writer.Writer(path, "x")
    assert names(tmp_path) == ["file"]


def test_fault_18_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    resource: Any = pytest.importorskip("resource", reason="Windows has no limits of a process")
    import signal

    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    (tmp_path / "old").write_bytes(b"old")
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limit[1]))
    try:
        for path in (tmp_path / "old", tmp_path / "new", tmp_path):
            with pytest.raises(OSError, match="large"):
                model.Binary(CONTENT, "audio/mpeg").save(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, before)
    assert names(tmp_path) == ["old"]
    assert (tmp_path / "old").read_bytes() == b"old"


def test_fault_18_threads(tmp_path: Path) -> None:
    contents = [bytes([number]) * 100_000 for number in range(16)]
    saved: list[Path] = []
    barrier = threading.Barrier(16)

    def save(content: bytes, target: Path) -> None:
        barrier.wait()
        saved.append(model.Binary(content, "audio/mpeg").save(target))

    for target in (tmp_path, tmp_path / "one.mp3"):
        threads = [threading.Thread(target=save, args=(content, target)) for content in contents]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    apart = [path for path in saved if path.name != "one.mp3"]
    assert len(saved) == 32
    assert sorted(path.read_bytes() for path in apart) == contents
    assert (tmp_path / "one.mp3").read_bytes() in contents
    assert len(names(tmp_path)) == 17


def test_fault_18_a_target_that_somebody_has_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Windows refuses to replace it: a scanner, another thread."""
    real, refusals = os.replace, iter([True] * 3)

    def busy(part: Any, target: Any) -> None:
        if next(refusals, False):
            raise PermissionError(13, "Access is denied")
        real(part, target)

    monkeypatch.setattr(os, "replace", busy)
    monkeypatch.setattr("api302_client.writer._PATIENCE", PATIENCE)
    assert writer.save(b"paid", tmp_path / "a.mp3", "x").read_bytes() == b"paid"
    monkeypatch.setattr("api302_client.writer._PATIENCE", 0.0)
    refusals = iter([True])
    with pytest.raises(PermissionError):
        writer.save(b"other", tmp_path / "a.mp3", "x")
    assert (tmp_path / "a.mp3").read_bytes() == b"paid"
    assert names(tmp_path) == ["a.mp3"]


def test_fault_18_a_name_fits_where_paths_are_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    longest = len(str(tmp_path)) + 30
    monkeypatch.setattr("api302_client.writer._LONGEST_PATH", longest)
    saved = [writer.save(b"1", tmp_path, "n" * 150 + ".mp3") for _ in range(3)]
    assert [path.name for path in saved] == [
        "nnnnnnnnnnnnnnnnnn.mp3",
        "nnnnnnnnnnnnnnnnnn (1).mp3",
        "nnnnnnnnnnnnnnnnnn (2).mp3",
    ]
    assert all(len(str(path)) <= longest for path in saved)


def test_a_file_system_without_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(os, "link", refuse)
    assert [writer.save(b"1", tmp_path, "a.mp3").name for _ in range(2)] == ["a.mp3", "a (1).mp3"]

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OSError, match="not supported"):
        writer.save(b"1", tmp_path, "a.mp3")
    assert names(tmp_path) == ["a (1).mp3", "a.mp3"], "no empty file under the name that was taken"


@pytest.mark.parametrize("waits", [True, False])
def test_fault_18_dropped_while_another_thread_writes(waits: bool, tmp_path: Path) -> None:
    one = writer.Writer(tmp_path / "a", "x")
    begun, go_on = threading.Event(), threading.Event()
    real = one._opened

    def slowly() -> Any:
        file = real()
        begun.set()
        happened(go_on)
        return file

    one._opened = slowly
    thread = threading.Thread(target=one.write, args=(CONTENT,))
    thread.start()
    happened(begun)
    if waits:
        dropping = threading.Thread(target=one.drop)
        dropping.start()
        go_on.set()
        dropping.join()
    else:
        one.drop_soon()
        assert len(names(tmp_path)) == 1, "the thread has it still"
        go_on.set()
    thread.join()
    assert names(tmp_path) == []
    with pytest.raises(writer.Dropped):
        one.finish()
    assert names(tmp_path) == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_no_file_stays_open(tmp_path: Path) -> None:
    def opened() -> list[str]:
        """The test's files; what threads of other tests have open comes and goes."""
        found: list[str] = []
        for name in os.listdir("/proc/self/fd"):
            with suppress(OSError):
                found.append(os.readlink(f"/proc/self/fd/{name}"))
        return sorted(name for name in found if name.startswith((str(tmp_path), "/dev/null")))

    before = opened()
    for target in (tmp_path / "a", "/dev/null", tmp_path):
        for ends in ("finish", "drop"):
            one = writer.Writer(target, "x")
            one.write(b"x")
            getattr(one, ends)()
            one.drop()
    assert opened() == before


# --- names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "media_type", "suffix"),
    [
        (b"\x89PNG\r\n\x1a\n", "application/octet-stream", ".png"),
        (b"", "audio/mpeg", ".mp3"),
        (b"", "audio/x-wav", ".wav"),
        (b"", "image/webp; q=1", ".webp"),
        (b"nothing known", "application/octet-stream", ""),
        (b"RIFF1234WAVE", "", ".wav"),
    ],
)
def test_a_name_for_what_is_saved_in_a_folder(
    content: bytes, media_type: str, suffix: str, tmp_path: Path
) -> None:
    saved = model.Binary(content, media_type).save(tmp_path)
    assert saved.name == f"download{suffix}"


STARTS = {
    ".png": b"\x89PNG\r\n\x1a\n\0\0",
    ".jpg": b"\xff\xd8\xff\xe0\0\x10JFIF",
    ".gif": b"GIF89a\1\0",
    ".webp": b"RIFF\x24\0\0\0WEBPVP8 ",
    ".wav": b"RIFF\x24\0\0\0WAVEfmt ",
    ".avi": b"RIFF\x24\0\0\0AVI LIST",
    ".mp3": b"ID3\4\0\0\0\0\0\0",
    ".aac": b"\xff\xf1\x50\x80\0\0",
    ".flac": b"fLaC\0\0\0\x22",
    ".ogg": b"OggS\0\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\x1e\1vorbis",
    ".opus": b"OggS\0\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\x13OpusHead",
    ".m4a": b"\0\0\0\x1cftypM4A \0\0",
    ".mp4": b"\0\0\0\x20ftypisom\0\0",
    ".mov": b"\0\0\0\x14ftypqt  \0\0",
    ".avif": b"\0\0\0\x1cftypavif\0\0",
    ".heic": b"\0\0\0\x18ftypheic\0\0",
    ".webm": b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\1\x42\x82\x84webm",
    ".mkv": b"\x1a\x45\xdf\xa3\xa3\x42\x82\x88matroska",
    ".pdf": b"%PDF-1.7",
    ".zip": b"PK\3\4\x14\0\0\0\0\0a.txt",
    ".docx": b"PK\3\4\x14\0\6\0word/document.xml",
    ".glb": b"glTF\2\0\0\0",
    ".bmp": b"BM\x36\0\0\0\0\0\0\0\x36\0",
    ".tiff": b"II*\0\x08\0",
    ".svg": b'<?xml version="1.0"?>\n<svg xmlns="x">',
    ".amr": b"#!AMR\n",
}  # fmt: skip


@pytest.mark.parametrize("suffix", STARTS)
def test_trial_05_a_file_is_known_by_its_content(suffix: str) -> None:
    kind = media.kind_of(STARTS[suffix])
    assert kind.suffix == suffix
    assert media.type_of(f"x{suffix.upper()}") == kind.media_type
    assert media.suffix_of(kind.media_type) == suffix
    assert media.described("upload", STARTS[suffix]) == kind


def test_an_mp3_without_a_tag() -> None:
    assert media.kind_of(b"\xff\xfb\x90\x64\0\0").suffix == ".mp3"
    assert media.kind_of(b"\xff\xf3\x84\xc4\0\0").suffix == ".mp3"
    for start in (b"", b"\xff", b"\xff\xff\xff\xff", b"\xff\xfe<\0h\0", b"text", b"\0" * 600):
        assert media.kind_of(start) is None


def test_a_name_tells_unless_an_image_is_another() -> None:
    assert media.described("a.m4a", STARTS[".mp4"]).media_type == "audio/mp4"
    assert media.described("a.docx", STARTS[".zip"]).media_type.endswith(".document")
    assert media.described("a.png", STARTS[".jpg"]).media_type == "image/jpeg"
    assert media.described("a.svg", b"<svg>").media_type == "image/svg+xml"
    assert media.described("notes", b"plain") == (media.UNKNOWN, "")


def test_trial_05_slim_systems_know_suffixes_too(monkeypatch: pytest.MonkeyPatch) -> None:
    import api302_client.media as real

    monkeypatch.setattr(real, "guess_type", lambda _: (None, None))
    monkeypatch.setattr(real, "guess_extension", lambda _: None)
    for name, kind in (
        ("a.webp", "image/webp"),
        ("a.m4a", "audio/mp4"),
        ("a.flac", "audio/flac"),
        ("a.ogg", "audio/ogg"),
    ):
        assert real.type_of(name) == kind
        assert real.suffix_of(kind) == name[1:]


# --- hostile names and places ---------------------------------------------------------------------


def test_fault_18_a_name_that_is_cut_ends_as_every_system_takes_it() -> None:
    """Found by 200,000 inputs: a suffix was cut right behind a space."""
    said = 'attachment; filename="{}"'
    for name in (
        "a.utf-7''_attachment; more",
        "a.one.two.three-four-five .six",
        "b" * 149 + " c d.mp4",
    ):
        made = writer.safe_name({"content-disposition": said.format(name)})
        assert not made.endswith((" ", "."))
        assert made.rpartition(".")[0].rstrip(" .") == made.rpartition(".")[0]


PARTS = [
    *("..", "/", "\\", "%2e%2e", "%2F", "%5c", "\0", "%00", "\n", "\r\n", ";", '"', "'"),
    *("filename=", "filename*=UTF-8''"),
    *("attachment; ", "C:", "con", "nul.", "a", ".", " ", "猫", "\u202e", "\ud800", "x" * 300),
    *(".mp4", "~", "$HOME", "|", "*"),
    *("UTF-8''%FF%FE", "utf-7''", "=?utf-8?q?a?=", "\u2028", "-", "`", "%", "%zz"),
    *("/etc/passwd", "\\\\host\\share"),
]  # fmt: skip


@many
@given(st.integers(0, 2**48))
def test_fault_18_no_name_of_a_server_leads_out_of_the_folder(seed: int) -> None:
    chance = random.Random(seed)

    def text() -> str:
        return "".join(chance.choices(PARTS, k=chance.randint(0, 6)))

    headers = {
        "content-disposition": text(),
        "content-type": text() if chance.random() < 0.3 else "audio/mpeg",
    }
    url = "https://x/" + text().replace("\ud800", "")
    name = writer.safe_name(headers, url, chance.randbytes(20))
    assert name not in ("", ".", "..")
    assert not set(name) & set('/\\\0\r\n<>:"|?*')
    assert len(name.encode()) <= 200
    assert Path("folder", name).parent == Path("folder")
    assert not name.startswith(".")
    assert not name.endswith((".", " "))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@many
@given(st.integers(0, 2**48))
def test_fault_18_any_target_is_written_whole_or_refused(seed: int) -> None:
    chance = random.Random(seed)
    root = PLACES
    if not (root / "pipe").exists():
        (root / "folder").mkdir()
        (root / "file").write_bytes(b"old")
        (root / "link").symlink_to("file")
        (root / "loop").symlink_to("loop")
        (root / "dangling").symlink_to("nowhere")
        (root / "null").symlink_to("/dev/null")
        os.mkfifo(root / "pipe")
    steps = chance.choices(
        [
            "folder",
            "file",
            "link",
            "loop",
            "dangling",
            "null",
            "new",
            "..",
            ".",
            "",
            "x" * 300,
            "a\0",
        ],
        k=chance.randint(1, 3),
    )
    path = f"{root}/{'/'.join(steps)}"
    if ".." in steps:
        path = f"{root}/folder/{'/'.join(step for step in steps if step != '..')}"
    try:
        saved = writer.save(b"new", path, "name.mp3")
    except (ValueError, OSError):
        saved = None
    if saved is not None and not saved.samefile("/dev/null"):
        assert saved.read_bytes() == b"new"
        assert root in saved.parents
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    assert stat.S_ISFIFO(mode_of(root / "pipe"))
    assert list(root.rglob("*.part")) == []


PLACES = Path(tempfile.mkdtemp(prefix="api302-places-"))
atexit.register(shutil.rmtree, PLACES, True)
