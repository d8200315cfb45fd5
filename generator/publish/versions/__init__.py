"""The published document in each OpenAPI version.

3.2 is the joined document with open responses, hints for code generators and named unions; 3.1 is
made from it, and 3.0 from 3.1. What an older version has no keyword for is carried in an `x-` field
and listed as a loss.
"""

from .hints import hinted
from .losses import Loss
from .named_unions import with_named_unions
from .open_responses import open_responses
from .openapi_30 import to_30
from .openapi_31 import to_31
from .walk import Json

__all__ = ["Json", "Loss", "as_published", "hinted", "open_responses", "to_30", "to_31"]


def as_published(document: Json) -> Json:
    """A copy of a joined document as it is published: open responses, hints, named unions.

    A published document stays as it is.

    Raises:
        BuildError: A schema has a name that the publication needs.
    """
    return with_named_unions(hinted(open_responses(document)))
