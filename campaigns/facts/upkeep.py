"""Keeping the facts that follow from a customer's own row, from who else has the address, and from suppressions.

Whoever changes one of these first waits for his turn: so each sees what the one before did, and none of two who act
at the same moment misses the other. Rows of Facts are locked in the order of their ids, here as in the statement of
events: that is why nobody ever locks another out.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from django.db import connection

from campaigns.facts import slots, truth

# Kept here. What follows from events is kept with them.
COLUMNS = (
    "consent_email", "consent_sms", "consent_push", "has_email", "has_phone", "suppressed_email", "suppressed_sms",
    "shares_email", "shares_phone", "city", "country",
)  # fmt: skip
_OF_ADDRESSES = ("has_email", "has_phone", "suppressed_email", "suppressed_sms", "shares_email", "shares_phone")
# Until the transaction ends nobody is erased: whom the next statement looks up stays. Many may hold it off at once; a
# lock on each row instead would have to be written to each.
HOLD_OFF_ERASURE = "SELECT pg_advisory_xact_lock_shared(hashtext('erasure'), hashtext(current_schema()))"
_WAIT = "SELECT pg_advisory_xact_lock(hashtext('customers'), hashtext(current_schema()))"
# Where two or more are left that share an address, nothing changes for them: so many need to be looked at.
_LEFT = """
    SELECT left_over.id FROM unnest(%(left_{field})s::varchar[]) AS address CROSS JOIN LATERAL (
        SELECT o.id FROM campaigns_customer o WHERE o.{field} = address AND o.{field} <> '' LIMIT 2) left_over"""


def wait_for_turn() -> None:
    """Hold every other writer of this retailer's customers and suppressions off until the transaction ends.

    Comes before the first write of the transaction.
    """
    with connection.cursor() as cursor:
        cursor.execute(_WAIT)


def wait_to_erase() -> None:
    """For those who hold erasure off; whoever comes later waits until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('erasure'), hashtext(current_schema()))")


def wait_for_turn_and_attributes() -> tuple[list[slots.Slot], dict[str, str]]:
    """The same, and the slots in use and the type of each declared attribute, as they stand from then on: one round
    trip.
    """
    with connection.cursor() as cursor:
        cursor.execute(f"{_WAIT}; {slots.DECLARED}")
        cursor.nextset()
        declared = cursor.fetchall()
    return slots.read(declared), {name: type_ for _, name, type_, _ in declared}


def follow(
    customer_ids: Collection[int],
    given: Sequence[slots.Slot],
    *,
    same_addresses: str = "{}",
    left_email: Collection[str] = (),
    left_phone: Collection[str] = (),
) -> None:
    """Bring the facts of these customers in line with their rows, and of those who still have an address that another
    left. Belongs after `wait_for_turn`.

    `same_addresses` are the places (ctid) of other customers' rows, as Postgres writes an array. Their addresses are
    what they were, and so is all that follows from those. Nobody moves a row before the turn ends.
    """
    columns = [*COLUMNS, *(slot.column for slot in given)]
    names, new = ", ".join(columns), ", ".join(f"excluded.{name}" for name in columns)
    statement = f"""
        WITH whole AS MATERIALIZED (
            SELECT unnest(%(ids)s::bigint[]) AS id
            UNION {_LEFT.format(field="email")}
            UNION {_LEFT.format(field="phone")}
        )
        INSERT INTO campaigns_facts AS f (customer_id, seed, {names})
        SELECT c.id, {truth.SEED}, {of_row(truth.shared("email"), truth.shared("phone"), given)}
          FROM campaigns_customer c WHERE c.id IN (SELECT id FROM whole)
         UNION ALL
        SELECT c.id, was.seed, {_of_row_at_same_addresses(given)}
          FROM unnest(%(same)s::tid[]) AS place JOIN campaigns_customer c ON c.ctid = place
               CROSS JOIN LATERAL (SELECT w.* FROM campaigns_facts w WHERE w.customer_id = c.id LIMIT 1) was
         WHERE c.id NOT IN (SELECT id FROM whole)
         ORDER BY 1
        ON CONFLICT (customer_id) DO UPDATE SET ({names}) = ROW({new})
        WHERE ({", ".join(f"f.{name}" for name in columns)}) IS DISTINCT FROM ({new})
    """
    params: dict[str, Any] = {
        "ids": list(customer_ids),
        "same": same_addresses,
        "left_email": list(left_email),
        "left_phone": list(left_phone),
    }
    with connection.cursor() as cursor:
        cursor.execute(statement, params | slots.params(given))


def of_row(shares_email: str, shares_phone: str, given: Sequence[slots.Slot]) -> str:
    """The values of COLUMNS and of the slots for a customer `c`, as SQL."""
    return f"""
        c.consent_email, c.consent_sms, c.consent_push, c.email <> '', c.phone <> '',
        {truth.suppressed_by_index("email", "c.email")}, {truth.suppressed_by_index("sms", "c.phone")},
        {shares_email}, {shares_phone}, nullif(c.city, ''), nullif(c.country, ''){_slotted(given)}"""


def _of_row_at_same_addresses(given: Sequence[slots.Slot]) -> str:
    """The same where the facts so far are `was`."""
    return f"""
        c.consent_email, c.consent_sms, c.consent_push, {", ".join(f"was.{name}" for name in _OF_ADDRESSES)},
        nullif(c.city, ''), nullif(c.country, ''){_slotted(given)}"""


def _slotted(given: Sequence[slots.Slot]) -> str:
    return "".join(f", {slots.value(slot, 'c.attributes')}" for slot in given)
