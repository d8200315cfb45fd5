"""How many paths the functions have: nearly all can be read at one go.

Ruff refuses what has too many branches; radon also counts conditions, loops in comprehensions and
the functions inside, so that a dense function shows that has few statements.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from radon.complexity import cc_visit

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("overlays", "generator", "scripts")
MOST, SHARE = 10, 0.02
"""At most so large a share of the functions is more complex."""


class Function(NamedTuple):
    """A function or a method, as radon counts it."""

    complexity: int
    place: str


def functions(text: str, file: str) -> Iterator[Function]:
    """The functions of a module. Those inside others count as a part of them."""
    for block in cc_visit(text):
        if block.letter in "FM":
            yield Function(block.complexity, f"{file}:{block.lineno} {block.fullname}")


def test_few_functions_are_complex() -> None:
    files = [file for folder in FOLDERS for file in sorted((ROOT / folder).rglob("*.py"))]
    found = [
        function
        for file in files
        for function in functions(file.read_text("utf-8"), file.relative_to(ROOT).as_posix())
    ]
    dense = [one for one in found if one.complexity > MOST]
    dense.sort(key=lambda one: (-one.complexity, one.place))
    listed = "\n".join(f"  {one.complexity} {one.place}" for one in dense)
    assert len(found) > 4000
    assert len(dense) <= SHARE * len(found), (
        f"{len(dense)} of {len(found)} functions ({len(dense) / len(found):.2%}) have a complexity"
        f" above {MOST}; at most {SHARE:.0%} may. Find what the worst hide, and name it:\n{listed}"
    )


def test_a_dense_function_is_found_with_its_place() -> None:
    dense = "class Shop:\n    def price(self, a):\n        return " + " or ".join("a" * 11)
    plain = "def sum_of(numbers):\n    return sum(one for one in numbers if one)"
    [shop] = functions(dense, "shop.py")
    [plain_one] = functions(plain, "plain.py")
    assert shop == (11, "shop.py:2 Shop.price")
    assert plain_one.complexity <= MOST
