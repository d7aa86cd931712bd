"""Policy: the bounds that the platform sets, and groups and retailers may only tighten. Pure.

Policies form a lattice: `meet` holds whatever either holds, so the policy in force is the meet of all layers, and
no layer can loosen another. A document that tries to is refused all the same (`loosenings`), because whoever wrote
it believes that it does something.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import reduce
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, model_validator

from campaigns.config import attached
from campaigns.config.attached import Allowed
from campaigns.config.campaign import PerCustomer
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
    transactional: bool | None = None  # whether campaigns may go ahead of others: none, unless the platform says so
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
GRANTED = ("attachments", "transactional")  # what nobody may do unless the platform says so


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
        transactional=_agreed(one.transactional, other.transactional),
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
    denied = {
        "attachments": "the platform lets no files go along with messages: leave it out",
        "transactional": "the platform lets no campaign be transactional: leave it out",
    }
    asked = {"attachments": below.attachments and below.attachments.types, "transactional": below.transactional}
    return [Problem(name, denied[name], "loosened") for name in GRANTED if asked[name] and getattr(above, name) is None]


def words(policy: Policy) -> dict[str, str]:
    """Each bound for a person to read; only those that bound something."""
    told: dict[str, str] = {}
    for name in Policy.model_fields:
        value = getattr(policy, name)
        if value != getattr(OPEN, name):
            told[name] = _WORDS[name](value)
    return told


def quiet_minutes(policy: Policy) -> frozenset[int]:
    """The minutes of the day in which nothing goes out."""
    return _minutes(policy.quiet_hours)


def opens_at(policy: Policy, now: datetime, zone: ZoneInfo) -> datetime | None:
    """When quiet hours end that `now` falls into, as an instant; None when it falls into none."""
    quiet = quiet_minutes(policy)
    local = now.astimezone(zone)
    if local.hour * 60 + local.minute not in quiet:
        return None
    at = local.replace(second=0, microsecond=0)
    for _ in range(2 * DAY):  # by the minute on the instant's own line, so that daylight saving is no special case
        at = (at.astimezone(ZoneInfo("UTC")) + timedelta(minutes=1)).astimezone(zone)
        if at.hour * 60 + at.minute not in quiet:
            return at
    return now + timedelta(days=1)  # no minute of the day is open: look again tomorrow


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


def _agreed(one: bool | None, other: bool | None) -> bool | None:
    if one is None or other is None:
        return other if one is None else one
    return one and other


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
    "transactional": lambda v: "may go ahead of others" if v else "none goes ahead of others",
    "approval": lambda _: "an approver must agree",
    "checks": lambda v: "; ".join(f"{_named(name)} {_EFFECT[weight]}" for name, weight in sorted(v.items())),
    "checks_off": lambda v: f"not looked at: {_list_words(map(_named, v))}",
}
