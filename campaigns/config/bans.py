"""What a policy forbids of a configuration, a message and its sender, each with field and cure. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from zoneinfo import ZoneInfo

from campaigns.config import attached
from campaigns.config import policy as rules
from campaigns.config.attached import Described
from campaigns.config.campaign import CampaignConfig, RecurringTrigger, ScheduleTrigger, Step
from campaigns.config.gate import Problem
from campaigns.config.policy import Policy
from campaigns.config.values import format_duration


def of_campaign(config: CampaignConfig, policy: Policy, *, zone: ZoneInfo) -> list[Problem]:
    """Everything in a configuration that the policy forbids, with field and cure."""
    return [
        *_channel_breaches(config, policy),
        *_cap_breaches(config, policy),
        *_quiet_breaches(config, policy, zone),
        *_holdout_breaches(config, policy),
        *_discount_breaches(config, policy),
        *_lane_breaches(config, policy),
    ]


def of_sender(from_email: str, policy: Policy) -> list[Problem]:
    """`from_email` must be of an allowed domain, or of one below it."""
    if policy.sender_domains is None:
        return []
    domain = from_email.rpartition("@")[2].lower()
    if any(domain == allowed or domain.endswith(f".{allowed}") for allowed in policy.sender_domains):
        return []
    allowed = ", ".join(policy.sender_domains) or "none"
    return [_breach("from_email", f"mail may not be sent from {domain or 'nowhere'}; allowed: {allowed}")]


def of_base(base: str, policy: Policy) -> list[Problem]:
    """An e-mail's template on `base`, blank for one on its own."""
    if policy.bases is None or base in policy.bases:
        return []
    what = f"built on {base}" if base else "on its own"
    allowed = ", ".join(policy.bases) or "none"
    return [_breach("base", f"a template {what} is not allowed here: build it on {allowed}")]


def of_attachments(files: Iterable[Described], policy: Policy) -> list[Problem]:
    """Of what goes along with an e-mail."""
    return [_breach(field, message) for field, message in attached.breaches(files, policy.attachments)]


def of_content(features: Iterable[str], names: Iterable[str], policy: Policy) -> list[Problem]:
    """`features` and variable `names` that a message's content uses (campaigns.language tells them)."""
    used, named = set(features), set(names)
    found = [
        _breach("html", f"the policy asks for {{{{ {needed} }}}} in every message: put it into the footer")
        for needed in policy.footer
        if needed not in named
    ]
    if policy.template_features is not None:
        found += [
            _breach("html", f"templates may not use {feature} here: write it without")
            for feature in sorted(used - set(policy.template_features))
        ]
    return found


def _channel_breaches(config: CampaignConfig, policy: Policy) -> Iterator[Problem]:
    for index, step in enumerate(config.steps):
        if policy.channels is not None and step.channel not in policy.channels:
            allowed = ", ".join(policy.channels) or "none"
            yield _breach(f"steps.{index}.channel", f"{step.channel} is not allowed here: use {allowed}")


def _cap_breaches(config: CampaignConfig, policy: Policy) -> Iterator[Problem]:
    """One run alone must not give a person more than the policy allows."""
    for cap in policy.per_customer:
        most = max(_steps_within(config, step, cap.per) for step in config.steps)
        if most > cap.messages:
            period = format_duration(cap.per)
            yield _breach(
                "steps",
                f"{most} messages to one person within {period}; {cap.messages} are allowed: drop or delay some",
            )


def _steps_within(config: CampaignConfig, first: Step, period: timedelta) -> int:
    start = config.delay_of(first)
    return sum(start <= config.delay_of(step) < start + period for step in config.steps)


def _quiet_breaches(config: CampaignConfig, policy: Policy, zone: ZoneInfo) -> Iterator[Problem]:
    quiet = rules.quiet_minutes(policy)
    for field, hour, minute in _start_times(config, zone):
        if hour * 60 + minute in quiet:
            told = rules.words(policy)["quiet_hours"]
            yield _breach(field, f"{hour:02}:{minute:02} is in the quiet hours ({told}): choose another time")


def _start_times(config: CampaignConfig, zone: ZoneInfo) -> Iterator[tuple[str, int, int]]:
    trigger = config.trigger
    if isinstance(trigger, ScheduleTrigger):
        local = trigger.at.astimezone(zone) if trigger.at.tzinfo else trigger.at
        yield "trigger.at", local.hour, local.minute
    elif isinstance(trigger, RecurringTrigger):
        parts = dict(part.split("=", 1) for part in trigger.rrule.upper().split(";") if "=" in part)
        starts = trigger.starts and (trigger.starts.astimezone(zone) if trigger.starts.tzinfo else trigger.starts)
        hours = _numbers(parts.get("BYHOUR")) or ([starts.hour] if starts else [])
        minutes = _numbers(parts.get("BYMINUTE")) or ([starts.minute] if starts else [0])
        field = "trigger.rrule" if "BYHOUR" in parts or "BYMINUTE" in parts else "trigger.starts"
        yield from ((field, hour % 24, minute % 60) for hour in hours for minute in minutes)


def _numbers(text: str | None) -> list[int]:
    return [int(part) for part in (text or "").split(",") if part.isascii() and part.isdecimal() and len(part) < 4]


def _holdout_breaches(config: CampaignConfig, policy: Policy) -> Iterator[Problem]:
    if config.audience.holdout < policy.min_holdout:
        least = f"{policy.min_holdout * 100:g} %"
        yield _breach(
            "audience.holdout", f"hold back at least {least} ({policy.min_holdout:g}) to measure what it does"
        )


def _discount_breaches(config: CampaignConfig, policy: Policy) -> Iterator[Problem]:
    """`discount` in a variant's content is a percentage, as a number or as text that is one."""
    if policy.max_discount is None:
        return
    for i, step in enumerate(config.steps):
        for j, variant in enumerate(step.variants):
            given = variant.content.get("discount")
            if given is not None and not _percent(given) <= policy.max_discount:
                most = f"{policy.max_discount:g} %"
                yield _breach(
                    f"steps.{i}.variants.{j}.content.discount",
                    f"a number, and at most {most}: more is not allowed here",
                )


def _lane_breaches(config: CampaignConfig, policy: Policy) -> Iterator[Problem]:
    if config.is_transactional and not policy.transactional:
        yield _breach("lane", "the policy lets no campaign be transactional: leave it out, or ask the platform")


def _percent(value: object) -> float:
    """Not a number, for text that is none: it is within no bound."""
    try:
        return float(str(value).strip().removesuffix("%").removeprefix("-"))
    except ValueError:
        return float("nan")


def _breach(field: str, message: str) -> Problem:
    return Problem(field, message, "policy")
