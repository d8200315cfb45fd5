"""The words of summaries and descriptions: those that people who build on AI APIs use and search
for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from generator.source import Problem, obj, seq

from .context import Context

LONGEST = 60

VERBS = frozenset(
    """
    Add Align Analyze Animate Answer Ask Blur Build Cancel Change Check Classify Clone Colorize
    Combine Compare Convert Count Create Crop Cut Delete Denoise Deploy Describe Destroy Detect
    Download Dress Edit Erase Estimate Expand Export Extend Extract Fetch Find Finish Flush
    Generate Get Import Inpaint List Merge Modify Parse Place Publish Read Recolor Redo Register
    Relight Remove Rename Render Replace Rerank Resize Restart Restore Rewrite Run Scrape Search
    Separate Set Solve Split Start Stop Stream Submit Suggest Summarize Swap Transcribe Transfer
    Translate Update Upload Upscale Validate Vectorize Verify
    """.split()
)
"""What a summary begins with.

A verb that is missing may be added, if people use it for such a call.
"""


class Word(NamedTuple):
    """A word that is refused, what to write instead, and where it is right after all."""

    pattern: str
    better: str
    allowed: str = ""


WORDS = (
    Word(r"\brepl(?:y|ies|ied)\b", "response"),
    Word(r"\baddress(?:es)?\b", "URL", r"\b(?:IP|e-?mail|postal) address(?:es)?\b"),
    Word(r"\blook(?:s|ed|ing)? at\b", "poll, or get the status"),
    Word(r"\b(?:tells?|told|telling)\b", "get, return or report"),
    Word(r"\bhow (?:it|they|an? \w+|the \w+|this) stands?\b", "status"),
    Word(
        r"\b(?:fix(?:es)?|of) the chance\b|\bby chance\b",
        "random seed; the same seed gives the same result",
    ),
    Word(r"\bwidth to height\b", "aspect ratio (width:height)"),
    Word(
        r"\bhow closely to (?:follow|keep to) the (?:prompt|text)\b",
        "guidance scale: how closely the output follows it",
    ),
    Word(r"\bhow many steps\b", "number of inference steps"),
    Word(r"\bwhat not to (?:show|make)\b", "negative prompt: what to avoid"),
    Word(r"\bto start from\b", "input image"),
    Word(r"\b(?:the|an?|your|this|that|each) keys?\b", "API key"),
    Word(r"\btime-outs?\b|\btime limits?\b", "timeout"),
    Word(r"\badds? up\b", "accumulate"),
    Word(r"\bwhat came\b", "partial output, or events received"),
    Word(r"\bis no\b|\bthere is none\b", "is not a, or is missing"),
    Word(r"\bpictures?\b", "image"),
    Word(r"\banswers? (?:with|at once|by)\b", "return", r"\ba model answers? by\b"),
    Word(r"\btaken up again\b", "resumed"),
    Word(
        r"\b(?:colou|favou|behaviou|neighbou|flavou)r\w*|\bgrey\b|\bcentres?\b"
        r"|\bcatalogues?\b|\blicences?\b|\bcancelled\b|\b(?:normal|organ|optim|recogn|summar|visual)is(?:e|es|ed|ing|ation)\b",
        "the American spelling",
    ),
)
_REFUSED = re.compile("|".join(f"(?P<w{n}>{word.pattern})" for n, word in enumerate(WORDS)), re.I)
_ALLOWED = re.compile("|".join(word.allowed for word in WORDS if word.allowed), re.I)
_QUOTED = re.compile(r"`[^`]*`")  # names as on the wire
_DATA = frozenset({"value", "example", "examples", "default", "enum", "const"})


def summaries(context: Context) -> Iterator[Problem]:
    """An operation's summary is an imperative phrase that fits into a list."""
    for operation in context.operations:
        summary = operation.node.get("summary")
        if not isinstance(summary, str) or not summary.strip():
            continue
        if len(summary) > LONGEST:
            message = (
                f"the summary of {operation} has {len(summary)} characters, more than {LONGEST}"
            )
            yield context.on(
                operation,
                "summary",
                message,
                "keep the verb and the trade's noun; the rest is for `description`",
            )
        verb = summary.split()[0].rstrip(":")
        if verb not in VERBS:
            message = (
                f"the summary of {operation} begins with `{verb}`, which is not a verb of ours"
            )
            fix = "begin with what the call does: Create, Get, Generate, List, Upload …"
            fix += "; a verb that is missing goes into generator/rules/words.py"
            yield context.on(operation, "summary", message, fix)
        if summary.rstrip().endswith("."):
            yield context.on(
                operation,
                "summary",
                f"the summary of {operation} ends with a period",
                "leave it out",
            )


def other_vendors(context: Context) -> Iterator[Problem]:
    """A summary's brackets name no other vendor: it would be found in place of that one's call."""
    names = {
        str(obj(about).get("name", slug)).casefold(): slug
        for slug, about in context.vendors.items()
    }
    for operation in context.operations:
        found = re.search(r"\(([^()]*)\)$", str(operation.node.get("summary") or ""))
        for part in found[1].split(", ") if found else []:
            other = names.get(part.casefold())
            if other not in (None, operation.vendor):
                message = f"the summary of {operation} names another vendor, {part}"
                yield context.on(operation, "summary", message, "name its own, or none")


def is_refused(text: str) -> bool:
    """Whether a text has a word that `words` refuses."""
    return _refused(text) is not None


def _refused(text: str) -> re.Match[str] | None:
    return _REFUSED.search(_ALLOWED.sub("", _QUOTED.sub("", text)))


def words(context: Context) -> Iterator[Problem]:
    """Summaries and descriptions use the field's words, and not those that stand for them
    elsewhere.
    """
    for container, key, text in _texts(context):
        match = _refused(text)
        if match:
            word = WORDS[int(str(match.lastgroup).removeprefix("w"))]
            message = f"the {key} has the word `{match[0]}`"
            yield context.problem(container, key, message, f"write: {word.better}")


def _texts(context: Context) -> Iterator[tuple[dict[str, Any], str, str]]:
    """Every summary and description of the document: what holds it, its key, and the text."""
    waiting: list[Any] = [node.value for node in context.nodes if node.above is None]
    waiting += [context.document.get(key) for key in ("info", "tags", "servers")]
    waiting.append(context.events)
    waiting += obj(obj(context.document.get("components")).get("securitySchemes")).values()
    while waiting:
        node = waiting.pop()
        waiting += seq(node)
        for key, value in obj(node).items():
            if key in ("summary", "description") and isinstance(value, str):
                yield node, key, value
            elif key not in _DATA and not key.startswith("x-"):
                waiting.append(value)
