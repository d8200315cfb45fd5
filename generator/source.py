"""Read the YAML files of a specification, keeping file and line of every key and item.

A vendor's calls of a section are in `<section>/<vendor>.yaml`, or in parts,
`<section>/<vendor>/<part>.yaml`, which vendors.yaml names; `<section>/<vendor>/common.yaml` holds
what the parts share. The models of a kind are in `models/<kind>.yaml`, or in parts,
`models/<kind>/<part>.yaml`. What goes over a WebSocket is in `<section>/realtime.yaml`, and more of
it in `<section>/realtime/<part>.yaml`.

YAML is read strictly: plain scalars mean what JSON means (numbers, true, false, null); everything
else is a string, so dates and `16:9` stay strings. What YAML 1.1 and 1.2 read differently (`yes`,
`010`, `1_000`, anchors, tags) is refused and must be quoted or written out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from yaml import MappingNode, Node, ScalarNode, SequenceNode, YAMLError
from yaml.cyaml import CParser  # pyright: ignore[reportAttributeAccessIssue]

from . import parsed

ROOT_FILE, VENDORS_FILE, COMMON_FILE, LEDGER_NAME = (
    "openapi.yaml",
    "vendors.yaml",
    "common.yaml",
    "pages.yaml",
)
EXTENSIONS_FILE = "extensions.schema.json"
MODELS_FOLDER, NOT_MODELS = "models", "not_models"
REALTIME = "realtime"
"""The AsyncAPI document is `<section>/realtime.yaml`, with parts in `<section>/realtime/`."""

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?\Z")
# What some YAML reader would take for a boolean or number, and another for text.
_AMBIGUOUS = re.compile(
    r"(?i:yes|no|on|off)\Z|(?:TRUE|FALSE|NULL|True|False|Null)\Z|[-+]?\.(?i:inf|nan)\Z"
    r"|[-+]?0[0-9_]+\Z|[-+]?0[xob][0-9A-Fa-f_]+\Z|[-+]?[0-9][0-9_]*_[0-9_]*\Z"
    r"|\+[0-9.]+\Z|[-+]?\.[0-9]+([eE][-+]?[0-9]+)?\Z|[-+]?[0-9]+\.([eE][-+]?[0-9]+)?\Z"
)
# Controls, and what turns the direction of the text around it or ends a line unseen.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]|\r(?!\n)"
)
_MOST_UNSEEN = 20
"""Of one file that are told."""
# Deeper than any description needs, and well below what libyaml and Python's stack take.
_DEEPEST = 100
_DEEP = ("the file is nested too deeply", "look for an unclosed bracket, or name the inner parts")
_CONSTANTS = {"true": True, "false": False, "null": None, "~": None, "": None}


def is_ambiguous(text: str) -> bool:
    """Whether some YAML reader takes this plain scalar for something else than text."""
    return text in _CONSTANTS or text == "<<" or bool(_NUMBER.match(text) or _AMBIGUOUS.match(text))


@dataclass(frozen=True, order=True)
class Problem:
    """What is wrong in the specification: file (relative to its folder), line (from 1), what is
    wrong, and what to do.
    """

    file: str
    line: int
    message: str
    fix: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}\n    fix: {self.fix}"


class SpecError(Exception):
    """The specification cannot be used; `problems` says why."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


@dataclass(frozen=True)
class _Place:
    """The place of a mapping or list: its file, its first line, and the line of each part."""

    file: str
    line: int
    lines: dict[str, int] | list[int]


@dataclass(frozen=True)
class VendorFile:
    """A file with a vendor's calls of a section: `<section>/<vendor>.yaml`, or
    `<section>/<vendor>/<part>.yaml`.
    """

    section: str
    vendor: str
    part: str
    """Empty if the vendor has one file in the section."""
    content: dict[str, Any]

    @property
    def name(self) -> str:
        """The file's name relative to the folder of the specification."""
        return file_name(self.section, self.vendor, self.part)

    @property
    def shared(self) -> str:
        """The name of the file that holds what the parts of this vendor share, whether it is there
        or not.
        """
        return file_name(self.section, self.vendor, COMMON_FILE.removesuffix(".yaml"))


@dataclass(frozen=True)
class ModelFile:
    """A file with models of a kind: `models/<kind>.yaml`, or `models/<kind>/<part>.yaml`."""

    name: str
    kind: str
    content: dict[str, Any]


def file_name(section: str, vendor: str, part: str = "") -> str:
    """The file of a vendor's calls in a section, relative to the folder of the specification."""
    return f"{section}/{vendor}/{part}.yaml" if part else f"{section}/{vendor}.yaml"


@dataclass(frozen=True)
class Home:
    """A path prefix of vendors.yaml: the file that its paths belong into, and the list and place
    that it stands at.
    """

    prefix: str
    section: str
    vendor: str
    part: str
    listed: list[Any]
    number: int

    @property
    def file(self) -> str:
        """The file, relative to the folder of the specification."""
        return file_name(self.section, self.vendor, self.part)

    def holds(self, path: str) -> bool:
        """Whether a path is the prefix itself, or goes on after it with `/` or `:`."""
        return path == self.prefix or (
            path.startswith(self.prefix) and path[len(self.prefix)] in "/:"
        )


def _homes(section: str, vendor: str, part: str, listed: list[Any]) -> Iterator[Home]:
    for number, prefix in enumerate(listed):
        if isinstance(prefix, str):
            yield Home(prefix, section, vendor, part, listed, number)


@dataclass
class Spec:
    """A specification folder: the content of its files as plain dicts and lists, and the line of
    everything in them.
    """

    root: Path
    files: dict[str, Any] = field(default_factory=dict)
    """Content by file name relative to the folder, with forward slashes."""
    texts: dict[str, str] = field(default_factory=dict)
    """The text of the files."""
    problems: list[Problem] = field(default_factory=list)
    """What is wrong with the files as YAML."""
    _places: dict[int, _Place] = field(
        default_factory=dict
    )  # by id() of the container, which `files` or `_kept` keeps alive
    _origins: dict[tuple[int, str | None], Any] = field(default_factory=dict)
    _kept: list[Any] = field(default_factory=list)

    @classmethod
    def load(cls, root: Path, kept: Path | None = None) -> Spec:
        """Read every YAML file of a folder.

        What cannot be read is listed in `problems`; nothing is raised.

        `kept` is a file that remembers what was parsed, so that only what changed is parsed again.
        """
        spec = cls(root)
        known = parsed.load(kept)
        new: dict[str, parsed.Parsed] = {}
        at_root = (root / ROOT_FILE, root / VENDORS_FILE, root / COMMON_FILE)
        found = [*at_root, *root.glob("*/*.y*ml"), *root.glob("*/*/*.y*ml")]
        for name in sorted(path.relative_to(root).as_posix() for path in found if path.is_file()):
            reader = _Reader(spec, name)
            spec.files[name] = reader.read(known.get(name))
            if reader.made:
                new[name] = reader.made
        if kept and any(known.get(name) is not entry for name, entry in new.items()):
            parsed.save(kept, new.items())
        for name in (ROOT_FILE, VENDORS_FILE):
            if name not in spec.files:
                spec.problems.append(
                    Problem(
                        name,
                        1,
                        f"there is no {name} in {root}",
                        f"write it, or give the folder that holds {name}",
                    )
                )
        return spec

    def place(self, container: object, key: str | int | None = None) -> tuple[str, int] | None:
        """File and line of a mapping or list that was read from a file, or of one of its keys or
        items.
        """
        place = self._places.get(id(container))
        if place is None:
            origin = self._origins.get(
                (id(container), None if key is None else str(key)),
                self._origins.get((id(container), None)),
            )
            return None if origin is None else self.place(origin, key)
        if key is None:
            return place.file, place.line
        if isinstance(place.lines, dict):
            return place.file, place.lines.get(str(key), place.line)
        return place.file, place.lines[key] if isinstance(key, int) and 0 <= key < len(
            place.lines
        ) else place.line

    def locate(self, document: object, path: Sequence[str | int]) -> tuple[str, int]:
        """File and line of a path of keys into a document that was put together from the files: the
        nearest known place.
        """
        best = self.place(document) or (ROOT_FILE, 1)
        node: Any = document
        for key in path:
            best = self.place(node, key) or best
            try:
                node = node[key]
            except (KeyError, IndexError, TypeError):
                break
        return best

    def problem(self, container: object, key: str | int | None, message: str, fix: str) -> Problem:
        """A problem at a key or item of a mapping or list."""
        file, line = self.place(container, key) or (ROOT_FILE, 1)
        return Problem(file, line, message, fix)

    def adopt(self, made: object, origin: object, key: str | None = None) -> None:
        """Report problems in a made mapping or list, or one key of it, at `origin`'s position."""
        self._origins[id(made), key] = origin
        self._kept.append(made)

    def remember(self, container: object, place: _Place) -> None:
        """Note where a mapping or list stands."""
        self._places[id(container)] = place

    def vendor_files(self) -> list[VendorFile]:
        """The files that hold paths: by section as in openapi.yaml, by vendor, and by part as in
        vendors.yaml.
        """
        found = []
        for name, content in self.files.items():
            section, slash, rest = name.partition("/")
            vendor, _, part = rest.rpartition(".")[0].partition("/")
            is_other = rest == LEDGER_NAME or section == MODELS_FOLDER or vendor == REALTIME
            if slash and not is_other:
                found.append(VendorFile(section, vendor, part, obj(content)))
        sections, vendors = self.sections(), obj(self.files.get(VENDORS_FILE))

        def rank(file: VendorFile) -> tuple[int, str, str, int, str]:
            parts = list(obj(obj(obj(vendors.get(file.vendor)).get("homes")).get(file.section)))
            section = sections.index(file.section) if file.section in sections else len(sections)
            part = parts.index(file.part) if file.part in parts else len(parts)
            return section, file.section, file.vendor, part, file.part

        return sorted(found, key=rank)

    def realtime_files(self) -> dict[str, dict[str, Any]]:
        """The files of the AsyncAPI document by name, each document before its parts."""
        names = sorted(name for name in self.files if name.partition("/")[0] in self.sections())
        with_parts = [name for name in names if name.split("/")[1:2] == [REALTIME]]
        whole = [name for name in names if name.partition("/")[2] == f"{REALTIME}.yaml"]
        return {name: obj(self.files[name]) for name in [*whole, *with_parts]}

    def model_files(self) -> list[ModelFile]:
        """The files of the catalogue of models, by kind and part."""
        found = []
        for name, content in sorted(self.files.items()):
            folder, slash, rest = name.partition("/")
            kind = rest.rpartition(".")[0].partition("/")[0]
            if slash and folder == MODELS_FOLDER and kind != NOT_MODELS:
                found.append(ModelFile(name, kind, obj(content)))
        return found

    def homes(self) -> list[Home]:
        """Every path prefix of vendors.yaml with its section, vendor and part."""
        found: list[Home] = []
        for slug, vendor in obj(self.files.get(VENDORS_FILE)).items():
            for section, prefixes in obj(obj(vendor).get("homes")).items():
                parts = prefixes if isinstance(prefixes, dict) else {"": prefixes}
                for part, listed in parts.items():
                    found += _homes(section, slug, part, seq(listed))
        return found

    def ledgers(self) -> dict[str, dict[str, Any]]:
        """Ledger rows by page, by file name."""
        return {
            name: content if isinstance(content, dict) else {}
            for name, content in self.files.items()
            if name.endswith("/" + LEDGER_NAME)
        }

    def sections(self) -> list[str]:
        """Section names, in the order of the tags in openapi.yaml."""
        return [
            tag["name"]
            for tag in seq(obj(self.files.get(ROOT_FILE)).get("tags"))
            if isinstance(obj(tag).get("name"), str)
        ]

    def extensions_schema(self) -> Any:
        """The JSON Schema of the x- extensions: the folder's own, or the one of this repository."""
        own = self.root / EXTENSIONS_FILE
        path = own if own.exists() else Path(__file__).parent.parent / "spec" / EXTENSIONS_FILE
        return json.loads(path.read_text(encoding="utf-8"))


def obj(value: Any) -> dict[str, Any]:
    """The value if it is a mapping, else an empty one: a rule about something else need not care
    that this part is malformed.
    """
    return value if isinstance(value, dict) else {}


def seq(value: Any) -> list[Any]:
    """The value if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def _depth(text: str) -> int:
    """About how deep the end of a text is nested: its open brackets, and the indentation of its
    last line.
    """
    line = text[text.rfind("\n") + 1 :]
    indentation = len(line) - len(line.lstrip(" -?"))
    return sum(map(text.count, "[{")) - sum(map(text.count, "]}")) + indentation // 2


class _TooDeep(Exception):
    """A file is nested deeper than `_DEEPEST`, on the line that is its argument."""


class _Parser(CParser):
    """libyaml's parser and composer without tag resolution: what a plain scalar means is decided in
    `_Reader`.

    The composer calls the two hooks of tag resolution around every node, so they are where depth is
    counted. libyaml's limit, which its scanner may reach first by reading ahead, and Python's
    differ by version.
    """

    def resolve(self, kind: type, value: object, implicit: object) -> str:
        return ""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0

    def descend_resolver(self, current_node: Node | None, current_index: object) -> None:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise _TooDeep(current_node.start_mark.line + 1 if current_node else 1)

    def ascend_resolver(self) -> None:
        self._depth -= 1


class _Reader:
    """Turns one file into dicts and lists, and notes their places."""

    def __init__(self, spec: Spec, name: str) -> None:
        self.spec = spec
        self.name = name
        self.seen: set[int] = set()
        self.places: list[tuple[Any, int, Any]] = []
        self.made: parsed.Parsed | None = None

    def read(self, known: parsed.Parsed | None = None) -> Any:
        """The content of the file. `known` is what it was parsed to before."""
        try:
            text = (self.spec.root / self.name).read_bytes().decode("utf-8")
            text = text.replace("\r\n", "\n")  # as some editors on Windows write it
        except UnicodeDecodeError as error:
            self.refuse(
                1,
                f"the file is not UTF-8 ({error.reason} at byte {error.start})",
                "save it as UTF-8",
            )
            return None
        except OSError as error:
            self.refuse(1, f"the file cannot be read: {error.strerror}", "make it readable")
            return None
        self.spec.texts[self.name] = text
        for found in islice(_UNSEEN.finditer(text), _MOST_UNSEEN):
            self.refuse_unseen(text.count("\n", 0, found.start()) + 1, found[0])
        digest = parsed.digest(text)
        if known and known.digest == digest:
            self.made = known
            for container, line, lines in known.places:
                self.spec.remember(container, _Place(self.name, line, lines))
            return known.content
        before = len(self.spec.problems)
        content = self.parse(text)
        if len(self.spec.problems) == before:
            self.made = parsed.Parsed(digest, content, self.places)
        return content

    def parse(self, text: str) -> Any:
        try:
            node = _Parser(text).get_single_node()
        except _TooDeep as error:
            self.refuse(error.args[0], *_DEEP)
            return None
        except YAMLError as error:
            mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
            position = getattr(error, "position", 0)
            line = (
                mark.line + 1
                if mark
                else text.count("\n", 0, position if isinstance(position, int) else 0) + 1
            )
            if mark and _depth(text[: mark.index]) > _DEEPEST:
                self.refuse(line, *_DEEP)
                return None
            what = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
            fix = (
                "correct this line, or the one before it; quote text that holds `: `, ` #` or "
                "brackets"
            )
            self.refuse(line, f"the file is not YAML: {what}", fix)
            return None
        if node is None:
            self.refuse(1, "the file is empty", "fill or delete it")
            return None
        return self.value(node)

    def refuse(self, line: int, message: str, fix: str) -> None:
        self.spec.problems.append(Problem(self.name, line, message, fix))

    def refuse_unseen(self, line: int, character: str) -> None:
        """Refuse what a reviewer does not see, or sees elsewhere than it stands."""
        message = f"the character U+{ord(character):04X} cannot be seen"
        self.refuse(line, message, "remove it")

    def value(self, node: Node) -> Any:
        if isinstance(node, ScalarNode):
            return self.scalar(node)
        line = node.start_mark.line + 1
        if id(node) in self.seen:
            self.refuse(
                line,
                "an anchor is used again through an alias",
                "write it out, or make it a component and use $ref",
            )
            return None
        self.seen.add(id(node))
        if node.tag:
            self.refuse(line, f"there is a YAML tag `{node.tag}`", "remove it")
        if isinstance(node, SequenceNode):
            items = [self.value(item) for item in node.value]
            self.remember(items, line, [item.start_mark.line + 1 for item in node.value])
            return items
        assert isinstance(node, MappingNode)
        return self.mapping(node, line)

    def mapping(self, node: MappingNode, line: int) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        lines: dict[str, int] = {}
        for key_node, value_node in node.value:
            key_line = key_node.start_mark.line + 1
            key = self.key(key_node, key_line)
            if key in mapping:
                self.refuse(
                    key_line,
                    f"the key `{key}` is already on line {lines[key]}",
                    "remove or rename one of the two",
                )
                continue
            if (
                isinstance(value_node, ScalarNode)
                and value_node.value == ""
                and value_node.style in (None, "")
            ):
                fix = (
                    "quote the text before it if the comma belongs to it, or write null if that "
                    "is meant"
                )
                self.refuse(key_line, f"the key `{key}` has no value", fix)
            mapping[key] = self.value(value_node)
            lines[key] = key_line
        self.remember(mapping, line, lines)
        return mapping

    def remember(self, container: Any, line: int, lines: dict[str, int] | list[int]) -> None:
        self.places.append((container, line, lines))
        self.spec.remember(container, _Place(self.name, line, lines))

    def key(self, node: Node, line: int) -> str:
        if not isinstance(node, ScalarNode):
            self.refuse(
                line,
                "a key is a list or a mapping",
                "write a plain text as key, and quote it if it holds brackets",
            )
            return f"key on line {line}"
        text = self.text(node)
        if node.style in (None, "") and (
            text in _CONSTANTS or text == "<<" or _AMBIGUOUS.match(text)
        ):
            self.refuse(
                line, f"the key `{text}` is not text to every YAML reader", f"quote it: '{text}'"
            )
        return text

    def text(self, node: ScalarNode) -> str:
        """The text of a node, which may have escapes."""
        if node.style == '"' and (found := _UNSEEN.search(node.value)):
            self.refuse_unseen(node.start_mark.line + 1, found[0])
        return node.value

    def scalar(self, node: ScalarNode) -> Any:
        text = self.text(node)
        if node.tag:
            self.refuse(
                node.start_mark.line + 1,
                f"there is a YAML tag `{node.tag}`",
                "remove it; quote the value if it is text",
            )
        if node.style not in (None, ""):
            return text
        if text in _CONSTANTS:
            return _CONSTANTS[text]
        if text[0] in "+-.0123456789YyNnOoTtFf":
            number = _NUMBER.match(text)
            if number:
                return float(text) if number[1] or number[2] else int(text)
            if _AMBIGUOUS.match(text):
                self.refuse(
                    node.start_mark.line + 1,
                    f"`{text}` is not the same to every YAML reader",
                    f"write '{text}' if it is text, else true, false, null or a plain decimal "
                    "number",
                )
        return text
