"""Stage 2. Who is in, who is not, and why.

Reads    Run, Arrival, CampaignVersion, Segment, Facts, Customer, Event
Writes   Member (one statement, whatever the size)
Promise  every candidate is one member, included or excluded with one reason; running it twice adds nobody
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from campaigns import arrivals, compiler, exclusions, reading, sentences
from campaigns import branches as branching
from campaigns.branches import Branch
from campaigns.compiler import Sql
from campaigns.config.campaign import Audience, CampaignConfig, EventTrigger
from campaigns.config.gate import Invalid, Problem, parse_rule
from campaigns.config.policy import Policy
from campaigns.config.rules import Rule
from campaigns.exclusions import Question
from campaigns.facts import slots
from campaigns.models import AttributeDefinition, Run, Segment
from tenants import context

# Where no condition asks for `c`, Postgres leaves the wide table out.
FROM = "FROM campaigns_facts f LEFT JOIN campaigns_customer c ON c.id = f.customer_id"
_MANY = 1000  # members, after which the planner is told at once
# Members are looked up only in a run that has some, because it forgot that it was evaluated: it is locked, and nobody
# else writes them. `max` is read off the index; to find any member, Postgres may read through those of all runs.
_WRITTEN = """
INSERT INTO campaigns_member (run_id, customer_id, is_included, reason, draw)
SELECT %s, customer_id, reason = '', reason, draw FROM ({judged}) judged
WHERE (SELECT max(customer_id) FROM campaigns_member WHERE run_id = %s) IS NULL OR NOT EXISTS (
    SELECT FROM campaigns_member known WHERE known.run_id = %s AND known.customer_id = judged.customer_id
)
ORDER BY customer_id
"""


@dataclass(frozen=True)
class Waterfall:
    """How candidates become an audience: counts by reason, `included` being what is left."""

    candidates: int
    included: int
    excluded: dict[str, int]


def evaluate(run: Run, *, capped: Sql = compiler.NOBODY, policy: Policy | None = None) -> None:
    """Write the run's members. A run that was evaluated before is left as it is.

    `capped` is the condition on `f` that somebody has had as many messages lately as the limits allow; `policy` is the
    one in force, for a caller who has just read it.
    """
    if run.evaluated_at is not None:
        return
    with transaction.atomic():
        _wait_for_turn(run)
        locked = Run.objects.select_for_update().get(pk=run.pk)
        if locked.evaluated_at is not None:
            return
        chosen = judged(run.version.parsed(), as_of=locked.as_of, run=locked, capped=capped, policy=policy)
        reading.plan_for_everybody()
        with connection.cursor() as cursor:
            written = _WRITTEN.format(judged=chosen.text)
            cursor.execute(written, [locked.pk, *chosen.params, locked.pk, locked.pk])
            if cursor.rowcount > _MANY:
                cursor.execute("ANALYZE campaigns_member")
        at = timezone.now()
        Run.objects.filter(pk=run.pk).update(evaluated_at=at)
    run.evaluated_at = at


def count(config: CampaignConfig, *, as_of: datetime, capped: Sql = compiler.NOBODY) -> Waterfall:
    """What `evaluate` would write, only counted: the same statement."""
    chosen = judged(config, as_of=as_of, capped=capped)
    counted = Sql(f"SELECT reason, count(*) FROM ({chosen.text}) judged GROUP BY reason", chosen.params)
    rules = [rule for rule in (config.audience.include, config.audience.exclude) if rule is not None]
    return _waterfall(dict(reading.ask(counted, parts=lambda: parts(rules, as_of=as_of))))


def waterfall(run: Run) -> Waterfall:
    """What `evaluate` wrote."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT reason, count(*) FROM campaigns_member WHERE run_id = %s GROUP BY reason", [run.pk])
        return _waterfall(dict(cursor.fetchall()))


def preview(rule: Rule, *, as_of: datetime, sample: int = 10) -> tuple[int, list[dict[str, Any]]]:
    """How many customers a rule matches now, and a few of them."""
    condition = compile_rule(rule, as_of=as_of)
    matching = f"{FROM} WHERE {condition.text}"
    fields = ("external_id", "email", "first_name", "last_name", "city", "country")
    few = f"""
        SELECT {", ".join(fields)} FROM campaigns_customer
        WHERE id IN (SELECT f.customer_id {matching} ORDER BY f.customer_id LIMIT %s) ORDER BY id
    """
    counted = Sql(f"SELECT count(*) {matching}", condition.params)
    [(matched,)] = reading.ask(counted, parts=lambda: parts([rule], as_of=as_of))
    people = reading.ask(Sql(few, (*condition.params, sample))) if sample and matched else []
    return int(matched), [dict(zip(fields, person, strict=True)) for person in people]


def parts(rules: Iterable[Rule], *, as_of: datetime) -> Iterator[reading.Part]:
    """What the rules ask of events, each in words and as a query of its own: the parts that can be dear."""
    for rule in rules:
        for each in compiler.events_in(rule, _segment):
            condition = compile_rule(each, as_of=as_of)
            yield sentences.phrase(each), Sql(f"SELECT count(*) {FROM} WHERE {condition.text}", condition.params)


@dataclass(frozen=True)
class ExplainedRule:
    """A rule in words, its parts about events with what Postgres expects each to cost, and the plan of the whole.

    `sql` is what is asked, its values apart: `$1` stands for the first of `params`, as JSON. `cost` is Postgres'
    expectation, in pages read in order; a count that `is_guarded` is refused above `most`.
    """

    sentence: str
    parts: list[tuple[str, float]]
    plan: list[str]
    sql: str
    params: list[str]
    cost: float
    most: float
    is_guarded: bool
    role: str
    reads_only: bool
    seconds: float


def explain_rule(rule: Rule, *, as_of: datetime, analyze: bool = False) -> ExplainedRule:
    """How Postgres counts a rule, for staff; `analyze` counts it. Raises Invalid."""
    condition = compile_rule(rule, as_of=as_of)
    counted = Sql(f"SELECT count(*) {FROM} WHERE {condition.text}", condition.params)
    asked = list(parts([rule], as_of=as_of))
    with reading.as_reader():
        costs = [(words, reading.cost(question)) for words, question in asked]
        cost, most, standing = reading.cost(counted), reading.most_cost(), reading.standing()
    return ExplainedRule(
        sentence=sentences.sentence(rule),
        parts=costs,
        plan=reading.plan(counted, analyze=analyze),
        sql=compiler.numbered(counted),
        params=[json.dumps(value, default=str, ensure_ascii=False) for value in counted.params],
        cost=cost,
        most=most,
        is_guarded=reading.is_guarded(counted),
        **vars(standing),
    )


def compile_rule(
    rule: Rule, *, as_of: datetime, among: Sql = compiler.EVERYBODY, late: compiler.Late | None = None
) -> Sql:
    """The rule as a condition on `c`, with this retailer's segments and its day. Raises Invalid."""
    here = as_of.astimezone(context.current().tzinfo)
    return compiler.compile_rule(rule, as_of=here, segment=_segment, slot=_slots(), among=among, late=late)


def actual(rule: Rule, *, as_of: datetime) -> Sql:
    """What a person really has of what a leaf of a rule asks for, as a JSON value."""
    here = as_of.astimezone(context.current().tzinfo)
    return compiler.actual(rule, as_of=here, segment=_segment, slot=_slots())


def mistyped(rule: Rule) -> list[Problem]:
    """Where a rule compares an attribute that this retailer declared with what it cannot be."""
    types = dict(AttributeDefinition.objects.values_list("name", "type"))
    return compiler.mistyped(rule, lambda name: types.get(name, ""))


def branches(rule: Rule) -> Branch:
    """The rule with this retailer's segments written out; compiled before, so neither circular nor too large."""
    compile_rule(rule, as_of=timezone.now())
    return branching.of(rule, _segment)


def _slots() -> Callable[[str], str]:
    """The column of facts that holds a custom attribute; looked up once a rule asks for one at all."""

    @cache
    def ready() -> dict[str, str]:
        return {slot.attribute: slot.column for slot in slots.assigned() if slot.is_ready}

    return lambda name: ready().get(name, "")


def _segment(key: str) -> Rule:
    found = Segment.objects.filter(key=key).first()
    if found is None:
        known = ", ".join(Segment.objects.order_by("key").values_list("key", flat=True)[:20]) or "none yet"
        raise Invalid([Problem("segment", f"there is no segment {key!r}; known: {known}", "unknown_segment")])
    return parse_rule(found.rule)


def _wait_for_turn(run: Run) -> None:
    """Where a person is reached once per period, a campaign's runs are evaluated one by one: each sees the others."""
    trigger = run.version.parsed().trigger
    if isinstance(trigger, EventTrigger) and trigger.once_per:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_advisory_xact_lock(hashtext('once per'), hashtext(current_schema() || ' ' || %s))",
                [str(run.campaign_id)],
            )


def judged(
    config: CampaignConfig,
    *,
    as_of: datetime,
    run: Run | None = None,
    capped: Sql = compiler.NOBODY,
    policy: Policy | None = None,
) -> Sql:
    """SELECT customer_id, draw, reason for every candidate; an empty reason means included."""
    among = arrivals.customers(run) if run else compiler.EVERYBODY
    asked = question(config, as_of=as_of, run=run, among=among, capped=capped, policy=policy)
    return exclusions.judged(asked, FROM)


def question(
    config: CampaignConfig,
    *,
    as_of: datetime,
    run: Run | None = None,
    among: Sql,
    capped: Sql = compiler.NOBODY,
    policy: Policy | None = None,
) -> Question:
    """What is asked of each candidate; `among` is a query of the only ones, or EVERYBODY."""
    rules: Audience = config.audience
    include = compile_rule(rules.include, as_of=as_of, among=among)
    exclude = compile_rule(rules.exclude, as_of=as_of, among=among) if rules.exclude else compiler.NOBODY
    return Question(config, include, exclude, as_of, run=run, among=among, capped=capped, policy=policy)


def _waterfall(counts: dict[str, int]) -> Waterfall:
    included = counts.pop("", 0)
    excluded = {str(reason): counts[reason] for reason in exclusions.PRECEDENCE if reason in counts}
    return Waterfall(candidates=included + sum(counts.values()), included=included, excluded=excluded)
