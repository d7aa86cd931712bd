"""Custom attributes with a declared type.

Reads    AttributeDefinition, Customer
Writes   AttributeDefinition, Facts (the column of each), the agenda
Promise  from its declaration on, every value that comes in is of its type and in its column; those there before follow
         a chunk at a time, and only when the last one did are rules told that the column is ready
"""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection, transaction

from campaigns import facts
from campaigns.config.gate import Invalid, Problem
from campaigns.facts import slots
from campaigns.models import AttributeDefinition, Customer
from tenants import agenda, audit, context

AGENDA_KIND = "attribute"
CHUNK = 20_000  # customers filled in by one statement
SLICE = 3.0  # seconds of work before others get their turn
_OWN = {field.name for field in Customer._meta.get_fields()}

_NEXT = "SELECT max(id) FROM (SELECT id FROM campaigns_customer WHERE id > %s ORDER BY id LIMIT %s) next"


@transaction.atomic
def declare(name: str, *, type: str, description: str = "") -> AttributeDefinition:
    """Declare an attribute, give it a free column of Facts while there is one, and have the column filled in.

    Raises Invalid. Waits for whoever is writing customers: the next who does knows of it.
    """
    definition = AttributeDefinition(name=name.strip(), type=type, description=description)
    facts.wait_for_turn()
    _check(definition)
    definition.slot = _free_slot(definition.type)
    definition.save()
    audit.note("declare", "attribute", definition.name, after=_told(definition))
    agenda.put(context.current(), AGENDA_KIND, definition.pk)
    return definition


@transaction.atomic
def describe(definition: AttributeDefinition, description: str) -> None:
    """Raises Invalid."""
    before = _told(definition)
    definition.description = description
    _check(definition)
    definition.save(update_fields=["description"])
    audit.note("describe", "attribute", definition.name, before=before, after=_told(definition))


@transaction.atomic
def remove(definition: AttributeDefinition) -> None:
    """Customers keep their values, which may be of any type from now on."""
    facts.wait_for_turn()
    audit.note("remove", "attribute", definition.name, before=_told(definition))
    agenda.drop(context.current(), AGENDA_KIND, [definition.pk])
    definition.delete()


def fill(definition_id: int, *, now: datetime, seconds: float = SLICE) -> bool:
    """Fill its column in for those who were there before, for about that long. Whether there is more to do."""
    until = time.monotonic() + seconds
    while _fill_next(definition_id, now):
        if time.monotonic() >= until:
            return True
    return False


def _fill_next(definition_id: int, now: datetime) -> bool:
    """The next chunk, in a transaction of its own. False behind the last one, and when it was removed meanwhile."""
    with transaction.atomic():
        facts.wait_for_turn()
        found = AttributeDefinition.objects.select_for_update().filter(pk=definition_id, ready_at=None).first()
        if found is None:
            return False
        with connection.cursor() as cursor:
            cursor.execute(_NEXT, [found.filled_to, CHUNK])
            high = cursor.fetchone()[0]
        if high is None:
            found.ready_at = now
        else:
            found.misfits += _fill(found, found.filled_to, high)
            found.filled_to = high
        found.save()
        return high is not None


def _fill(definition: AttributeDefinition, low: int, high: int) -> int:
    """How many of these customers have a value that is of another type. Rows of Facts are locked in order."""
    # One without a column is only looked at: the name of a column serves as that of a parameter alone.
    slot = slots.Slot(definition.slot or slots.NUMBERS[0], definition.name, definition.type, is_ready=False)
    params: dict[str, Any] = {"low": low, "high": high, **slots.params([slot])}
    whose = "c.id > %(low)s AND c.id <= %(high)s"
    with connection.cursor() as cursor:
        if definition.slot:
            cursor.execute(
                f"""
                WITH turn AS MATERIALIZED (
                    SELECT f.customer_id, {slots.value(slot, "c.attributes")} AS value
                      FROM campaigns_customer c JOIN campaigns_facts f ON f.customer_id = c.id
                     WHERE {whose} ORDER BY f.customer_id FOR NO KEY UPDATE OF f
                )
                UPDATE campaigns_facts f SET {slot.column} = turn.value FROM turn
                 WHERE f.customer_id = turn.customer_id AND f.{slot.column} IS DISTINCT FROM turn.value
                """,
                params,
            )
        cursor.execute(
            f"""SELECT count(*) FROM campaigns_customer c
                WHERE {whose} AND {slots.misfit(slot, "c.attributes")}""",
            params,
        )
        return int(cursor.fetchone()[0])


def _check(definition: AttributeDefinition) -> None:
    problems = []
    if definition.name in _OWN:
        cure = "every customer has that field already: choose another name"
        problems.append(Problem("name", f"{definition.name!r} is taken, {cure}", "taken"))
    try:
        definition.full_clean(exclude=["slot"])
    except ValidationError as error:
        for field, messages in error.message_dict.items():
            problems += [Problem(field, message, "invalid") for message in messages]
    if problems:
        raise Invalid(problems)


def _free_slot(type: str) -> str:
    """A column of the kind that nobody has; "" when all are taken."""
    taken = set(AttributeDefinition.objects.values_list("slot", flat=True))
    kind = slots.NUMBERS if type == AttributeDefinition.Type.NUMBER else slots.TEXTS
    return next((column for column in kind if column not in taken), "")


def _told(definition: AttributeDefinition) -> dict[str, str]:
    return {"type": definition.type, "description": definition.description}
