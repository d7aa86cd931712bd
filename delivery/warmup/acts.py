"""What people do with a warm-up: begin it, hold it, go on, skip it, finish it. Every act stands in the trail.

Reads    Customer, Facts: how the receivers divide up
Writes   SenderDomain, WarmUpShare, WarmUpStep, WarmUpPick, the agenda
Promise  an act that makes no sense now is refused with the reason; where the bound ends, what waited for it goes on
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime

from django.db import connection, transaction

from campaigns.config.gate import Invalid, Problem
from delivery.models import Batch, Receivers, SenderDomain, WarmUpShare
from delivery.warmup import receivers, schedule
from delivery.warmup.picking import REASON
from delivery.warmup.ramping import KIND
from tenants import agenda, audit, bell, context

START, DAYS = 200, 35  # where nothing else is said
LEAST_SHARE = 0.05  # of a day's budget, for a group that hardly anybody belongs to so far
_DOMAIN = re.compile(r"(?=.{4,253}\Z)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}\Z")
_WarmUp = SenderDomain.WarmUp


@transaction.atomic
def begin(
    domain: str, *, now: datetime, start: int = START, peak: int | None = None, days: int = DAYS, reason: str = ""
) -> SenderDomain:
    """From `start` messages a day to `peak` in `days` days; without a peak, to everybody. Raises Invalid."""
    sender = known(domain)
    if sender.is_warming:
        raise Invalid([Problem("act", f"{sender.domain} warms up already: finish or skip that first", "not_now")])
    mix = _mix()
    peak = peak if peak is not None else min(schedule.HIGHEST, max(10 * start, sum(mix.values())))
    _check(start, peak, days)
    before, zone = told(sender), context.current().tzinfo
    sender.shares.all().delete()
    sender.steps.all().delete()
    sender.picks.all().delete()
    sender.start, sender.peak, sender.days, sender.picked_at = start, peak, days, None
    sender.warm_up, sender.began_at, sender.ended_at, sender.reason = _WarmUp.WARMING, now, None, reason[:300]
    sender.save()
    today = now.astimezone(zone).date()
    WarmUpShare.objects.bulk_create(
        WarmUpShare(sender=sender, receivers=name, share=share, day=today, judged_from=now)
        for name, share in _shares(mix).items()
    )
    audit.note("begin", KIND, sender.domain, before=before, after=told(sender))
    return sender


def hold(domain: str, *, now: datetime, reason: str) -> SenderDomain:
    """Every day gets what this one gets, until it goes on. Raises Invalid."""
    return _move("hold", domain, {_WarmUp.WARMING}, _WarmUp.HELD, reason)


def go_on(domain: str, *, now: datetime, reason: str = "") -> SenderDomain:
    """Grow again. Raises Invalid."""
    return _move("go on", domain, {_WarmUp.HELD}, _WarmUp.WARMING, reason, asks_why=False)


def skip(domain: str, *, now: datetime, reason: str) -> SenderDomain:
    """No warm-up for a domain that receivers know already. Raises Invalid."""
    return _end("skip", domain, set(_WarmUp) - {_WarmUp.SKIPPED}, _WarmUp.SKIPPED, reason, now)


def finish(domain: str, *, now: datetime, reason: str) -> SenderDomain:
    """Before its time. Raises Invalid."""
    return _end("finish", domain, {_WarmUp.WARMING, _WarmUp.HELD}, _WarmUp.FINISHED, reason, now)


ACTS: dict[str, Callable[..., SenderDomain]] = {
    "begin": begin,
    "hold": hold,
    "go-on": go_on,
    "skip": skip,
    "finish": finish,
}


def known(domain: str) -> SenderDomain:
    """The domain's row, held; made when nobody has asked for it yet. Raises Invalid."""
    name = domain.strip().lower()
    if not _DOMAIN.match(name):
        raise Invalid([Problem("domain", "write the domain after the @ of a sender's address, such as shop.example")])
    SenderDomain.objects.get_or_create(domain=name)
    return SenderDomain.objects.select_for_update().get(domain=name)


def told(sender: SenderDomain) -> dict[str, object]:
    """The warm-up as plain data."""
    return {
        "warm_up": str(sender.warm_up),
        "start": sender.start,
        "peak": sender.peak,
        "days": sender.days,
        "began_at": sender.began_at.isoformat() if sender.began_at else None,
        "ended_at": sender.ended_at.isoformat() if sender.ended_at else None,
        "reason": sender.reason,
    }


@transaction.atomic
def _move(
    act: str, domain: str, may_be: set[_WarmUp], to: _WarmUp, reason: str, *, asks_why: bool = True
) -> SenderDomain:
    sender = known(domain)
    if sender.warm_up not in may_be:
        state = sender.get_warm_up_display().lower()
        raise Invalid([Problem("act", f"{sender.domain} cannot {act}: its warm-up is {state}", "not_now")])
    if asks_why and not reason.strip():
        raise Invalid([Problem("reason", "say why: it goes into the history", "required")])
    before = told(sender)
    sender.warm_up, sender.reason = to, reason.strip()[:300]
    sender.save(update_fields=["warm_up", "reason"])
    audit.note(act, KIND, sender.domain, before=before, after=told(sender))
    return sender


@transaction.atomic
def _end(act: str, domain: str, may_be: set[_WarmUp], to: _WarmUp, reason: str, now: datetime) -> SenderDomain:
    """Nothing is bounded any more: what waits for the next day goes on at once."""
    sender = _move(act, domain, may_be, to, reason)
    sender.ended_at = now
    sender.save(update_fields=["ended_at"])
    runs = sender.steps.values("run_id")
    held = Batch.objects.filter(run__in=runs, state=Batch.State.QUEUED, error__startswith=f"{REASON} {sender.domain}:")
    agenda.put_many(context.current(), "batch", list(held.values_list("pk", flat=True)))
    transaction.on_commit(bell.ring)
    return sender


def _check(start: int, peak: int, days: int) -> None:
    problems = []
    if not schedule.SMALLEST <= start <= schedule.LARGEST:
        bounds = f"{schedule.SMALLEST} to {schedule.LARGEST:,}"
        problems.append(Problem("start", f"the first day may have {bounds} messages", "out_of_range"))
    if not schedule.SHORTEST <= days <= schedule.LONGEST:
        bounds = f"{schedule.SHORTEST} to {schedule.LONGEST}"
        problems.append(Problem("days", f"a warm-up takes {bounds} days: four weeks to six", "out_of_range"))
    if not start <= peak <= schedule.HIGHEST:
        bounds = f"at least the first day's, and at most {schedule.HIGHEST:,}"
        problems.append(Problem("peak", f"the last day's messages: {bounds}", "out_of_range"))
    if problems:
        raise Invalid(problems)


def _mix() -> dict[str, int]:
    """How many of those who may be written to belong to each group."""
    with connection.cursor() as cursor:
        cursor.execute(_MIX)
        return dict(cursor.fetchall())


def _shares(mix: dict[str, int]) -> dict[str, float]:
    everybody = sum(mix.values())
    raw = {str(name): max(LEAST_SHARE, mix.get(name, 0) / everybody if everybody else 0.25) for name in Receivers}
    whole = sum(raw.values())
    return {name: share / whole for name, share in raw.items()}


_MIX = f"""
SELECT {receivers.case("customer.email")}, count(*) FROM campaigns_facts facts
JOIN campaigns_customer customer ON customer.id = facts.customer_id
WHERE facts.consent_email AND facts.has_email AND NOT facts.suppressed_email GROUP BY 1
"""
