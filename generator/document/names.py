"""Names: how those of the document become names of Python, and which are taken."""

from __future__ import annotations

import builtins
import keyword
import re
import unicodedata
from collections.abc import Iterable

SLUG = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*\Z")
"""What the names of vendors, sections and operations look like."""

TYPE_NAMES = frozenset(
    {
        "Any",
        "False",
        "Literal",
        "None",
        "OutputT",
        "Parsed",
        "True",
        "bool",
        "bytes",
        "dict",
        "float",
        "int",
        "list",
        "str",
    }
)
"""What type expressions of responses are made of, besides the classes."""

RESERVED_FIELDS = (
    frozenset({"http", "request_id", "to_dict", "to_json", "model_dump", "model_dump_json", "self"})
    | TYPE_NAMES
)
"""Field names that would hide something of `Model`, or of the annotations beside them."""

RAW_ARGUMENTS = frozenset(
    {"asyncio_detailed", "body", "build", "client", "content_type", "sync_detailed", "RESPONSES"}
)
"""What the functions of an endpoint module take or use beside the API's parameters."""

METHOD_ARGUMENTS = frozenset(
    {"extra_headers", "extra_query", "extra_body", "timeout", "accept", "self"}
)
"""What every method of a namespace takes beside the API's parameters."""

RESERVED_CLASSES = frozenset(
    "ABSENT Any AsyncOutput Binary Bytes Callable ClassVar Client Dict FileInput Generic HttpInfo "
    "Iterable Iterator JsonList List Literal Mapping Model NotRequired Optional Output OwnObject "
    "Required Response Responses ResultFile Self Sequence Set Text Tuple Type TYPE_CHECKING "
    "TypeAlias TypedDict Union Unset Upload".split()
)
"""What generated modules import under these names: no schema may be called so.

`JsonObject` is the one of common.yaml.
"""

CLIENT_ATTRIBUTES = frozenset(
    "call submit wait as_completed catalog estimate budget settle "
    "request resume cost download close aclose copy with_options with_raw_response options "
    "webhooks api_key base_url timeout max_retries http_client extra_headers".split()
)
"""What the client has beside the namespaces."""


def python_name(wire: str, reserved: Iterable[str] = ()) -> str:
    """The wire name as a Python identifier.

    `voice-id` is voice_id, `from` is from_, `302-trace` is field_302_trace; `maxTokens` stays.
    """
    name = re.sub(r"\W+", "_", unicodedata.normalize("NFKC", wire)).strip(
        "_"
    )  # as Python itself reads identifiers
    if not name or name[0].isdigit():
        name = f"field_{name}".rstrip("_")
    return f"{name}_" if keyword.iskeyword(name) or name in reserved else name


def argument_name(wire: str) -> str:
    """The wire name as the name of a method's argument, changed as little as that needs."""
    return python_name(unicodedata.normalize("NFKC", wire), METHOD_ARGUMENTS)


def unique(name: str, taken: Iterable[str]) -> str:
    """The name with as many underscores behind it as make it differ from those that are taken."""
    while name in taken:
        name += "_"
    return name


def is_name(text: str) -> bool:
    """Whether a method or a namespace can be called so."""
    taken = ("str", "int", "float", "bool")  # a class's annotations would mean the method
    return (
        text.isidentifier()
        and not keyword.iskeyword(text)
        and not text.startswith("_")
        and text not in taken
    )


def is_reserved_class(name: str) -> bool:
    """Whether a class of that name would hide something that the generated code needs."""
    return name in RESERVED_CLASSES | TYPE_NAMES or name == "JsonObject" or hasattr(builtins, name)


def module_of(name: str) -> str:
    """The module of a class, as openapi-python-client names it.

    `models/__init__` computes the same, which spares it a table.
    """
    return "_".join(word for word in re.split("([A-Z]?[a-z]+)", name) if word).lower()


def pascal(slug: str) -> str:
    """A vendor's slug in PascalCase: `ai302` is Ai302, `stable_diffusion` is StableDiffusion.

    With `class_name`, which writes a letter after digits large (`doc2x` is Doc2X), it is the start
    of the vendor's schema names.
    """
    return "".join(part[:1].upper() + part[1:] for part in slug.split("_"))


def class_name(name: str) -> str:
    """The class that openapi-python-client makes of a schema name.

    Its import is slow, so this computes the same.
    """
    kept = "".join(
        char for char in name if char.isidentifier() or char.isdecimal() or char in ". _-"
    )
    parts = " ".join(re.split("([A-Z]?[a-z]+)", kept)) if kept.lower() != kept else kept
    words = re.findall(r"[^. _-]+", parts)
    made = "".join(word if word.isupper() else word.capitalize() for word in words)
    return f"{made}_" if keyword.iskeyword(made) or hasattr(builtins, made) else made
