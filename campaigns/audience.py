"""Stage 2. Who is in, who is not, and why.

Reads    Run, CampaignVersion, Segment, Customer, Event, Suppression
Writes   Member (one statement, whatever the size)
Promise  every candidate is one member, included or excluded with one reason; running it twice adds nobody
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from campaigns import compiler
from campaigns.compiler import Sql
from campaigns.config.campaign import ApiTrigger, Audience, CampaignConfig, Step
from campaigns.config.gate import Invalid, Problem, parse_rule
from campaigns.config.rules import Rule
from campaigns.models import Customer, Member, Run, Segment

# The order in which reasons win: the first that holds is the one told.
_ADDRESS = {"email": ("c.email", "c.consent_email"), "sms": ("c.phone", "c.consent_sms")}


@dataclass(frozen=True)
class Waterfall:
    """How candidates become an audience: counts by reason, `included` being what is left."""

    candidates: int
    included: int
    excluded: dict[str, int]


def evaluate(run: Run) -> None:
    """Write the run's members. A run that was evaluated before is left as it is."""
    with transaction.atomic():
        locked = Run.objects.select_for_update().get(pk=run.pk)
        if locked.evaluated_at is not None:
            return
        config = locked.version.parsed()
        chosen = _judged(config, as_of=locked.as_of)
        with connection.cursor() as cursor:
            cursor.execute(
                f"""
                INSERT INTO campaigns_member (run_id, customer_id, is_included, reason, draw)
                SELECT %s, id, reason = '', reason, draw FROM ({chosen.text}) judged ORDER BY id
                ON CONFLICT (run_id, customer_id) DO NOTHING
                """,
                [locked.pk, *chosen.params],
            )
            cursor.execute("ANALYZE campaigns_member")
        Run.objects.filter(pk=run.pk).update(evaluated_at=timezone.now())
    run.refresh_from_db()


def count(config: CampaignConfig, *, as_of: datetime) -> Waterfall:
    """What `evaluate` would write, only counted: the same statement."""
    chosen = _judged(config, as_of=as_of)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT reason, count(*) FROM ({chosen.text}) judged GROUP BY reason", chosen.params)
        return _waterfall(dict(cursor.fetchall()))


def reach(rule: Rule, *, as_of: datetime) -> Waterfall:
    """Whom an e-mail to everybody that a rule matches would reach, and whom not, and why."""
    return count(
        CampaignConfig(
            key="reach",
            name="Reach",
            trigger=ApiTrigger(kind="api"),
            audience=Audience(include=rule),
            steps=[Step(key="first", channel="email", template="none")],
        ),
        as_of=as_of,
    )


def waterfall(run: Run) -> Waterfall:
    """What `evaluate` wrote."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT reason, count(*) FROM campaigns_member WHERE run_id = %s GROUP BY reason", [run.pk])
        return _waterfall(dict(cursor.fetchall()))


def preview(rule: Rule, *, as_of: datetime, sample: int = 10) -> tuple[int, list[dict[str, Any]]]:
    """How many customers a rule matches now, and a few of them."""
    condition = compile_rule(rule, as_of=as_of)
    matching = f"FROM campaigns_customer c WHERE {condition.text}"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) {matching}", condition.params)
        matched = int(cursor.fetchone()[0])
        cursor.execute(f"SELECT c.id {matching} ORDER BY c.id LIMIT %s", [*condition.params, sample])
        ids = [row[0] for row in cursor.fetchall()]
    fields = ("external_id", "email", "first_name", "last_name", "city", "country")
    return matched, list(Customer.objects.filter(pk__in=ids).order_by("pk").values(*fields))


def compile_rule(rule: Rule, *, as_of: datetime) -> Sql:
    """The rule as a condition on `c`, with this retailer's segments. Raises Invalid."""
    return compiler.compile_rule(rule, as_of=as_of, segment=_segment)


def _segment(key: str) -> Rule:
    found = Segment.objects.filter(key=key).first()
    if found is None:
        known = ", ".join(Segment.objects.order_by("key").values_list("key", flat=True)[:20]) or "none yet"
        raise Invalid([Problem("segment", f"there is no segment {key!r}; known: {known}", "unknown_segment")])
    return parse_rule(found.rule)


def _judged(config: CampaignConfig, *, as_of: datetime) -> Sql:
    """SELECT id, draw, reason for every candidate; an empty reason means included."""
    audience: Audience = config.audience
    channel = config.steps[0].channel
    address, consent = _ADDRESS[channel]
    include = compile_rule(audience.include, as_of=as_of)
    exclude = compile_rule(audience.exclude, as_of=as_of) if audience.exclude else compiler.NOBODY
    draw = compiler.draw("external_id", f"draw:{config.key}")
    holdout = compiler.draw("external_id", f"holdout:{config.key}")
    text = f"""
        SELECT id, {draw.text} AS draw,
            CASE
                WHEN early <> '' THEN early
                WHEN row_number() OVER (PARTITION BY early, address ORDER BY id) > 1
                    THEN '{Member.Reason.DUPLICATE_ADDRESS}'
                WHEN {holdout.text} < %s THEN '{Member.Reason.HOLDOUT}'
                ELSE ''
            END AS reason
        FROM (
            SELECT c.id, c.external_id, {address} AS address,
                CASE
                    WHEN ({exclude.text}) IS TRUE THEN '{Member.Reason.EXCLUDED_BY_RULE}'
                    WHEN suppression.id IS NOT NULL THEN '{Member.Reason.SUPPRESSED}'
                    WHEN NOT {consent} THEN '{Member.Reason.NO_CONSENT}'
                    WHEN {address} = '' THEN '{Member.Reason.NO_ADDRESS}'
                    ELSE ''
                END AS early
            FROM campaigns_customer c
            LEFT JOIN campaigns_suppression suppression ON suppression.channel = %s AND suppression.address = {address}
            WHERE {include.text}
        ) candidates
    """
    params = (*draw.params, *holdout.params, audience.holdout, *exclude.params, channel, *include.params)
    return Sql(text, params)


def _waterfall(counts: dict[str, int]) -> Waterfall:
    included = counts.pop("", 0)
    order = {reason: index for index, reason in enumerate(Member.Reason.values)}
    excluded = dict(sorted(counts.items(), key=lambda item: order[item[0]]))
    return Waterfall(candidates=included + sum(counts.values()), included=included, excluded=excluded)
