"""draft"""

from .described import Described
from .page import Page


def draft(described: Described, pages: list[Page], home: tuple[str, str] | None) -> str:
    return ""
