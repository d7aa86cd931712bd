"""Templates from other platforms as ours (`campaigns.liquid`), apart: reading what was made to be read slowly may take
long, and whoever pastes it shall wait alone. Pure.
"""

from __future__ import annotations

from dataclasses import astuple

from campaigns import confinement, liquid
from campaigns.confinement import Children, Unanswered
from campaigns.liquid import Unconverted

SECONDS = 5  # of processor time
_children = Children("campaigns.converting", most=2)


def convert(source: str) -> tuple[str, list[Unconverted]]:
    """As liquid.convert does; the source as it was, and why, where that takes too much."""
    try:
        made, left = _children.ask("convert", source, seconds=SECONDS)
    except Unanswered as why:
        return source, [Unconverted(f"{why}, or convert it in parts", 1)]
    return made, [Unconverted(*each) for each in left]


def _convert(source: str) -> tuple[str, list[tuple[str, int]]]:
    """The child's."""
    made, left = liquid.convert(source)
    return made, [astuple(each) for each in left]


if __name__ == "__main__":
    confinement.serve({"convert": _convert})
