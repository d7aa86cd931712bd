"""Whom a rule matches as it is being written, and whom of them a message would reach.

Reads    Facts, Customer (and what the rule asks for)
Promise  two statements beside those that guard them, and a third where somebody did something after the instant that
         is asked about; the reasons win in the order in which a run tells them
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Any

from campaigns import audience, exclusions, reading
from campaigns.audience import Waterfall
from campaigns.compiler import NOBODY, Late, Sql
from campaigns.config.rules import Rule
from campaigns.models import Customer, Member

EXAMPLES = 6
CHANNELS = ("email", "sms")  # told apart by facts alone: counted while somebody types
# One in 64 is noted while everybody is counted: of many people, that is enough to name a few.
_SOME = f"(array_agg(f.customer_id) FILTER (WHERE f.seed < {2**54}))[1:{EXAMPLES}]"
_DEAR = 100_000  # for each million people, in Postgres' own unit: a pass over their facts takes 40,000
_MOST_LATE = 10_000
_REASONS = (Member.Reason.SUPPRESSED, Member.Reason.NO_CONSENT, Member.Reason.NO_ADDRESS)


@dataclass(frozen=True)
class Reach:
    """`channels`: a waterfall for e-mail and one for SMS. `examples`: a few customers with name,
    number and city, for a glance at who it is."""

    matched: int
    channels: dict[str, Waterfall]
    examples: list[Customer]
    seconds: float


def look(rule: Rule, *, as_of: datetime) -> Reach:
    """Raises Invalid for a rule that leads to no segment, or is too dear to count."""
    begun = monotonic()
    condition, found = _counted(rule, as_of)
    return Reach(
        matched=found["matched"],
        channels={channel: _waterfall(found, channel) for channel in CHANNELS},
        examples=_examples(found["matched"], found["some"] or [], condition),
        seconds=monotonic() - begun,
    )


def _counted(rule: Rule, as_of: datetime) -> tuple[Sql, dict[str, Any]]:
    """The condition of those who match, and the counts by name.

    Facts are believed, and everybody is read in parallel. Should somebody have done something after `as_of`, it is
    asked once more, with the events' word on them. Where sets of people would be dear to make whole, or many people
    are late, Postgres chooses how to look them up.
    """
    late = Late()
    condition = audience.compile_rule(rule, as_of=as_of, late=late)
    if _is_dear(condition):
        return _as_a_run(rule, as_of)
    columns = sorted(late.columns)
    is_late = Sql(" OR ".join(f"f.{column} > %s" for column in columns), (as_of,) * len(columns)) if columns else NOBODY
    found = _ask(condition, is_late, rule, as_of)
    if len(found["late"] or ()) > _MOST_LATE:
        return _as_a_run(rule, as_of)
    if found["late"]:
        people = Sql("SELECT unnest(%s::bigint[])", (found["late"],))
        condition = audience.compile_rule(rule, as_of=as_of, late=Late(people))
        found = _ask(condition, NOBODY, rule, as_of)
    return condition, found


def _as_a_run(rule: Rule, as_of: datetime) -> tuple[Sql, dict[str, Any]]:
    condition = audience.compile_rule(rule, as_of=as_of)
    return condition, _ask(condition, NOBODY, rule, as_of)


def _is_dear(condition: Sql) -> bool:
    if "campaigns_event" not in condition.text:
        return False
    with reading.as_reader():
        expected = reading.cost(Sql(f"SELECT count(*) {_matching(condition)}", condition.params))
        return expected > _DEAR * reading.millions()


def _ask(condition: Sql, is_late: Sql, rule: Rule, as_of: datetime) -> dict[str, Any]:
    """Those who are late are counted whether they match or not: the counts hold where there are none."""
    counts = ", ".join(_counts(channel) for channel in CHANNELS)
    doubles = ", ".join(_doubles(channel) for channel in CHANNELS)
    either = Sql(f"{is_late.text} OR {condition.text}", (*is_late.params, *condition.params))
    text = f"""
        SELECT counted.*, {doubles} FROM (
            SELECT count(*) AS matched, {_SOME} AS some, array_agg(f.customer_id) FILTER (WHERE {is_late.text}) AS late,
                   {counts} {_matching(either)}
        ) counted
    """
    asked = Sql(text, (*is_late.params, *either.params))
    [row] = reading.ask(asked, parts=lambda: audience.parts([rule], as_of=as_of))
    return dict(zip(_columns(), row, strict=True))


def _matching(condition: Sql) -> str:
    return f"{audience.FROM} WHERE ({condition.text}) IS TRUE"


def _examples(matched: int, some: list[int], condition: Sql) -> list[Customer]:
    """Those that were noted in passing; of rare people none was, so they are looked for."""
    if not matched:
        return []
    chosen = Sql("SELECT unnest(%s::bigint[])", (some,))
    if len(some) < min(matched, EXAMPLES):
        chosen = Sql(f"SELECT f.customer_id {_matching(condition)} LIMIT {EXAMPLES}", condition.params)
    fields = ("id", "external_id", "email", "first_name", "last_name", "city", "country")
    text = f"SELECT {', '.join(fields)} FROM campaigns_customer WHERE id IN ({chosen.text}) ORDER BY id"
    people = reading.ask(Sql(text, chosen.params))
    return [Customer(**dict(zip(fields, person, strict=True))) for person in people]


def _columns() -> list[str]:
    """What `look` asks for, in order."""
    counts = [f"{channel}_{name}" for channel in CHANNELS for name in (*_REASONS, "sharing")]
    doubles = [f"{channel}_{Member.Reason.DUPLICATE_ADDRESS}" for channel in CHANNELS]
    return ["matched", "some", "late", *counts, *doubles]


def _counts(channel: str) -> str:
    """How many each reason holds back, and who of the others share their address with somebody."""
    address = exclusions.ADDRESSES[channel]
    tests = (
        address.suppressed,
        f"NOT {address.suppressed} AND NOT {address.consent}",
        f"NOT {address.suppressed} AND {address.consent} AND NOT {address.has}",
    )
    rest = f"NOT {address.suppressed} AND {address.consent} AND {address.has} AND {address.shares}"
    by_reason = (
        f"count(*) FILTER (WHERE {test}) AS {channel}_{reason}" for reason, test in zip(_REASONS, tests, strict=True)
    )
    return f"{', '.join(by_reason)}, array_agg(f.customer_id) FILTER (WHERE {rest}) AS {channel}_sharing"


def _doubles(channel: str) -> str:
    """How many of those who share an address come second at it."""
    field = exclusions.ADDRESSES[channel].field
    return f"""(
        SELECT count(*) - count(DISTINCT other.{field}) FROM campaigns_customer other
         WHERE other.id = ANY(counted.{channel}_sharing)
    ) AS {channel}_{Member.Reason.DUPLICATE_ADDRESS}"""


def _waterfall(found: dict[str, Any], channel: str) -> Waterfall:
    reasons = (*_REASONS, Member.Reason.DUPLICATE_ADDRESS)
    excluded = {str(reason): found[f"{channel}_{reason}"] for reason in reasons if found[f"{channel}_{reason}"]}
    return Waterfall(found["matched"], found["matched"] - sum(excluded.values()), excluded)
