"""Over how many days the messages go out from domains that warm up: by the same ramp that a hand-over keeps to.

Shape: [{domain, steps, waiting, days, last_day, ends, late, plan: [{day, messages, receivers: {group: messages}}]}],
one for each such domain. `waiting` messages of other runs are in the plan too; `late` ones would expire before their
turn; without `ends` the end lies further ahead than is looked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from campaigns.compiler import Sql
from delivery import volume
from delivery.models import SenderDomain
from delivery.preflight.asking import Asked, rows
from delivery.warmup import picking, ramping, receivers, schedule
from delivery.warmup.schedule import Day
from tenants import context

SECONDS = 20.0
SHOWN = 14  # days that are listed one by one


def of(
    asked: Asked, senders: Mapping[str, str], begins: datetime, reached: Mapping[str, int]
) -> list[dict[str, Any]] | None:
    """`senders` are the domains, and `reached` the people, of each step. None where no such domain warms up."""
    warming = SenderDomain.objects.filter(domain__in=senders.values(), warm_up__in=["warming", "held"])
    found = list(warming.order_by("domain"))
    if not found:
        return None
    mix = _mix(asked)
    steps = {
        sender.domain: [step for step in asked.config.steps if senders.get(step.key) == sender.domain]
        for sender in found
    }
    return [_of(asked, sender, steps[sender.domain], begins, reached, mix) for sender in found]


def days_of(forecasts: Sequence[Mapping[str, Any]]) -> tuple[date, date] | None:
    """The first and the last day of all of them."""
    days = [date.fromisoformat(each["day"]) for told in forecasts for each in told["plan"]]
    return (min(days), max(days)) if days else None


def lines(told: Mapping[str, Any]) -> list[str]:
    """For a person to read."""
    if not told["plan"]:
        return []
    day = "day" if told["days"] == 1 else "days"
    end = f"until {told['last_day']}" if told["ends"] else "and still goes on then"
    others = f", with {told['waiting']:,} messages that wait already" if told["waiting"] else ""
    found = [f"Warm-up of {told['domain']}: takes {told['days']:,} {day}, {end}{others}"]
    found += [f"  {each['messages']:>8} messages on {each['day']}" for each in told["plan"][:SHOWN]]
    if len(told["plan"]) > SHOWN:
        found.append(f"  and so on for {len(told['plan']) - SHOWN} days more")
    if told["late"]:
        cure = "let the campaign expire later, or send to fewer"
        found.append(f"{told['late']:,} of them would expire before their turn: {cure}")
    return found


def _of(
    asked: Asked,
    sender: SenderDomain,
    steps: Sequence[Any],
    begins: datetime,
    reached: Mapping[str, int],
    mix: Mapping[str, int],
) -> dict[str, Any]:
    zone = context.current().tzinfo
    today, everybody = asked.now.astimezone(zone).date(), sum(mix.values()) or 1
    due: dict[date, Counter[str]] = {}
    for step in steps:
        day = max(today, (begins + asked.config.delay_of(step)).astimezone(zone).date())
        for group, number in mix.items():
            due.setdefault(day, Counter())[group] += round(reached.get(step.key, 0) * number / everybody)
    waiting = picking.waiting(sender, today)
    if due and waiting:
        due[min(due)] += Counter(waiting)
    groups = ramping.groups(sender, today)
    if due and min(due) > today:
        groups = {name: schedule.begun(group) for name, group in groups.items()}
    is_held = sender.warm_up == SenderDomain.WarmUp.HELD
    plan = schedule.forecast(ramping.ramp(sender), groups, due, is_held=is_held)
    total = sum(sum(numbers.values()) for numbers in due.values())
    return {
        "domain": sender.domain,
        "steps": [step.key for step in steps],
        "waiting": sum(waiting.values()),
        "days": len(plan),
        "last_day": plan[-1].day.isoformat() if plan else None,
        "ends": sum(day.total for day in plan) == total,
        "late": _late(asked, steps, begins, plan, total),
        "plan": [
            {"day": each.day.isoformat(), "messages": each.total, "receivers": dict(each.messages)} for each in plan
        ],
    }


def _late(asked: Asked, steps: Sequence[Any], begins: datetime, plan: Sequence[Day], total: int) -> int:
    """Messages whose day comes after the last of them have expired."""
    after = asked.config.timing.expire_after
    if after is None or not steps:
        return 0
    zone = context.current().tzinfo
    last = max(begins + asked.config.delay_of(step) for step in steps) + after
    return total - sum(day.total for day in plan if volume.begins_at(day.day, zone) < last)


def _mix(asked: Asked) -> dict[str, int]:
    """How many of those included belong to which group of receivers."""
    counted = f"""
        SELECT {receivers.case("c.email")}, count(*) FROM ({asked.chosen.text}) judged
        JOIN campaigns_customer c ON c.id = judged.customer_id WHERE judged.reason = '' GROUP BY 1
    """
    return dict(rows(Sql(counted, asked.chosen.params), seconds=SECONDS))
