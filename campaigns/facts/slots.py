"""The columns of Facts that hold declared custom attributes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import connection

from campaigns.compiler.comparisons import NUMERIC
from campaigns.models.facts import NUMBER_SLOTS, TEXT_SLOTS

TEXTS = tuple(f"text_{n}" for n in range(1, TEXT_SLOTS + 1))
NUMBERS = tuple(f"number_{n}" for n in range(1, NUMBER_SLOTS + 1))
DECLARED = "SELECT slot, name, type, ready_at IS NOT NULL FROM campaigns_attributedefinition ORDER BY slot"
_DAY = "'^([0-9]{4}-|--)[0-9]{2}-[0-9]{2}$'"


@dataclass(frozen=True)
class Slot:
    """A column of Facts and the attribute it holds. `is_ready`: every customer's is filled in, so rules may read it."""

    column: str
    attribute: str
    type: str
    is_ready: bool


def assigned() -> list[Slot]:
    """The slots in use, in a fixed order; one small query."""
    with connection.cursor() as cursor:
        cursor.execute(DECLARED)
        return read(cursor.fetchall())


def read(rows: Iterable[tuple[str, str, str, bool]]) -> list[Slot]:
    """The slots among what the statement DECLARED answered."""
    return [Slot(*row) for row in rows if _is_slot(row[0])]


def value(slot: Slot, attributes: str) -> str:
    """A slot's value of a jsonb expression, as SQL; its parameter is named after the column."""
    given = text(slot, attributes)
    if slot.column in NUMBERS:
        # A number that is short is written as one; only of others the pattern is asked, which takes far longer.
        is_number = f"jsonb_typeof({attributes} -> %(slot_{slot.column})s) = 'number' AND octet_length({given}) <= 30"
        return f"(CASE WHEN {is_number} OR {given} ~ {NUMERIC} THEN {given}::double precision END)"
    return given


def text(slot: Slot, attributes: str) -> str:
    """What it is made of: where that stays the same, so does the value."""
    return f"({attributes} ->> %(slot_{slot.column})s)"


def misfit(slot: Slot, attributes: str) -> str:
    """Whether there is a value of another type than the declared one, as SQL with the same parameter."""
    name = f"%(slot_{slot.column})s"
    is_given = f"({attributes} ->> {name}) IS NOT NULL"
    if slot.type == "number":
        return f"({is_given} AND {value(slot, attributes)} IS NULL)"
    if slot.type == "date":
        return f"({is_given} AND ({attributes} ->> {name}) !~ {_DAY})"
    kind = "boolean" if slot.type == "boolean" else "string"
    return f"({is_given} AND jsonb_typeof({attributes} -> {name}) <> '{kind}')"


def params(given: Sequence[Slot]) -> dict[str, str]:
    """The parameters that `value` names."""
    return {f"slot_{slot.column}": slot.attribute for slot in given}


def _is_slot(column: str) -> bool:
    """A column of ours: what stands in a row never becomes an identifier unless it is one of these."""
    return column in TEXTS or column in NUMBERS
