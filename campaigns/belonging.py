"""Which named segments one customer is in, at this moment.

Reads    Segment, Facts, Customer (and what the rules ask for)
Promise  one statement for all segments, which reads no other customer's rows
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from campaigns import audience, reading
from campaigns.compiler import Sql
from campaigns.config.gate import Invalid, parse_rule
from campaigns.models import Customer, Segment

MOST = 200  # segments that are asked at once


@dataclass(frozen=True)
class Belonging:
    """`inside`: the segments that hold the customer; `unknown`: how many could not be asked."""

    inside: list[Segment]
    unknown: int


def of(customer: Customer, *, as_of: datetime) -> Belonging:
    """In the order of their names."""
    segments = list(Segment.objects.order_by("name")[:MOST])
    asked = [(segment, condition) for segment in segments if (condition := _condition(segment, customer, as_of))]
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


def _condition(segment: Segment, customer: Customer, as_of: datetime) -> Sql | None:
    """None where a rule cannot be asked: its segment was removed beside the doors, say."""
    among = Sql("SELECT %s::bigint", (customer.pk,))
    try:
        return audience.compile_rule(parse_rule(segment.rule), as_of=as_of, among=among)
    except Invalid:
        return None
