"""A pre-flight, part by part."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from campaigns import audience, policies, resolution, sentences
from campaigns.config.campaign import CampaignConfig
from campaigns.config.gate import Invalid, content_hash
from campaigns.config.layers import Resolved
from campaigns.config.policy import Policy
from campaigns.models import Campaign
from delivery import caps, reconciliation
from delivery.models import Preflight
from delivery.preflight import collisions, counts, findings, rendering, timing
from delivery.preflight.asking import Asked
from delivery.senders import checking, gate
from tenants import context, held

SHAPE = 1
_NO_COLLISIONS: dict[str, Any] = {"collisions": [], "more": 0}
KEPT = 100  # of a campaign: the newest


def make(
    campaign: Campaign,
    *,
    now: datetime,
    by: str = "",
    resolved: Resolved | None = None,
    policy: Policy | None = None,
) -> Preflight:
    """The pre-flight of the draft as it stands, stored.

    `resolved` and `policy` are for a caller who has just resolved the one and read the other.

    Raises Invalid for a configuration that cannot be read; whether it may be published is for checks.check to say.
    """
    resolved = resolved or resolution.resolve(campaign.draft)
    asked = ask(resolved.config, now=now, policy=policy)
    made = Preflight(campaign=campaign, config_hash=content_hash(resolved.document), as_of=now, by=by[:200])
    with held.held():
        made.result = _found(campaign, asked, now)
    with transaction.atomic():
        made.save()
        outdated = Preflight.objects.filter(campaign=campaign).order_by("-pk").values("pk")[KEPT:]
        Preflight.objects.filter(pk__in=list(outdated.values_list("pk", flat=True))).delete()
    return made


def _found(campaign: Campaign, asked: Asked, now: datetime) -> dict[str, Any]:
    senders = gate.domains(asked.config)
    return {
        "shape": SHAPE,
        **_said(asked),
        **_parts(campaign, asked, senders),
        "senders": checking.all_of(senders.values(), now=now),
        "policy": reconciliation.bounds_in_force(asked.policy),
        "marks": reconciliation.marks(),
    }


def ask(config: CampaignConfig, *, now: datetime, policy: Policy | None = None) -> Asked:
    """Whose audience, under the policy in force and as the ledger stands."""
    policy = policy or policies.effective(context.current())
    limits = [*policy.per_customer, *([config.limits.per_customer] if config.limits.per_customer else [])]
    chosen = audience.judged(config, as_of=now, capped=caps.full(limits, now=now), policy=policy)
    return Asked(config, policy, limits, now, chosen)


def _said(asked: Asked) -> dict[str, Any]:
    rules = asked.config.audience
    return {
        "sentence": sentences.sentence(rules.include),
        "exclude": sentences.sentence(rules.exclude) if rules.exclude else "",
        "caps": [caps.words(limit) for limit in asked.limits],
    }


def _parts(campaign: Campaign, asked: Asked, senders: Mapping[str, str]) -> dict[str, Any]:
    """Every part within its time; `senders` are the domains of its steps. What needs the numbers of another part does
    without, when that came late.
    """
    late: dict[str, str] = {}
    told = _timely("counts", late, lambda: counts.of(asked))
    reached = [step["reached"] for step in told["steps"]] if told else []
    by_step = {step["step"]: step["reached"] for step in told["steps"]} if told else {}
    when = _timely("times", late, lambda: timing.of(asked, campaign, reached, senders)) if reached else None
    people = _timely("sample", late, lambda: rendering.people(asked)) if told else None
    return {
        **(told or {"candidates": None, "included": None, "excluded": {}, "steps": []}),
        **(when or {"times": None, "days": None}),
        **((told and _timely("collisions", late, lambda: collisions.of(campaign, asked))) or _NO_COLLISIONS),
        "sample": None if people is None else rendering.sample(asked, people, by_step),
        "findings": findings.of(asked, people or [], lambda count: _timely("coverage", late, count)),
        "late": late,
    }


def _timely(part: str, late: dict[str, str], work: Callable[[], Any]) -> Any:
    try:
        return work()
    except Invalid as problem:
        if {each.code for each in problem.problems} != {"too_slow"}:
            raise
        late[part] = "This took too long and was left out."
        return None
