"""Which named segments customers are in: one of them at this moment, or a run's people, noted for good.

Reads    Segment, Facts, Customer (and what the rules ask for)
Writes   Placement, once for each person of a run
Promise  one statement for all segments, which reads no other customers' rows
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from campaigns import audience, reading
from campaigns.compiler import Sql
from campaigns.config.gate import Invalid, parse_rule
from campaigns.models import Customer, Run, Segment

MOST = 200  # segments that are asked at once
MOST_NOTED = 60  # that a run's people are told apart by: each is a bit of a bigint


@dataclass(frozen=True)
class Belonging:
    """`inside`: the segments that hold the customer; `unknown`: how many could not be asked."""

    inside: list[Segment]
    unknown: int


def of(customer: Customer, *, as_of: datetime) -> Belonging:
    """In the order of their names."""
    segments, among = list(Segment.objects.order_by("name")[:MOST]), Sql("SELECT %s::bigint", (customer.pk,))
    asked = [(segment, condition) for segment in segments if (condition := _condition(segment, among, as_of))]
    if not asked:
        return Belonging([], len(segments))
    columns = ", ".join(f"({condition.text}) IS TRUE" for _, condition in asked)
    params = [param for _, condition in asked for param in condition.params]
    question = Sql(f"SELECT {columns} {audience.FROM} WHERE f.customer_id = %s", (*params, customer.pk))
    try:
        answers = next(iter(reading.ask(question)), (False,) * len(asked))
    except Invalid:  # one rule among them is too dear: the page is worth showing without
        return Belonging([], len(segments))
    inside = [segment for (segment, _), holds in zip(asked, answers, strict=True) if holds]
    return Belonging(inside, len(segments) - len(asked))


def worth_noting(*, as_of: datetime) -> list[str]:
    """The keys of the segments that a run's people are told apart by; where there are too many, of those changed last.

    A rule that cannot be asked is left out: nobody would be known to be outside it.
    """
    latest = Segment.objects.order_by("-updated_at", "key")[:MOST_NOTED]
    return sorted(segment.key for segment in latest if _condition(segment, _NOTED, as_of))


def note(run: Run, keys: Sequence[str], people: Sql) -> None:
    """Write down which of these segments the people of a query are in; whoever was noted before stays as noted.

    They are asked by the rules as they are worded now, as of the instant that the run itself counts back from;
    attributes and consent are as they stand now, which is when the message to them is first counted: mostly seconds
    after it was written. Afterwards neither a change of the rule nor one of the person changes what was noted.
    """
    with connection.cursor() as cursor:
        new = f"SELECT customer_id FROM ({people.text}) person WHERE NOT EXISTS ({_IS_NOTED})"
        cursor.execute(f"SELECT EXISTS ({new})", [*people.params, run.pk])
        if not cursor.fetchone()[0]:
            return
        asked = {
            segment.key: _condition(segment, _NOTED, run.as_of) for segment in Segment.objects.filter(key__in=keys)
        }
        bits = [(place, condition) for place, key in enumerate(keys) if (condition := asked.get(key))]
        sum_of_bits = " | ".join(
            f"CASE WHEN ({condition.text}) IS TRUE THEN {1 << place}::bigint ELSE 0 END" for place, condition in bits
        )
        cursor.execute(
            f"""
            WITH noted AS MATERIALIZED ({new})
            INSERT INTO campaigns_placement (run_id, customer_id, segments)
            SELECT %s, f.customer_id, {sum_of_bits or "0"}
            {audience.FROM} WHERE f.customer_id IN (SELECT customer_id FROM noted)
            ON CONFLICT (run_id, customer_id) DO NOTHING
            """,
            [*people.params, run.pk, run.pk, *(param for _, condition in bits for param in condition.params)],
        )


def _condition(segment: Segment, among: Sql, as_of: datetime) -> Sql | None:
    """None where a rule cannot be asked: its segment was removed beside the doors, say."""
    try:
        return audience.compile_rule(parse_rule(segment.rule), as_of=as_of, among=among)
    except Invalid:
        return None


_NOTED = Sql("SELECT customer_id FROM noted")  # of the statement in which it stands
_IS_NOTED = (
    "SELECT FROM campaigns_placement placed WHERE placed.run_id = %s AND placed.customer_id = person.customer_id"
)
