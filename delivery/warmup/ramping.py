"""How a warm-up moves: a new day grows the ramp, and what comes back slows it, holds it or takes it back a week.

Reads    WarmUpPick, the rates
Writes   WarmUpShare, SenderDomain (finished), and the trail where something changed
Promise  each day grows a group once; the same evidence takes it back once

Callers hold the sender's row.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from django.db import connection

from delivery.models import SenderDomain, WarmUpShare
from delivery.warmup import rates, schedule
from delivery.warmup.rates import Rates
from delivery.warmup.schedule import Group, Ramp, Standing
from tenants import audit

KIND = "sender domain"


def ramp(sender: SenderDomain) -> Ramp:
    return Ramp(sender.start, sender.peak, sender.days)


def move(sender: SenderDomain, *, today: date, now: datetime) -> list[WarmUpShare]:
    """Bring every group up to today. A warm-up that has no bound left in any group is finished."""
    shares = list(sender.shares.select_for_update().order_by("receivers"))
    told = rates.of(sender, now=now)
    for share in shares:
        before = _state(share)
        if share.day < today:
            _next_day(sender, share, today)
        _judge(share, told.get(share.receivers, Rates()), today, now)
        if _state(share) != before:
            share.save()
        if share.standing != before["standing"]:
            audit.note("warm-up", KIND, f"{sender.domain} {share.receivers}", before=before, after=_state(share))
    if shares and all(share.step >= sender.days for share in shares):
        sender.warm_up, sender.ended_at = SenderDomain.WarmUp.FINISHED, now
        sender.save(update_fields=["warm_up", "ended_at"])
        audit.note("finish", KIND, sender.domain, after={"warm_up": "finished"})
    return shares


def used(sender: SenderDomain, day: date) -> dict[str, int]:
    """Places of a day that are taken, by group: those whose message ended without a hand-over are free again."""
    with connection.cursor() as cursor:
        cursor.execute(_USED, [sender.pk, day])
        return dict(cursor.fetchall())


def groups(sender: SenderDomain, today: date) -> dict[str, Group]:
    """Where each group stands today, for a look ahead; nothing is written."""
    taken, found = used(sender, today), {}
    for share in sender.shares.order_by("receivers"):
        if share.day < today:
            _next_day(sender, share, today)
        name = str(share.receivers)
        found[name] = Group(share.share, share.step, _standing(share), taken.get(name, 0))
    return found


def _next_day(sender: SenderDomain, share: WarmUpShare, today: date) -> None:
    """Days on which nothing was sent move nothing on, however many they were."""
    sent = used(sender, share.day).get(share.receivers, 0)
    budget = schedule.budget(ramp(sender), share.share, share.step)
    is_held = sender.warm_up == SenderDomain.WarmUp.HELD
    standing: Standing = "held" if is_held else _standing(share)
    share.step, share.day = schedule.grown(share.step, standing, sent=sent, budget=budget), today


def _judge(share: WarmUpShare, told: Rates, today: date, now: datetime) -> None:
    judged = schedule.judge(told.sent, told.bounced, told.complained)
    if judged.standing == "reversed":
        share.step, share.judged_from = schedule.reversed_by(share.step), now
        share.standing, share.reason = judged.standing, judged.reason
    elif share.standing != "reversed" or share.judged_from.date() < min(today, now.date()):
        share.standing, share.reason = judged.standing, judged.reason


def _standing(share: WarmUpShare) -> Standing:
    standing: Any = share.standing
    return standing


def _state(share: WarmUpShare) -> Mapping[str, Any]:
    return {
        "step": share.step,
        "standing": str(share.standing),
        "reason": share.reason,
        "day": share.day.isoformat(),
    }


_USED = """
SELECT pick.receivers, count(*) FROM delivery_warmuppick pick
LEFT JOIN delivery_message message ON message.id = pick.message_id
WHERE pick.sender_id = %s AND pick.day = %s AND coalesce(message.state, '') NOT IN ('cancelled', 'expired', 'failed')
GROUP BY pick.receivers
"""
