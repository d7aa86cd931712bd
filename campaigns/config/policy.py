"""Policy: the bounds that the platform sets, and groups and retailers may only tighten. Pure.

Policies form a lattice: `meet` holds whatever either holds, so the policy in force is the meet of all layers, and
no layer can loosen another. A document that tries to is refused all the same (`loosenings`), because whoever wrote
it believes that it does something.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from functools import reduce
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, model_validator

from campaigns.config import attached
from campaigns.config.attached import Allowed, Described
from campaigns.config.campaign import CampaignConfig, PerCustomer, RecurringTrigger, ScheduleTrigger, Step
from campaigns.config.check_names import WEIGHT, CheckName, Severity, heavier
from campaigns.config.gate import Problem
from campaigns.config.rules import ChannelName
from campaigns.config.values import ClockTime, DomainName, Key, Part, Share, format_duration

DAY = 24 * 60  # minutes
Feature = Literal["conditions", "loops", "assignments", "attributes"]
Needed = Literal["unsubscribe_url", "preferences_url", "brand.postal_address", "brand.name"]
Counted = Literal["opens", "clicks"]
Window = tuple[ClockTime, ClockTime]
Limit = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]


def _ordered(values: list[Any] | None) -> list[Any] | None:
    return None if values is None else sorted(set(values))


def _tidy_windows(windows: list[Window]) -> list[Window]:
    quiet = _minutes(windows)
    if len(quiet) == DAY:
        raise ValueError("leave some of the day in which messages may go out")
    return _windows(quiet)


def _tidy_caps(caps: list[PerCustomer]) -> list[PerCustomer]:
    """One per period, and none that another one makes superfluous."""
    least: dict[timedelta, int] = {}
    for cap in caps:
        least[cap.per] = min(cap.messages, least.get(cap.per, cap.messages))
    told = [PerCustomer(messages=messages, per=per) for per, messages in sorted(least.items())]
    return [cap for cap in told if not any(o.per > cap.per and o.messages <= cap.messages for o in told)]


class Policy(Part):
    """Bounds. A field that is left out bounds nothing."""

    channels: Annotated[list[ChannelName], AfterValidator(_ordered)] | None = None
    sender_domains: Annotated[list[DomainName], Field(max_length=200), AfterValidator(_ordered)] | None = None
    sender_dns: bool = False  # whether SPF, DKIM and DMARC of a sender's domain must be right before a launch
    template_features: Annotated[list[Feature], AfterValidator(_ordered)] | None = None
    bases: Annotated[list[Key], Field(max_length=100), AfterValidator(_ordered)] | None = None
    per_customer: Annotated[list[PerCustomer], Field(max_length=10), AfterValidator(_tidy_caps)] = []
    quiet_hours: Annotated[list[Window], Field(max_length=10), AfterValidator(_tidy_windows)] = []
    max_per_day: Annotated[int, Field(ge=1, le=1_000_000_000)] | None = None
    min_holdout: Share = 0.0
    universal_holdout: Share = 0.0
    max_discount: Annotated[float, Field(ge=0, le=100)] | None = None
    most_bounces: Limit | None = None  # a run whose messages come to more of it is paused; see delivery.guards
    most_complaints: Limit | None = None
    most_unsubscribes: Limit | None = None
    most_errors: Limit | None = None
    footer: Annotated[list[Needed], AfterValidator(_ordered)] = []
    attachments: Allowed | None = None  # what may go along with e-mails: nothing, unless the platform says so
    untracked: Annotated[list[Counted], AfterValidator(_ordered)] = []  # what nobody may count
    approval: bool = False
    checks: dict[CheckName, Severity] = {}  # how much a check before launch weighs at least; an error blocks
    checks_off: Annotated[list[CheckName], AfterValidator(_ordered)] | None = None  # the platform's alone

    @model_validator(mode="after")
    def _something_may_be_sent(self) -> Self:
        if self.channels == []:
            raise ValueError("channels: leave at least one, or leave the field out to allow all")
        if self.min_holdout > 0.9:
            raise ValueError("min_holdout: at most 0.9, or hardly anybody would get anything")
        if self.universal_holdout > 0.5:
            raise ValueError("universal_holdout: at most 0.5; 0.05 is plenty to measure all campaigns by")
        return self


OPEN = Policy()  # bounds nothing


def meet(one: Policy, other: Policy) -> Policy:
    """What holds where both hold: commutative, associative, idempotent, with OPEN as its neutral element."""
    # Built without validation: two policies that each leave something may leave nothing together, which is a policy.
    return Policy.model_construct(
        channels=_both(one.channels, other.channels),
        sender_domains=_both(one.sender_domains, other.sender_domains),
        sender_dns=one.sender_dns or other.sender_dns,
        template_features=_both(one.template_features, other.template_features),
        bases=_both(one.bases, other.bases),
        per_customer=_tidy_caps([*one.per_customer, *other.per_customer]),
        quiet_hours=_windows(_minutes(one.quiet_hours) | _minutes(other.quiet_hours)),
        max_per_day=_least(one.max_per_day, other.max_per_day),
        min_holdout=max(one.min_holdout, other.min_holdout),
        universal_holdout=max(one.universal_holdout, other.universal_holdout),
        max_discount=_least(one.max_discount, other.max_discount),
        most_bounces=_least(one.most_bounces, other.most_bounces),
        most_complaints=_least(one.most_complaints, other.most_complaints),
        most_unsubscribes=_least(one.most_unsubscribes, other.most_unsubscribes),
        most_errors=_least(one.most_errors, other.most_errors),
        footer=sorted({*one.footer, *other.footer}),
        attachments=attached.meet(one.attachments, other.attachments),
        untracked=sorted({*one.untracked, *other.untracked}),
        approval=one.approval or other.approval,
        checks=_heaviest(one.checks, other.checks),
        checks_off=_both(one.checks_off, other.checks_off),
    )


def meet_all(policies: Iterable[Policy]) -> Policy:
    return reduce(meet, policies, OPEN)


def loosenings(above: Policy, below: Policy) -> list[Problem]:
    """The fields in which `below`, where it says something, would allow what `above` forbids."""
    told = words(above)
    return [
        Problem(name, f"looser than what stands above it ({told[name]}): it can only be tightened", "loosened")
        for name in Policy.model_fields
        if name in told and _is_loose(name, above, below)
    ]


def _is_loose(name: str, above: Policy, below: Policy) -> bool:
    """Whether what `below` says of a field would not take effect. Caps, quiet hours, footers and
    what is not counted add to those above.
    """
    mine = getattr(below, name)
    if mine == getattr(OPEN, name):
        return name in ("approval", "sender_dns") and name in below.model_fields_set
    if name == "per_customer":
        return any(cap not in meet(above, below).per_customer and cap not in above.per_customer for cap in mine)
    if name == "quiet_hours":
        return _minutes(mine) < _minutes(above.quiet_hours)
    if name == "checks":
        return any(WEIGHT[mine[check]] < WEIGHT[above.checks.get(check, "hint")] for check in mine)
    return name not in ("footer", "untracked") and bool(getattr(meet(above, below), name) != mine)


def not_its_own(policy: Policy) -> list[Problem]:
    """What a group or a retailer may not say at all, whatever stands above it."""
    if policy.checks_off is None:
        return []
    cure = "only the platform can switch checks off: leave it out"
    return [Problem("checks_off", cure, "loosened")]


def not_granted(above: Policy, below: Policy) -> list[Problem]:
    """What nobody above lets happen, and so nobody below can: it is denied unless it is allowed."""
    if below.attachments is None or not below.attachments.types or above.attachments is not None:
        return []
    cure = "the platform lets no files go along with messages: leave it out"
    return [Problem("attachments", cure, "loosened")]


def words(policy: Policy) -> dict[str, str]:
    """Each bound for a person to read; only those that bound something."""
    told: dict[str, str] = {}
    for name in Policy.model_fields:
        value = getattr(policy, name)
        if value != getattr(OPEN, name):
            told[name] = _WORDS[name](value)
    return told


# -- what a policy says of a configuration -----------------------------------------------------------------------------
def breaches(config: CampaignConfig, policy: Policy, *, zone: ZoneInfo) -> list[Problem]:
    """Everything in a configuration that the policy forbids, with field and cure."""
    return [
        *_channel_breaches(config, policy),
        *_cap_breaches(config, policy),
        *_quiet_breaches(config, policy, zone),
        *_holdout_breaches(config, policy),
        *_discount_breaches(config, policy),
    ]


def sender_breaches(from_email: str, policy: Policy) -> list[Problem]:
    """`from_email` must be of an allowed domain, or of one below it."""
    if policy.sender_domains is None:
        return []
    domain = from_email.rpartition("@")[2].lower()
    if any(domain == allowed or domain.endswith(f".{allowed}") for allowed in policy.sender_domains):
        return []
    allowed = ", ".join(policy.sender_domains) or "none"
    return [_breach("from_email", f"mail may not be sent from {domain or 'nowhere'}; allowed: {allowed}")]


def base_breaches(base: str, policy: Policy) -> list[Problem]:
    """An e-mail's template on `base`, blank for one on its own."""
    if policy.bases is None or base in policy.bases:
        return []
    what = f"built on {base}" if base else "on its own"
    return [_breach("base", f"a template {what} is not allowed here: build it on {_list_words(policy.bases)}")]


def attachment_breaches(files: Iterable[Described], policy: Policy) -> list[Problem]:
    """Of what goes along with an e-mail."""
    return [_breach(field, message) for field, message in attached.breaches(files, policy.attachments)]


def content_breaches(features: Iterable[str], names: Iterable[str], policy: Policy) -> list[Problem]:
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


def opens_at(policy: Policy, now: datetime, zone: ZoneInfo) -> datetime | None:
    """When quiet hours end that `now` falls into, as an instant; None when it falls into none."""
    quiet = _minutes(policy.quiet_hours)
    local = now.astimezone(zone)
    if local.hour * 60 + local.minute not in quiet:
        return None
    at = local.replace(second=0, microsecond=0)
    for _ in range(2 * DAY):  # by the minute on the instant's own line, so that daylight saving is no special case
        at = (at.astimezone(ZoneInfo("UTC")) + timedelta(minutes=1)).astimezone(zone)
        if at.hour * 60 + at.minute not in quiet:
            return at
    return now + timedelta(days=1)  # no minute of the day is open: look again tomorrow


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
    quiet = _minutes(policy.quiet_hours)
    for field, hour, minute in _start_times(config, zone):
        if hour * 60 + minute in quiet:
            told = _WORDS["quiet_hours"](policy.quiet_hours)
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


def _percent(value: object) -> float:
    """Not a number, for text that is none: it is within no bound."""
    try:
        return float(str(value).strip().removesuffix("%").removeprefix("-"))
    except ValueError:
        return float("nan")


def _breach(field: str, message: str) -> Problem:
    return Problem(field, message, "policy")


# -- the lattice's small change ----------------------------------------------------------------------------------------
def _both(one: list[Any] | None, other: list[Any] | None) -> list[Any] | None:
    if one is None or other is None:
        return other if one is None else one
    return sorted(set(one) & set(other))


def _heaviest(one: dict[CheckName, Severity], other: dict[CheckName, Severity]) -> dict[CheckName, Severity]:
    both = {**one, **other}
    return {name: heavier(one.get(name, "hint"), other.get(name, "hint")) for name in sorted(both)}


def _least(one: Any, other: Any) -> Any:
    return other if one is None else one if other is None else min(one, other)


def _minutes(windows: Iterable[Window]) -> frozenset[int]:
    """The minutes of the day in any of the windows; 21:00 to 08:00 goes over midnight."""
    found: set[int] = set()
    for first, last in windows:
        start, end = _minute(first), _minute(last)
        found |= set(range(start, end)) if start < end else {*range(start, DAY), *range(end)}
    return frozenset(found)


def _minute(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])


def _windows(minutes: frozenset[int]) -> list[Window]:
    """The fewest windows that hold exactly these minutes."""
    if len(minutes) == DAY:
        return [("00:00", "00:00")]
    starts = sorted(minute for minute in minutes if (minute - 1) % DAY not in minutes)
    ends = [next(m % DAY for m in range(start + 1, start + DAY + 1) if m % DAY not in minutes) for start in starts]
    return [(f"{s // 60:02}:{s % 60:02}", f"{e // 60:02}:{e % 60:02}") for s, e in zip(starts, ends, strict=True)]


_FOOTER = {
    "unsubscribe_url": "a link to unsubscribe",
    "preferences_url": "a link to preferences",
    "brand.postal_address": "the postal address",
    "brand.name": "the brand's name",
}


_EFFECT = {"error": "must be right", "warning": "is warned of", "hint": "is hinted at"}


def _named(check: str) -> str:
    return check.replace("_", " ")


def _list_words(values: Iterable[Any]) -> str:
    return ", ".join(map(str, values)) or "none"


_WORDS: dict[str, Any] = {
    "channels": lambda v: f"only {_list_words(v)}",
    "sender_domains": lambda v: f"only from {_list_words(v)}",
    "sender_dns": lambda _: "SPF, DKIM and DMARC must be right",
    "template_features": lambda v: f"only {_list_words(v)}",
    "bases": lambda v: f"e-mails only on {_list_words(v)}",
    "per_customer": lambda v: "; ".join(f"at most {c.messages} in {format_duration(c.per)}" for c in v),
    "quiet_hours": lambda v: ", ".join(f"{first} to {last}" for first, last in v),
    "max_per_day": lambda v: f"at most {v:,} a day",
    "min_holdout": lambda v: f"at least {v * 100:g} %",
    "universal_holdout": lambda v: f"at least {v * 100:g} % of everybody",
    "max_discount": lambda v: f"at most {v:g} %",
    "most_bounces": lambda v: f"paused over {v * 100:g} %",
    "most_complaints": lambda v: f"paused over {v * 100:g} %",
    "most_unsubscribes": lambda v: f"paused over {v * 100:g} %",
    "most_errors": lambda v: f"paused over {v * 100:g} %",
    "footer": lambda v: f"every message has {_list_words(_FOOTER[each] for each in v)}",
    "attachments": attached.words,
    "untracked": lambda v: f"{_list_words(v)} are not counted",
    "approval": lambda _: "an approver must agree",
    "checks": lambda v: "; ".join(f"{_named(name)} {_EFFECT[weight]}" for name, weight in sorted(v.items())),
    "checks_off": lambda v: f"not looked at: {_list_words(map(_named, v))}",
}
