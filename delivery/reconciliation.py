"""A run's audience held against the pre-flight before it: what differs, and what changed in between.

Reads    Preflight, Run, Member, Customer, Consent, Suppression, Event, Segment, the policy in force, the ledger
Writes   Reconciliation, once, right after the audience was chosen
Promise  a run is held against the latest pre-flight of the very same resolved configuration made before it; every
         number that differs is told, and who changed in between is counted, each person under one cause

The tables that only grow are compared by the ids that a pre-flight notes (`marks`), so nobody's clock decides.

Shape of a result: `before` and `after` are numbers by reason, "included" among them. `causes` are {cause, words,
people, now}: `people` is None where nobody can be named, `now` is how they stand now, by reason. `were` is how those
who changed or went stood before: what is left of `before` without the people whom nothing touched. So, reason by
reason, after = before - were + the sum of `now`; `adds_up` says that `were` are no more people than did change.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import BooleanField, ExpressionWrapper, Q

from campaigns import audience, exclusions, policies
from campaigns.audience import Waterfall
from campaigns.branches import Branch
from campaigns.config import policy as bounds
from campaigns.config import rules
from campaigns.config.campaign import CampaignConfig, EventTrigger
from campaigns.config.gate import Invalid
from campaigns.config.policy import Policy
from campaigns.models import Run, Segment
from delivery import patience
from delivery.models import Preflight, Reconciliation
from tenants import context

PATIENCE = 20.0  # seconds for all of it: no run waits longer for its explanation
INCLUDED = "included"
# What touches one person, in the order in which somebody touched by several is told of.
TOUCHES = {
    "customers_added": "added since",
    "consent_changed": "gave or withdrew consent",
    "suppressions_added": "put on a suppression list",
    "messages_sent": "were sent something meanwhile",
    "events_arrived": "did something that arrived since",
    "customers_changed": "had their record changed",
    "address_shared": "share an address with one of those",
}


def marks() -> dict[str, int]:
    """How far each table that only grows has grown, and how many customers and suppressions there are."""
    with connection.cursor() as cursor:
        cursor.execute(_MARKS)
        return dict(zip([column.name for column in cursor.description or ()], cursor.fetchone(), strict=True))


def bounds_in_force(policy: Policy | None = None) -> dict[str, str]:
    """What the policy says that decides about an audience, in words."""
    told = bounds.words(policy or policies.effective(context.current()))
    return {name: told[name] for name in ("per_customer", "universal_holdout") if name in told}


def before(run: Run) -> Preflight | None:
    """The latest pre-flight of the run's configuration made before it began; else of whatever the campaign was then."""
    made = Preflight.objects.filter(campaign_id=run.campaign_id, made_at__lte=run.started_at)
    own = ExpressionWrapper(Q(config_hash=run.version.content_hash), output_field=BooleanField())
    return made.annotate(is_its_own=own).order_by("-is_its_own", "-made_at", "-pk").first()


def reconcile(run: Run) -> None:
    """Hold the run, whose audience was just chosen, against its pre-flight, if it had one that was counted."""
    preflight = before(run)
    if preflight is None or preflight.result.get("candidates") is None:
        return
    try:
        with patience.seconds(PATIENCE):
            result = _result(run, preflight)
    except patience.TookTooLong as late:
        result = {"late": f"The comparison with the pre-flight {late}."}
    Reconciliation.objects.get_or_create(run=run, defaults={"preflight": preflight, "result": result})


def of(run: Run) -> Reconciliation | None:
    return Reconciliation.objects.select_related("preflight").filter(run=run).first()


def as_data(run: Run) -> dict[str, Any]:
    """The comparison as plain JSON data under `preflight`, which is None for a run that had none."""
    found = of(run)
    if found is None:
        return {"preflight": None}
    made = {"id": found.preflight.pk, "as_of": found.preflight.as_of.isoformat()}
    return {"preflight": {**made, **found.result, "words": lines(found)}}


def differing(result: dict[str, Any]) -> list[tuple[str, int, int]]:
    """(reason, before, after) of each number that is not what the pre-flight said."""
    first, after = result.get("before", {}), result.get("after", {})
    return [(reason, first[reason], after[reason]) for reason in first if first[reason] != after[reason]]


def lines(found: Reconciliation) -> list[str]:
    """The comparison for a person to read."""
    result = found.result
    if "late" in result:
        return [str(result["late"])]
    changed = differing(result)
    if not changed:
        return ["Exactly as the pre-flight said."]
    told = [f"{reason}: {first:,} in the pre-flight, {after:,} in the run" for reason, first, after in changed]
    return [*told, *reasons(found)]


def reasons(found: Reconciliation) -> list[str]:
    """What changed in between, in words."""
    causes = [_cause_words(cause) for cause in found.result.get("causes", [])]
    return causes if found.result.get("adds_up", True) else [*causes, NOT_BY_NAME]


NOT_BY_NAME = "Some differences come of changes that leave no trace on a person: they are named, but not counted."


def _cause_words(cause: dict[str, Any]) -> str:
    if cause["people"] is None:
        return str(cause["words"])
    return f"{cause['people']:,} {'person' if cause['people'] == 1 else 'people'}: {cause['words']}"


def _result(run: Run, preflight: Preflight) -> dict[str, Any]:
    said = preflight.result
    first = _numbers(Waterfall(said["candidates"], said["included"], said["excluded"]))
    after = _numbers(audience.waterfall(run))
    causes, existed = _touched(run, preflight)
    gone = _gone(said["marks"])
    if gone["customers_erased"] > 0:
        erased = gone["customers_erased"]
        causes.append({"cause": "customers_erased", "words": "erased since", "people": erased, "now": {}})
    causes += [{"cause": c, "words": words, "people": None, "now": {}} for c, words in _unnamed(run, preflight, gone)]
    were = {}
    for reason in {**first, **after}:
        touched = sum(cause["now"].get(reason, 0) for cause in causes)
        were[reason] = first.get(reason, 0) - (after.get(reason, 0) - touched)
    return {
        "before": {reason: first.get(reason, 0) for reason in were},
        "after": {reason: after.get(reason, 0) for reason in were},
        "were": {reason: number for reason, number in were.items() if number},
        "causes": causes,
        "adds_up": min(were.values()) >= 0 and sum(were.values()) <= existed + gone["customers_erased"],
    }


def _numbers(waterfall: Waterfall) -> dict[str, int]:
    return {INCLUDED: waterfall.included, **waterfall.excluded}


def _touched(run: Run, preflight: Preflight) -> tuple[list[dict[str, Any]], int]:
    """The causes that touched people, with how these stand now, and how many of the people there were before."""
    config = run.version.parsed()
    channel = config.steps[0].channel
    asks = _asks(config)
    params = preflight.result["marks"] | {
        "run": run.pk, "as_of": preflight.as_of, "channel": channel, "topic": config.topic,
        "asks_events": asks["events"], "asks_ledger": asks["ledger"],
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_touches(exclusions.ADDRESSES[channel].field), params)
        rows = cursor.fetchall()
    names: list[str] = [*TOUCHES]
    found: dict[str, dict[str, Any]] = {}
    for number, reason, people, _ in rows:
        cause = names[number - 1]
        told = found.setdefault(cause, {"cause": cause, "words": TOUCHES[cause], "people": 0, "now": {}})
        told["people"] += people
        if reason:  # else they are no candidates now
            told["now"][reason] = people
    return [found[name] for name in names if name in found], sum(existed for *_, existed in rows)


def _asks(config: CampaignConfig) -> dict[str, bool]:
    """Which tables decide about this audience at all: what happened in the others touched nobody."""
    leaves = [leaf.rule for branch in _branches(config) for leaf in branch.leaves()]
    once = isinstance(config.trigger, EventTrigger) and config.trigger.once_per is not None
    capped = config.limits.per_customer is not None or "per_customer" in bounds_in_force()
    return {
        "events": any(isinstance(leaf, rules.Event | rules.Engaged) for leaf in leaves),
        "ledger": capped,
        "time": once or capped or any(_is_timed(leaf) for leaf in leaves),
    }


def _is_timed(leaf: Any) -> bool:
    return isinstance(leaf, rules.Event | rules.Engaged) or getattr(leaf, "operator", "") in _BY_DAY


_BY_DAY = ("anniversary", "before", "on", "after")


def _branches(config: CampaignConfig) -> list[Branch]:
    asked = [config.audience.include, *([config.audience.exclude] if config.audience.exclude else [])]
    try:
        return [audience.branches(rule) for rule in asked]
    except Invalid:  # a segment was removed meanwhile: the run was evaluated before that
        return []


def _gone(noted: dict[str, int]) -> dict[str, int]:
    """How many customers and suppressions that stood at the pre-flight are there no more."""
    with connection.cursor() as cursor:
        cursor.execute(_GONE, noted)
        customers, suppressions = cursor.fetchone()
    return {"customers_erased": customers, "suppressions_removed": suppressions}


def _unnamed(run: Run, preflight: Preflight, gone: dict[str, int]) -> Iterator[tuple[str, str]]:
    """What changed that leaves no trace on a person, in words."""
    config = run.version.parsed()
    if preflight.config_hash != run.version.content_hash:
        yield "configuration_edited", "The campaign's configuration was edited after the pre-flight."
    keys = set().union(*(branch.segments() for branch in _branches(config)))
    edited = Segment.objects.filter(key__in=keys, updated_at__gt=preflight.as_of).order_by("key")
    if names := ", ".join(edited.values_list("key", flat=True)):
        yield "segment_edited", f"Edited since: segment {names}."
    if gone["suppressions_removed"] > 0:
        yield "suppressions_removed", f"Taken off the suppression list: {gone['suppressions_removed']:,}."
    if preflight.result["policy"] != bounds_in_force():
        yield "policy_changed", "The policy's limits or its holdout of all campaigns changed."
    if _asks(config)["time"] and run.as_of != preflight.as_of:
        yield "time_passed", f"Time passed: {_duration(preflight.as_of, run.as_of)}, and the rule or a limit counts it."


def _duration(begin: datetime, end: datetime) -> str:
    minutes = int((end - begin).total_seconds() // 60)
    if minutes < 1:
        return "less than a minute"
    return f"{minutes // 60} h {minutes % 60:02} min" if minutes >= 60 else f"{minutes} min"


_MARKS = """
SELECT (SELECT coalesce(max(id), 0) FROM campaigns_customer) AS customer,
    (SELECT coalesce(max(id), 0) FROM campaigns_consent) AS consent,
    (SELECT coalesce(max(id), 0) FROM campaigns_suppression) AS suppression,
    (SELECT coalesce(max(id), 0) FROM public.tenants_platformsuppression) AS platform_suppression,
    (SELECT coalesce(max(id), 0) FROM campaigns_event) AS event,
    (SELECT coalesce(max(id), 0) FROM delivery_outcomerecord) AS outcome,
    (SELECT count(*) FROM campaigns_facts) AS people,
    (SELECT count(*) FROM campaigns_suppression) AS suppressions
"""
_GONE = """
SELECT %(people)s + (SELECT count(*) FROM campaigns_facts WHERE customer_id > %(customer)s)
        - (SELECT count(*) FROM campaigns_facts),
    %(suppressions)s + (SELECT count(*) FROM campaigns_suppression WHERE id > %(suppression)s)
        - (SELECT count(*) FROM campaigns_suppression)
"""


def _touches(field: str) -> str:
    """(number of the cause, reason now, people, people who existed before); `field` holds the channel's address."""
    return f"""
WITH touched AS (
    SELECT id AS customer_id, 1 AS cause FROM campaigns_customer WHERE id > %(customer)s
    UNION ALL SELECT customer_id, 2 FROM campaigns_consent
    WHERE id > %(consent)s AND channel = %(channel)s AND topic IN ('', %(topic)s)
    UNION ALL SELECT c.id, 3 FROM campaigns_suppression s JOIN campaigns_customer c ON c.{field} = s.address
    WHERE s.id > %(suppression)s AND s.channel = %(channel)s AND s.address <> ''
    UNION ALL SELECT c.id, 3 FROM public.tenants_platformsuppression s
    JOIN campaigns_customer c ON c.{field} <> '' AND sha256(convert_to(c.{field}, 'UTF8')) = s.address_hash
    WHERE s.id > %(platform_suppression)s AND s.channel = %(channel)s
    UNION ALL SELECT m.customer_id, 4 FROM delivery_outcomerecord o JOIN delivery_message m ON m.id = o.message_id
    WHERE %(asks_ledger)s AND o.id > %(outcome)s AND o.result IN ('accepted', 'unknown')
    UNION ALL SELECT customer_id, 5 FROM campaigns_event WHERE %(asks_events)s AND id > %(event)s
    UNION ALL SELECT id, 6 FROM campaigns_customer WHERE updated_at > %(as_of)s
), related AS (
    SELECT customer_id, cause FROM touched
    UNION ALL SELECT other.id, 7 FROM touched JOIN campaigns_customer c ON c.id = touched.customer_id
    JOIN campaigns_customer other ON other.{field} = c.{field} AND other.id <> c.id AND c.{field} <> ''
), one AS (
    SELECT DISTINCT ON (customer_id) customer_id, cause FROM related ORDER BY customer_id, cause
)
SELECT one.cause, CASE WHEN m.is_included THEN '{INCLUDED}' ELSE coalesce(m.reason, '') END,
    count(*), count(*) FILTER (WHERE one.customer_id <= %(customer)s)
FROM one JOIN campaigns_facts f ON f.customer_id = one.customer_id
LEFT JOIN campaigns_member m ON m.run_id = %(run)s AND m.customer_id = one.customer_id
GROUP BY 1, 2 ORDER BY 1, 2
"""
