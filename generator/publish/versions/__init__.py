"""The document in each OpenAPI version: hints for code generators, 3.1 made from 3.2, 3.0 from 3.1.

What an older version has no keyword for is carried in an `x-` field and listed as a loss.
"""

from .hints import hinted as hinted
from .losses import Loss as Loss
from .openapi_30 import to_30 as to_30
from .openapi_31 import to_31 as to_31
