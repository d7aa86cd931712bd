"""Everything about one person and one campaign, in a handful of queries."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from campaigns import arrivals, audience, exclusions, policies, reading, resolution
from campaigns.compiler import Sql
from campaigns.config.campaign import CampaignConfig, PerCustomer
from campaigns.config.policy import Policy
from campaigns.exclusions import Question
from campaigns.models import Campaign, Customer, Member, Run
from delivery import caps
from delivery.explanation import history, planning, ruling, standing
from tenants import context

SECONDS = 10.0  # for each question to the database
NOT_KNOWN = "This customer was only just made known: ask again."
NOT_MATCHED = "The audience's rule does not match."
NOT_ARRIVED = "Nothing that this person did set this run off."


@dataclass(frozen=True)
class About:
    """Whom and what it is about, and as of when; with a run, what that run asked."""

    campaign: Campaign
    config: CampaignConfig
    customer: Customer
    as_of: datetime
    policy: Policy
    limits: Sequence[PerCustomer]
    run: Run | None

    @property
    def channel(self) -> str:
        return self.config.steps[0].channel


def explain(campaign: Campaign, customer: Customer, *, now: datetime, run: Run | None = None) -> dict[str, Any]:
    """The explanation, of plain JSON data. Raises Invalid for a draft that cannot be read."""
    about = _about(campaign, customer, now=now, run=run)
    person = Sql("SELECT %s::bigint", (customer.pk,))
    question = _question(about, person)
    asked = ruling.parts(about.config, about.as_of, person)
    told = _one_row(asked, question, about)
    verdict = _verdict(about, told)
    return {
        "campaign": campaign.key,
        "name": about.config.name,
        "external_id": customer.external_id,
        "as_of": about.as_of.isoformat(),
        "run": run.pk if run else None,
        "version": run.version.number if run else None,
        "verdict": verdict,
        "rules": ruling.told(asked, told),
        "checks": standing.checks(about, told, verdict),
        "consents": standing.consents_of(about),
        "suppressions": standing.suppressions_of(about),
        "address": standing.address(about),
        "draws": standing.draws(about, told),
        "limits": standing.limits(about, told),
        "steps": planning.steps(about, told.get("draw")),
        "runs": history.runs(campaign, customer),
    }


def _about(campaign: Campaign, customer: Customer, *, now: datetime, run: Run | None) -> About:
    config = run.version.parsed() if run else resolution.resolve(campaign.draft).config
    policy = policies.effective(context.current())
    own = [config.limits.per_customer] if config.limits.per_customer else []
    return About(campaign, config, customer, run.as_of if run else now, policy, [*policy.per_customer, *own], run)


def _question(about: About, among: Sql) -> Question:
    full = caps.full(about.limits, now=about.as_of, among=among)
    return audience.question(about.config, as_of=about.as_of, run=about.run, among=among, capped=full)


def _one_row(asked: ruling.Parts, question: Question, about: About) -> dict[str, Any]:
    """Every condition and value of the person as the columns of one row."""
    columns = {
        **asked.columns(),
        "include": Sql(f"({question.include.text}) IS TRUE", question.include.params),
        **{f"is_{reason}": condition for reason, condition in exclusions.before_doubles(question)},
        **{f"is_{reason}": condition for reason, condition in exclusions.after_doubles(question)},
        "draw": exclusions.draw_of(about.config),
        "holdout_draw": exclusions.holdout_draw(about.config),
        "universal_draw": exclusions.universal_draw(),
        **{f"had_{n}": caps.number(limit, now=about.as_of) for n, limit in enumerate(about.limits)},
    }
    text = ", ".join(f"{column.text} AS c{number}" for number, column in enumerate(columns.values()))
    params = [param for column in columns.values() for param in column.params]
    judged = _judged(about)
    with reading.as_reader(seconds=SECONDS), connection.cursor() as cursor:
        cursor.execute(f"SELECT {text} {audience.FROM} WHERE f.customer_id = %s", [*params, about.customer.pk])
        row = cursor.fetchone()
        if row is None:
            return {}
        cursor.execute(judged.text, judged.params)
        told = cursor.fetchall()
    found = dict(zip(columns, map(_plain, row), strict=True))
    own = next((reason for pk, _, reason in told if pk == about.customer.pk), None)
    return found | {"reason": own, "sharing": [(pk, reason) for pk, _, reason in told if pk != about.customer.pk]}


def _judged(about: About) -> Sql:
    """The statement of a run, asked only of the person and of those who share the address: it knows who comes first."""
    field = exclusions.ADDRESSES[about.channel].field
    value = getattr(about.customer, field)
    among = Sql(
        f"SELECT id FROM campaigns_customer WHERE id = %s OR (%s <> '' AND {field} = %s)",
        (about.customer.pk, value, value),
    )
    if about.run and arrivals.has_arrivals(about.run):
        arrived = arrivals.customers(about.run)
        among = Sql(f"({among.text}) INTERSECT {arrived.text}", among.params + arrived.params)
    return exclusions.judged(_question(about, among), audience.FROM)


def _plain(value: Any) -> Any:
    """JSON comes as text: Django's cursors leave it so."""
    if isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _verdict(about: About, told: dict[str, Any]) -> dict[str, Any]:
    if not told:
        return _no(NOT_KNOWN)
    if not told["include"]:
        return _no(NOT_MATCHED)
    reason = told["reason"]
    if reason is None:
        return _no(NOT_ARRIVED)
    words = Member.Reason(reason).label if reason else "Included."
    return {"is_candidate": True, "included": reason == "", "reason": reason, "words": words}


def _no(words: str) -> dict[str, Any]:
    return {"is_candidate": False, "included": False, "reason": "", "words": words}
