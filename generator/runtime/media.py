"""Media types, suffixes of files, and what a file is by its first bytes.

A table of our own, of the forms that this API takes and gives: a slim system has no `mime.types`.
Of the rest of the world's forms puremagic knows more, where it is installed.
"""

from __future__ import annotations

from mimetypes import guess_extension, guess_type
from typing import NamedTuple

UNKNOWN = "application/octet-stream"
START = 512
"""How many bytes of a file tell what it is."""


def essence(media_type: str) -> str:
    """The media type without its parameters, in lower case."""
    return media_type.partition(";")[0].strip().lower()


def is_json(media_type: str) -> bool:
    """Whether a body of this media type is JSON."""
    kind = essence(media_type)
    return kind == "application/json" or kind.endswith("+json")


class Kind(NamedTuple):
    """What a file is."""

    media_type: str
    suffix: str


_KINDS = """
    image/png .png  image/jpeg .jpg .jpeg .jfif  image/gif .gif  image/webp .webp  image/bmp .bmp
    image/tiff .tiff .tif  image/avif .avif  image/heic .heic .heif  image/svg+xml .svg
    image/x-icon .ico  image/vnd.adobe.photoshop .psd
    audio/mpeg .mp3 .mpga  audio/wav .wav  audio/mp4 .m4a  audio/aac .aac  audio/flac .flac
    audio/ogg .ogg .oga  audio/opus .opus  audio/amr .amr  audio/midi .mid .midi
    audio/x-ms-wma .wma  audio/aiff .aiff .aif  audio/webm .weba
    video/mp4 .mp4 .m4v  video/quicktime .mov  video/webm .webm  video/x-matroska .mkv
    video/x-msvideo .avi  video/mpeg .mpeg .mpg  video/x-flv .flv  video/x-ms-wmv .wmv
    video/mp2t .ts
    text/plain .txt .log  text/markdown .md  text/csv .csv  text/html .html .htm  text/vtt .vtt
    model/gltf-binary .glb  model/gltf+json .gltf  model/obj .obj  model/stl .stl
    model/vnd.usdz+zip .usdz  model/vnd.ply .ply
    application/pdf .pdf  application/zip .zip  application/gzip .gz  application/json .json
    application/jsonl .jsonl  application/xml .xml  application/x-subrip .srt
    application/rtf .rtf  application/epub+zip .epub  application/x-7z-compressed .7z
    application/vnd.rar .rar  application/x-tar .tar  application/x-fbx .fbx
    application/msword .doc  application/vnd.ms-excel .xls  application/vnd.ms-powerpoint .ppt
    application/vnd.openxmlformats-officedocument.wordprocessingml.document .docx
    application/vnd.openxmlformats-officedocument.spreadsheetml.sheet .xlsx
    application/vnd.openxmlformats-officedocument.presentationml.presentation .pptx
"""
"""Media types, each with its suffixes, the usual one first."""
_OTHER_NAMES = """
    image/jpg .jpg  audio/mp3 .mp3  audio/x-wav .wav  audio/wave .wav  audio/vnd.wave .wav
    audio/x-m4a .m4a  audio/m4a .m4a  audio/x-flac .flac  application/ogg .ogg  audio/pcm .pcm
    audio/l16 .pcm  image/vnd.microsoft.icon .ico  application/x-gzip .gz
    application/x-zip-compressed .zip  text/xml .xml  application/x-pdf .pdf
"""


def _by_suffix() -> dict[str, str]:
    types: dict[str, str] = {}
    media_type = ""
    for word in _KINDS.split():
        if word.startswith("."):
            types[word] = media_type
        else:
            media_type = word
    return types


_TYPES = _by_suffix()
_SUFFIXES = {media_type: suffix for suffix, media_type in reversed(_TYPES.items())}
_SUFFIXES |= dict(zip(_OTHER_NAMES.split()[::2], _OTHER_NAMES.split()[1::2], strict=True))

_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", ".png"),
    (b"\xff\xd8\xff", ".jpg"),
    (b"GIF87a", ".gif"),
    (b"GIF89a", ".gif"),
    (b"II*\0", ".tiff"),
    (b"MM\0*", ".tiff"),
    (b"8BPS", ".psd"),
    (b"\0\0\1\0", ".ico"),
    (b"ID3", ".mp3"),
    (b"fLaC", ".flac"),
    (b"#!AMR", ".amr"),
    (b"MThd", ".mid"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", ".wmv"),
    (b"FLV\1", ".flv"),
    (b"\0\0\1\xba", ".mpeg"),
    (b"%PDF-", ".pdf"),
    (b"\x1f\x8b\x08", ".gz"),
    (b"7z\xbc\xaf\x27\x1c", ".7z"),
    (b"Rar!\x1a\x07", ".rar"),
    (b"{\\rtf", ".rtf"),
    (b"glTF", ".glb"),
    (b"Kaydara FBX Binary", ".fbx"),
    (b"WEBVTT", ".vtt"),
)
_RIFF = {b"WEBP": ".webp", b"WAVE": ".wav", b"AVI ": ".avi"}
_BRANDS = {
    b"avif": ".avif",
    b"avis": ".avif",
    b"heic": ".heic",
    b"heix": ".heic",
    b"hevc": ".heic",
    b"mif1": ".heic",
    b"msf1": ".heic",
    b"M4A ": ".m4a",
    b"M4B ": ".m4a",
    b"qt  ": ".mov",
}
_ZIPS = (
    (b"word/", ".docx"),
    (b"xl/", ".xlsx"),
    (b"ppt/", ".pptx"),
    (b"mimetypeapplication/epub+zip", ".epub"),
)


def kind_of(start: bytes) -> Kind | None:
    """What a file is by its first bytes (`START` are enough), or None where they do not tell."""
    suffix = _by_magic(start) or _by_container(start) or _by_frames(start) or _by_markup(start)
    return Kind(_TYPES[suffix], suffix) if suffix else None


def recognized(start: bytes) -> Kind | None:
    """What a file is by its first bytes: `kind_of`, or else as puremagic knows it.

    Take this where nothing else tells: puremagic is imported at first use.
    """
    return kind_of(start) or _by_puremagic(start)


SURE = 0.4
"""How sure puremagic must be: of four bytes. What looks alike in less is often something else."""


def _by_puremagic(start: bytes) -> Kind | None:
    try:
        import puremagic
    except ImportError:
        return None
    try:
        found = puremagic.magic_string(start[:START]) if start.strip(b"\0") else []
    except (puremagic.PureError, ValueError):
        return None
    sure = [one for one in found if one.confidence >= SURE and one.extension]
    if not sure:
        return None
    best = sure[0]
    media_type = _TYPES.get(best.extension) or best.mime_type or type_of(f"x{best.extension}")
    return Kind(media_type, best.extension) if media_type else None


def _by_magic(start: bytes) -> str | None:
    return next((suffix for magic, suffix in _MAGIC if start.startswith(magic)), None)


def _by_container(start: bytes) -> str | None:
    """Forms that say further in what they hold."""
    if start.startswith(b"RIFF"):
        return _RIFF.get(start[8:12])
    if start[4:8] == b"ftyp":
        return _BRANDS.get(start[8:12], ".mp4")
    if start.startswith(b"PK\3\4"):
        return next((suffix for name, suffix in _ZIPS if name in start[:START]), ".zip")
    return _by_named_container(start)


def _by_named_container(start: bytes) -> str | None:
    if start.startswith(b"\x1a\x45\xdf\xa3"):
        return ".webm" if b"webm" in start[:64] else ".mkv"
    if start.startswith(b"OggS"):
        return ".opus" if b"OpusHead" in start[:64] else ".ogg"
    if start.startswith(b"FORM") and start[8:12] in (b"AIFF", b"AIFC"):
        return ".aiff"
    if start.startswith(b"BM") and start[6:10] == b"\0\0\0\0":
        return ".bmp"
    return None


def _by_frames(start: bytes) -> str | None:
    """MPEG audio without a tag before it: AAC frames have layer 0, MP3 frames layer 3."""
    if len(start) < 4 or start[0] != 0xFF:
        return None
    if start[1] & 0xF6 == 0xF0:
        return ".aac"
    is_mp3 = start[1] & 0xE6 == 0xE2 and start[2] & 0xF0 != 0xF0 and start[2] & 0x0C != 0x0C
    return ".mp3" if is_mp3 and start[1] & 0x18 != 0x08 else None


def _by_markup(start: bytes) -> str | None:
    text = start[:START].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith(b"<svg") or (text.startswith(b"<?xml") and b"<svg" in text):
        return ".svg"
    if text.startswith((b"<!doctype html", b"<html")):
        return ".html"
    return ".xml" if text.startswith(b"<?xml") else None


def type_of(name: str) -> str | None:
    """The media type that a file's name tells, or None."""
    dot = name.rfind(".")
    suffix = name[dot:].lower() if dot >= 0 else ""
    return _TYPES.get(suffix) or guess_type(f"x{suffix}")[0]


def suffix_of(media_type: str) -> str:
    """The suffix, with its dot, for a media type; empty where there is none, or it says nothing."""
    kind = essence(media_type)
    if kind in ("", UNKNOWN):
        return ""
    return _SUFFIXES.get(kind) or guess_extension(kind) or ""


def described(name: str, start: bytes) -> Kind:
    """What a file to be sent is: its name tells, or else its first bytes.

    An image is named wrongly so often, and refused for it, that its bytes decide.
    """
    by_name = type_of(name)
    by_content = kind_of(start) if by_name else recognized(start)
    both_images = by_name and by_content and by_name.startswith("image/")
    if by_content and (not by_name or (both_images and by_content.media_type.startswith("image/"))):
        return by_content
    return Kind(by_name or UNKNOWN, "")
