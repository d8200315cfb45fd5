"""The arguments of a call as options of a command, and what is given for them as values."""

from __future__ import annotations

import json
import re
import shutil
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import click

from api302._json import is_array, is_object, is_tuple

from .near import did_you_mean
from .tree import Call, Json

_SHOWN = 6
"""Values that the name of an option's value lists at most."""
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")
_FILE_TEXT = re.compile(r" Takes [^.]*?local file \([^)]*\)\.")
_FIND = re.compile(r"`client\.catalog\.find\(operation='(\w+)'\)` lists them")
_STDIN = "-"
_PIECE = 1 << 20
MOST_READ = 256 << 20
"""Bytes of a file, or of the standard input, that is the text of an argument."""


class Argument(NamedTuple):
    """What is known of an argument of a call."""

    name: str
    """As the method has it."""
    kinds: frozenset[str]
    """The types of JSON that it takes; none where nobody knows."""
    items: Argument | None
    """What a list of it holds."""
    choices: tuple[Any, ...]
    is_file: bool
    required: bool
    help: str
    default: Any

    @property
    def option(self) -> str:
        """Its name as an option, without the dashes in front."""
        return self.name.strip("_").replace("_", "-")

    @property
    def is_flag(self) -> bool:
        """Whether it says but yes or no."""
        return self.kinds == frozenset({"boolean"})

    @property
    def is_list(self) -> bool:
        """Whether it may be given several times."""
        return "array" in self.kinds

    @property
    def is_structured(self) -> bool:
        """Whether it is given as JSON."""
        inner = self.items.kinds if self.items else frozenset[str]()
        return "object" in self.kinds or bool({"object", "array"} & inner)


def arguments(call: Call) -> list[Argument]:
    """What a call takes, the required first. An upload of several steps takes the file as well."""
    schema: Json = call.data["arguments"]
    properties: dict[str, Json] = dict(schema["properties"])
    required: list[str] = list(schema.get("required", ()))
    if call.data["forms"].get(call.name) == "upload":
        properties["file"] = {"description": "The file, whatever its size.", "x-file": ["part"]}
        required.append("file")
    made = [
        _argument(name, node, name in required, call.definitions)
        for name, node in properties.items()
    ]
    return sorted(made, key=lambda one: not one.required)


def _argument(name: str, node: Json, required: bool, definitions: Json) -> Argument:
    variants = list(_variants(node, definitions))
    kinds = frozenset(kind for one in variants for kind in _kinds(one)) - {"null"}
    listed = next((one["items"] for one in variants if "items" in one), None)
    return Argument(
        name=name,
        kinds=kinds,
        items=None if listed is None else _argument(name, listed, False, definitions),
        choices=_choices(variants),
        is_file=any("x-file" in one for one in variants),
        required=required,
        help=_help(node),
        default=node.get("default"),
    )


def _variants(node: Json, definitions: Json, seen: tuple[str, ...] = ()) -> Iterable[Json]:
    """A schema, and those that it may be."""
    yield node
    name = str(node.get("$ref", "")).rpartition("/")[2]
    if name in definitions and name not in seen:
        yield from _variants(definitions[name], definitions, (*seen, name))
    for key in ("anyOf", "oneOf", "allOf"):
        for inner in node.get(key, ()):
            yield from _variants(inner, definitions, seen)


def _kinds(node: Json) -> Iterable[str]:
    kind = node.get("type")
    if kind is not None:
        return [kind] if isinstance(kind, str) else kind
    if "properties" in node:
        return ["object"]
    return [_kind_of(value) for value in (*node.get("enum", ()), *_const(node))]


def _const(node: Json) -> tuple[Any, ...]:
    return (node["const"],) if "const" in node else ()


def _kind_of(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "string"
    if is_object(value) or is_tuple(value):
        return "object" if is_object(value) else "string"  # a file of the standard input
    return "null" if value is None else "integer" if isinstance(value, int) else "number"


def _choices(variants: list[Json]) -> tuple[Any, ...]:
    """The values of an enum, where it takes no others."""
    plain = [one for one in variants if "type" in one or "enum" in one or "const" in one]
    listed = [(*one.get("enum", ()), *_const(one)) for one in plain]
    if not plain or not all(listed):
        return ()
    return tuple(value for one in listed for value in one if value is not None)


def _help(node: Json) -> str:
    text = str(node.get("description", ""))
    text = _FIND.sub(r"`api302 models --call \1` lists them", text)
    return _FILE_TEXT.sub("", text)


# --- as options -----------------------------------------------------------------------------------


def option_of(argument: Argument, complete: Any = None) -> click.Option:
    """The option for an argument."""
    name = argument.option
    names = [f"--{name}/--no-{name}"] if argument.is_flag else [f"--{name}"]
    return click.Option(
        [*names, f"arg_{argument.name}"],
        default=None,
        multiple=argument.is_list,
        metavar=None if argument.is_flag else metavar(argument),
        help=_shown_help(argument),
        shell_complete=complete or _completion(argument),
    )


def metavar(argument: Argument) -> str:
    """What stands for the value in the help."""
    if argument.is_file:
        return "FILE"
    if 0 < len(argument.choices) <= _SHOWN:
        return "|".join(map(str, argument.choices))
    if argument.is_structured:
        return "JSON"
    inner = argument.items.kinds if argument.items and argument.is_list else argument.kinds
    if "string" in inner or not inner:
        return "TEXT"
    return "INTEGER" if "number" not in inner else "NUMBER"


def _shown_help(argument: Argument) -> str:
    texts = ["Required."] if argument.required else []
    texts += [argument.help] if argument.help else []
    if len(argument.choices) > _SHOWN:
        texts.append(f"One of {', '.join(map(str, argument.choices))}.")
    if argument.default is not None:
        texts.append(f"Server default: {json.dumps(argument.default, ensure_ascii=False)}.")
    if argument.is_list:
        texts.append("May be given several times.")
    return " ".join(texts)


def _completion(argument: Argument) -> Any:
    if not argument.choices:
        return None
    words = [str(value) for value in argument.choices]

    def complete(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
        return [word for word in words if word.startswith(incomplete)]

    return complete


# --- and as values --------------------------------------------------------------------------------


def values(call: Call, given: Mapping[str, Any]) -> dict[str, Any]:
    """What is given by options, by argument. Raises click.UsageError, naming the option."""
    found: dict[str, Any] = {}
    for argument in arguments(call):
        text = given.get(f"arg_{argument.name}")
        if text is not None and text != ():
            found[argument.name] = _value(argument, text)
    return found


def _value(argument: Argument, given: Any) -> Any:
    if not argument.is_list:
        return given if argument.is_flag else _one(argument, given)
    read = [_item(argument, text) for text in given]
    listed = [one for value in read for one in (value if is_array(value) else [value])]
    is_alone = len(listed) == 1 and not any(map(is_array, read))
    return listed[0] if is_alone and _kind_of(listed[0]) in argument.kinds else listed


def _item(argument: Argument, text: str) -> Any:
    """One of the values of a list, or a list written as JSON."""
    if text.lstrip()[:1] == "[":
        return _json(argument, text)
    item = argument.items or argument
    kinds = item.kinds | (argument.kinds - {"array"})
    joined = item._replace(kinds=kinds, is_file=argument.is_file or item.is_file)
    return _one(joined, text)


def _one(argument: Argument, text: str) -> Any:
    if argument.is_file:
        return file_of(text)
    read = text_of(text, f"--{argument.option}")
    # What a file holds may be a secret, and is in no error.
    value = _parsed(argument, read, text if text.startswith("@") else read)
    if argument.choices and value not in argument.choices:
        raise _no_choice(argument, text)
    return value


def _no_choice(argument: Argument, text: str) -> click.UsageError:
    known = [str(value) for value in argument.choices]
    hint = did_you_mean(text, known) or f"it takes {', '.join(known)}"
    return click.UsageError(
        f"--{argument.option}: {text!r} is not one of its values; {hint}"
        f" (to send it all the same: --field {argument.name}={text})"
    )


def _parsed(argument: Argument, text: str, shown: str) -> Any:
    kinds = argument.kinds
    if kinds & {"object", "array"} and text.lstrip()[:1] in ("{", "["):
        return _json(argument, text)
    if kinds & {"number", "integer"} and (number := _number(kinds, text)) is not None:
        return number
    if "boolean" in kinds and text.lower() in ("true", "false"):
        return text.lower() == "true"
    if "string" in kinds or not kinds:
        return text
    raise click.UsageError(f"--{argument.option}: must be {_said(kinds)}, not {shown[:60]!r}")


def _number(kinds: frozenset[str], text: str) -> int | float | None:
    if not _NUMBER.fullmatch(text):
        return None
    value = float(text)
    if value.is_integer() and not re.search(r"[.eE]", text):
        return int(text)
    return value if "number" in kinds else None


def _said(kinds: frozenset[str]) -> str:
    words = {"integer": "a whole number", "number": "a number", "boolean": "true or false"}
    return " or ".join(words.get(kind, "JSON") for kind in sorted(kinds))


def _json(argument: Argument, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        if "string" in argument.kinds:
            return text
        raise click.UsageError(f"--{argument.option}: is not JSON ({error})") from None


def text_of(text: str, option: str) -> str:
    """A text; `@file` is what a file holds, `@-` the standard input, `@@` begins with an @."""
    if text.startswith("@@") or not text.startswith("@"):
        return text.removeprefix("@") if text.startswith("@@") else text
    return content(text[1:], option).removesuffix("\n").removesuffix("\r")


def content(name: str, option: str) -> str:
    """What a text file holds, or the standard input. Raises click.UsageError."""
    try:
        if name == _STDIN:
            read = sys.stdin.buffer.read(MOST_READ + 1)
        else:
            with Path(name).expanduser().open("rb") as file:
                read = file.read(MOST_READ + 1)
        if len(read) > MOST_READ:
            raise click.UsageError(f"{option}: {name!r} has more than {MOST_READ >> 20} MB")
        return read.decode("utf-8-sig")
    except OSError as error:
        raise click.UsageError(
            f"{option}: the file {name!r} cannot be read ({error.strerror or error});"
            " @@ begins a text with an @"
        ) from None
    except UnicodeDecodeError:
        raise click.UsageError(f"{option}: the file {name!r} is not text in UTF-8") from None


def file_of(text: str) -> Any:
    """What is given for a file: a path, with or without an @, a URL, or @- for the standard
    input. Raises click.UsageError.
    """
    if text == f"@{_STDIN}":
        return ("stdin", _spooled(sys.stdin.buffer))
    return text.removeprefix("@")


def closed_at_end(file: BinaryIO) -> BinaryIO:
    """A file that is open until the command ends."""
    if context := click.get_current_context(silent=True):
        context.call_on_close(file.close)
    return file


def _spooled(source: BinaryIO) -> BinaryIO:
    """A pipe as a file that can be measured and sent again, as one with a path: on the disk."""
    try:
        if source.seekable() and source.tell() == 0:
            return source
        kept: Any = tempfile.TemporaryFile(prefix="api302-")  # noqa: SIM115
        file = closed_at_end(kept)
        shutil.copyfileobj(source, file, _PIECE)
    except OSError as error:
        why = error.strerror or error
        raise click.UsageError(
            f"@-: the standard input cannot be kept in {tempfile.gettempdir()} ({why}); give the"
            " path of a file"
        ) from None
    file.seek(0)
    return file


def body(text: str) -> dict[str, Any]:
    """The arguments that `--body` has: JSON, `@file`, or `-` for the standard input."""
    source = f"@{text}" if text == _STDIN else text
    try:
        read: Any = json.loads(text_of(source, "--body"))
    except (ValueError, RecursionError) as error:
        raise click.UsageError(
            f"--body: is not JSON ({error}); a file is given as --body @request.json"
        ) from None
    if not is_object(read):
        raise click.UsageError("--body: must be a JSON object of arguments by their names")
    return read


def fields(pairs: Iterable[str], option: str = "--field") -> dict[str, Any]:
    """What `NAME=VALUE` pairs hold; a value that is JSON is taken as such."""
    found: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not name or not equals:
            raise click.UsageError(f"{option}: must be NAME=VALUE, not {pair!r}")
        text = text_of(text, option)
        try:
            found[name] = json.loads(text)
        except (ValueError, RecursionError):
            found[name] = text
    return found
