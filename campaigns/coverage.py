"""How many of an audience lack what a message names of them.

Reads    Customer, and what the audience's own query reads
Promise  one statement, whatever the size of the audience and the number of variables
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from campaigns import language, reading
from campaigns.compiler import Sql
from campaigns.linting import Lack

_ATTRIBUTES = "customer.attributes."
_MOST = 100  # variables that are counted


@dataclass(frozen=True)
class Coverage:
    """Of `audience` people, how many lack each variable."""

    audience: int
    lacking: Mapping[str, int]

    def lacks(self, sources: Mapping[str, str]) -> list[Lack]:
        """What the sources print that somebody lacks, each once, at the first place that reads worst."""
        first: dict[str, Lack] = {}
        for field, source in sources.items():
            for use in _uses(source):
                people = self.lacking.get(use.variable, 0)
                lack = Lack(use.variable, people, self.audience, use.default, field, use.line, use.column)
                known = first.setdefault(use.variable, lack)
                if known.default is not None and use.default is None:
                    first[use.variable] = lack
        return [lack for lack in first.values() if lack.people]


def of(chosen: Sql, variables: Collection[str], *, seconds: float) -> Coverage:
    """`chosen` is a query of customer_id and reason, which is empty for those included. Raises Invalid (`too_slow`)."""
    asked = sorted(name for name in variables if _is_counted(name))[:_MOST]
    counts = "".join(
        f", count(*) FILTER (WHERE {column} IS NULL OR btrim({column}) = '')" for column, _ in map(_test, asked)
    )
    params: list[Any] = [param for _, given in map(_test, asked) for param in (*given, *given)]
    text = f"""
        SELECT count(*){counts} FROM ({chosen.text}) judged
          JOIN campaigns_customer c ON c.id = judged.customer_id WHERE judged.reason = ''
    """
    with reading.as_reader(seconds=seconds), connection.cursor() as cursor:
        cursor.execute(text, [*params, *chosen.params])
        audience, *lacking = cursor.fetchone()
    return Coverage(audience, dict(zip(asked, lacking, strict=True)))


def variables(sources: Collection[str]) -> set[str]:
    """What they print of a customer."""
    return {use.variable for source in sources for use in _uses(source) if use.variable.startswith("customer.")}


def _uses(source: str) -> Sequence[language.Use]:
    try:
        return language.uses(source)
    except (language.Mistaken, RecursionError):  # whoever renders it says what is wrong
        return []


def _is_counted(variable: str) -> bool:
    return variable.startswith(_ATTRIBUTES) or variable.removeprefix("customer.") in language.CUSTOMER_FIELDS


def _test(variable: str) -> tuple[str, tuple[list[str], ...]]:
    """The value as text: a column named in our code, or an attribute by its path as a parameter."""
    if variable.startswith(_ATTRIBUTES):
        return "(c.attributes #>> %s)", (variable.removeprefix(_ATTRIBUTES).split("."),)
    return f"c.{variable.removeprefix('customer.')}", ()  # one of language.CUSTOMER_FIELDS: see _is_counted
