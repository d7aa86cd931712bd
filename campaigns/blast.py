"""The blast radius of a policy: what it would do to live campaigns, told before it is saved.

Reads    Layer; of retailers whose bounds it would move: Campaign, CampaignVersion, Review, Run, Template, Brand
Promise  what is told to stop is what checks.stopped_by would stop, judged by the same rules
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from django.db import connection
from django.db.models import Q
from psycopg import sql

from campaigns import checks, content, editions, policies
from campaigns.checks import Around
from campaigns.config import policy as rules
from campaigns.config.campaign import CampaignConfig
from campaigns.config.gate import Invalid, Problem, parse_campaign
from campaigns.config.policy import Policy
from campaigns.editions import Published
from campaigns.models import TemplateVersion
from campaigns.policies import Owner
from tenants.models import Group, Layer, Retailer

AT_ONCE = 50  # schemas read by one statement
# Bounds that hold back messages of a campaign that goes on.
HOLDING = {"quiet_hours": "quiet hours", "per_customer": "messages to one customer", "max_per_day": "messages a day"}
_CONTENT = ("bases", "footer", "sender_domains", "template_features")


@dataclass(frozen=True)
class Hit:
    """What a policy would do to one live campaign. `problems` say why, in words."""

    retailer: Retailer
    campaign_key: str
    campaign_name: str
    state: str
    effect: Literal["stops", "changes"]
    problems: list[str]


@dataclass(frozen=True)
class _Turn:
    """One retailer's policy as it is and as it would be."""

    retailer: Retailer
    now: Policy
    then: Policy


@dataclass(frozen=True)
class _Live:
    """A configuration that runs, or that was approved to."""

    key: str
    name: str
    state: str
    config: CampaignConfig
    approved_by: str
    from_email: str


def radius(owner: Owner, policy: Any) -> list[Hit]:
    """What a policy of that owner would do to the live campaigns below it, those that stop first in each retailer.

    Raises Invalid for what is no policy, or would loosen what is above the owner.
    """
    turns = [turn for turn in _turns(owner, policies.check(owner, policy)) if turn.then != turn.now]
    return [hit for chunk in _chunks(turns) for hit in _hits(chunk)]


def _turns(owner: Owner, proposed: Policy) -> Iterator[_Turn]:
    """Every active retailer below the owner, its layers read by one statement."""
    below = list(_below(owner))
    groups = {retailer.group_id for retailer in below} - {None}
    wanted = Q(group=None, retailer=None) | Q(group_id__in=groups) | Q(retailer_id__in=[each.pk for each in below])
    said = {(row.group_id, row.retailer_id): policies.parse_policy(row.policy) for row in Layer.objects.filter(wanted)}
    owned = (owner.pk if isinstance(owner, Group) else None, owner.pk if isinstance(owner, Retailer) else None)
    would_say = said | {owned: proposed}
    for retailer in below:
        keys = [(None, None), *([(retailer.group_id, None)] if retailer.group_id else []), (None, retailer.pk)]
        now, then = (rules.meet_all(layers[key] for key in keys if key in layers) for layers in (said, would_say))
        yield _Turn(retailer, now, then)


def _below(owner: Owner) -> Iterable[Retailer]:
    active = Retailer.objects.active().order_by("slug")
    if isinstance(owner, Group):
        return active.filter(group=owner)
    return active.filter(pk=owner.pk) if owner is not None else active


def _chunks(turns: list[_Turn]) -> Iterator[list[_Turn]]:
    for start in range(0, len(turns), AT_ONCE):
        yield turns[start : start + AT_ONCE]


def _hits(turns: list[_Turn]) -> Iterator[Hit]:
    live = _live([turn.retailer for turn in turns])
    matters = any(getattr(turn.now, name) != getattr(turn.then, name) for turn in turns for name in _CONTENT)
    templates = _templates(turns, live) if matters else {}
    for turn in turns:
        found = _hits_of(turn, live.get(turn.retailer.pk, []), templates.get(turn.retailer.pk, {}))
        yield from sorted(found, key=lambda hit: (hit.effect != "stops", hit.campaign_key))


def _hits_of(turn: _Turn, live: list[_Live], templates: dict[str, Published]) -> list[Hit]:
    """One per campaign, however many of its versions run."""
    found: dict[str, Hit] = {}
    tighter = _tighter(turn.now, turn.then)
    for each in live:
        broken = _newly_broken(each, turn, Around(templates, each.from_email, turn.retailer.tzinfo))
        before = found.get(each.key)
        if broken:
            told = [checks.reason([problem]) for problem in broken]
            already = before.problems if before and before.effect == "stops" else []
            problems = list(dict.fromkeys([*already, *told]))
            found[each.key] = Hit(turn.retailer, each.key, each.name, each.state, "stops", problems)
        elif tighter and before is None:
            found[each.key] = Hit(turn.retailer, each.key, each.name, each.state, "changes", tighter)
    return list(found.values())


def _newly_broken(live: _Live, turn: _Turn, around: Around) -> list[Problem]:
    """What the policy would forbid and the one in force does not, field by field."""
    before = {problem.field for problem in _broken(live, turn.now, around)}
    return [problem for problem in _broken(live, turn.then, around) if problem.field not in before]


def _broken(live: _Live, policy: Policy, around: Around) -> list[Problem]:
    found = checks.breaches(live.config, policy, around)
    return [*found, checks.UNAPPROVED] if policy.approval and not live.approved_by else found


def _tighter(now: Policy, then: Policy) -> list[str]:
    """The bounds that hold back more than they do now, in words."""
    both, before, after = rules.meet(now, then), rules.words(now), rules.words(then)
    return [
        f"{label}: {after.get(name, 'no bound')} (now {before.get(name, 'no bound')})"
        for name, label in HOLDING.items()
        if getattr(both, name) != getattr(now, name)
    ]


# -- reading many schemas, whose names are quoted identifiers that we generated ---------------------------------------
def _live(retailers: list[Retailer]) -> dict[int, list[_Live]]:
    """By retailer: live versions of campaigns under way or to come, those of open runs, and approved drafts."""
    found: dict[int, list[_Live]] = {}
    first = {retailer.pk: content.first_sender(retailer) for retailer in retailers}
    for pk, key, name, state, config, approved_by, from_email in _read(_LIVE, retailers):
        try:
            parsed = parse_campaign(json.loads(config))
        except Invalid:  # it cannot run, whatever the policy
            continue
        found.setdefault(pk, []).append(_Live(key, name, state, parsed, approved_by, from_email or first[pk]))
    return found


def _templates(turns: list[_Turn], live: dict[int, list[_Live]]) -> dict[int, dict[str, Published]]:
    """By retailer and key: what the live templates say that those campaigns use."""
    used = {pk: sorted({step.template for each in found for step in each.config.steps}) for pk, found in live.items()}
    retailers = [turn.retailer for turn in turns if used.get(turn.retailer.pk)]
    versions: dict[tuple[int, str], TemplateVersion] = {}
    for pk, key, document, compiled, *said in _read(_TEMPLATES, retailers, used):
        fields = zip(("content_hash", "subject", "html", "text"), said, strict=True)
        written = {"document": json.loads(document), "compiled": json.loads(compiled)}
        versions[pk, key] = TemplateVersion(**written, **dict(fields))
    return editions.of_versions(versions)


def _read(part: sql.SQL, retailers: list[Retailer], keys: dict[int, list[str]] | None = None) -> list[tuple[Any, ...]]:
    if not retailers:
        return []
    parts = [
        part.format(
            retailer=sql.Literal(each.pk),
            schema=sql.Identifier(each.schema_name),
            keys=sql.Literal((keys or {}).get(each.pk, [])),
        )
        for each in retailers
    ]
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL(" UNION ALL ").join(parts))
        return cursor.fetchall()


_LIVE = sql.SQL("""
SELECT {retailer}, campaign.key, campaign.name, campaign.state, version.config, version.approved_by,
       (SELECT from_email FROM {schema}.campaigns_brand ORDER BY id LIMIT 1)
FROM {schema}.campaigns_campaign campaign
JOIN {schema}.campaigns_campaignversion version ON version.campaign_id = campaign.id
WHERE version.id IN (
    SELECT live_id FROM {schema}.campaigns_campaign WHERE state IN ('approved', 'scheduled', 'running', 'paused')
    UNION SELECT version_id FROM {schema}.campaigns_run WHERE state IN ('planned', 'running', 'paused'))
UNION ALL
SELECT {retailer}, campaign.key, campaign.name, campaign.state, review.config, review.decided_by,
       (SELECT from_email FROM {schema}.campaigns_brand ORDER BY id LIMIT 1)
FROM {schema}.campaigns_campaign campaign
JOIN LATERAL (
    SELECT config, decided_by FROM {schema}.campaigns_review
    WHERE campaign_id = campaign.id AND verdict = 'approved' ORDER BY id DESC LIMIT 1) review ON true
WHERE campaign.state = 'approved'
""")
_TEMPLATES = sql.SQL("""
SELECT {retailer}, template.key, version.document::text, version.compiled::text, version.content_hash, version.subject,
    version.html, version.text
FROM {schema}.campaigns_template template
JOIN {schema}.campaigns_templateversion version ON version.id = template.live_id
WHERE template.key = ANY({keys}::text[])
""")
