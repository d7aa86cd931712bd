"""The pieces that conditions are made of."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

SYMBOL = {"eq": "=", "ne": "<>", "lt": "<", "lte": "<=", "gt": ">", "gte": ">="}


@dataclass(frozen=True)
class Sql:
    """A condition and its parameters."""

    text: str
    params: tuple[Any, ...] = ()


EVERYBODY, NOBODY = Sql("TRUE"), Sql("FALSE")


def joined(parts: Sequence[Sql], word: str) -> Sql:
    return Sql(f"({word.join(part.text for part in parts)})", tuple(p for part in parts for p in part.params))


def numbered(part: Sql) -> str:
    """The text for a person to read: `$1` where the first parameter goes."""
    numbers = count(1)
    return re.sub("%[s%]", lambda found: "%" if found[0] == "%%" else f"${next(numbers)}", part.text)


def certain(part: Sql) -> Sql:
    """The same where it is not known to be so: no. An AND goes on after an unknown, and stops at a no."""
    return Sql(f"({part.text} IS TRUE)", part.params)


def draw(of: str, purpose: str) -> Sql:
    """A number in [0, 1) that is stable for a purpose and a person, and independent between purposes.

    `of` is an expression of ours that tells people apart: `f.seed`. The first 52 bits of MD5(purpose, a colon, what
    `of` is), divided by 2 ^ 52: uniform, and to be made again by anybody.
    """
    hashed = f"left(md5(%s || ':' || {of}), 13)"
    return Sql(f"(('x' || {hashed})::bit(52)::bigint / 4503599627370496.0::double precision)", (purpose,))
