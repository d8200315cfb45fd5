"""Small real files of the kinds that the API returns."""

from __future__ import annotations

import base64
import io
import mimetypes
import struct
import zlib
from functools import cache


def accepts(pattern: str, media_type: str) -> bool:
    """Whether a media range of an `Accept` header (`image/*`) covers a media type."""
    return pattern in ("*/*", "*", media_type) or (
        pattern.endswith("/*") and media_type.startswith(pattern[:-1])
    )


def _png(size: int = 8) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    rows = b"".join(
        b"\0" + bytes(value for x in range(size) for value in (30 * x % 256, 30 * y % 256, 120))
        for y in range(size)
    )
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def _wav(seconds: float = 0.1, rate: int = 8000) -> bytes:
    samples = b"".join(
        struct.pack("<h", 8000 * ((index // 10) % 2) - 4000) for index in range(int(seconds * rate))
    )
    head = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate, rate * 2, 2, 16)
    return (
        b"RIFF"
        + struct.pack("<I", 4 + len(head) + 8 + len(samples))
        + b"WAVE"
        + head
        + b"data"
        + struct.pack("<I", len(samples))
        + samples
    )


def _mp3(frames: int = 4) -> bytes:
    # MPEG-1 layer III, 128 kbit/s, 44.1 kHz, mono: a frame is 417 bytes, and one of zeros is
    # silence.
    return (b"\xff\xfb\x90\xc4" + bytes(413)) * frames


def _aac(frames: int = 4) -> bytes:
    # ADTS, 44.1 kHz, mono: a frame is its header of 7 bytes and, for silence, one element of 6.
    return (b"\xff\xf1\x50\x40\x01\xbf\xfc" + b"\x01\x18\x20\x07\x00\x00") * frames


def _flac() -> bytes:
    info = (
        struct.pack(">HH", 4096, 4096)
        + bytes(6)
        + struct.pack(">Q", 44100 << 44 | 15 << 36)
        + bytes(16)
    )
    return b"fLaC" + b"\x80" + struct.pack(">I", len(info))[1:] + info


def _opus() -> bytes:
    def page(kind: int, number: int, data: bytes) -> bytes:
        head = struct.pack("<4sBBQIII", b"OggS", 0, kind, 0, 302, number, 0) + bytes([1, len(data)])
        crc = 0
        for byte in head + data:
            crc ^= byte << 24
            for _ in range(8):
                crc = (crc << 1 ^ (0x04C11DB7 if crc >> 31 else 0)) & 0xFFFFFFFF
        return head[:22] + struct.pack("<I", crc) + head[26:] + data

    return page(2, 0, struct.pack("<8sBBHIhB", b"OpusHead", 1, 1, 0, 48000, 0, 0)) + page(
        4, 1, b"OpusTags" + bytes(8)
    )


def _mp4() -> bytes:
    def box(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", 8 + len(data)) + kind + data

    header = (
        struct.pack(">IIIII", 0, 0, 0, 1000, 0) + struct.pack(">IH", 0x10000, 0x100) + bytes(10)
    )
    header += (
        struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
        + bytes(24)
        + struct.pack(">I", 1)
    )
    return (
        box(b"ftyp", b"isom\0\0\x02\0isomiso2mp41")
        + box(b"moov", box(b"mvhd", header))
        + box(b"mdat", bytes(64))
    )


def _glb() -> bytes:
    text = b'{"asset":{"version":"2.0"}}'
    text += b" " * (-len(text) % 4)
    return b"glTF" + struct.pack("<III", 2, 20 + len(text), len(text)) + b"JSON" + text


def _zip() -> bytes:
    import zipfile

    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr(zipfile.ZipInfo("mock.txt"), "A file of the mock.\n")
    return made.getvalue()


# The smallest of their kind: one grey pixel.
_JPEG = (
    "/9j/4AAQSkZJRgABAQEASABIAAD/2wBDAP////////////////////////////////////////////////////////"
    "//////////////////////////////wAALCAABAAEBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAAA//EABQQAQAAAAAA"
    "AAAAAAAAAAAAAAD/2gAIAQEAAD8AN//Z"
)
_WEBP = "UklGRiQAAABXRUJQVlA4IBgAAAAwAQCdASoBAAEAAwA0JaQAA3AA/vuUAAA="
_GIF = "R0lGODlhAQABAIAAAP///wAAACH5BAAAAAAALAAAAAABAAEAAAICRAEAOw=="
_PDF = (
    b"%PDF-1.1\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
    b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 72 72]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
)
_SVG = (
    b'<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8">'
    b'<rect width="8" height="8" fill="#c33"/></svg>'
)

_MADE = {
    "png": _png,
    "jpg": lambda: base64.b64decode(_JPEG),
    "webp": lambda: base64.b64decode(_WEBP),
    "gif": lambda: base64.b64decode(_GIF),
    "svg": lambda: _SVG,
    "wav": _wav,
    "mp3": _mp3,
    "aac": _aac,
    "flac": _flac,
    "opus": _opus,
    "pcm": lambda: _wav()[44:],
    "mp4": _mp4,
    "glb": _glb,
    "pdf": lambda: _PDF,
    "zip": _zip,
    "txt": lambda: "A file of the mock: 你好\n".encode(),
    "json": lambda: b'{"mock": true}\n',
}
_SAME = {
    "jpeg": "jpg",
    "ogg": "opus",
    "m4a": "mp4",
    "mov": "mp4",
    "mpeg": "mp3",
    "mpga": "mp3",
    "srt": "txt",
    "vtt": "txt",
    "text": "txt",
    "md": "txt",
    "html": "txt",
    "csv": "txt",
}
_MEDIA = {
    "webp": "image/webp",
    "glb": "model/gltf-binary",
    "mp4": "video/mp4",
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "opus": "audio/opus",
    "pcm": "audio/pcm",
    "text": "text/plain",
    "srt": "text/plain",
    "vtt": "text/plain",
}
_OF_MEDIA = {
    "audio/x-wav": "wav",
    "audio/wave": "wav",
    "audio/mp3": "mp3",
    "application/zip": "zip",
    "text/plain": "txt",
}


def media_of(extension: str) -> str:
    """The media type of a file's extension (without the dot)."""
    return (
        _MEDIA.get(extension)
        or mimetypes.guess_type(f"x.{extension}")[0]
        or "application/octet-stream"
    )


def is_known(extension: str) -> bool:
    """Whether a real file of this kind can be made."""
    return _SAME.get(extension, extension) in _MADE


@cache
def sample(extension: str) -> bytes:
    """A small real file of this kind (`png`); of a kind that is not known, a few bytes."""
    make = _MADE.get(_SAME.get(extension, extension))
    return make() if make else b"\0mock\xff"


def sample_of(media_type: str) -> bytes:
    """A small real file of a media type; a PNG for `image/*`, an MP3 or MP4 for others."""
    if media_type in _OF_MEDIA:
        return sample(_OF_MEDIA[media_type])
    for extension, media in [*_MEDIA.items(), *((name, media_of(name)) for name in _MADE)]:
        if media == media_type:
            return sample(extension)
    return sample(
        {"image": "png", "audio": "mp3", "video": "mp4", "text": "txt"}.get(
            media_type.partition("/")[0], ""
        )
    )
