"""What a launch would do, worked out and not done: who would get it, what it says, and what stands in its way."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from campaigns import audience, content, editions, sentences
from campaigns.config.campaign import CampaignConfig, EventTrigger, RecurringTrigger, ScheduleTrigger
from campaigns.config.gate import Invalid, parse_rule
from campaigns.config.layers import Resolved
from campaigns.config.policy import Policy
from campaigns.config.rules import InSegment, Rule
from campaigns.forms import drafts, inheritance
from campaigns.forms.campaigns import missing
from campaigns.models import Campaign, Customer, Member, Segment
from campaigns.models.customers import Channel
from delivery import preflight, provided
from delivery.channels.base import ChannelUnavailable
from delivery.preflight import words
from delivery.showing import variants
from delivery.showing.panes import Pane
from delivery.views import bars
from tenants import context, held


@dataclass
class Plan:
    """What a launch would do. `problems` are what stands in its way."""

    campaign: Campaign
    problems: list[str]
    policy: Policy | None = None  # in force as the plan was made
    resolved: Resolved | None = None
    waterfall: dict[str, Any] = field(default_factory=dict)
    customer: Customer | None = None
    panes: list[Pane] = field(default_factory=list)  # each variant of each step
    preflight: dict[str, Any] = field(default_factory=dict)  # what delivery.preflight found
    hours: list[dict[str, Any]] = field(default_factory=list)
    whom: str = ""  # in words: who is sent to, and who is left out of those
    but_not: str = ""

    @property
    def several_steps(self) -> bool:
        return self.config is not None and len(self.config.steps) > 1

    @property
    def channels(self) -> list[str]:
        """By which it goes, in words, each once."""
        steps = self.config.steps if self.config else []
        return list(dict.fromkeys(str(Channel(step.channel).label) for step in steps))

    @property
    def several_messages(self) -> bool:
        return self.config is not None and sum(len(step.variants) for step in self.config.steps) > 1

    @property
    def last_day(self) -> date | None:
        days = self.preflight.get("days")
        return date.fromisoformat(days["last_day"]) if days else None

    @property
    def steps(self) -> list[dict[str, Any]]:
        labels = dict(Member.Reason.choices)
        return [
            each | {"missed": [(labels[reason].lower(), number) for reason, number in each["missed"].items()]}
            for each in self.preflight.get("steps", [])
        ]

    @property
    def texts(self) -> list[str]:
        """What its SMS come to."""
        told = (self.preflight.get("sample") or {}).get("texts", [])
        return [f"Step {each['step']}: {words.texts(each)}" if len(told) > 1 else words.texts(each) for each in told]

    @property
    def findings(self) -> list[dict[str, Any]]:
        """What the checks before launch found, the heaviest first."""
        return list(self.preflight.get("findings", []))

    @property
    def findings_words(self) -> str:
        """`1 must be put right, 2 warnings, 1 hint`"""
        numbers = Counter(each["severity"] for each in self.findings)
        told = (
            f"{numbers['error']} must be put right" if numbers["error"] else "",
            f"{numbers['warning']} warning{'' if numbers['warning'] == 1 else 's'}" if numbers["warning"] else "",
            f"{numbers['hint']} hint{'' if numbers['hint'] == 1 else 's'}" if numbers["hint"] else "",
        )
        return ", ".join(each for each in told if each)

    @property
    def collisions(self) -> list[dict[str, Any]]:
        return [
            each | {"due_at": datetime.fromisoformat(each["due_at"]), "is_mine": each["later"] == self.campaign.key}
            for each in self.preflight.get("collisions", [])
        ]

    @property
    def warming(self) -> list[dict[str, Any]]:
        """The days ahead of each domain under warm-up, the first of them as bars."""
        told = (self.preflight.get("days") or {}).get("warm_up") or []
        return [
            each
            | {"last_day": date.fromisoformat(each["last_day"]), "bars": bars.of_days(each["plan"])}
            | {"more": max(0, len(each["plan"]) - bars.DAYS)}
            for each in told
            if each["plan"]
        ]

    @property
    def senders(self) -> list[dict[str, Any]]:
        """What DNS says of the domains it is sent from, where there is something to say."""
        return [each for each in self.preflight.get("senders", []) if each["state"] not in ("ok", "skipped")]

    @property
    def config(self) -> CampaignConfig | None:
        return self.resolved.config if self.resolved else None

    @property
    def included(self) -> int:
        return int(self.waterfall.get("included", 0))

    @property
    def is_timed(self) -> bool:
        kinds = ScheduleTrigger | RecurringTrigger | EventTrigger
        return self.config is not None and isinstance(self.config.trigger, kinds)

    @property
    def recurs(self) -> bool:
        return self.config is not None and isinstance(self.config.trigger, RecurringTrigger)

    @property
    def waits_for_event(self) -> bool:
        return self.config is not None and isinstance(self.config.trigger, EventTrigger)

    @property
    def starts(self) -> str:
        if self.resolved is None:
            return ""
        return drafts.trigger_words(self.resolved.document["trigger"], context.current().tzinfo)


def plan(
    campaign: Campaign, *, now: datetime, by: str = "", counted: bool = True, customer: Customer | None = None
) -> Plan:
    """With its pre-flight, which is stored; or without, for who only asks what it says, perhaps to one `customer`."""
    with held.held():
        return _plan(campaign, now=now, by=by, counted=counted, customer=customer)


def _plan(campaign: Campaign, *, now: datetime, by: str, counted: bool, customer: Customer | None) -> Plan:
    stands = inheritance.standing(campaign.draft)
    problems = [problem for found in missing(stands, as_of=now).values() for problem in found]
    made = Plan(campaign, problems, stands.policy, customer=customer)
    try:
        made.resolved = stands.resolved()
        if counted:
            _count(
                made,
                made.resolved.config,
                preflight.make(campaign, now=now, by=by, resolved=made.resolved, policy=stands.policy).result,
            )
    except Invalid:
        return made  # `missing` has said why
    _render(made, made.resolved.config)
    return made


def channel_problems(config: CampaignConfig | None) -> list[str]:
    """Why the provider of a step's channel cannot be reached, or a sender's domain keeps it from being launched."""
    try:
        if config:
            provided.check_config(config, context.current())
    except ChannelUnavailable as unavailable:
        return [str(unavailable)]
    except Invalid as invalid:
        return [f"{problem.message}." for problem in invalid.problems]
    return []


def waterfall_rows(waterfall: audience.Waterfall) -> dict[str, Any]:
    """A waterfall as rows with their share of the candidates in percent."""
    labels = dict(Member.Reason.choices)
    all_of_them = waterfall.candidates or 1
    excluded, left = [], 100.0
    for reason, number in waterfall.excluded.items():
        share = 100 * number / all_of_them
        left -= share
        excluded.append({"label": labels[reason], "count": number, "share": share, "left": left})
    return {
        "candidates": waterfall.candidates,
        "included": waterfall.included,
        "share": 100 * waterfall.included / all_of_them,
        "excluded": excluded,
        "excluded_total": sum(waterfall.excluded.values()),
    }


def _count(made: Plan, config: CampaignConfig, found: dict[str, Any]) -> None:
    made.preflight = found
    made.whom, made.but_not = _whom(config.audience.include), _whom(config.audience.exclude)
    if found["candidates"] is not None:
        counted = audience.Waterfall(found["candidates"], found["included"], found["excluded"])
        made.waterfall = waterfall_rows(counted)
    made.hours = bars.of_hours(found["times"]["hours"]) if found["times"] else []


def _whom(rule: Rule | None) -> str:
    """A rule in words; a segment by its name, with what it says."""
    if rule is None:
        return ""
    segment = Segment.objects.filter(key=rule.segment).first() if isinstance(rule, InSegment) else None
    if segment is None:
        return sentences.sentence(rule)
    said = sentences.sentence(parse_rule(segment.rule))
    return f"{segment.name}: {said[:1].lower()}{said[1:]}"


def _render(made: Plan, config: CampaignConfig) -> None:
    """Each variant of each step for one person."""
    made.customer = made.customer or _somebody((made.preflight.get("sample") or {}).get("shown", []))
    if made.customer is None:
        return
    keys, brand = {step.template for step in config.steps}, content.brand()
    by_key = editions.live_of(keys, context.current())
    for step in config.steps:
        live = by_key.get(step.template)
        if live is None:
            continue
        for variant in step.variants:
            made.panes.append(variants.pane(config, step, variant, live, made.customer, brand=brand))


def _somebody(included: list[str]) -> Customer | None:
    """One of those included, with a name if one has; else whoever came first of all customers."""
    people = list(Customer.objects.filter(external_id__in=included).order_by("pk"))
    people = people or list(Customer.objects.order_by("pk")[:1])
    return next((each for each in people if each.first_name and each.email), None) or next(iter(people), None)
