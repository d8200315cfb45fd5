"""The joined document as objects, built once a build and read by all that follows.

`Document` has the operations; an `Operation` has its parameters, its body and its responses; those
have schemas. What is made of a schema (the type of an argument, the class of a response, a
TypedDict) is a rendering of the one tree of `Schema` objects.
"""

from __future__ import annotations

from .document import Document
from .operation import Body, Media, Operation, Parameter, Response
from .references import DocumentError
from .schema import Schema

__all__ = [
    "Body",
    "Document",
    "DocumentError",
    "Media",
    "Operation",
    "Parameter",
    "Response",
    "Schema",
]
